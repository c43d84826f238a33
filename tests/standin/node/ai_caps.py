# SPDX-License-Identifier: GPL-3.0-or-later
"""The most that a gateway or a signer pays for models (server/broadcast.go:GetCapabilitiesMaxPrice)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from .node import Node
from .recipient import Capability

DEFAULT = "default"
"""The entry of a pipeline for models that have none of their own."""


def cap_of(node: Node, capabilities: Sequence[Capability]) -> Fraction | None:
    """The sum of what is found, the global cap where that is nothing; None is any price."""
    with node.lock:
        found = [
            node.capability_caps.get((pipeline, model), node.capability_caps.get((pipeline, DEFAULT), Fraction(0)))
            for pipeline, model in capabilities
        ]
        return sum(found, Fraction(0)) or node.max_price
