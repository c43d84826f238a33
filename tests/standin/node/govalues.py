# SPDX-License-Identifier: GPL-3.0-or-later
"""How Go reads and prints numbers, booleans and durations (package strconv, package time)."""

from __future__ import annotations

import math
import re

TRUE_WORDS = frozenset(("1", "t", "T", "true", "TRUE", "True"))
FALSE_WORDS = frozenset(("0", "f", "F", "false", "FALSE", "False"))

NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}

_INTEGER = re.compile(
    r"(?P<sign>[+-]?)(?:0[xX](?P<hex>(?:_?[0-9a-fA-F])+)|0[bB](?P<bin>(?:_?[01])+)"
    r"|0[oO](?P<oct>(?:_?[0-7])+)|0(?P<old>(?:_?[0-7])+)|(?P<dec>0|[1-9](?:_?[0-9])*))",
    re.ASCII,
)
_BASES = {"hex": 16, "bin": 2, "oct": 8, "old": 8, "dec": 10}
_DECIMAL_FLOAT = re.compile(
    r"[+-]?(?:[0-9](?:_?[0-9])*(?:\.(?:[0-9](?:_?[0-9])*)?)?|\.[0-9](?:_?[0-9])*)(?:[eE][+-]?[0-9](?:_?[0-9])*)?", re.ASCII
)
_HEX_FLOAT = re.compile(
    r"[+-]?0[xX](?:(?:_?[0-9a-fA-F])+(?:\.(?:[0-9a-fA-F](?:_?[0-9a-fA-F])*)?)?|\.(?:[0-9a-fA-F](?:_?[0-9a-fA-F])*))"
    r"[pP][+-]?[0-9](?:_?[0-9])*",
    re.ASCII,
)
_SPECIAL_FLOAT = re.compile(r"nan|[+-]?inf(?:inity)?", re.IGNORECASE | re.ASCII)
_DURATION_PART = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)([^0-9.]+)", re.ASCII)


class ParseError(ValueError):
    """A text that Go does not read as the wanted type; the message is the flag package's own."""


def parse_bool(text: str) -> bool:
    """strconv.ParseBool: six words for each value, nothing else (no yes, no on)."""
    if text in TRUE_WORDS:
        return True
    if text in FALSE_WORDS:
        return False
    raise ParseError("parse error")


def parse_int(text: str) -> int:
    """strconv.ParseInt with base 0 and 64 bits: 0x10 is 16, 010 is 8, 1_000 is 1000."""
    match = _INTEGER.fullmatch(text)
    if match is None:
        raise ParseError("parse error")
    name = match.lastgroup or "dec"
    value = int(match.group(name).replace("_", ""), _BASES[name])
    return _within_64_bits(-value if match.group("sign") == "-" else value)


def atoi(text: str) -> int:
    """strconv.Atoi: base 10, a sign is fine, no underscores, no blanks."""
    if re.fullmatch(r"[+-]?[0-9]+", text, re.ASCII) is None:
        raise ParseError("invalid syntax")
    return _within_64_bits(int(text))


def _within_64_bits(value: int) -> int:
    if not -(1 << 63) <= value < 1 << 63:
        raise ParseError("value out of range")
    return value


def parse_float(text: str) -> float:
    """strconv.ParseFloat: decimal, hexadecimal, NaN and Inf; underscores between digits."""
    if _SPECIAL_FLOAT.fullmatch(text):
        return float(text)
    if _DECIMAL_FLOAT.fullmatch(text):
        value = float(text.replace("_", ""))
    elif _HEX_FLOAT.fullmatch(text):
        value = _hex_float(text.replace("_", ""))
    else:
        raise ParseError("parse error")
    if math.isinf(value):
        raise ParseError("value out of range")
    return value


def _hex_float(text: str) -> float:
    try:
        return float.fromhex(text)
    except OverflowError:
        return math.inf


def parse_duration(text: str) -> int:
    """time.ParseDuration: nanoseconds; a bare number has no unit and is refused, but for 0."""
    rest = text[1:] if text[:1] in ("+", "-") else text
    if rest == "0":
        return 0
    total, position = 0, 0
    while position < len(rest):
        match = _DURATION_PART.match(rest, position)
        if match is None or match.group(2) not in NANOSECONDS:
            raise ParseError("parse error")
        total += _scaled(match.group(1), NANOSECONDS[match.group(2)])
        position = match.end()
    negative = text.startswith("-")
    if not rest or total > (1 << 63) - (0 if negative else 1):
        raise ParseError("parse error")
    return -total if negative else total


def _scaled(number: str, unit: int) -> int:
    whole, _, fraction = number.partition(".")
    value = int(whole or "0") * unit
    if fraction:
        value += int(fraction) * unit // 10 ** len(fraction)
    return value


def format_duration(nanoseconds: int) -> str:
    """time.Duration.String: 5m0s, 500ms, 1.5s, 0s."""
    sign, left = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    if left == 0:
        return "0s"
    for unit in ("ns", "µs", "ms"):
        if left < NANOSECONDS[unit] * 1000:
            return f"{sign}{_trimmed(left, NANOSECONDS[unit])}{unit}"
    minutes, rest = divmod(left, NANOSECONDS["m"])
    text = f"{_trimmed(rest, NANOSECONDS['s'])}s"
    if minutes:
        hours, minutes = divmod(minutes, 60)
        text = (f"{hours}h" if hours else "") + f"{minutes}m{text}"
    return sign + text


def _trimmed(value: int, unit: int) -> str:
    whole, part = divmod(value, unit)
    digits = str(part).rjust(len(str(unit)) - 1, "0").rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)


def format_float(value: float, largest: int = 21) -> str:
    """fmt %v of a float64: shortest form, exponent from 1e+21 on and below 1e-4; strconv's own 'g' has it from 1e+06 on."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    text = repr(float(value))
    mantissa, _, exponent = text.partition("e")
    size = math.floor(math.log10(abs(value))) if value else 0
    if value and not -4 <= size < largest:
        return _with_exponent(mantissa, exponent, value)
    if exponent:
        return format(value, ".0f")
    return mantissa[:-2] if mantissa.endswith(".0") else mantissa


def _with_exponent(mantissa: str, exponent: str, value: float) -> str:
    if not exponent:
        digits = len(mantissa.lstrip("-0.").replace(".", "").rstrip("0"))
        mantissa, _, exponent = format(value, f".{max(digits - 1, 0)}e").partition("e")
    number = int(exponent)
    return f"{mantissa[:-2] if mantissa.endswith('.0') else mantissa}e{'-' if number < 0 else '+'}{abs(number):02d}"


def quote(text: str) -> str:
    """strconv.Quote for the texts that occur in messages (%q)."""
    out = []
    for char in text:
        if char in '"\\':
            out.append("\\" + char)
        elif char in "\a\b\f\n\r\t\v":
            out.append({"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}[char])
        elif ord(char) < 0x20 or ord(char) == 0x7F:
            out.append(f"\\x{ord(char):02x}")
        elif char == "\ufeff":
            out.append("\\ufeff")
        else:
            out.append(char)
    return '"' + "".join(out) + '"'
