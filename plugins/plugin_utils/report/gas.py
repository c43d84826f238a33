# SPDX-License-Identifier: GPL-3.0-or-later
"""What gas makes of the prices, in words: the figures of a plan as the screen and the page say them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from math import floor

from ansible_collections.livepeer.fleet.plugins.plugin_utils.report.texts import exact_text, percent_text
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets.figures import HIGHEST, Figures, GasRow

DIGITS = 6
"""Significant digits of an amount here; findings and the edges have them all."""


def rough_text(amount: Fraction, digits: int = DIGITS) -> str:
    """So many significant digits, rounded down; ``~`` in front of what is not exact."""
    decimals = max(0, digits - _magnitude(amount))
    rounded = Fraction(floor(amount * 10**decimals), 10**decimals)
    return ("" if rounded == amount else "~") + exact_text(rounded)


def _magnitude(amount: Fraction) -> int:
    """Digits before the point; below 1 less than one for each nought behind it."""
    if amount >= 1 or amount <= 0:
        return len(str(int(amount)))
    return len(str(int(amount.numerator))) - len(str(int(amount.denominator)))


def range_text(low: Fraction | None, high: Fraction | None) -> str:
    """``1000``, ``1000 to 1010.5``; "" where there is nothing."""
    if low is None or high is None:
        return ""
    first, last = rough_text(low), rough_text(high)
    return first if first == last else f"{first} to {last}"


def gas_text(figures: Figures) -> str:
    """The gas prices that were stated, in gwei."""
    return range_text(figures.gas_gwei[0], figures.gas_gwei[-1]) if figures.gas_gwei else ""


def base_text(figures: Figures) -> str:
    """The prices before any overhead."""
    return range_text(figures.base_lowest, figures.base_highest)


def advertised_text(figures: Figures) -> str:
    """The prices that orchestrators name at any of the stated gas prices; it says so where they refuse at some."""
    stated = [row for row in figures.table if figures.gas_gwei and figures.gas_gwei[0] <= row.gas_gwei <= figures.gas_gwei[-1]]
    lows = [row.lowest for row in stated if row.lowest is not None]
    highs = [row.highest for row in stated if row.highest is not None]
    if stated and not highs:
        return "refused"
    return range_text(min(lows, default=None), max(highs, default=None))


def survives_text(figures: Figures) -> str:
    """How far gas may rise, in gwei, and what ends it there; "" without figures."""
    if not figures.table:
        return ""
    if figures.survives_gwei is None:
        return f"none ({figures.ends_by})" if figures.ends_by else "any"
    return f"{rough_text(figures.survives_gwei, 3)} ({figures.ends_by})"


def weakest_first(pricing: Iterable[Figures]) -> list[Figures]:
    """Figures that were worked out: first those with findings, then by how little gas they survive; no limit is last."""
    return sorted((figures for figures in pricing if figures.table), key=_strength)


def _strength(figures: Figures) -> tuple[bool, bool, Fraction]:
    endless = figures.survives_gwei is None and not figures.ends_by
    return not figures.codes, endless, figures.survives_gwei or Fraction(0)


def deposit_text(figures: Figures) -> str:
    """The deposit that the highest stated gas price takes; "" where nothing is paid or everything is refused."""
    return next((row_texts(row)["deposit"] for row in figures.table if HIGHEST in row.marks), "")


def row_texts(row: GasRow) -> dict[str, str]:
    """One gas price: the prices, the headroom under the cap, the deposit that it takes, what is refused."""
    return {
        "gas": rough_text(row.gas_gwei),
        "marks": ", ".join(row.marks),
        "price": range_text(row.lowest, row.highest),
        "headroom": "" if row.headroom is None else percent_text(row.headroom),
        "deposit": "" if row.deposit_eth is None else f"{rough_text(row.deposit_eth)} ETH",
        "refused": ", ".join(row.refused),
    }


def advice(figures: Figures) -> Iterator[str]:
    """What would make the highest stated gas price safe, each way on a line; nothing where nothing is wrong."""
    gas = f"{rough_text(figures.gas_gwei[-1])} gwei" if figures.gas_gwei else ""
    if figures.safe:
        reserve, deposit = rough_text(figures.safe.reserve_eth), rough_text(figures.safe.deposit_eth)
        yield f"a reserve of {reserve} ETH with a deposit of {deposit} ETH is safe at {gas}"
    if figures.cap_instead is not None:
        yield f"a cap of {rough_text(figures.cap_instead)} {figures.currency} per {figures.unit} survives {gas} with the present reserve"
    if figures.max_face_value_instead is not None:
        yield f"maxFaceValue {figures.max_face_value_instead} on the orchestrators makes do with the present deposit"


def lacks_text(figures: Figures) -> str:
    """What could not be worked out, on one line; "" where everything was."""
    if not figures.lacks:
        return ""
    return f"what gas makes of its prices cannot be worked out without {', '.join(figures.lacks)}"
