# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that work for or with one other node: workers with their orchestrator, orchestrators with their redeemer."""

from __future__ import annotations

from ansible_collections.livepeer.fleet.plugins.plugin_utils.addresses import (
    LOCALHOST,
    AddressError,
    Listener,
    join_host_port,
    listeners,
    service_uri,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import (
    AiWorkerSettings,
    Fleet,
    Node,
    OrchestratorSettings,
    Peer,
    Role,
    TranscoderSettings,
)


def named(node: Node) -> tuple[Peer, Role]:
    """Whom a node names, and what that has to be; an empty Peer for a node that names nobody."""
    settings = node.settings
    if isinstance(settings, TranscoderSettings | AiWorkerSettings):
        return settings.orchestrator, Role.ORCHESTRATOR
    if isinstance(settings, OrchestratorSettings):
        return settings.redeemer, Role.REDEEMER
    return Peer(), Role.ORCHESTRATOR


def peer_of(fleet: Fleet, node: Node) -> Node | None:
    """The node of the fleet that a node names; None where there is none, or it is outside of the fleet."""
    peer, role = named(node)
    host = fleet.hosts.get(peer.host)
    return next((other for other in host.nodes if other.role is role), None) if host else None


def peer_address(fleet: Fleet, node: Node) -> str:
    """``host:port`` that a node dials its peer at; "" for nobody, and for one whose address is a finding of its own."""
    peer, _role = named(node)
    if peer.address:
        return peer.address
    other = peer_of(fleet, node)
    if other is None:
        return ""
    if isinstance(other.settings, OrchestratorSettings):
        try:
            return service_uri(other.settings.service_addr).address
        except AddressError:
            return ""
    jobs = next((listener for listener in listeners(other) if listener.purpose == "rpc"), None)
    return _dialled(jobs) if jobs else ""


def _dialled(listener: Listener) -> str:
    """How a neighbour dials a listener; one on every address as loopback."""
    return join_host_port(listener.address or LOCALHOST, listener.port)
