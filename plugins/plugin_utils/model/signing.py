# SPDX-License-Identifier: GPL-3.0-or-later
"""Gateways and the remote signers of the fleet that pay for them: who is meant by a host or a URL, and where a gateway asks it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ansible_collections.livepeer.fleet.plugins.plugin_utils.addresses import (
    LOCALHOST,
    Endpoint,
    Listener,
    hosts_overlap,
    is_loopback,
    listeners,
    orchestrator_url,
    reached_at,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Fleet, GatewaySettings, Host, Node, RemoteSigner, Role


def with_signers(fleet: Fleet) -> Fleet:
    """The fleet with the signer of each gateway looked up; one that is no node of it is left as it was written."""
    signers = [node for node in fleet.nodes if node.role is Role.REMOTE_SIGNER]
    named = {node.host: node for node in signers}
    return Fleet({name: _host(host, named) for name, host in fleet.hosts.items()}) if signers else fleet


def _host(host: Host, named: Mapping[str, Node]) -> Host:
    return replace(host, nodes=tuple(_node(node, named) for node in host.nodes))


def _node(node: Node, named: Mapping[str, Node]) -> Node:
    settings = node.settings
    if not isinstance(settings, GatewaySettings):
        return node
    written = settings.remote_signer
    signer = named.get(written.host) or _answering(written, node, named)
    if signer is None:
        return node
    url = written.url or signer_url_from(signer, node.machine)
    return replace(node, settings=replace(settings, remote_signer=replace(written, host=signer.host, url=url, node=signer)))


def _answering(written: RemoteSigner, gateway: Node, named: Mapping[str, Node]) -> Node | None:
    """The signer of the fleet at which a URL leads, from the gateway."""
    if not written.endpoint:
        return None
    endpoint = orchestrator_url(written.endpoint)
    return next((signer for signer in named.values() if _leads_to(endpoint, signer, gateway.machine)), None)


def _leads_to(endpoint: Endpoint, signer: Node, machine: str) -> bool:
    listener = http_listener(signer)
    if listener is None or listener.port != endpoint.port:
        return False
    if is_loopback(endpoint.host):
        return signer.machine == machine and hosts_overlap(listener.address, endpoint.host)
    own = {reached_at(signer), signer.host, signer.machine}
    return endpoint.host == listener.address or (not listener.address and endpoint.host in own)


def http_listener(signer: Node) -> Listener | None:
    """Where a signer is asked; None where its address cannot be read (LPF104)."""
    return next((listener for listener in listeners(signer) if listener.purpose == "http"), None)


def signer_url_from(signer: Node, machine: str) -> str:
    """``http://host:port`` at which a machine asks a signer; "" where it cannot, or the address is a finding of its own.

    A signer speaks plain HTTP (``server/remote_signer.go:StartRemoteSignerServer``).
    """
    listener = http_listener(signer)
    if listener is None:
        return ""
    near = signer.machine == machine
    if is_loopback(listener.address) and not near:
        return ""
    address = listener.address or (LOCALHOST if near else reached_at(signer))
    return Endpoint("http", address, listener.port).url
