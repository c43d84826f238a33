# SPDX-License-Identifier: GPL-3.0-or-later
"""Caps against the band over the prices: LPF201 and LPF202."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import chain

from ansible_collections.livepeer.fleet.plugins.plugin_utils.asks import State
from ansible_collections.livepeer.fleet.plugins.plugin_utils.caps import CapSource
from ansible_collections.livepeer.fleet.plugins.plugin_utils.edges import above_band
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices import Offer, lowest_cap, percent
from ansible_collections.livepeer.fleet.plugins.plugin_utils.routes import Alike, discovers
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.held import Held, held, of
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.survey import Rule, Survey, finding, of_each
from ansible_collections.livepeer.fleet.plugins.plugin_utils.workloads import Workload


def below_band(survey: Survey) -> Iterator[Finding]:
    """LPF201: the cap refuses an orchestrator that the gateway is there to use, now or when gas rises."""
    for one in chain.from_iterable(map(held, survey.routes)):
        if not one.payer.knows("headroom_min"):
            continue
        minimum = percent(one.payer.headroom_min)
        short = [
            (lowest_cap(Offer(price, ask.adjusts), minimum), price, alike, workload)
            for alike, workload, ask in one.asks
            if (price := one.price(ask)) is not None and one.cap.amount < lowest_cap(Offer(price, ask.adjusts), minimum)
        ]
        if short:
            yield from of_each(one.route.payers, _too_low(one, short))


def _too_low(one: Held, short: list[tuple[Fraction, Fraction, Alike, Workload]]) -> Finding:
    _lowest, price, alike, workload = max(short, key=lambda each: each[0])
    whose = f"the price of {alike.first.name}{of(workload)} ({one.amount(price)})"
    least = one.payer.headroom_min
    reason = (
        f"the cap is below {whose}" if one.cap.amount < price else f"the cap leaves less than {least} % over {whose}, which rises with gas"
    )
    count = len({(candidate.name, candidate.url) for _lowest, _price, each, _workload in short for candidate in each.candidates})
    return finding(
        "LPF201",
        one.payer,
        reason + (f"; it is too low for {count} orchestrators" if count > 1 else ""),
        variable=one.cap.variable,
        got=one.got,
        limit=one.band_text + (of(workload) if one.band_text and one.cap.source is CapSource.GLOBAL else ""),
        hint=one.right,
        others=[alike.first.name] if alike.node else [],
        level=Level.WARNING if discovers(one.route.gateway) else Level.ERROR,
    )


LIFTS = 2
"""So many times the next price, one that sets an auto cap alone is named: nobody wrote the cap, and the price may be mistyped."""


def lifted(survey: Survey) -> Iterator[Finding]:
    """LPF202: an auto cap that a single orchestrator has raised for all."""
    for one in chain.from_iterable(map(held, survey.routes)):
        workload = one.asks[0][1]
        prices = [(price, alike) for alike, of_this, ask in one.asks if of_this == workload and (price := one.price(ask)) is not None]
        if one.cap.source is not CapSource.AUTO or len(prices) < len(one.asks):
            continue
        (top, dearest), *rest = sorted(prices, key=lambda each: each[0], reverse=True)
        if rest and len(dearest.candidates) == 1 and top > LIFTS * rest[0][0] > 0:
            says = finding(
                "LPF202",
                one.payer,
                f"{dearest.first.name} alone sets the cap{of(workload)}: the next price is {one.amount(rest[0][0])}",
                variable=one.cap.variable,
                got=f"auto, which is {one.got}",
                limit=f"{one.amount(top)} at {dearest.first.name}",
                hint="see whether that price is meant; if so, nothing is to be done",
                others=[dearest.first.name] if dearest.node else [],
                level=Level.INFO,
            )
            yield from of_each(one.route.payers, says)


def over_band(survey: Survey) -> Iterator[Finding]:
    """LPF202: more would be paid than any orchestrator needs."""
    for one in chain.from_iterable(map(held, survey.routes)):
        workload = one.asks[0][1]
        stated = any(ask.state is not State.FREE_BY_FLOOR for _alike, _workload, ask in one.asks)
        if stated and above_band(one.route, workload):
            most = f"more than {one.payer.headroom_max} % over the highest price of the orchestrators{of(workload)}"
            says = finding(
                "LPF202",
                one.payer,
                f"the cap is {most}, and more than the stated gas price needs" if _raised(one) else f"the cap is {most}",
                variable=one.cap.variable,
                got=one.got,
                limit=one.band_text,
                hint=one.right,
                level=Level.WARNING,
            )
            yield from of_each(one.route.payers, says)


def _raised(one: Held) -> bool:
    """True if the stated gas price has raised the upper edge."""
    prices = [price for _alike, _workload, ask in one.asks if (price := one.price(ask)) is not None]
    return one.band is not None and bool(prices) and one.band.high > max(prices) * (1 + percent(one.payer.headroom_max) / 100)


RULES = (
    Rule(
        "LPF201",
        "error; warning with on-chain discovery",
        "A cap below the band: the price, and the least headroom over it where the orchestrator adjusts its price.",
        "Write a cap between the two values, or auto.",
        below_band,
    ),
    Rule(
        "LPF202",
        "info",
        "An auto cap that one orchestrator alone sets, by a price of more than twice the next one.",
        "See whether that price is meant.",
        lifted,
    ),
    Rule(
        "LPF202",
        "warning",
        "A cap above the band. Silent where the gateway may use orchestrators that are not in the inventory.",
        "Write a cap between the two values, or auto.",
        over_band,
    ),
)
