# SPDX-License-Identifier: GPL-3.0-or-later
"""What go-livepeer makes of a text at each place: the real Go's readings, every example of the facts, and an independent slow reader."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.data import load
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import ExchangeRate
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices import (
    LARGEST,
    Place,
    PriceError,
    Rate,
    advertised,
    complaint,
    decimal_text,
    go_rational,
    implausible,
    in_currency,
    in_wei,
    json_number,
    parse_price,
    read,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices.grammar import LONGEST
from hypothesis import given
from hypothesis import strategies as st

ROWS = json.loads((Path(__file__).parent / "recorded" / "go-amounts.json").read_text(encoding="utf-8"))["rows"]
TEXTS = st.text(alphabet="0179.eE+-_/xobUSDwi[` ", max_size=8)


def amount(text: str | None) -> Fraction | None:
    return None if text is None else Fraction(text)


def flag(text: str) -> tuple[Fraction, str] | None:
    try:
        price = parse_price(text)
    except PriceError:
        return None
    return price.amount, price.currency


@pytest.mark.parametrize("row", ROWS, ids=lambda row: repr(row["text"]))
def test_texts_are_read_as_go_reads_them(row: dict[str, str | None]) -> None:
    text = str(row["text"])
    assert flag(text) == (None if row["flag"] is None else (Fraction(row["flag"]), row["currency"]))
    assert go_rational(text) == amount(row["rational"])
    # JSON knows blanks around a number; a document that is rendered has none.
    assert json_number(text) == (amount(row["document"]) if text == text.strip() else None)


def slow_digits(text: str) -> tuple[str, str]:
    """Leading decimal digits, and the rest."""
    end = 0
    while end < len(text) and text[end] in "0123456789":
        end += 1
    return text[:end], text[end:]


def slow_value(whole: str, places: str) -> Fraction:
    value = Fraction(0)
    for digit in whole + places:
        value = value * 10 + "0123456789".index(digit)
    for _place in places:
        value /= 10
    return value


def slow_flag(text: str) -> tuple[Fraction, str] | None:
    """``starter.go:parsePricePerUnit``, letter by letter."""
    whole, rest = slow_digits(text)
    places = ""
    if rest.startswith("."):
        places, rest = slow_digits(rest[1:])
        if not places:
            return None
    if not whole or (rest and not "A" <= rest[0] <= "z"):
        return None
    if any(not ("A" <= letter <= "z" or "0" <= letter <= "9") for letter in rest):
        return None
    return slow_value(whole, places), rest


def slow_document(text: str) -> Fraction | None:
    """A number of JSON, letter by letter."""
    sign, text = (-1, text[1:]) if text.startswith("-") else (1, text)
    whole, rest = slow_digits(text)
    places, exponent = "", ""
    if not whole or (whole[0] == "0" and whole != "0"):
        return None
    if rest.startswith("."):
        places, rest = slow_digits(rest[1:])
        if not places:
            return None
    power = 0
    if rest[:1] in ("e", "E"):
        down = rest[1:2] == "-"
        exponent, rest = slow_digits(rest[2:] if rest[1:2] in ("+", "-") else rest[1:])
        if not exponent or int(exponent) > LONGEST:
            return None
        power = -int(exponent) if down else int(exponent)
    return None if rest else sign * slow_value(whole, places) * Fraction(10) ** power


@given(TEXTS)
def test_a_slow_reader_agrees(text: str) -> None:
    assert flag(text) == slow_flag(text)
    assert json_number(text) == slow_document(text)


@given(st.from_regex(r"-?(0|[1-9][0-9]{0,9})(\.[0-9]{1,9})?([eE][+-]?[0-9]{1,2})?", fullmatch=True))
def test_every_number_of_json_is_read_and_written_back(text: str) -> None:
    number = json_number(text)
    assert number is not None and number == slow_document(text)
    assert number < 0 or json_number(str(decimal_text(number))) == number


@pytest.mark.parametrize("text", ["1" * 5000, "1e" + "1" * 5000, "0." + "1" * 5000, "1/" + "3" * 5000])
def test_what_is_too_long_to_be_meant_is_refused_without_a_traceback(text: str) -> None:
    assert (flag(text), go_rational(text), json_number(text)) == (None, None, None)


EXAMPLES = [
    # pricing.json: price_flag_grammar
    *[(Place.PRICE, text, "reads") for text in ("0", "1200", "0.50USD", "12wei", "1ETH", "007", "0.000000000001USD", "1.5", "0.0")],
    *[
        (place, text, "stops")
        for place in (Place.PRICE, Place.CAP)
        for text in ("-1", ".5", "5.", "0.5e-3USD", "1 USD", "1USD ", "1,000", "abc", "", "1e3")
    ],
    (Place.PRICE, "0x10", "stops"),
    *[(Place.CAP, text, "any_price") for text in ("0", "0x10", "0EUR", "0.0")],
    # pricing.json: pixels_per_unit_grammar
    *[(Place.PIXELS, text, "reads") for text in ("1", "1.0", "1e12", "0x10", "1_000", "4/2")],
    *[(Place.PIXELS, text, "stops") for text in ("0.5", "1e-1", "1/2", "0", "-5", " 1", "")],
    *[(Place.API_PIXELS, text, "reads") for text in ("0.5", "1/3", "1e3")],
    *[(Place.API_PIXELS, text, "answers_400") for text in ("0", "-1", "abc")],
    # pricing.json: runtime_api
    *[(Place.API_PRICE, text, "reads") for text in ("1e3", "0x10", "1/3", "0")],
    *[(Place.API_PRICE, text, "answers_400") for text in ("-1", "1USD")],
    *[(Place.API_CAP, text, "any_price") for text in ("0", "-5")],
    *[(Place.API_CAPABILITY_CAP, text, "answers_400") for text in ("0", "-5", "x")],
    # ai.json: json_rat, aiModels.fields
    *[(Place.MODEL_PRICE, text, "reads") for text in ("1000", "0.5", "1e12", "1.5E-3")],
    *[(Place.MODEL_PRICE, text, "ends") for text in ('"0.5"', "0.5e-3USD", "null", "true", "{}", "[]", "0x10", "1/3", "1_000")],
    (Place.MODEL_PRICE, "-1", "stops"),
    (Place.MODEL_PRICE, "0", "base_price"),
    *[(Place.MODEL_PIXELS, text, "stops") for text in ("0", "1.5", "-1")],
    (Place.MODEL_PIXELS, "1e12", "reads"),
    # pricing.json: where_prices_are_set; ai.json: pricePerGateway
    (Place.GATEWAY_PRICE, "0", "reads"),
    (Place.GATEWAY_PRICE, "-1", "negative"),
    (Place.GATEWAY_PRICE, '"1"', "drops_prices"),
    (Place.GATEWAY_PIXELS, "0", "stops"),
    (Place.GATEWAY_PIXELS, "1.5", "reads"),
    # ai.json: maxPricePerCapability.errors; pricing.json: per_capability_document
    (Place.CAPABILITY_CAP, "1e3", "reads"),
    (Place.CAPABILITY_CAP, '"1"', "drops_caps"),
    (Place.CAPABILITY_CAP, "null", "drops_caps"),
    *[(Place.CAPABILITY_CAP, text, "flag_price") for text in ("0", "-1")],
    (Place.CAPABILITY_PIXELS, "1.5", "reads"),
    *[(Place.CAPABILITY_PIXELS, text, "flag_pixels") for text in ("0", "-1")],
]


@pytest.mark.parametrize(("place", "text", "effect"), EXAMPLES)
def test_examples_of_the_facts(place: Place, text: str, effect: str) -> None:
    found = read(place, text)
    assert found.effect == effect
    assert (found.amount is not None) == (effect == "reads") == (complaint(place, text) == "")


def test_what_is_said_of_a_text() -> None:
    assert complaint(Place.PRICE, "1e3") == "go-livepeer reads 1 in the currency e3 and stops with exit status 2"
    assert complaint(Place.CAP, "0x10") == "go-livepeer reads 0 in the currency x10 and pays any price"
    assert complaint(Place.MODEL_PRICE, "0.5USD").startswith("go-livepeer cannot read it and stops with exit status 0")
    assert "drops every cap" in complaint(Place.CAPABILITY_CAP, "1,000")


def test_every_place_is_in_the_facts_and_each_names_its_source() -> None:
    rows, effects = load("amounts")["places"], load("amounts")["effects"]
    assert {place.value for place in Place} == set(rows)
    for place in Place:
        assert {place.row[kind] for kind in ("unreadable", "negative", "zero", "fraction")} <= set(effects)
        assert place.wants and place.row["source"] and place.row["verified"] == "0.9.1"


RATES = (ExchangeRate("EUR", "600000000000000", "2026-11-20"), ExchangeRate("USD", "500000000000000", ""))


def test_currencies_are_compared_by_the_operator_s_rates() -> None:
    # pricing.json: 0.000000000001USD is 500 wei per pixel at 2000 USD per ETH
    assert in_wei(Rate(Fraction("0.000000000001"), "USD"), RATES) == Rate(Fraction(500), "wei")
    assert in_currency(Rate(Fraction(6), "USD"), "EUR", RATES) == Rate(Fraction(5), "EUR")
    assert in_wei(Rate(Fraction(1), "JPY"), RATES) is None
    assert in_currency(Rate(Fraction(1), "USD"), "JPY", RATES) is None
    assert in_wei(Rate(Fraction(7), "wei"), ()) == Rate(Fraction(7), "wei")


@pytest.mark.parametrize(
    ("per_unit", "adjusts", "named"),
    [
        ("0.0009", True, "0"),
        ("0.001", True, "0.001"),
        ("0.0039", True, "0.003"),
        ("0.0009", False, "0.0009"),
        # pricing.json:int64_limits
        ("0.159000000000000000001", False, "0"),
        ("39297.516000000000000000001", False, "39297"),
        ("39297.516", False, "39297.516"),
    ],
)
def test_what_is_advertised(per_unit: str, adjusts: bool, named: str) -> None:
    assert advertised(Fraction(per_unit), Fraction(1) if adjusts else None) == Fraction(named)
    assert LARGEST == 9223372036854775807


@pytest.mark.parametrize(
    ("wei", "unit", "too_much"),
    [
        ("1200", "video", False),
        ("1000000000", "video", False),
        ("1000000001", "video", True),
        ("4768371", "pixel", False),
        ("1000000000000", "pixel", True),
        ("12882811", "millisecond", False),
        ("1" + "0" * 30, "unit", False),
    ],
)
def test_what_is_plausible(wei: str, unit: str, too_much: bool) -> None:
    assert implausible(Fraction(wei), unit) is too_much
