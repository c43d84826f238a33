# SPDX-License-Identifier: GPL-3.0-or-later
"""Caps and prices in different currencies: LPF208."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from itertools import chain

from ansible_collections.livepeer.fleet.plugins.plugin_utils.asks import Ask
from ansible_collections.livepeer.fleet.plugins.plugin_utils.caps import AUTO, CAPABILITY_CAPS
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import ExchangeRate
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices import WEI, Rate, in_currency
from ansible_collections.livepeer.fleet.plugins.plugin_utils.routes import Alike, Route
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.held import FLAG_CAP, held, missing, of
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.survey import Rule, Survey, finding, of_each, some
from ansible_collections.livepeer.fleet.plugins.plugin_utils.workloads import VIDEO


def currencies(survey: Survey) -> Iterator[Finding]:
    """LPF208: a cap and a price that move apart with the exchange rate."""
    for found in survey.routes:
        for one in (*_in_other_currencies(found), *_no_common_currency(found)):
            yield from of_each(found.payers, one)


def _in_other_currencies(found: Route) -> Iterator[Finding]:
    for one in held(found):
        others = _by_currency((alike, ask) for alike, _workload, ask in one.asks if ask.rate and ask.rate.currency != one.cap.currency)
        if not others:
            continue
        known = all(in_currency(Rate(Fraction(1), currency), one.cap.currency, one.payer.exchange_rates) for currency in others)
        asks = _who_asks(others)
        dated = _rates(one.payer.exchange_rates, {one.cap.currency, *others})
        yield finding(
            "LPF208",
            one.payer,
            f"the cap is in {one.cap.currency}, but there are prices in other currencies ({asks})"
            + (
                f"; compared at {dated}, and go-livepeer reads its own rate each hour"
                if known
                else "; without a rate they cannot be compared"
            ),
            variable=one.cap.variable,
            got=one.got,
            limit=", ".join(sorted(others)),
            hint=_in_one_currency(one.cap.currency, others) + ("" if known else _or_a_rate({one.cap.currency, *others})),
            others=_own(others),
            level=Level.WARNING if known else Level.ERROR,
        )


def _no_common_currency(found: Route) -> Iterator[Finding]:
    for workload in chain.from_iterable(missing(found, "LPF208").values()):
        others = _by_currency((alike, ask) for alike, one, ask in found.payable() if one == workload and ask.rate)
        yield finding(
            "LPF208",
            found.payer,
            f"no cap can be worked out{of(workload)} from prices in several currencies ({_who_asks(others)})",
            field=FLAG_CAP if workload.kind == VIDEO else CAPABILITY_CAPS,
            got=AUTO,
            limit=", ".join(sorted(others)),
            hint="write all prices in one currency" + _or_a_rate(set(others)),
            others=_own(others),
        )


def _by_currency(asks: Iterable[tuple[Alike, Ask]]) -> dict[str, list[Alike]]:
    found: dict[str, list[Alike]] = {}
    for alike, ask in asks:
        if ask.rate is not None:
            found.setdefault(ask.rate.currency, []).append(alike)
    return found


def _who_asks(others: Mapping[str, list[Alike]]) -> str:
    names = {currency: list(dict.fromkeys(one.name for each in alike for one in each.candidates)) for currency, alike in others.items()}
    return "; ".join(f"{currency}: {some(each)}" for currency, each in sorted(names.items()))


def _own(others: Mapping[str, list[Alike]]) -> list[str]:
    return [alike.first.name for each in others.values() for alike in each if alike.node][:3]


def _rates(rates: Iterable[ExchangeRate], currencies: set[str]) -> str:
    used = [one for one in rates if one.currency in currencies]
    return ", ".join(f"{one.wei} wei for 1 {one.currency}" + (f" of {one.date}" if one.date else " (no date)") for one in used)


def _in_one_currency(own: str, others: Mapping[str, list[Alike]]) -> str:
    text = "write cap and prices in the same currency"
    return f"{text}: the cap in {next(iter(others))}, or the prices in {own}" if len(others) == 1 else text


def _or_a_rate(currencies: set[str]) -> str:
    """The other way out: what the operator says that currencies are worth."""
    others = sorted(currencies - {WEI})
    usd = ["livepeer_wei_per_usd: {wei: …, date: …}"] if "USD" in others else []
    rest = [f"{{currency: {one}, wei: …, date: …}}" for one in others if one != "USD"]
    lines = usd + ([f"livepeer_exchange_rates: [{', '.join(rest)}]"] if rest else [])
    return f"; or say what one is worth, then it is a warning: {' and '.join(lines)}"


RULES = (
    Rule(
        "LPF208",
        "error; warning with a rate",
        "A price and a cap in different currencies.",
        "Write both in the same currency.",
        currencies,
    ),
)
