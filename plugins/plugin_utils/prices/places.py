# SPDX-License-Identifier: GPL-3.0-or-later
"""What go-livepeer makes of a text at each place where an amount is written: reads it, something else, or stops (facts/amounts.json)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.data import load
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices.amounts import Price, PriceError, decimal_text
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices.grammar import go_rational, json_number, parse_price

BUILT_IN = ("", "wei", "eth")
"""Currencies that need no price feed, in lower case (``core/autoconvertedprice.go:NewAutoConvertedPrice``)."""

_READS = "reads"
_STOPS = "stops"


class Place(Enum):
    """A flag, a key of a document, or a route of the CLI API; the value is its row in the facts."""

    PRICE = "price"
    CAP = "cap"
    PIXELS = "pixels"
    MODEL_PRICE = "model_price"
    MODEL_PIXELS = "model_pixels"
    GATEWAY_PRICE = "gateway_price"
    GATEWAY_PIXELS = "gateway_pixels"
    CAPABILITY_CAP = "capability_cap"
    CAPABILITY_PIXELS = "capability_pixels"
    API_PRICE = "api_price"
    API_CAP = "api_cap"
    API_CAPABILITY_CAP = "api_capability_cap"
    API_PIXELS = "api_pixels"

    @property
    def row(self) -> Mapping[str, str]:
        """What is done there with each kind of text."""
        row: Mapping[str, str] = load("amounts")["places"][self.value]
        return row

    @property
    def wants(self) -> str:
        """What to write there."""
        return str(load("amounts")["wants"][self.row["wants"]])


@dataclass(frozen=True)
class Reading:
    """What go-livepeer makes of one text.

    Attributes:
        price: number and currency, as read; None where it cannot be read.
        effect: key of the facts' ``effects``; ``reads`` where the number counts as it stands.
    """

    price: Price | None
    effect: str

    @property
    def amount(self) -> Fraction | None:
        """The number, where it counts as it stands."""
        return self.price.amount if self.price is not None and self.effect == _READS else None


def read(place: Place, text: str) -> Reading:
    """What go-livepeer makes of a text at a place."""
    price, row = _price(place, text), place.row
    if price is None:
        return Reading(None, row["unreadable"])
    if price.amount < 0:
        return Reading(price, row["negative"])
    if price.amount == 0 and row["zero"] != _READS:
        return Reading(price, row["zero"])
    if not _could_be_known(price.currency):
        return Reading(price, _STOPS)
    return Reading(price, _READS if price.amount.denominator == 1 else row["fraction"])


def _price(place: Place, text: str) -> Price | None:
    grammar = place.row["reads"]
    if grammar != "flag":
        number = json_number(text) if grammar == "json" else go_rational(text)
        return None if number is None else Price(number, "")
    try:
        return parse_price(text)
    except PriceError:
        return None


def _could_be_known(currency: str) -> bool:
    """False for what is no currency of any price feed: ``1e3`` is 1 in the currency e3."""
    return not currency or (currency.isascii() and currency.isalpha())


def complaint(place: Place, text: str) -> str:
    """What go-livepeer does with a text that does not count as it stands, in one clause for an operator; "" where it does."""
    found = read(place, text)
    if found.effect == _READS:
        return ""
    what = "cannot read it and" if found.price is None else f"reads {_as_read(found.price)} and"
    return f"go-livepeer {what} {load('amounts')['effects'][found.effect]}"


def _as_read(price: Price) -> str:
    number = decimal_text(price.amount) or str(price.amount)
    return f"{number} in the currency {price.currency}" if price.currency.lower() not in BUILT_IN else number


def implausible(per_unit: Fraction, unit: str) -> bool:
    """True for wei per unit that nobody asks for, by orders of magnitude.

    Args:
        per_unit: in wei.
        unit: ``video``, or a unit of the facts about pipelines.
    """
    most = load("amounts")["plausible"].get(unit)
    return most is not None and per_unit > most


def least_worth() -> Fraction:
    """Wei that a dollar is worth at the very least: what is implausible with it is implausible at any rate."""
    return Fraction(10**18, load("amounts")["plausible"]["dollars_per_eth"])
