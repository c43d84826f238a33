# SPDX-License-Identifier: GPL-3.0-or-later
"""Edges: who can route to whom for one workload, who pays, and whether the price fits under the cap."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fractions import Fraction

from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Discovery, Fleet, Node, Payment, Role
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices import (
    WEI,
    Band,
    Offer,
    PriceError,
    band,
    flag_text,
    headroom,
    lowest_cap,
    parse_pixels,
    percent,
    rate,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.routing import (
    SIGNING,
    Candidate,
    Directory,
    Routing,
    gateway_settings,
    orchestrator_settings,
    route,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.workloads import VIDEO, Workload

WORK = Workload(VIDEO)
"""The one workload whose payment and price are checked so far."""

AUTO = "auto"
ANY = "any"

PAYS = ("network", "payment")
"""Settings of a gateway that tell who pays for its jobs, and where."""

ROUTED = (*PAYS, "discovery", "orch_addr")
"""Settings of a gateway that tell to whom its jobs go."""

CAP = ("max_price_per_unit", "pixels_per_unit")
"""Settings of a gateway that make its cap."""


class Verdict(StrEnum):
    """What the plan says of an edge."""

    GOOD = "good"
    FREE = "free (off-chain)"
    REFUSED = "refused"
    WARNING = "warning"
    UNKNOWN = "unknown"


class Payable(StrEnum):
    """Whether a job can be paid (facts of go-livepeer, seen on the running binary)."""

    FREE = "free"
    PAID = "paid"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class Enforcer(StrEnum):
    """Who holds a price against the cap."""

    GATEWAY = "gateway"
    SIGNER = "signer"
    NOBODY = "nobody"


@dataclass(frozen=True, order=True)
class End:
    """One end of an edge.

    Attributes:
        host: inventory host, or the URL of a foreign orchestrator.
        node: node name, "" for a foreign one.
        url: what the gateway dials, for an orchestrator; "" for a gateway.
    """

    host: str
    node: str = ""
    url: str = ""


@dataclass(frozen=True)
class Edge:
    """One gateway, one orchestrator, one workload; or every gateway here to every orchestrator here, where all of it is equal.

    Attributes:
        gateways: at least one.
        orchestrators: at least one.
        workload: what is asked for.
        discovery: how it was found (value of ``Discovery``).
        if_selected: True with on-chain discovery, where the gateway may take others instead.
        reachable: whether the job has a route on the gateway's listener, and an address that leads from there to the orchestrator.
        payable: whether it can be paid; unknown for foreign orchestrators.
        enforced_by: who holds the price against the cap.
        price: base price in ``currency`` per ``unit``, None where nothing is priced or nobody knows.
        cap: the payer's cap in the same unit, None where there is none.
        currency: "wei", or the currency both sides are written in.
        unit: what the price is for.
        headroom: exact percent of the cap over the price, None where either is missing.
        most: the most that can be paid for a unit: up to twice the first price of a session at its refresh, even above the cap
            (``segment_rpc.go:validatePrice``); None where nothing limits it or nothing is paid.
        verdict: see Verdict.
        codes: codes of the findings that concern it.
    """

    gateways: tuple[End, ...]
    orchestrators: tuple[End, ...]
    workload: Workload
    discovery: str
    if_selected: bool
    reachable: bool
    payable: Payable
    enforced_by: Enforcer
    price: Fraction | None
    cap: Fraction | None
    currency: str
    unit: str
    headroom: Fraction | None
    most: Fraction | None
    verdict: Verdict
    codes: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many edges it stands for."""
        return len(self.gateways) * len(self.orchestrators)

    def each(self) -> Iterator[Edge]:
        """The same as one edge for each pair."""
        for gateway in self.gateways:
            for orchestrator in self.orchestrators:
                yield replace(self, gateways=(gateway,), orchestrators=(orchestrator,))


