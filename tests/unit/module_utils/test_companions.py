# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in front of a node: started before it, proved, alone where only it changes, taken back with it, and taken away."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from ansible_collections.livepeer.fleet.plugins.module_utils import commands, health
from ansible_collections.livepeer.fleet.plugins.module_utils.errors import HostError
from ansible_collections.livepeer.fleet.plugins.module_utils.host import Host
from ansible_collections.livepeer.fleet.plugins.module_utils.observation import observe
from ansible_collections.livepeer.fleet.plugins.module_utils.plan_part import Part
from ansible_collections.livepeer.fleet.plugins.module_utils.revisions import Pending
from ansible_collections.livepeer.fleet.plugins.module_utils.systemd import UnitState
from ansible_collections.livepeer.fleet.plugins.module_utils.transaction import Options, Outcome, apply
from ansible_collections.livepeer.fleet.plugins.module_utils.upstream_watch import Report
from ansible_collections.livepeer.fleet.tests.unit.module_utils.worlds import LOOPING, UP, World, raw_node, socket_of

NODE, PROXY = "livepeer-gateway", "livepeer-gateway-proxy"
ETH_PORT = 25935
URL, OTHER_URL = "https://rpc.example/first-key-4711", "https://rpc.example/other-key-4712"


@dataclass
class Fronted(World):
    """A host with nginx; a URL with "other" in it leads to no chain."""

    started: list[str] = field(default_factory=list)
    outage: bool = False

    @property
    def host(self) -> Host:
        return replace(super().host, rpc_problem=self._rpc_problem, rpc_endpoints=self._rpc_endpoints)

    def _rpc_problem(self, address: str, chain_id: int) -> str:
        assert (address, chain_id) == (f"127.0.0.1:{ETH_PORT}", 42161)
        current = self.paths.nodes / "gateway/current/secrets/eth_url"
        return "no endpoint" if self.outage or "other" in current.read_text() else ""

    def _rpc_endpoints(self, urls: str, chain_id: int) -> tuple[Report, ...]:
        return (Report(1, "rpc.example", usable=not self.outage, problem="silent" if self.outage else ""),)

    def restart(self, unit: str) -> None:
        self.started.append(unit)
        port = ETH_PORT if unit == PROXY else 5935
        conf = (self.paths.nodes / "gateway/current/livepeer.conf").read_text()
        self.states[unit] = UP if unit == PROXY else self.starts(unit, conf)
        self.sockets = tuple(one for one in self.sockets if one.unit != unit)
        if self.states[unit].running:
            self.sockets += (socket_of(unit, port),)

    def retire(self, unit: str) -> None:
        self.states.pop(unit, None)
        self.sockets = tuple(one for one in self.sockets if one.unit != unit)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fronted:
    monkeypatch.setattr(commands, "NOBODY", os.geteuid())
    result = Fronted(tmp_path)
    result.starts = lambda unit, conf: LOOPING if "failing" in conf else UP
    result.release("0.9.1-aaaaaaaaaaaa")
    result.paths.runtime.mkdir()
    result.paths.nginx.parent.mkdir(parents=True)
    result.paths.nginx.write_text(
        '#!/bin/sh\ngrep -q nonsense "$6" && { echo "nginx: [emerg] unknown directive in $6:1" >&2; exit 1; }\nexit 0\n'
    )
    result.paths.nginx.chmod(0o755)
    return result


def fronted(nginx: str = "events {}\n", **changes: Any) -> dict[str, Any]:
    """A gateway with an RPC proxy."""
    raw = raw_node(**changes)
    raw["files"] |= {"proxy.service": "[Service]\n# front\n", "nginx.conf": nginx}
    raw["secrets"] = {"eth_url": {"variable": "livepeer_eth_url", "host": ""}}
    listener = {"purpose": "eth", "protocol": "tcp", "address": "127.0.0.1", "port": ETH_PORT}
    raw["companions"] = [
        {
            "unit": PROXY,
            "unit_file": "proxy.service",
            "files": ["proxy.service", "nginx.conf"],
            "secrets": ["eth_url"],
            "listeners": [listener],
            "eth": f"127.0.0.1:{ETH_PORT}",
            "chain_id": 42161,
            "urls": [],
        }
    ]
    return raw


