# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures of a payer: advice that is followed makes what it promises, and no less would do."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices import PriceError
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets import Deal, Limits, Terms
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets.cases import AMPLE, Case
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets.figures import Figures, Funds, GasRow, from_dict, round_up, to_dict
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets.written import price_plan
from ansible_collections.livepeer.fleet.plugins.plugin_utils.workloads import Workload
from hypothesis import given
from hypothesis import strategies as st


def plan(price: object = 1000, **options: Any) -> dict[str, Any]:
    """Figures at 0.05 to 2 gwei and a reserve of 1 ETH, unless something else is said."""
    return price_plan(price, **{"gas_gwei": ["0.05", "2"], "reserve_eth": 1} | options)


def test_a_cap_that_does_not_survive() -> None:
    """The example of the issue: both values together, or the cap that does instead."""
    found = plan(cap=1200, deposit_eth=1)
    assert (found["survives_gwei"], found["ends_by"], found["codes"]) == ("1.666674999", "cap", ["LPF209"])
    assert found["safe"] == {"reserve_eth": "1.2", "deposit_eth": "0.012"}
    assert found["cap_instead"] == "1240"
    assert found["best"] == {"reserve_eth": "24", "deposit_eth": "0.24"}
    assert [row["gas_gwei"] for row in found["table"]] == ["0.05", "0.1", "1", "1.666674999", "2"]
    assert [row["refused"] for row in found["table"]] == [[], [], [], [], ["cap"]]


def test_a_cap_that_survives() -> None:
    found = plan(cap=1250, deposit_eth=1)
    assert (found["codes"], found["safe"], found["cap_instead"], found["max_face_value_instead"]) == ([], None, None, None)


def test_a_cap_below_the_least_overhead_is_saved_by_no_reserve() -> None:
    found = plan(cap=1005, deposit_eth=1)
    assert (found["safe"], found["cap_instead"], found["survives_gwei"], found["ends_by"]) == (None, "1240", "0.000000066", "cap")


def test_a_deposit_that_is_too_small() -> None:
    found = plan(deposit_eth="0.005", cap=1700)
    assert [row["refused"] for row in found["table"]] == [[], ["deposit"], ["deposit"], ["deposit"], ["deposit"]]
    assert (found["table"][0]["marks"], found["survives_gwei"], found["ends_by"]) == (["survives"], "0.041666666", "deposit")
    assert found["safe"] == {"reserve_eth": "1", "deposit_eth": "0.01"}
    assert found["max_face_value_instead"] == 5 * 10**15


def test_a_face_value_is_limited_only_where_the_cap_bears_it() -> None:
    assert plan(deposit_eth="0.005", cap=1300)["max_face_value_instead"] is None
    assert plan(deposit_eth="0.003", cap=9000)["max_face_value_instead"] == 3 * 10**15
    assert plan(deposit_eth="0.002", cap=9000)["max_face_value_instead"] is None


def test_without_a_reserve_nothing_is_advertised() -> None:
    found = plan(reserve_eth="0.35", gas_gwei=["2.95", "4"], cap=5000, deposit_eth=1)
    assert [(row["highest"], row["refused"]) for row in found["table"]] == [("1999.999", []), (None, ["reserve"]), (None, ["reserve"])]
    assert found["codes"] == ["LPF210"]
    assert (found["survives_gwei"], found["ends_by"]) == ("2.916666666", "reserve")
    assert found["safe"] == {"reserve_eth": "0.36", "deposit_eth": "0.0036"}


def test_no_limit_at_all() -> None:
    found = plan(adjusting=False, cap=1000)
    assert (found["survives_gwei"], found["ends_by"], found["best"]) == (None, "", None)
    assert [row["highest"] for row in found["table"]] == ["1000"] * 4


def test_another_currency_is_not_cut() -> None:
    found = plan("0.002USD", cap="0.0025USD")
    assert (found["currency"], found["covers"]) == ("USD", None)
    assert [(row["gas_gwei"], row["highest"]) for row in found["table"] if "highest" in row["marks"]] == [("2", "0.00248")]


def test_a_remote_signer() -> None:
    found = plan(1000, remote_signer=True, workload="live_video", reserve_eth=12)
    assert found["table"][0]["refused"] == ["first_payment"]
    assert found["codes"] == ["LPF211"]


def test_live_video_ends_where_the_signer_refuses_the_first_payment() -> None:
    found = plan(400, cap=500, remote_signer=True, workload="live_video", deposit_eth=1)
    assert (found["survives_gwei"], found["ends_by"]) == ("1.713624999", "first_payment")


