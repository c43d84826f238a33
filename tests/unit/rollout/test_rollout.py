# SPDX-License-Identifier: GPL-3.0-or-later
"""Which host is done when."""

from __future__ import annotations

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rollout import Decision, Rollout, RolloutError, Step, describe, roll_out
from hypothesis import given
from hypothesis import strategies as st

DEFAULT = (1, "25%", "100%")


def decision(host: str, step: Step, *, node: str = "gateway", running: bool = True, sessions: int = 0) -> Decision:
    return Decision(host, node, step, "as found", running, sessions)


def rollout(*decisions: Decision, lacking: dict[str, list[str]] | None = None, busy: tuple[str, ...] = ()) -> Rollout:
    return roll_out(decisions, lacking=lacking or {}, sizes=DEFAULT, restart_busy=busy)


def test_a_fleet_as_planned_has_nothing_to_do() -> None:
    result = rollout(decision("a", Step.NOTHING), decision("b", Step.NOTHING))
    assert result.nothing_to_do
    assert result.unchanged == ("a", "b")
    assert result.waves == ()


def test_blank_hosts_are_done_at_once_and_before_any_running_one() -> None:
    result = rollout(
        decision("old", Step.UPGRADE),
        decision("a", Step.NEW, running=False),
        decision("b", Step.NEW, running=False),
        lacking={"a": ["0.9.1"], "old": ["0.9.1"]},
    )
    assert result.new == ("a", "b")
    assert result.waves == (("a", "b"), ("old",))
    assert result.releases == ("old", "a")
    assert not result.nothing_to_do


def test_one_running_node_puts_its_whole_host_into_the_waves() -> None:
    result = rollout(decision("a", Step.NEW, running=False), decision("a", Step.RESTART, node="orchestrator"))
    assert (result.new, result.restart) == ((), ("a",))


def test_a_new_node_beside_a_running_one_that_stays_interrupts_nothing() -> None:
    result = rollout(decision("a", Step.NOTHING, node="orchestrator", sessions=3), decision("a", Step.NEW, running=False))
    assert (result.new, result.restart, result.busy) == (("a",), (), ())


def test_a_node_that_is_down_is_not_protected_by_a_wave() -> None:
    assert rollout(decision("a", Step.RESTART, running=False)).new == ("a",)


@pytest.mark.parametrize("step", [Step.RESTART, Step.UPGRADE, Step.DOWNGRADE])
def test_a_busy_host_is_left_alone_with_its_release(step: Step) -> None:
    result = rollout(decision("a", step, sessions=2), decision("b", step), lacking={"a": ["0.9.1"]})
    assert (result.busy, result.restart, result.releases) == (("a",), ("b",), ())
    assert not rollout(decision("a", step, sessions=2)).nothing_to_do


def test_a_busy_host_is_restarted_when_the_operator_says_so() -> None:
    result = rollout(decision("a", Step.RESTART, sessions=2), busy=("a",))
    assert (result.busy, result.restart) == ((), ("a",))


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
    decisions = [decision(f"h{number:03}", Step.RESTART) for number in range(count)]
    waves = roll_out(decisions, lacking={}, sizes=sizes, restart_busy=()).waves
    assert [len(wave) for wave in waves] == expected


@pytest.mark.parametrize("sizes", [(), (0,), ("0%",), ("101%",), ("half",), (-1,), ("1.5",), ("%",), (True,)])
def test_sizes_that_cannot_be_read_are_refused_even_when_nothing_restarts(sizes: tuple[int | str, ...]) -> None:
    with pytest.raises(RolloutError, match="livepeer_rollout"):
        roll_out([], lacking={}, sizes=sizes, restart_busy=())


@given(
    hosts=st.lists(
        st.tuples(st.sampled_from(Step), st.booleans(), st.integers(0, 2)),
        max_size=30,
    ),
    sizes=st.lists(st.one_of(st.integers(1, 9), st.integers(1, 100).map(lambda share: f"{share}%")), min_size=1, max_size=4),
    busy=st.sets(st.sampled_from(["h0", "h1", "h2"])),
)
def test_every_host_is_in_one_place_and_every_wave_has_hosts(
    hosts: list[tuple[Step, bool, int]], sizes: list[int | str], busy: set[str]
) -> None:
    decisions = [decision(f"h{number}", step, running=running, sessions=sessions) for number, (step, running, sessions) in enumerate(hosts)]
    result = roll_out(decisions, lacking={}, sizes=sizes, restart_busy=busy)
    assert sorted((*result.new, *result.restart, *result.busy, *result.unchanged)) == sorted(one.host for one in decisions)
    assert sorted(result.touched) == sorted((*result.new, *result.restart))
    assert all(result.waves)


def test_what_is_said_names_every_changed_node_its_reason_and_the_order() -> None:
    text = describe(
        rollout(
            decision("gw1", Step.NEW, running=False),
            decision("orch1", Step.UPGRADE, node="orchestrator"),
            decision("orch2", Step.RESTART, node="orchestrator", sessions=3),
            decision("orch3", Step.NOTHING, node="orchestrator"),
        )
    )
    assert text.splitlines() == [
        "What will be done",
        "  gw1    gateway       new      as found",
        "  orch1  orchestrator  upgrade  as found",
        "  1 node runs as planned.",
        "",
        "In this order",
        "  together  gw1",
        "  wave 1    orch1",
        "",
        "Left alone, because sessions run there (livepeer_restart_busy: true would restart them)",
        "  orch2  orchestrator  3 running  as found",
    ]


def test_one_line_says_that_there_is_nothing_to_do() -> None:
    assert describe(rollout(decision("a", Step.NOTHING), decision("b", Step.NOTHING))) == "Nothing to do: 2 nodes run as planned."


def test_only_busy_hosts() -> None:
    assert describe(rollout(decision("a", Step.RESTART, sessions=1))).startswith("Left alone, because sessions run there")
