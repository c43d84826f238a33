# SPDX-License-Identifier: GPL-3.0-or-later
"""Edges: for each gateway, orchestrator and workload whether the job gets there, whether it is paid, and who holds it to what price."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction

from ansible_collections.livepeer.fleet.plugins.plugin_utils.asks import Ask, State
from ansible_collections.livepeer.fleet.plugins.plugin_utils.caps import Cap, CapSource, NoCap, no_cap_code, undone
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.payment import Combination
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.pipelines import unit
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Node, Payment
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.settings import gateway_settings
from ansible_collections.livepeer.fleet.plugins.plugin_utils.payments import FREE, PAYS, REFUSED, between, both, pays, signs, unfed
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices import WEI, Offer, Rate, headroom, in_currency, lowest_cap, percent
from ansible_collections.livepeer.fleet.plugins.plugin_utils.routes import ROUTED, Alike, Route, discovers
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets.cases import FOR_WANT_OF_FUNDS, FUNDS, LIMITS, Case, Cases
from ansible_collections.livepeer.fleet.plugins.plugin_utils.workloads import AI, LIVE_RUNNER, LIVE_VIDEO, VIDEO, Workload
from ansible_collections.livepeer.fleet.plugins.plugin_utils.written_amounts import beyond, mistaken

REFRESH = 2
"""Times its first price that a session pays at a refresh, even above the cap (``segment_rpc.go:priceIncreaseThreshold``)."""

WARNINGS = frozenset({"LPF202", "LPF209", "LPF213"})
"""Codes of findings after which a job is done all the same."""

WARNINGS_IF_SELECTED = WARNINGS | {"LPF201", "LPF301"}
"""The same on a gateway that may take other orchestrators."""

NO_PRICE = {State.UNREADABLE: "LPF205", State.UNSTATED: "LPF213"}
"""The finding about a price that is not known; what the parser refused has one of its own, under whatever code."""


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
        lowest_cap: below it a cap is LPF201, in the same unit; None where no cap is held against the price.
        highest_cap: above it a cap is LPF202; None as well where the gateway may use orchestrators that nobody knows.
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
    lowest_cap: Fraction | None
    highest_cap: Fraction | None
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


def edges(found: Iterable[Route], cases: Cases | None = None) -> tuple[Edge, ...]:
    """Every edge of these routes, those between equal ends as one; ``cases`` are those of the fleet, as far as they are known."""
    known = cases or Cases()
    return tuple(edge for one in found for edge in _edges(one, known))


@dataclass(frozen=True)
class Judgement:
    """What is to be said of an edge, whoever its ends are.

    Attributes:
        reachable, payable, enforced_by, price, cap, currency, lowest_cap, highest_cap, most, codes: see Edge.
        mild: codes of findings that are no errors here, beside those that never are.
        known: False where nobody can tell whether it works.
    """

    reachable: bool
    payable: Payable
    enforced_by: Enforcer = Enforcer.NOBODY
    price: Fraction | None = None
    cap: Fraction | None = None
    currency: str = WEI
    most: Fraction | None = None
    lowest_cap: Fraction | None = None
    highest_cap: Fraction | None = None
    codes: tuple[str, ...] = ()
    mild: frozenset[str] = frozenset()
    known: bool = True


def _edges(found: Route, cases: Cases) -> Iterator[Edge]:
    groups: dict[tuple[Workload, Judgement], list[End]] = {}
    for alike in found.asked:
        ends = [End(one.name, one.node.name if one.node else "", one.url) for one in alike.candidates]
        for workload in workloads(found, alike):
            groups.setdefault((workload, judge(found, alike, workload, cases)), []).extend(ends)
    gateways = tuple(End(gateway.host, gateway.name) for gateway in found.gateways)
    for (workload, judged), orchestrators in groups.items():
        yield _edge(found, workload, judged, gateways, tuple(orchestrators))


def workloads(found: Route, alike: Alike) -> tuple[Workload, ...]:
    """The workloads that a gateway is for and an orchestrator serves; of a foreign one nobody knows, so that it may serve all."""
    wanted = gateway_settings(found.gateway).workloads
    if alike.node is None:
        return tuple(map(Workload, wanted))
    return tuple(workload for workload in alike.asks if workload.kind in wanted)


def _edge(found: Route, workload: Workload, judged: Judgement, gateways: tuple[End, ...], orchestrators: tuple[End, ...]) -> Edge:
    return Edge(
        gateways=gateways,
        orchestrators=orchestrators,
        workload=workload,
        discovery=gateway_settings(found.gateway).discovery.value,
        if_selected=discovers(found.gateway),
        reachable=judged.reachable,
        payable=judged.payable,
        enforced_by=judged.enforced_by,
        price=judged.price,
        cap=judged.cap,
        currency=judged.currency,
        unit=unit(workload),
        headroom=headroom(judged.cap, judged.price) if judged.cap is not None and judged.price else None,
        lowest_cap=judged.lowest_cap,
        highest_cap=judged.highest_cap,
        most=judged.most,
        verdict=_verdict(found, judged),
        codes=judged.codes,
    )


def _verdict(found: Route, judged: Judgement) -> Verdict:
    harmless = WARNINGS_IF_SELECTED if discovers(found.gateway) else WARNINGS
    if not set(judged.codes) <= harmless | judged.mild:
        return Verdict.REFUSED
    if not judged.known:
        return Verdict.UNKNOWN
    if judged.codes:
        return Verdict.WARNING
    return Verdict.FREE if judged.payable is Payable.FREE else Verdict.GOOD


def judge(found: Route, alike: Alike, workload: Workload, cases: Cases) -> Judgement:
    """One edge, as the rules see it too."""
    reachable = alike.reachable and workload.kind not in found.unrouted
    # Where its jobs go is not known of a gateway of which the parser refused that.
    away = not alike.reachable and found.gateway.knows(*ROUTED)
    lost = (*(("LPF104",) if away else ()), *(("LPF107",) if workload.kind in found.unrouted else ()))
    if alike.node is None:
        judged = _foreign(found, alike, workload, cases)
    elif not found.gateway.knows(*PAYS) or not found.payer.knows("network") or not alike.node.knows("network"):
        judged = Judgement(reachable, Payable.UNKNOWN, known=False)
    else:
        judged = _own(found, alike, workload, between(found.gateway, alike.node.network, workload.kind), cases)
    return replace(judged, reachable=reachable, codes=tuple(sorted({*lost, *judged.codes})))


def _foreign(found: Route, alike: Alike, workload: Workload, cases: Cases) -> Judgement:
    """An orchestrator of which nobody knows how it is paid, and perhaps at what price."""
    if unpriced(found.gateway, alike, workload):
        return Judgement(True, Payable.UNKNOWN, codes=("LPF213",), known=False)
    if workload not in alike.asks or not pays(found.gateway) or not found.gateway.knows(*PAYS):
        return Judgement(True, Payable.UNKNOWN, known=False)
    return replace(_priced(found, alike, workload, Enforcer.GATEWAY, cases), payable=Payable.UNKNOWN)


def unpriced(gateway: Node, alike: Alike, workload: Workload) -> bool:
    """True for AI at a foreign orchestrator that would be paid: nothing in an inventory says what it asks for a model."""
    if alike.node is not None or workload.kind not in (AI, LIVE_VIDEO) or not gateway.knows(*PAYS):
        return False
    return pays(gateway) or (signs(gateway) and workload.kind == LIVE_VIDEO)


def _own(found: Route, alike: Alike, workload: Workload, pair: Combination, cases: Cases) -> Judgement:
    if pair.outcome == REFUSED or both(found.gateway):
        code = "LPF303" if both(found.gateway) else "LPF301"
        return Judgement(True, Payable(pair.outcome), codes=(code,))
    if pair.outcome == FREE:
        return Judgement(True, Payable.FREE)
    if unsigned(found, alike.asks[workload]):
        return Judgement(True, Payable.REFUSED, Enforcer.SIGNER, Fraction(0), codes=("LPF301",))
    return _priced(found, alike, workload, Enforcer(pair.enforced_by), cases)


def unsigned(found: Route, ask: Ask) -> bool:
    """True for a price of 0 that a signer is asked to pay: it signs none (``server/remote_signer.go``: "missing or zero priceInfo")."""
    return signs(found.gateway) and ask.rate is not None and ask.rate.amount == 0


def _priced(found: Route, alike: Alike, workload: Workload, enforcer: Enforcer, cases: Cases) -> Judgement:
    ask, cap = alike.asks[workload], found.caps.by_workload.get(workload)
    judged = _capped(found, cap, alike, ask, enforcer) if ask.rate and cap else _uncapped(found, alike, workload, enforcer)
    if judged.price is None:
        return judged
    if ask.rate is not None and (_no_amount(alike.node or found.gateway, ask) or (cap and _no_amount(found.payer, cap))):
        return replace(judged, codes=tuple(dict.fromkeys((*judged.codes, "LPF205"))), mild=judged.mild - {"LPF205"})
    dealt = cases.of(found.gateway, alike.node, Rate(judged.price, judged.currency), workload.kind)
    codes, mild = _tickets(found, dealt, judged.cap) if dealt else ((), frozenset())
    return replace(judged, codes=(*judged.codes, *codes), mild=judged.mild | mild)


def _no_amount(node: Node, stated: Ask | Cap) -> bool:
    """True for a price or a cap of a node that LPF205 refuses, though it is one."""
    rate = Rate(stated.amount, stated.currency) if isinstance(stated, Cap) else stated.rate
    if rate is None:
        return False
    # Few amounts are looked up where they are written: there are as many as edges.
    taken = isinstance(stated, Cap) and stated.source is CapSource.GLOBAL
    return unfed(node, rate.currency) or ((taken or beyond(rate, VIDEO, node.exchange_rates)) and mistaken(node, stated.variable))


def _uncapped(found: Route, alike: Alike, workload: Workload, enforcer: Enforcer) -> Judgement:
    ask = alike.asks[workload]
    # Without a price nothing can be worked out, and a runner's is nobody's business: that says it all.
    capped = workload in found.caps.by_workload
    lacks_price = ask.rate is None and workload.kind != LIVE_RUNNER
    priceless = NO_PRICE.get(ask.state, "") if lacks_price else ""
    why = NoCap.NONE_NEEDED if capped or lacks_price else found.caps.missing.get(workload, NoCap.NONE_NEEDED)
    codes = tuple(sorted({priceless, no_cap_code(workload, why), *_floored(ask)} - {""}))
    amount, currency = (ask.rate.amount, ask.rate.currency) if ask.rate else (None, WEI)
    known = ask.rate is not None and why not in (NoCap.UNDECLARED, NoCap.REFUSED)
    # A gateway without a cap holds nothing against a price; what a signer does is not known here.
    enforced_by = Enforcer.NOBODY if enforcer is Enforcer.GATEWAY and not capped else enforcer
    return Judgement(True, Payable.PAID, enforced_by, amount, currency=currency, codes=codes, mild=_guessed(alike, ask), known=known)


def _capped(found: Route, cap: Cap, alike: Alike, ask: Ask, enforcer: Enforcer) -> Judgement:
    price, codes = in_cap_currency(found, cap, ask)
    if ask.rate is None or price is None:
        amount, currency = (ask.rate.amount, ask.rate.currency) if ask.rate else (None, WEI)
        return Judgement(True, Payable.PAID, enforcer, amount, currency=currency, codes=codes)
    codes = (*codes, *_floored(ask))
    codes += ("LPF201",) if below_band(found, cap, Offer(price.amount, ask.adjusts)) else ()
    # Over a price that has to be another one, nothing is too high.
    codes += ("LPF202",) if not {"LPF201", *_floored(ask)} & set(codes) and above_band(found, cap.workload) else ()
    codes += ("LPF203",) if undone(found.payer, cap.workload) else ()
    # With an exchange rate the two can be compared all the same; a cap that a flag undoes is one still.
    mild = frozenset({"LPF203", "LPF208"}) | _guessed(alike, ask)
    return Judgement(
        True,
        Payable.PAID,
        enforcer,
        price.amount,
        cap.amount,
        cap.currency,
        _most(found, cap, enforcer),
        _lowest(found, Offer(price.amount, ask.adjusts)),
        _highest(found, cap.workload),
        codes,
        mild,
    )


def _most(found: Route, cap: Cap, enforcer: Enforcer) -> Fraction | None:
    """A signer lets no price rise within a session (server/remote_signer.go)."""
    if undone(found.payer, cap.workload):
        return None
    return cap.amount if enforcer is Enforcer.SIGNER else REFRESH * cap.amount


def _tickets(found: Route, dealt: Case, cap: Fraction | None) -> tuple[tuple[str, ...], frozenset[str]]:
    """Codes of what gas, reserve, deposit and tickets make of a price, and those of them that are no errors."""
    spared = discovers(found.gateway) or gateway_settings(found.gateway).payment is Payment.CLEARINGHOUSE
    mild = {LIMITS} if spared else set()
    if discovers(found.gateway) or not set(FOR_WANT_OF_FUNDS) & set(dealt.refusals[0]):
        mild.add(FUNDS)
    return dealt.codes(cap), frozenset(mild)


def in_cap_currency(found: Route, cap: Cap, ask: Ask) -> tuple[Rate | None, tuple[str, ...]]:
    """A price in the currency of the cap, as far as a rate for that is known, and the code of what there is to say of it."""
    if ask.rate is None or ask.rate.currency == cap.currency:
        return ask.rate, ()
    return in_currency(ask.rate, cap.currency, found.payer.exchange_rates), ("LPF208",)


def below_band(found: Route, cap: Cap, offer: Offer) -> bool:
    """True if a cap is too low for an orchestrator, now or when gas rises."""
    low = _lowest(found, offer)
    return low is not None and cap.amount < low


def _lowest(found: Route, offer: Offer) -> Fraction | None:
    return lowest_cap(offer, percent(found.payer.headroom_min)) if found.payer.knows("headroom_min") else None


def above_band(found: Route, workload: Workload) -> bool:
    """True if the cap is higher than any orchestrator of a closed set needs; over prices of 0 every cap is."""
    cap, high = found.caps.by_workload.get(workload), _highest(found, workload)
    return cap is not None and high is not None and high < cap.amount


def _highest(found: Route, workload: Workload) -> Fraction | None:
    fits = found.caps.bands.get(workload)
    return fits.high if found.routing.closed and fits is not None and fits.high > 0 else None


def _guessed(alike: Alike, ask: Ask) -> frozenset[str]:
    """What is only worth a warning, because nobody knows whether a foreign orchestrator adjusts the price that is told of it."""
    return frozenset(_floored(ask)) if alike.node is None else frozenset()


def _floored(ask: Ask) -> tuple[str, ...]:
    return ("LPF205",) if ask.state is State.FREE_BY_FLOOR else ()
