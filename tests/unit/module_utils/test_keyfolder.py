# SPDX-License-Identifier: GPL-3.0-or-later
"""Which key a node sees: the one of its revision, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.livepeer.fleet.plugins.module_utils import commands, keyfolder, transaction
from ansible_collections.livepeer.fleet.plugins.module_utils.plan_part import Part
from ansible_collections.livepeer.fleet.plugins.module_utils.systemd import UnitState
from ansible_collections.livepeer.fleet.plugins.module_utils.transaction import Options
from ansible_collections.livepeer.fleet.tests.unit.module_utils.worlds import UP, World, raw_node

KEY = '{"address": "ab", "version": 3}'
UNIT = """[Service]
LoadCredential=livepeer.conf:/etc/livepeer/gateway/current/livepeer.conf
LoadCredential=keystore:/etc/livepeer/gateway/current/secrets/keystore
"""
IN_FRONT = "[Service]\nLoadCredential=nginx.conf:/etc/livepeer/gateway/current/nginx.conf\n"
RAW = raw_node(
    files={"livepeer.conf": "v 3\n", "livepeer.service": UNIT, "sysusers.conf": "", "proxy.service": IN_FRONT},
    secrets={"keystore": {"variable": "livepeer_gateway_keystore", "host": ""}},
    chain={"account": "0xab"},
)
PART = Part.parse({"schema": 1, "host": "h", "nodes": [RAW]})


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    # The folder of a test is its user's alone.
    monkeypatch.setattr(commands, "NOBODY", os.geteuid())
    world = World(tmp_path)
    world.release(RAW["release"]["name"])
    world.starts = started(world)
    return world


def started(world: World, key: str = KEY, *further: str, account: str = "") -> object:
    def start(unit: str, conf: str) -> UnitState:
        folder = world.paths.credentials(unit)
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in {"livepeer.conf": conf, "keystore": key, **dict.fromkeys(further, "")}.items():
            (folder / name).write_text(text)
        if account:
            own = world.paths.state / RAW["state_directory"] / "keystore"
            own.mkdir(parents=True)
            (own / account).write_text("{}")
        return UP

    return start


def apply(world: World) -> str:
    (outcome,) = transaction.apply(world.host, PART, {"gateway": {"keystore": KEY}}, Options(settled=0))
    return outcome.error


def test_exactly_its_key_is_proved(world: World) -> None:
    assert apply(world) == ""
    assert keyfolder.problem(world.host, PART.nodes[0]) == ""


@pytest.mark.parametrize(
    ("start", "says"),
    [
        ({"key": "another"}, "the key in its keystore folder is not the one of its revision"),
        ({"further": ("UTC--another",)}, "its keystore folder holds what was not put there: UTC--another"),
        ({"account": "UTC--made"}, "LPF606: its start made a new account in"),
    ],
)
def test_anything_else_goes_back(world: World, start: dict[str, object], says: str) -> None:
    world.starts = started(world, str(start.get("key", KEY)), *start.get("further", ()), account=str(start.get("account", "")))  # type: ignore[misc]
    assert says in apply(world)


def test_accounts_that_were_there_before_are_left_alone(world: World) -> None:
    own = world.paths.state / RAW["state_directory"] / "keystore"
    own.mkdir(parents=True)
    (own / "UTC--old").write_text("{}")
    assert apply(world) == ""


def test_a_folder_that_cannot_be_read_or_lacks_one_is_told(world: World) -> None:
    assert apply(world) == ""
    folder = world.paths.credentials("livepeer-gateway")
    (folder / "keystore").unlink()
    assert keyfolder.problem(world.host, PART.nodes[0]) == "its keystore folder lacks keystore"
    (folder / "livepeer.conf").unlink()
    folder.rmdir()
    assert keyfolder.problem(world.host, PART.nodes[0]) == f"its keystore folder {folder} cannot be read"


def test_addresses_of_a_folder_and_nothing_else_of_its_keys(tmp_path: Path) -> None:
    key = '{"address": "%s", "crypto": {"ciphertext": "secret"}, "version": 3}'
    texts = {
        "UTC--b": key % ("B" * 40),
        "UTC--a": key % ("0x" + "a" * 40),
        ".hidden": key % ("c" * 40),
        "backup~": key % ("d" * 40),
        "password": "correct horse",
        "list": "[]",
        "short": key % "ab",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "linked").symlink_to(tmp_path / "UTC--a")
    (tmp_path / "folder").mkdir()
    assert keyfolder.accounts(tmp_path) == [("UTC--a", "0x" + "a" * 40), ("UTC--b", "0x" + "b" * 40)]
    with pytest.raises(OSError, match="No such file"):
        keyfolder.accounts(tmp_path / "gone")