@dataclass(frozen=True)
class Asked:
    """What one orchestrator asks of one gateway for video.

    Attributes:
        offer: price per pixel and whether it is adjusted.
        currency: of the price.
        written: the same as ``enforce_headroom`` takes it.
    """

    offer: Offer
    currency: str
    written: Mapping[str, object] = field(hash=False)


@dataclass(frozen=True)
class Cap:
    """The most that a gateway pays for video, as its flags take it.

    A template guards it with ``cap.text | livepeer.fleet.enforce_headroom(cap.prices, min=cap.headroom_min,
    max=cap.headroom_max, pixels_per_unit=cap.pixels_per_unit)`` wherever ``cap.prices`` is not empty.

    Attributes:
        text: value of ``-maxPricePerUnit``; never 0.
        pixels_per_unit: value of ``-pixelsPerUnit``.
        amount: per pixel, exact, in ``currency``.
        currency: ``wei`` or another one in upper case.
        prices: the different prices that it has to fit, as ``enforce_headroom`` takes them.
        headroom_min, headroom_max: percent for the guard; None for a side on which the rules only warn.
    """

    text: str
    pixels_per_unit: int
    amount: Fraction
    currency: str
    prices: tuple[Mapping[str, object], ...]
    headroom_min: str | None
    headroom_max: str | None


@dataclass(frozen=True)
class Alike:
    """Candidates that a gateway can tell apart by nothing that is judged here.

    Attributes:
        candidates: at least one, in the order in which the gateway gets them.
        asks: what each of them asks of the gateway, by workload; a workload without a price is not in it.
    """

    candidates: tuple[Candidate, ...]
    asks: Mapping[Workload, Asked] = field(hash=False)

    @property
    def first(self) -> Candidate:
        """The one that speaks for all."""
        return self.candidates[0]


@dataclass(frozen=True)
class Route:
    """Gateways that are alike in everything an edge depends on, where their jobs go and what they cost.

    Attributes:
        gateways: at least one; the first speaks for all.
        routing: its candidates.
        asked: the candidates by what they ask.
        cap: None where there is none, or it cannot be read or worked out, or nothing is paid on-chain.
        currency: of the cap; without one, of the prices if they agree; else "".
        band: of the prices in that currency; None where there are none.
    """

    gateways: tuple[Node, ...]
    routing: Routing
    asked: tuple[Alike, ...]
    cap: Cap | None
    currency: str
    band: Band | None

    @property
    def gateway(self) -> Node:
        """The one that speaks for all."""
        return self.gateways[0]

    @property
    def urls(self) -> tuple[str, ...]:
        """What ``-orchAddr`` gets, in order; empty with on-chain discovery."""
        if gateway_settings(self.gateway).discovery is Discovery.ONCHAIN:
            return ()
        return tuple(dict.fromkeys(candidate.url for candidate in self.routing.candidates if candidate.url))


def edges(found: Iterable[Route]) -> tuple[Edge, ...]:
    """Every edge of these routes, by gateway, then in the order in which the gateway gets its orchestrators."""
    return tuple(edge for one in found for edge in _edges(one))


def routes(fleet: Fleet) -> tuple[Route, ...]:
    """Every gateway of a fleet with its candidates, cap and band."""
    known = Directory.of(fleet)
    return tuple(_route(node, known) for node in fleet.nodes if node.role is Role.GATEWAY)


def pays(gateway: Node) -> bool:
    """True if the gateway itself pays, so that go-livepeer reads its caps at all."""
    return gateway.onchain and gateway_settings(gateway).payment is Payment.ONCHAIN


def why_unpayable(gateway: Node, orchestrator: Node) -> str:
    """Why this pair cannot do video, or "" (pricing.json:off_chain_and_on_chain_mix, seen on 0.9.1)."""
    payment = gateway_settings(gateway).payment
    if payment in SIGNING and orchestrator.onchain:
        return "video is signed with the gateway's own key, which a gateway that pays through a signer does not have"
    if payment is Payment.NONE and orchestrator.onchain:
        return "an on-chain orchestrator takes no job from an off-chain gateway"
    if payment is Payment.ONCHAIN and not orchestrator.onchain:
        return "an off-chain orchestrator names no price, so that an on-chain gateway gives it no job"
    if payment is Payment.ONCHAIN and orchestrator.network != gateway.network:
        return f"the gateway pays on {gateway.network}, the orchestrator is paid on {orchestrator.network}"
    return ""


