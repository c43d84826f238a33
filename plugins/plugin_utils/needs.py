# SPDX-License-Identifier: GPL-3.0-or-later
"""Which nodes of a fleet a node cannot do without: what it registers at, what signs or redeems for it."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Fleet, GatewaySettings, Node, Role
from ansible_collections.livepeer.fleet.plugins.plugin_utils.peers import peer_of


@dataclass(frozen=True)
class Need:
    """Another node of the fleet that a node cannot do without.

    Attributes:
        host: its inventory host.
        node: its name.
    """

    host: str
    node: str


def needs_of(fleet: Fleet, node: Node) -> tuple[Need, ...]:
    """What a node cannot do without, as far as it belongs to the fleet."""
    if isinstance(node.settings, GatewaySettings):
        host = fleet.hosts.get(node.settings.remote_signer.host)
        return tuple(Need(other.host, other.name) for other in (host.nodes if host else ()) if other.role is Role.REMOTE_SIGNER)
    peer = peer_of(fleet, node)
    if peer is None:
        return ()
    return (Need(peer.host, peer.name),)
