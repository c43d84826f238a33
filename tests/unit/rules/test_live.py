# SPDX-License-Identifier: GPL-3.0-or-later
"""The live rules over observations as the module node_info returns them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from ansible_collections.livepeer.fleet.plugins.plugin_utils.addresses import listeners
from ansible_collections.livepeer.fleet.plugins.plugin_utils.edges import edges
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Node, Role
from ansible_collections.livepeer.fleet.plugins.plugin_utils.needs import Need
from ansible_collections.livepeer.fleet.plugins.plugin_utils.onchain import on_chain
from ansible_collections.livepeer.fleet.plugins.plugin_utils.routes import routes
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.hosts import chain_findings, check_live, foreign_ports, without_nft
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.registrations import unregistered
from ansible_collections.livepeer.fleet.tests.unit.rules.fleets import combined, fleet, gateway, orchestrator


@dataclass(frozen=True)
class PlanOf:
    """As much of a plan as the live rules read."""

    hosts: Any
    listeners: Any
    edges: Any


def planned(node: Node, *needs: Need, joins: str = "", elsewhere: Sequence[str] = ()) -> SimpleNamespace:
    """As much of a node of a plan as the live rules read."""
    log, chain = f"journalctl -u {node.unit}", on_chain(node, elsewhere)
    return SimpleNamespace(name=node.name, unit=node.unit, role=node.role, needs=needs, joins=joins, chain=chain, log_command=log)


def plan(**hosts: Any) -> PlanOf:
    made = fleet(**hosts)
    return PlanOf(
        {name: SimpleNamespace(nodes=[planned(node) for node in host.nodes]) for name, host in made.hosts.items()},
        [listener for node in made.nodes for listener in listeners(node)],
        edges(routes(made)),
    )


def running(role: str, **other: Any) -> dict[str, Any]:
    return {
        "running": True,
        "state": {"active": "active", "sub": "running"},
        "role": role,
        "version": "0.9.1",
        "problems": [],
        "decision": {"action": "nothing", "reasons": [], "restarts": False},
        **other,
    }


def foreign(**other: Any) -> dict[str, Any]:
    held = {"node": "gateway", "purpose": "http", "protocol": "tcp", "address": "0.0.0.0", "port": 9935}
    return {**held, "pid": 711, "unit": "nginx", "command": "nginx", **other}


GATEWAY = plan(gw1=gateway(), orch1=orchestrator())


def test_a_fleet_as_planned_has_nothing_to_say() -> None:
    seen = {
        "nodes": {"gateway": running("gateway")},
        "foreign": [],
        "reach": [{"node": "gateway", "url": "https://orch1:8935", "ok": True}],
    }
    assert check_live(GATEWAY, {"gw1": seen}) == ()


def test_a_foreign_process_is_named() -> None:
    seen = {"nodes": {"gateway": running("gateway")}, "foreign": [foreign()]}
    (found,) = check_live(GATEWAY, {"gw1": seen})
    assert (found.code, found.hosts, found.node, found.variable) == ("LPF601", ("gw1",), "gateway", "livepeer_gateway_http_addr")
    assert found.message == "port 9935, planned for gateway http, is held by nginx (pid 711, unit nginx)"
    assert found.got == "0.0.0.0:9935 held by nginx (pid 711, unit nginx)"
    assert found.hint == "stop that process, or choose another port in livepeer_gateway_http_addr"
    assert foreign_ports(GATEWAY, {"gw1": seen}) == (found,)


def test_a_former_name_of_a_node_holds_its_ports() -> None:
    """A renamed node is a new one: said once, with both ways on."""
    unit, proxy = {"unit": "livepeer-old"}, {"unit": "livepeer-old-proxy", "purpose": "metrics", "port": 15935, "command": "nginx"}
    held = [foreign(**unit), foreign(**proxy), foreign(**proxy, pid=712)]
    (found,) = foreign_ports(GATEWAY, {"gw1": {"nodes": {"old": running("gateway", planned=False)}, "foreign": held}})
    assert found.message == "what gateway is to listen on is held by old, a node of this host that is not in the plan"
    assert (found.variable, found.got) == ("livepeer_gateway_name", "gateway; old holds 9935, 15935")
    assert found.hint.startswith("livepeer_gateway_name: old, if it is the same node")
    assert "systemctl disable --now livepeer-old livepeer-old-proxy;" in found.hint


def test_a_program_of_several_processes_is_told_once() -> None:
    assert len(foreign_ports(GATEWAY, {"gw1": {"foreign": [foreign(), foreign(pid=712)]}})) == 1


def test_foreign_processes_without_a_unit_or_a_name() -> None:
    seen = {"foreign": [foreign(unit=""), foreign(pid=0), foreign(purpose="metrics", command="")]}
    messages = [found.message.partition("held by ")[2] for found in foreign_ports(GATEWAY, {"gw1": seen})]
    assert messages == ["nginx (pid 711)", "a process that cannot be seen", "a process (pid 711, unit nginx)"]


def test_a_node_that_only_lacks_a_port_that_is_named_says_no_more() -> None:
    problem = "0.0.0.0:9935 (http) is held by nginx (pid 711, unit nginx)"
    nodes = {"gateway": running("gateway", problems=[problem], decision={"action": "restart", "reasons": [problem]})}
    assert [found.code for found in check_live(GATEWAY, {"gw1": {"nodes": nodes, "foreign": [foreign()]}})] == ["LPF601"]
    assert [found.code for found in check_live(GATEWAY, {"gw1": {"nodes": nodes, "foreign": []}})] == ["LPF602"]


def test_a_node_that_is_missing() -> None:
    (found,) = check_live(GATEWAY, {"gw1": {"nodes": {}}})
    assert (found.code, found.message, found.got) == ("LPF602", "gateway is not as planned: it is not there", "nothing")
    assert "journalctl -u livepeer-gateway" in found.hint


def test_a_node_that_waits_for_its_sessions_is_not_called_down() -> None:
    waits = {"action": "restart", "reasons": ["livepeer.conf changes"], "restarts": True}
    (found,) = check_live(GATEWAY, {"gw1": {"nodes": {"gateway": running("gateway", busy=True, decision=waits)}}})
    assert (found.code, found.message) == ("LPF602", "gateway is not as planned: livepeer.conf changes")
    assert found.hint.startswith("run site.yml once its sessions have ended")


def test_a_node_that_is_down() -> None:
    down = running("", running=False, state={"active": "failed", "sub": "failed"}, problems=["the unit is failed (failed)"])
    (found,) = check_live(GATEWAY, {"gw1": {"nodes": {"gateway": down}}})
    assert found.message == "gateway is not as planned: the unit is failed (failed)"
    assert found.got == "unit failed (failed)"


def test_swapped_owners() -> None:
    both = plan(h=combined())
    nodes = {
        "gateway": running("orchestrator", problems=["answers a node in another role (orchestrator), planned is gateway"]),
        "orchestrator": running("orchestrator"),
    }
    (found,) = check_live(both, {"h": {"nodes": nodes}})
    assert (found.node, found.got) == ("gateway", "orchestrator 0.9.1 answers")


def test_a_node_of_another_revision() -> None:
    changed = running("gateway", decision={"action": "restart", "reasons": ["livepeer.conf changes"], "restarts": True})
    (found,) = check_live(GATEWAY, {"gw1": {"nodes": {"gateway": changed}}})
    assert found.message == "gateway is not as planned: livepeer.conf changes"


def test_an_orchestrator_that_does_not_answer() -> None:
    tried = {"node": "gateway", "url": "https://orch1:8935", "ok": False, "error": "Connection refused"}
    (found,) = check_live(GATEWAY, {"gw1": {"nodes": {"gateway": running("gateway")}, "reach": [tried]}})
    assert (found.code, found.hosts, found.got) == ("LPF603", ("gw1", "orch1"), "Connection refused")
    assert found.message == "orch1 does not answer at https://orch1:8935 from the host of its gateway"


def test_a_foreign_orchestrator_that_does_not_answer() -> None:
    tried = {"node": "gateway", "url": "https://far:8935", "ok": False, "error": "timed out"}
    (found,) = check_live(GATEWAY, {"gw1": {"nodes": {"gateway": running("gateway")}, "reach": [tried]}})
    assert found.hosts == ("gw1",)
    assert found.message.startswith("an orchestrator does not answer at https://far:8935")


def test_hosts_outside_of_the_plan_are_left_alone() -> None:
    assert check_live(GATEWAY, {"other": {"nodes": {}, "foreign": [foreign()]}}) == ()


def workers() -> PlanOf:
    """An orchestrator and two transcoders and an AI worker that join it."""
    base = plan(orch1=orchestrator())
    (joined,) = base.hosts["orch1"].nodes
    kinds = {"tr1": Role.TRANSCODER, "tr2": Role.TRANSCODER, "ai1": Role.AI_WORKER}
    for host, role in kinds.items():
        node = SimpleNamespace(name=role.value, unit=f"livepeer-{role.value}", role=role, joins="orch1:8935", chain=None, log_command="")
        node.needs = (Need("orch1", joined.name),)
        base.hosts[host] = SimpleNamespace(nodes=[node])
    return base


def at_work(role: str, *ends: str, **other: Any) -> dict[str, Any]:
    return {"nodes": {role: running("other", registered=bool(ends), ends=list(ends), **other)}, "foreign": []}


def lists(*transcoders: str) -> dict[str, Any]:
    return {"nodes": {"orchestrator": running("orchestrator", transcoders=list(transcoders))}, "foreign": []}


def test_workers_that_are_registered_have_nothing_to_say() -> None:
    seen = {
        "orch1": lists("10.0.0.7:4001", "10.0.0.8:4002"),
        "tr1": at_work("transcoder", "10.0.0.7:4001"),
        "tr2": at_work("transcoder", "10.0.0.8:4002"),
        "ai1": at_work("ai_worker", "10.0.0.9:4003"),
    }
    assert (*check_live(workers(), seen), *unregistered(workers(), seen)) == ()


def test_a_worker_that_is_up_and_not_registered_is_told_once_with_the_reason() -> None:
    problem = "LPF607: it is not registered at its orchestrator orch1:8935, it refused the secret (invalid secret)"
    decided = {"action": "restart", "reasons": [problem], "restarts": True}
    seen = {"ai1": at_work("ai_worker", problems=[problem], decision=decided)}
    (found,) = (*check_live(workers(), seen), *unregistered(workers(), seen))
    assert (found.code, found.level.value, found.hosts, found.node) == ("LPF607", "error", ("ai1", "orch1"), "ai_worker")
    assert found.message == "ai_worker is up, but not registered at orch1: it gets no work"
    assert found.got == "it is not registered at its orchestrator orch1:8935, it refused the secret (invalid secret)"
    assert found.limit == "orch1:8935"


def test_a_worker_that_is_down_is_another_finding() -> None:
    seen = {"ai1": at_work("ai_worker", problems=["the unit is failed (failed)"])}
    seen["ai1"]["nodes"]["ai_worker"]["running"] = False
    assert [found.code for found in (*check_live(workers(), seen), *unregistered(workers(), seen))] == ["LPF602"]


def test_an_orchestrator_that_does_not_list_a_connected_transcoder() -> None:
    seen = {"orch1": lists("10.0.0.7:4001"), "tr1": at_work("transcoder", "10.0.0.7:4001"), "tr2": at_work("transcoder", "10.0.0.8:4002")}
    (found,) = unregistered(workers(), seen)
    assert found.message == "orchestrator lists 1 of 2 transcoders that are connected to it: tr2 get no work"
    assert found.hosts == ("orch1", "tr2")


def test_a_transcoder_that_is_not_in_the_plan_is_a_stranger() -> None:
    seen = {"orch1": lists("10.0.0.7:4001", "203.0.113.9:7", "10.0.0.8:4002"), "tr1": at_work("transcoder", "10.0.0.7:4001")}
    seen["tr2"] = at_work("transcoder", "10.0.0.8:4002")
    (found,) = unregistered(workers(), seen)
    assert (found.level.value, found.got) == ("warning", "203.0.113.9:7")
    assert found.message == "3 transcoders are registered at orchestrator, planned are 2"


def test_behind_nat_the_number_counts() -> None:
    seen = {"orch1": lists("203.0.113.9:7", "203.0.113.9:8"), "tr1": at_work("transcoder", "10.0.0.7:4001")}
    seen["tr2"] = at_work("transcoder", "10.0.0.8:4002")
    assert unregistered(workers(), seen) == ()


def test_an_orchestrator_that_its_worker_cannot_reach() -> None:
    tried = {"node": "ai_worker", "url": "https://orch1:8935", "ok": False, "error": "Connection refused"}
    seen = at_work("ai_worker", "10.0.0.9:4003") | {"reach": [tried]}
    (found,) = check_live(workers(), {"ai1": seen})
    assert (found.code, found.hosts) == ("LPF603", ("ai1", "orch1"))
    assert found.message == "orch1 does not answer at https://orch1:8935 from the host of its worker"


def test_a_firewall_as_planned_and_one_that_is_not() -> None:
    seen = {"nodes": {"gateway": running("gateway")}, "foreign": []}
    assert check_live(GATEWAY, {"gw1": seen | {"firewall": {"missing": "", "reasons": []}}}) == ()
    (found,) = check_live(GATEWAY, {"gw1": seen | {"firewall": {"missing": "", "reasons": ["firewall.nft changes"]}}})
    assert (found.code, found.got, found.hint) == ("LPF610", "firewall.nft changes", "run site.yml")


def test_a_firewall_without_nft_is_seen_before_anything_is_changed() -> None:
    there, lacking = {"missing": "", "reasons": ["it is not there"]}, {"missing": "nft is not there", "reasons": []}
    (found,) = without_nft(GATEWAY, {"gw1": {"firewall": lacking}, "orch1": {"firewall": there}})
    assert (found.code, found.hosts) == ("LPF610", ("gw1",))


def endpoint(number: int, **other: Any) -> dict[str, Any]:
    told = {"number": number, "host": "rpc.example", "reachable": True, "chain_id": 42161, "head": 7, "foreign": False}
    return {**told, "usable": not other.get("problem"), "problem": "", **other}


def told_of(*endpoints: dict[str, Any]) -> list[tuple[str, str, str]]:
    nodes = {"gateway": running("gateway", endpoints=list(endpoints))}
    return [(found.code, found.level.value, found.message) for found in check_live(GATEWAY, {"gw1": {"nodes": nodes}})]


def test_rpc_endpoints_that_can_be_used() -> None:
    assert told_of() == []
    assert told_of(endpoint(1), endpoint(2)) == []


def test_rpc_endpoints_that_cannot_be_used() -> None:
    silent = endpoint(1, reachable=False, problem="it does not answer")
    other = endpoint(2, chain_id=1, foreign=True, problem="it is of chain 1, not 42161")
    assert told_of(silent, endpoint(2)) == [("LPF612", "warning", "RPC endpoint 1 (rpc.example) is left out: it does not answer")]
    never = ("LPF613", "error", "RPC endpoint 2 (rpc.example) is never used: it is of chain 1, not 42161")
    assert told_of(silent, other) == [("LPF611", "error", "none of its RPC endpoints can be used"), never]
    assert told_of(endpoint(1), other) == [("LPF613", "warning", never[2])], "the first one is used meanwhile"
    assert told_of(endpoint(0, problem="RPC endpoint 1 is a websocket")) == [("LPF614", "error", "RPC endpoint 1 is a websocket")]


def test_an_rpc_endpoint_of_two_nodes_is_told_once_as_the_hosts() -> None:
    both, silent = plan(h=combined()), endpoint(1, reachable=False, problem="it does not answer")
    nodes = {"gateway": running("gateway", endpoints=[silent]), "orchestrator": running("orchestrator", endpoints=[silent])}
    assert [(found.code, found.node) for found in chain_findings(both, {"h": {"nodes": nodes}})] == [("LPF611", "")]