def _route(gateway: Node, known: Directory) -> Route:
    """Candidates, cap and band of one gateway."""
    routing = route(gateway, known)
    alike = _alike(gateway, routing)
    asked = [one.asks[WORK] for one in alike if WORK in one.asks]
    cap = _cap(gateway, asked)
    currencies = {price.currency for price in asked}
    currency = cap.currency if cap else currencies.pop() if len(currencies) == 1 else ""
    fits = _band(gateway, currency, asked)
    if cap is not None and fits is not None:
        cap = _guarded(cap, gateway, fits)
    return Route((gateway,), routing, alike, cap, currency, fits)


def _alike(gateway: Node, routing: Routing) -> tuple[Alike, ...]:
    known: dict[tuple[object, ...], Asked | None] = {}
    groups: dict[tuple[object, ...], list[Candidate]] = {}
    asks: dict[tuple[object, ...], Asked | None] = {}
    for candidate in routing.candidates:
        asked = _asked(gateway, candidate, known) if pays(gateway) and gateway.knows(*PAYS) else None
        key = (asked, _unpriced(gateway, candidate) if asked is None else None)
        asks[key] = asked
        groups.setdefault(key, []).append(candidate)
    found = ((asks[key], tuple(candidates)) for key, candidates in groups.items())
    return tuple(Alike(candidates, {} if asked is None else {WORK: asked}) for asked, candidates in found)


def _asked(gateway: Node, candidate: Candidate, known: dict[tuple[object, ...], Asked | None]) -> Asked | None:
    """The price of one candidate; equal ones are worked out once."""
    adjusts = True  # go-livepeer's default, and the safe guess for a foreign orchestrator
    if candidate.node is not None:
        if why_unpayable(gateway, candidate.node) or not states_price(candidate.node):
            return None
        price, pixels = stated_price(candidate.node, gateway)
        adjusts = orchestrator_settings(candidate.node).auto_adjust_price is not False
    elif candidate.entry is not None:
        price, pixels = candidate.entry.price_per_unit, candidate.entry.pixels_per_unit
    key = (price, pixels, adjusts)
    if key not in known:
        known[key] = _read_asked(price, pixels, adjusts)
    return known[key]


def states_price(orchestrator: Node) -> bool:
    """True if what an orchestrator asks, and whether it adjusts that, was said and could be read."""
    said = orchestrator_settings(orchestrator).auto_adjust_price is not None
    return said and orchestrator.knows("price_per_unit", "pixels_per_unit", "price_per_gateway", "auto_adjust_price")


def stated_price(orchestrator: Node, gateway: Node) -> tuple[str, str]:
    """What an orchestrator's flags ask of this gateway: an entry of its own in ``price_per_gateway``, else the base price."""
    settings = orchestrator_settings(orchestrator)
    account = gateway.settings.eth_acct_addr.lower()
    for entry in settings.price_per_gateway:
        if account and str(entry.get("ethaddress", "")).lower() == account:
            return f"{entry.get('priceperunit', '')}{entry.get('currency') or ''}", str(entry.get("pixelsperunit", ""))
    return settings.price_per_unit, settings.pixels_per_unit


def _read_asked(price: str, pixels: str, adjusts: bool) -> Asked | None:
    try:
        value = rate(price, pixels)
    except PriceError:
        return None
    written = {"price_per_unit": price, "pixels_per_unit": pixels, "auto_adjust_price": adjusts}
    return Asked(Offer(value.amount, adjusts), value.currency, written)


