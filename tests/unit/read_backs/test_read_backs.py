# SPDX-License-Identifier: GPL-3.0-or-later
"""What a running node is asked for, and the answers that its plan expects."""

from __future__ import annotations

from fractions import Fraction

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Fleet
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan_json import node_from_dict, node_to_dict
from ansible_collections.livepeer.fleet.plugins.plugin_utils.read_backs import SERIES, ReadBack, loaded_caps
from ansible_collections.livepeer.fleet.tests.unit.render.fleets import ACCOUNT, ARBITRUM, fleet, gateway, orchestrator, rendered

PAID = fleet(gateway(network=ARBITRUM), orchestrator(network=ARBITRUM, price_per_unit="1010.5"))


def settings_of(of: Fleet, host: str) -> dict[tuple[str, ...], ReadBack]:
    plan = next(plan for node, plan in zip(of.nodes, rendered(of), strict=True) if node.host == host)
    assert node_from_dict(node_to_dict(plan)) == plan
    return {(setting.path, *(setting.json or ())): setting for setting in plan.settings}


def answers(of: Fleet, host: str) -> dict[tuple[str, ...], object]:
    return {key: setting.equals for key, setting in settings_of(of, host).items()}


def test_a_gateway_is_asked_for_what_the_plan_says_of_it() -> None:
    assert answers(PAID, "gw1") == {
        ("/getLogLevel",): "3",
        ("/ethAddr",): ACCOUNT,
        ("/status", "OrchestratorPool"): ["https://orch1.example.com:8935"],
        ("/getBroadcastConfig", "MaxPrice"): "1250",
        ("/metrics", *SERIES): [],
    }


def test_an_orchestrator_is_asked_for_its_price() -> None:
    asked = settings_of(PAID, "orch1")["/status", "BroadcasterPrices"]
    assert (asked.equals, asked.compare, asked.flag) == ({"default": "2021/2"}, "entries", "pricePerUnit")


def test_an_orchestrator_that_prices_by_model_has_no_base_price() -> None:
    by_model = orchestrator(network=ARBITRUM, price_per_unit="", ai_worker=True)
    asked = settings_of(fleet(by_model), "orch1")["/status", "BroadcasterPrices"]
    assert (asked.equals, asked.compare) == ({}, "entries")
    own = ({"ethaddress": ACCOUNT, "priceperunit": "5", "pixelsperunit": "1"},)
    beside = orchestrator(network=ARBITRUM, price_per_unit="", ai_worker=True, price_per_gateway=own)
    asked = settings_of(fleet(beside), "orch1")["/status", "BroadcasterPrices"]
    assert (asked.equals, asked.flag) == ({ACCOUNT.lower(): "5"}, "pricePerGateway")


def test_an_orchestrator_is_asked_for_the_price_of_each_gateway() -> None:
    entries = (
        {"ethaddress": "0x2B5AD5c4795c026514f8317c7a215E218DcCD6cF", "priceperunit": "6072", "pixelsperunit": "5"},
        {"ethaddress": "0x00000000000000000000000000000000000000aa", "priceperunit": "0.5", "pixelsperunit": "1e18", "currency": "ETH"},
        {"ethaddress": "0x00000000000000000000000000000000000000bb", "priceperunit": "0.000001", "pixelsperunit": "1", "currency": "USD"},
    )
    asked = settings_of(fleet(orchestrator(network=ARBITRUM, price_per_gateway=entries)), "orch1")["/status", "BroadcasterPrices"]
    # As the running 0.9.1 answered for such a document.
    assert asked.equals == {
        "default": "1000",
        "0x2b5ad5c4795c026514f8317c7a215e218dccd6cf": "6072/5",
        "0x00000000000000000000000000000000000000aa": "1/2",
        "0x00000000000000000000000000000000000000bb": None,
    }
    assert asked.flag == "pricePerGateway"


def test_a_gateway_is_asked_for_each_cap_of_its_document() -> None:
    entries = ({"pipeline": "llm", "model_id": "m", "price_per_unit": "5", "pixels_per_unit": "1"},)
    asked = settings_of(fleet(gateway(network=ARBITRUM, max_price_per_capability=entries), orchestrator(network=ARBITRUM)), "gw1")
    assert asked["/metrics", *SERIES] == ReadBack("/metrics", SERIES, [["llm", "m", "5"]], "series", "maxPricePerCapability")


# Entries as the running 0.9.1 loaded them, and the series that it showed (starter.go:StartLivepeer, monitor/census.go:ToPipeline).
SEEN = {
    "a fraction": ({"pipeline": "text-to-image", "model_id": "a/B", "price_per_unit": "6072", "pixels_per_unit": "5"}, "6072/5", 1214.4),
    "a third": (
        {"pipeline": "upscale", "model_id": "default", "price_per_unit": "1e3", "pixels_per_unit": "3"},
        "1000/3",
        333.3333333333333,
    ),
    "a tenth": ({"pipeline": "llm", "model_id": "default", "price_per_unit": "0.1", "pixels_per_unit": "1"}, "1/10", 0.1),
    "eth": (
        {"pipeline": "llm", "model_id": "default", "price_per_unit": "0.5", "pixels_per_unit": "1000000000000000000", "currency": "ETH"},
        "1/2",
        0.5,
    ),
}


@pytest.mark.parametrize("case", SEEN)
def test_amounts_are_those_that_the_binary_showed(case: str) -> None:
    entry, exact, shown = SEEN[case]
    assert loaded_caps([entry]) == [(entry["pipeline"], entry["model_id"], exact)]
    assert float(Fraction(exact)) == shown


def test_a_currency_of_the_feed_follows_its_rate() -> None:
    entry = {"pipeline": "llm", "model_id": "m", "price_per_unit": "1", "pixels_per_unit": "1", "currency": "USD"}
    assert loaded_caps([entry]) == [("llm", "m", None)]


def test_of_two_entries_for_one_model_the_later_one_counts() -> None:
    each = {"model_id": "m", "pixels_per_unit": "1"}
    entries = [each | {"pipeline": name, "price_per_unit": amount} for name, amount in (("Llm", "1"), ("llm", "2"))]
    assert loaded_caps(entries) == [("llm", "m", "2")]


@pytest.mark.parametrize("model", ["ünï", "m" * 256])
def test_a_model_that_a_label_cannot_hold_has_no_series(model: str) -> None:
    assert loaded_caps([{"pipeline": "llm", "model_id": model, "price_per_unit": "1", "pixels_per_unit": "1"}]) == []


def test_no_cap_is_read_back_as_none() -> None:
    of = fleet(gateway(network=ARBITRUM, max_price_per_unit="any"), orchestrator(network=ARBITRUM))
    assert answers(of, "gw1")["/getBroadcastConfig", "MaxPrice"] is None


def test_a_price_in_another_currency_follows_its_rate() -> None:
    of = fleet(gateway(network=ARBITRUM, max_price_per_unit="auto"), orchestrator(network=ARBITRUM, price_per_unit="0.002USD"))
    assert ("/getBroadcastConfig", "MaxPrice") not in answers(of, "gw1")
    assert answers(of, "orch1")["/status", "BroadcasterPrices"] == {"default": None}


def test_off_chain_the_chain_is_number_0_and_nothing_is_priced() -> None:
    assert answers(fleet(gateway(transcoding_options="P144p30fps16x9"), orchestrator()), "gw1") == {
        ("/getLogLevel",): "3",
        ("/EthChainID",): "0",
        ("/status", "OrchestratorPool"): ["https://orch1.example.com:8935"],
        ("/getBroadcastConfig", "TranscodingOptions"): "P144p30fps16x9",
    }
