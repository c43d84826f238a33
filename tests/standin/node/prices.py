# SPDX-License-Identifier: GPL-3.0-or-later
"""Prices as exact fractions (math/big.Rat, starter.go:parsePricePerUnit)."""

from __future__ import annotations

import re
from fractions import Fraction

_RATIONAL = re.compile(r"[+-]?(?:\d+/\d+|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,4})?)", re.ASCII)


def rational(text: str) -> Fraction | None:
    """big.Rat.SetString for decimal text; None when it is no number."""
    if _RATIONAL.fullmatch(text) is None:
        return None
    try:
        return Fraction(text)
    except ZeroDivisionError:
        return None


def as_text(value: Fraction) -> str:
    """big.Rat.MarshalText: 3/2, and 3 for a whole number."""
    return str(value)


def three_places(value: Fraction) -> str:
    """big.Rat.FloatString(3)"""
    sign, scaled = ("-" if value < 0 else ""), abs(value) * 1000
    rounded = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return f"{sign}{rounded // 1000}.{rounded % 1000:03d}"
