# SPDX-License-Identifier: GPL-3.0-or-later
"""The rollout: what a run will do to each node of the hosts in scope, and in which order. Pure: observations in, lists out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Role
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan import Plan


class RolloutError(ValueError):
    """A setting of the rollout that cannot be read. The text is for an operator."""


class Step(StrEnum):
    """What the apply will do to one node."""

    NOTHING = "nothing"
    NEW = "new"
    RESTART = "restart"
    UPGRADE = "upgrade"
    DOWNGRADE = "downgrade"


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
    """

    host: str
    node: str
    step: Step
    reason: str = ""
    interrupts: bool = False
    busy: bool = False


@dataclass(frozen=True)
class Found:
    """What a look at one host said, as far as it decides something.

    Attributes:
        host: inventory host.
        machine: key of the machine behind it; several inventory hosts may share one.
        problem: why it could not be looked at; "" if it could.
        decisions: of its planned nodes, in their order.
        lacking: releases that it needs and does not have.
        unplanned: nodes on it that the plan does not have.
        observation: all that was found, for the rules.
    """

    host: str
    machine: str
    problem: str = ""
    decisions: tuple[Decision, ...] = ()
    lacking: tuple[str, ...] = ()
    unplanned: tuple[str, ...] = ()
    observation: Mapping[str, Any] = field(default_factory=dict)


def read_found(host: str, machine: str, result: object) -> Found:
    """Read the result of ``node_info`` on one host, also of one that it could not be run on."""
    answer = result if isinstance(result, Mapping) else {"msg": "nothing was asked of it (the strategy of the play has to be linear)"}
    observation = answer.get("observation")
    if answer.get("unreachable") or not isinstance(observation, Mapping):
        reason = " ".join(str(answer.get("msg") or "no answer").split())
        return Found(host, machine, problem=reason.removeprefix("Task failed: "))
    planned = {name: node for name, node in observation["nodes"].items() if node["planned"]}
    return Found(
        host=host,
        machine=machine,
        decisions=tuple(_decision(host, name, node) for name, node in planned.items()),
        lacking=tuple(observation["missing_releases"]),
        unplanned=tuple(name for name in observation["nodes"] if name not in planned),
        observation=observation,
    )


def _decision(host: str, name: str, node: Mapping[str, Any]) -> Decision:
    decided = node["decision"]
    interrupts = bool(node["running"] and decided["restarts"])
    step = Step(decided["action"])
    return Decision(host, name, step, "; ".join(decided["reasons"]), interrupts=interrupts, busy=interrupts and bool(node["busy"]))


@dataclass(frozen=True)
class Rollout:
    """What a run will do, host by host.

    Attributes:
        decisions: of every planned node in scope.
        releases: hosts that lack a release which one of their nodes needs, in batches.
        new: hosts where something will be started and nothing that runs is stopped: all at once.
        restart: hosts where a running node will be stopped and started, in the order of the waves.
        busy: hosts left as they are, because a node that would be restarted has running sessions.
        unchanged: hosts with nothing to do.
        waves: the hosts of ``new`` and ``restart`` in the batches they are done in.
        together: how many of the waves are of ``new``.
        neighbours: changed hosts that share a machine with another changed host.

    No batch holds two hosts of one machine: they would be in each other's way.
    """

    decisions: tuple[Decision, ...]
    releases: tuple[tuple[str, ...], ...]
    new: tuple[str, ...]
    restart: tuple[str, ...]
    busy: tuple[str, ...]
    unchanged: tuple[str, ...]
    waves: tuple[tuple[str, ...], ...]
    together: int
    neighbours: tuple[str, ...]

    @property
    def touched(self) -> tuple[str, ...]:
        """Hosts that will be changed, in the order of the waves."""
        return tuple(host for wave in self.waves for host in wave)

    @property
    def nothing_to_do(self) -> bool:
        """True if no host will be changed and none was put off."""
        return not (self.waves or self.releases or self.busy)


