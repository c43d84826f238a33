# SPDX-License-Identifier: GPL-3.0-or-later
"""Planted secrets are searched for in everything that a run prints, writes and leaves behind, on success and on a failed start."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from ansible_collections.livepeer.fleet.plugins.plugin_utils.keccak import keccak256
from hostlib.planted import found

from .conftest import Run, Site

ORCH_SECRET = "planted-orch-secret-4711"
ETH_PASSWORD = "planted-eth-password-4711"
ETH_KEY = "planted-eth-key-4711"
# Nothing listens there: the start fails as it does when a provider is down.
ETH_URL = f"http://127.0.0.1:9/{ETH_KEY}"
HOOK = "planted-webhook-4711"
PROXY = "planted-proxy-4711"
PLANTED = (ORCH_SECRET, ETH_PASSWORD, ETH_KEY, HOOK, PROXY)
MEDIA = "planted-mediamtx-4711"
LIVE = "planted-live-webhook-4711"
FLAG = "planted-kafka-4711"
PLANTED += (MEDIA, LIVE, FLAG)

CHECKOUT = Path(__file__).resolve().parents[3]
OWNER = "planted"
PRIVATE = keccak256(f"livepeer.fleet throw-away account {OWNER}".encode()).hex()
"""The private key that the keystore hides (tests/chain/chainlib/keys.py:account)."""


def test_of_secrets_only_their_owner_knows(site: Site, tmp_path: Path) -> None:
    site.variables["livepeer_plan_dir"] = str(tmp_path / "plan")
    site.variables["livepeer_orchestrator_orch_secret"] = ORCH_SECRET
    site.variables["proxy"] = f"http://user:{PROXY}@127.0.0.1:9"
    site.hosts["gateway1"] = {
        # go-livepeer writes these URLs to its log, the first but for its password (starter.go): a proxy asks them in its place.
        "livepeer_gateway_auth_webhook_url": f"http://user:{HOOK}@127.0.0.1:9/hook",
        "livepeer_gateway_live_ai_auth_webhook_url": f"http://127.0.0.1:9/{LIVE}",
        "livepeer_gateway_media_mtx_api_password": MEDIA,
        "livepeer_gateway_flags": {"kafkaPassword": FLAG},
        "livepeer_gateway_environment": {"HTTPS_PROXY": "{{ proxy }}"},
    }
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    on_success(site, temporary)
    on_a_failed_start(site, temporary)


def on_success(site: Site, temporary: Path) -> None:
    for playbook in (("site", "--check", "--diff"), ("site", "--diff"), ("site",), ("verify",)):
        nowhere(site, site.play(*playbook, "-vvv", TMPDIR=str(temporary)).done(), temporary)
    assert MEDIA in opened(site, "gateway1", "gateway", "livepeer.conf"), "it did arrive"
    assert HOOK in opened(site, "gateway1", "gateway", "secrets/auth_webhook_url"), "it did arrive"
    assert PROXY in opened(site, "gateway1", "gateway", "environment"), "it did arrive"
    assert PROXY in site.execute("gateway1", "tr '\\0' '\\n' < /proc/$(systemctl show -P MainPID livepeer-gateway)/environ")
    assert opened(site, "orchestrator1", "orchestrator", "secrets/orch_secret") == ORCH_SECRET, "it did arrive"
    secret = "/etc/livepeer/orchestrator/current/secrets/orch_secret.cred"
    modes = site.execute("orchestrator1", f"stat -c '%a %U' /etc/livepeer/orchestrator $(readlink -f {secret})")
    assert modes.splitlines() == ["700 root", "600 root"]
    modes = site.execute("combined1", "stat -c '%a %U' /etc/livepeer/orchestrator/generated/* 2>/dev/null || true")
    assert modes.strip() in ("", "600 root")


def opened(site: Site, host: str, node: str, file: str) -> str:
    """What lies encrypted on a host."""
    name = file.rpartition("/")[2]
    return site.execute(host, f"systemd-creds decrypt --newline=no --name={name} /etc/livepeer/{node}/current/{file}.cred - 2>/dev/null")


def keystore(folder: Path) -> tuple[str, Path]:
    """Address and file of a real keystore of a throw-away account."""
    written = subprocess.run(
        [sys.executable, str(CHECKOUT / "tests/chain/keys"), OWNER, str(folder), "--password", ETH_PASSWORD],
        check=True,
        capture_output=True,
        text=True,
    )
    return written.stdout.strip(), next((folder / "keystore").iterdir())


def on_a_failed_start(site: Site, temporary: Path) -> None:
    # The orchestrator of before has the ports that the new one wants.
    site.blank("orchestrator2")
    address, path = keystore(temporary.with_name("key"))
    hidden = json.loads(path.read_text())["crypto"]
    site.hosts["orchestrator2"] = {
        "livepeer_network": "arbitrum-one-mainnet",
        "livepeer_eth_url": ETH_URL,
        "livepeer_orchestrator_name": "paid",
        "livepeer_orchestrator_eth_acct_addr": address,
        "livepeer_orchestrator_eth_password": ETH_PASSWORD,
        "livepeer_orchestrator_keystore_file": str(path),
        "livepeer_orchestrator_price_per_unit": 1000,
        "livepeer_orchestrator_auto_adjust_price": True,
        "livepeer_orchestrator_reward": False,
        "livepeer_start_timeout": 20,
    }
    # The off-chain gateways must not see an on-chain orchestrator as theirs.
    del site.hosts["gateway1"]
    run = site.play("site", "--limit", "orchestrator2", "-vvv", TMPDIR=str(temporary)).refused("orchestrator2")
    assert "LPF611" in run.output, "no chain, and nothing was stopped or started for it"
    nowhere(site, run, temporary, further=(PRIVATE, hidden["ciphertext"], hidden["mac"]))


def nowhere(site: Site, run: Run, temporary: Path, further: tuple[str, ...] = ()) -> None:
    plan = Path(str(site.variables["livepeer_plan_dir"]))
    written = [path for folder in (plan, temporary) for path in folder.rglob("*") if path.is_file()]
    said = {"output": run.output, **{str(path): path.read_text(errors="replace") for path in written}}
    # Its environment is what livepeer_gateway_environment says: its own user's and root's.
    assert found(site.fleet, (*PLANTED, *further), said, may_know=["livepeer-gateway.service"]) == []
