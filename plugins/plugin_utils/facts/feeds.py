# SPDX-License-Identifier: GPL-3.0-or-later
"""The price feed of a node that was given none (``starter.go:defaultPriceFeedAddr``, pricing.json:default_feed)."""

from __future__ import annotations

FEED = "priceFeedAddr"
"""Flag that names another one."""

FEED_CURRENCIES = ("USD",)
FEED_NETWORK = "arbitrum-one-mainnet"
"""The chain on which its contract is; a node on any other panics at the first currency."""
