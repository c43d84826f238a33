# SPDX-License-Identifier: GPL-3.0-or-later
"""One live runner, and what it costs (ai/runner/live_runner.go)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from . import prices

SECONDS_AN_HOUR = 3600
PIXELS_A_SECOND = 1280 * 720 * 30
UNITS = {"hour": "seconds", "720p": "720p-pixel-seconds", "fixed": "fixed"}
"""What a price is for: as it is configured, and as it is asked for."""


@dataclass(frozen=True)
class LiveRunner:
    """One static runner."""

    label: str
    routing: str
    app: str
    mode: str
    capacity: int
    health_url: str
    healthy_status: int
    usd: Fraction
    unit: str

    @property
    def wire_unit(self) -> str:
        """convertedLiveRunnerPriceUnit"""
        return UNITS[self.unit]

    def price(self, feed: Callable[[], prices.Feed]) -> Fraction:
        """newConverterForRunner, convertPrice: whole wei per second, per pixel or per session."""
        divisor = {"hour": SECONDS_AN_HOUR, "720p": SECONDS_AN_HOUR * PIXELS_A_SECOND, "fixed": 1}[self.unit]
        wei = prices.in_wei(self.usd / divisor, "USD", feed)
        return Fraction(wei.numerator // wei.denominator)
