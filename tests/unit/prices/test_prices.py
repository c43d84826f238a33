# SPDX-License-Identifier: GPL-3.0-or-later
"""Prices: go-livepeer's grammar (pixels were compared with Go's big.Rat), caps, bands, and amounts back as text."""

from __future__ import annotations

from fractions import Fraction

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices import (
    Band,
    Offer,
    Price,
    PriceError,
    Rate,
    amount_text,
    band,
    decimal_text,
    enforce_headroom,
    flag_text,
    headroom,
    lowest_cap,
    parse_pixels,
    parse_price,
    percent,
    price_cap,
    rate,
    written_cap,
    written_headroom,
)
from hypothesis import given
from hypothesis import strategies as st

AMOUNTS = st.from_regex(r"[0-9]{1,30}(\.[0-9]{1,30})?", fullmatch=True)
CURRENCIES = st.sampled_from(["", "wei", "ETH", "eth", "USD", "e3", "x10", "a_b`"])
RATIONALS = st.fractions(min_value=0, max_value=10**12)
PRICES = st.fractions(min_value=Fraction(1, 10**6), max_value=10**12)
PERCENTS = st.decimals(min_value=0, max_value=200, places=3, allow_nan=False, allow_infinity=False).map(Fraction)
OFFERS = st.lists(st.builds(Offer, PRICES, st.booleans()), min_size=1, max_size=5)


@pytest.mark.parametrize(
    ("text", "amount", "currency"),
    [
        ("0", "0", ""),
        ("1200", "1200", ""),
        ("0.50USD", "0.5", "USD"),
        ("12wei", "12", "wei"),
        ("1ETH", "1", "ETH"),
        ("007", "7", ""),
        ("0.000000000001USD", "0.000000000001", "USD"),
        ("1e3", "1", "e3"),
        ("0x10", "0", "x10"),
        ("0EUR", "0", "EUR"),
        ("1_000", "1", "_000"),
    ],
)
def test_price_flags(text: str, amount: str, currency: str) -> None:
    assert parse_price(text) == Price(Fraction(amount), currency)


@pytest.mark.parametrize("text", ["-1", ".5", "5.", "0.5e-3USD", "1 USD", "1USD ", "1,000", "abc", "", "1\n", "١", "+1"])
def test_price_flags_that_stop_the_node(text: str) -> None:
    with pytest.raises(PriceError):
        parse_price(text)


@given(AMOUNTS, CURRENCIES)
def test_a_price_parsed_and_printed_is_the_same(amount: str, currency: str) -> None:
    price = parse_price(amount + currency)
    assert parse_price(str(price)) == price


@pytest.mark.parametrize(
    ("text", "pixels"),
    [
        ("1", 1),
        ("1.0", 1),
        ("1.", 1),
        ("1e12", 10**12),
        ("1E+3", 1000),
        ("10e-1", 1),
        ("0x10", 16),
        ("0b11", 3),
        ("0o17", 15),
        ("1_000", 1000),
        ("0_1", 1),
        ("4/2", 2),
        ("+4/2", 2),
        ("8/0x2", 4),
        ("+5", 5),
        # decimal on its own, octal in a quotient
        ("010", 10),
        ("08", 8),
        ("010/1", 8),
        ("0777/1", 511),
        ("1e1_0", 10**10),
        ("0x_1", 1),
    ],
)
def test_pixels(text: str, pixels: int) -> None:
    assert parse_pixels(text) == pixels


@pytest.mark.parametrize(
    "text",
    [
        *("0.5", "1e-1", "1/2", "0", "-5", " 1", "1 ", "", "inf", "٣", "1e400000"),
        *("1__0", "_1", "1_", "0x", "1e", "00x10"),
        *("4/+2", "09/3", "1/0", "1.0/1", "4/1.0", "4/2/1", "/2", "4/"),
    ],
)
def test_pixels_that_stop_the_node(text: str) -> None:
    with pytest.raises(PriceError):
        parse_pixels(text)


@given(st.integers(1, 10**30))
def test_pixels_printed_are_the_same(pixels: int) -> None:
    assert parse_pixels(str(pixels)) == pixels == parse_pixels(hex(pixels))


@pytest.mark.parametrize(
    ("price", "pixels", "expected"),
    [
        ("1200", "1", Rate(Fraction(1200), "wei")),
        ("1200", "1000", Rate(Fraction(6, 5), "wei")),
        ("1WEI", "1", Rate(Fraction(1), "wei")),
        ("0.000000000000001eth", "1", Rate(Fraction(1000), "wei")),
        ("0.002usd", "2", Rate(Fraction(1, 1000), "USD")),
    ],
)
def test_rates(price: str, pixels: str, expected: Rate) -> None:
    assert rate(price, pixels) == expected


