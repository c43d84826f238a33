# SPDX-License-Identifier: GPL-3.0-or-later
"""Unpacking: the official layout comes out as it is, everything else is refused before it can do harm."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest
from ansible_collections.livepeer.fleet.plugins.module_utils.archive import Limits, unpack
from ansible_collections.livepeer.fleet.plugins.module_utils.errors import HostError

TOP = "./livepeer-linux-amd64"
USUAL = Limits()


def member(
    name: str = f"{TOP}/livepeer", content: bytes = b"#!/bin/sh\n", mode: int = 0o755, **fields: object
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.mode, info.size = mode, len(content)
    for key, value in fields.items():
        setattr(info, key, value)
    return info, content


def packed(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return gzip.compress(plain.getvalue())


def unpacked(tmp_path: Path, data: bytes, machine: str = "x86_64", flavor: str = "cpu", limits: Limits = USUAL) -> Path:
    path = tmp_path / "a.tar.gz"
    folder = tmp_path / "out/release"
    folder.mkdir(parents=True)
    path.write_bytes(data)
    with path.open("rb") as archive:
        unpack(archive, folder, machine=machine, flavor=flavor, limits=limits)
    return folder


def test_official_layout(tmp_path: Path) -> None:
    folder = tarfile.TarInfo(TOP)
    folder.type, folder.mode = tarfile.DIRTYPE, 0o777
    data = packed((folder, b""), member(mode=0o6777), member(f"{TOP}/livepeer_cli"), member(f"{TOP}/doc/README", b"read me", mode=0o666))
    out = unpacked(tmp_path, data)
    modes = {str(path.relative_to(out)): oct(path.stat().st_mode & 0o7777) for path in out.rglob("*") if path.is_file()}
    assert modes == {"livepeer": "0o755", "livepeer_cli": "0o755", "doc/README": "0o644"}
    assert (out / "doc/README").read_bytes() == b"read me"


@pytest.mark.parametrize(
    ("top", "machine", "flavor"),
    [
        ("livepeer-linux-amd64", "x86_64", "cpu"),
        ("livepeer-linux-arm64", "aarch64", "cpu"),
        ("livepeer-linux-gpu-amd64", "x86_64", "gpu"),
        ("livepeer-linux-gpu-arm64", "aarch64", "gpu"),
    ],
)
def test_every_official_archive(tmp_path: Path, top: str, machine: str, flavor: str) -> None:
    assert (unpacked(tmp_path, packed(member(f"./{top}/livepeer")), machine, flavor) / "livepeer").is_file()


GOOD = member()
REFUSED = {
    "path that leaves": ([GOOD, member(f"{TOP}/../../evil")], "would leave the folder"),
    "absolute path": ([GOOD, member("/livepeer-linux-amd64/evil")], "would leave the folder"),
    "symbolic link": ([GOOD, member(f"{TOP}/l", b"", type=tarfile.SYMTYPE, linkname="/etc")], "is a link, a device"),
    "hard link": ([GOOD, member(f"{TOP}/l", b"", type=tarfile.LNKTYPE, linkname=f"{TOP}/livepeer")], "is a link, a device"),
    "device": ([GOOD, member(f"{TOP}/d", b"", type=tarfile.BLKTYPE)], "is a link, a device"),
    "FIFO": ([GOOD, member(f"{TOP}/f", b"", type=tarfile.FIFOTYPE)], "is a link, a device"),
    "twice": ([GOOD, GOOD], "twice"),
    "file over folder": ([GOOD, member(f"{TOP}/a/b"), member(f"{TOP}/a")], "twice"),
    "two tops": ([GOOD, member("./livepeer-linux-arm64/livepeer")], "where official archives have one folder"),
    "no top": ([member("./livepeer")], "where official archives have one folder"),
    "top that is a file": ([member(TOP)], "is not in the folder"),
    "another system": ([member("./livepeer-darwin-amd64/livepeer")], "it is for darwin-amd64, this host is linux-amd64"),
    "another architecture": ([member("./livepeer-linux-arm64/livepeer")], "it is for linux-arm64, this host is linux-amd64"),
    "another flavor": ([member("./livepeer-linux-gpu-amd64/livepeer")], "it is a gpu build"),
    "no program": ([member(f"{TOP}/livepeer_cli")], "it holds no"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_refused(tmp_path: Path, kind: str) -> None:
    members, reason = REFUSED[kind]
    with pytest.raises((HostError, OSError), match=reason):
        unpacked(tmp_path, packed(*members))
    outside = {path.name for path in tmp_path.rglob("*") if tmp_path / "out/release" not in path.parents}
    assert outside == {"a.tar.gz", "out", "release"}


@pytest.mark.parametrize("cut", [0, 1, 20, -1, -9])
def test_truncated(tmp_path: Path, cut: int) -> None:
    with pytest.raises(HostError):
        unpacked(tmp_path, packed(GOOD)[:cut])


def test_damaged_content(tmp_path: Path) -> None:
    data = bytearray(packed(member(content=bytes(range(256)) * 64)))
    data[-6] ^= 1
    with pytest.raises(HostError, match="damaged"):
        unpacked(tmp_path, bytes(data))


def test_bombs(tmp_path: Path) -> None:
    big = packed(member(content=b"\0" * 3_000_000))
    with pytest.raises(HostError, match="unpacks to far more"):
        unpacked(tmp_path / "size", big, limits=Limits(size=1_000_000))
    with pytest.raises(HostError, match="unpacks to far more"):
        unpacked(tmp_path / "ratio", big, limits=Limits(times=2))
    with pytest.raises(HostError, match="more than 3 members"):
        unpacked(tmp_path / "count", packed(GOOD, *(member(f"{TOP}/{n}") for n in range(3))), limits=Limits(members=3))


def test_a_header_can_be_a_bomb_too(tmp_path: Path) -> None:
    info, content = member()
    info.pax_headers = {"comment": "x" * 3_000_000}
    with pytest.raises(HostError, match="unpacks to far more"):
        unpacked(tmp_path, packed((info, content)), limits=Limits(size=1_000_000))
