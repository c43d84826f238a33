# SPDX-License-Identifier: GPL-3.0-or-later
"""Who can pay whom: the table is complete, does not contradict itself, and says what the recorded binary did."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.data import load
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.payment import (
    GATEWAY_MODES,
    ORCHESTRATOR_MODES,
    Combination,
    combination,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.workloads import AI, LIVE_RUNNER, LIVE_VIDEO, VIDEO

RECORDED: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "standin" / "recorded" / "payment-0.9.1.json").read_text(encoding="utf-8")
)
RUNS = {(row["gateway"], row["orchestrator"]): row for row in RECORDED["combinations"]}
PHASES = {VIDEO: ("video_push", "video_rtmp"), AI: ("ai",), LIVE_VIDEO: ("live_video",)}
QUOTED = re.compile(r'"([^"]+)"')
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


@pytest.mark.parametrize(("gateway", "orchestrator"), sorted(RUNS))
@pytest.mark.parametrize("workload", PHASES)
def test_the_table_says_what_the_binary_did(gateway: str, orchestrator: str, workload: str) -> None:
    found = combination(gateway, orchestrator, workload)
    assert found.verified == "0.9.1"
    for phase in PHASES[workload]:
        run = RUNS[gateway, orchestrator][phase]
        payer = _payer(run)
        assert found.outcome == ("refused" if not _done(phase, run) else "free" if payer == "nobody" else "paid"), (phase, run)
        assert found.enforced_by == (payer if _done(phase, run) else "nobody"), (phase, run)


def _done(phase: str, run: dict[str, Any]) -> bool:
    if phase == "video_push":
        return all(status == 200 for status, _text in run["answers"])
    if phase == "video_rtmp":
        return bool(run["metrics"].get("livepeer_segment_transcoded_total"))
    if phase == "ai":
        return run["text-to-image"][0] == run["llm"][0] == 200
    return run["runner_jobs"] == 1 and not run["kicked"]


def _payer(run: dict[str, Any]) -> str:
    """A refused job may have cost tickets all the same."""
    if any(line.startswith("Signed numTickets") for line in run.get("signer_log", ())):
        return "signer"
    return "gateway" if run["metrics"].get("livepeer_tickets_sent") else "nobody"


def test_every_combination_but_those_of_live_runners_was_run() -> None:
    assert set(RUNS) == set(itertools.product(GATEWAY_MODES, ORCHESTRATOR_MODES))


@pytest.mark.parametrize("gateway", GATEWAY_MODES)
def test_live_runners_are_free_off_chain_and_paid_by_a_signer_alone(gateway: str) -> None:
    runners = RECORDED["live_runners"]
    assert runners["off_chain_session"] == 200 and not runners["off_chain_price_listed"]
    assert combination(gateway, "offchain", LIVE_RUNNER).outcome == "free"
    uncapped = [case for case in runners["on_chain"] if case["signer_cap"] is None]
    assert uncapped and all(case["without_payment"] == 402 and case["session"] == 200 for case in uncapped)
    assert combination(gateway, "onchain", LIVE_RUNNER).outcome == ("paid" if gateway.endswith("_signer") else "refused")


def test_the_global_cap_of_a_signer_is_held_against_prices_of_any_unit_and_those_per_capability_against_none() -> None:
    cases = [case for case in RECORDED["live_runners"]["on_chain"] if case["signer_cap"] is not None]
    assert len(cases) == 6
    for case in cases:
        stopped = case["signer_cap"] == "-maxPricePerUnit 1000" and case["wei"] > 1000
        assert (case["signer"][0], case["session"]) == ((481, None) if stopped else (200, 200)), case


@pytest.mark.parametrize(("gateway", "orchestrator", "workload"), EVERY)
def test_what_is_quoted_as_seen_was_seen(gateway: str, orchestrator: str, workload: str) -> None:
    here = RUNS[gateway, orchestrator]
    text = json.dumps([here, RECORDED["ai_caps"], RECORDED["live_caps"], RECORDED["live_runners"]])
    for phrase in QUOTED.findall(combination(gateway, orchestrator, workload).seen):
        assert phrase in text, phrase


def test_only_a_gateway_that_signs_for_nobody_dies_of_rtmp() -> None:
    died = {
        (row["gateway"], row["orchestrator"], phase)
        for row in RUNS.values()
        for phase in _phases()
        if row[phase]["gateway_exit"] is not None
    }
    assert died == {("offchain_signer", "onchain", "video_rtmp")}


def _phases() -> list[str]:
    return [phase for phases in PHASES.values() for phase in phases]
