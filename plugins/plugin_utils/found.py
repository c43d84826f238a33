# SPDX-License-Identifier: GPL-3.0-or-later
"""What a look at the hosts found, and what it means for each planned node. Pure: observations in, decisions out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Role
from ansible_collections.livepeer.fleet.plugins.plugin_utils.needs import Need
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan import HostPlan
from ansible_collections.livepeer.fleet.plugins.plugin_utils.render import NodePlan


class Step(StrEnum):
    """What the apply will do to one node."""

    NOTHING = "nothing"
    NEW = "new"
    RESTART = "restart"
    UPGRADE = "upgrade"
    DOWNGRADE = "downgrade"
    PROXY = "proxy"


@dataclass(frozen=True)
class Decision:
    """What will be done to one node, as its host was found.

    Attributes:
        host: inventory host.
        node: node name.
        step: what will be done.
        reason: why, in a few words.
        interrupts: True if a running process will be stopped for it.
        busy: True if that would cut a running stream.
        role: what the node is.
        runs: version that runs now, "" if its process does not run.
        becomes: version that the plan wants.
        starts: True if its process will be started, for the first time or anew.
        secrets: names of its secrets that change.
        needs: nodes that it cannot do without.
    """

    host: str
    node: str
    step: Step
    reason: str = ""
    interrupts: bool = False
    busy: bool = False
    role: Role = Role.GATEWAY
    runs: str = ""
    becomes: str = ""
    starts: bool = False
    secrets: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()


@dataclass(frozen=True)
class Found:
    """What a look at one host said, as far as it decides something.

    Attributes:
        host: inventory host.
        machine: key of the machine behind it; several inventory hosts may share one.
        problem: why it could not be looked at; "" if it could.
        decisions: of its planned nodes, in their order.
        lacking: releases and programs that it needs and does not have.
        images: images of runners that the nodes which will be changed need and that are not there.
        unplanned: nodes on it that the plan does not have.
        firewall: why its nftables table has to be changed, "" if it is as planned.
        observation: all that was found, for the rules.
    """

    host: str
    machine: str
    problem: str = ""
    decisions: tuple[Decision, ...] = ()
    lacking: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    unplanned: tuple[str, ...] = ()
    firewall: str = ""
    observation: Mapping[str, Any] = field(default_factory=dict)


def read_found(plan: HostPlan, result: object) -> Found:
    """Read the result of ``node_info`` on a host of the plan, also of one that it could not be run on."""
    answer = result if isinstance(result, Mapping) else {"msg": "nothing was asked of it (the strategy of the play has to be linear)"}
    observation = answer.get("observation")
    if answer.get("unreachable") or not isinstance(observation, Mapping):
        reason = " ".join(str(answer.get("msg") or "no answer").split())
        return Found(plan.name, plan.machine, problem=reason.removeprefix("Task failed: "))
    seen = observation["nodes"]
    planned = {node.name: node for node in plan.nodes if node.name in seen}
    return Found(
        host=plan.name,
        machine=plan.machine,
        decisions=tuple(_decision(plan.name, node, seen[name]) for name, node in planned.items()),
        lacking=(*observation["missing_releases"], *observation.get("missing_programs", ())),
        images=_images(seen[name] for name in planned),
        unplanned=tuple(name for name, one in seen.items() if not one["planned"]),
        firewall="; ".join(observation.get("firewall", {}).get("reasons", ())),
        observation=observation,
    )


def _images(nodes: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    changed = (node.get("equipment") or {} for node in nodes if node["decision"]["action"] != Step.NOTHING.value)
    return tuple(sorted({image for found in changed for image, there in found.get("images", {}).items() if not there}))


def _decision(host: str, node: NodePlan, seen: Mapping[str, Any]) -> Decision:
    decided = seen["decision"]
    interrupts = bool(seen["running"] and decided["restarts"])
    return Decision(
        host=host,
        node=node.name,
        step=Step(decided["action"]),
        reason="; ".join(decided["reasons"]),
        interrupts=interrupts,
        busy=interrupts and bool(seen["busy"]),
        role=node.role,
        runs=_version(seen) if seen["running"] else "",
        becomes=node.release.version,
        starts=bool(decided["restarts"]),
        secrets=tuple(decided.get("secrets", ())),
        needs=node.needs,
    )


def _version(seen: Mapping[str, Any]) -> str:
    """What answers; of a process that does not answer (yet) what its release says."""
    return str(seen.get("version") or str(seen.get("release") or "").rpartition("-")[0])
