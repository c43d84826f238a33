# SPDX-License-Identifier: GPL-3.0-or-later
"""Prices and caps, exact: amounts and currencies, go-livepeer's grammars, the band of a cap, and what filters and templates call."""

from __future__ import annotations

from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices.amounts import (
    LARGEST,
    SMALLEST,
    WEI,
    WEI_PER_ETH,
    Price,
    PriceError,
    Rate,
    advertised,
    amount_text,
    decimal_text,
    flag_text,
    in_currency,
    in_wei,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices.bands import (
    DEFAULT_HEADROOM,
    Band,
    Offer,
    band,
    headroom,
    lowest_cap,
    price_cap,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices.grammar import (
    go_rational,
    json_number,
    parse_pixels,
    parse_price,
    percent,
    plain_decimal,
    rate,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices.places import Place, Reading, complaint, implausible, least_worth, read
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices.written import (
    enforce_headroom,
    written_amount,
    written_cap,
    written_headroom,
)

__all__ = [
    "DEFAULT_HEADROOM",
    "LARGEST",
    "SMALLEST",
    "WEI",
    "WEI_PER_ETH",
    "Band",
    "Offer",
    "Place",
    "Price",
    "PriceError",
    "Rate",
    "Reading",
    "advertised",
    "amount_text",
    "band",
    "complaint",
    "decimal_text",
    "enforce_headroom",
    "flag_text",
    "go_rational",
    "headroom",
    "implausible",
    "in_currency",
    "in_wei",
    "json_number",
    "least_worth",
    "lowest_cap",
    "parse_pixels",
    "parse_price",
    "percent",
    "plain_decimal",
    "price_cap",
    "rate",
    "read",
    "written_amount",
    "written_cap",
    "written_headroom",
]
