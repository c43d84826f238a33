# SPDX-License-Identifier: GPL-3.0-or-later
"""What the chain says of live nodes: funds, registration, account, rewards (LPF604, LPF605, LPF606, LPF608)."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.onchain import in_the_name_of
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.chain import on_the_chain
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.hosts import check_live
from ansible_collections.livepeer.fleet.tests.unit.rules.fleets import asker, fleet, payer
from ansible_collections.livepeer.fleet.tests.unit.rules.test_live import plan, planned, running

ETH = 10**18
ACCOUNT = "0x" + "1" * 40
PAID = plan(
    gw1=payer(1250, gateway_deposit_eth="1", gateway_reserve_eth="0.36", gateway_eth_acct_addr="0x" + "2" * 40),
    orch1={**asker(1000), "orchestrator_eth_acct_addr": ACCOUNT, "orchestrator_reward": True},
)
FUNDS = {"deposit": str(ETH), "reserve": str(36 * ETH // 100), "withdraw_round": "0"}
REGISTERED = {
    "active": True,
    "status": "Registered",
    "service_uri": "https://orch1:8935",
    "last_reward_round": "99",
    "activation_round": "7",
}


def on_chain_of(node: str, **seen: Any) -> list[tuple[str, str]]:
    """Code and message of what the chain's side of a node is found to be."""
    host = "gw1" if node == "gateway" else "orch1"
    found = check_live(PAID, {host: {"nodes": {node: running(node, chain={"sender": None, "orchestrator": None, "round": "", **seen})}}})
    assert all((one.level.value, one.hosts, one.node) == ("warning", (host,), node) for one in found)
    return [(one.code, one.message) for one in found]


def test_funds_as_planned_have_nothing_to_say() -> None:
    assert on_chain_of("gateway", sender=FUNDS) == []


@pytest.mark.parametrize(
    ("sender", "says"),
    [
        ({"deposit": "0"}, "gateway: the deposit of its account is 0 ETH: it can pay nobody"),
        ({"reserve": "0"}, "gateway: the reserve of its account is 0 ETH: it can pay nobody"),
        (
            {"reserve": str(35 * ETH // 100)},
            "gateway: the reserve of its account is 0.35 ETH, the plan reckons with 0.36 ETH",
        ),
        (
            {"withdraw_round": "120"},
            "gateway: the funds of its account are being unlocked, to be withdrawn from round 120 on",
        ),
    ],
)
def test_each_lack_of_funds_is_a_warning(sender: dict[str, str], says: str) -> None:
    assert on_chain_of("gateway", sender=FUNDS | sender) == [("LPF604", says)]


def test_a_node_that_cannot_tell_is_a_warning() -> None:
    assert [code for code, _message in on_chain_of("gateway")] == ["LPF604"]
    assert [code for code, _message in on_chain_of("orchestrator")] == ["LPF605"]


@pytest.mark.parametrize(
    ("last", "current", "missed"), [("99", "100", ""), ("100", "100", ""), ("98", "100", "1 round"), ("7", "100", "92 rounds")]
)
def test_a_missed_reward(last: str, current: str, missed: str) -> None:
    told = on_chain_of("orchestrator", orchestrator=REGISTERED | {"last_reward_round": last}, round=current)
    assert [code for code, _message in told] == (["LPF608"] if missed else [])
    assert all(f"missed {missed} before the current one, {current}" in message for _code, message in told)


def test_no_reward_is_due_before_it_was_active() -> None:
    fresh = REGISTERED | {"last_reward_round": "0", "activation_round": "100"}
    assert on_chain_of("orchestrator", orchestrator=fresh, round="100") == []
    assert [code for code, _message in on_chain_of("orchestrator", orchestrator=fresh, round="102")] == ["LPF608"]


def test_a_registration_that_differs() -> None:
    told = on_chain_of("orchestrator", orchestrator=REGISTERED | {"service_uri": "https://old:8935"}, round="100")
    assert told == [("LPF605", "orchestrator: the chain says that its service address is https://old:8935, planned is https://orch1:8935")]
    ((code, message),) = on_chain_of("orchestrator", orchestrator=REGISTERED | {"active": False, "status": "Not Registered"}, round="100")
    assert code == "LPF605" and "not an active orchestrator on the chain (Not Registered)" in message


def test_the_registered_address_may_be_that_of_another_node_in_its_name() -> None:
    """Siphon: the account stands on a host that takes no jobs, gateways are sent to the one that does."""
    account = "0x" + "ab" * 20
    nodes = fleet(
        keys={**asker(1000), "orchestrator_eth_acct_addr": account},
        gpu={**asker(1000), "orchestrator_eth_acct_addr": "0x" + "2" * 40, "orchestrator_eth_orch_addr": account.upper().replace("X", "x")},
    ).nodes
    keys, gpu = sorted(nodes, key=lambda node: node.host, reverse=True)
    node = planned(keys, elsewhere=in_the_name_of(nodes)[account])
    for uri, codes in (("https://gpu:8935", []), ("https://keys:8935", []), ("https://old:8935", ["LPF605"])):
        seen = {"orchestrator": REGISTERED | {"service_uri": uri}, "round": "100", "sender": None}
        assert [one.code for one in on_the_chain("keys", node, seen)] == codes
    assert not list(on_the_chain("gpu", planned(gpu), {"orchestrator": REGISTERED, "round": "100", "sender": None}))


def test_another_account_is_an_error_of_its_own() -> None:
    problem = "LPF606: it runs with the account 0xab, planned is 0xcd"
    nodes = {"gateway": running("gateway", problems=[problem], decision={"action": "restart", "reasons": [problem], "restarts": True})}
    (found,) = check_live(PAID, {"gw1": {"nodes": nodes}})
    assert (found.code, found.level.value, found.message) == ("LPF606", "error", "it runs with the account 0xab, planned is 0xcd")
    assert (found.variable, found.limit) == ("livepeer_gateway_eth_acct_addr", "0x" + "2" * 40)
