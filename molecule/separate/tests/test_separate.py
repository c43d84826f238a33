# SPDX-License-Identifier: GPL-3.0-or-later
"""One gateway, two orchestrators, each on a host of its own, set up through sudo; the gateway uses both."""

from __future__ import annotations

from pathlib import Path

import pytest
from hostlib.fleet import Fleet
from hostlib.playbook import run_playbook
from hostlib.video import Gateway, push
from testinfra import get_host
from testinfra.host import Host

FLEET = Fleet("molecule-separate")
UNITS = {"gateway1": "livepeer-gateway", "orchestrator1": "livepeer-orchestrator", "orchestrator2": "livepeer-orchestrator"}


def machine(name: str) -> Host:
    return get_host(f"ssh://{name}", ssh_config=str(FLEET.ssh_config))


@pytest.mark.parametrize("name", UNITS)
def test_each_host_runs_its_role_and_no_other(name: str) -> None:
    units = machine(name).check_output("systemctl list-units --plain --no-legend 'livepeer-*.service'")
    assert [line.split()[:4] for line in units.splitlines()] == [[f"{UNITS[name]}.service", "loaded", "active", "running"]]


def test_gateway_is_reached_from_its_own_host_only() -> None:
    sockets = machine("gateway1").check_output("ss -Hltn").splitlines()
    addresses = {line.split()[3] for line in sockets}
    assert {"127.0.0.1:1935", "127.0.0.1:5935", "127.0.0.1:9935"} <= addresses


def test_video_is_transcoded_by_the_orchestrators_of_the_fleet() -> None:
    with Gateway(FLEET.ssh_config, "gateway1") as gateway:
        done_by = push(gateway, "molecule-separate", 4).done_by
    assert done_by.total() == 4
    assert set(done_by) <= {"orchestrator1", "orchestrator2"}


def test_verify_finds_the_fleet_as_planned() -> None:
    run = run_playbook("verify", Path(__file__).parents[1] / "inventory.yml", FLEET.inventory_file)
    assert run.returncode == 0, run.stdout + run.stderr


def test_verify_sees_an_orchestrator_that_its_gateway_cannot_reach() -> None:
    # An idle gateway never notices: no log line, no metric.
    FLEET.execute("orchestrator2", "systemctl", "stop", "livepeer-orchestrator")
    try:
        run = run_playbook("verify", Path(__file__).parents[1] / "inventory.yml", FLEET.inventory_file)
    finally:
        FLEET.execute("orchestrator2", "systemctl", "start", "livepeer-orchestrator")
    assert run.returncode != 0
    assert "LPF603" in run.stdout, run.stdout + run.stderr
