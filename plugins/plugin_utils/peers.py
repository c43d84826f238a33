# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that work for or with one other node: workers with their orchestrator, orchestrators with their redeemer."""

from __future__ import annotations

from ansible_collections.livepeer.fleet.plugins.plugin_utils.addresses import (
    LOCALHOST,
    AddressError,
    Exposure,
    Listener,
    is_loopback,
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

NOBODY = Peer()


def named(node: Node) -> tuple[Peer, Role]:
    """Whom a node names, and what that has to be; an empty Peer for a node that names nobody."""
    settings = node.settings
    if isinstance(settings, TranscoderSettings | AiWorkerSettings):
        return settings.orchestrator, Role.ORCHESTRATOR
    if isinstance(settings, OrchestratorSettings):
        return settings.redeemer, Role.REDEEMER
    return NOBODY, Role.ORCHESTRATOR


def on_host(fleet: Fleet, host: str, role: Role) -> Node | None:
    """The node of a role on an inventory host; None where there is none."""
    found = fleet.hosts.get(host)
    return next((node for node in found.nodes if node.role is role), None) if found else None


def peer_of(fleet: Fleet, node: Node) -> Node | None:
    """The node of the fleet that a node names; None where there is none, or it is outside of the fleet."""
    peer, role = named(node)
    return on_host(fleet, peer.host, role) if peer.host else None


def peer_address(fleet: Fleet, node: Node) -> str:
    """``host:port`` that a node dials its peer at; "" for nobody, and for one whose address is a finding of its own."""
    peer, _role = named(node)
    other = peer_of(fleet, node)
    if other is None:
        return peer.address
    try:
        return address_of(other, node.machine)
    except AddressError:
        return ""


def address_of(node: Node, machine: str) -> str:
    """``host:port`` that a process of a machine dials a node at, which is no gateway.

    Raises:
        AddressError: none that it could reach; the hint is what the node could listen on instead.
    """
    if isinstance(node.settings, OrchestratorSettings):
        uri = service_uri(node.settings.service_addr)
        if is_loopback(uri.host) and machine != node.machine:
            raise AddressError(f"{uri.address} is loopback, which no other machine reaches", f"{node.host}:{uri.port}")
        return uri.address
    jobs = next((listener for listener in listeners(node) if listener.purpose in ("rpc", "http")), None)
    if jobs is None:
        raise AddressError("it listens nowhere")
    return dialled(jobs, machine)


def dialled(listener: Listener, machine: str) -> str:
    """``host:port`` that a process of a machine dials a listener at; AddressError where it could not."""
    where = join_host_port(listener.address, listener.port)
    if listener.machine == machine:
        return where if listener.address else join_host_port(LOCALHOST, listener.port)
    hint = f"{listener.host}:{listener.port}"
    if listener.exposure is Exposure.LOOPBACK:
        raise AddressError(f"{where} is loopback, which no other machine reaches", hint)
    if not listener.address:
        raise AddressError(f"{where} is every address of its machine, which nobody can dial", hint)
    return where
