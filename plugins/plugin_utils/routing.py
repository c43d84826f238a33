# SPDX-License-Identifier: GPL-3.0-or-later
"""Which orchestrators a gateway may give jobs to, by its discovery; nothing about prices."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from ansible_collections.livepeer.fleet.plugins.plugin_utils.addresses import (
    LOCALHOST,
    AddressError,
    Endpoint,
    is_loopback,
    listeners,
    orchestrator_url,
    service_uri,
    without_user,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.asks import serves
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import OFFCHAIN, Discovery, Fleet, Node, OrchAddr, Role
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.settings import gateway_settings, orchestrator_settings
from ansible_collections.livepeer.fleet.plugins.plugin_utils.nearest import nearest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.payments import REFUSED, between, mode, paying, signs
from ansible_collections.livepeer.fleet.plugins.plugin_utils.workloads import Workload

UNREAD = frozenset(
    {"service_addr", "http_addr", "cli_addr", "nvidia", "max_sessions", "eth_acct_addr", "eth_orch_addr", "reward", "environment"}
)
"""Settings of an orchestrator that nothing of an edge depends on; its address is looked at by itself."""


@dataclass(frozen=True)
class Candidate:
    """An orchestrator that a gateway may use.

    Attributes:
        name: inventory host, or the URL of a foreign one.
        node: None for a foreign one.
        url: what the gateway dials; "" where the orchestrator's address cannot be read (LPF104).
        entry: the entry of ``livepeer_gateway_orch_addr`` that names it, None with other discoveries.
        place: index of that entry.
    """

    name: str
    node: Node | None
    url: str
    entry: OrchAddr | None = None
    place: int = 0


@dataclass(frozen=True)
class Fault:
    """An entry of ``livepeer_gateway_orch_addr`` that leads nowhere, or says something else than the inventory.

    Attributes:
        code: LPF304 for a host that has no orchestrator in this fleet, LPF104 for a URL that cannot be read, LPF504 for a price
            that contradicts another.
        place: index of the entry.
        got: host, URL or price as written.
        limit: what could stand there.
        message, hint: why, and what to write or "".
    """

    code: str
    place: int
    got: str
    limit: str
    message: str
    hint: str


@dataclass(frozen=True)
class Routing:
    """Where a gateway's jobs can go.

    Attributes:
        gateway: whose.
        candidates: in the order in which the gateway gets them.
        kinds: the same in groups: those of one group differ in their names and addresses alone.
        closed: True if it will use no other ones.
        fits: False if discovery by inventory found only orchestrators that do not fit; they are the candidates then.
        faults: entries of its list that lead nowhere.
        unfit: with discovery by inventory those that were left out, in groups as well.
    """

    gateway: Node
    candidates: tuple[Candidate, ...]
    kinds: tuple[tuple[Candidate, ...], ...]
    closed: bool
    fits: bool = True
    faults: tuple[Fault, ...] = ()
    unfit: tuple[tuple[Candidate, ...], ...] = ()


class Fit(Enum):
    """What makes an orchestrator of the fleet a candidate."""

    ANY = 1
    PAYABLE = 2
    """There is a workload that is asked for, served and not refused between the two."""
    NONE = 3
    """There is no such workload."""
    REGISTERED = 4
    """It can be found on the gateway's chain, and serves something that is asked for. Off-chain there is nothing to find (LPF303)."""
    LISTED = 5
    """The same, found by the gateway's signer on its chain."""


Groups = tuple[tuple[Candidate, ...], tuple[tuple[Candidate, ...], ...]]
"""Candidates in order, and in groups."""


