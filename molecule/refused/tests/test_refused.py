# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad inventories end with their finding, before a host is contacted; good ones next to them pass."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hostlib.fleet import Fleet
from hostlib.playbook import run_playbook

INVENTORIES = Path(__file__).parents[1] / "inventories"
FLEET = Fleet("molecule-refused")


def files(kind: str) -> list[Path]:
    found = sorted((INVENTORIES / kind).glob("*.yml"))
    assert found
    return found


def state() -> dict[str, tuple[str, str]]:
    """Of each host: the files that differ from its image, and the SSH connections it accepted so far; not asked over SSH."""
    return {host: (FLEET.changed_files(host), FLEET.execute(host, "journalctl", "-u", "ssh", "-g", "Accepted")) for host in FLEET.hosts()}


@pytest.mark.parametrize("inventory", files("bad"), ids=lambda path: path.stem)
def test_refused_before_a_host_is_contacted(inventory: Path) -> None:
    expected = re.search(r"^# (LPF\d+):", inventory.read_text(), re.MULTILINE)
    assert expected
    before = state()
    run = run_playbook("site", inventory, FLEET.inventory_file)
    assert run.returncode != 0, run.stdout
    # This finding and no other error: an inventory that is refused for something else would prove nothing.
    assert set(re.findall(r"^error\[(LPF\d+)\]", run.stdout, re.MULTILINE)) == {expected[1]}, run.stdout + run.stderr
    assert state() == before


@pytest.mark.parametrize("inventory", files("good"), ids=lambda path: path.stem)
def test_good_neighbours_pass_the_plan(inventory: Path) -> None:
    before = state()
    run = run_playbook("plan", inventory, FLEET.inventory_file)
    assert run.returncode == 0, run.stdout + run.stderr
    assert state() == before


def test_the_message_names_both_owners_and_what_to_write() -> None:
    text = run_playbook("plan", INVENTORIES / "bad" / "gateway_http_7935.yml", FLEET.inventory_file).stdout
    for part in ("LPF101", "combined1", "gateway", "orchestrator", "livepeer_gateway_http_addr", "7935"):
        assert part in text
    # The value that would be right: go-livepeer's own port, or any other free one.
    assert re.search(r"127\.0\.0\.1:(?!7935)\d+", text), text