@pytest.mark.parametrize(
    ("price", "network", "says"),
    [
        (1000, "arbitrum-one-mainet", "write arbitrum-one-mainnet"),
        (1000, "arbitrum", "write arbitrum-one-mainnet, mainnet"),
        (1000, "offchain", "nothing is paid"),
        ([], "mainnet", "no price in the list"),
    ],
)
def test_what_nothing_can_be_worked_out_of(price: object, network: str, says: str) -> None:
    with pytest.raises(PriceError, match=says):
        plan(price, network=network)


ETH = st.integers(1, 30_000).map(lambda amount: f"{amount // 1000}.{amount % 1000:03}")
GWEI = st.lists(st.integers(1, 20_000), min_size=2, max_size=2).map(lambda both: [f"{one // 1000}.{one % 1000:03}" for one in sorted(both)])
PRICES = st.lists(st.integers(10, 5000), min_size=1, max_size=3)


@given(prices=PRICES, gas=GWEI, reserve=ETH, deposit=ETH, over=st.integers(100, 400), pool=st.integers(1, 200))
def test_advice_that_is_followed_is_the_end_of_it(
    *, prices: list[int], gas: list[str], reserve: str, deposit: str, over: int, pool: int
) -> None:
    options = {"gas_gwei": gas, "reserve_eth": reserve, "deposit_eth": deposit, "cap": max(prices) * over // 100 + 1, "pool_size": pool}
    found = plan(prices, **options)
    if found["safe"]:
        assert Fraction(found["safe"]["reserve_eth"]) >= Fraction(reserve)
        assert not {"LPF209", "LPF210"} & set(plan(prices, **options | found["safe"])["codes"])
    if found["cap_instead"]:
        assert "LPF209" not in plan(prices, **options | {"cap": found["cap_instead"]})["codes"]
    if found["max_face_value_instead"]:
        flags = {"maxFaceValue": str(found["max_face_value_instead"])}
        assert plan(prices, **options, flags=flags)["codes"] == []
    if not found["codes"]:
        assert found["safe"] is found["cap_instead"] is None
        assert all(not row["refused"] for row in found["table"] if row["marks"] != ["survives"])


@given(PRICES, GWEI, st.integers(1, 200))
def test_with_the_best_funds_no_reserve_makes_it_cheaper(prices: list[int], gas: list[str], pool: int) -> None:
    best = plan(prices, gas_gwei=gas, pool_size=pool)["best"]
    there = plan(prices, gas_gwei=gas, pool_size=pool, **best)
    beyond = plan(prices, gas_gwei=gas, pool_size=pool, reserve_eth=1_000_000)
    at = {row["gas_gwei"]: row["highest"] for row in beyond["table"]}
    assert all(at[row["gas_gwei"]] == row["highest"] for row in there["table"] if "survives" not in row["marks"])
    assert not there["codes"]


@given(st.integers(0, 10**24))
def test_an_advised_amount_is_no_less_and_reads_well(amount: int) -> None:
    rounded = round_up(amount)
    assert amount <= rounded <= amount * Fraction(101, 100) + 1
    assert len(str(rounded).rstrip("0")) <= 3


def test_a_case_without_inputs_says_only_what_is_certain() -> None:
    best = Deal(Fraction(1000), True, Terms.read("arbitrum-one-mainnet", {}), Limits.read({}), AMPLE)
    assert Case(best, (0, 0), False).codes(Fraction(1001)) == ()
    assert Case(replace(best, signed=True), (0, 0), False).codes(None) == ("LPF211",)


def test_figures_travel_as_json() -> None:
    figures = Figures(
        gateways=("g/gateway", "h/gateway"),
        workload=Workload("ai", "text-to-image", "model"),
        currency="wei",
        unit="pixel",
        orchestrators=3,
        base_lowest=Fraction(1, 3),
        base_highest=Fraction(2),
        cap=Fraction(6072, 5),
        gas_gwei=(Fraction(1, 20), Fraction(2)),
        pool_size=100,
        reserve_eth=Fraction(1),
        deposit_eth=None,
        lacks=("livepeer_gateway_deposit_eth",),
        table=(GasRow(Fraction(1), ("lowest",), Fraction(1), None, Fraction(-1, 3), None, ("cap",)),),
        survives_gwei=Fraction(1),
        ends_by="cap",
        covers=5,
        safe=Funds(Fraction(24), Fraction(6, 25)),
        codes=("LPF209",),
    )
    data = to_dict(figures)
    assert from_dict(data) == figures
    assert list(data)[:4] == ["gateways", "workload", "pipeline", "model_id"]
    assert (data["cap"], data["safe"]) == ("6072/5", {"reserve_eth": "24", "deposit_eth": "6/25"})


@pytest.mark.parametrize("pool", [1, 3, 100])
def test_a_reserve_is_divided_among_the_pool(pool: int) -> None:
    assert plan(reserve_eth=str(pool), pool_size=pool, gas_gwei=5)["table"] == plan(reserve_eth=1, pool_size=1, gas_gwei=5)["table"]