@dataclass
class Directory:
    """The orchestrators of a fleet, found by what a discovery asks for."""

    orchestrators: list[Node] = field(default_factory=list)
    by_host: dict[str, list[Node]] = field(default_factory=dict)
    by_machine: dict[str, list[Node]] = field(default_factory=dict)
    by_address: dict[str, Node] = field(default_factory=dict)
    advertised: dict[tuple[str, str], Candidate] = field(default_factory=dict)
    kinds: dict[tuple[str, str], int] = field(default_factory=dict)
    loopback: frozenset[str] = frozenset()
    found: dict[Hashable, Groups] = field(default_factory=dict)

    @classmethod
    def of(cls, fleet: Fleet) -> Directory:
        """Index a fleet once; a fleet of thousands is looked at by every gateway."""
        found = cls([node for node in fleet.nodes if node.role is Role.ORCHESTRATOR])
        kinds: dict[Hashable, int] = {}
        loopback = set()
        for node in found.orchestrators:
            key, endpoint = (node.host, node.name), service_endpoint(node)
            found.by_host.setdefault(node.host, []).append(node)
            found.by_machine.setdefault(node.machine, []).append(node)
            found.advertised[key] = Candidate(node.host, node, "" if endpoint is None else endpoint.url)
            local = endpoint is not None and is_loopback(endpoint.host)
            found.kinds[key] = kinds.setdefault((endpoint is None, local, _kind(node)), len(kinds))
            if local:
                loopback.add(node.machine)
            elif endpoint is not None:
                found.by_address.setdefault(endpoint.address, node)
        found.loopback = frozenset(loopback)
        return found

    def answering(self, endpoint: Endpoint, machine: str) -> Node | None:
        """The orchestrator of the fleet that answers at an address, if it is one, dialled from a machine."""
        if not is_loopback(endpoint.host):
            return self.by_address.get(endpoint.address)
        for node in self.by_machine.get(machine, []):
            if any(listener.purpose == "rpc" and listener.port == endpoint.port for listener in listeners(node)):
                return node
        return None

    def kind(self, node: Node) -> int:
        """The same number for orchestrators that differ in name and address alone."""
        return self.kinds[node.host, node.name]

    def grouped(self, candidates: Iterable[Candidate]) -> tuple[tuple[Candidate, ...], ...]:
        """Candidates by kind; a foreign one is a group of its own."""
        groups: dict[Hashable, list[Candidate]] = {}
        for one in candidates:
            groups.setdefault(self.kind(one.node) if one.node else (one.url, one.place), []).append(one)
        return tuple(map(tuple, groups.values()))

    def fitting(self, gateway: Node, by: Fit) -> Groups:
        """The orchestrators that fit a gateway; gateways alike share one tuple."""
        asked = gateway_settings(gateway).workloads
        key = (by, mode(gateway), paying(gateway).network, asked)
        if key not in self.found:
            groups = self.grouped(self.advertised.values())
            kept = tuple(group for group in groups if group[0].node and _fits(gateway, group[0].node, by))
            names = {(one.node.host, one.node.name) for group in kept for one in group if one.node}
            self.found[key] = tuple(one for name, one in self.advertised.items() if name in names), kept
        return self.found[key]


def _fits(gateway: Node, orchestrator: Node, by: Fit) -> bool:
    """Whether there is a workload for the two."""
    kinds = {workload.kind for workload in asked_and_served(gateway, orchestrator)}
    match by:
        case Fit.PAYABLE | Fit.NONE:
            payable = any(between(gateway, orchestrator.network, kind).outcome != REFUSED for kind in kinds)
            return payable is (by is Fit.PAYABLE)
        case Fit.REGISTERED:
            return bool(kinds) and gateway.onchain and gateway.network == orchestrator.network
        case Fit.LISTED:
            # Of a signer outside of the fleet nobody knows the chain.
            return bool(kinds) and signs(gateway) and orchestrator.onchain and paying(gateway).network in (OFFCHAIN, orchestrator.network)
        case Fit.ANY:
            return True


def _kind(node: Node) -> Hashable:
    settings = {name: value for name, value in vars(node.settings).items() if name not in UNREAD}
    refused = tuple(name for name, source in node.sources.items() if source.refused)
    return node.network, node.release.behaves_like, refused, frozen(settings)


def frozen(value: object) -> Hashable:
    """A value that can be looked up by what it holds."""
    if isinstance(value, Mapping):
        return tuple((key, frozen(item)) for key, item in sorted(value.items(), key=lambda pair: str(pair[0])))
    if isinstance(value, list | tuple):
        return tuple(map(frozen, value))
    return value if isinstance(value, Hashable) else repr(value)


def asked_and_served(gateway: Node, orchestrator: Node) -> tuple[Workload, ...]:
    """The workloads of an orchestrator that a gateway is for."""
    return tuple(workload for workload in serves(orchestrator) if workload.kind in gateway_settings(gateway).workloads)


def service_endpoint(orchestrator: Node) -> Endpoint | None:
    """What an orchestrator advertises; None where it cannot be read (LPF104)."""
    try:
        return service_uri(orchestrator_settings(orchestrator).service_addr)
    except AddressError:
        return None


