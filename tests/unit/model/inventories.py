# SPDX-License-Identifier: GPL-3.0-or-later
"""Small inventories for the tests of the model."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Fleet, Node
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.inventory import Inventory
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.parser import parse_fleet

CHECKSUM = "ab" * 32
BASE: Mapping[str, object] = {"livepeer_version": "0.9.1", "livepeer_archive": "/srv/livepeer.tar.gz"}
ORCHESTRATOR: Mapping[str, object] = {**BASE, "livepeer_orchestrator_service_addr": "192.0.2.2:8935"}
CHAIN: Mapping[str, object] = {
    "livepeer_network": "arbitrum-one-mainnet",
    "livepeer_eth_url": "https://rpc.example/0123456789",
    "livepeer_gateway_keystore": '{"version": 3}',
    "livepeer_gateway_eth_password": "correct horse",
    "livepeer_orchestrator_keystore": '{"version": 3}',
    "livepeer_orchestrator_eth_password": "correct horse",
    "livepeer_orchestrator_price_per_unit": 1000,
    "livepeer_orchestrator_auto_adjust_price": True,
    "livepeer_orchestrator_reward": False,
}


def checksum(path: str) -> str:
    """Stands in for reading an archive: only /srv has any."""
    if not path.startswith("/srv/"):
        raise FileNotFoundError(2, "No such file or directory")
    return CHECKSUM


def parse(hosts: Mapping[str, Mapping[str, object]], **groups: list[str]) -> tuple[Fleet, tuple[Finding, ...]]:
    """Parse hosts whose groups are given by their default name without ``livepeer_``."""
    named = {f"livepeer_{name}": members for name, members in groups.items()}
    return parse_fleet(Inventory(named, hosts), archive_checksum=checksum)


def gateway(**values: object) -> tuple[Node, list[Finding]]:
    """One gateway host with these variables, by their name after ``livepeer_``."""
    fleet, findings = parse({"gw1": {**BASE, **{f"livepeer_{name}": value for name, value in values.items()}}}, gateways=["gw1"])
    return fleet.nodes[0], list(findings)


def orchestrator(**values: object) -> tuple[Node, list[Finding]]:
    """One orchestrator host with these variables, by their name after ``livepeer_``."""
    fleet, findings = parse({"o1": {**ORCHESTRATOR, **{f"livepeer_{name}": value for name, value in values.items()}}}, orchestrators=["o1"])
    return fleet.nodes[0], list(findings)


def brief(findings: object) -> list[tuple[str, str]]:
    """Code and variable of each finding."""
    assert isinstance(findings, list | tuple)
    return [(finding.code, finding.variable) for finding in findings]
