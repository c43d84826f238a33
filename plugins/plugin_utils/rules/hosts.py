# SPDX-License-Identifier: GPL-3.0-or-later
"""The live fleet held against its plan: LPF601 to LPF603, LPF610 to LPF614. Pure: observations in, findings out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ansible_collections.livepeer.fleet.plugins.plugin_utils.addresses import Listener, join_host_port
from ansible_collections.livepeer.fleet.plugins.plugin_utils.edges import Edge
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Role
from ansible_collections.livepeer.fleet.plugins.plugin_utils.needs import Need
from ansible_collections.livepeer.fleet.plugins.plugin_utils.onchain import OnChain
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules import chain

ETH_URL = "livepeer_eth_url"
"""The variable that these findings are about."""

Observation = Mapping[str, Any]
"""``observation`` of the module ``node_info``. Read here: ``foreign`` (node, purpose, address, port, pid, unit, command),
``nodes`` (running, state, role, version, problems, decision, endpoints) and ``reach`` (node, url, ok, error)."""


class PlannedNode(Protocol):
    """What is read of a node of the plan."""

    @property
    def name(self) -> str:
        """Node name."""

    @property
    def unit(self) -> str:
        """Unit, without ``.service``."""

    @property
    def role(self) -> Role:
        """What it is."""

    @property
    def needs(self) -> Sequence[Need]:
        """Nodes that it cannot do without."""

    @property
    def joins(self) -> str:
        """``host:port`` of a worker's orchestrator."""

    @property
    def chain(self) -> OnChain | None:
        """What its chain is expected to say."""

    @property
    def log_command(self) -> str:
        """How its log is read on its host."""


class PlannedHost(Protocol):
    """What is read of a host of the plan."""

    @property
    def nodes(self) -> Sequence[PlannedNode]:
        """Its nodes."""


class Planned(Protocol):
    """What is read of a plan."""

    @property
    def hosts(self) -> Mapping[str, PlannedHost]:
        """Hosts by inventory name."""

    @property
    def listeners(self) -> Sequence[Listener]:
        """Every planned listener."""

    @property
    def edges(self) -> Sequence[Edge]:
        """Every edge."""


@dataclass(frozen=True)
class LiveRule:
    """A rule over the live fleet; the fields are those of ``survey.Rule``."""

    code: str
    level: str
    says: str
    advice: str


def check_live(plan: Planned, observed: Mapping[str, Observation]) -> tuple[Finding, ...]:
    """Everything in which the observed hosts differ from the plan; a host without an observation is left to the caller."""
    found = [*foreign_ports(plan, observed)]
    for host in sorted(observed.keys() & plan.hosts.keys()):
        found += _nodes(plan, host, observed[host])
        found += _reach(plan, host, observed[host])
        found += _chain(plan, host, observed[host])
        found += _firewall(host, observed[host])
    return (*found, *chain_findings(plan, observed))


def without_nft(plan: Planned, observed: Mapping[str, Observation]) -> tuple[Finding, ...]:
    """LPF610 of hosts that have no nft: what makes a run pointless before anything was stopped or started."""
    hosts = sorted(observed.keys() & plan.hosts.keys())
    return tuple(one for host in hosts if observed[host].get("firewall", {}).get("missing") for one in _firewall(host, observed[host]))


def _firewall(host: str, seen: Observation) -> Iterator[Finding]:
    """LPF610: the nftables table is not the plan's."""
    firewall = seen.get("firewall", {})
    missing = firewall.get("missing", "")
    why = missing or "; ".join(firewall.get("reasons", ()))
    if why:
        yield Finding(
            code="LPF610",
            level=Level.ERROR,
            message=f"the firewall is not as planned: {why}",
            hosts=(host,),
            variable="livepeer_firewall",
            got=why,
            limit="the table of the plan, hosts/<host>.nft",
            hint="install nftables, or livepeer_firewall: false" if missing else "run site.yml",
        )


