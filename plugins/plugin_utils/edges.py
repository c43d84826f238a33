# SPDX-License-Identifier: GPL-3.0-or-later
"""Edges: who can route to whom for one workload, who pays, and whether the price fits under the cap."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction


class Verdict(StrEnum):
    """What the plan says of an edge."""

    GOOD = "good"
    FREE = "free (off-chain)"
    REFUSED = "refused"
    WARNING = "warning"
    NOT_CHECKED = "not checked yet"


@dataclass(frozen=True)
class Edge:
    """One gateway, one orchestrator, one workload.

    Attributes:
        gateway: inventory host of the gateway.
        gateway_node: its node name.
        orchestrator: inventory host of the orchestrator, or the URL of a foreign one.
        orchestrator_node: its node name, "" for a foreign one.
        workload: ``video``, ``ai``, ``live_video`` or ``live_runner``.
        url: what the gateway dials.
        discovery: how it was found (value of ``Discovery``).
        price: base price in wei (or units of ``currency``) per pixel, None where nothing is priced or nobody knows.
        cap: the gateway's cap in the same unit, None where there is none.
        currency: "wei" or the currency both sides are written in.
        headroom: exact percent of the cap over the price, None where either is missing.
        verdict: see Verdict.
        codes: codes of the findings that concern it.
    """

    gateway: str
    gateway_node: str
    orchestrator: str
    orchestrator_node: str
    workload: str
    url: str
    discovery: str
    price: Fraction | None
    cap: Fraction | None
    currency: str
    headroom: Fraction | None
    verdict: Verdict
    codes: tuple[str, ...] = ()
