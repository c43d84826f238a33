# SPDX-License-Identifier: GPL-3.0-or-later
"""One gateway, two orchestrators, each on a host of its own, set up through sudo; the gateway uses both."""

from __future__ import annotations

from pathlib import Path

import pytest
from hostlib.playbook import run_playbook
from hostlib.story import Story
from hostlib.tools import wait_until
from hostlib.video import Gateway, push
from testinfra import get_host
from testinfra.host import Host

STORY = Story.of(__file__)
FLEET = STORY.fleet
UNITS = {"gateway1": "livepeer-gateway", "orchestrator1": "livepeer-orchestrator", "orchestrator2": "livepeer-orchestrator"}


def machine(name: str) -> Host:
    return get_host(f"ssh://{name}", ssh_config=str(FLEET.ssh_config))


SSH = 22
OURS = "table inet livepeer"
SCAN = """
import asyncio, sys
async def tried(port, few):
    async with few:
        try:
            _, writer = await asyncio.wait_for(asyncio.open_connection(sys.argv[1], port), 5)
        except (OSError, asyncio.TimeoutError):
            return
        writer.close()
        print(port)
async def all_of_them():
    few = asyncio.Semaphore(200)
    await asyncio.gather(*(tried(port, few) for port in range(1, 65536)))
asyncio.run(all_of_them())
"""
SERVE = "import socket, time; servers = [socket.create_server(('{address}', port)) for port in ({ports})]; time.sleep(600)"


def tables(host: Host) -> set[str]:
    """The engine of the test hosts has one of its own there."""
    return set(host.check_output("nft list tables").splitlines())


@pytest.mark.parametrize("name", UNITS)
def test_each_host_runs_its_role_and_no_other(name: str) -> None:
    units = machine(name).check_output("systemctl list-units --plain --no-legend 'livepeer-*.service'")
    assert [line.split()[:4] for line in units.splitlines()] == [
        [f"{unit}.service", "loaded", "active", "running"] for unit in (f"{UNITS[name]}-proxy", UNITS[name])
    ]


def test_gateway_is_reached_from_its_own_host_only() -> None:
    sockets = machine("gateway1").check_output("ss -Hltn").splitlines()
    addresses = {line.split()[3] for line in sockets}
    assert {"127.0.0.1:1935", "127.0.0.1:5935", "127.0.0.1:9935"} <= addresses


@pytest.mark.parametrize("name", UNITS)
def test_a_port_scan_from_another_host_finds_the_public_listeners_of_the_plan(name: str) -> None:
    other = next(one for one in UNITS if one != name)
    found = {int(line) for line in FLEET.execute(other, "python3", "-c", SCAN, name).split()}
    public = {one["port"] for one in STORY.plan()["listeners"] if (one["host"], one["exposure"]) == (name, "public")}
    assert found - {SSH} == public


def test_the_firewall_closes_ports_of_ours_and_no_other() -> None:
    """Somebody listens where only loopback is planned, and beside it."""
    one = machine("orchestrator1")
    address = one.check_output("hostname -I").split()[0]
    one.check_output("systemd-run --unit=stranger python3 -c %s", SERVE.format(address=address, ports="7935, 7936"))
    try:
        wait_until("the stranger", lambda: one.run("ss -Hltn | grep -c ':793[56] '").stdout.strip() == "3", seconds=30)
        reached = {int(line) for line in FLEET.execute("gateway1", "python3", "-c", SCAN, "orchestrator1").split()}
    finally:
        one.check_output("systemctl stop stranger")
    assert {7935, 7936, 8935} & reached == {7936, 8935}


def test_the_firewall_is_repaired_and_taken_away_alone() -> None:
    one = machine("orchestrator2")
    one.check_output("nft add table inet theirs")
    one.check_output("nft delete table inet livepeer")
    run = STORY.run("verify")
    assert "LPF610" in run.stdout, run.stdout + run.stderr
    run = STORY.run("site")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "orchestrator2  firewall  change" in run.stdout
    assert {"table inet theirs", OURS} <= tables(one)
    off = STORY.run("site", "-e", "livepeer_firewall=false", "--diff")
    assert off.returncode == 0, off.stdout + off.stderr
    assert "table inet theirs" in tables(one)
    assert OURS not in tables(one)
    assert not one.file("/etc/systemd/system/nftables-livepeer.service").exists
    again = STORY.run("site")
    assert again.returncode == 0, again.stdout + again.stderr
    assert {host: OURS in tables(machine(host)) for host in UNITS} == dict.fromkeys(UNITS, True)


def test_each_node_has_a_journal_of_its_own() -> None:
    mark = "marker4711"
    with Gateway(FLEET.ssh_config, "gateway1") as gateway:
        push(gateway, mark, 1)
    assert mark in machine("gateway1").check_output("journalctl --namespace=livepeer-gateway -o cat")
    for name, unit in UNITS.items():
        host = machine(name)
        assert host.check_output(f"journalctl --namespace={unit} -o cat"), f"{name}: the node's own journal is empty"
        assert mark not in host.check_output("journalctl -o cat -u 'livepeer-*'")
        limits = host.file(f"/etc/systemd/journald@{unit}.conf").content_string
        assert "SystemMaxUse=50M" in limits
        assert "MaxRetentionSec=14day" in limits


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
