# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person is told of a rollout and of the live fleet."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.found import Decision, Found, Step
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Journal, Role
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan import plan_fleet
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rollout import Rollout, roll_out
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rollout_report import (
    as_planned,
    describe,
    leave_out,
    left_behind,
    not_as_planned,
    without_answer,
)
from ansible_collections.livepeer.fleet.tests.unit.render.fleets import TEMPLATES, fleet, gateway, orchestrator

STAYS = Decision("", "gateway", Step.NOTHING)
NEW = Decision("", "gateway", Step.NEW, "it is not on this host yet")
RESTART = Decision("", "gateway", Step.RESTART, "livepeer.conf changes", interrupts=True)
BUSY = replace(RESTART, busy=True)


def found(host: str, *decisions: Decision, problem: str = "", unplanned: tuple[str, ...] = ()) -> Found:
    of_host = tuple(replace(one, host=host) for one in decisions)
    return Found(host, host, problem=problem, decisions=of_host, unplanned=unplanned)


def rollout(*hosts: Found) -> Rollout:
    return roll_out(hosts, sizes=[1], restart_busy=())


def test_what_is_said_names_every_changed_node_its_reason_and_the_order() -> None:
    text = describe(rollout(found("gw1", NEW), found("orch1", RESTART), found("orch2", BUSY), found("orch3", STAYS)))
    assert text.splitlines() == [
        "What will be done",
        "  gw1    gateway  new      it is not on this host yet",
        "  orch1  gateway  restart  livepeer.conf changes",
        "  1 node runs as planned.",
        "",
        "In this order",
        "  together  gw1",
        "  wave 1    orch1",
        "",
        "Left alone, because sessions run there (livepeer_restart_busy: true would restart them)",
        "  orch2  gateway  restart  livepeer.conf changes",
    ]


def test_one_line_says_that_there_is_nothing_to_do() -> None:
    assert describe(rollout(found("a", STAYS), found("b", STAYS))) == "Nothing to do: 2 nodes run as planned."


def test_a_node_that_is_not_called_as_its_role_is_told_with_it() -> None:
    text = describe(rollout(found("a", replace(NEW, node="second", role=Role.TRANSCODER))))
    assert "  a  second (transcoder)  new  it is not on this host yet" in text


def test_only_busy_hosts() -> None:
    assert describe(rollout(found("a", BUSY))).startswith("Left alone, because sessions run there")


def test_hosts_that_could_not_be_looked_at_are_named_with_the_reason_and_the_way_around() -> None:
    hosts = [found("gw1", STAYS), found("orch1", problem="Connection refused"), found("orch22", problem="no sudo")]
    lines = without_answer(hosts).splitlines()
    assert lines == ["These hosts could not be looked at", "  orch1   Connection refused", "  orch22  no sudo"]
    assert leave_out(hosts) == "--limit '!orch1,!orch22'"
    assert without_answer(hosts[:1]) == ""


PLAN = plan_fleet(fleet(gateway("gw1"), orchestrator("orch1"), orchestrator("orch2", name="second")), (), TEMPLATES)


def test_all_is_well_and_where_to_look_next() -> None:
    hosts = [found("orch1", unplanned=("left",)), found("orch2"), found("gw1")]
    assert as_planned(PLAN, hosts).splitlines() == [
        "Verified: 3 nodes run as planned on 3 hosts.",
        "  Not in the plan, and left as it is: left on orch1",
        "Logs",
        "  journalctl -u livepeer-gateway -f       on gw1",
        "  journalctl -u livepeer-orchestrator -f  on orch1",
        "  journalctl -u livepeer-second -f        on orch2",
    ]


def test_a_host_whose_firewall_alone_changes_is_touched_and_said() -> None:
    made = rollout(replace(found("gw1", STAYS), firewall="firewall.nft changes"), found("orch1", STAYS))
    assert (made.touched, made.unchanged) == (("gw1",), ("orch1",))
    assert describe(made).splitlines()[:2] == ["What will be done", "  gw1  firewall  change  firewall.nft changes"]


def test_a_journal_of_its_own_is_read_by_its_name() -> None:
    of = fleet(replace(gateway("gw1"), journal=Journal()), orchestrator("gw1"))
    lines = as_planned(plan_fleet(of, (), TEMPLATES), [found("gw1")]).splitlines()
    assert lines[-2:] == ["  journalctl --namespace=livepeer-gateway -f  on gw1", "  journalctl -u livepeer-orchestrator -f      on gw1"]


def test_a_node_of_another_host_of_the_same_machine_is_planned() -> None:
    plan = replace(PLAN, hosts={name: replace(host, machine="m") for name, host in PLAN.hosts.items()})
    hosts = [Found("orch1", "m", unplanned=("second", "left")), Found("orch2", "m", unplanned=("orchestrator", "left"))]
    assert [line for line in as_planned(plan, hosts).splitlines() if "Not in the plan" in line] == [
        "  Not in the plan, and left as it is: left on orch1"
    ]


def test_many_hosts_are_summed_up() -> None:
    plan = plan_fleet(fleet(*(gateway(f"gw{number}") for number in range(8))), (), TEMPLATES)
    assert "on gw0, gw1, gw2, gw3, gw4 and 3 more" in as_planned(plan, [found(f"gw{number}") for number in range(8)])


def test_the_last_line_when_something_is_wrong() -> None:
    finding = Finding("LPF602", Level.ERROR, "down")
    assert "1 finding on the live fleet, 1 host could not be looked at" in not_as_planned([finding], [found("a", problem="gone")])
    assert "2 findings on the live fleet;" in not_as_planned([finding, finding], [found("a", STAYS)])


def test_a_renamed_node_is_one_that_stays_behind_and_its_tickets_with_it() -> None:
    plan = PLAN
    assert left_behind(plan, [found("orch1")]) == ""
    told = left_behind(plan, [found("orch1", unplanned=("paid",)), found("orch2")])
    assert "  orch1  paid  its data stays in /var/lib/livepeer-paid" in told.splitlines()
    assert "tickets that are not redeemed yet" in told and "Nothing is\n  deleted" in told
