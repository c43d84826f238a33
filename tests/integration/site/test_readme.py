# SPDX-License-Identifier: GPL-3.0-or-later
"""The README's inventories are plans without an error, and its outputs are what is printed. No host is needed."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from hostlib.tools import CHECKOUT

README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
INVENTORIES = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
OUTPUTS = re.findall(r"```text\n(.*?)```", README, re.DOTALL)
VAULT = dict.fromkeys(re.findall(r"vault_\w+", README), "a secret from a vault")
# Which inventory each output is of, and what was changed in it.
TRANSCODER = "    livepeer_orchestrator_transcoder"
CHANGES = {
    "as written": (2, "", ""),
    "port": (0, TRANSCODER, f"    livepeer_gateway_http_addr: 127.0.0.1:7935\n{TRANSCODER}"),
    "cap": (2, "max_price_per_unit: 1250", "max_price_per_unit: 1000"),
}


def plan(inventory: str, folder: Path) -> str:
    path = folder / "inventory.yml"
    path.write_text(inventory.replace("sha256:…", f"sha256:{'1' * 64}"), encoding="utf-8")
    vault = [f"-e{name}='{value}'" for name, value in VAULT.items()]
    command = ["ansible-playbook", "-i", str(path), "livepeer.fleet.plan", *vault]
    environment = {**os.environ, "COLUMNS": "120", "ANSIBLE_NOCOLOR": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False).stdout


@pytest.mark.parametrize("inventory", INVENTORIES)
def test_nothing_is_to_be_said_of_the_inventories_of_the_readme_but_the_defect_of_a_gateway_offchain(
    inventory: str, tmp_path: Path
) -> None:
    printed = plan(inventory, tmp_path)
    assert "no findings" in printed or set(re.findall(r"\w+\[(LPF\d+)\]", printed)) == {"LPF506"}, printed


@pytest.mark.parametrize(("change", "output"), list(zip(CHANGES, OUTPUTS, strict=False)))
def test_every_plan_of_the_readme_is_what_is_printed(change: str, output: str, tmp_path: Path) -> None:
    number, old, new = CHANGES[change]
    printed = plan(INVENTORIES[number].replace(old, new), tmp_path)
    # Where it was written to and the digest, which covers the templates, are of that run.
    shown = re.sub(r" Plan [0-9a-f]{12}\.\nWritten to .*\n", "", output).rstrip()
    assert shown in printed, printed
