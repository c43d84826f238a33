# SPDX-License-Identifier: GPL-3.0-or-later
"""What the nodes of a fleet have of each other: a worker its orchestrator's secret and models, an orchestrator no transcoder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import (
    WORKERS,
    AiWorkerSettings,
    Fleet,
    Node,
    OrchestratorSettings,
    Role,
    SecretSource,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.peers import peer_of

ORCH_SECRET = "orch_secret"  # noqa: S105 - the name of a secret
VARIABLE = "livepeer_orchestrator_orch_secret"


def linked(fleet: Fleet, *, secrets_known: bool) -> Fleet:
    """The fleet with what its nodes have of each other.

    Args:
        fleet: as each host was read by itself.
        secrets_known: False if the plan knows nothing of secrets: one that nobody said is taken to be there.
    """
    workers = [node for node in fleet.nodes if node.role in WORKERS]
    pairs = [(worker, orchestrator) for worker in workers if (orchestrator := peer_of(fleet, worker))]
    changed = {(worker.host, worker.role): _worker(worker, orchestrator, secrets_known) for worker, orchestrator in pairs}
    video = {orchestrator.host for worker, orchestrator in pairs if worker.role is Role.TRANSCODER}
    for _worker_of, orchestrator in pairs:
        changed[orchestrator.host, orchestrator.role] = _orchestrator(orchestrator, orchestrator.host in video, secrets_known)
    hosts = {node.host: fleet.hosts[node.host] for node in changed.values()}
    mended = {name: replace(host, nodes=tuple(changed.get((name, node.role), node) for node in host.nodes)) for name, host in hosts.items()}
    return Fleet({**fleet.hosts, **mended}) if mended else fleet


def _orchestrator(node: Node, video: bool, secrets_known: bool) -> Node:
    """An orchestrator that has workers: with remote transcoders it runs none of its own."""
    settings, secrets = node.settings, node.secrets
    if video and isinstance(settings, OrchestratorSettings) and node.sources["transcoder"].default:
        settings = replace(settings, transcoder=False)
    if not secrets_known:
        secrets = {**secrets, ORCH_SECRET: SecretSource(VARIABLE)}
    return replace(node, settings=settings, secrets=secrets)


def _worker(node: Node, orchestrator: Node, secrets_known: bool) -> Node:
    """A worker with the secret of its orchestrator, and, without models of its own, with its models."""
    secrets: Mapping[str, SecretSource] = node.secrets
    variable = orchestrator.secrets.get(ORCH_SECRET, SecretSource("")).variable or ("" if secrets_known else VARIABLE)
    if ORCH_SECRET not in secrets and variable:
        secrets = {**secrets, ORCH_SECRET: SecretSource(variable, orchestrator.host)}
    settings = node.settings
    if isinstance(settings, AiWorkerSettings) and not settings.ai_models and isinstance(orchestrator.settings, OrchestratorSettings):
        settings = replace(settings, ai_models=orchestrator.settings.ai_models)
        tokens = {name: source for name, source in orchestrator.secrets.items() if name.startswith("ai_models_")}
        secrets = {**secrets, **{name: SecretSource(source.variable, orchestrator.host) for name, source in tokens.items()}}
    return replace(node, settings=settings, secrets=secrets)