def foreign_ports(plan: Planned, observed: Mapping[str, Observation]) -> tuple[Finding, ...]:
    """LPF601 alone: what makes a run pointless before anything was stopped or started."""
    variables = {(one.host, one.node, one.purpose): one.variable for one in plan.listeners}
    found: list[Finding] = []
    for host in sorted(observed.keys() & plan.hosts.keys()):
        former = _former(plan, host, observed[host])
        roles = {node.name: node.role.value for node in plan.hosts[host].nodes}
        by_former: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
        # A program of several processes, such as nginx, holds a port with each of them.
        others: dict[tuple[object, ...], Mapping[str, Any]] = {}
        for held in observed[host].get("foreign", ()):
            old = former.get(held.get("unit") or "")
            if old:
                by_former.setdefault((held["node"], old), []).append(held)
            else:
                others.setdefault((held["node"], held["purpose"], held["port"], held.get("unit") or held.get("pid")), held)
        found += [_held_by_former(host, (new, roles[new]), old, held) for (new, old), held in by_former.items()]
        found += [_foreign(host, held, variables.get((host, held["node"], held["purpose"]), "")) for held in others.values()]
    return tuple(found)


def _former(plan: Planned, host: str, seen: Observation) -> dict[str, str]:
    """Units of nodes that lie on a host and that no inventory host of its machine has, to the name of the node."""
    machine = next((one.machine for one in plan.listeners if one.host == host), "")
    planned = {one.node for one in plan.listeners if one.machine == machine}
    names = [name for name, one in seen.get("nodes", {}).items() if not one.get("planned", True) and name not in planned]
    return {unit: name for name in names for unit in (f"livepeer-{name}", f"livepeer-{name}-proxy")}


def _held_by_former(host: str, node: tuple[str, str], old: str, held: Sequence[Mapping[str, Any]]) -> Finding:
    """Ports of a node that are held by another one of the collection: most of the time it is the same one by its former name."""
    new, role = node
    ports = ", ".join(str(port) for port in sorted({int(one["port"]) for one in held}))
    units = " ".join(sorted({f"livepeer-{old}", *(str(one["unit"]) for one in held)}))
    return Finding(
        code="LPF601",
        level=Level.ERROR,
        message=f"what {new} is to listen on is held by {old}, a node of this host that is not in the plan",
        hosts=(host,),
        node=new,
        variable=f"livepeer_{role}_name",
        got=f"{new}; {old} holds {ports}",
        hint=(
            f"livepeer_{role}_name: {old}, if it is the same node: its database may hold tickets that are not redeemed yet. If it is not "
            f"needed any more: systemctl disable --now {units}; its data stays"
        ),
    )


def chain_findings(plan: Planned, observed: Mapping[str, Observation]) -> tuple[Finding, ...]:
    """LPF611 to LPF614: the RPC endpoints of the nodes, as they were asked from their hosts.

    They are of the host, not of one of its nodes: those with other nodes say the same.
    """
    found: dict[tuple[str, str, str], Finding] = {}
    for host in sorted(observed.keys() & plan.hosts.keys()):
        for node in plan.hosts[host].nodes:
            for one in endpoints_of(host, observed[host], node.name):
                found.setdefault((host, one.code, one.got), one)
    return tuple(found.values())


def endpoints_of(host: str, seen: Observation, node: str) -> Iterator[Finding]:
    """LPF611 to LPF614 as one node of the host found them."""
    endpoints = (seen.get("nodes", {}).get(node) or {}).get("endpoints", ())
    usable = any(one["usable"] for one in endpoints)
    if endpoints and endpoints[0]["number"] and not usable:
        yield _endpoint(
            "LPF611",
            host,
            "none of its RPC endpoints can be used",
            "; ".join(f"{_name(one)}: {one['problem']}" for one in endpoints),
            "an endpoint that this host reaches, or wait until the provider is back: what runs goes on, what starts does not",
        )
    for one in endpoints:
        if not one["number"]:
            yield _endpoint("LPF614", host, one["problem"], one["problem"], "an https:// URL for each endpoint")
        elif one["foreign"]:
            chain = f"livepeer_eth_chain_id: {one['chain_id']}, if that chain is meant; else another endpoint"
            message, level = f"{_name(one)} is never used: {one['problem']}", Level.WARNING if usable else Level.ERROR
            yield _endpoint("LPF613", host, message, f"chain {one['chain_id']}", chain, level)
        elif one["problem"] and usable:
            advice = "look at the provider; the others are used meanwhile"
            yield _endpoint("LPF612", host, f"{_name(one)} is left out: {one['problem']}", one["problem"], advice, Level.WARNING)


