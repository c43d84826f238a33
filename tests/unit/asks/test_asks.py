# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks: what an orchestrator asks of each gateway, with the fallbacks of go-livepeer."""

from __future__ import annotations

from fractions import Fraction

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.accounts import checksummed
from ansible_collections.livepeer.fleet.plugins.plugin_utils.asks import Ask, State, accounts, asks, foreign_ask, serves
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Node, OrchAddr
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices import Rate
from ansible_collections.livepeer.fleet.plugins.plugin_utils.workloads import LIVE_RUNNER, VIDEO, Workload
from ansible_collections.livepeer.fleet.tests.unit.rules.fleets import asker, fleet

ACCOUNT = checksummed("0x" + "ab" * 20)
SD = {"pipeline": "text-to-image", "model_id": "sd"}
IMAGE = Workload.of_model("text-to-image", "sd")


def node(price: object = 1000, **variables: object) -> Node:
    return fleet(o=asker(price, **variables)).nodes[0]


def asked(account: str = "", price: object = 1000, **variables: object) -> Ask:
    return asks(node(price, orchestrator_ai_worker=True, **variables), account)[IMAGE]


def test_what_an_orchestrator_serves() -> None:
    assert serves(node()) == (Workload(VIDEO),)
    assert serves(node(orchestrator_transcoder=False)) == (Workload(VIDEO),)
    both = node(orchestrator_transcoder=False, orchestrator_ai_worker=True, orchestrator_ai_models=[SD, SD | {"gateway": ACCOUNT}])
    assert serves(both) == (IMAGE,)
    assert serves(node(orchestrator_flags={"liveRunnerConfig": "/etc/runners.json"}))[-1] == Workload(LIVE_RUNNER)


@pytest.mark.parametrize(
    ("flags", "served"),
    [
        ({"useLiveRunners": True}, True),
        ({"useLiveRunners": "T"}, True),
        ({"useLiveRunners": "1"}, True),
        ({"useLiveRunners": "0"}, False),
        ({"useLiveRunners": "f"}, False),
        ({"useLiveRunners": "FALSE"}, False),
        ({"useLiveRunners": "False", "liveRunnerConfig": "false"}, True),
    ],
)
def test_a_flag_for_live_runners_is_read_as_go_reads_it(flags: dict[str, object], served: bool) -> None:
    """``false`` is a path like any other."""
    assert (Workload(LIVE_RUNNER) in serves(node(orchestrator_flags=flags))) is served


def by_model(model: dict[str, object], **variables: object) -> Node:
    """On a chain, with prices of models only."""
    host = asker(1, orchestrator_ai_worker=True, orchestrator_ai_models=[SD | model], **variables)
    del host["orchestrator_price_per_unit"]
    return fleet(o=host).nodes[0]


@pytest.mark.parametrize(
    ("model", "amount", "state"),
    [
        ({"price_per_unit": 5}, 5, State.STATED),
        ({"price_per_unit": 0}, 0, State.FALLBACK),
        ({}, None, State.UNREADABLE),
        ({"pixels_per_unit": 4}, None, State.UNREADABLE),
    ],
)
def test_without_a_base_price_video_is_free_and_each_model_needs_its_own(model: dict[str, object], amount: object, state: State) -> None:
    """starter.go:StartLivepeer ("'pricePerUnit' must be set for model"), core/orchestrator.go:priceInfo."""
    found = asks(by_model(model), "")
    assert (found[IMAGE].rate and found[IMAGE].rate.amount, found[IMAGE].state) == (amount, state)
    video = found[Workload(VIDEO)]
    assert (video.rate, video.state) == (Rate(Fraction(0), "wei"), State.STATED)
    assert Workload(VIDEO) not in asks(by_model(model, orchestrator_transcoder=False), "")


def test_a_model_without_a_price_beside_a_base_price_of_0() -> None:
    assert asked(price=0, orchestrator_ai_models=[SD]).state is State.UNREADABLE


