# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of a node as those of its role."""

from __future__ import annotations

from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import (
    GatewaySettings,
    Node,
    OrchestratorSettings,
    RemoteSignerSettings,
)


def gateway_settings(node: Node) -> GatewaySettings:
    """The settings of a gateway; TypeError for another node, which is a mistake in the code."""
    if not isinstance(node.settings, GatewaySettings):
        raise TypeError(f"{node.host}: {node.name} is no gateway")
    return node.settings


def orchestrator_settings(node: Node) -> OrchestratorSettings:
    """The settings of an orchestrator; TypeError for another node, which is a mistake in the code."""
    if not isinstance(node.settings, OrchestratorSettings):
        raise TypeError(f"{node.host}: {node.name} is no orchestrator")
    return node.settings


def payer_settings(node: Node) -> GatewaySettings | RemoteSignerSettings:
    """The settings of a node that pays for jobs; TypeError for another node, which is a mistake in the code."""
    if not isinstance(node.settings, GatewaySettings | RemoteSignerSettings):
        raise TypeError(f"{node.host}: {node.name} pays for no jobs")
    return node.settings