def _limits(gateway: Node) -> tuple[Fraction, Fraction] | None:
    """Least and most headroom in percent; None where they were refused."""
    if not gateway.knows("headroom_min", "headroom_max"):
        return None
    return percent(gateway.headroom_min), percent(gateway.headroom_max)


def _band(gateway: Node, currency: str, asked: Sequence[Asked]) -> Band | None:
    offers = {price.offer for price in asked if price.currency == currency}
    limits = _limits(gateway)
    return band(offers, *limits) if offers and limits else None


def _cap(gateway: Node, asked: Sequence[Asked]) -> Cap | None:
    """The cap as written, or worked out; None where there is none to compare with (LPF203, LPF205, LPF208 say why)."""
    settings = gateway_settings(gateway)
    if not pays(gateway) or not gateway.knows(*PAYS, *CAP) or settings.max_price_per_unit in ("", ANY):
        return None
    if settings.max_price_per_unit == AUTO:
        return _worked_out(gateway, asked)
    try:
        value = rate(settings.max_price_per_unit, settings.pixels_per_unit)
    except PriceError:
        return None
    if value.amount == 0:
        return None
    pixels = parse_pixels(settings.pixels_per_unit)
    return Cap(settings.max_price_per_unit, pixels, value.amount, value.currency, _prices(asked), None, None)


def _worked_out(gateway: Node, asked: Sequence[Asked]) -> Cap | None:
    """``auto``: the upper edge of the band."""
    currencies = {price.currency for price in asked}
    settings = gateway_settings(gateway)
    if len(currencies) != 1 or VIDEO not in settings.workloads:
        return None
    (currency,) = currencies
    fits = _band(gateway, currency, asked)
    if fits is None or fits.high == 0:
        return None
    try:
        wished = parse_pixels(settings.pixels_per_unit)
    except PriceError:
        return None
    text, pixels = flag_text(fits.high, wished)
    return Cap(text + ("" if currency == WEI else currency), pixels, fits.high, currency, _prices(asked), None, None)


def _prices(asked: Sequence[Asked]) -> tuple[Mapping[str, object], ...]:
    """The different prices, in a fixed order."""
    different = {tuple(price.written.items()): price.written for price in asked}
    return tuple(different[key] for key in sorted(different, key=str))


def _guarded(cap: Cap, gateway: Node, fits: Band) -> Cap:
    """The cap with the limits that its template enforces: all that the rules refuse, and what they do not even warn of."""
    return replace(
        cap,
        headroom_min=None if discovers(gateway) else gateway.headroom_min,
        headroom_max=gateway.headroom_max if cap.amount <= fits.high else None,
    )


def _edges(found: Route) -> Iterator[Edge]:
    settings = gateway_settings(found.gateway)
    for alike in found.asked:
        for kind in settings.workloads:
            asked = alike.asks.get(Workload(kind))
            if kind != VIDEO:
                judged = Judgement(Verdict.UNKNOWN)
            elif asked is None:
                judged = _unpriced(found.gateway, alike.first)
            else:
                judged = _priced(found, asked)
            yield _edge(found, alike, Workload(kind), judged)


@dataclass(frozen=True)
class Judgement:
    """What is to be said of an edge: verdict and codes, and the sums behind them (see Edge)."""

    verdict: Verdict
    codes: tuple[str, ...] = ()
    price: Fraction | None = None
    cap: Fraction | None = None
    currency: str = WEI
    headroom: Fraction | None = None


def _edge(found: Route, alike: Alike, workload: Workload, judged: Judgement) -> Edge:
    return Edge(
        gateways=tuple(End(gateway.host, gateway.name) for gateway in found.gateways),
        orchestrators=tuple(End(one.name, one.node.name if one.node else "", one.url) for one in alike.candidates),
        workload=workload,
        discovery=gateway_settings(found.gateway).discovery.value,
        if_selected=discovers(found.gateway),
        reachable=True,
        payable=_payable(found.gateway, alike.first),
        enforced_by=Enforcer.GATEWAY if judged.cap is not None else Enforcer.NOBODY,
        price=judged.price,
        cap=judged.cap,
        currency=judged.currency,
        unit="pixel",
        headroom=judged.headroom,
        most=None if judged.cap is None else 2 * judged.cap,
        verdict=judged.verdict,
        codes=judged.codes,
    )


