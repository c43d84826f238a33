# SPDX-License-Identifier: GPL-3.0-or-later
"""Prices and caps, exact: go-livepeer's grammar of amounts, the band of a cap, and amounts back as text for a flag."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

T = TypeVar("T")

WEI = "wei"
WEI_PER_ETH = 10**18
SMALLEST = Fraction(1, 1000)
"""Wei per pixel below which an orchestrator with automatic adjustment advertises 0 (``common/util.go:PriceToFixed``)."""

DEFAULT_HEADROOM = 25

# starter.go:parsePricePerUnit; [A-z] there is the ASCII range, with [ \ ] ^ _ and the back-tick in it
_PRICE = re.compile(r"([0-9]+(?:\.[0-9]+)?)([A-z][A-z0-9]*)?")
_DECIMAL = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_DIGITS = "[0-9](?:_?[0-9])*"
_FLOAT = re.compile(rf"\+?({_DIGITS}\.?|\.{_DIGITS}|{_DIGITS}\.{_DIGITS})(?:[eE]([+-]?{_DIGITS}))?")
_INTEGER = re.compile(r"\+?(0[xX](?:_?[0-9a-fA-F])+|0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|[1-9](?:_?[0-9])*|0(?:_?[0-7])*)")
_LARGEST_EXPONENT = 1000


class PriceError(ValueError):
    """An amount that go-livepeer cannot read, or would read as something else."""


@dataclass(frozen=True)
class Price:
    """An amount as ``-pricePerUnit`` and ``-maxPricePerUnit`` read it, before it is divided by the pixels.

    Attributes:
        amount: exact number in front of the currency.
        currency: as written, "" for wei.
    """

    amount: Fraction
    currency: str

    def __str__(self) -> str:
        return f"{decimal_text(self.amount)}{self.currency}"


@dataclass(frozen=True)
class Rate:
    """A price per pixel.

    Attributes:
        amount: exact, in ``currency`` per pixel.
        currency: ``wei`` (amounts in ETH are converted), or another currency in upper case.
    """

    amount: Fraction
    currency: str


@dataclass(frozen=True)
class Offer:
    """What one orchestrator asks per pixel, and whether it adjusts that to the gas price."""

    price: Fraction
    adjusts: bool


@dataclass(frozen=True)
class Band:
    """The caps that fit, both edges included. ``low`` above ``high`` means that no cap fits all orchestrators."""

    low: Fraction
    high: Fraction


def parse_price(text: str) -> Price:
    """Read an amount in the grammar of go-livepeer's price flags (``starter.go:parsePricePerUnit``).

    Raises:
        PriceError: go-livepeer would stop with a panic (exit status 2).
    """
    match = _PRICE.fullmatch(text)
    if match is None:
        raise PriceError(f'"{text}" is no price; go-livepeer reads digits, a point and digits, a currency: 1200, 0.5, 0.002USD')
    return Price(Fraction(match[1]), match[2] or "")


def parse_pixels(text: str) -> int:
    """Read a number of pixels as ``-pixelsPerUnit`` does (Go's big.Rat, which must be a positive whole number).

    Bases with a point or a binary exponent, which Go reads as well, are refused: nobody means them.

    Raises:
        PriceError: go-livepeer would stop with a panic (exit status 2).
    """
    value = _rational(text)
    if value is None or value <= 0 or value.denominator != 1:
        raise PriceError(f'"{text}" is no number of pixels; write a whole number above 0 such as 1 or 1000000000000')
    return value.numerator


def _rational(text: str) -> Fraction | None:
    """Go's big.Rat.SetString without sign: a quotient of integers (a leading 0 is octal there) or a decimal number."""
    if "/" in text:
        numerator, _slash, denominator = text.partition("/")
        parts = [_integer(numerator), None if denominator.startswith("+") else _integer(denominator)]
        return Fraction(parts[0], parts[1]) if parts[0] is not None and parts[1] else None
    match = _FLOAT.fullmatch(text)
    if match is None:
        whole = _integer(text)
        return None if whole is None else Fraction(whole)
    exponent = int(match[2] or 0)
    if abs(exponent) > _LARGEST_EXPONENT:
        return None
    return Fraction(match[1].replace("_", "").rstrip(".")) * Fraction(10) ** exponent


def _integer(text: str) -> int | None:
    match = _INTEGER.fullmatch(text)
    if match is None:
        return None
    digits = match[1].replace("_", "").lower()
    if digits[:2] in ("0x", "0b", "0o"):
        return int(digits, 0)
    return int(digits, 8 if digits[0] == "0" else 10)


def rate(price: str, pixels: str = "1") -> Rate:
    """Price per pixel of an amount and the pixels it is for.

    Raises:
        PriceError: either cannot be read, or the amount is read as something else: ``1e3`` is 1 in the currency e3.
    """
    parsed = parse_price(price)
    if parsed.currency and not (parsed.currency.isascii() and parsed.currency.isalpha()):
        number = decimal_text(parsed.amount)
        raise PriceError(f'"{price}" is read as {number} in the currency "{parsed.currency}"; write all digits of the number')
    per_pixel = parsed.amount / parse_pixels(pixels)
    currency = parsed.currency.lower()
    if currency == "eth":
        return Rate(per_pixel * WEI_PER_ETH, WEI)
    return Rate(per_pixel, WEI if currency in ("", WEI) else currency.upper())


def percent(text: str) -> Fraction:
    """Read a percentage: digits, or digits with a point.

    Raises:
        PriceError: anything else.
    """
    if _DECIMAL.fullmatch(text) is None:
        raise PriceError(f'"{text}" is no percentage; write a number such as 20 or 12.5')
    return Fraction(text)


def price_cap(price: Fraction, headroom_percent: Fraction = Fraction(DEFAULT_HEADROOM)) -> Fraction:
    """The cap that leaves this much headroom over a price; exact.

    Raises:
        PriceError: the price is 0, so that the cap would be 0, which means "any price".
    """
    if price <= 0:
        raise PriceError(
            "no cap can be worked out from the price 0: a cap of 0 means any price; "
            'state the most you would pay (1 for 1 wei), or "any" on purpose'
        )
    return price * (1 + headroom_percent / 100)


def headroom(cap: Fraction, price: Fraction) -> Fraction:
    """How far a cap lies above a price, in percent of the price; negative below it.

    Raises:
        PriceError: the price is 0.
    """
    if price == 0:
        raise PriceError("over a price of 0 there is no headroom in percent")
    return (cap / price - 1) * 100


def band(offers: Iterable[Offer], minimum: Fraction, maximum: Fraction) -> Band:
    """The band of a cap over several orchestrators (DESIGN section 4): from the largest lower to the largest upper edge.

    Args:
        offers: at least one.
        minimum, maximum: percent over the base price. The minimum counts only where the price is adjusted: an
            orchestrator that does not adjust is served by a cap at its price.
    """
    lows, highs = zip(*(_edges(offer, minimum, maximum) for offer in offers), strict=True)
    return Band(max(lows), max(highs))


def _edges(offer: Offer, minimum: Fraction, maximum: Fraction) -> tuple[Fraction, Fraction]:
    return lowest_cap(offer, minimum), offer.price * (1 + maximum / 100)


def lowest_cap(offer: Offer, minimum: Fraction) -> Fraction:
    """The lowest cap that serves one orchestrator."""
    return offer.price * (1 + minimum / 100) if offer.adjusts else offer.price


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


def written_amount(value: object, what: str) -> str:
    """The text of an amount that somebody wrote in YAML or Jinja: an integer or a text.

    Raises:
        PriceError: anything else; a float is no longer what was written.
    """
    if isinstance(value, float):
        raise PriceError(f"{what} is the float {value!r}, which is not exact any more; quote it")
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise PriceError(f"{what} is of type {type(value).__name__}; write an integer or a quoted text")
    return str(value)


def written_percent(value: object, what: str) -> Fraction:
    """A percentage that somebody wrote in YAML or Jinja.

    Raises:
        PriceError: neither an integer nor a text that ``percent`` reads.
    """
    return percent(written_amount(value, what))


def written_offers(price: object, adjusting: bool, pixels_per_unit: object) -> tuple[tuple[Offer, str], ...]:
    """Offers, each with its currency, from one price or a list of prices as ``enforce_headroom`` takes them.

    Raises:
        PriceError: no price, or one that cannot be read.
    """
    entries = list(price) if isinstance(price, list | tuple) else [price]
    if not entries:
        raise PriceError("there is no price to compare the cap with")
    return tuple(_written_offer(entry, adjusting, pixels_per_unit) for entry in entries)


def _written_offer(entry: object, adjusting: bool, pixels: object) -> tuple[Offer, str]:
    amount = entry
    if isinstance(entry, Mapping):
        unknown = sorted(str(key) for key in set(entry) - {"price_per_unit", "pixels_per_unit", "auto_adjust_price"})
        if unknown or "price_per_unit" not in entry:
            raise PriceError(
                f"a price has price_per_unit, pixels_per_unit and auto_adjust_price, not {', '.join(unknown) or 'none of them'}"
            )
        amount = entry["price_per_unit"]
        pixels = entry.get("pixels_per_unit", 1)
        adjusting = bool(entry.get("auto_adjust_price", True))
    value = rate(written_amount(amount, "the price"), written_amount(pixels, "pixels_per_unit"))
    return Offer(value.amount, adjusting), value.currency


def enforce_headroom(  # noqa: PLR0913 - the filter's options
    cap: T,
    price: object,
    min: object = 20,
    max: object = 30,
    *,
    adjusting: bool = True,
    pixels_per_unit: object = 1,
) -> T:
    """The cap, if it lies inside the band over one price or several; what templates and the filter of this name call.

    Args:
        cap: amount as the flag takes it, for ``pixels_per_unit`` pixels.
        price: an amount for ``pixels_per_unit`` pixels, or a list of amounts or of mappings with ``price_per_unit``,
            ``pixels_per_unit`` (1) and ``auto_adjust_price`` (true).
        min, max: percent over the price; None leaves that side open.
        adjusting: whether an orchestrator of a bare amount adjusts it; one that does not is served by a cap at its price.
        pixels_per_unit: what the cap and bare amounts are for.

    Raises:
        PriceError: the cap means "any price", is outside of the band or in another currency than a price, or any of the
            values cannot be read. The text names the values to write.
    """
    pixels = parse_pixels(written_amount(pixels_per_unit, "pixels_per_unit"))
    limit = rate(written_amount(cap, "the cap"), str(pixels))
    if limit.amount == 0:
        raise PriceError(f'a cap of "{cap}" means any price')
    offers = written_offers(price, adjusting, pixels_per_unit)
    foreign = sorted({currency for _offer, currency in offers} - {limit.currency})
    if foreign:
        raise PriceError(f"the cap is in {limit.currency}, a price in {', '.join(foreign)}; they cannot be compared")
    minimum = None if min is None else written_percent(min, "min")
    maximum = None if max is None else written_percent(max, "max")
    _require_inside(limit, [offer for offer, _currency in offers], minimum, maximum, pixels)
    return cap


def _require_inside(limit: Rate, offers: list[Offer], minimum: Fraction | None, maximum: Fraction | None, pixels: int) -> None:
    fits = band(offers, minimum or Fraction(0), maximum or Fraction(0))
    below = minimum is not None and limit.amount < fits.low
    above = maximum is not None and limit.amount > fits.high
    if not below and not above:
        return
    got, low, high = (amount_text(Rate(amount, limit.currency), pixels) for amount in (limit.amount, fits.low, fits.high))
    right = f"at least {low}" if maximum is None else f"at most {high}" if minimum is None else f"{low} to {high}"
    raise PriceError(f"the cap {got} is {'below' if below else 'above'} the band; write {right}")


def amount_text(value: Rate, pixels: int) -> str:
    """An amount for so many pixels, to be pasted as a price or a cap: ``1200``, ``0.0025USD``; a fraction where it is no finite decimal."""
    amount = value.amount * pixels
    return (decimal_text(amount) or str(amount)) + ("" if value.currency == WEI else value.currency)


def written_cap(price: object, headroom_percent: object = DEFAULT_HEADROOM) -> str:
    """The cap with this much headroom over a price, both as somebody wrote them; in the price's currency, for as many pixels.

    Raises:
        PriceError: either cannot be read, or the price is 0.
    """
    text = written_amount(price, "the price")
    rate(text)
    parsed = parse_price(text)
    return str(Price(price_cap(parsed.amount, written_percent(headroom_percent, "headroom")), parsed.currency))


def written_headroom(cap: object, price: object) -> Fraction:
    """Headroom in percent of a cap over a price, both as somebody wrote them, for as many pixels.

    Raises:
        PriceError: either cannot be read, they are in different currencies, or the price is 0.
    """
    limit, asked = rate(written_amount(cap, "the cap")), rate(written_amount(price, "the price"))
    if limit.currency != asked.currency:
        raise PriceError(f"the cap is in {limit.currency}, the price in {asked.currency}; they cannot be compared")
    return headroom(limit.amount, asked.amount)
