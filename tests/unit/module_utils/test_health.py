# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof: what counts as up, what is waited for, what is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.livepeer.fleet.plugins.module_utils.admin_api import Answer, Identity
from ansible_collections.livepeer.fleet.plugins.module_utils.errors import HostError
from ansible_collections.livepeer.fleet.plugins.module_utils.health import SETTLED_SECONDS, busy, look, prove
from ansible_collections.livepeer.fleet.tests.unit.module_utils.worlds import CLI, LOOPING, UP, World, answers, node, socket_of

UNIT = "livepeer-gateway"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A gateway that is up."""
    result = World(tmp_path, {UNIT: UP}, (socket_of(UNIT),))
    result.paths.unit(UNIT).parent.mkdir(parents=True)
    result.paths.unit(UNIT).write_text("")
    return result


def test_all_is_well(world: World) -> None:
    assert look(world.host, node()).problems == ()


CASES: dict[str, tuple[Callable[[World], None], str]] = {
    "down": (lambda world: world.states.update({UNIT: replace(UP, active="inactive", sub="dead")}), "the unit is inactive (dead)"),
    "not listening": (lambda world: setattr(world, "sockets", ()), "nothing listens on tcp 127.0.0.1:5935 (cli)"),
    "a stranger's": (
        lambda world: setattr(world, "sockets", (socket_of("nginx"),)),
        "tcp 127.0.0.1:5935 (cli) is held by nginx (pid 100, unit nginx)",
    ),
    "shared": (
        lambda world: setattr(world, "sockets", (socket_of(UNIT), socket_of("nginx"))),
        "tcp 127.0.0.1:5935 (cli) is held by nginx (pid 100, unit nginx)",
    ),
    "more open than planned": (
        lambda world: setattr(world, "sockets", (socket_of(UNIT, address="::"),)),
        "nothing listens on tcp 127.0.0.1:5935 (cli)",
    ),
    "another role": (
        lambda world: setattr(world, "api", answers("orchestrator")),
        "answers a node in another role (orchestrator), planned is gateway",
    ),
    "another version": (lambda world: setattr(world, "api", answers(version="0.9.0")), "answers version 0.9.0, planned is 0.9.1"),
    "nobody answers": (lambda world: setattr(world, "api", {}), "no node of go-livepeer answers on its CLI port"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_is_said(world: World, case: str) -> None:
    change, says = CASES[case]
    change(world)
    assert says in "; ".join(look(world.host, node()).problems)


@pytest.mark.parametrize(
    ("setting", "answer", "well"),
    [
        ({"path": "/getLogLevel", "json": None, "equals": "3"}, "3\n", True),
        ({"path": "/getLogLevel", "json": None, "equals": "3"}, "4", False),
        ({"path": "/status", "json": ["OrchestratorPool"], "equals": ["b", "a"], "compare": "set"}, {"OrchestratorPool": ["a", "b"]}, True),
        ({"path": "/status", "json": ["OrchestratorPool"], "equals": ["b", "a"]}, {"OrchestratorPool": ["a", "b"]}, False),
        ({"path": "/status", "json": ["OrchestratorPool"], "equals": ["a"], "compare": "set"}, {"OrchestratorPool": ["a", "b"]}, False),
        ({"path": "/getBroadcastConfig", "json": ["MaxPrice"], "equals": None}, {"MaxPrice": None}, True),
        ({"path": "/getBroadcastConfig", "json": ["MaxPrice"], "equals": "6072/5"}, {"MaxPrice": "6072/5"}, True),
        ({"path": "/getBroadcastConfig", "json": ["MaxPrice"], "equals": "1"}, {"MaxPrice": 1}, False),
        ({"path": "/ethAddr", "json": None, "equals": "0xAB", "compare": "address"}, "0xab", True),
        ({"path": "/ethAddr", "json": None, "equals": "0xAB", "compare": "address"}, "0xac", False),
    ],
)
def test_settings_are_read_back(world: World, setting: dict[str, object], answer: object, well: bool) -> None:
    version = {"Version": "0.9.1"} if setting["path"] == "/status" else {}
    body = json.dumps({**answer, **version}) if isinstance(answer, dict) else str(answer)
    world.api[str(setting["path"])] = Answer(200, body)
    planned = node(expect={"role": "gateway", "version": "0.9.1", "cli": f"127.0.0.1:{CLI}", "settings": [setting]})
    assert bool(look(world.host, planned).problems) is not well


def test_a_setting_that_it_does_not_tell_is_not_as_planned(world: World) -> None:
    setting = {"path": "/getBroadcastConfig", "json": ["MaxPrice"], "equals": None}
    planned = node(expect={"role": "gateway", "version": "0.9.1", "cli": f"127.0.0.1:{CLI}", "settings": [setting]})
    assert "does not answer /getBroadcastConfig" in look(world.host, planned).problems[0]


@pytest.mark.parametrize("role", ["gateway", "orchestrator", "transcoder", "ai_worker", "remote_signer", "redeemer"])
def test_every_role_is_told_apart(world: World, role: str) -> None:
    world.api = answers(role)
    assert world.host.api("").identity() == Identity(role, "0.9.1")
    expect = {"version": "0.9.1", "cli": f"127.0.0.1:{CLI}", "settings": []}
    planned = {name: node("gateway", name, expect=expect) for name in ("gateway", role)}
    assert look(world.host, planned[role]).problems == ()
    assert bool(look(world.host, planned["gateway"]).problems) is (role != "gateway")


@pytest.mark.parametrize(
    ("role", "told"),
    [
        ("gateway", "gateway"),
        ("orchestrator", "orchestrator"),
        ("redeemer", "redeemer"),
        ("transcoder", "other"),
        ("remote_signer", "other"),
    ],
)
def test_without_metrics_some_do_not_tell_what_they_are(world: World, role: str, told: str) -> None:
    world.api = {**answers(role), "/metrics": Answer(404, "")}
    assert world.host.api("").identity().role == told


def test_proved_only_after_the_delayed_checks(world: World) -> None:
    prove(world.host, node())
    assert SETTLED_SECONDS <= world.now < SETTLED_SECONDS + 2


def test_it_may_take_its_time_to_come_up(world: World) -> None:
    world.sockets = ()
    world.later = lambda world: setattr(world, "sockets", (socket_of(UNIT),) if world.now > 20 else ())
    prove(world.host, node())
    assert world.now > 20 + SETTLED_SECONDS


def test_but_not_for_ever(world: World) -> None:
    world.sockets = ()
    with pytest.raises(HostError, match="it is not up 30 seconds after its start: nothing listens on"):
        prove(world.host, node())
    assert 30 <= world.now < 32


DEATHS = {
    "at once": (0.0, LOOPING, "it ended with status 0 soon after its start"),
    "after 5 s": (5.0, LOOPING, "it ended with status 0 soon after its start"),
    "before the first look": (0.0, replace(UP, restarts=1), "it ended and was started again"),
    "unseen, restarted": (5.0, replace(UP, restarts=1, invocation="two"), "it ended and was started again"),
    "stopped by somebody": (5.0, replace(UP, active="inactive", sub="dead", main_pid=0), "soon after its start"),
}


@pytest.mark.parametrize("death", DEATHS)
def test_an_end_is_not_waited_out(world: World, death: str) -> None:
    when, state, says = DEATHS[death]

    def later(world: World) -> None:
        if world.now >= when:
            world.states[UNIT] = state

    world.later = later
    later(world)
    with pytest.raises(HostError, match=says):
        prove(world.host, node())
    assert world.now <= when + 1


def test_who_took_the_port_is_said_with_the_end(world: World) -> None:
    world.states[UNIT] = LOOPING
    world.sockets = (socket_of("nginx"),)
    with pytest.raises(HostError, match=r"status 0 soon after its start \(tcp 127.0.0.1:5935 \(cli\) is held by nginx"):
        prove(world.host, node())


def test_restarts_of_former_days_do_not_count(world: World) -> None:
    world.states[UNIT] = replace(UP, restarts=3)
    prove(world.host, node(), restarts=3)


def test_how_long_is_the_callers_to_say(world: World) -> None:
    prove(world.host, node(), settled=60)
    assert 60 <= world.now < 62


def test_busy() -> None:
    assert busy({"gateway": 2, "orchestrator": 0}) == {"gateway": 2}
    assert busy({"gateway": 2, "orchestrator": None}) == {"gateway": 2, "orchestrator": 2}
    assert busy({"gateway": 0, "orchestrator": None}) == {}
