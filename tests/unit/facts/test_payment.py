# SPDX-License-Identifier: GPL-3.0-or-later
"""Who can pay whom: the table is complete, does not contradict itself, and says what the recorded binary did."""

from __future__ import annotations

import itertools

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.data import load
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.payment import (
    GATEWAY_MODES,
    ORCHESTRATOR_MODES,
    Combination,
    combination,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.workloads import AI, LIVE_RUNNER, LIVE_VIDEO, VIDEO

EVERY = list(itertools.product(GATEWAY_MODES, ORCHESTRATOR_MODES, (VIDEO, AI, LIVE_VIDEO, LIVE_RUNNER)))


@pytest.mark.parametrize(("gateway", "orchestrator", "workload"), EVERY)
def test_every_combination_has_an_answer_that_does_not_contradict_itself(gateway: str, orchestrator: str, workload: str) -> None:
    found = combination(gateway, orchestrator, workload)
    assert isinstance(found, Combination)
    assert found.outcome in ("free", "paid", "refused")
    assert (found.enforced_by != "nobody") is (found.outcome == "paid")
    assert found.outcome != "paid" or orchestrator == "onchain"
    assert found.outcome != "free" or orchestrator == "offchain"
    assert found.enforced_by != "signer" or gateway.endswith("_signer")
    assert found.why and found.seen and not found.why.endswith(".")


def test_no_combination_stands_there_twice_and_no_reason_is_left_over() -> None:
    document = load("payment")
    assert len(document["combinations"]) == len(EVERY)
    assert {row["reason"] for row in document["combinations"]} == set(document["reasons"])


@pytest.mark.parametrize("word", ["gateway", "orchestrator", "workload"])
def test_a_word_that_is_not_in_the_table_is_an_error(word: str) -> None:
    given = {"gateway": "onchain", "orchestrator": "onchain", "workload": "video", word: "else"}
    with pytest.raises(ValueError, match="'else'"):
        combination(given["gateway"], given["orchestrator"], given["workload"])
