# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan in somebody's CI: no host, no vault password, an exit status and a JUnit file. docs/ci.md promises it."""

from __future__ import annotations

import json
import re
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from .conftest import ROOT, Run
from .test_plan_action import VAULTED

Runner = Callable[..., Run]

PAID = f"""
all:
  vars:
    livepeer_version: 0.9.1
    livepeer_archive_checksum: "sha256:1111111111111111111111111111111111111111111111111111111111111111"
    livepeer_network: arbitrum-one-mainnet
    livepeer_expected_gas_gwei: 1
    livepeer_pool_size: 100
    livepeer_eth_url: "{{{{ vault_eth_url }}}}"
  children:
    livepeer_gateways:
      hosts:
        gw1:
          livepeer_gateway_max_price_per_unit: CAP
          livepeer_gateway_reserve_eth: 12
          livepeer_gateway_deposit_eth: "0.12"
          livepeer_gateway_keystore: {VAULTED}
          livepeer_gateway_eth_password: "{{{{ vault_password }}}}"
    livepeer_orchestrators:
      hosts:
        o1:
          livepeer_orchestrator_service_addr: 192.0.2.2:8935
          livepeer_orchestrator_price_per_unit: 1000
          livepeer_orchestrator_auto_adjust_price: true
          livepeer_orchestrator_reward: false
          livepeer_orchestrator_keystore: {VAULTED}
          livepeer_orchestrator_eth_password: "{{{{ vault_password }}}}"
"""
LOCKED_FILE = "".join(f"{line.strip()}\n" for line in VAULTED.splitlines()[1:])
SKIP = ("-e", "livepeer_plan_secrets=skip")


def suite(folder: Path) -> ElementTree.Element:
    """The test suite of findings.xml."""
    return ElementTree.parse(folder / "livepeer-plan" / "findings.xml").getroot()[0]


def test_a_good_plan_without_the_vault_ends_well_and_has_one_test_that_passed(run: Runner, tmp_path: Path) -> None:
    done = run(PAID.replace("CAP", "1250"), *SKIP)
    assert (done.status, done.findings) == (0, []), done.output
    assert [suite(tmp_path).get(name) for name in ("tests", "failures")] == ["1", "0"]


def test_a_refused_plan_fails_and_says_where(run: Runner, tmp_path: Path) -> None:
    done = run(PAID.replace("CAP", "1100"), *SKIP)
    assert done.status != 0
    assert [suite(tmp_path).get(name) for name in ("tests", "failures")] == ["2", "1"]
    assert suite(tmp_path)[1].get("name") == "gw1 (gateway): livepeer_gateway_max_price_per_unit"
    page = tmp_path / "livepeer-plan" / "plan.html"
    assert "LPF201" in page.read_text(encoding="utf-8")
    assert stat.S_IMODE(page.stat().st_mode) == stat.S_IMODE((tmp_path / "livepeer-plan" / "plan.json").stat().st_mode) == 0o600


def test_a_vaulted_file_is_removed_as_the_page_says(run: Runner, tmp_path: Path) -> None:
    """Ansible opens files before any plugin is asked: there is no other way around one than not to have it."""
    files = {"group_vars/all/vault.yml": LOCKED_FILE, "group_vars/all/plain.yml": "livepeer_log_level: 4\n"}
    locked = run(PAID.replace("CAP", "1250"), *SKIP, files=files)
    assert locked.status != 0 and "no vault secrets found" in locked.output
    (line,) = set(re.findall(r"^ *(?:- )?(grep .* rm)$", (ROOT / "docs" / "ci.md").read_text(encoding="utf-8"), re.MULTILINE))
    subprocess.run(["bash", "-euc", line.replace("inventory", "group_vars")], cwd=tmp_path, check=True)
    assert not (tmp_path / "group_vars/all/vault.yml").exists() and (tmp_path / "group_vars/all/plain.yml").exists()
    done = run(PAID.replace("CAP", "1250"), *SKIP)
    assert (done.status, done.findings) == (0, []), done.output


@pytest.mark.parametrize("name", ["plan.json", "plan.html", "findings.xml"])
def test_no_file_holds_a_secret_that_stands_in_the_inventory(name: str, run: Runner, tmp_path: Path) -> None:
    planted = "correct-horse-battery-staple"
    done = run(PAID.replace("CAP", "1100"), "-e", f"vault_password={planted}", "-e", f"vault_eth_url=https://rpc/{planted}", *SKIP)
    assert done.status != 0
    assert planted not in (tmp_path / "livepeer-plan" / name).read_text(encoding="utf-8")


SIGNED = """
all:
  vars:
    livepeer_version: 0.9.1
    livepeer_archive_checksum: "sha256:1111111111111111111111111111111111111111111111111111111111111111"
  children:
    livepeer_gateways:
      hosts:
        gw1:
          livepeer_gateway_payment: clearinghouse
          livepeer_gateway_workloads: [live_video]
          livepeer_gateway_remote_signer: {SIGNER}
    livepeer_orchestrators:
      hosts:
        o1:
          livepeer_network: arbitrum-one-mainnet
          livepeer_eth_url: "{{{{ vault_eth_url }}}}"
          livepeer_orchestrator_service_addr: 192.0.2.2:8935
          livepeer_orchestrator_price_per_unit: 1000
          livepeer_orchestrator_auto_adjust_price: true
          livepeer_orchestrator_ai_worker: true
          livepeer_orchestrator_ai_models: [{{pipeline: live-video-to-video, model_id: noop, price_per_unit: 1000}}]
          livepeer_orchestrator_reward: false
          livepeer_orchestrator_keystore: "{{{{ vault_keystore }}}}"
          livepeer_orchestrator_eth_password: "{{{{ vault_password }}}}"
"""


REFUSED = ["https://s.example:8935/hunter2secret", "u:hunter2secret@s.example:8935"]


@pytest.mark.parametrize(
    "written",
    [
        *REFUSED,
        "https://u:hunter2secret@s.example:8935",
        "{url: 'https://u:hunter2secret@s.example:8935', max_price_per_unit: 1250}",
        '"{{ signer_url }}"',
        '"https://u:{{ signer_password }}@s.example:8935"',
    ],
)
def test_nothing_holds_a_credential_of_a_signers_url(written: str, run: Runner, tmp_path: Path) -> None:
    variables = ("-e", "signer_url=https://u:hunter2secret@s.example:8935", "-e", "signer_password=hunter2secret")
    done = run(SIGNED.format(SIGNER=written), *variables, *SKIP)
    assert (done.status == 0) == (written not in REFUSED), done.output
    assert "hunter2secret" not in done.output
    made = [path for path in (tmp_path / "livepeer-plan").rglob("*") if path.is_file()]
    assert {"plan.json", "plan.html", "findings.xml"} <= {path.name for path in made}
    assert [path for path in made if "hunter2secret" in path.read_text(encoding="utf-8")] == []
    if done.status == 0:
        host = json.loads((tmp_path / "livepeer-plan" / "hosts" / "gw1.json").read_text(encoding="utf-8"))
        (node,) = host["nodes"]
        assert "\nremoteSignerUrl http://127.0.0.1:26935\n" in node["files"]["livepeer.conf"]
        assert "flag_remoteSignerUrl" in node["secrets"]
        assert node["companions"][0]["urls"] == ["flag_remoteSignerUrl"]


def test_without_a_terminal_the_output_is_plain(run: Runner) -> None:
    assert "\x1b[" not in run(PAID.replace("CAP", "1100"), *SKIP).output
