# SPDX-License-Identifier: GPL-3.0-or-later
"""Prices as go-livepeer reads them: exact fractions, in flags, in forms and in documents."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from . import gojson, golog
from .datadir import read_from_file

WEI_PER_ETHER = 10**18
_RATIONAL = re.compile(
    r"(?P<sign>[+-]?)(?:(?P<prefix>0[bBoOxX])(?P<prefixed>_?[0-9a-fA-F][0-9a-fA-F_]*)"
    r"|(?P<whole>[0-9][0-9_]*)?(?:\.(?P<part>[0-9]*))?(?:[eE](?P<exponent>[+-]?[0-9]{1,4}))?)",
    re.ASCII,
)
BASES = {"0b": 2, "0o": 8, "0x": 16}
_PER_UNIT = re.compile(r"(\d+(?:\.\d+)?)([A-z][A-z0-9]*)?", re.ASCII)
_ENTRY: gojson.Fields = {"ethaddress": "string", "pixelsperunit": "rat", "priceperunit": "rat", "currency": "string"}
_CAPABILITY: gojson.Fields = {
    "pipeline": "string", "model_id": "string", "pixels_per_unit": "rat", "price_per_unit": "rat", "currency": "string",
}  # fmt: skip


class CurrencyError(ValueError):
    """A price that cannot be put into wei; flags panic, forms answer 400."""


class NilPrice(Exception):
    """A nil pointer in the real node, which panics."""


@dataclass(frozen=True)
class Feed:
    """What a price feed says: the two currencies in capitals, and how many of the second one buys one of the first."""

    base: str
    quote: str
    price: Fraction


def rational(text: str) -> Fraction | None:
    """math/big Rat.SetString: 1e3, 0x10, 1_000 and 1/3 are numbers; None for what is none."""
    above, slash, below = text.partition("/")
    value = _number(above)
    if not slash:
        return value
    divisor = _number(below)
    whole = value is not None and divisor is not None and value.denominator == divisor.denominator == 1
    return value / divisor if whole and value is not None and divisor else None


def _number(text: str) -> Fraction | None:
    match = _RATIONAL.fullmatch(text)
    if match is None or "__" in text or text.endswith("_"):
        return None
    sign = -1 if match["sign"] == "-" else 1
    try:
        if match["prefix"]:
            return Fraction(sign * int(match["prefixed"].lstrip("_"), BASES[match["prefix"].lower()]))
        if not match["whole"] and not match["part"]:
            return None
        return sign * Fraction(f"{(match['whole'] or '0').replace('_', '')}.{match['part'] or '0'}e{match['exponent'] or 0}")
    except ValueError:
        return None


def per_unit(text: str) -> tuple[Fraction, str] | None:
    """starter.go:parsePricePerUnit: a decimal number with a currency right behind it."""
    match = _PER_UNIT.fullmatch(text)
    return (Fraction(match[1]), match[2] or "") if match else None


def pixels_per_unit(text: str) -> Fraction:
    """-pixelsPerUnit; anything but a positive whole number panics."""
    pixels = rational(text)
    if pixels is None or pixels.denominator != 1:
        golog.panic(f"-pixelsPerUnit must be a valid integer, provided {text}")
    if pixels <= 0:
        golog.panic(f"-pixelsPerUnit must be > 0, provided {text}")
    return pixels


def in_wei(price: Fraction, currency: str, feed: Callable[[], Feed] | None) -> Fraction:
    """core/autoconvertedprice.go:NewAutoConvertedPrice; wei and ETH need no feed."""
    lower = currency.lower()
    if lower in ("", "wei"):
        return price
    if lower == "eth":
        return price * WEI_PER_ETHER
    if feed is None:
        raise CurrencyError("PriceFeedWatcher is not initialized")
    found, wanted = feed(), currency.upper()
    pair = f"({found.base}/{found.quote})"
    if "ETH" not in (found.base, found.quote):
        raise CurrencyError(f"price feed does not have ETH as a currency {pair}")
    if wanted not in (found.base, found.quote):
        raise CurrencyError(f"price feed does not have {wanted} as a currency {pair}")
    if found.base == "ETH" and found.price == 0:
        golog.panic("division by zero")
    return price * (1 / found.price if found.base == "ETH" else found.price) * WEI_PER_ETHER


@dataclass(frozen=True)
class GatewayPrice:
    """One entry of -pricePerGateway."""

    address: str
    price: Fraction
    currency: str


@dataclass(frozen=True)
class CapabilityPrice:
    """One entry of -maxPricePerCapability; None is a number that is missing."""

    pipeline: str
    model: str
    price: Fraction | None
    pixels: Fraction | None
    currency: str


def gateway_prices(option: str) -> list[GatewayPrice]:
    """starter.go:getGatewayPrices: what cannot be read drops them all with one line of log."""
    try:
        document = gojson.struct(_document(option), {"gateways": "list", "broadcasters": "list"}, "struct")
        old = gojson.structs(document.get("broadcasters"), _ENTRY, "struct")
        new = gojson.structs(document.get("gateways"), _ENTRY, "struct")
    except gojson.JSONError as error:
        golog.error(f"gateway prices could not be parsed: {error}")
        return []
    if old:
        golog.warning("The 'broadcaster' property in the 'pricePerGateway' config is deprecated. Please use 'gateways' instead.")
    return [_gateway_price(entry) for entry in (*old, *new)]


def _gateway_price(entry: dict[str, Any]) -> GatewayPrice:
    price, pixels = _of(entry, "priceperunit"), _of(entry, "pixelsperunit")
    if price is None or pixels is None:
        raise NilPrice
    if pixels == 0:
        golog.panic("division by zero")
    return GatewayPrice(entry.get("ethaddress", ""), price / pixels, entry.get("currency", ""))


def capability_prices(option: str) -> list[CapabilityPrice]:
    """starter.go:getCapabilityPrices: what cannot be read drops them all with one line of log, a wrong key without any."""
    try:
        document = gojson.struct(_document(option), {"capabilities_prices": "list"}, "struct")
        entries = gojson.structs(document.get("capabilities_prices"), _CAPABILITY, "struct")
    except gojson.JSONError as error:
        golog.error(f"model prices could not be parsed: {error}")
        return []
    return [
        CapabilityPrice(
            entry.get("pipeline", ""),
            entry.get("model_id") or "default",
            _of(entry, "price_per_unit"),
            _of(entry, "pixels_per_unit"),
            entry.get("currency", ""),
        )
        for entry in entries
    ]


def _document(option: str) -> Any:
    return gojson.loads(read_from_file(option).encode("utf-8", "surrogateescape"))


def _of(entry: dict[str, Any], name: str) -> Fraction | None:
    return rational(entry[name]) if name in entry else None


def as_text(value: Fraction) -> str:
    """big.Rat.MarshalText: 3/2, and 3 for a whole number."""
    return str(value)


def places(value: Fraction, digits: int) -> str:
    """big.Rat.FloatString"""
    sign, scaled = ("-" if value < 0 else ""), abs(value) * 10**digits
    rounded = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return f"{sign}{rounded // 10**digits}.{rounded % 10**digits:0{digits}d}"


def three_places(value: Fraction) -> str:
    """A price as log lines have it."""
    return places(value, 3)
