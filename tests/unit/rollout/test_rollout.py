# SPDX-License-Identifier: GPL-3.0-or-later
"""Which host is done when."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.found import Decision, Found, Step, read_found
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Fleet
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan import Plan, plan_fleet
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rollout import Rollout, in_order, roll_out, without_serial, wrong_group
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rollout_order import RolloutError
from ansible_collections.livepeer.fleet.tests.unit.render.fleets import TEMPLATES, fleet, gateway, orchestrator
from hypothesis import given
from hypothesis import strategies as st

DEFAULT = (1, "25%", "100%")
STAYS = Decision("", "gateway", Step.NOTHING)
NEW = Decision("", "gateway", Step.NEW, "it is not on this host yet")
RESTART = Decision("", "gateway", Step.RESTART, "livepeer.conf changes", interrupts=True)
BUSY = replace(RESTART, busy=True)
DOWN = Decision("", "gateway", Step.RESTART, "the unit is failed")


def found(host: str, *decisions: Decision, machine: str = "", lacking: tuple[str, ...] = ()) -> Found:
    return Found(host, machine or host, decisions=tuple(replace(one, host=host) for one in decisions), lacking=lacking)


def rollout(*hosts: Found, busy: tuple[str, ...] = ()) -> Rollout:
    return roll_out(hosts, sizes=DEFAULT, restart_busy=busy)


def test_a_fleet_as_planned_has_nothing_to_do() -> None:
    result = rollout(found("a", STAYS), found("b", STAYS, STAYS))
    assert result.nothing_to_do
    assert result.unchanged == ("a", "b")
    assert result.waves == ()


def test_blank_hosts_are_done_at_once_and_before_any_running_one() -> None:
    result = rollout(found("old", RESTART, lacking=("0.9.1",)), found("a", NEW, lacking=("0.9.1",)), found("b", NEW))
    assert result.new == ("a", "b")
    assert result.waves == (("a", "b"), ("old",))
    assert result.releases == (("old", "a"),)
    assert not result.nothing_to_do


def test_one_running_node_puts_its_whole_host_into_the_waves() -> None:
    result = rollout(found("a", NEW, RESTART))
    assert (result.new, result.restart) == ((), ("a",))


def test_a_new_node_beside_a_running_one_that_stays_interrupts_nothing() -> None:
    assert rollout(found("a", STAYS, NEW)).new == ("a",)


def test_a_node_that_is_down_is_not_protected_by_a_wave() -> None:
    assert rollout(found("a", DOWN)).new == ("a",)


@pytest.mark.parametrize("step", [Step.RESTART, Step.UPGRADE, Step.DOWNGRADE])
def test_a_busy_host_is_left_alone_with_its_release(step: Step) -> None:
    busy = found("a", replace(BUSY, step=step), lacking=("0.9.1",))
    result = rollout(busy, found("b", RESTART))
    assert (result.busy, result.restart, result.releases) == (("a",), ("b",), ())
    assert not rollout(busy).nothing_to_do


def test_a_busy_host_is_restarted_when_the_operator_says_so() -> None:
    result = rollout(found("a", BUSY), found("b", BUSY), busy=("a",))
    assert (result.busy, result.restart) == (("b",), ("a",))


def test_two_hosts_of_one_machine_are_never_done_at_once() -> None:
    hosts = [
        found(f"{kind}{number}", decision, machine=f"m{number}")
        for kind, decision in (("x", NEW), ("y", NEW), ("z", RESTART))
        for number in (1, 2)
    ]
    result = roll_out([replace(one, lacking=("0.9.1",)) for one in hosts], sizes=("100%",), restart_busy=())
    assert result.waves == (("x1", "x2"), ("y1", "y2"), ("z1", "z2"))
    assert result.releases == (("x1", "x2"), ("y1", "y2"), ("z1", "z2"))
    assert [batch.wave for batch in result.batches] == [0, 0, 1]


@pytest.mark.parametrize(
    ("count", "sizes", "expected"),
    [
        (1, DEFAULT, [1]),
        (4, DEFAULT, [1, 1, 2]),
        (10, DEFAULT, [1, 2, 7]),
        (100, DEFAULT, [1, 25, 74]),
        (5, (2,), [2, 2, 1]),
        (3, ("10%",), [1, 1, 1]),
        (3, ("100%",), [3]),
        (3, ("2",), [2, 1]),
    ],
)
def test_sizes_of_waves(count: int, sizes: tuple[int | str, ...], expected: list[int]) -> None:
    waves = roll_out([found(f"h{number}", RESTART) for number in range(count)], sizes=sizes, restart_busy=()).waves
    assert [len(wave) for wave in waves] == expected


@pytest.mark.parametrize("sizes", [(), (0,), ("0%",), ("101%",), ("half",), (-1,), ("1.5",), ("%",), (True,)])
def test_sizes_that_cannot_be_read_are_refused_even_when_nothing_restarts(sizes: tuple[int | str, ...]) -> None:
    with pytest.raises(RolloutError, match="livepeer_rollout"):
        roll_out([], sizes=sizes, restart_busy=())


@given(
    hosts=st.lists(st.tuples(st.lists(st.sampled_from([STAYS, NEW, RESTART, BUSY, DOWN]), min_size=1), st.integers(0, 9)), max_size=30),
    sizes=st.lists(st.one_of(st.integers(1, 9), st.integers(1, 100).map(lambda share: f"{share}%")), min_size=1, max_size=4),
    busy=st.sets(st.sampled_from(["h0", "h1", "h2"])),
)
def test_every_host_is_in_one_place_and_every_wave_has_hosts_of_different_machines(
    hosts: list[tuple[list[Decision], int]], sizes: list[int | str], busy: set[str]
) -> None:
    there = [found(f"h{number}", *decisions, machine=f"m{machine}") for number, (decisions, machine) in enumerate(hosts)]
    result = roll_out(there, sizes=sizes, restart_busy=busy)
    assert sorted((*result.new, *result.restart, *result.busy, *result.unchanged)) == sorted(one.host for one in there)
    assert sorted(result.touched) == sorted((*result.new, *result.restart))
    machines = {one.host: one.machine for one in there}
    assert all(wave and len({machines[host] for host in wave}) == len(wave) for wave in result.waves)


def observed(*, running: bool = True, restarts: bool = True, busy: bool = False, action: str = "restart") -> dict[str, object]:
    return {
        "planned": True,
        "running": running,
        "busy": busy,
        "decision": {"action": action, "reasons": ["livepeer.conf changes", "a secret changes"], "restarts": restarts},
    }


@pytest.mark.parametrize(
    ("node", "interrupts", "busy"),
    [
        (observed(), True, False),
        (observed(busy=True), True, True),
        (observed(busy=True, restarts=False), False, False),
        (observed(running=False), False, False),
        (observed(restarts=False, action="nothing"), False, False),
    ],
)
def test_only_a_restart_of_what_runs_interrupts(node: dict[str, object], interrupts: bool, busy: bool) -> None:
    result = {"observation": {"nodes": {"gateway": node, "old": {"planned": False}}, "missing_releases": ["0.9.1-abc"]}}
    read = read_found(planned(FLEET).hosts["gw1"], result)
    assert (read.decisions[0].interrupts, read.decisions[0].busy) == (interrupts, busy)
    assert read.decisions[0].reason == "livepeer.conf changes; a secret changes"
    assert (read.problem, read.lacking, read.unplanned) == ("", ("0.9.1-abc",), ("old",))


@pytest.mark.parametrize(
    ("result", "problem"),
    [
        ({"unreachable": True, "msg": "Task failed: Failed to connect\r\nConnection refused"}, "Failed to connect Connection refused"),
        ({"msg": "python3 not found", "failed": False}, "python3 not found"),
        ({}, "no answer"),
        (None, "nothing was asked of it (the strategy of the play has to be linear)"),
    ],
)
def test_a_host_that_could_not_be_looked_at_says_why(result: object, problem: str) -> None:
    assert read_found(planned(FLEET).hosts["gw1"], result).problem == problem


def planned(of: Fleet) -> Plan:
    return plan_fleet(of, (), TEMPLATES)


FLEET = fleet(gateway("gw1"), orchestrator("orch1"), gateway("both1"), orchestrator("both1"))


def test_what_is_dialled_is_there_before_it_is_dialled() -> None:
    assert in_order(planned(FLEET), ["gw1", "orch1", "both1"]) == ["orch1", "both1", "gw1"]


@pytest.mark.parametrize(
    ("host", "roles", "says"),
    [
        ("gw1", ["gateway"], ""),
        ("both1", ["gateway"], ""),
        ("both1", ["orchestrator", "gateway"], ""),
        ("orch1", ["gateway"], "orch1 is no gateway: it is planned as orchestrator. Put it into livepeer_gateways"),
        ("orch1", ["orchestrator", "gateway"], "livepeer_combined"),
        ("other", ["gateway"], "it is in none of the groups"),
    ],
)
def test_a_role_is_for_hosts_of_its_group(host: str, roles: list[str], says: str) -> None:
    reason = wrong_group(planned(FLEET), [host], roles)
    assert says in reason and bool(says) == bool(reason)


def test_a_play_of_ones_own_needs_serial_where_site_would_go_in_waves() -> None:
    restarts = rollout(found("a", RESTART), found("b", RESTART), found("c", RESTART))
    assert "serial: [1, 1, 1]" in without_serial(restarts, whole_play=True)
    assert without_serial(restarts, whole_play=False) == ""
    assert without_serial(rollout(found("a", RESTART), found("b", NEW)), whole_play=True) == ""


def test_and_where_two_of_its_hosts_are_one_machine() -> None:
    both = rollout(found("a", NEW, machine="m"), found("b", RESTART, machine="m"), found("c", NEW))
    assert without_serial(both, whole_play=False).startswith("a, b are one machine")
