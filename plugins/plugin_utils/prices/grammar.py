# SPDX-License-Identifier: GPL-3.0-or-later
"""Amounts as go-livepeer reads them: flags, JSON documents and its CLI API each in a grammar of their own."""

from __future__ import annotations

import re
from fractions import Fraction

from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices.amounts import Price, PriceError, Rate, decimal_text

# starter.go:parsePricePerUnit; [A-z] there is the ASCII range, with [ \ ] ^ _ and the back-tick in it
_PRICE = re.compile(r"([0-9]+(?:\.[0-9]+)?)([A-z][A-z0-9]*)?")
_DECIMAL = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_DIGITS = "[0-9](?:_?[0-9])*"
_FLOAT = re.compile(rf"({_DIGITS}\.?|\.{_DIGITS}|{_DIGITS}\.{_DIGITS})(?:[eE]([+-]?{_DIGITS}))?")
_INTEGER = re.compile(r"(0[xX](?:_?[0-9a-fA-F])+|0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|[1-9](?:_?[0-9])*|0(?:_?[0-7])*)")

LONGEST = 300
"""Characters of an amount, and the exponent of one, above which it is not read here: Go reads more, but nobody means them."""


def parse_price(text: str) -> Price:
    """Read an amount in the grammar of go-livepeer's price flags (``starter.go:parsePricePerUnit``).

    Raises:
        PriceError: go-livepeer would stop with a panic (exit status 2).
    """
    match = _PRICE.fullmatch(text) if len(text) <= LONGEST else None
    if match is None:
        raise PriceError(f'"{text}" is no price; go-livepeer reads digits, a point and digits, a currency: 1200, 0.5, 0.002USD')
    return Price(Fraction(match[1]), match[2] or "")


def parse_pixels(text: str) -> int:
    """Read a number of pixels as ``-pixelsPerUnit`` does (Go's big.Rat, which must be a positive whole number).

    Raises:
        PriceError: go-livepeer would stop with a panic (exit status 2).
    """
    value = go_rational(text)
    if value is None or value <= 0 or value.denominator != 1:
        raise PriceError(f'"{text}" is no number of pixels; write a whole number above 0 such as 1 or 1000000000000')
    return value.numerator


def go_rational(text: str) -> Fraction | None:
    """Read a number as Go's ``big.Rat.SetString``: the CLI API's grammar (``1e3``, ``0x10``, ``1/3``); None where Go refuses it.

    Bases with a point or a binary exponent, which Go reads as well, are refused: nobody means them.
    """
    if len(text) > LONGEST:
        return None
    sign, unsigned = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    value = _unsigned(unsigned)
    return None if value is None else sign * value


def _unsigned(text: str) -> Fraction | None:
    """A quotient of integers (a leading 0 is octal there) or a decimal number."""
    if "/" in text:
        numerator, _slash, denominator = text.partition("/")
        parts = [_integer(numerator), _integer(denominator)]
        return Fraction(parts[0], parts[1]) if parts[0] is not None and parts[1] else None
    match = _FLOAT.fullmatch(text)
    if match is None:
        whole = _integer(text)
        return None if whole is None else Fraction(whole)
    exponent = int(match[2] or 0)
    if abs(exponent) > LONGEST:
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


def json_number(text: str) -> Fraction | None:
    """Read a number of a JSON document (``core/ai.go:JSONRat``: the bare token, an exponent allowed); None for what is none there."""
    return go_rational(text) if _JSON_NUMBER.fullmatch(text) else None


def rate(price: str, pixels: str = "1") -> Rate:
    """Price per pixel of a flag's amount and the pixels it is for.

    Raises:
        PriceError: either cannot be read, or the amount is read as something else: ``1e3`` is 1 in the currency e3.
    """
    parsed = parse_price(price)
    if parsed.currency and not (parsed.currency.isascii() and parsed.currency.isalpha()):
        number = decimal_text(parsed.amount)
        raise PriceError(f'"{price}" is read as {number} in the currency "{parsed.currency}"; write all digits of the number')
    return Price(parsed.amount, parsed.currency, Fraction(parse_pixels(pixels))).rate


def percent(text: str) -> Fraction:
    """Read a percentage: digits, or digits with a point.

    Raises:
        PriceError: anything else.
    """
    number = plain_decimal(text)
    if number is None:
        raise PriceError(f'"{text}" is no percentage; write a number such as 20 or 12.5')
    return number


def plain_decimal(text: str) -> Fraction | None:
    """Digits, or digits with a point and digits; None for anything else. What the collection's own amounts are written in."""
    return Fraction(text) if _DECIMAL.fullmatch(text) else None