def _payable(gateway: Node, candidate: Candidate) -> Payable:
    if candidate.node is None:
        return Payable.UNKNOWN
    if why_unpayable(gateway, candidate.node):
        return Payable.REFUSED
    return Payable.PAID if pays(gateway) else Payable.FREE


def _unpriced(gateway: Node, candidate: Candidate) -> Judgement:
    """Video without a price: unpayable, free, unreadable, or a foreign orchestrator of which nobody knows."""
    if candidate.node is None:
        unread = pays(gateway) and candidate.entry is not None and candidate.entry.price_per_unit
        return Judgement(Verdict.REFUSED, ("LPF205",)) if unread else Judgement(Verdict.UNKNOWN)
    if not gateway.knows(*PAYS) or not candidate.node.knows("network"):
        return Judgement(Verdict.REFUSED, ("LPF504",))
    if why_unpayable(gateway, candidate.node):
        return Judgement(Verdict.REFUSED, ("LPF301",))
    if pays(gateway):
        missing = not states_price(candidate.node) or stated_price(candidate.node, gateway)[0] == ""
        return Judgement(Verdict.REFUSED, ("LPF504" if missing else "LPF205",))
    return Judgement(Verdict.FREE if gateway_settings(gateway).payment is Payment.NONE else Verdict.UNKNOWN)


def _priced(found: Route, asked: Asked) -> Judgement:
    price, cap = asked.offer.price, found.cap
    if cap is None and not found.gateway.knows(*CAP):
        return Judgement(Verdict.REFUSED, ("LPF504",), price, currency=asked.currency)
    if cap is None:
        code = no_cap_code(found)
        return Judgement(Verdict.REFUSED if code else Verdict.GOOD, (code,) if code else (), price, currency=asked.currency)
    if asked.currency != cap.currency:
        return Judgement(Verdict.REFUSED, ("LPF208",), price, currency=asked.currency)
    verdict, codes = _fit(found, asked, cap)
    return Judgement(verdict, codes, price, cap.amount, cap.currency, headroom(cap.amount, price) if price else None)


def _fit(found: Route, asked: Asked, cap: Cap) -> tuple[Verdict, tuple[str, ...]]:
    limits = _limits(found.gateway)
    if limits is not None and cap.amount < lowest_cap(asked.offer, limits[0]):
        return (Verdict.WARNING if discovers(found.gateway) else Verdict.REFUSED), ("LPF201",)
    return (Verdict.WARNING, ("LPF202",)) if above_band(found) else (Verdict.GOOD, ())


def discovers(gateway: Node) -> bool:
    """True if the gateway finds its orchestrators on the chain, so that nobody knows all of them."""
    return gateway_settings(gateway).discovery is Discovery.ONCHAIN


def above_band(found: Route) -> bool:
    """True if the cap is higher than any orchestrator of a closed set needs; over prices of 0 every cap is."""
    return found.routing.closed and found.cap is not None and found.band is not None and 0 < found.band.high < found.cap.amount


def no_cap_code(found: Route) -> str:
    """The code that tells why a gateway that pays has no cap, or "" where that is meant."""
    settings = gateway_settings(found.gateway)
    if settings.max_price_per_unit == ANY:
        return ""
    if settings.max_price_per_unit == AUTO and len({alike.asks[WORK].currency for alike in found.asked if WORK in alike.asks}) > 1:
        return "LPF208"
    try:
        parse_pixels(settings.pixels_per_unit)
        if settings.max_price_per_unit not in ("", AUTO):
            rate(settings.max_price_per_unit)
    except PriceError:
        return "LPF205"
    return "LPF203"
