# SPDX-License-Identifier: GPL-3.0-or-later
"""The targets for Prometheus: which address, which labels, which file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.addresses import Listener, exposure
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Role
from ansible_collections.livepeer.fleet.plugins.plugin_utils.monitoring import targets, write_monitoring
from ansible_collections.livepeer.fleet.plugins.plugin_utils.needs import Need
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan import Plan, plan_fleet
from ansible_collections.livepeer.fleet.tests.unit.render.fleets import TEMPLATES, fleet, gateway, orchestrator

SAMPLES = Path(__file__).parents[3] / "samples" / "prometheus"


def plan(*listeners: Listener) -> Plan:
    """A gateway and an orchestrator, and these metrics listeners."""
    made = plan_fleet(fleet(gateway("gw1"), orchestrator("orch1")), (), TEMPLATES)
    others = tuple(one for one in made.listeners if one.purpose != "metrics")
    return replace(made, listeners=(*others, *listeners))


def metrics(address: str, host: str = "gw1", node: str = "gateway", port: int = 15935, machine: str = "") -> Listener:
    return Listener(machine or host, host, node, "metrics", "tcp", address, port, exposure(address), "livepeer_x", False)


@pytest.mark.parametrize(
    ("address", "machine", "expected"),
    [
        ("", "gw1", "gw1:15935"),
        ("", "192.0.2.1", "192.0.2.1:15935"),
        ("", "192.0.2.1:2222", "192.0.2.1:15935"),
        ("", "2001:db8::1", "[2001:db8::1]:15935"),
        ("", "[2001:db8::1]:2222", "[2001:db8::1]:15935"),
        ("10.0.0.5", "192.0.2.1", "10.0.0.5:15935"),
        ("metrics.example.org", "gw1", "metrics.example.org:15935"),
        ("fd00::1", "gw1", "[fd00::1]:15935"),
    ],
)
def test_an_address_that_is_reached_from_elsewhere(address: str, machine: str, expected: str) -> None:
    (target,) = targets(plan(metrics(address, machine=machine)))
    assert (target.address, target.local) == (expected, False)


def test_labels() -> None:
    (target,) = targets(plan(metrics("10.0.0.5")))
    assert target.labels == {"role": "gateway", "node": "gateway", "host": "gw1", "network": "offchain", "machine": "gw1"}


def test_an_orchestrator_with_transcoders_of_the_fleet_is_marked() -> None:
    made = plan(metrics("10.0.0.6", "orch1", "orchestrator"))
    assert "transcoders" not in targets(made)[0].labels
    host = made.hosts["gw1"]
    worker = replace(host.nodes[0], role=Role.TRANSCODER, needs=(Need("orch1", "orchestrator"),))
    made = replace(made, hosts={**made.hosts, "gw1": replace(host, nodes=(worker,))})
    assert targets(made)[0].labels["transcoders"] == "remote"


def test_metrics_with_a_certificate_are_scraped_by_https() -> None:
    made = plan(metrics("10.0.0.5"))
    host = made.hosts["gw1"]
    node = replace(host.nodes[0], files={**host.nodes[0].files, "metrics.crt": "-----BEGIN CERTIFICATE-----\n"})
    made = replace(made, hosts={**made.hosts, "gw1": replace(host, nodes=(node,))})
    assert targets(made)[0].labels["__scheme__"] == "https"


def test_files(tmp_path: Path) -> None:
    made = plan(metrics("10.0.0.5"), metrics("127.0.0.1", "orch1", "orchestrator", machine="[fd00::1]:2222"))
    write_monitoring(made, tmp_path, SAMPLES)
    folder = tmp_path / "prometheus"
    (remote,) = json.loads((folder / "targets.json").read_text())
    assert remote["targets"] == ["10.0.0.5:15935"]
    (local,) = json.loads((folder / "on-the-machine" / "%5Bfd00%3A%3A1%5D%3A2222.json").read_text())
    assert (local["targets"], local["labels"]["role"]) == (["127.0.0.1:15935"], "orchestrator")
    for name in ("livepeer.rules.yml", "prometheus.yml"):
        assert (folder / name).read_text() == (SAMPLES / name).read_text()


def test_what_is_left_of_an_earlier_plan_goes(tmp_path: Path) -> None:
    write_monitoring(plan(metrics("127.0.0.1")), tmp_path, SAMPLES)
    write_monitoring(plan(metrics("10.0.0.5")), tmp_path, SAMPLES)
    assert list((tmp_path / "prometheus" / "on-the-machine").iterdir()) == []
    refused = replace(plan(), findings=(Finding("LPF505", Level.ERROR, "no version"),))
    write_monitoring(refused, tmp_path, SAMPLES)
    assert [path.name for path in (tmp_path / "prometheus").rglob("*") if path.is_file()] == []
