# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in front of nodes, as a plan has it: where it listens, what it must not do, and what is secret of it."""

from __future__ import annotations

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.addresses import listeners
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.inventory import Inventory
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.parser import parse_fleet
from ansible_collections.livepeer.fleet.tests.unit.rules.fleets import ARBITRUM, check, fleet, gateway, keys, orchestrator


def refused(**variables: object) -> set[tuple[str, str]]:
    """Code and variable of what the parser has to say of a gateway."""
    inventory = Inventory(
        groups={"livepeer_gateways": ["g"]}, hostvars={"g": {f"livepeer_{name}": value for name, value in variables.items()}}
    )
    _fleet, findings = parse_fleet(inventory, archive_checksum=lambda _archive: "ab" * 32)
    return {(one.code, one.variable) for one in findings}


PAID = {"gateway_payment": "onchain", "gateway_network": ARBITRUM, **keys("gateway")}


def in_front(**variables: object) -> dict[str, str]:
    """Purpose to address of what stands in front of a gateway."""
    (node,) = fleet(g=gateway(**variables)).nodes
    return {one.purpose: f"{one.address}:{one.port}" for one in listeners(node) if one.purpose in {"metrics", "eth"}}


@pytest.mark.parametrize(
    ("variables", "where"),
    [
        ({}, {"metrics": "127.0.0.1:15935"}),
        ({"gateway_metrics_proxy_addr": ""}, {}),
        ({"gateway_metrics_proxy_addr": "0.0.0.0:9100"}, {"metrics": ":9100"}),
        (PAID, {"metrics": "127.0.0.1:15935", "eth": "127.0.0.1:25935"}),
        ({**PAID, "eth_proxy": False}, {"metrics": "127.0.0.1:15935"}),
        ({**PAID, "gateway_cli_addr": "127.0.0.1:5940"}, {"metrics": "127.0.0.1:15940", "eth": "127.0.0.1:25940"}),
        ({**PAID, "gateway_cli_addr": "127.0.0.1:60000"}, {"metrics": "127.0.0.1:15935", "eth": "127.0.0.1:25935"}),
        ({**PAID, "gateway_eth_proxy_addr": "[::1]:1545"}, {"metrics": "127.0.0.1:15935", "eth": "::1:1545"}),
    ],
)
def test_where_it_listens(variables: dict[str, object], where: dict[str, str]) -> None:
    assert in_front(**variables) == where


@pytest.mark.parametrize(("network", "said", "chain_id"), [(ARBITRUM, None, 42161), ("mainnet", None, 1), (ARBITRUM, 31337, 31337)])
def test_the_chain_that_has_to_answer(network: str, said: int | None, chain_id: int) -> None:
    own = {} if said is None else {"eth_chain_id": said}
    (node,) = fleet(g=gateway(**{**PAID, "gateway_network": network, **own})).nodes
    assert node.proxy.chain_id == chain_id


def test_an_rpc_proxy_for_others_is_refused() -> None:
    (found,) = [one for one in check(g=gateway(**PAID, gateway_eth_proxy_addr="0.0.0.0:1545")) if one.code == "LPF104"]
    assert (found.variable, found.hint) == ("livepeer_gateway_eth_proxy_addr", 'livepeer_gateway_eth_proxy_addr: "127.0.0.1:1545"')


def test_metrics_on_a_port_that_a_node_has() -> None:
    (found,) = [one for one in check(o=orchestrator(orchestrator_metrics_proxy_addr="0.0.0.0:7935")) if one.code == "LPF101"]
    assert "metrics" in found.message


def test_a_list_of_endpoints_is_one_secret_and_each_of_it_is_looked_at() -> None:
    urls = ["https://a.example/key-4711", "https://b.example/key-4712"]
    (node,) = fleet(g=gateway(**{**PAID, "eth_url": urls})).nodes
    assert node.secrets["eth_url"].variable == "livepeer_eth_url" and "4711" not in repr(node)
    assert {("LPF404", "livepeer_eth_url[2]"), ("LPF504", "livepeer_eth_url[3]")} <= refused(**{**PAID, "eth_url": [*urls, "short", 7]})


def test_a_certificate_without_its_key() -> None:
    certificate = "-----BEGIN CERTIFICATE-----\nAA==\n"
    assert ("LPF404", "livepeer_metrics_tls_key") in refused(metrics_tls_certificate=certificate)
    assert ("LPF404", "livepeer_metrics_tls_key") not in refused(metrics_tls_certificate=certificate, metrics_tls_key="a key's text")
