# SPDX-License-Identifier: GPL-3.0-or-later
"""Installing a release: there as a whole and proved, or not there. Hostile archives are the subject of test_archive.py."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
from pathlib import Path

import pytest
from ansible_collections.livepeer.fleet.plugins.module_utils import commands, releases
from ansible_collections.livepeer.fleet.plugins.module_utils.errors import HostError
from ansible_collections.livepeer.fleet.plugins.module_utils.paths import Paths
from ansible_collections.livepeer.fleet.plugins.module_utils.plan_part import Release

SAYS = "#!/bin/sh\necho 'Livepeer Node Version: {version}'\n"


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    monkeypatch.setattr(commands, "NOBODY", os.geteuid())
    return Paths(tmp_path / "root")


def archive(folder: Path, program: str = SAYS.format(version="0.9.1")) -> Path:
    content = program.encode()
    member = tarfile.TarInfo("./livepeer-linux-amd64/livepeer")
    member.mode, member.size = 0o755, len(content)
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as packed:
        packed.addfile(member, io.BytesIO(content))
    path = folder / "a.tar.gz"
    path.write_bytes(gzip.compress(plain.getvalue()))
    return path


def release_of(path: Path, version: str = "0.9.1", **changes: str) -> Release:
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    fields = {"name": f"{version}-{checksum[:12]}", "version": version, "archive": str(path), "checksum": checksum, "flavor": "cpu"}
    return Release.parse({**fields, **changes})


def test_installed(paths: Paths, tmp_path: Path) -> None:
    path = archive(tmp_path)
    wanted = release_of(path)
    releases.install(paths, wanted, path, "x86_64")
    assert releases.installed(paths) == (releases.Installed(wanted.name, "0.9.1", wanted.checksum),)
    assert releases.binary(paths, wanted.name).stat().st_mode & 0o7777 == 0o755
    assert (paths.releases / wanted.name).stat().st_mode & 0o7777 == 0o755
    assert os.listdir(paths.releases) == [wanted.name]


FAULTS = {
    "ends badly": ("#!/bin/sh\necho no library >&2\nexit 127\n", "ended with status 127: no library"),
    "says nothing": ("#!/bin/sh\n", "ended with status 0: it said nothing"),
    "another version": (SAYS.format(version="0.9.0"), "says it is version 0.9.0, planned is 0.9.1"),
    "no program": ("\x7fELF of another kind", "cannot be run on this host: Exec format error"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_binary_leaves_nothing(paths: Paths, tmp_path: Path, fault: str) -> None:
    program, says = FAULTS[fault]
    path = archive(tmp_path, program)
    with pytest.raises(HostError, match=says):
        releases.install(paths, release_of(path), path, "x86_64")
    assert os.listdir(paths.releases) == []


def test_another_archive_than_planned(paths: Paths, tmp_path: Path) -> None:
    path = archive(tmp_path)
    with pytest.raises(HostError, match=r"its sha256 is .*, planned is 0000"):
        releases.install(paths, release_of(path, checksum="0" * 64), path, "x86_64")
    assert os.listdir(paths.releases) == []


def test_a_url_without_what_may_be_secret(paths: Paths, tmp_path: Path) -> None:
    path = archive(tmp_path)
    wanted = release_of(path, archive="http://127.0.0.1:1/a.tar.gz?token=s3cret")
    with pytest.raises(HostError, match=r"from http://127.0.0.1:1/a.tar.gz: this host cannot fetch it: .*refused"):
        releases.install(paths, wanted, None, "x86_64")
    with pytest.raises(HostError, match=r"from http://host/a.tar.gz: .* without a password"):
        releases.install(paths, release_of(path, archive="http://user:passw0rd@host/a.tar.gz"), None, "x86_64")
    with pytest.raises(HostError, match="https:// and http:// only"):
        releases.install(paths, release_of(path, archive="file:///etc/shadow"), None, "x86_64")


def test_what_is_not_whole_is_replaced_and_leftovers_go(paths: Paths, tmp_path: Path) -> None:
    path = archive(tmp_path)
    wanted = release_of(path)
    (paths.releases / wanted.name).mkdir(parents=True)
    (paths.releases / ".staging-left").mkdir()
    assert releases.installed(paths) == ()
    releases.install(paths, wanted, path, "x86_64")
    assert os.listdir(paths.releases) == [wanted.name]


@pytest.mark.parametrize(
    ("keep", "used", "pruned"),
    [(2, set(), ("a", "b")), (2, {"a"}, ("b",)), (0, {"d"}, ("a", "b", "c")), (9, set(), ())],
)
def test_which_are_pruned(keep: int, used: set[str], pruned: tuple[str, ...]) -> None:
    assert releases.to_prune(["a", "b", "c", "d"], keep, used) == pruned


def test_pruned(paths: Paths) -> None:
    (paths.releases / "a/x").mkdir(parents=True)
    releases.prune(paths, ["a"])
    assert os.listdir(paths.releases) == []