def test_a_gateway_with_a_price_of_its_own() -> None:
    own = [
        {"ethaddress": ACCOUNT, "priceperunit": "1e3", "pixelsperunit": 2},
        {"ethaddress": ACCOUNT.lower(), "priceperunit": "0.5", "pixelsperunit": 1, "currency": "usd"},
    ]
    orchestrator = node(orchestrator_price_per_gateway=own)
    assert accounts(orchestrator) == {ACCOUNT.lower()}
    found = asks(orchestrator, ACCOUNT.lower())[Workload(VIDEO)]
    assert (found.rate, found.variable) == (Rate(Fraction(1, 2), "USD"), "livepeer_orchestrator_price_per_gateway[1].priceperunit")
    assert found.written["price_per_unit"] == "0.5USD"
    assert asks(orchestrator, "")[Workload(VIDEO)].rate == Rate(Fraction(1000), "wei")


@pytest.mark.parametrize(
    ("model", "amount", "state"),
    [
        ({"price_per_unit": "1e3", "pixels_per_unit": 4}, 250, State.STATED),
        ({"price_per_unit": 5}, Fraction(5, 10), State.STATED),
        ({"price_per_unit": 0}, 100, State.FALLBACK),
        ({}, 100, State.FALLBACK),
        ({"pixels_per_unit": 4}, 250, State.FALLBACK),
        ({"price_per_unit": "0.0005", "pixels_per_unit": 1}, Fraction(1, 2000), State.FREE_BY_FLOOR),
        ({"price_per_unit": "0.5USD"}, None, State.UNREADABLE),
        ({"price_per_unit": "0x10"}, None, State.UNREADABLE),
        ({"price_per_unit": 5, "pixels_per_unit": "1.5"}, None, State.UNREADABLE),
        ({"pixels_per_unit": "1000USD"}, None, State.UNREADABLE),
        ({"pixels_per_unit": "1e1"}, 100, State.FALLBACK),
    ],
)
def test_the_price_of_a_model(model: dict[str, object], amount: Fraction | None, state: State) -> None:
    found = asked(orchestrator_pixels_per_unit=10, orchestrator_ai_models=[SD | model])
    assert found.state is state
    assert found.rate == (None if amount is None else Rate(Fraction(amount), "wei"))


def test_a_model_has_a_price_of_its_own_for_an_account() -> None:
    models = [SD | {"price_per_unit": 5}, SD | {"price_per_unit": 7, "gateway": ACCOUNT}]
    assert [asked(account, orchestrator_ai_models=models).rate.amount for account in ("", ACCOUNT.lower())] == [5, 7]


def test_a_foreign_orchestrator() -> None:
    assert foreign_ask(OrchAddr(url="https://o:1", pixels_per_unit="1"), 0).state is State.UNSTATED
    found = foreign_ask(OrchAddr(url="https://o:1", price_per_unit="10", pixels_per_unit="4"), 2)
    assert (found.rate, found.adjusts, found.variable) == (
        Rate(Fraction(5, 2), "wei"),
        True,
        "livepeer_gateway_orch_addr[2].price_per_unit",
    )


def test_what_hangs_on_a_refused_value_is_refused() -> None:
    assert asked(orchestrator_ai_models=[SD, {"pipeline": 5}]).state is State.REFUSED
    own = node(orchestrator_price_per_gateway=[5])
    assert asks(own, ACCOUNT.lower())[Workload(VIDEO)].state is State.REFUSED
    assert asks(own, "")[Workload(VIDEO)].state is State.STATED


def test_a_model_priced_for_one_gateway_alone_costs_the_others_what_video_does() -> None:
    found = asked(orchestrator_ai_models=[SD | {"price_per_unit": 7, "gateway": ACCOUNT}])
    assert (found.state, found.rate) == (State.FALLBACK, Rate(Fraction(1000), "wei"))


def test_a_foreign_price_that_cannot_be_read() -> None:
    assert foreign_ask(OrchAddr(url="https://o:1", price_per_unit="1e3", pixels_per_unit="1"), 0).state is State.UNREADABLE
