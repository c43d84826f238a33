# SPDX-License-Identifier: GPL-3.0-or-later
"""Edges: who can route to whom for one workload, who pays, and whether the price fits under the cap."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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

VIDEO = "video"
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
    NOT_CHECKED = "not checked yet"


@dataclass(frozen=True)
class Edge:
    """One gateway, one orchestrator, one workload.

    Attributes:
        gateway: inventory host of the gateway.
        gateway_node: its node name.
        orchestrator: inventory host of the orchestrator, or the URL of a foreign one.
        orchestrator_node: its node name, "" for a foreign one.
        workload: ``video``, ``ai``, ``live_video`` or ``live_runner``.
        url: what the gateway dials.
        discovery: how it was found (value of ``Discovery``).
        price: base price in wei (or units of ``currency``) per pixel, None where nothing is priced or nobody knows.
        cap: the gateway's cap in the same unit, None where there is none.
        currency: "wei" or the currency both sides are written in.
        headroom: exact percent of the cap over the price, None where either is missing.
        verdict: see Verdict.
        codes: codes of the findings that concern it.
    """

    gateway: str
    gateway_node: str
    orchestrator: str
    orchestrator_node: str
    workload: str
    url: str
    discovery: str
    price: Fraction | None
    cap: Fraction | None
    currency: str
    headroom: Fraction | None
    verdict: Verdict
    codes: tuple[str, ...] = ()


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
class Route:
    """A gateway, where its jobs go and what they cost.

    Attributes:
        gateway: the node.
        routing: its candidates.
        asked: for each candidate what it asks for video; None where it is not priced, unknown or unreadable.
        cap: None where there is none, or it cannot be read or worked out, or nothing is paid on-chain.
        currency: of the cap; without one, of the prices if they agree; else "".
        band: of the prices in that currency; None where there are none.
    """

    gateway: Node
    routing: Routing
    asked: tuple[Asked | None, ...]
    cap: Cap | None
    currency: str
    band: Band | None

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
    asked = _all_asked(gateway, routing)
    cap = _cap(gateway, asked)
    currencies = {price.currency for price in asked if price is not None}
    currency = cap.currency if cap else currencies.pop() if len(currencies) == 1 else ""
    fits = _band(gateway, currency, asked)
    if cap is not None and fits is not None:
        cap = _guarded(cap, gateway, fits)
    return Route(gateway, routing, asked, cap, currency, fits)


def _all_asked(gateway: Node, routing: Routing) -> tuple[Asked | None, ...]:
    if not pays(gateway) or not gateway.knows(*PAYS):
        return (None,) * len(routing.candidates)
    known: dict[tuple[object, ...], Asked | None] = {}
    return tuple(_asked(gateway, candidate, known) for candidate in routing.candidates)


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


def _band(gateway: Node, currency: str, asked: Iterable[Asked | None]) -> Band | None:
    offers = {price.offer for price in asked if price is not None and price.currency == currency}
    limits = _limits(gateway)
    return band(offers, *limits) if offers and limits else None


def _cap(gateway: Node, asked: Iterable[Asked | None]) -> Cap | None:
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


def _worked_out(gateway: Node, asked: Iterable[Asked | None]) -> Cap | None:
    """``auto``: the upper edge of the band."""
    prices = [price for price in asked if price is not None]
    currencies = {price.currency for price in prices}
    settings = gateway_settings(gateway)
    if len(currencies) != 1 or VIDEO not in settings.workloads:
        return None
    (currency,) = currencies
    fits = _band(gateway, currency, prices)
    if fits is None or fits.high == 0:
        return None
    try:
        wished = parse_pixels(settings.pixels_per_unit)
    except PriceError:
        return None
    text, pixels = flag_text(fits.high, wished)
    return Cap(text + ("" if currency == WEI else currency), pixels, fits.high, currency, _prices(prices), None, None)


def _prices(asked: Iterable[Asked | None]) -> tuple[Mapping[str, object], ...]:
    """The different prices, in a fixed order."""
    different = {tuple(price.written.items()): price.written for price in asked if price is not None}
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
    verdicts: dict[Asked, Judgement] = {}
    for candidate, asked in zip(found.routing.candidates, found.asked, strict=True):
        for workload in settings.workloads:
            if workload != VIDEO:
                yield _edge(found, candidate, workload, Judgement(Verdict.NOT_CHECKED))
            elif asked is None:
                yield _edge(found, candidate, workload, _unpriced(found, candidate))
            else:
                # Thousands of orchestrators ask the same price.
                if asked not in verdicts:
                    verdicts[asked] = _priced(found, asked)
                yield _edge(found, candidate, workload, verdicts[asked])


@dataclass(frozen=True)
class Judgement:
    """What is to be said of an edge: verdict and codes, and the sums behind them (see Edge)."""

    verdict: Verdict
    codes: tuple[str, ...] = ()
    price: Fraction | None = None
    cap: Fraction | None = None
    currency: str = WEI
    headroom: Fraction | None = None


def _edge(found: Route, candidate: Candidate, workload: str, judged: Judgement) -> Edge:
    return Edge(
        gateway=found.gateway.host,
        gateway_node=found.gateway.name,
        orchestrator=candidate.name,
        orchestrator_node=candidate.node.name if candidate.node else "",
        workload=workload,
        url=candidate.url,
        discovery=gateway_settings(found.gateway).discovery.value,
        price=judged.price,
        cap=judged.cap,
        currency=judged.currency,
        headroom=judged.headroom,
        verdict=judged.verdict,
        codes=judged.codes,
    )


def _unpriced(found: Route, candidate: Candidate) -> Judgement:
    """Video without a price: unpayable, free, unreadable, or a foreign orchestrator of which nobody knows."""
    if candidate.node is None:
        unread = pays(found.gateway) and candidate.entry is not None and candidate.entry.price_per_unit
        return Judgement(Verdict.REFUSED, ("LPF205",)) if unread else Judgement(Verdict.NOT_CHECKED)
    if not found.gateway.knows(*PAYS) or not candidate.node.knows("network"):
        return Judgement(Verdict.REFUSED, ("LPF504",))
    if why_unpayable(found.gateway, candidate.node):
        return Judgement(Verdict.REFUSED, ("LPF301",))
    if pays(found.gateway):
        missing = not states_price(candidate.node) or stated_price(candidate.node, found.gateway)[0] == ""
        return Judgement(Verdict.REFUSED, ("LPF504" if missing else "LPF205",))
    return Judgement(Verdict.FREE if gateway_settings(found.gateway).payment is Payment.NONE else Verdict.NOT_CHECKED)


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
    if settings.max_price_per_unit == AUTO and len({price.currency for price in found.asked if price is not None}) > 1:
        return "LPF208"
    try:
        parse_pixels(settings.pixels_per_unit)
        if settings.max_price_per_unit not in ("", AUTO):
            rate(settings.max_price_per_unit)
    except PriceError:
        return "LPF205"
    return "LPF203"
