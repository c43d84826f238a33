# SPDX-License-Identifier: GPL-3.0-or-later
"""What the actions of the modules hand over: the secrets that the plan names, read from the inventory one by one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import EncryptedString, VaultLib, VaultSecret, VaultSecretsContext
from ansible.template import Templar, trust_as_template
from ansible_collections.livepeer.fleet.plugins.action.node_info import ActionModule

KEYS = [("default", VaultSecret(b"password"))]
VARIABLES = {
    "vault_token": "from a vault",
    "short": "7 chars",
    "whole": {"authWebhookUrl": "https://auth.example.org/key"},
    "livepeer_eth_url": trust_as_template("{{ vault_token }}"),
    "livepeer_orchestrator_eth_password": EncryptedString(ciphertext=VaultLib(KEYS).encrypt("encrypted text").decode()),
    "livepeer_gateway_keystore": trust_as_template("{{ short }}"),
    "livepeer_gateway_flags": {
        "authWebhookUrl": trust_as_template("https://auth.example.org/{{ vault_token }}"),
        "metadataPublishTimeout": trust_as_template("{{ nobody_needs_it }}"),
    },
    "livepeer_orchestrator_flags": trust_as_template("{{ whole }}"),
    "livepeer_orchestrator_ai_models": [
        {"pipeline": "llm"},
        {"token": EncryptedString(ciphertext=VaultLib(KEYS).encrypt("bearer token").decode())},
    ],
}


class Hostvars:
    """Variables of the other hosts, as Ansible hands them over: not rendered."""

    def raw_get(self, host: str) -> object:
        return OTHERS.get(host, Undefined())


class Undefined:
    """What stands for a host that the inventory does not have."""


OTHERS = {"o1": {"vault_token": "that of o1", "livepeer_orchestrator_orch_secret": trust_as_template("{{ vault_token }}")}}


def secrets(*paths: str, host: str = "") -> dict[str, str]:
    """The values at these paths, as the module gets them."""
    if VaultSecretsContext.current(optional=True) is None:
        VaultSecretsContext.initialize(VaultSecretsContext(KEYS))
    task: Any = SimpleNamespace(args={}, async_val=0, check_mode=False)
    action = ActionModule(task, None, None, DataLoader(), Templar(loader=DataLoader(), variables=VARIABLES), None)
    named = {path: {"variable": path, "host": host} for path in paths}
    part = {"nodes": [{"name": "node", "secrets": named, "companions": []}]}
    return action.secrets(part, {**VARIABLES, "hostvars": Hostvars()})["node"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("livepeer_eth_url", "from a vault"),
        ("livepeer_orchestrator_eth_password", "encrypted text"),
        ("livepeer_gateway_flags.authWebhookUrl", "https://auth.example.org/from a vault"),
        ("livepeer_orchestrator_flags.authWebhookUrl", "https://auth.example.org/key"),
        ("livepeer_orchestrator_ai_models[1].token", "bearer token"),
    ],
)
def test_a_secret_is_read_where_the_plan_says(path: str, value: str) -> None:
    assert secrets(path) == {path: value}


@pytest.mark.parametrize(
    "path", ["livepeer_gateway_eth_password", "livepeer_gateway_flags.orchWebhookUrl", "livepeer_orchestrator_ai_models[2].token"]
)
def test_a_secret_that_is_gone_since_the_plan_is_named(path: str) -> None:
    with pytest.raises(AnsibleActionFail, match="is not set for this host, but the plan was made with it") as error:
        secrets(path)
    assert str(error.value).startswith(path)


def test_a_workers_secret_is_read_as_its_orchestrators_host_has_it() -> None:
    path = "livepeer_orchestrator_orch_secret"
    assert secrets(path, host="o1") == {path: "that of o1"}
    with pytest.raises(AnsibleActionFail, match="livepeer_eth_url is not set for host o1, but the plan was made with it"):
        secrets("livepeer_eth_url", host="o1")
    with pytest.raises(AnsibleActionFail, match="the inventory has no host o2, but the plan was made with it"):
        secrets(path, host="o2")


def test_a_secret_that_cannot_be_read_is_named_with_the_reason() -> None:
    path = "livepeer_gateway_flags.metadataPublishTimeout"
    with pytest.raises(AnsibleActionFail, match=r"cannot be read for this host: .*nobody_needs_it"):
        secrets(path)


def test_a_secret_that_is_too_short_to_be_hidden_is_refused_without_being_shown() -> None:
    with pytest.raises(AnsibleActionFail, match="LPF404: livepeer_gateway_keystore") as error:
        secrets("livepeer_gateway_keystore")
    assert "7 chars" not in str(error.value)
