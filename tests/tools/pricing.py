# SPDX-License-Identifier: GPL-3.0-or-later
"""The content of docs/pricing.md: ``pricing.md.j2`` with every figure worked out by the code that the plan uses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import jinja2
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts import tickets as facts
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices import written_cap
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets.terms import Terms
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets.written import price_plan, readable

BASE = 1000
"""Price of every example, in wei per pixel."""

TEMPLATE = Path(__file__).with_name("pricing.md.j2")


def page() -> str:
    """The page."""
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)
    environment.filters |= {
        "price_plan": price_plan,
        "price_cap": written_cap,
        "asked": asked,
        "survives": survives,
        "funds": funds,
        "strangers": strangers,
    }
    environment.globals |= {"row": row, "short": short, "shares": shares, "ticket_ev_for": ticket_ev_for, "refused_below": refused_below}
    text: str = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render()
    return text


def row(plan: dict[str, Any], mark: str = "highest") -> dict[str, Any]:
    """The line of a plan's table with a mark: at the lowest or highest gas price, or where it ends."""
    found: dict[str, Any] = next(one for one in plan["table"] if mark in one["marks"])
    return found


def asked(gas: str, reserves: Sequence[str]) -> list[str]:
    """A line: what is asked at a gas price, by reserve."""
    plans = [price_plan(BASE, gas_gwei=gas, reserve_eth=reserve) for reserve in reserves]
    return [gas, *(row(plan)["highest"] or "refused" for plan in plans)]


def survives(percent: str, reserves: Sequence[str]) -> list[str]:
    """A line: the gas price at which a cap so far over the base price ends, by reserve."""
    plans: list[dict[str, Any]] = [
        price_plan(BASE, gas_gwei=1, reserve_eth=reserve, cap=written_cap(BASE, percent)) for reserve in reserves
    ]
    return [f"{percent} %", *(f"{short(plan['survives_gwei'])} gwei" for plan in plans)]


def funds(reserve: str) -> list[str]:
    """A line: what is asked at 2 gwei, and the deposit that it takes."""
    at = row(price_plan(BASE, gas_gwei=2, reserve_eth=reserve))
    return [reserve, at["highest"], at["deposit_eth"]]


def strangers(reserve: str) -> list[str]:
    """A line: what is asked at 0.1 and at 2 gwei."""
    plan = price_plan(BASE, gas_gwei=["0.1", "2"], reserve_eth=reserve)
    return [reserve, *(row(plan, mark)["highest"] or "refused" for mark in ("lowest", "highest"))]


def short(gwei: str) -> str:
    """A gas price cut to four decimals, so that it is never more than what is survived."""
    return readable(Fraction(math.floor(Fraction(gwei) * 10_000), 10_000))


def shares(prices: Sequence[int], *, stake: float, price: float, chance: float, factor: float) -> list[str]:
    """How many jobs of a hundred go to orchestrators of equal stake (``selection_algorithm.go:calculateProbabilities``)."""
    scores = [math.exp(-one / factor) for one in prices]
    total, count = sum(scores), len(prices)
    # Where every score has become 0, each gets 1 (and the first of a random order is taken that reaches the sum).
    parts = [price * (score / total if total else 1.0) + stake / count + chance / count for score in scores]
    return [str(round(100 * part / sum(parts))) for part in parts]


def ticket_ev_for(price: int) -> str:
    """The least ticketEV with which a signer pays 60 s of live video at an advertised price, in wei."""
    return str(math.ceil(Fraction(price * facts.first_payment_pixels(), facts.first_payment_tickets())))


def refused_below(network: str, pool: int) -> str:
    """The reserve in ETH with which nobody is refused, whatever the gas price."""
    terms = Terms.read(network, {})
    return readable(Fraction(terms.redeem_gas * facts.average_gas_price() * pool, 10**18))