def _name(endpoint: Mapping[str, Any]) -> str:
    return f"RPC endpoint {endpoint['number']} ({endpoint['host']})"


def _endpoint(code: str, host: str, message: str, got: str, hint: str, level: Level = Level.ERROR) -> Finding:  # noqa: PLR0913, PLR0917 - a finding has that many fields
    return Finding(code, level, message, (host,), "", ETH_URL, got=got, hint=hint)


def _foreign(host: str, held: Mapping[str, Any], variable: str) -> Finding:
    where = join_host_port(held["address"], held["port"])
    unit = f", unit {held['unit']}" if held.get("unit") else ""
    holder = f"{held['command'] or 'a process'} (pid {held['pid']}{unit})" if held.get("pid") else "a process that cannot be seen"
    return Finding(
        code="LPF601",
        level=Level.ERROR,
        message=f"port {held['port']}, planned for {held['node']} {held['purpose']}, is held by {holder}",
        hosts=(host,),
        node=held["node"],
        variable=variable,
        got=f"{where} held by {holder}",
        hint=f"stop that process{f', or choose another port in {variable}' if variable else ''}",
    )


def _nodes(plan: Planned, host: str, seen: Observation) -> Iterator[Finding]:
    """LPF602: a node that is missing, down, in the place of another, or not of the plan's revision."""
    foreign = {held["node"] for held in seen.get("foreign", ())}
    for node in plan.hosts[host].nodes:
        there = seen.get("nodes", {}).get(node.name)
        problems = ["it is not there"] if not there else _problems(there, explained=node.name in foreign)
        if problems:
            yield Finding(
                code="LPF602",
                level=Level.ERROR,
                message=f"{node.name} is not as planned: {'; '.join(problems)}",
                hosts=(host,),
                node=node.name,
                got=_identity(there) if there else "nothing",
                limit=f"unit {node.unit} as the plan has it",
                hint=_way_on(node, there or {}),
            )


def _way_on(node: PlannedNode, there: Mapping[str, Any]) -> str:
    """What to do about a node that is not as planned."""
    if not there.get("running"):
        return f"run site.yml; {node.log_command} tells why a node is down"
    if there.get("busy"):
        return "run site.yml once its sessions have ended, or with livepeer_restart_busy: true, which ends them"
    return f"run site.yml; {node.log_command} tells what it said"


def _problems(there: Mapping[str, Any], *, explained: bool) -> list[str]:
    """What is not as planned; a node that is only missing a port that LPF601 names says nothing more."""
    decision = there.get("decision") or {}
    planned = decision.get("reasons", []) if decision.get("action", "nothing") != "nothing" else []
    told = dict.fromkeys([*planned, *there.get("problems", [])])
    problems = [problem for problem in told if not problem.startswith(_OF_ITS_OWN)]
    return [] if explained and all(" is held by " in problem for problem in problems) else problems


_OF_ITS_OWN = ("LPF607", chain.ACCOUNT)
"""Problems that have a finding of their own."""


def _chain(plan: Planned, host: str, seen: Observation) -> Iterator[Finding]:
    """What the chain says, and whose account it is."""
    for node in plan.hosts[host].nodes:
        there = seen.get("nodes", {}).get(node.name) or {}
        reasons = (there.get("decision") or {}).get("reasons", [])
        yield from chain.wrong_account(host, node, list(dict.fromkeys([*there.get("problems", []), *reasons])))
        yield from chain.on_the_chain(host, node, there.get("chain"))


def _identity(there: Mapping[str, Any]) -> str:
    if not there.get("running"):
        state = there.get("state") or {}
        return f"unit {state.get('active', 'unknown')} ({state.get('sub', '')})"
    return f"{there.get('role') or 'nobody'} {there.get('version', '')}".strip() + " answers"


