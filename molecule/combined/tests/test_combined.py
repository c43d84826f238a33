# SPDX-License-Identifier: GPL-3.0-or-later
"""Gateway and orchestrator on one host, each with its own unit, user, ports; video goes from one to the other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hostlib.fleet import Fleet
from hostlib.playbook import run_playbook
from hostlib.video import Gateway, push
from testinfra.host import Host

FLEET = Fleet("molecule-combined")
# go-livepeer's own ports; an orchestrator's service port is the only one that others reach.
LISTENERS = {
    "livepeer-gateway": {"127.0.0.1:1935", "127.0.0.1:5935", "127.0.0.1:9935"},
    "livepeer-orchestrator": {"*:8935", "127.0.0.1:7935"},
}
UNITS = sorted(LISTENERS)

testinfra_hosts = ["ansible://combined1"]


@pytest.mark.parametrize("unit", UNITS)
def test_unit_runs_and_comes_back_after_a_reboot(host: Host, unit: str) -> None:
    assert host.service(unit).is_running
    assert host.service(unit).is_enabled


@pytest.mark.parametrize("unit", UNITS)
def test_every_planned_port_belongs_to_the_unit_and_no_other_port_does(host: Host, unit: str) -> None:
    pid = host.check_output("systemctl show -P MainPID %s", unit)
    sockets = host.check_output("ss -Hltnp").splitlines()
    assert {line.split()[3] for line in sockets if f"pid={pid}," in line} == LISTENERS[unit]


def test_each_unit_has_a_user_of_its_own_and_none_is_root(host: Host) -> None:
    owners = {host.check_output("ps -o user:32= -p $(systemctl show -P MainPID %s)", unit) for unit in UNITS}
    assert len(owners) == len(UNITS)
    assert "root" not in owners


@pytest.mark.parametrize("unit", UNITS)
def test_unit_is_sandboxed(host: Host, unit: str) -> None:
    verdict = host.check_output("systemd-analyze security %s", unit).splitlines()[-1]
    exposure = re.search(r": (\d+\.\d+) ", verdict)
    assert exposure, verdict
    assert float(exposure[1]) <= 1.7


def test_video_is_transcoded_by_the_neighbour() -> None:
    with Gateway(FLEET.ssh_config, "combined1") as gateway:
        assert push(gateway, "molecule-combined", 2).done_by == {"combined1": 2}


def test_verify_finds_the_fleet_as_planned() -> None:
    run = run_playbook("verify", Path(__file__).parents[1] / "inventory.yml", FLEET.inventory_file)
    assert run.returncode == 0, run.stdout + run.stderr
