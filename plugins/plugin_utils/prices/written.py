# SPDX-License-Identifier: GPL-3.0-or-later
"""Prices and caps as somebody wrote them in YAML or Jinja: what the filters and the templates call."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TypeVar

from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices.amounts import Price, PriceError, Rate, amount_text
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices.bands import DEFAULT_HEADROOM, Offer, band, headroom, price_cap
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices.grammar import (
    json_number,
    parse_pixels,
    parse_price,
    percent,
    rate,
)

T = TypeVar("T")


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
        cap: amount as the flag takes it, for ``pixels_per_unit`` pixels; or an entry of ``-maxPricePerCapability``: a mapping with
            ``price_per_unit``, ``pixels_per_unit`` (as given here) and ``currency`` (wei), whatever else it has.
        price: an amount for as many pixels as the cap is for, or a list of amounts or of mappings with ``price_per_unit``,
            ``pixels_per_unit`` (1) and ``auto_adjust_price`` (true). With both sides open there may be none: then the cap has only
            to be one.
        min, max: percent over the price; None leaves that side open.
        adjusting: whether an orchestrator of a bare amount adjusts it; one that does not is served by a cap at its price.
        pixels_per_unit: what the cap and bare amounts are for.

    Raises:
        PriceError: the cap means "any price", is outside of the band or in another currency than a price, or any of the
            values cannot be read. The text names the values to write.
    """
    limit, pixels = _written_limit(cap, pixels_per_unit)
    if limit.amount == 0:
        raise PriceError(f'a cap of "{_number(cap)}" means any price')
    if min is None and max is None and isinstance(price, list | tuple) and not price:
        return cap
    offers = written_offers(price, adjusting, str(pixels))
    foreign = sorted({currency for _offer, currency in offers} - {limit.currency})
    if foreign:
        raise PriceError(f"the cap is in {limit.currency}, a price in {', '.join(foreign)}; they cannot be compared")
    minimum = None if min is None else written_percent(min, "min")
    maximum = None if max is None else written_percent(max, "max")
    _require_inside(limit, [offer for offer, _currency in offers], minimum, maximum, pixels)
    return cap


def _number(cap: object) -> object:
    return cap.get("price_per_unit") if isinstance(cap, Mapping) else cap


def _written_limit(cap: object, pixels_per_unit: object) -> tuple[Rate, int]:
    """A cap per unit, and how many units it is written for."""
    own = cap.get("pixels_per_unit", pixels_per_unit) if isinstance(cap, Mapping) else pixels_per_unit
    pixels = parse_pixels(written_amount(own, "pixels_per_unit"))
    if not isinstance(cap, Mapping):
        return rate(written_amount(cap, "the cap"), str(pixels)), pixels
    number = json_number(written_amount(cap.get("price_per_unit"), "price_per_unit of the cap"))
    if number is None or number < 0:
        raise PriceError(f'"{cap.get("price_per_unit")}" is no number of a document; write digits, and the currency under a key of its own')
    return Price(number, str(cap.get("currency") or ""), Fraction(pixels)).rate, pixels


def _require_inside(limit: Rate, offers: list[Offer], minimum: Fraction | None, maximum: Fraction | None, pixels: int) -> None:
    fits = band(offers, minimum or Fraction(0), maximum or Fraction(0))
    below = minimum is not None and limit.amount < fits.low
    above = maximum is not None and limit.amount > fits.high
    if not below and not above:
        return
    got, low, high = (amount_text(Rate(amount, limit.currency), pixels) for amount in (limit.amount, fits.low, fits.high))
    right = f"at least {low}" if maximum is None else f"at most {high}" if minimum is None else f"{low} to {high}"
    raise PriceError(f"the cap {got} is {'below' if below else 'above'} the band; write {right}")


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
