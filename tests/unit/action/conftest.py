# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs ansible-playbook on an inventory in a folder of its own. Any attempt to reach a host leaves a trace that fails the test."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]

PLAY = """
- hosts: all
  gather_facts: false
  tasks:
    - name: Plan
      livepeer.fleet.plan:
      run_once: true
      delegate_to: localhost
      delegate_facts: true
      tags: always
"""

HOSTS = {
    "all": {
        "vars": {"livepeer_version": "0.9.1", "livepeer_archive": "archive.tar.gz"},
        "children": {
            "livepeer_gateways": {"hosts": {"gw1": {"ansible_host": "192.0.2.1"}}},
            "livepeer_orchestrators": {
                "hosts": {
                    "o1": {"ansible_host": "192.0.2.2", "livepeer_orchestrator_service_addr": "192.0.2.2:8935"},
                    "o2": {"ansible_host": "192.0.2.3", "livepeer_orchestrator_service_addr": "{{ ansible_host }}:8935"},
                }
            },
        },
    }
}


@dataclass(frozen=True)
class Run:
    """A finished run: exit status, everything printed, and plan.json as data."""

    status: int
    output: str
    plan: dict[str, object]

    @property
    def findings(self) -> list[tuple[str, list[str], str]]:
        """Code, hosts and variable of each finding; known defects, of which every gateway off-chain has one, are left out."""
        found = self.plan["findings"]
        assert isinstance(found, list)
        return [(one["code"], one["hosts"], one["variable"]) for one in found if one["code"] != "LPF506"]

    def got(self, variable: str) -> str:
        """What the one finding about a variable says that it found."""
        found = self.plan["findings"]
        assert isinstance(found, list)
        (one,) = [one for one in found if one["variable"] == variable]
        return str(one["got"])


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Run]:
    """``run(inventory, *arguments, play=…, files={name: text})``; inventory as data or as the text of a YAML file."""
    (tmp_path / "archive.tar.gz").write_bytes(b"an archive")
    trace = tmp_path / "contacted"
    ssh = tmp_path / "ssh"
    ssh.write_text(f'#!/bin/sh\necho "$@" >> {trace}\nexit 255\n', encoding="utf-8")
    ssh.chmod(0o755)

    def playbook(inventory: object, *arguments: str, play: str = PLAY, files: dict[str, str] | None = None) -> Run:
        text = inventory if isinstance(inventory, str) else yaml.safe_dump(inventory)
        for name, content in {"inventory.yml": text, "play.yml": play, **(files or {})}.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(content, encoding="utf-8")
        environment = os.environ | {
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "collections"),
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_SSH_EXECUTABLE": str(ssh),
            "LC_ALL": "C.UTF-8",
        }
        finished = subprocess.run(
            ["ansible-playbook", "-i", "inventory.yml", "play.yml", *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert not trace.exists(), trace.read_text(encoding="utf-8")
        kept = tmp_path / "livepeer-plan" / "plan.json"
        plan = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
        return Run(finished.returncode, finished.stdout + finished.stderr, plan)

    return playbook
