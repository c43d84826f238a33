# SPDX-License-Identifier: GPL-3.0-or-later
"""LPF401 to LPF404: each with a case that passes and one that fails."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan import Plan, plan_fleet
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.keys import unusable_secrets
from ansible_collections.livepeer.fleet.plugins.plugin_utils.secret_values import FILE, Unread
from ansible_collections.livepeer.fleet.tests.unit.keys.test_keystores import LIGHT, LIGHT_PASSWORD, PBKDF2
from ansible_collections.livepeer.fleet.tests.unit.rules.fleets import ARBITRUM, Host, asker, check, fleet, parsed, payer

TEMPLATES = Path(__file__).parents[3] / "roles/node/templates"
ONE, TWO, THREE = ("0x" + digit * 40 for digit in "123")
ACCOUNT = "0x4a198ad37cA4357BD6c432839Ef54E4d2Bd69316"


def node(account: str, **variables: object) -> Host:
    return {**asker(1000), "orchestrator_eth_acct_addr": account, **variables}


def payer_of(account: str) -> Host:
    return payer(1300, gateway_eth_acct_addr=account)


def of(code: str, **hosts: Host) -> list[Finding]:
    return [one for one in check(**hosts) if one.code == code]


def test_an_account_on_two_orchestrators_is_an_error() -> None:
    (one,) = of("LPF401", o1=node(ONE), o2=node(ONE), o3=node(TWO))
    assert (one.level, one.hosts, one.variable) == (Level.ERROR, ("o1", "o2"), "livepeer_orchestrator_eth_acct_addr")
    assert "orchestrator o1 and orchestrator o2" in one.message


def test_an_account_on_two_gateways_is_a_warning_and_beside_an_orchestrator_an_error() -> None:
    (one,) = of("LPF401", g1=payer_of(ONE), g2=payer_of(ONE))
    assert (one.level, one.hosts) == (Level.WARNING, ("g1", "g2"))
    (one,) = of("LPF401", g1=payer_of(ONE), o1=node(ONE))
    assert (one.level, one.hosts) == (Level.ERROR, ("o1", "g1"))


def test_accounts_of_their_own_and_the_siphon_are_fine() -> None:
    key = node(ONE, orchestrator_reward=True)
    worker = node(TWO, orchestrator_eth_orch_addr=ONE)
    assert not [*of("LPF401", key=key, gpu=worker, g1=payer_of(THREE)), *of("LPF402", key=key, gpu=worker)]


def test_one_file_of_a_key_on_two_nodes_is_one_account() -> None:
    key: Host = {"orchestrator_keystore_file": "/keys/one.json"}
    (one,) = of("LPF401", o1=asker(1000, **key), o2=asker(1000, **key))
    assert (one.level, one.hosts, one.variable) == (Level.ERROR, ("o1", "o2"), "livepeer_orchestrator_keystore_file")
    assert one.message.startswith("the account of /keys/one.json is used by")
    assert not of("LPF401", o1=asker(1000, **key), o2=asker(1000, orchestrator_keystore_file="/keys/two.json"))
    assert not of("LPF401", o1=asker(1000), o2=asker(1000))


def test_one_account_on_two_networks_is_fine() -> None:
    other = {**node(ONE), "network": "mainnet"}
    assert not of("LPF401", o1=node(ONE), o2=other)


def test_two_callers_of_one_orchestrator_are_an_error() -> None:
    key, gpu = node(ONE, orchestrator_reward=True), node(TWO, orchestrator_eth_orch_addr=ONE, orchestrator_reward=True)
    (one,) = of("LPF402", key=key, gpu=gpu)
    assert (one.level, set(one.hosts), one.variable) == (Level.ERROR, {"key", "gpu"}, "livepeer_orchestrator_reward")
    assert not of("LPF402", o1=node(ONE, orchestrator_reward=True), o2=node(TWO, orchestrator_reward=True))


def test_callers_of_one_account_are_counted_on_each_network() -> None:
    elsewhere = {**node(ONE, orchestrator_reward=True), "network": "mainnet"}
    key, gpu = node(ONE, orchestrator_reward=True), node(TWO, orchestrator_eth_orch_addr=ONE, orchestrator_reward=True)
    assert not of("LPF402", key=key, z=elsewhere)
    (one,) = of("LPF402", key=key, gpu=gpu, z=elsewhere)
    assert set(one.hosts) == {"key", "gpu"}


def test_no_caller_is_a_warning() -> None:
    (one,) = of("LPF402", key=node(ONE), gpu=node(TWO, orchestrator_eth_orch_addr=ONE))
    assert (one.level, one.hosts) == (Level.WARNING, ("gpu", "key"))


def plan(**variables: object) -> Plan:
    secrets = {"eth_url": "x" * 8, "orchestrator_keystore": "x" * 8, "orchestrator_eth_password": "x" * 8}
    host = node(ACCOUNT, **{**secrets, **variables})
    return plan_fleet(fleet(o1=host), (), TEMPLATES)


VALUES = {
    "livepeer_eth_url": "https://rpc.example/key",
    "livepeer_orchestrator_keystore": LIGHT,
    "livepeer_orchestrator_eth_password": LIGHT_PASSWORD,
}


def told(values: dict[str, object], **variables: object) -> list[Finding]:
    def value(host: str, path: str) -> object:
        if path not in values:
            raise Unread
        return values[path]

    return list(unusable_secrets(plan(**variables), value))


def test_a_keystore_of_the_account_with_its_password_passes() -> None:
    assert told(VALUES) == []
    assert told(VALUES | {"livepeer_orchestrator_keystore": json.dumps(LIGHT)}) == []
    assert told({}) == [], "what cannot be read has a finding already"


@pytest.mark.parametrize(
    ("wrong", "code", "message"),
    [
        ({"livepeer_orchestrator_keystore": PBKDF2}, "LPF403", "of another account"),
        ({"livepeer_orchestrator_keystore": "{}" * 10}, "LPF403", "is not JSON"),
        ({"livepeer_orchestrator_eth_password": "another password"}, "LPF403", "does not open"),
        ({"livepeer_orchestrator_eth_password": " \t\n" * 4}, "LPF404", "0 characters"),
        ({"livepeer_eth_url": "short"}, "LPF404", "5 characters"),
    ],
)
def test_each_secret_that_cannot_be_used_is_told_without_itself(wrong: dict[str, object], code: str, message: str) -> None:
    (one,) = told(VALUES | wrong)
    assert (one.code, one.level, one.hosts, one.variable) == (code, Level.ERROR, ("o1",), next(iter(wrong)))
    assert message in one.message
    assert LIGHT_PASSWORD not in str(one) and "another password," not in str(one)


@pytest.mark.parametrize(
    ("accounts", "networks", "count"),
    [
        (["", ""], [ARBITRUM] * 2, 1),
        (["", ACCOUNT], [ARBITRUM] * 2, 1),
        ([ACCOUNT, ACCOUNT], [ARBITRUM] * 2, 0),  # found without opening any
        (["", ""], [ARBITRUM, "mainnet"], 0),
    ],
)
def test_one_key_on_two_nodes_is_found_where_keys_are_opened(accounts: list[str], networks: list[str], count: int) -> None:
    """Without the accounts, which nobody has to say."""
    secrets = {"eth_url": "x" * 8, "orchestrator_keystore": "x" * 8, "orchestrator_eth_password": "x" * 8}
    hosts = {f"o{place}": node(account, **secrets, network=networks[place]) for place, account in enumerate(accounts)}
    found = list(unusable_secrets(plan_fleet(fleet(**hosts), (), TEMPLATES), lambda _host, path: VALUES[path]))
    assert [(one.code, one.level, one.hosts) for one in found] == [("LPF401", Level.ERROR, ("o0", "o1"))] * count
    assert all(one.variable == "livepeer_orchestrator_keystore" and ACCOUNT in one.message for one in found)


def test_a_keystore_from_a_file_on_the_controller(tmp_path: Path) -> None:
    path = tmp_path / "UTC--key"
    variable = f"livepeer_orchestrator{FILE}"
    values = {name: value for name, value in VALUES.items() if not name.endswith("keystore")} | {variable: str(path)}
    both = {"orchestrator_keystore": "x" * 8, "orchestrator_keystore_file": str(path)}
    assert [one.variable for one in parsed(o1=node(ACCOUNT, **both))[1] if "given twice" in one.message] == [variable]
    (one,) = told(values, orchestrator_keystore_file=str(path))
    assert (one.code, one.variable) == ("LPF404", variable) and "No such file" in one.message
    path.write_text(json.dumps(LIGHT))
    assert told(values, orchestrator_keystore_file=str(path)) == []
