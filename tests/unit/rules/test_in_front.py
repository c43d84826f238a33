# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in front of nodes, as a plan has it: where it listens, what it must not do, and what is secret of it."""

from __future__ import annotations

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.addresses import listeners
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import placeholder
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.inventory import Inventory
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.parser import parse_fleet
from ansible_collections.livepeer.fleet.plugins.plugin_utils.render import Surroundings, render_node
from ansible_collections.livepeer.fleet.plugins.plugin_utils.templating import Templates
from ansible_collections.livepeer.fleet.tests.unit.render.fleets import TEMPLATES
from ansible_collections.livepeer.fleet.tests.unit.rules.fleets import ARBITRUM, Host, check, fleet, gateway, keys, orchestrator


def refused(**variables: object) -> set[tuple[str, str]]:
    """Code and variable of what the parser has to say of a gateway."""
    inventory = Inventory(
        groups={"livepeer_gateways": ["g"]}, hostvars={"g": {f"livepeer_{name}": value for name, value in variables.items()}}
    )
    _fleet, findings = parse_fleet(inventory, archive_checksum=lambda _archive: "ab" * 32)
    return {(one.code, one.variable) for one in findings}


PAID = {"gateway_payment": "onchain", "gateway_network": ARBITRUM, **keys("gateway")}


HOOK = {"gateway_auth_webhook_url": "https://hooks.example/planted-4711"}


def in_front(**variables: object) -> dict[str, str]:
    """Purpose to address of what stands in front of a gateway."""
    (node,) = fleet(g=gateway(**variables)).nodes
    return {one.purpose: f"{one.address}:{one.port}" for one in listeners(node) if one.purpose in {"metrics", "eth", "urls"}}


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
        (HOOK, {"metrics": "127.0.0.1:15935", "urls": "127.0.0.1:26935"}),
        ({**HOOK, "gateway_cli_addr": "127.0.0.1:5940"}, {"metrics": "127.0.0.1:15940", "urls": "127.0.0.1:26940"}),
        ({**HOOK, "gateway_url_proxy_addr": ""}, {"metrics": "127.0.0.1:15935"}),
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


def test_a_proxy_of_secret_urls_for_others_is_refused() -> None:
    (found,) = [one for one in check(g=gateway(**HOOK, gateway_url_proxy_addr=":1545")) if one.code == "LPF104"]
    assert (found.variable, found.hint) == ("livepeer_gateway_url_proxy_addr", 'livepeer_gateway_url_proxy_addr: "127.0.0.1:1545"')


SIGNED = {"gateway_payment": "remote_signer", "gateway_workloads": ["live_video"], "gateway_http_ingest": True}


@pytest.mark.parametrize(
    ("host", "line", "secret"),
    [
        (gateway(**HOOK), "authWebhookUrl http://127.0.0.1:26935/auth", "auth_webhook_url"),
        (
            gateway(gateway_live_ai_auth_webhook_url="https://hooks.example/planted-4711"),
            "liveAIAuthWebhookUrl http://127.0.0.1:26935/live-ai-auth",
            "live_ai_auth_webhook_url",
        ),
        (
            gateway(gateway_flags={"liveAIHeartbeatURL": "https://hooks.example/planted-4711"}),
            "liveAIHeartbeatURL http://127.0.0.1:26935/heartbeat",
            "flag_liveAIHeartbeatURL",
        ),
        (
            gateway(**SIGNED, gateway_remote_signer="https://me:planted-4711@signer.example"),
            "remoteSignerUrl http://127.0.0.1:26935",
            "flag_remoteSignerUrl",
        ),
        (
            orchestrator(orchestrator_flags={"authWebhookUrl": "https://hooks.example/planted-4711"}),
            "authWebhookUrl http://127.0.0.1:28935/auth",
            "flag_authWebhookUrl",
        ),
    ],
)
def test_what_a_node_is_told_of_a_secret_url(host: Host, line: str, secret: str) -> None:
    made = fleet(h=host)
    (node,) = made.nodes
    surroundings = Surroundings(listeners(node))
    plan = render_node(node, surroundings, Templates(TEMPLATES))
    (companion,) = plan.companions
    assert line in plan.files["livepeer.conf"].splitlines()
    assert (companion.urls, companion.secrets) == ((secret,), (secret,))
    assert placeholder(secret) not in "".join(plan.files.values()) and "4711" not in repr(plan)


def test_switched_off_it_is_the_node_that_asks() -> None:
    (node,) = fleet(g=gateway(**HOOK, gateway_url_proxy_addr="")).nodes
    plan = render_node(node, Surroundings(listeners(node)), Templates(TEMPLATES))
    assert f"authWebhookUrl {placeholder('auth_webhook_url')}" in plan.files["livepeer.conf"].splitlines()
    assert "upstream_watch.py" not in plan.files


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
