# SPDX-License-Identifier: GPL-3.0-or-later
"""Who can pay whom: what becomes of a workload between a gateway and an orchestrator, as the running binary does it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.data import load

GATEWAY_MODES = ("offchain", "offchain_signer", "onchain", "onchain_signer")
"""How a gateway pays: not at all, through a remote signer or clearinghouse, itself, or both (which go-livepeer starts with)."""

ORCHESTRATOR_MODES = ("offchain", "onchain")


@dataclass(frozen=True)
class Combination:
    """What becomes of one kind of workload between one kind of gateway and one kind of orchestrator.

    Attributes:
        outcome: ``free``, ``paid`` or ``refused``.
        enforced_by: whose cap decides over the price: ``gateway``, ``signer`` or ``nobody``.
        why: one sentence for an operator; of a refusal it goes on after "no video to X: ".
        seen: what shows it: statuses, log lines, metrics, a process that ends.
        verified: the version in which it was run, "" where it was only read in the source.
    """

    outcome: str
    enforced_by: str
    why: str
    seen: str
    verified: str


def combination(gateway_mode: str, orchestrator_mode: str, workload: str) -> Combination:
    """What becomes of a workload.

    Args:
        gateway_mode: one of `GATEWAY_MODES`.
        orchestrator_mode: one of `ORCHESTRATOR_MODES`.
        workload: kind of the workload: ``video``, ``ai`` (batch jobs), ``live_video`` (live-video-to-video) or ``live_runner``.

    Raises:
        ValueError: one of the three is not in the table.
    """
    found = _table().get((gateway_mode, orchestrator_mode, workload))
    if found is None:
        raise ValueError(f"no combination of gateway {gateway_mode!r}, orchestrator {orchestrator_mode!r} and workload {workload!r}")
    return found


@cache
def _table() -> dict[tuple[str, str, str], Combination]:
    document = load("payment")
    return {
        (row["gateway"], row["orchestrator"], row["workload"]): Combination(
            row["outcome"], row["enforced_by"], document["reasons"][row["reason"]], row["seen"], row["verified"]
        )
        for row in document["combinations"]
    }
