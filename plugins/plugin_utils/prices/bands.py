# SPDX-License-Identifier: GPL-3.0-or-later
"""The band of a cap over the prices it has to fit (DESIGN section 4), and headroom."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices.amounts import WEI, PriceError

DEFAULT_HEADROOM = 25


@dataclass(frozen=True)
class Offer:
    """What one orchestrator asks per unit, and whether it adjusts that to the gas price."""

    price: Fraction
    adjusts: bool


@dataclass(frozen=True)
class Band:
    """The caps that fit, both edges included. ``low`` above ``high`` means that no cap fits all orchestrators."""

    low: Fraction
    high: Fraction
    currency: str = WEI


def price_cap(price: Fraction, headroom_percent: Fraction = Fraction(DEFAULT_HEADROOM)) -> Fraction:
    """The cap that leaves this much headroom over a price; exact.

    Raises:
        PriceError: the price is 0, so that the cap would be 0, which means "any price".
    """
    if price <= 0:
        raise PriceError(
            "no cap can be worked out from the price 0: a cap of 0 means any price; "
            'state the most you would pay (1 for 1 wei), or "any" on purpose'
        )
    return price * (1 + headroom_percent / 100)


def headroom(cap: Fraction, price: Fraction) -> Fraction:
    """How far a cap lies above a price, in percent of the price; negative below it.

    Raises:
        PriceError: the price is 0.
    """
    if price == 0:
        raise PriceError("over a price of 0 there is no headroom in percent")
    return (cap / price - 1) * 100


def band(offers: Iterable[Offer], minimum: Fraction, maximum: Fraction, *, overhead: Fraction = Fraction(1), currency: str = WEI) -> Band:
    """The band of a cap over several orchestrators: from the largest lower to the largest upper edge.

    Args:
        offers: at least one.
        minimum, maximum: percent over the base price. The minimum counts only where the price is adjusted: an
            orchestrator that does not adjust is served by a cap at its price.
        overhead: factor that the stated gas price makes of a price that is adjusted; the upper edge is not below that.
        currency: of the offers.
    """
    known = tuple(offers)
    low = max(lowest_cap(offer, minimum) for offer in known)
    return Band(low, max(_highest_cap(offer, maximum, overhead) for offer in known), currency)


def _highest_cap(offer: Offer, maximum: Fraction, overhead: Fraction) -> Fraction:
    factor = 1 + maximum / 100
    return offer.price * (max(factor, overhead) if offer.adjusts else factor)


def lowest_cap(offer: Offer, minimum: Fraction) -> Fraction:
    """The lowest cap that serves one orchestrator."""
    return offer.price * (1 + minimum / 100) if offer.adjusts else offer.price
