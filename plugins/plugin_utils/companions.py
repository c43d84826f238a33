# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in front of a node: one nginx, the only door to its metrics, and between it and what it asks with a secret in the URL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ansible_collections.livepeer.fleet.plugins.plugin_utils.addresses import ETH, METRICS, URLS, Listener, join_host_port
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Node, SecretSource
from ansible_collections.livepeer.fleet.plugins.plugin_utils.secret_urls import SecretUrl, secret_urls
from ansible_collections.livepeer.fleet.plugins.plugin_utils.secret_values import ETH_URL
from ansible_collections.livepeer.fleet.plugins.plugin_utils.templating import PRIVILEGED_PORTS, Templates

TLS_KEY, BASIC_AUTH = "metrics_tls_key", "metrics_basic_auth"
"""Secrets that a companion uses, beside the RPC endpoints and its URLs."""

UNIT, CONF, WATCH, CERTIFICATE = "proxy.service", "nginx.conf", "upstream_watch.py", "metrics.crt"
"""Its files."""


@dataclass(frozen=True)
class Companion:
    """A further unit of a node, started before it, proved and rolled back with it.

    Attributes:
        unit: its unit, without ``.service``.
        unit_file: file of the node that is its unit.
        files: files of the node that are its own.
        secrets: secrets of the node that it alone uses.
        listeners: the sockets that it, and nobody else, is to hold.
        eth: ``host:port`` at which it answers as an RPC endpoint, "" if it does not.
        chain_id: of the chain that has to answer there; 0 where nobody knows it.
        urls: those of its secrets that are URLs which it asks in the place of the node.
    """

    unit: str
    unit_file: str
    files: tuple[str, ...]
    secrets: tuple[str, ...]
    listeners: tuple[Listener, ...]
    eth: str
    chain_id: int
    urls: tuple[str, ...] = ()


def companion_of(node: Node, machine_listeners: Sequence[Listener]) -> Companion | None:
    """The proxy of a node, or None where nothing is to stand in front of it."""
    own = tuple(one for one in machine_listeners if (one.host, one.node) == (node.host, node.name) and one.purpose in (METRICS, ETH, URLS))
    if not own:
        return None
    eth = next((join_host_port(one.address, one.port) for one in own if one.purpose == ETH), "")
    metrics = any(one.purpose == METRICS for one in own)
    urls = urls_of(node, own)
    return Companion(
        unit=node.proxy_unit,
        unit_file=UNIT,
        files=(UNIT, CONF, *((WATCH,) if eth or urls else ()), *((CERTIFICATE,) if metrics and node.proxy.certificate else ())),
        secrets=tuple(sorted([*secrets_of(node, metrics=metrics, eth=bool(eth)), *(one.secret for one in urls)])),
        listeners=own,
        eth=eth,
        chain_id=node.proxy.chain_id if eth else 0,
        urls=tuple(one.secret for one in urls),
    )


def urls_of(node: Node, machine_listeners: Sequence[Listener]) -> tuple[SecretUrl, ...]:
    """The secret URLs that the proxy of a node asks in its place."""
    own = any((one.host, one.node, one.purpose) == (node.host, node.name, URLS) for one in machine_listeners)
    return secret_urls(node) if own else ()


def asked_instead(node: Node, machine_listeners: Sequence[Listener]) -> dict[str, str]:
    """Flag to what it gets in the place of a secret URL."""
    place = next((one for one in machine_listeners if (one.host, one.node, one.purpose) == (node.host, node.name, URLS)), None)
    if place is None:
        return {}
    return {one.flag: f"http://{join_host_port(place.address, place.port)}{one.path.rstrip('/')}" for one in secret_urls(node)}


def secrets_of(node: Node, *, metrics: bool, eth: bool) -> dict[str, SecretSource]:
    """The secrets that a companion uses, and only it, those aside that are URLs of ``urls_of``."""
    used = {ETH_URL: eth, TLS_KEY: metrics and bool(node.proxy.certificate), BASIC_AUTH: metrics}
    return {name: node.secrets[name] for name, uses in used.items() if uses and name in node.secrets}


def files_of(companion: Companion, node: Node, cli: str, templates: Templates) -> dict[str, str]:
    """The files of a companion."""
    told = _told(companion, node, cli)
    files = {UNIT: templates.proxy_unit(node=node, proxy=told), CONF: templates.nginx(node=node, proxy=told)}
    if WATCH in companion.files:
        files[WATCH] = _watch()
    if CERTIFICATE in companion.files:
        files[CERTIFICATE] = node.proxy.certificate
    return files


@cache
def _watch() -> str:
    """The program that asks the endpoints: the modules import the same file."""
    return (Path(__file__).parents[1] / "module_utils" / WATCH).read_text(encoding="utf-8")


def _told(companion: Companion, node: Node, cli: str) -> Mapping[str, object]:
    """What the templates of a companion are told."""
    revision = f"/etc/livepeer/{node.name}/current"
    plain = [(name, f"{revision}/{name}") for name in companion.files if name != UNIT]
    asking = next((one for one in companion.listeners if one.purpose in (ETH, URLS)), None)
    return {
        "unit": companion.unit,
        "runtime": f"/run/{companion.unit}",
        "credentials": f"/run/credentials/{companion.unit}.service",
        "load": [*plain, *((name, f"{revision}/secrets/{name}") for name in companion.secrets)],
        "metrics": _places(companion, METRICS),
        "eth": _places(companion, ETH),
        "asks_at": join_host_port(asking.address, asking.port) if asking else "",
        "urls_at": _places(companion, URLS),
        "urls": urls_of(node, companion.listeners),
        "chain_id": companion.chain_id,
        "tls": CERTIFICATE in companion.files,
        "basic_auth": BASIC_AUTH in companion.secrets,
        "allow": node.proxy.allow,
        "cli": cli,
        "privileged_ports": sorted({one.port for one in companion.listeners if one.port < PRIVILEGED_PORTS}),
    }


def _places(companion: Companion, purpose: str) -> list[str]:
    """Where it listens, as nginx reads it; every address is both families."""
    places: list[str] = []
    for one in companion.listeners:
        if one.purpose == purpose:
            every = [f"0.0.0.0:{one.port}", f"[::]:{one.port}"]
            places += [join_host_port(one.address, one.port)] if one.address else every
    return places
