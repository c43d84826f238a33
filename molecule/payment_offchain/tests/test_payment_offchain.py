# SPDX-License-Identifier: GPL-3.0-or-later
"""Gateways that pay nothing: an off-chain orchestrator works for free, an on-chain one refuses them."""

from __future__ import annotations

from hostlib import unit
from hostlib.story import Story

STORY = Story.of(__file__)
FLEET = STORY.fleet
SERVED, FREE = unit.gateway(FLEET, "free1"), unit.orchestrator(FLEET, "free1")
REFUSED, PRICED = unit.gateway(FLEET, "priced1"), unit.orchestrator(FLEET, "priced1")


def test_what_the_plan_calls_free_is_done_and_nobody_pays() -> None:
    # Discovery by inventory took the orchestrator that fits and left the other one.
    edge = STORY.edge("free1")
    assert (edge["orchestrator"], edge["verdict"], edge["payable"]) == ("free1", "free (off-chain)", "free")
    assert (edge["price"], edge["cap"], edge["enforced_by"]) == (None, None, "nobody")
    assert STORY.push("free1", "free") == ["2 renditions"] * 2
    assert SERVED.metric("livepeer_segment_transcoded_total") >= 2
    assert SERVED.metric("livepeer_tickets_sent") == 0
    assert "tickets processed" not in FREE.log()


def test_on_chain_orchestrator_refuses_who_does_not_sign() -> None:
    processes = REFUSED.process(), PRICED.process()
    failed = REFUSED.metric("livepeer_segment_transcode_failed_total")
    assert STORY.push("priced1", "unsigned") == ["HTTP 503 No sessions available"] * 2
    assert REFUSED.metric("livepeer_segment_transcode_failed_total") == failed + 2
    assert REFUSED.metric("livepeer_discovery_errors_total") > 0
    assert all(end.says("orchestrator req sig check failed") for end in (REFUSED, PRICED))
    assert (REFUSED.process(), PRICED.process()) == processes


def test_the_plan_refuses_it_as_soon_as_it_knows_whose_it_is() -> None:
    refused = STORY.refusals("honest.yml")
    assert set(refused) == {"LPF301"}
    assert "livepeer_gateway_payment: onchain" in refused["LPF301"]
    assert "arbitrum-one-mainnet" in refused["LPF301"]


def test_once_more_changes_nothing_and_no_secret_is_anywhere() -> None:
    STORY.assert_converged_without_a_trace()
