# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole plan of a fleet with every role: nothing is said of a good one, and of each mistake one thing only."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.inventory import Inventory
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan import Plan, make_plan, plan_from_dict
from ansible_collections.livepeer.fleet.tests.unit.render.fleets import ACCOUNT, ARBITRUM, TEMPLATES

KEYS = {"keystore": "the key file", "eth_password": "long enough"}
ROLES = {"o": "orchestrator", "t": "transcoder", "w": "ai_worker", "s": "remote_signer", "r": "redeemer"}
FLEET: dict[str, dict[str, object]] = {
    "o": {
        "service_addr": "192.0.2.2:8935",
        "price_per_unit": 1000,
        "auto_adjust_price": True,
        "reward": True,
        "redeemer": "r",
        "orch_secret": "correct horse",
        "eth_acct_addr": ACCOUNT,
        "ai_models": [
            {"pipeline": "text-to-image", "model_id": "m", "url": "http://10.0.0.5:9000", "price_per_unit": 5, "token": "0123456789"}
        ],
        **KEYS,
    },
    "t": {"orchestrator": "o"},
    "w": {"orchestrator": "o"},
    "s": {"max_price_per_unit": 1000, **KEYS},
    "r": {"http_addr": "192.0.2.3:9937", "eth_orch_addr": ACCOUNT, **KEYS},
}


def planned(**changes: Mapping[str, object]) -> Plan:
    """The plan with these variables of a host changed or added, or left out where they are None."""
    hosts = {}
    for host, role in ROLES.items():
        own = {name: value for name, value in {**FLEET[host], **changes.get(host, {})}.items() if value is not None}
        shared = {"version": "0.9.1", "archive": "/archive.tar.gz", "network": ARBITRUM, "eth_url": "https://rpc.example/key"}
        hosts[host] = {
            f"livepeer_{name}": value for name, value in (shared | {f"{role}_{name}": value for name, value in own.items()}).items()
        }
    groups = {f"livepeer_{role}s": [host] for host, role in ROLES.items()}
    return make_plan(Inventory(groups, hosts), archive_checksum=lambda _archive: "ab" * 32, templates=TEMPLATES)


def test_nothing_is_wrong_with_a_good_fleet_and_every_node_has_its_files() -> None:
    plan = planned()
    assert [finding for finding in plan.findings if finding.level is Level.ERROR] == []
    nodes = {host: node for host in plan.hosts for node in plan.hosts[host].nodes}
    assert {host: node.role.value for host, node in nodes.items()} == ROLES
    assert all({"livepeer.conf", "livepeer.service", "sysusers.conf"} <= set(node.files) for node in nodes.values())
    assert plan_from_dict(plan.to_dict()) == plan


MISTAKES: list[tuple[str, dict[str, object]]] = [
    ("o", {"redeemer": 5}),
    ("o", {"redeemer": "gone"}),
    ("o", {"redeemer": "https://r:9937"}),
    ("o", {"models_dir": "models"}),
    ("o", {"containers_per_gpu": "many"}),
    ("o", {"orch_secret": "short"}),
    ("o", {"orch_secret": None}),
    ("o", {"transcoder": "perhaps"}),
    ("o", {"transcoder": True}),
    ("t", {"orchestrator": None}),
    ("t", {"orchestrator": 5}),
    ("t", {"orchestrator": "gone"}),
    ("t", {"orchestrator": "w"}),
    ("t", {"orchestrator": "https://192.0.2.2:8935"}),
    ("t", {"orchestrator": "192.0.2.9:8935"}),
    ("t", {"orch_secret": "short"}),
    ("t", {"orch_secret": "correct horse"}),
    ("t", {"cli_addr": 6935}),
    ("t", {"name": 5}),
    ("t", {"max_sessions": 0}),
    ("t", {"flags": {"maxAtempts": 5}}),
    ("t", {"flags": {"orchAddr": "o:8935"}}),
    ("w", {"orchestrator": None}),
    ("w", {"orchestrator": "gone"}),
    ("w", {"models_dir": "models"}),
    ("w", {"containers_per_gpu": 0}),
    ("w", {"ai_models": 5}),
    ("w", {"cli_addr": "0.0.0.0:4935"}),
    ("s", {"network": "offchain"}),
    ("s", {"max_price_per_unit": 0.1}),
    ("s", {"http_addr": 9936}),
    ("s", {"webhook_url": "short"}),
    ("s", {"allow_no_auth": "perhaps"}),
    ("s", {"keystore": None}),
    ("r", {"network": "offchain"}),
    ("r", {"network": "mainnet"}),
    ("r", {"http_addr": "127.0.0.1:9937"}),
    ("r", {"http_addr": 9937}),
    ("r", {"cli_addr": ":2935"}),
    ("r", {"eth_orch_addr": "0x1"}),
    ("r", {"eth_orch_addr": "0x00000000000000000000000000000000000000aa"}),
    ("r", {"eth_password": "short"}),
]


@pytest.mark.parametrize(("host", "variables"), MISTAKES)
def test_a_mistake_is_one_error(host: str, variables: dict[str, object]) -> None:
    found = [finding for finding in planned(**{host: variables}).findings if finding.level is Level.ERROR]
    assert len(found) == 1, found
    assert found[0].variable.startswith("livepeer_")
