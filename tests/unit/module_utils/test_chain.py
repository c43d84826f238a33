# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node tells of the chain: answers of the real 0.9.1 on a chain, and none."""

from __future__ import annotations

import json

from ansible_collections.livepeer.fleet.plugins.module_utils.admin_api import Answer
from ansible_collections.livepeer.fleet.plugins.module_utils.chain import told
from ansible_collections.livepeer.fleet.tests.unit.module_utils.worlds import PlayedApi

SENDER = '{"Deposit":2000000000000000000,"WithdrawRound":0,"Reserve":{"FundsRemaining":1000000000000000000,"ClaimedInCurrentRound":0}}'
TRANSCODER = {
    "Address": "0x" + "1" * 40,
    "ServiceURI": "https://127.0.0.1:8935",
    "LastRewardRound": 99,
    "ActivationRound": 7,
    "Active": True,
    "Status": "Registered",
}


def test_answers_as_they_are() -> None:
    api = PlayedApi(
        {
            "/senderInfo": Answer(200, SENDER),
            "/orchestratorInfo": Answer(200, json.dumps({"Transcoder": TRANSCODER, "PriceInfo": "1000/1"})),
            "/currentRound": Answer(200, "100\n"),
        }
    )
    assert told(api) == {
        "sender": {"deposit": "2000000000000000000", "reserve": "1000000000000000000", "withdraw_round": "0"},
        "orchestrator": {
            "active": True,
            "status": "Registered",
            "service_uri": "https://127.0.0.1:8935",
            "last_reward_round": "99",
            "activation_round": "7",
        },
        "round": "100",
    }


def test_a_node_that_has_no_chain_to_ask() -> None:
    api = PlayedApi({path: Answer(500, "no client") for path in ("/senderInfo", "/orchestratorInfo", "/currentRound")})
    assert told(api) == told(PlayedApi({})) == {"sender": None, "orchestrator": None, "round": ""}
