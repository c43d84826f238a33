# SPDX-License-Identifier: GPL-3.0-or-later
"""What tickets hang on, as go-livepeer has it: redeem gas, multipliers, and the defaults of the flags (``facts/tickets.json``)."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import cache

from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.data import load

_PRESET = re.compile(r"P([0-9]+)p([0-9]+)fps(16x9|4x3)")


def redeem_gas(network: str) -> int:
    """Gas that an orchestrator reckons for one redemption; the name decides, not the chain (``starter.go:configOptions``)."""
    facts = load("tickets")
    return int(facts["redeem_gas"].get(network, facts["redeem_gas_elsewhere"]))


def min_gas_price(network: str) -> int:
    """Wei that the gas price counts at least, where ``-minGasPrice`` is not set (``starter.go:configOptions``)."""
    facts = load("tickets")
    return int(facts["min_gas_price"].get(network, facts["min_gas_price_elsewhere"]))


def average_gas_price() -> int:
    """Wei of the gas price at which a small ticket is still taken (``pm/recipient.go:avgGasPrice``)."""
    return int(load("tickets")["average_gas_price"])


def tx_cost_multiplier() -> int:
    """Times the cost of a redemption that a ticket is worth when it wins (``starter.go:txCostMultiplier``)."""
    return int(load("tickets")["tx_cost_multiplier"])


def ev_multiplier() -> int:
    """Times its expected value that a ticket is worth at least when it wins (``pm/recipient.go:evMultiplier``)."""
    return int(load("tickets")["ev_multiplier"])


def default(flag: str) -> str:
    """What a flag about tickets is where nobody sets it (``starter.go:DefaultLivepeerConfig``)."""
    return str(load("tickets")["defaults"][flag])


def estimate() -> Fraction:
    """Factor on the pixels of a segment that is paid ahead (``segment_rpc.go:pixelEstimateMultiplier``): 1.02 as a double, as in Go."""
    return Fraction(float(load("tickets")["estimate"]))


@cache
def segment_pixels(options: str) -> int | None:
    """Pixels of the shortest segment that a gateway sends, by its presets; None for a file or a preset that is not known.

    A segment has 2 s at least (``server/mediaserver.go:SegLen``); resolutions are those of ``lpms/ffmpeg/videoprofile.go``.
    """
    facts = load("tickets")
    pixels = 0
    for name in options.split(","):
        match = _PRESET.fullmatch(name.strip())
        width = facts["profile_widths"][match[3]].get(match[1]) if match else None
        if match is None or width is None:
            return None
        pixels += int(width) * int(match[1]) * int(match[2])
    return pixels * int(facts["segment_seconds"])


def first_payment_pixels() -> int:
    """Pixels that a remote signer charges at once when live video begins: 60 s of 720p30 (``remote_signer.go:GenerateLivePayment``)."""
    return int(load("tickets")["signer_first_payment"]["pixels"])


def first_payment_tickets() -> int:
    """Most tickets that a remote signer signs in one call (``remote_signer.go:GenerateLivePayment``)."""
    return int(load("tickets")["signer_first_payment"]["tickets"])
