# SPDX-License-Identifier: GPL-3.0-or-later
"""Fleets by hand, for the tests of what comes after the model: nodes with go-livepeer's defaults, changed field by field."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from ansible_collections.livepeer.fleet.plugins.plugin_utils import addresses, routes
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.definitions import of_role
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import (
    OFFCHAIN,
    SETTINGS,
    Discovery,
    Fleet,
    GatewaySettings,
    Host,
    Node,
    OrchestratorSettings,
    Payment,
    Peer,
    Proxy,
    Release,
    RemoteSigner,
    Role,
    SecretSource,
    Settings,
    Source,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.nodes import FLEET_SETTINGS
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.parser import OF_THE_HOST
from ansible_collections.livepeer.fleet.plugins.plugin_utils.render import Neighbours, NodePlan, render_node
from ansible_collections.livepeer.fleet.plugins.plugin_utils.templating import Templates

TEMPLATES = Path(__file__).parents[3] / "roles" / "node" / "templates"
ARBITRUM = "arbitrum-one-mainnet"
ACCOUNT = "0xD43b494f0BF2E86c79e778892a4eC6E94971b8cc"


def account_of(host: str) -> str:
    """An account of its own for each host."""
    return "0x" + hashlib.sha256(host.encode()).hexdigest()[:40]


RELEASE = Release("0.9.1", "0.9.1", "livepeer-linux-amd64.tar.gz", "1a2b3c4d5e6f" + "0" * 52, "cpu")

GATEWAY = GatewaySettings(
    http_addr="127.0.0.1:9935",
    rtmp_addr="127.0.0.1:1935",
    cli_addr="127.0.0.1:5935",
    payment=Payment.NONE,
    workloads=("video",),
    discovery=Discovery.INVENTORY,
    orch_addr=(),
    remote_signer=RemoteSigner(),
    max_price_per_unit="",
    pixels_per_unit="1",
    max_price_per_capability=(),
    reserve_eth="",
    deposit_eth="",
    select_stake_weight="",
    select_price_weight="",
    select_rand_freq="",
    select_price_exp_factor="",
    transcoding_options="",
    http_ingest=None,
    auth_webhook_url="",
    live_ai_auth_webhook_url="",
    media_mtx_api_password="",
    whip_addr="",
    whep_addr="",
    nat_ip="",
    eth_acct_addr="",
    keystore_file="",
    metrics_proxy_addr="",
    eth_proxy_addr="127.0.0.1:15545",
    url_proxy_addr="127.0.0.1:16545",
    flags={},
    environment={},
)

ORCHESTRATOR = OrchestratorSettings(
    service_addr="orch1.example.com:8935",
    http_addr="",
    cli_addr="127.0.0.1:7935",
    price_per_unit="",
    pixels_per_unit="1",
    price_per_gateway=(),
    auto_adjust_price=None,
    transcoder=True,
    ai_worker=False,
    nvidia="",
    max_sessions="",
    ai_models=(),
    models_dir="",
    containers_per_gpu=None,
    redeemer=Peer(),
    eth_acct_addr="",
    eth_orch_addr="",
    keystore_file="",
    reward=None,
    metrics_proxy_addr="",
    eth_proxy_addr="127.0.0.1:15545",
    url_proxy_addr="127.0.0.1:16545",
    flags={},
    environment={},
)


def gateway(host: str = "gw1", *, network: str = OFFCHAIN, name: str = "gateway", machine: str = "", **settings: object) -> Node:
    """A gateway; on a chain it pays itself, with everything that this needs, and funds that let prices rise by 1 % only."""
    funds = {"reserve_eth": "12", "deposit_eth": "0.12"}
    onchain = {"payment": Payment.ONCHAIN, "max_price_per_unit": "1250", "eth_acct_addr": ACCOUNT, **funds} if network != OFFCHAIN else {}
    return _node(host, name, network, replace(GATEWAY, **{**onchain, **settings}), {}, machine=machine)


def orchestrator(
    host: str = "orch1", *, network: str = OFFCHAIN, name: str = "orchestrator", machine: str = "", **settings: object
) -> Node:
    """An orchestrator; on a chain it asks 1000 wei and adjusts it, and calls reward for the account of its host."""
    onchain = (
        {"price_per_unit": "1000", "auto_adjust_price": True, "reward": True, "eth_acct_addr": account_of(host)}
        if network != OFFCHAIN
        else {}
    )
    made = replace(ORCHESTRATOR, **{"service_addr": f"{host}.example.com:8935", **onchain, **settings})
    return _node(host, name, network, made, {"orch_secret": SecretSource("")}, machine=machine)


def _node(host: str, name: str, network: str, settings: Settings, secrets: dict[str, SecretSource], *, machine: str) -> Node:
    role = next(role for role, kind in SETTINGS.items() if isinstance(settings, kind))
    prefix = f"livepeer_{role.value}_"
    if network != OFFCHAIN:
        held = {"eth_url": "livepeer_eth_url", "eth_password": f"{prefix}eth_password", "keystore": f"{prefix}keystore"}
        secrets = {**secrets, **{name: SecretSource(variable) for name, variable in held.items()}}
    return Node(
        host=host,
        machine=machine or host,
        role=role,
        name=name,
        network=network,
        release=RELEASE,
        settings=settings,
        sources={
            **{name: Source(one.name, default=True) for name, one in of_role(role.value).items()},
            "network": Source("livepeer_network", default=False),
            "name": Source(f"{prefix}name", default=True),
            "release": Source("livepeer_version", default=False),
            **{name: Source(f"livepeer_{name}", default=True) for name in FLEET_SETTINGS},
        },
        secrets=secrets,
        headroom_min="20",
        headroom_max="30",
        expected_gas_gwei=("0.05", "1"),
        pool_size=100,
        exchange_rates=(),
        start_timeout=120,
        image_free_gb=20,
        log_level=3,
        journal=None,
        proxy=Proxy(eth=False, chain_id=42161, allow=("127.0.0.0/8",), certificate=""),
    )


def with_secret(node: Node, name: str, variable: str) -> Node:
    """The node with one secret more."""
    return replace(node, secrets={**node.secrets, name: SecretSource(variable)})


def fleet(*nodes: Node) -> Fleet:
    """The nodes on their hosts, orchestrators first as they are started."""
    hosts: dict[str, Host] = {}
    for name in dict.fromkeys(node.host for node in nodes):
        own = tuple(sorted((node for node in nodes if node.host == name), key=lambda node: node.role is Role.GATEWAY))
        sources = {one: Source(f"livepeer_{one}", default=True) for one in OF_THE_HOST}
        hosts[name] = Host(name, own[0].machine, len({node.role for node in own}) == 2, own, (), False, (), (), sources)
    return Fleet(hosts)


def around(of: Fleet) -> Neighbours:
    """What stands around each node of a fleet."""
    return Neighbours(of, routes.routes(of), [listener for node in of.nodes for listener in addresses.listeners(node)])


def rendered(of: Fleet) -> list[NodePlan]:
    """Every node of a fleet, rendered."""
    neighbours = around(of)
    templates = Templates(TEMPLATES)
    return [render_node(node, neighbours.of(node), templates) for node in of.nodes]
