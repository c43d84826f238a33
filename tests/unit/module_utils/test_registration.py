# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a worker is registered, as its host can tell: recorded lines of its log, played connections."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from ansible_collections.livepeer.fleet.plugins.module_utils import health, sockets
from ansible_collections.livepeer.fleet.plugins.module_utils.errors import HostError
from ansible_collections.livepeer.fleet.plugins.module_utils.observation import observe
from ansible_collections.livepeer.fleet.plugins.module_utils.plan_part import Part
from ansible_collections.livepeer.fleet.tests.unit.module_utils.worlds import UP, World, answers, raw_node, socket_of

END = ("10.0.0.7:56970",)
# Recorded from 0.9.1; its own lines begin with a letter, the time and the place in the source.
TRIES = "I1122 21:10:01.0 1 ot_rpc.go:55] Registering transcoder to orch1:8935\n"
REFUSED = TRIES + (
    'I1122 ot_rpc.go:127] End of stream receive cycle because of err="invalid secret", waiting for running transcode jobs to complete\n'
    "I1122 ot_rpc.go:57] Unregistering transcoder: invalid secret\n"
    "I1122 ot_rpc.go:59] Terminating transcoder because of invalid secret\n"
)
AWAY = (
    "I1122 ai_worker.go:69] Registering AI worker to orch1:8935\n"
    "I1122 ai_worker.go:71] Unregistering AI worker: rpc error: code = Unavailable desc = connection refused\n"
)
OLD = "I1122 ai_worker.go:71] Unregistering AI worker: EOF\n"


def expected(role: str = "transcoder") -> dict[str, object]:
    return {"role": role, "version": "0.9.1", "cli": "127.0.0.1:5935", "settings": [], "registered_at": "orch1:8935"}


@pytest.fixture
def world(tmp_path: Path) -> World:
    found = World(tmp_path, api=answers(role="transcoder"))
    unit = found.paths.unit("livepeer-transcoder")
    unit.parent.mkdir(parents=True)
    unit.touch()
    found.states["livepeer-transcoder"] = UP
    found.sockets = (socket_of("livepeer-transcoder"),)
    return found


def worker() -> Part:
    raw = raw_node("transcoder", "transcoder", expect=expected())
    return Part.parse({"schema": 1, "host": "tr1", "nodes": [raw]})


def test_one_that_keeps_its_connection_is_registered(world: World) -> None:
    world.ends = END
    seen = health.look(world.host, worker().nodes[0])
    assert (seen.ends, seen.problems) == (END, ())
    health.prove(world.host, worker().nodes[0])


@pytest.mark.parametrize(
    ("words", "says", "hopeless"),
    [
        (REFUSED, "refused the secret", True),
        (AWAY, "it does not answer", False),
        (OLD, "older than itself", False),
        (REFUSED + TRIES, "orch1:8935", False),
        ("", "orch1:8935", False),
    ],
)
def test_one_without_a_connection_says_why(world: World, words: str, says: str, hopeless: bool) -> None:
    world.words = words
    seen = health.look(world.host, worker().nodes[0])
    (problem,) = seen.problems
    assert problem.startswith("LPF607: it is not registered at its orchestrator orch1:8935") and says in problem
    assert bool(seen.hopeless) is hopeless


def test_a_refused_secret_is_not_waited_for(world: World) -> None:
    world.words = REFUSED
    with pytest.raises(HostError, match=r"LPF607.*refused the secret"):
        health.prove(world.host, worker().nodes[0])
    assert world.now == 0


def test_an_orchestrator_that_is_away_is_waited_for(world: World) -> None:
    world.words = AWAY
    with pytest.raises(HostError, match=r"not up 30 seconds after its start: LPF607.*it does not answer"):
        health.prove(world.host, worker().nodes[0])
    assert world.now >= 30


def test_connections_that_come_and_go_prove_nothing(world: World) -> None:
    def again(world: World) -> None:
        world.ends = (f"10.0.0.7:{int(world.now * 10)}",)

    world.ends, world.later, world.words = END, again, OLD
    with pytest.raises(HostError, match=r"its connection to orch1:8935 comes and goes"):
        health.prove(world.host, worker().nodes[0])
    world.later = lambda world: None
    health.prove(world.host, worker().nodes[0])


def test_verify_gives_a_worker_its_longest_pause(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def back(world: World) -> None:
        world.ends = END if world.now > 60 else ()

    world.words, world.later = AWAY, back
    assert observe(world.host, worker(), {}, reach=False)["nodes"]["transcoder"]["registered"] is False
    assert world.now == 0
    seen = observe(world.host, worker(), {}, reach=True)["nodes"]["transcoder"]
    assert (seen["registered"], seen["ends"]) == (True, list(END))


def test_a_node_that_joins_nobody_is_not_asked(world: World) -> None:
    part = Part.parse({"schema": 1, "host": "gw1", "nodes": [raw_node("transcoder", "transcoder")]})
    assert observe(world.host, part, {}, reach=True)["nodes"]["transcoder"]["registered"] is None


def test_connections_of_this_process() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            accepted, _peer = server.accept()
            with accepted:
                end = f"127.0.0.1:{client.getsockname()[1]}"
                assert sockets.connections(os.getpid(), port) == (end,)
        assert sockets.connections(os.getpid(), port) == ()