def _reach(plan: Planned, host: str, seen: Observation) -> Iterator[Finding]:
    """LPF603: an idle gateway never notices that an orchestrator is gone, and a busy one only when segments fail."""
    workers = {node.name: node for node in plan.hosts[host].nodes if node.joins}
    for tried in seen.get("reach", ()):
        if tried["ok"]:
            continue
        worker = workers.get(tried["node"])
        names = [need.host for need in worker.needs] if worker else _dialled(plan, host, tried["url"])
        whose = "worker" if worker else "gateway"
        others = [name for name in dict.fromkeys(names) if name != tried["url"]]
        yield Finding(
            code="LPF603",
            level=Level.ERROR,
            message=f"{' and '.join(others) or 'an orchestrator'} does not answer at {tried['url']} from the host of its {whose}",
            hosts=tuple(dict.fromkeys((host, *others))),
            node=tried["node"],
            got=tried["error"],
            limit=tried["url"],
            hint="look at the orchestrator first, then at the network and firewalls between the two",
        )


def _dialled(plan: Planned, host: str, url: str) -> list[str]:
    """Orchestrators that a gateway of a host dials at a URL."""
    mine = (edge for edge in plan.edges if any(gateway.host == host for gateway in edge.gateways))
    return [one.host for edge in mine for one in edge.orchestrators if one.url == url]


RULES = (
    LiveRule(
        "LPF601",
        "error",
        "A planned port is held by a foreign process; seen before anything is stopped or started, and by verify.yml.",
        "Stop that process, or choose another port.",
    ),
    LiveRule(
        "LPF602",
        "error",
        "A node is missing, down, in the place of another, or not of the plan's revision.",
        "Run site.yml; the journal of its unit tells why a node is down.",
    ),
    LiveRule(
        "LPF603",
        "error",
        "An orchestrator does not answer from the host of its gateway or worker.",
        "Look at the orchestrator first, then at the network and firewalls between the two.",
    ),
    LiveRule(
        "LPF604",
        "warning",
        "The account that pays has no deposit or reserve, less of it than the plan reckons with, or is being unlocked.",
        "Fund it; the collection reads the chain and writes nothing to it.",
    ),
    LiveRule(
        "LPF605",
        "warning",
        "The service address that the chain has for an orchestrator differs from the plan, or it is not active there.",
        "Register with livepeer_cli, or plan what is registered.",
    ),
    LiveRule(
        "LPF606",
        "error",
        "A node runs with another account than planned; seen after each start and by verify.yml.",
        "Stop it, and look which key it has.",
    ),
    LiveRule(
        "LPF608",
        "warning",
        "A node that is to call reward missed a round.",
        "go-livepeer tries once a round: look at its journal and at the ETH of its account.",
    ),
    LiveRule(
        "LPF610",
        "error",
        "The nftables table of a host is not the plan's, or nft is not there; the latter is seen before anything is stopped or started.",
        "Run site.yml, which loads it anew; install nftables where it is missing.",
    ),
    LiveRule(
        "LPF611",
        "error",
        "None of the RPC endpoints of a node on a chain can be used; seen before anything is stopped or started, and by verify.yml.",
        "Give it an endpoint that its host reaches. What runs goes on without a chain, what is started does not come up.",
    ),
    LiveRule(
        "LPF612",
        "warning",
        "An RPC endpoint of several does not answer, or its newest block is old: nodes use the others.",
        "Look at the provider, or take the endpoint out of livepeer_eth_url.",
    ),
    LiveRule(
        "LPF613",
        "error; warning where another endpoint of the list can be used",
        "An RPC endpoint is of another chain: it is never used.",
        "Take it out of livepeer_eth_url, or set livepeer_eth_chain_id if that chain is meant.",
    ),
    LiveRule(
        "LPF614",
        "error",
        "An RPC endpoint that the proxy cannot use: a websocket, or no URL.",
        "Write the provider's https:// URL, or set livepeer_eth_proxy to false.",
    ),
)
