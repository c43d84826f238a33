# SPDX-License-Identifier: GPL-3.0-or-later
"""What gas makes of the prices, in words."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.report.gas import (
    advertised_text,
    advice,
    deposit_text,
    lacks_text,
    range_text,
    rough_text,
    row_texts,
    survives_text,
    weakest_first,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.report.table import Screen
from ansible_collections.livepeer.fleet.plugins.plugin_utils.report.terminal import report
from hypothesis import given
from hypothesis import strategies as st

from .plans import costly, large, planned, three
from .test_agreement import data, page


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("1000", "1000"),
        ("2021/2", "1010.5"),
        ("12345678901234567", "12345678901234567"),
        ("1234567/7", "~176366"),
        ("1/3", "~0.333333"),
        ("1/1000000000000", "0.000000000001"),
        ("0", "0"),
    ],
)
def test_amounts_have_six_digits_or_say_that_they_are_rounded(amount: str, text: str) -> None:
    assert rough_text(Fraction(amount)) == text


@given(st.fractions(min_value=0, max_value=10**20), st.integers(1, 9))
def test_an_amount_is_never_rounded_up(amount: Fraction, digits: int) -> None:
    text = rough_text(amount, digits)
    shown = Fraction(text.removeprefix("~"))
    assert shown <= amount and (shown == amount) == (not text.startswith("~"))
    assert amount - shown <= amount / 10 ** (digits - 1)


def test_a_range_of_one_value_is_that_value() -> None:
    assert (range_text(Fraction(1), Fraction(1)), range_text(Fraction(1), Fraction(2)), range_text(None, Fraction(2))) == (
        "1",
        "1 to 2",
        "",
    )


def test_a_gas_price_that_is_too_much_comes_with_what_would_help() -> None:
    (figures,) = costly().pricing
    assert survives_text(figures) == "~23.7 (cap)"
    assert advertised_text(figures) == "1010 to 3031.5"
    assert list(advice(figures)) == [
        "a reserve of 102 ETH with a deposit of 1.02 ETH is safe at 200 gwei",
        "a cap of 3031.5 wei per pixel survives 200 gwei with the present reserve",
    ]


def test_limits_that_are_none_are_told_from_none_at_all() -> None:
    (figures,) = costly().pricing
    assert survives_text(replace(figures, survives_gwei=None, ends_by="")) == "any"
    assert survives_text(replace(figures, survives_gwei=None, ends_by="reserve")) == "none (reserve)"
    nothing = tuple(replace(row, lowest=None, highest=None) for row in figures.table)
    assert advertised_text(replace(figures, table=nothing)) == "refused"
    assert survives_text(replace(figures, table=())) == advertised_text(replace(figures, table=())) == ""


def test_what_nobody_stated_is_said_once() -> None:
    (figures,) = three().pricing
    assert lacks_text(figures) == "" and not list(advice(figures))
    assert lacks_text(replace(figures, lacks=("livepeer_pool_size",))).endswith("without livepeer_pool_size")


def test_many_rows_are_told_and_the_first_are_those_with_findings() -> None:
    (figures,) = costly().pricing
    plan = three()
    quiet = plan.pricing[0]
    text = report(replace(plan, pricing=(*[quiet] * 45, replace(figures, gateways=("worst",)))), Screen(120))
    lines = text[text.index("What gas") :].splitlines()
    assert lines[0].startswith("What gas makes of the prices (46 rows; the 40 weakest, the others stand in plan.json; in wei per pixel")
    assert lines[3].startswith("worst ")


def test_what_survives_least_comes_first() -> None:
    (figures,) = three().pricing
    assert not figures.codes
    ends = {"any": (None, ""), "none": (None, "reserve"), "much": (Fraction(50), "cap"), "little": (Fraction(3), "cap")}
    several = [replace(figures, gateways=(name,), survives_gwei=gas, ends_by=end) for name, (gas, end) in ends.items()]
    assert [one.gateways[0] for one in weakest_first(several)] == ["none", "little", "much", "any"]


def test_the_deposit_is_the_one_of_the_highest_stated_gas_price() -> None:
    (figures,) = costly().pricing
    assert deposit_text(figures) == row_texts(figures.table[-1])["deposit"] != ""
    assert deposit_text(replace(figures, table=())) == ""


def test_the_page_has_every_row() -> None:
    (drawn,) = data(page(costly()))["pricing"]
    assert drawn["gateways"] == ["gw1"]
    assert [row["gas"] for row in drawn["rows"]] == ["1", "10", "~23.7012", "100", "200"]
    assert drawn["rows"][-1]["refused"] == "cap" and len(drawn["advice"]) == 2


def test_nothing_is_said_of_a_fleet_that_pays_nobody() -> None:
    assert "What gas" not in report(planned(), Screen(100))
    assert report(large(100), Screen(100)).count("What gas makes of the prices") == 1
