# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes: gateways that are alike, whom they may use, what is asked of them and what they pay at most.

A fleet of thousands has many gateways that may each use every orchestrator, and few that differ: whatever an edge depends on
is looked up once for each group, never for each pair.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property

from ansible_collections.livepeer.fleet.plugins.plugin_utils.addresses import (
    AddressError,
    Exposure,
    is_loopback,
    listeners,
    orchestrator_url,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.asks import Ask, accounts, asks, foreign_ask
from ansible_collections.livepeer.fleet.plugins.plugin_utils.caps import Asked, Caps, caps
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Discovery, Fleet, Node, Role
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.settings import gateway_settings, payer_settings
from ansible_collections.livepeer.fleet.plugins.plugin_utils.payments import PAID, PAYS, between, paying, pays, signs
from ansible_collections.livepeer.fleet.plugins.plugin_utils.routing import (
    Candidate,
    Directory,
    Routing,
    frozen,
    leads,
    route,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets import overhead
from ansible_collections.livepeer.fleet.plugins.plugin_utils.workloads import VIDEO, Workload

ROUTED = (*PAYS, "discovery", "orch_addr")
"""Settings of a gateway that tell to whom its jobs go."""

UNREAD = frozenset({"http_addr", "rtmp_addr", "cli_addr", "environment", "eth_acct_addr"})
"""Settings of a gateway that nothing of an edge depends on, or only in a way that is looked at by itself."""


INGEST = ("http_ingest", "auth_webhook_url")
"""Settings of a gateway that decide whether it has routes for jobs on an address that is not loopback."""


@dataclass(frozen=True)
class Alike:
    """Candidates that a gateway can tell apart by nothing that is judged here.

    Attributes:
        candidates: at least one, in the order in which the gateway gets them.
        asks: what each of them asks of the gateway for each workload that it serves. Of a foreign one there is nothing but an
            ask for video, if the gateway is for that.
        reachable: whether its address leads there from the gateway.
    """

    candidates: tuple[Candidate, ...]
    asks: Mapping[Workload, Ask] = field(hash=False)
    reachable: bool = True

    @property
    def first(self) -> Candidate:
        """The one that speaks for all."""
        return self.candidates[0]

    @property
    def node(self) -> Node | None:
        """The first orchestrator; None for a foreign one."""
        return self.candidates[0].node


@dataclass(frozen=True)
class Route:
    """Gateways that are alike in everything an edge depends on, where their jobs go and what they cost.

    Attributes:
        gateways: at least one; the first speaks for all.
        routing: its candidates.
        asked: the candidates by what they ask, in the order of the first of each.
        caps: the most that is paid: the gateway's own caps, or those of the signer that pays for it and others.
        unrouted: workloads that the gateway is for and that have no route on its listener (LPF107).
    """

    gateways: tuple[Node, ...]
    routing: Routing
    asked: tuple[Alike, ...]
    caps: Caps
    unrouted: tuple[str, ...] = ()

    @property
    def gateway(self) -> Node:
        """The one that speaks for all."""
        return self.gateways[0]

    @property
    def payer(self) -> Node:
        """Whose caps and funds count, see ``payments.paying``."""
        return paying(self.gateway)

    @property
    def payers(self) -> tuple[Node, ...]:
        """All nodes of which the same is to be said as of the payer."""
        return self.gateways if self.payer is self.gateway else (self.payer,)

    @cached_property
    def urls(self) -> tuple[str, ...]:
        """What ``-orchAddr`` gets, in order; empty with on-chain discovery."""
        if discovers(self.gateway):
            return ()
        return tuple(dict.fromkeys(candidate.url for candidate in self.routing.candidates if candidate.url))

    @cached_property
    def reach(self) -> tuple[str, ...]:
        """What its gateways must be able to reach from their hosts: orchestrators of the fleet, sorted."""
        return tuple(sorted({candidate.url for candidate in self.routing.candidates if candidate.node is not None and candidate.url}))

    def payable(self) -> Iterator[tuple[Alike, Workload, Ask]]:
        """What the gateway is for, can get there and pays for: the prices that its caps have to fit."""
        for alike in self.asked:
            yield from ((alike, workload, ask) for workload, ask in _paid(self.gateway, alike))


def discovers(gateway: Node) -> bool:
    """True if the gateway, or its signer for it, finds orchestrators on the chain, so that nobody knows all of them."""
    return gateway_settings(gateway).discovery in (Discovery.ONCHAIN, Discovery.REMOTE_SIGNER)


def routes(fleet: Fleet, known: Directory | None = None) -> tuple[Route, ...]:
    """Every gateway of a fleet with its candidates and caps, in groups of those alike; ``known`` is the fleet's directory."""
    return _Mapper(fleet, known or Directory.of(fleet)).routes()


@dataclass(frozen=True)
class Signer:
    """A remote signer of the fleet.

    Attributes:
        node: itself.
        caps: the most that it pays, over all gateways that name it.
        routes: of these gateways; empty where it signs for others alone.
    """

    node: Node
    caps: Caps
    routes: tuple[Route, ...]

    @property
    def asked(self) -> bool:
        """True if there is something that it is known to pay for."""
        return any(True for one in self.routes for _paid in one.payable())


def signers(fleet: Fleet, found: Iterable[Route]) -> tuple[Signer, ...]:
    """Every remote signer of a fleet with its caps; ``found`` are the routes of the fleet."""
    by_payer: dict[tuple[str, str], list[Route]] = {}
    for one in found:
        if one.payer is not one.gateway:
            by_payer.setdefault((one.payer.host, one.payer.name), []).append(one)
    nodes = [node for node in fleet.nodes if node.role is Role.REMOTE_SIGNER]
    return tuple(_signer_of(node, tuple(by_payer.get((node.host, node.name), ()))) for node in nodes)


def _signer_of(node: Node, own: tuple[Route, ...]) -> Signer:
    return Signer(node, own[0].caps if own else caps(node, Asked((), {}, {}, strangers=True)), own)


def unrouted(gateway: Node) -> tuple[str, ...]:
    """Workloads that a gateway is for and that have no route on its HTTP listener (``mediaserver.go:NewLivepeerServer``)."""
    if not gateway.knows("workloads", *INGEST, "http_addr") or takes_http(gateway):
        return ()
    # Video still gets in by RTMP.
    return tuple(kind for kind in gateway_settings(gateway).workloads if kind != VIDEO)


def takes_http(gateway: Node) -> bool:
    """True if a gateway has routes for jobs on its HTTP listener: there is "HTTP ingest" (``starter.go:StartLivepeer``).

    What is said counts; else it is there on loopback, and elsewhere with a webhook that is asked about streams.
    """
    settings = gateway_settings(gateway)
    if settings.http_ingest is not None:
        return settings.http_ingest
    public = any(one.purpose == "http" and one.exposure is not Exposure.LOOPBACK for one in listeners(gateway))
    return bool(settings.auth_webhook_url) or not public


@dataclass(frozen=True)
class _Profile:
    """Everything that an edge depends on at a gateway: what is equal here is alike.

    Attributes:
        base: its settings.
        account: the account that pays, if an orchestrator has a price of its own for it.
        at: where it runs, as far as that matters.
        unrouted: see Route.
    """

    base: Hashable
    account: str
    at: Hashable
    unrouted: tuple[str, ...]


@dataclass(frozen=True)
class _Draft:
    """A route before its caps, which may depend on others."""

    gateways: tuple[Node, ...]
    routing: Routing
    asked: tuple[Alike, ...]
    profile: _Profile


class _Mapper:
    """Makes the routes of one fleet; what is equal is worked out once."""

    def __init__(self, fleet: Fleet, known: Directory) -> None:
        self.gateways = [node for node in fleet.nodes if node.role is Role.GATEWAY]
        self.known = known
        self.asks: dict[tuple[int, str], Mapping[Workload, Ask]] = {}
        self.accounts: dict[int, frozenset[str]] = {}
        for node in self.known.orchestrators:
            kind = self.known.kind(node)
            if kind not in self.accounts:
                self.accounts[kind] = accounts(node)
        self.priced_accounts = frozenset[str]().union(*self.accounts.values())
        self.caps: dict[Hashable, Caps] = {}

    def routes(self) -> tuple[Route, ...]:
        """See ``routes``."""
        groups: dict[_Profile, list[Node]] = {}
        for gateway in self.gateways:
            groups.setdefault(self._profile(gateway), []).append(gateway)
        drafts = [self._draft(profile, tuple(alike)) for profile, alike in groups.items()]
        shared = _by_signer(drafts)
        return tuple(self._route(draft, shared) for draft in drafts)

    def _profile(self, gateway: Node) -> _Profile:
        settings = gateway_settings(gateway)
        at = (gateway.host, gateway.machine) if settings.discovery is Discovery.LOCAL else self._machine(gateway)
        return _Profile(_base(gateway), self._account(gateway), at, unrouted(gateway))

    def _account(self, gateway: Node) -> str:
        """The account that pays, if an orchestrator has a price for it."""
        payer = paying(gateway)
        account = payer_settings(payer).eth_acct_addr.lower()
        return account if (payer is not gateway or pays(gateway)) and account in self.priced_accounts else ""

    def _machine(self, gateway: Node) -> str:
        """The machine, where it matters: loopback addresses lead to those of the same one alone."""
        entries = gateway_settings(gateway).orch_addr
        dials = any(_is_local(entry.url) for entry in entries if entry.url)
        return gateway.machine if dials or gateway.machine in self.known.loopback else ""

    def _draft(self, profile: _Profile, gateways: tuple[Node, ...]) -> _Draft:
        gateway = gateways[0]
        routing = route(gateway, self.known)
        asked = tuple(alike for kind in routing.kinds for alike in self._alike(gateway, profile.account, kind))
        return _Draft(gateways, routing, asked, profile)

    def _alike(self, gateway: Node, account: str, kind: tuple[Candidate, ...]) -> Iterator[Alike]:
        """One group of candidates, in two where only some can be reached."""
        first = kind[0]
        asks_of = self._asks(gateway, account, first)
        near = leads(gateway, first)
        if not self.known.loopback:
            yield Alike(kind, asks_of, near)
            return
        for reachable in (near, not near):
            candidates = tuple(one for one in kind if leads(gateway, one) is reachable)
            if candidates:
                yield Alike(candidates, asks_of, reachable)

    def _asks(self, gateway: Node, account: str, candidate: Candidate) -> Mapping[Workload, Ask]:
        if candidate.node is None:
            known = candidate.entry is not None and VIDEO in gateway_settings(gateway).workloads
            return {Workload(VIDEO): foreign_ask(candidate.entry, candidate.place)} if known and candidate.entry else {}
        kind = self.known.kind(candidate.node)
        key = (kind, account if account in self.accounts[kind] else "")
        if key not in self.asks:
            self.asks[key] = asks(candidate.node, key[1])
        return self.asks[key]

    def _route(self, draft: _Draft, shared: Mapping[str, list[_Draft]]) -> Route:
        gateway = draft.gateways[0]
        payer = paying(gateway)
        among = shared.get(_signer(gateway), [draft])
        asked, overheads = _asked(among), _overheads(among)
        key = (draft.profile.base if payer is gateway else (payer.host, payer.name), frozen(asked), frozen(overheads))
        if key not in self.caps:
            having_it_pay = among if payer is not gateway else [draft]
            kinds = dict.fromkeys(kind for one in having_it_pay for kind in gateway_settings(one.gateways[0]).workloads)
            strangers = any(discovers(one.gateways[0]) for one in having_it_pay)
            self.caps[key] = caps(payer, Asked(tuple(kinds), asked, overheads, strangers))
        return Route(draft.gateways, draft.routing, draft.asked, self.caps[key], draft.profile.unrouted)


def _base(gateway: Node) -> Hashable:
    """Everything of a gateway that an edge depends on, but for its account and where it runs."""
    settings = {name: frozen(value) for name, value in vars(gateway.settings).items() if name not in UNREAD}
    sources = tuple((name, source.variable, source.refused) for name, source in gateway.sources.items())
    limits = (gateway.headroom_min, gateway.headroom_max, gateway.expected_gas_gwei, gateway.pool_size, gateway.exchange_rates)
    return tuple(settings.items()), sources, limits, gateway.network, gateway.release.behaves_like


def _is_local(url: str) -> bool:
    try:
        return is_loopback(orchestrator_url(url).host)
    except AddressError:
        return False


def _signer(gateway: Node) -> str:
    """Whoever pays for the gateway and perhaps for others: "" if it pays itself, nobody does, or a secret says who."""
    return gateway_settings(gateway).remote_signer.known if signs(gateway) else ""


def _by_signer(drafts: Iterable[_Draft]) -> dict[str, list[_Draft]]:
    found: dict[str, list[_Draft]] = {}
    for draft in drafts:
        if _signer(draft.gateways[0]):
            found.setdefault(_signer(draft.gateways[0]), []).append(draft)
    return found


def _paid(gateway: Node, alike: Alike) -> Iterator[tuple[Workload, Ask]]:
    if not gateway.knows(*PAYS) or not paying(gateway).knows("network"):
        return
    wanted = gateway_settings(gateway).workloads
    for workload, ask in alike.asks.items():
        if workload.kind not in wanted:
            continue
        if alike.node is None:
            # Whoever lists an orchestrator that is not the fleet's own and pays, takes it to be paid in the same way.
            if pays(gateway):
                yield workload, ask
        elif alike.node.knows("network") and between(gateway, alike.node.network, workload.kind).outcome == PAID:
            yield workload, ask


def _asked(drafts: Iterable[_Draft]) -> dict[Workload, tuple[Ask, ...]]:
    """The distinct asks of each workload."""
    found: dict[Workload, dict[Ask, None]] = {}
    for draft in drafts:
        for alike in draft.asked:
            for workload, ask in _paid(draft.gateways[0], alike):
                found.setdefault(workload, {})[ask] = None
    return {workload: tuple(each) for workload, each in found.items()}


def _overheads(drafts: Iterable[_Draft]) -> dict[Workload, Fraction]:
    """What the highest stated gas price makes of the prices of a workload, at most."""
    found: dict[Workload, Fraction] = {}
    for draft in drafts:
        for alike in draft.asked:
            factor = None
            for place, (workload, _ask) in enumerate(_paid(draft.gateways[0], alike)):
                factor = overhead(draft.gateways[0], alike.node) if place == 0 else factor
                if factor is not None:
                    found[workload] = max(found.get(workload, factor), factor)
    return found
