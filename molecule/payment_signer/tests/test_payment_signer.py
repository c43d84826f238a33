# SPDX-License-Identifier: GPL-3.0-or-later
"""Gateways with a remote signer: video is free at an off-chain orchestrator and refused by an on-chain one."""

from __future__ import annotations

from hostlib import unit
from hostlib.story import Story
from hostlib.unit import Unit

STORY = Story.of(__file__)
FLEET = STORY.fleet
SIGNER = Unit(FLEET, "signer1", "signer", 4935)
SERVED, FREE = unit.gateway(FLEET, "free1"), unit.orchestrator(FLEET, "free1")
REFUSED, PRICED = unit.gateway(FLEET, "priced1"), unit.orchestrator(FLEET, "priced1")


def test_what_the_plan_calls_free_is_done_and_nobody_pays() -> None:
    edge = STORY.edge("free1")
    assert (edge["orchestrator"], edge["payable"], edge["enforced_by"]) == ("free1", "free", "nobody")
    assert STORY.push("free1", "free") == ["2 renditions"] * 2
    assert SERVED.metric("livepeer_segment_transcoded_total") >= 2
    assert SERVED.metric("livepeer_tickets_sent") == 0
    assert "tickets processed" not in FREE.log()


def test_on_chain_orchestrator_refuses_video_that_the_gateway_signed_with_no_key() -> None:
    processes = REFUSED.process(), PRICED.process(), SIGNER.process()
    assert STORY.push("priced1", "video", 1) == ["connection closed without an answer"]
    assert REFUSED.says("ErrSegSig")
    assert PRICED.says("Sig check failed")
    assert "tickets processed" not in PRICED.log()
    assert (REFUSED.process(), PRICED.process(), SIGNER.process()) == processes


def test_the_plan_refuses_it_as_soon_as_it_knows_whose_it_is() -> None:
    refused = STORY.refusals("honest.yml")
    assert set(refused) == {"LPF301"}
    assert "livepeer_gateway_payment: onchain" in refused["LPF301"]


def test_once_more_changes_nothing_and_no_secret_is_anywhere() -> None:
    STORY.assert_converged_without_a_trace()
