# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures of a payer: what gas makes of the prices that it may be asked, how far gas can rise, and which funds make it safe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from typing import Any

from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Node
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices import WEI_PER_ETH
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets.cases import FUNDS, HEADROOM, Case, powers_between
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets.deals import Bound, Refusal
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets.payers import Payer
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets.terms import WEI_PER_GWEI, Terms
from ansible_collections.livepeer.fleet.plugins.plugin_utils.workloads import Workload

LOWEST = "lowest"
HIGHEST = "highest"
SURVIVES = "survives"

OVER_CAP = "cap"
"""Refused because the advertised price is above the cap."""

DIGITS = 3
"""Significant digits of an amount that is advised; more would only look exact."""


@dataclass(frozen=True)
class Sale:
    """One price that a payer may be asked.

    Attributes:
        orchestrators: names of those that ask it, and make tickets in the same way.
        case: the price with all that decides about it.
        cap: the most that is paid, in the price's currency and unit; None without one, or in another currency.
        first: the first of the orchestrators; None for one outside of the fleet.
    """

    orchestrators: tuple[str, ...]
    case: Case
    cap: Fraction | None
    first: Node | None = None


@dataclass(frozen=True)
class GasRow:
    """What one gas price makes of the prices.

    Attributes:
        gas_gwei: the gas price.
        marks: why it is in the table: ``lowest`` and ``highest`` as stated, ``survives`` the highest at which all of it works.
        lowest, highest: advertised price per unit over the orchestrators; None where each refuses for want of reserve.
        headroom: percent of the cap over the highest, exact; None without either.
        deposit_eth: what the deposit has to be at least; None where nothing is paid or everything is refused.
        refused: what fails, each once: ``cap``, or a value of ``Refusal`` (``reserve``, ``deposit``, ``maxTicketEV`` …).
    """

    gas_gwei: Fraction
    marks: tuple[str, ...]
    lowest: Fraction | None
    highest: Fraction | None
    headroom: Fraction | None
    deposit_eth: Fraction | None
    refused: tuple[str, ...]


@dataclass(frozen=True)
class Funds:
    """A reserve and the deposit that goes with it: a larger reserve raises the face value, and a deposit below that stops all work."""

    reserve_eth: Fraction
    deposit_eth: Fraction


@dataclass(frozen=True)
class Figures:
    """The figures of gateways that are alike, for one workload.

    Attributes:
        gateways: at least one, by the names that edges have for them.
        workload: what is paid for.
        currency, unit: of every price here.
        orchestrators: how many may be used.
        base_lowest, base_highest: their prices before any overhead.
        cap: the lowest cap that counts; None without one.
        gas_gwei: lowest and highest as stated, or empty.
        pool_size, reserve_eth, deposit_eth: as stated, None where they were not.
        lacks: variables that would tell more; without gas, pool size and reserve the table is empty.
        table: gas prices, rising.
        survives_gwei: the highest gas price at which every price is advertised, under its cap, and paid; None for no limit or, with
            ``ends_by``, for none at all.
        ends_by: what ends there for the first of them, a value of ``Bound``: ``cap``, ``reserve``, ``deposit`` …, or "" for no limit.
        covers: units that one payment can be for at the highest gas price (``maxTotalEV``).
        safe: funds that make the highest stated gas price safe under the present cap; None where no funds do, or nothing is wrong.
        best: funds at which a larger reserve lowers no price any more at the highest stated gas price.
        cap_instead: the cap that survives the highest stated gas price with the present reserve; None where the present one does.
        max_face_value_instead: ``maxFaceValue`` of the orchestrators, in wei, that makes do with the present deposit; None where
            it is no help.
        codes: of the findings about it.
        signer: who pays for these gateways, a host of the inventory or a URL; "" where each pays by itself.
    """

    gateways: tuple[str, ...]
    workload: Workload
    currency: str
    unit: str
    orchestrators: int
    base_lowest: Fraction
    base_highest: Fraction
    cap: Fraction | None
    gas_gwei: tuple[Fraction, ...]
    pool_size: int | None
    reserve_eth: Fraction | None
    deposit_eth: Fraction | None
    lacks: tuple[str, ...]
    table: tuple[GasRow, ...] = ()
    survives_gwei: Fraction | None = None
    ends_by: str = ""
    covers: int | None = None
    safe: Funds | None = None
    best: Funds | None = None
    cap_instead: Fraction | None = None
    max_face_value_instead: int | None = None
    codes: tuple[str, ...] = ()
    signer: str = ""