@pytest.mark.parametrize(("text", "meaning"), [("1e3", '1 in the currency "e3"'), ("0x10", '0 in the currency "x10"')])
def test_amounts_that_mean_something_else(text: str, meaning: str) -> None:
    with pytest.raises(PriceError, match=meaning):
        rate(text)


@given(RATIONALS, st.integers(1, 10**6))
def test_a_rate_written_for_the_flags_is_exact(per_pixel: Fraction, wished: int) -> None:
    text, pixels = flag_text(per_pixel, wished)
    assert pixels % wished == 0
    assert rate(text, str(pixels)) == Rate(per_pixel, "wei")


@pytest.mark.parametrize(
    ("per_pixel", "pixels", "expected"),
    [
        (Fraction(1300), 1, ("1300", 1)),
        (Fraction(13, 10), 1, ("1.3", 1)),
        (Fraction(13, 10), 1000, ("1300", 1000)),
        (Fraction(1300, 3), 1, ("1300", 3)),
        (Fraction(1300, 3), 2, ("2600", 6)),
    ],
)
def test_pixels_are_multiplied_where_an_amount_is_no_decimal(per_pixel: Fraction, pixels: int, expected: tuple[str, int]) -> None:
    assert flag_text(per_pixel, pixels) == expected


def test_a_negative_amount_is_no_price() -> None:
    assert decimal_text(Fraction(-1)) is None
    with pytest.raises(PriceError):
        flag_text(Fraction(-1))


@pytest.mark.parametrize(("amount", "text"), [("0", "0"), ("0.5", "0.5"), ("1200", "1200"), ("12.25", "12.25"), ("0.001", "0.001")])
def test_decimals_are_short(amount: str, text: str) -> None:
    assert decimal_text(Fraction(amount)) == text


def test_a_third_is_no_decimal() -> None:
    assert decimal_text(Fraction(1, 3)) is None
    assert amount_text(Rate(Fraction(1, 3), "USD"), 1) == "1/3USD"
    assert amount_text(Rate(Fraction(1, 3), "wei"), 3) == "1"


@given(PRICES, PERCENTS)
def test_a_cap_from_a_price_has_exactly_its_headroom(price: Fraction, over: Fraction) -> None:
    assert headroom(price_cap(price, over), price) == over


@given(PRICES, PERCENTS, PERCENTS, PERCENTS, st.booleans())
def test_a_cap_from_a_price_lies_in_the_band(price: Fraction, one: Fraction, two: Fraction, three: Fraction, adjusts: bool) -> None:
    low, over, high = sorted((one, two, three))
    fits = band([Offer(price, adjusts)], low, high)
    cap = price_cap(price, over)
    assert cap > 0
    assert fits.low <= cap <= fits.high


@given(OFFERS, PERCENTS, PERCENTS)
def test_the_band_serves_every_orchestrator_and_no_more(offers: list[Offer], one: Fraction, two: Fraction) -> None:
    low, high = sorted((one, two))
    fits = band(offers, low, high)
    assert fits.low <= fits.high
    assert all(lowest_cap(offer, low) <= fits.low for offer in offers)
    assert fits.high == max(offer.price for offer in offers) * (1 + high / 100)


def test_the_band_of_two_orchestrators() -> None:
    offers = [Offer(Fraction(1100), adjusts=False), Offer(Fraction(1000), adjusts=True)]
    assert band(offers, Fraction(20), Fraction(30)) == Band(Fraction(1200), Fraction(1430))


def test_no_cap_comes_of_a_price_of_0() -> None:
    with pytest.raises(PriceError, match="a cap of 0 means any price"):
        price_cap(Fraction(0))
    with pytest.raises(PriceError):
        headroom(Fraction(1), Fraction(0))


@pytest.mark.parametrize(("text", "value"), [("20", Fraction(20)), ("12.5", Fraction(25, 2)), ("0", Fraction(0))])
def test_percentages(text: str, value: Fraction) -> None:
    assert percent(text) == value


@pytest.mark.parametrize("text", ["20%", "-1", "", "1e1", "1/2", "abc"])
def test_no_percentages(text: str) -> None:
    with pytest.raises(PriceError):
        percent(text)


@pytest.mark.parametrize(
    ("price", "over", "cap"), [(1000, 25, "1250"), ("0.002USD", "30", "0.0026USD"), ("1", "12.5", "1.125"), ("010", 0, "10")]
)
def test_caps_as_people_write_them(price: object, over: object, cap: str) -> None:
    assert written_cap(price, over) == cap


@pytest.mark.parametrize(
    ("price", "over", "message"),
    [
        (0.5, 25, "float 0.5.*quote it"),
        (True, 25, "of type bool"),
        (None, 25, "of type NoneType"),
        (["1"], 25, "of type list"),
        ("0", 25, "any price"),
        ("1e3", 25, "currency"),
        ("1000", 25.0, "headroom is the float"),
        ("1000", "x", "no percentage"),
        (-1, 25, "no price"),
    ],
)
def test_caps_that_cannot_be_worked_out(price: object, over: object, message: str) -> None:
    with pytest.raises(PriceError, match=message):
        written_cap(price, over)


