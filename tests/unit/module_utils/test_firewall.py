# SPDX-License-Identifier: GPL-3.0-or-later
"""The nftables table on a played host: put into force, repaired, changed, refused, taken away."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.livepeer.fleet.plugins.module_utils import firewall
from ansible_collections.livepeer.fleet.plugins.module_utils.errors import HostError
from ansible_collections.livepeer.fleet.plugins.module_utils.plan_part import Firewall
from ansible_collections.livepeer.fleet.tests.unit.module_utils.worlds import DOWN, World

WANTED = Firewall(apply=True, table="table one\n", unit="[Unit]\n")
OTHER = replace(WANTED, table="table two\n")
OFF = replace(WANTED, apply=False)


@pytest.fixture
def world(tmp_path: Path) -> World:
    (tmp_path / "run").mkdir()
    return World(tmp_path)


def tree(world: World) -> dict[str, str]:
    return {str(path.relative_to(world.root)): path.read_text() for path in world.root.rglob("*") if path.is_file()}


def test_it_is_put_into_force_once(world: World) -> None:
    change = firewall.apply(world.host, WANTED, check=False)
    assert change.reasons == ("its table is not on this host yet",)
    assert [(diff.before, diff.after) for diff in change.diff] == [("", "table one\n"), ("", "[Unit]\n")]
    assert world.nft.kernel == "listed table one\n"
    assert world.states[firewall.UNIT].enabled == "enabled"
    assert firewall.apply(world.host, WANTED, check=False) == firewall.Change()


def test_check_mode_tells_and_changes_nothing(world: World) -> None:
    change = firewall.apply(world.host, WANTED, check=True)
    assert change.reasons
    assert change.diff
    assert tree(world) == {}
    assert world.calls == []


def test_a_change_is_loaded_over_the_last_one(world: World) -> None:
    firewall.apply(world.host, WANTED, check=False)
    change = firewall.apply(world.host, OTHER, check=False)
    assert change.reasons == ("firewall.nft changes",)
    assert world.nft.kernel == "listed table two\n"
    assert "retire" not in world.calls


def test_what_was_changed_by_hand_is_repaired(world: World) -> None:
    firewall.apply(world.host, WANTED, check=False)
    world.nft.kernel = ""
    assert firewall.reasons(world.host, WANTED) == ("the kernel has not the table that was loaded last",)
    world.states[firewall.UNIT] = DOWN
    assert firewall.apply(world.host, WANTED, check=False).reasons
    assert firewall.reasons(world.host, WANTED) == ()
    world.states[firewall.UNIT] = replace(world.states[firewall.UNIT], enabled="disabled")
    assert firewall.reasons(world.host, WANTED) == ("its table is not loaded at boot",)


def test_switched_off_nothing_of_it_is_left(world: World) -> None:
    assert firewall.apply(world.host, OFF, check=False) == firewall.Change()
    firewall.apply(world.host, WANTED, check=False)
    change = firewall.apply(world.host, OFF, check=False)
    assert change.reasons == ("its table is taken away",)
    assert [diff.after for diff in change.diff] == ["", ""]
    assert tree(world) == {}
    assert world.nft.kernel == ""
    assert firewall.reasons(world.host, OFF) == ()


def test_without_nft_nothing_is_changed(world: World) -> None:
    world.nft.there = False
    with pytest.raises(HostError, match=r"LPF610: nft .* is not there"):
        firewall.apply(world.host, WANTED, check=False)
    assert tree(world) == {}
    assert firewall.apply(world.host, OFF, check=False) == firewall.Change()


def test_a_table_that_nft_refuses_changes_nothing(world: World) -> None:
    firewall.apply(world.host, WANTED, check=False)
    before = tree(world)
    world.nft.refuses = "two"
    with pytest.raises(HostError, match="nft refuses the table of the firewall, nothing was changed: syntax error"):
        firewall.apply(world.host, OTHER, check=False)
    assert tree(world) == before


@pytest.mark.parametrize("first", [OFF, WANTED])
def test_a_table_that_cannot_be_loaded_leaves_the_one_of_before(world: World, first: Firewall) -> None:
    firewall.apply(world.host, first, check=False)
    before, kernel = tree(world), world.nft.kernel
    world.nft.fails_at = "two"
    with pytest.raises(HostError, match="the one of before is in force"):
        firewall.apply(world.host, OTHER, check=False)
    assert tree(world) == before
    assert world.nft.kernel == kernel
    assert firewall.reasons(world.host, first) == ()