def work_out(stated: Figures, paying: Payer, sales: tuple[Sale, ...]) -> Figures:
    """The figures with all that follows from what was stated.

    Args:
        stated: without table and advice.
        paying: who pays.
        sales: at least one, all in the same currency.
    """
    codes = tuple(sorted({code for sale in sales for code in sale.case.codes(sale.cap)} | ({HEADROOM} if stated.lacks else set())))
    if not sales[0].case.complete:
        return replace(stated, codes=codes)
    sales = extremes(sales)
    gas = sales[0].case.gas
    survives, by = _survives(sales)
    covered = [units for units in (sale.case.deal.covered(gas[1]) for sale in sales) if units is not None]
    found = replace(
        stated,
        table=_table(sales, gas, survives),
        survives_gwei=None if survives is None else Fraction(survives, WEI_PER_GWEI),
        ends_by=by.value,
        covers=min(covered, default=None),
        best=_best(sales, paying, gas),
        codes=codes,
    )
    return _advised(found, paying, sales, gas) if {HEADROOM, FUNDS} & set(codes) else found


def extremes(sales: Sequence[Sale]) -> tuple[Sale, ...]:
    """Of sales to one payer that differ by nothing but their base price, the lowest and the highest: all others lie between them."""
    groups: dict[tuple[Terms, bool, bool, Fraction | None], list[Sale]] = {}
    for sale in sales:
        deal = sale.case.deal
        groups.setdefault((deal.terms, deal.adjusts, deal.base > 0, sale.cap), []).append(sale)
    ends = (find(group, key=_base) for group in groups.values() for find in (min, max))
    return tuple({id(sale): sale for sale in ends}.values())


def _base(sale: Sale) -> Fraction:
    return sale.case.deal.base


def _survives(sales: Sequence[Sale]) -> tuple[int | None, Bound]:
    """The least of the highest gas prices, and what ends there; no gas price at all is less than any."""
    limits = [sale.case.deal.highest_gas(sale.cap) for sale in sales]
    bounding = [limit for limit in limits if limit.by is not Bound.NONE]
    least = min(bounding, key=lambda limit: -1 if limit.wei is None else limit.wei, default=None)
    return (None, Bound.NONE) if least is None else (least.wei, least.by)


def _table(sales: Sequence[Sale], gas: tuple[int, int], survives: int | None) -> tuple[GasRow, ...]:
    marks: dict[int, list[str]] = {gas[0]: [LOWEST]}
    marks.setdefault(gas[1], []).append(HIGHEST)
    if survives is not None:
        marks.setdefault(survives, []).append(SURVIVES)
    for power in powers_between(*gas):
        marks.setdefault(power, [])
    return tuple(_row(sales, price, tuple(marks[price])) for price in sorted(marks))


def _row(sales: Sequence[Sale], gas: int, marks: tuple[str, ...]) -> GasRow:
    asked = [(sale, price) for sale in sales if (price := sale.case.deal.advertised(gas)) is not None]
    prices = [price for _sale, price in asked]
    capped = [(sale.cap, price) for sale, price in asked if sale.cap is not None and price > 0]
    refused = {str(refusal) for sale in sales for refusal in sale.case.deal.refusals(gas)}
    refused |= {OVER_CAP} if any(price > cap for cap, price in capped) else set()
    deposits = [sale.case.deal.deposit_for(gas) for sale, price in asked if price > 0]
    return GasRow(
        gas_gwei=Fraction(gas, WEI_PER_GWEI),
        marks=marks,
        lowest=min(prices, default=None),
        highest=max(prices, default=None),
        headroom=min(((cap / price - 1) * 100 for cap, price in capped), default=None),
        deposit_eth=Fraction(max(deposits), WEI_PER_ETH) if deposits else None,
        refused=tuple(sorted(refused)),
    )


def _best(sales: Sequence[Sale], paying: Payer, gas: tuple[int, int]) -> Funds | None:
    """Funds at which the face value is what go-livepeer starts from, so that the overhead is the least there is."""
    adjusting = [sale for sale in sales if sale.case.deal.adjusts and sale.case.deal.base > 0]
    if not adjusting or paying.pool is None:
        return None
    share = max(sale.case.deal.terms.start(gas[1]) for sale in adjusting)
    return _funds(adjusting, share * paying.pool, paying.pool, gas)