@given(st.integers(1, 10**15), PERCENTS.map(decimal_text))
def test_a_cap_as_people_write_it_passes_the_guard(price: int, over: str) -> None:
    assert enforce_headroom(written_cap(price, over), price, min=over, max=over)


def test_a_price_is_an_integer_or_text() -> None:
    with pytest.raises(PriceError, match="the price is of type dict"):
        written_headroom(1, {})


def test_headroom_as_people_write_it() -> None:
    assert written_headroom(1250, "1000") == 25
    assert written_headroom("0.9", 1) == -10
    with pytest.raises(PriceError, match="the cap is in wei, the price in USD"):
        written_headroom(1250, "1USD")


@pytest.mark.parametrize("cap", [1200, "1200", "1250", "1300.0", "1200wei", "0.0000000000000012ETH"])
def test_caps_inside_of_the_band(cap: object) -> None:
    assert enforce_headroom(cap, 1000) is cap


@pytest.mark.parametrize(
    ("cap", "message"),
    [
        (1000, "the cap 1000 is below the band; write 1200 to 1300"),
        ("1199.999999999999999999", "below the band"),
        ("1300.000000000000000001", "above the band"),
        (1301, "the cap 1301 is above the band; write 1200 to 1300"),
        (0, "means any price"),
        ("0EUR", "means any price"),
        ("1250USD", "the cap is in USD, a price in wei"),
        ("any", "no price"),
        (1250.0, "float"),
    ],
)
def test_caps_outside_of_the_band(cap: object, message: str) -> None:
    with pytest.raises(PriceError, match=message):
        enforce_headroom(cap, 1000)


def test_open_sides_of_the_band() -> None:
    assert enforce_headroom(5000, 1000, max=None) == 5000
    assert enforce_headroom(1, 1000, min=None) == 1
    with pytest.raises(PriceError, match="at least 1200"):
        enforce_headroom(1000, 1000, max=None)
    with pytest.raises(PriceError, match="at most 1300"):
        enforce_headroom(1400, 1000, min=None)


def test_an_orchestrator_that_does_not_adjust_is_served_at_its_price() -> None:
    assert enforce_headroom(1000, 1000, adjusting=False) == 1000
    with pytest.raises(PriceError, match="1000 to 1300"):
        enforce_headroom(999, 1000, adjusting=False)


def test_several_prices() -> None:
    prices = [{"price_per_unit": 1100, "auto_adjust_price": False}, {"price_per_unit": "1000"}, 900]
    assert enforce_headroom(1200, prices) == 1200
    with pytest.raises(PriceError, match="the cap 1150 is below the band; write 1200 to 1430"):
        enforce_headroom(1150, prices)


def test_pixels_of_cap_and_prices() -> None:
    assert enforce_headroom("1.25", [{"price_per_unit": 1000, "pixels_per_unit": "1000"}]) == "1.25"
    assert enforce_headroom("1250", 1000, pixels_per_unit=1000) == "1250"
    with pytest.raises(PriceError, match="write 400 to 1300/3"):
        enforce_headroom("1", [{"price_per_unit": 1000, "pixels_per_unit": 3}])


@pytest.mark.parametrize("price", [[], [{"price": 1}], [{"pixels_per_unit": 1}], [{"price_per_unit": 1, "x": 1}], [1.5], {}])
def test_what_is_no_price_to_compare_with(price: object) -> None:
    with pytest.raises(PriceError):
        enforce_headroom(1250, price)


def test_an_entry_of_a_document_is_enforced_too() -> None:
    entry = {"pipeline": "llm", "model_id": "m", "price_per_unit": "12.5e-1", "pixels_per_unit": 1000, "currency": "usd"}
    price = [{"price_per_unit": "0.001USD", "pixels_per_unit": 1}]
    assert enforce_headroom(entry, price) is entry
    with pytest.raises(PriceError, match=r"below the band; write 1.2USD to 1.3USD"):
        enforce_headroom(entry | {"price_per_unit": "1.19"}, price)


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"price_per_unit": 0}, "any price"),
        ({"price_per_unit": "5USD"}, "no number of a document"),
        ({"price_per_unit": "-5"}, "no number of a document"),
        ({}, "price_per_unit of the cap is of type NoneType"),
        ({"price_per_unit": 5, "pixels_per_unit": "0"}, "no number of pixels"),
        ({"price_per_unit": 5, "currency": "USD"}, "cannot be compared"),
    ],
)
def test_an_entry_that_is_no_cap(entry: dict[str, object], says: str) -> None:
    with pytest.raises(PriceError, match=says):
        enforce_headroom(entry, 4)
