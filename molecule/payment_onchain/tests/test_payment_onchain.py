# SPDX-License-Identifier: GPL-3.0-or-later
"""Gateways that pay on the chain: an on-chain orchestrator is paid as the plan says, an off-chain one cannot be."""

from __future__ import annotations

import json
from fractions import Fraction

from hostlib import unit
from hostlib.story import Story, tenths_around

STORY = Story.of(__file__)
FLEET = STORY.fleet
PAYER, PAID = unit.gateway(FLEET, "paid1"), unit.orchestrator(FLEET, "paid1")
UNABLE, UNPAID = unit.gateway(FLEET, "unpaid1"), unit.orchestrator(FLEET, "unpaid1")


def test_what_the_plan_calls_good_is_done_and_paid() -> None:
    edge = STORY.edge("paid1")
    assert (edge["verdict"], edge["payable"], edge["enforced_by"]) == ("good", "paid", "gateway")
    sent = PAYER.metric("livepeer_tickets_sent")
    assert STORY.push("paid1", "paid") == ["2 renditions"] * 2
    assert PAYER.metric("livepeer_tickets_sent") > sent
    assert PAID.says("Payment tickets processed")


def test_price_and_cap_of_the_plan_are_what_the_nodes_answer() -> None:
    edge = STORY.edge("paid1")
    assert Fraction(PAID.status()["BroadcasterPrices"]["default"]) == Fraction(edge["price"])
    assert Fraction(json.loads(PAYER.ask("/getBroadcastConfig"))["MaxPrice"]) == Fraction(edge["cap"])
    assert Fraction(edge["cap"]) / Fraction(edge["price"]) == 1 + Fraction(edge["headroom"]) / 100


def test_what_is_advertised_is_what_the_plan_works_out_from_gas_and_reserve() -> None:
    assert STORY.advertised("paid1", "highest") == 1012
    STORY.push("paid1", "advertised", 1)
    assert PAID.metric("livepeer_transcoding_price") == 1012


def test_gas_refuses_new_streams_just_where_the_plan_says_so() -> None:
    processes = PAYER.process(), PAID.process()
    below, above = tenths_around(STORY.figures("paid1")["survives_gwei"])
    with STORY.gas(below, PAID):
        assert STORY.push("paid1", "below") == ["2 renditions"] * 2
    with STORY.gas(above, PAID):
        assert STORY.push("paid1", "above") == ["HTTP 503 No sessions available"] * 2
    assert PAYER.says("is above max price 1300.000, price=1312.000")
    assert (PAYER.process(), PAID.process()) == processes
    assert STORY.push("paid1", "again") == ["2 renditions"] * 2


def test_off_chain_orchestrator_cannot_be_paid() -> None:
    processes = UNABLE.process(), UNPAID.process()
    failed = UNABLE.metric("livepeer_segment_transcode_failed_total")
    assert STORY.push("unpaid1", "unpaid") == ["HTTP 503 No sessions available"] * 2
    assert UNABLE.says("Missing ticket params")
    assert UNABLE.metric("livepeer_segment_transcode_failed_total") == failed + 2
    assert UNABLE.metric("livepeer_tickets_sent") == 0
    assert (UNABLE.process(), UNPAID.process()) == processes


def test_the_plan_refuses_it_as_soon_as_it_knows_whose_it_is() -> None:
    refused = STORY.refusals("honest.yml")
    assert set(refused) == {"LPF301"}
    assert "livepeer_gateway_payment: none" in refused["LPF301"]


def test_once_more_changes_nothing_and_no_secret_is_anywhere() -> None:
    STORY.assert_converged_without_a_trace()