def one(world: Fronted, raw: dict[str, Any], url: str = URL, **options: Any) -> Outcome:
    world.started.clear()
    secrets = {"gateway": {"eth_url": url}} if raw["secrets"] else {}
    (outcome,) = apply(world.host, Part.parse({"schema": 1, "host": "gw1", "nodes": [raw]}), secrets, Options(**options))
    return outcome


def test_it_is_started_before_its_node_and_once(world: Fronted) -> None:
    first = one(world, fronted())
    assert (first.error, first.action, world.started) == ("", "new", [PROXY, NODE])
    assert world.paths.unit(PROXY).read_text() == "[Service]\n# front\n"
    second = one(world, fronted())
    assert (second.changed, world.started) == (False, [])


def test_what_an_earlier_version_of_the_collection_left_is_read(world: Fronted) -> None:
    one(world, fronted())
    (record,) = world.root.rglob("revision.json")
    raw = json.loads(record.read_text())
    del raw["companions"][0]["urls"]
    record.write_text(json.dumps(raw))
    assert not one(world, fronted()).changed


def test_a_new_key_restarts_it_alone(world: Fronted) -> None:
    one(world, fronted())
    rotated = one(world, fronted(), url="https://rpc.example/second-key-4713")
    assert (rotated.error, rotated.action, rotated.changed, rotated.restarted) == ("", "proxy", True, False)
    assert (rotated.reasons, world.started) == (("secret eth_url changes",), [PROXY])
    assert not one(world, fronted(), url="https://rpc.example/second-key-4713").changed


def test_a_key_that_leads_nowhere_goes_back_and_the_node_is_not_touched(world: Fronted) -> None:
    one(world, fronted())
    failed = one(world, fronted(), url=OTHER_URL)
    assert failed.error.startswith("no endpoint") and "The host is back at revision" in failed.error
    assert world.started == [PROXY, PROXY]
    assert not one(world, fronted()).changed


def test_a_node_is_not_stopped_while_no_chain_answers(world: Fronted) -> None:
    one(world, fronted())
    world.outage = True
    failed = one(world, fronted(conf="cliAddr 127.0.0.1:5935\nv 6\n"))
    assert failed.error.startswith("no endpoint")
    assert NODE not in world.started
    world.outage = False
    assert one(world, fronted(conf="cliAddr 127.0.0.1:5935\nv 6\n")).changed


def test_a_node_that_a_cut_run_may_have_started_is_not_taken_for_the_proved_one(world: Fronted) -> None:
    one(world, fronted())
    world.host.node("gateway").set_pending(Pending("", fresh_user=False, fresh_state=False))
    failed = one(world, fronted(), url=OTHER_URL)
    assert "The host is back at revision" in failed.error
    assert world.started == [PROXY, PROXY, NODE]


def test_a_node_that_was_down_is_started_when_its_companion_goes_back(world: Fronted) -> None:
    one(world, fronted())
    world.retire(NODE)
    failed = one(world, fronted(), url=OTHER_URL)
    assert "The host is back at revision" in failed.error
    assert world.started == [PROXY, PROXY, NODE]


def test_one_that_ends_while_its_node_is_proved_is_no_proof(world: Fronted) -> None:
    def starts(unit: str, conf: str) -> UnitState:
        if "ending" in conf:
            world.retire(PROXY)
        return UP

    one(world, fronted())
    world.starts = starts
    failed = one(world, fronted(conf="cliAddr 127.0.0.1:5935\n# ending\n"))
    assert PROXY in failed.error and "The host is back at revision" in failed.error
    assert not one(world, fronted()).changed


