# SPDX-License-Identifier: GPL-3.0-or-later
"""The sample on-chain with its secrets where an operator has them: in a vault, and, as far as it is not opened, in SOPS."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from ansible_collections.livepeer.fleet.tests.unit.keys.test_keystores import LIGHT, LIGHT_PASSWORD

from .conftest import ROOT, Run

SAMPLE = (ROOT / "samples/onchain-one-host.yml").read_text(encoding="utf-8")
GATEWAY, ORCHESTRATOR = "00000000000000000000000000000000000000b1", "00000000000000000000000000000000000000b2"
LOCK = "the password of the vault"
URL = "https://rpc.example.org/planted-key-4711"
VAULT: dict[str, object] = {
    "vault_eth_url": URL,
    "vault_media1_gateway_keystore": json.dumps({**LIGHT, "address": GATEWAY}),
    "vault_media1_gateway_password": LIGHT_PASSWORD,
    "vault_media1_orchestrator_keystore": {**LIGHT, "address": ORCHESTRATOR},
    "vault_media1_orchestrator_password": LIGHT_PASSWORD,
}

Runner = Callable[..., Run]


@pytest.fixture
def vaulted(run: Runner, tmp_path: Path) -> Runner:
    """``vaulted(*arguments, **changes)``: the sample, its vault with changed values beside it."""

    def planned(*arguments: str, **changes: object) -> Run:
        vault = tmp_path / "group_vars/all/vault.yml"
        vault.parent.mkdir(parents=True, exist_ok=True)
        vault.write_text(yaml.safe_dump({**VAULT, **changes}), encoding="utf-8")
        (tmp_path / "lock").write_text(LOCK, encoding="utf-8")
        command = ["ansible-vault", "encrypt", "--vault-password-file", str(tmp_path / "lock"), str(vault)]
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, "LC_ALL": "C.UTF-8"})
        done = run(SAMPLE, *arguments)
        said = done.output + str(done.plan)
        assert not [secret for secret in (LOCK, URL, LIGHT_PASSWORD, str(LIGHT["Crypto"]["ciphertext"])) if secret in said]
        return done

    return planned


FULL = ("--vault-password-file", "lock", "-e", "livepeer_plan_secrets=full")


def errors(done: Run) -> list[tuple[str, str]]:
    return [(code, variable) for code, _hosts, variable in done.findings if code.startswith("LPF4")]


def test_a_vault_that_is_opened_has_keys_that_fit(vaulted: Runner) -> None:
    done = vaulted(*FULL)
    assert done.status == 0, done.output
    assert errors(done) == []


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"vault_media1_gateway_keystore": {**LIGHT}}, ("LPF403", "livepeer_gateway_keystore")),
        ({"vault_media1_gateway_password": "not the password"}, ("LPF403", "livepeer_gateway_eth_password")),
        ({"vault_media1_orchestrator_keystore": "/root/UTC--2024"}, ("LPF403", "livepeer_orchestrator_keystore")),
        ({"vault_media1_orchestrator_password": "        "}, ("LPF404", "livepeer_orchestrator_eth_password")),
    ],
)
def test_a_key_that_does_not_fit_refuses_the_plan(vaulted: Runner, changes: dict[str, object], found: tuple[str, str]) -> None:
    done = vaulted(*FULL, **changes)
    assert done.status != 0
    assert errors(done) == [found]


def test_a_vault_that_stays_closed_is_planned_by_the_names_in_it(vaulted: Runner) -> None:
    """Where secrets are only looked for, keys that do not fit are no matter of the plan."""
    done = vaulted("--vault-password-file", "lock", vault_media1_gateway_keystore={**LIGHT})
    assert done.status == 0, done.output


def test_the_sample_for_sops_plans_without_sops_and_without_its_key(run: Runner) -> None:
    """The lookup of community.sops is named in docs/keys.md; a plan that only looks for secrets opens none."""
    page = (ROOT / "docs/keys.md").read_text(encoding="utf-8")
    block = page.split("```yaml\n# SOPS\n")[1].split("```")[0]
    lines = yaml.safe_load(block)
    inventory = yaml.safe_load(SAMPLE)
    inventory["livepeer_combined"]["hosts"]["media1.example.org"].update(lines)
    done = run(inventory)
    assert done.status == 0, done.output
    assert len(lines) >= 2 and all("community.sops.sops" in line for line in lines.values())
