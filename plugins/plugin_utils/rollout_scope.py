# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of a part of the fleet: what must not be changed without hosts that were left out. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ansible_collections.livepeer.fleet.plugins.plugin_utils.found import Decision, Found
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import WORKERS, Role
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.links import ORCH_SECRET
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan import Plan
from ansible_collections.livepeer.fleet.plugins.plugin_utils.versions import older


def beyond_the_run(plan: Plan, found: Sequence[Found]) -> str:
    """Why a run must not go without hosts that it leaves out, "" if it may.

    What runs there was not looked at. A worker that is left out of a change of its orchestrator is shut out by it, and stays so.
    """
    starting = {(one.host, one.node): one for host in found for one in host.decisions if one.starts}
    scope = {one.host for one in found}
    lines = [*_workers_left_out(plan, starting, scope), *_orchestrators_left_out(plan, starting, found)]
    if not lines:
        return ""
    return (
        f"{'; '.join(lines)}. Nothing was changed: take these hosts into the run (--limit), nothing is done to what is as planned; or take "
        "a worker that is gone for good out of the inventory."
    )


def _workers_left_out(plan: Plan, starting: Mapping[tuple[str, str], Decision], scope: set[str]) -> Iterator[str]:
    outside = [(host.name, node) for host in plan.hosts.values() if host.name not in scope for node in host.nodes if node.role in WORKERS]
    for host, node in outside:
        for need in node.needs:
            orchestrator = starting.get((need.host, need.node))
            why = _shuts_out(orchestrator, node.role) if orchestrator else ""
            if why:
                yield f"{need.host}: {why} {node.name} on {host}, which is not part of this run"


def _shuts_out(orchestrator: Decision, worker: Role) -> str:
    if orchestrator.runs and ORCH_SECRET in orchestrator.secrets:
        return "the new secret of its orchestrator shuts out the worker"
    if worker is Role.AI_WORKER and orchestrator.runs and older(orchestrator.runs, orchestrator.becomes):
        return f"version {orchestrator.becomes} of its orchestrator shuts out every older AI worker, and nobody looked at"
    return ""


def _orchestrators_left_out(plan: Plan, starting: Mapping[tuple[str, str], Decision], found: Sequence[Found]) -> Iterator[str]:
    nodes = {(one.host, name): node for one in found for name, node in one.observation.get("nodes", {}).items()}
    scope = {one.host for one in found}
    for worker in starting.values():
        for need in worker.needs if worker.role in WORKERS else ():
            registered = bool(nodes.get((worker.host, worker.node), {}).get("registered"))
            why = _is_shut_out(worker, registered=registered) if need.host not in scope and need.host in plan.hosts else ""
            if why:
                yield f"{worker.host}: {why} the orchestrator on {need.host}, which is not part of this run"


def _is_shut_out(worker: Decision, *, registered: bool) -> str:
    # As long as it is registered with its old secret, that is the orchestrator's as well.
    if registered and ORCH_SECRET in worker.secrets:
        return f"with its new secret {worker.node} is shut out by"
    if worker.role is Role.AI_WORKER and worker.runs and older(worker.becomes, worker.runs):
        return f"version {worker.becomes} of {worker.node} may be shut out by"
    return ""