def test_a_cut_first_installation_with_one_leaves_nothing_of_it_where_the_plan_has_none_any_more(
    world: Fronted, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as cut, pytest.raises(KeyboardInterrupt):
        cut.setattr(health, "prove", Mock(side_effect=KeyboardInterrupt))
        one(world, fronted())
    assert world.paths.unit(PROXY).exists()
    assert one(world, raw_node(conf="cliAddr 127.0.0.1:5935\n# failing\n")).error
    assert not world.paths.unit(PROXY).exists() and PROXY not in world.states


def test_an_outage_alone_restarts_nothing(world: Fronted) -> None:
    one(world, fronted())
    world.outage = True
    assert (one(world, fronted()).action, world.started) == ("nothing", [])


def test_it_goes_back_with_its_node(world: Fronted) -> None:
    one(world, fronted())
    failed = one(world, fronted(nginx="events { }\n", conf="cliAddr 127.0.0.1:5935\nfailing true\n"))
    assert "The host is back at revision" in failed.error
    assert world.started == [PROXY, NODE, PROXY, NODE]
    assert (world.paths.nodes / "gateway/current/nginx.conf").read_text() == "events {}\n"


def test_a_first_installation_that_fails_leaves_nothing_of_it(world: Fronted) -> None:
    assert one(world, fronted(conf="failing true\n")).error
    assert not world.paths.unit(PROXY).exists() and not world.paths.unit(NODE).exists()


def test_switched_off_it_is_taken_away_after_its_node_does_without(world: Fronted) -> None:
    one(world, fronted())
    off = one(world, raw_node(conf="cliAddr 127.0.0.1:5935\nethUrl elsewhere\n"))
    assert (off.error, world.started) == ("", [NODE])
    assert not world.paths.unit(PROXY).exists() and PROXY not in world.states
    assert not one(world, raw_node(conf="cliAddr 127.0.0.1:5935\nethUrl elsewhere\n")).changed


@pytest.mark.parametrize("harm", ["stopped", "unit file", "not enabled"])
def test_what_was_done_to_it_by_hand_is_repaired_without_its_node(world: Fronted, harm: str) -> None:
    one(world, fronted())
    if harm == "stopped":
        world.retire(PROXY)
    elif harm == "unit file":
        world.paths.unit(PROXY).write_text("[Service]\n# other\n")
    else:
        world.states[PROXY] = replace(UP, enabled="disabled")
    repaired = one(world, fronted())
    assert (repaired.error, repaired.action, NODE in world.started) == ("", "proxy", False)
    assert not one(world, fronted()).changed


def test_a_configuration_that_nginx_refuses_is_never_switched_to(world: Fronted) -> None:
    one(world, fronted())
    refused = one(world, fronted(nginx="nonsense\n"))
    assert "nginx does not accept its configuration: unknown directive in nginx.conf:1" in refused.error
    assert world.started == [] and "back at" not in refused.error


def test_check_mode_on_a_host_without_nginx_tells_and_does_not_fail(world: Fronted) -> None:
    world.paths.nginx.unlink()
    assert (one(world, fronted(), check=True).error, world.started) == ("", [])
    with pytest.raises(HostError, match="nginx is not on this host"):
        raise HostError(one(world, fronted()).error)


def test_a_port_of_it_that_a_stranger_holds_is_told_before_anything_is_touched(world: Fronted) -> None:
    world.sockets = (socket_of("nginx", ETH_PORT),)
    with pytest.raises(HostError, match=r"LPF601.*25935"):
        one(world, fronted())


def test_observation_of_it(world: Fronted) -> None:
    planned = Part.parse({"schema": 1, "host": "gw1", "nodes": [fronted()]})
    world.paths.nginx.unlink()
    blank = observe(world.host, planned, {"gateway": {"eth_url": URL}}, reach=False)
    assert blank["missing_programs"] == ["nginx"]
    told = blank["nodes"]["gateway"]
    assert [(one["number"], one["host"], one["usable"]) for one in told["endpoints"]] == [(1, "rpc.example", True)]
    assert told["companions"][0]["problems"] == [
        f"the unit {PROXY} is inactive (dead)",
        f"nothing listens on tcp 127.0.0.1:{ETH_PORT} (eth)",
    ]
    assert "4711" not in str(blank)
