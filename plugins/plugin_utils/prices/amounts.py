# SPDX-License-Identifier: GPL-3.0-or-later
"""Amounts, exact: rates per unit, their currencies, and the way back into the text of a flag."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import ExchangeRate

WEI = "wei"
WEI_PER_ETH = 10**18

SMALLEST = Fraction(1, 1000)
"""Wei per unit below which an orchestrator with automatic adjustment advertises 0 (``common/util.go:PriceToFixed``)."""

LARGEST = 2**63 - 1
"""Wei per unit that no price can be above: it travels as two int64 (pricing.json:int64_limits). As a cap it is any price."""


class PriceError(ValueError):
    """An amount that go-livepeer cannot read, or would read as something else."""


@dataclass(frozen=True)
class Rate:
    """A price per unit: per pixel for video, per unit of its pipeline for AI (``facts.pipelines.unit``).

    Attributes:
        amount: exact, in ``currency`` per unit.
        currency: ``wei`` (amounts in ETH are converted), or another currency in upper case.
    """

    amount: Fraction
    currency: str


@dataclass(frozen=True)
class Price:
    """An amount as go-livepeer reads it from a flag or a document.

    Attributes:
        amount: exact number in front of the currency.
        currency: as written, "" for wei.
        pixels: units that it is for.
    """

    amount: Fraction
    currency: str
    pixels: Fraction = Fraction(1)

    def __str__(self) -> str:
        return f"{decimal_text(self.amount)}{self.currency}"

    @property
    def rate(self) -> Rate:
        """The price per unit, ETH as wei (``core/autoconvertedprice.go:NewAutoConvertedPrice``)."""
        per_unit, currency = self.amount / self.pixels, self.currency.lower()
        if currency == "eth":
            return Rate(per_unit * WEI_PER_ETH, WEI)
        return Rate(per_unit, WEI if currency in ("", WEI) else currency.upper())


def in_wei(rate: Rate, rates: Iterable[ExchangeRate]) -> Rate | None:
    """The same rate in wei, by what the operator says currencies are worth; None where nobody said it of this one."""
    if rate.currency == WEI:
        return rate
    worth = next((Fraction(one.wei) for one in rates if one.currency == rate.currency), None)
    return None if worth is None else Rate(rate.amount * worth, WEI)


def in_currency(rate: Rate, currency: str, rates: tuple[ExchangeRate, ...]) -> Rate | None:
    """The same rate in another currency; None where a rate lacks."""
    if rate.currency == currency:
        return rate
    amount, one = in_wei(rate, rates), in_wei(Rate(Fraction(1), currency), rates)
    return None if amount is None or one is None or one.amount == 0 else Rate(amount.amount / one.amount, currency)


def advertised(base: Fraction, overhead: Fraction | None) -> Fraction | None:
    """A price in wei as it is sent; ``overhead`` is a factor, None for an orchestrator that does not adjust.

    Adjusted, it is cut to 3 decimals and ends at the largest int64 (``common/util.go:ratToFixed``: its division keeps as many
    bits as numerator and denominator have, so that it never rounds up to the next thousandth). Not adjusted, it is floored to
    whole wei where numerator or denominator is no int64 (``core/orchestrator.go:PriceInfoForCaps``, which gateways ask); None
    where even that is too large, which it answers with "price cannot be converted to int64".
    """
    if overhead is not None:
        # Whole numbers, because a fleet has many prices: three fractions would each be reduced.
        thousandths = 1000 * base.numerator * overhead.numerator // (base.denominator * overhead.denominator)
        return Fraction(min(thousandths, LARGEST), 1000)
    if base.numerator <= LARGEST and base.denominator <= LARGEST:
        return base
    return None if base // 1 > LARGEST else Fraction(base // 1)


def decimal_text(amount: Fraction) -> str | None:
    """The shortest text that go-livepeer's price grammar reads as exactly this amount; None if it is no finite decimal, or negative."""
    if amount < 0:
        return None
    places = _places(amount.denominator)
    if places is None:
        return None
    if places == 0:
        return str(amount.numerator)
    digits = str(amount.numerator * 10**places // amount.denominator).rjust(places + 1, "0")
    return f"{digits[:-places]}.{digits[-places:]}"


def _places(denominator: int) -> int | None:
    """Decimal places that a reduced fraction needs."""
    twos, rest = _strip(denominator, 2)
    fives, rest = _strip(rest, 5)
    return max(twos, fives) if rest == 1 else None


def _strip(number: int, factor: int) -> tuple[int, int]:
    count = 0
    while number % factor == 0:
        number //= factor
        count += 1
    return count, number


def flag_text(per_pixel: Fraction, pixels: int = 1) -> tuple[str, int]:
    """Write a price per pixel as the pair of ``-maxPricePerUnit`` and ``-pixelsPerUnit``, exactly.

    Args:
        per_pixel: not negative.
        pixels: wished; multiplied where the amount for so many pixels would not be a finite decimal.
    """
    _twos, rest = _strip((per_pixel * pixels).denominator, 2)
    _fives, factor = _strip(rest, 5)
    text = decimal_text(per_pixel * pixels * factor)
    if text is None:
        raise PriceError(f"{per_pixel} is negative and no price")
    return text, pixels * factor


def amount_text(value: Rate, pixels: int | Fraction = 1) -> str:
    """An amount for so many pixels, to be pasted as a price or a cap: ``1200``, ``0.0025USD``; a fraction where it is no finite decimal."""
    amount = value.amount * pixels
    return (decimal_text(amount) or str(amount)) + ("" if value.currency == WEI else value.currency)
