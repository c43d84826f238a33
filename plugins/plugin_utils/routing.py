# SPDX-License-Identifier: GPL-3.0-or-later
"""Which orchestrators a gateway may give jobs to, by its discovery; nothing about prices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

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
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import (
    Discovery,
    Fleet,
    GatewaySettings,
    Node,
    OrchAddr,
    OrchestratorSettings,
    Payment,
    Role,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.nearest import nearest

SIGNING = (Payment.REMOTE_SIGNER, Payment.CLEARINGHOUSE)
"""Payments by somebody else's key; the gateway's own process is off-chain with them."""


@dataclass(frozen=True)
class Candidate:
    """An orchestrator that a gateway may use.

    Attributes:
        name: inventory host, or the URL of a foreign one.
        node: None for a foreign one.
        url: what the gateway dials; "" where the orchestrator's address cannot be read (LPF104).
        entry: the entry of ``livepeer_gateway_orch_addr`` that names it, None with other discoveries.
    """

    name: str
    node: Node | None
    url: str
    entry: OrchAddr | None = None


@dataclass(frozen=True)
class Fault:
    """An entry of ``livepeer_gateway_orch_addr`` that leads nowhere.

    Attributes:
        place: index of the entry.
        got: host or URL as written.
        missing: True if it is a host that has no orchestrator in this fleet; else the URL cannot be read.
        message, hint: why, and what to write or "".
    """

    place: int
    got: str
    missing: bool
    message: str
    hint: str


@dataclass(frozen=True)
class Routing:
    """Where a gateway's jobs can go.

    Attributes:
        gateway: whose.
        candidates: in the order in which the gateway gets them.
        closed: True if it will use no other ones.
        fits: False if discovery by inventory found only orchestrators that do not fit; they are the candidates then.
        faults: entries of its list that lead nowhere.
    """

    gateway: Node
    candidates: tuple[Candidate, ...]
    closed: bool
    fits: bool = True
    faults: tuple[Fault, ...] = ()


@dataclass
class Directory:
    """The orchestrators of a fleet, found by what a discovery asks for."""

    orchestrators: list[Node] = field(default_factory=list)
    by_host: dict[str, list[Node]] = field(default_factory=dict)
    by_machine: dict[str, list[Node]] = field(default_factory=dict)
    by_network: dict[str, list[Node]] = field(default_factory=dict)
    by_address: dict[str, Node] = field(default_factory=dict)
    advertised: dict[tuple[Payment, str], tuple[Candidate, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, fleet: Fleet) -> Directory:
        """Index a fleet once; a fleet of thousands is looked at by every gateway."""
        found = cls([node for node in fleet.nodes if node.role is Role.ORCHESTRATOR])
        for node in found.orchestrators:
            found.by_host.setdefault(node.host, []).append(node)
            found.by_machine.setdefault(node.machine, []).append(node)
            found.by_network.setdefault(node.network, []).append(node)
            endpoint = service_endpoint(node)
            if endpoint is not None and not is_loopback(endpoint.host):
                found.by_address.setdefault(endpoint.address, node)
        return found

    def fitting(self, gateway: Node) -> tuple[Candidate, ...]:
        """The orchestrators that the gateway's payment and network go with; gateways alike share one tuple."""
        payment = gateway_settings(gateway).payment
        key = (payment, gateway.network)
        if key not in self.advertised:
            nodes = self.orchestrators if payment in SIGNING else self.by_network.get(gateway.network, [])
            self.advertised[key] = tuple(_at_service_address(node) for node in nodes if node.onchain is (payment is not Payment.NONE))
        return self.advertised[key]


def gateway_settings(node: Node) -> GatewaySettings:
    """The settings of a gateway; TypeError for another node, which is a mistake in the code."""
    if not isinstance(node.settings, GatewaySettings):
        raise TypeError(f"{node.host}: {node.name} is no gateway")
    return node.settings


def orchestrator_settings(node: Node) -> OrchestratorSettings:
    """The settings of an orchestrator; TypeError for another node, which is a mistake in the code."""
    if not isinstance(node.settings, OrchestratorSettings):
        raise TypeError(f"{node.host}: {node.name} is no orchestrator")
    return node.settings


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
            return Routing(gateway, tuple(_local(node) for node in local), closed=True)
        case Discovery.LIST:
            return _listed(gateway, settings.orch_addr, known)
        case Discovery.ONCHAIN:
            # Off-chain there is nothing to discover from (LPF303).
            found = known.fitting(gateway) if gateway.onchain else ()
            return Routing(gateway, found, closed=False)
        case Discovery.INVENTORY:
            fitting = known.fitting(gateway)
            candidates = fitting or tuple(_at_service_address(node) for node in known.orchestrators)
            return Routing(gateway, candidates, closed=True, fits=bool(fitting) or not candidates)


def _at_service_address(node: Node, entry: OrchAddr | None = None) -> Candidate:
    endpoint = service_endpoint(node)
    return Candidate(node.host, node, "" if endpoint is None else endpoint.url, entry)


def _local(node: Node) -> Candidate:
    """An orchestrator of the gateway's own machine, dialled at the address that it listens on."""
    rpc = next((listener for listener in listeners(node) if listener.purpose == "rpc"), None)
    if rpc is None:
        return Candidate(node.host, node, "")
    scheme = "http" if orchestrator_settings(node).http_addr.startswith("http://") else "https"
    return Candidate(node.host, node, Endpoint(scheme, rpc.address or LOCALHOST, rpc.port).url)


def _listed(gateway: Node, entries: Iterable[OrchAddr], fleet: Directory) -> Routing:
    candidates: list[Candidate] = []
    faults: list[Fault] = []
    for place, entry in enumerate(entries):
        if entry.host:
            nodes = fleet.by_host.get(entry.host, [])
            candidates += (_at_service_address(node, entry) for node in nodes)
            if not nodes:
                message = f'"{entry.host}" has no orchestrator in this inventory'
                faults.append(Fault(place, entry.host, True, message, nearest(entry.host, fleet.by_host)))
            continue
        try:
            endpoint = orchestrator_url(entry.url)
        except AddressError as error:
            faults.append(Fault(place, without_user(entry.url), False, str(error), error.hint))
            continue
        known = _known(gateway, endpoint, fleet)
        candidates.append(Candidate(known.host if known else endpoint.url, known, endpoint.url, entry))
    foreign = any(candidate.node is None for candidate in candidates)
    return Routing(gateway, tuple(candidates), closed=not foreign, faults=tuple(faults))


def _known(gateway: Node, endpoint: Endpoint, fleet: Directory) -> Node | None:
    """The orchestrator of the fleet that answers at a URL, if it is one."""
    if not is_loopback(endpoint.host):
        return fleet.by_address.get(endpoint.address)
    for node in fleet.by_machine.get(gateway.machine, []):
        if any(listener.purpose == "rpc" and listener.port == endpoint.port for listener in listeners(node)):
            return node
    return None