def roll_out(found: Sequence[Found], *, sizes: Sequence[int | str], restart_busy: Collection[str]) -> Rollout:
    """Sort the hosts by what will happen to them.

    Args:
        found: every host in scope, in the order in which they are to be done; all of them could be looked at.
        sizes: sizes of the waves, as ``livepeer_rollout`` says them.
        restart_busy: hosts whose nodes may be restarted while they have sessions.

    Raises:
        RolloutError: ``sizes`` cannot be read.
    """
    busy, new, restart, unchanged = [], [], [], []
    for one in found:
        if one.host not in restart_busy and any(decision.busy for decision in one.decisions):
            busy.append(one.host)
        elif any(decision.interrupts for decision in one.decisions):
            restart.append(one.host)
        elif any(decision.step is not Step.NOTHING for decision in one.decisions):
            new.append(one.host)
        else:
            unchanged.append(one.host)
    machines = {one.host: one.machine for one in found}
    together = _apart(new, machines)
    waves = [batch for wave in _waves(restart, sizes) for batch in _apart(wave, machines)]
    return Rollout(
        decisions=tuple(decision for one in found for decision in one.decisions),
        releases=tuple(_apart([one.host for one in found if one.lacking and one.host not in busy], machines)),
        new=tuple(new),
        restart=tuple(restart),
        busy=tuple(busy),
        unchanged=tuple(unchanged),
        waves=(*together, *waves),
        together=len(together),
        neighbours=_neighbours([*new, *restart], machines),
    )


def _neighbours(hosts: Sequence[str], machines: Mapping[str, str]) -> tuple[str, ...]:
    count = Counter(machines[host] for host in hosts)
    return tuple(host for host in hosts if count[machines[host]] > 1)


def _apart(hosts: Sequence[str], machines: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Cut hosts into as few batches as keep two hosts of one machine apart."""
    batches: list[dict[str, str]] = []
    for host in hosts:
        machine = machines[host]
        batch = next((one for one in batches if machine not in one), None)
        if batch is None:
            batches.append(batch := {})
        batch[machine] = host
    return [tuple(batch.values()) for batch in batches]


def _waves(hosts: Sequence[str], sizes: Sequence[int | str]) -> list[Sequence[str]]:
    """Cut hosts as Ansible's ``serial`` does: a percentage is of all hosts, at least one; the last size repeats."""
    counts = [_wave_size(size, len(hosts)) for size in sizes]
    if not counts:
        raise RolloutError("livepeer_rollout is empty: write the size of each wave, such as [1, 25%, 100%]")
    waves: list[Sequence[str]] = []
    done = 0
    while done < len(hosts):
        count = counts[min(len(waves), len(counts) - 1)]
        waves.append(hosts[done : done + count])
        done += count
    return waves


def _wave_size(size: int | str, total: int) -> int:
    text = str(size).strip()
    digits = text.removesuffix("%").strip()
    number = int(digits) if digits.isascii() and digits.isdigit() else 0
    if number < 1 or (text.endswith("%") and number > 100):
        raise RolloutError(f'livepeer_rollout: {text!r} is no size of a wave: write a number of hosts (2) or a share of them ("25%")')
    return max(1, total * number // 100) if text.endswith("%") else number


def in_order(plan: Plan, hosts: Iterable[str]) -> list[str]:
    """Hosts with orchestrators before those with gateways only: what is dialled is there before it is dialled."""
    return sorted(hosts, key=lambda host: all(node.role is Role.GATEWAY for node in plan.hosts[host].nodes))


def wrong_group(plan: Plan, hosts: Iterable[str], roles: Sequence[str]) -> str:
    """Why hosts cannot have the roles they are given in a play, "" if they can: the groups say what a host is."""
    for host in hosts:
        planned = {node.role.value for node in plan.hosts[host].nodes} if host in plan.hosts else set()
        missing = [role for role in roles if role not in planned]
        if missing:
            has = f"it is planned as {' and '.join(sorted(planned))}" if planned else "it is in none of the groups of a Livepeer role"
            return f"{host} is no {' and no '.join(missing)}: {has}. Put it into livepeer_{missing[0]}s (both roles: livepeer_combined)."
    return ""


def without_serial(rollout: Rollout, *, whole_play: bool) -> str:
    """Why a play of one's own must be cut into batches, "" if it need not.

    Args:
        rollout: what is to be done in this batch.
        whole_play: True if the batch holds all hosts of the play, so that nothing cuts it.
    """
    if whole_play and len(rollout.waves) - rollout.together > 1:
        sizes = [len(wave) for wave in rollout.waves[rollout.together :]]
        return (
            f"{len(rollout.restart)} hosts would restart at once, livepeer_rollout wants them in waves: "
            f"put serial: {sizes} into the play, or use the playbook livepeer.fleet.site, which does it by itself."
        )
    if rollout.neighbours:
        return f"{', '.join(rollout.neighbours)} are one machine and cannot be done at once: put serial: 1 into the play."
    return ""