def route(gateway: Node, known: Directory) -> Routing:
    """The candidates of one gateway by its discovery."""
    settings = gateway_settings(gateway)
    match settings.discovery:
        case Discovery.LOCAL:
            local = known.by_host.get(gateway.host) or known.by_machine.get(gateway.machine, [])
            candidates = tuple(_local(node) for node in local)
            return Routing(gateway, candidates, known.grouped(candidates), closed=True)
        case Discovery.LIST:
            return _listed(gateway, settings.orch_addr, known)
        case Discovery.ONCHAIN:
            return Routing(gateway, *known.fitting(gateway, Fit.REGISTERED), closed=False)
        case Discovery.REMOTE_SIGNER:
            return Routing(gateway, *known.fitting(gateway, Fit.LISTED), closed=False)
        case Discovery.INVENTORY:
            candidates, kinds = known.fitting(gateway, Fit.PAYABLE)
            if candidates or not known.orchestrators:
                return Routing(gateway, candidates, kinds, closed=True, unfit=known.fitting(gateway, Fit.NONE)[1])
            return Routing(gateway, *known.fitting(gateway, Fit.ANY), closed=True, fits=False)


def _local(node: Node) -> Candidate:
    """An orchestrator of the gateway's own machine, dialled at the address that it listens on."""
    rpc = next((listener for listener in listeners(node) if listener.purpose == "rpc"), None)
    if rpc is None:
        return Candidate(node.host, node, "")
    scheme = "http" if orchestrator_settings(node).http_addr.startswith("http://") else "https"
    return Candidate(node.host, node, Endpoint(scheme, rpc.address or LOCALHOST, rpc.port).url)


def leads(gateway: Node, candidate: Candidate) -> bool:
    """Whether the address of a candidate leads there from the gateway: a loopback one does on the same machine alone."""
    if not candidate.url:
        return False
    if candidate.node is None or candidate.node.machine == gateway.machine:
        return True
    return not is_loopback(orchestrator_url(candidate.url).host)


def _listed(gateway: Node, entries: Iterable[OrchAddr], fleet: Directory) -> Routing:
    candidates: dict[Hashable, Candidate] = {}
    faults: list[Fault] = []
    for place, entry in enumerate(entries):
        for one in _named(gateway, place, entry, fleet, faults):
            # go-livepeer would try an orchestrator that is listed twice twice.
            first = candidates.setdefault((one.node.host, one.node.name) if one.node else one.url, one)
            faults += _contradiction(one, first)
    found = tuple(candidates.values())
    foreign = any(candidate.node is None for candidate in found)
    return Routing(gateway, found, fleet.grouped(found), closed=not foreign, faults=tuple(faults))


def _named(gateway: Node, place: int, entry: OrchAddr, fleet: Directory, faults: list[Fault]) -> list[Candidate]:
    """The orchestrators that an entry names; what is wrong with it goes to the faults."""
    if entry.host:
        nodes = fleet.by_host.get(entry.host, [])
        if not nodes:
            message = f'"{entry.host}" has no orchestrator in this inventory'
            limit = "an inventory host with an orchestrator, or a URL"
            faults.append(Fault("LPF304", place, entry.host, limit, message, nearest(entry.host, fleet.by_host)))
        advertised = (fleet.advertised[node.host, node.name] for node in nodes)
        return [Candidate(one.name, one.node, one.url, entry, place) for one in advertised]
    try:
        endpoint = orchestrator_url(entry.url)
    except AddressError as error:
        faults.append(Fault("LPF104", place, without_user(entry.url), "https://host:port", str(error), error.hint))
        return []
    known = fleet.answering(endpoint, gateway.machine)
    return [Candidate(known.host if known else endpoint.url, known, endpoint.url, entry, place)]


def _contradiction(one: Candidate, first: Candidate) -> list[Fault]:
    """A price for an orchestrator of the fleet, or another one for a foreign orchestrator that is listed twice."""
    if one.entry is None or not one.entry.price_per_unit:
        return []
    price = _price(one.entry)
    if one.node is not None:
        limit = f"the price in {one.node.sources['price_per_unit'].variable} of {one.name}"
        message = f"{one.name} is an orchestrator of this inventory, which knows its price: this one would not be looked at"
        return [Fault("LPF504", one.place, price, limit, message, "")]
    if one is first or first.entry is None or _price(first.entry) == price:
        return []
    message = f"{one.url} is listed twice, at different prices"
    return [Fault("LPF504", one.place, price, _price(first.entry) or "(no price)", message, "")]


def _price(entry: OrchAddr) -> str:
    if not entry.price_per_unit or entry.pixels_per_unit == "1":
        return entry.price_per_unit
    return f"{entry.price_per_unit} for {entry.pixels_per_unit} pixels"