def _funds(sales: Sequence[Sale], reserve: int, pool: int, gas: tuple[int, int]) -> Funds:
    """A reserve, rounded up, with the deposit that it asks for within the gas prices, rounded up too."""
    rounded = round_up(reserve)
    deposit = max(sale.case.deal.deposit_with(rounded // pool, gas) for sale in sales)
    return Funds(Fraction(rounded, WEI_PER_ETH), Fraction(round_up(deposit), WEI_PER_ETH))


def _advised(found: Figures, paying: Payer, sales: tuple[Sale, ...], gas: tuple[int, int]) -> Figures:
    highest = [sale.case.deal.advertised(gas[1]) for sale in sales]
    known = [price for price in highest if price is not None]
    breaks = any(sale.case.breaks(sale.cap) for sale in sales)
    return replace(
        found,
        safe=_safe(sales, paying, gas),
        cap_instead=max(known) if breaks and len(known) == len(sales) else None,
        max_face_value_instead=_max_face_value(sales, gas),
    )


def _safe(sales: tuple[Sale, ...], paying: Payer, gas: tuple[int, int]) -> Funds | None:
    """The least funds, never below the present reserve, that let the present caps survive."""
    if paying.pool is None or paying.reserve is None:
        return None
    paid = [sale for sale in sales if sale.case.deal.base > 0]
    shares = [sale.case.deal.least_share(sale.cap, gas[1]) for sale in paid]
    needed = [share for share in shares if share is not None]
    if not needed or len(needed) < len(shares):
        return None
    if max(needed) <= paying.reserve // paying.pool:
        deposit = max(sale.case.deal.deposit_with(paying.reserve // paying.pool, gas) for sale in paid)
        return Funds(Fraction(paying.reserve, WEI_PER_ETH), Fraction(round_up(deposit), WEI_PER_ETH))
    return _funds(paid, max(needed) * paying.pool, paying.pool, gas)


def _max_face_value(sales: tuple[Sale, ...], gas: tuple[int, int]) -> int | None:
    """The deposit's own limit as ``maxFaceValue``, where that refuses nothing and no price breaks its cap."""
    most = sales[0].case.deal.most_face_value
    if not most or not any(Refusal.DEPOSIT in refusals for sale in sales for refusals in sale.case.refusals):
        return None
    for sale in sales:
        deal = replace(sale.case.deal, terms=replace(sale.case.deal.terms, max_face_value=most))
        prices = [deal.advertised(price) for price in gas]
        fits = all(price is not None and (sale.cap is None or price <= sale.cap) for price in prices)
        if not fits or any(deal.refusals(price) for price in gas):
            return None
    return most


def round_up(amount: int) -> int:
    """An amount of wei with few significant digits, not below it."""
    unit: int = 10 ** max(len(str(amount)) - DIGITS, 0)
    return -(-amount // unit) * unit


def to_dict(figures: Figures) -> dict[str, object]:
    """JSON values: amounts as exact text (``6072/5``), the workload as kind, pipeline and model."""
    plain = {field.name: _plain(getattr(figures, field.name)) for field in fields(figures) if field.name != "workload"}
    place = list(plain).index("gateways") + 1
    workload = {"workload": figures.workload.kind, "pipeline": figures.workload.pipeline, "model_id": figures.workload.model_id}
    return dict([*list(plain.items())[:place], *workload.items(), *list(plain.items())[place:]])


def from_dict(data: Mapping[str, Any]) -> Figures:
    """Back from ``to_dict``."""
    rest = {key: value for key, value in data.items() if key not in ("workload", "pipeline", "model_id")}
    amounts = ("base_lowest", "base_highest", "cap", "reserve_eth", "deposit_eth", "survives_gwei", "cap_instead")
    rest |= {name: _exact(rest[name]) for name in amounts}
    rest |= {
        name: None if rest[name] is None else Funds(**{key: Fraction(text) for key, text in rest[name].items()})
        for name in ("safe", "best")
    }
    rest |= {name: tuple(rest[name]) for name in ("gateways", "lacks", "codes")}
    rest["gas_gwei"] = tuple(map(Fraction, rest["gas_gwei"]))
    rest["table"] = tuple(map(_row_from_dict, rest["table"]))
    return Figures(workload=Workload(data["workload"], data["pipeline"], data["model_id"]), **rest)


def _row_from_dict(data: Mapping[str, Any]) -> GasRow:
    amounts = {name: _exact(data[name]) for name in ("lowest", "highest", "headroom", "deposit_eth")}
    return GasRow(gas_gwei=Fraction(data["gas_gwei"]), marks=tuple(data["marks"]), refused=tuple(data["refused"]), **amounts)


def _plain(value: object) -> object:
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, GasRow | Funds):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return value


def _exact(text: str | None) -> Fraction | None:
    return None if text is None else Fraction(text)
