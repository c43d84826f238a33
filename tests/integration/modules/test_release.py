# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases: sent only where they lack, refused before they are seen, pruned when nobody needs them."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import GATEWAY, Lab

Pack = Callable[..., Path]


def test_installed_once_and_sent_only_where_it_lacks(lab: Lab) -> None:
    name = lab.plan()["releases"][0]["name"]
    first = lab.module("release", "--diff")
    assert first.done["installed"] == [name] and first.done["changed"]
    assert f"+{name}" in first.output
    assert lab.shell(f"stat -c '%U %a' /opt/livepeer/releases/{name}/livepeer").strip() == "root 755"
    before = lab.shell("find /opt/livepeer -printf '%p %T@ %C@\\n' | sort")
    again = lab.module("release", "-vvv")
    assert not again.done["changed"] and again.done["releases"] == [name]
    assert ".tar.gz" not in again.output.split("PUT", 1)[-1].split("EXEC")[0]
    assert lab.shell("find /opt/livepeer -printf '%p %T@ %C@\\n' | sort") == before


def test_check_mode_tells_and_does_nothing(lab: Lab) -> None:
    name = lab.plan()["releases"][0]["name"]
    before = lab.snapshot()
    result = lab.module("release", "--check", "--diff").done
    assert result["changed"] and result["installed"] == [name]
    assert lab.snapshot() == before


def test_fetched_by_the_host_from_a_url(lab: Lab, archive: Path) -> None:
    lab.shell("mkdir -p /srv/archive")
    lab.copy(archive, "/srv/archive/a.tar.gz")
    lab.shell("cd /srv/archive && (python3 -m http.server 8099 --bind 127.0.0.1 >/dev/null 2>&1 & echo $! > /run/archive.pid)")
    lab.until("the server", "python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", 8099))' 2>/dev/null")
    try:
        checksum = "sha256:" + hashlib.sha256(archive.read_bytes()).hexdigest()
        lab.plan(livepeer_archive="http://127.0.0.1:8099/a.tar.gz", livepeer_archive_checksum=checksum)
        assert lab.module("release").done["changed"]
        lab.shell("rm -rf /opt/livepeer")
        lab.plan(livepeer_archive="http://127.0.0.1:8099/gone.tar.gz")
        why = lab.module("release").failed
        assert "cannot fetch it: the server answers 404" in why and "gone.tar.gz" in why
        lab.plan(livepeer_archive="http://127.0.0.1:8099/a.tar.gz", livepeer_archive_checksum="sha256:" + "0" * 64)
        assert "its sha256 is " in lab.module("release").failed
        assert lab.shell("ls -A /opt/livepeer/releases").split() == []
    finally:
        lab.shell("kill $(cat /run/archive.pid); rm -rf /srv/archive")


def hostile(kind: str, good: bytes) -> bytes:
    """An archive that must be refused."""
    top = "livepeer-linux-amd64"
    if kind == "truncated":
        return good[: len(good) // 2]
    if kind == "not an archive":
        return b"<html>404</html>"
    member = tarfile.TarInfo(f"./{top}/livepeer")
    member.mode = 0o4755
    content = b"\0" * (110 * 1024 * 1024 if kind == "bomb" else 10)
    if kind == "traversal":
        member.name = f"./{top}/../../../../tmp/evil"
    if kind == "link":
        member.type, member.linkname, content = tarfile.SYMTYPE, "/etc/passwd", b""
    if kind == "device":
        member.type, content = tarfile.CHRTYPE, b""
    if kind == "other architecture":
        member.name = "./livepeer-linux-arm64/livepeer"
    member.size = len(content)
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        archive.addfile(member, io.BytesIO(content))
    return gzip.compress(plain.getvalue())


REASONS = {
    "truncated": "damaged",
    "not an archive": "damaged, or no .tar.gz at all",
    "traversal": "would leave the folder",
    "link": "is a link, a device or another special file",
    "device": "is a link, a device or another special file",
    "bomb": "unpacks to far more",
    "other architecture": "it is for linux-arm64, this host is linux-amd64",
    "no program": "its binary cannot be run on this host: Exec format error",
}


@pytest.mark.parametrize("kind", REASONS)
def test_hostile_archives_are_refused_and_leave_nothing(lab: Lab, archive: Path, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "livepeer-linux-amd64.tar.gz"
    path.write_bytes(hostile(kind, archive.read_bytes()))
    lab.use(path).plan()
    before = lab.snapshot()
    assert REASONS[kind] in lab.module("release").failed
    lab.shell("rmdir /opt/livepeer/releases /opt/livepeer; test ! -e /tmp/evil")
    assert lab.snapshot() == before


def test_wrong_version(lab: Lab, faulty: Pack) -> None:
    lab.use(faulty("wrong-version")).plan()
    assert "its binary says it is version 0.0.1, planned is 0.9.1" in lab.module("release").failed


def test_changed_after_the_plan(lab: Lab, archive: Path, tmp_path: Path) -> None:
    path = tmp_path / archive.name
    path.write_bytes(archive.read_bytes())
    lab.use(path).plan()
    path.write_bytes(archive.read_bytes()[:-1])
    why = lab.module("release").failed
    assert "has sha256:" in why and "planned is sha256:" in why


def test_no_space_left(lab: Lab) -> None:
    lab.plan()
    lab.shell("mkdir -p /opt/livepeer/releases && mount -t tmpfs -o size=40k none /opt/livepeer/releases")
    why = lab.module("release").failed
    assert "no space left on the device" in why
    assert lab.shell("ls -A /opt/livepeer/releases").split() == []


def test_leftovers_of_a_killed_run_go_with_the_next_one(lab: Lab) -> None:
    name = lab.plan()["releases"][0]["name"]
    lab.shell("mkdir -p /opt/livepeer/releases/.staging-abc/x")
    assert lab.module("release").done["changed"]
    assert lab.shell("ls -A /opt/livepeer/releases").split() == [name]


def test_releases_that_nobody_needs_are_removed(lab: Lab, faulty: Pack) -> None:
    lab.group = GATEWAY
    for version in ("0.8.11", "0.9.0", "0.9.1"):
        lab.use(faulty("", "--version", version), version).plan()
        assert lab.module("release", keep=1).done["changed"], version
        if version == "0.8.11":
            assert lab.module("node").done["changed"]
    names = lab.shell("ls /opt/livepeer/releases").split()
    assert [name.partition("-")[0] for name in names] == ["0.8.11", "0.9.1"], "the one in use stays, the one between goes"
