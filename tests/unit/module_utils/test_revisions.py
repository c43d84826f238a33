# SPDX-License-Identifier: GPL-3.0-or-later
"""Revisions: what is written, what counts as the same, what is kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.livepeer.fleet.plugins.module_utils.errors import HostError
from ansible_collections.livepeer.fleet.plugins.module_utils.paths import Paths
from ansible_collections.livepeer.fleet.plugins.module_utils.revisions import (
    NodeFolder,
    Pending,
    differences,
    fill,
    node_names,
    used_releases,
)
from ansible_collections.livepeer.fleet.tests.unit.module_utils.worlds import node

SECRETS = {"eth_url": "https://rpc.example/KEY", "orch_secret": "s3cret-text"}
WITH_SECRETS = {"conf": "ethUrl @@livepeer-secret:eth_url@@\n", "secrets": {"eth_url": {"variable": "x"}, "orch_secret": {"variable": ""}}}


@pytest.fixture
def folder(tmp_path: Path) -> NodeFolder:
    return NodeFolder(Paths(tmp_path), "gateway")


def test_staged_for_root_alone_and_filled(folder: NodeFolder) -> None:
    revision = folder.stage(node(**WITH_SECRETS), SECRETS)
    assert (revision.folder / "livepeer.conf").read_text() == "ethUrl https://rpc.example/KEY\n"
    assert (revision.folder / "secrets/orch_secret").read_text() == "s3cret-text"
    assert "KEY" not in (revision.folder / "revision.json").read_text()
    modes = {path.stat().st_mode & 0o777 for path in folder.folder.rglob("*") if path.is_file()}
    assert modes == {0o600}
    assert {path.stat().st_mode & 0o777 for path in folder.folder.rglob("*") if path.is_dir()} == {0o700}
    assert folder.revision(revision.name) == revision
    assert (folder.active, folder.current, folder.pending) == ("", "", None)


def test_marks(folder: NodeFolder) -> None:
    revision = folder.stage(node(), {})
    folder.set_pending(Pending(revision.name, fresh_user=True, fresh_state=False))
    assert folder.pending == Pending(revision.name, fresh_user=True, fresh_state=False)
    folder.set_current(revision)
    assert (folder.current, folder.active) == (revision.name, "")
    folder.set_active(revision)
    assert (folder.active, folder.pending) == (revision.name, None)


def test_a_pending_mark_that_cannot_be_read_is_still_one(folder: NodeFolder) -> None:
    folder.stage(node(), {})
    (folder.folder / "pending").write_text("")
    assert folder.pending == Pending("", fresh_user=False, fresh_state=False)


def test_the_last_ones_and_those_in_use_are_kept(folder: NodeFolder) -> None:
    staged = [folder.stage(node(conf=f"v {level}\n"), {}) for level in range(6)]
    folder.set_active(staged[1])
    folder.set_current(staged[1])
    assert folder.prune(2) == tuple(one.name for one in (staged[0], staged[2], staged[3]))
    assert [one.name for one in folder.revisions()] == [staged[1].name, staged[4].name, staged[5].name]
    assert folder.stage(node(), {}).number == 7, "numbers are never used again while one is there"


def test_half_a_revision_is_none(folder: NodeFolder, tmp_path: Path) -> None:
    revision = folder.stage(node(), {})
    (revision.folder / "revision.json").write_text("{")
    assert folder.revisions() == ()
    assert folder.revision("../../etc") is None
    assert node_names(Paths(tmp_path)) == ("gateway",)
    assert used_releases(Paths(tmp_path)) == frozenset()


def test_the_same_is_the_same(folder: NodeFolder) -> None:
    revision = folder.stage(node(**WITH_SECRETS), SECRETS)
    assert differences(revision, node(**WITH_SECRETS), SECRETS) == ()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("conf", ("livepeer.conf",)),
        ("by hand", ("livepeer.conf",)),
        ("secret", ("secret orch_secret",)),
        ("secret in a file", ("secret eth_url",)),
        ("secret by hand", ("secret orch_secret",)),
        ("secret gone", ("secret orch_secret",)),
        ("another file", ("aiModels.json",)),
        ("secret not made yet", ("secret orch_secret",)),
    ],
)
def test_every_difference_is_named_once(folder: NodeFolder, change: str, says: tuple[str, ...]) -> None:
    wanted, secrets = node(**WITH_SECRETS), dict(SECRETS)
    revision = folder.stage(wanted, SECRETS)
    if change == "conf":
        wanted = node(**{**WITH_SECRETS, "conf": "v 6\nethUrl @@livepeer-secret:eth_url@@\n"})
    if change == "by hand":
        (revision.folder / "livepeer.conf").write_text("ethUrl https://elsewhere\n")
    if change == "secret":
        secrets["orch_secret"] = "another-text"
    if change == "secret in a file":
        secrets["eth_url"] = "https://rpc.example/OTHER"
    if change == "secret by hand":
        (revision.folder / "secrets/orch_secret").write_text("x")
    if change == "secret gone":
        (revision.folder / "secrets/orch_secret").unlink()
    if change == "another file":
        wanted = node(**WITH_SECRETS, files={**wanted.files, "aiModels.json": "[]"})
    if change == "secret not made yet":
        del secrets["orch_secret"]
    assert differences(revision, wanted, secrets) == says


def test_a_made_secret_is_kept(folder: NodeFolder) -> None:
    first = folder.generate("orch_secret")
    assert len(first) == 64
    assert folder.generate("orch_secret") == first == folder.generated("orch_secret")
    assert ("orch_secret", first) in folder.known_secrets()


@pytest.mark.parametrize("value", ["two\nlines", "cut #here", "nul\0"])
def test_a_secret_that_would_become_another_setting_is_refused(value: str) -> None:
    with pytest.raises(HostError, match="eth_url has a line break"):
        fill({"livepeer.conf": "ethUrl @@livepeer-secret:eth_url@@"}, {"eth_url": value})


@pytest.mark.parametrize(
    ("file", "text", "filled"),
    [
        ("aiModels.json", '{"token": "@@livepeer-secret:s@@"}', r'{"token": "a\"b\\c$ #d"}'),
        ("environment", 'KEY="@@livepeer-secret:s@@"', r'KEY="a\"b\\c\$ #d"'),
    ],
)
def test_a_secret_between_quotes_is_escaped(file: str, text: str, filled: str) -> None:
    assert fill({file: text}, {"s": r'a"b\c$ #d'}) == {file: filled}


def test_a_secret_that_nobody_planned() -> None:
    with pytest.raises(HostError, match="needs the secret eth_url"):
        fill({"livepeer.conf": "@@livepeer-secret:eth_url@@"}, {})


def test_leftovers_are_seen_and_removed(folder: NodeFolder) -> None:
    revision = folder.stage(node(), {})
    assert not folder.has_leftovers
    (folder.folder / "revisions/.staging").mkdir()
    (folder.folder / ".active.new").write_text("")
    assert folder.has_leftovers
    folder.sweep()
    assert not folder.has_leftovers
    assert folder.revisions() == (revision,)
