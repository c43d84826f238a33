# SPDX-License-Identifier: GPL-3.0-or-later
"""The rollout: what a run will do to each node of the hosts in scope, and in which order. Pure: observations in, lists out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


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
        running: True if a process of it runs now, so that doing it interrupts something.
        sessions: streams and jobs that run on it now.
    """

    host: str
    node: str
    step: Step
    reason: str
    running: bool
    sessions: int

    @property
    def interrupts(self) -> bool:
        """True if a running process will be stopped."""
        return self.running and self.step is not Step.NOTHING


@dataclass(frozen=True)
class Rollout:
    """What a run will do, host by host.

    Attributes:
        decisions: of every planned node in scope.
        releases: hosts that lack a release which one of their nodes needs.
        new: hosts where something will be started and nothing that runs is stopped: all at once.
        restart: hosts where a running node will be stopped and started, in the order of the waves.
        busy: hosts left as they are, because a node that would be restarted has running sessions.
        unchanged: hosts with nothing to do.
        waves: the hosts of ``new`` and ``restart`` in the batches they are done in.
    """

    decisions: tuple[Decision, ...]
    releases: tuple[str, ...]
    new: tuple[str, ...]
    restart: tuple[str, ...]
    busy: tuple[str, ...]
    unchanged: tuple[str, ...]
    waves: tuple[tuple[str, ...], ...]

    @property
    def touched(self) -> tuple[str, ...]:
        """Hosts that will be changed, in the order of the waves."""
        return tuple(host for wave in self.waves for host in wave)

    @property
    def nothing_to_do(self) -> bool:
        """True if no host will be changed and none was put off."""
        return not (self.waves or self.releases or self.busy)


def roll_out(
    decisions: Sequence[Decision],
    *,
    lacking: Mapping[str, Sequence[str]],
    sizes: Sequence[int | str],
    restart_busy: Collection[str],
) -> Rollout:
    """Sort the hosts by what will happen to them.

    Args:
        decisions: of every planned node, hosts in the order in which they are to be done.
        lacking: for each host the releases that it needs and lacks.
        sizes: sizes of the waves, as ``livepeer_rollout`` says them.
        restart_busy: hosts whose nodes may be restarted while they have sessions.

    Raises:
        RolloutError: ``sizes`` cannot be read.
    """
    by_host: dict[str, list[Decision]] = {}
    for decision in decisions:
        by_host.setdefault(decision.host, []).append(decision)
    busy, new, restart, unchanged = [], [], [], []
    for host, of_host in by_host.items():
        if host not in restart_busy and any(one.interrupts and one.sessions for one in of_host):
            busy.append(host)
        elif any(one.interrupts for one in of_host):
            restart.append(host)
        elif any(one.step is not Step.NOTHING for one in of_host):
            new.append(host)
        else:
            unchanged.append(host)
    return Rollout(
        decisions=tuple(decisions),
        releases=tuple(host for host in by_host if lacking.get(host) and host not in busy),
        new=tuple(new),
        restart=tuple(restart),
        busy=tuple(busy),
        unchanged=tuple(unchanged),
        waves=(*([tuple(new)] if new else []), *_waves(restart, sizes)),
    )


def _waves(hosts: Sequence[str], sizes: Sequence[int | str]) -> Iterable[tuple[str, ...]]:
    """Cut hosts as Ansible's ``serial`` does: a percentage is of all hosts, at least one; the last size repeats."""
    counts = [_wave_size(size, len(hosts)) for size in sizes]
    if not counts:
        raise RolloutError("livepeer_rollout is empty: write the size of each wave, such as [1, 25%, 100%]")
    done = wave = 0
    while done < len(hosts):
        count = counts[min(wave, len(counts) - 1)]
        yield tuple(hosts[done : done + count])
        done, wave = done + count, wave + 1


def _wave_size(size: int | str, total: int) -> int:
    text = str(size).strip()
    digits = text.removesuffix("%").strip()
    number = int(digits) if digits.isascii() and digits.isdigit() else 0
    if number < 1 or (text.endswith("%") and number > 100):
        raise RolloutError(f'livepeer_rollout: {text!r} is no size of a wave: write a number of hosts (2) or a share of them ("25%")')
    return max(1, total * number // 100) if text.endswith("%") else number


def describe(rollout: Rollout) -> str:
    """What will be done, for a person: changed nodes with the reason, the order, the hosts that are left alone."""
    changed = [one for one in rollout.decisions if one.step is not Step.NOTHING and one.host not in rollout.busy]
    stay = sum(one.step is Step.NOTHING for one in rollout.decisions)
    if rollout.nothing_to_do:
        return f"Nothing to do: {_nodes(stay)} as planned."
    lines = ["What will be done", *_table([(one.host, one.node, one.step.value, one.reason) for one in changed])] if changed else []
    if stay:
        lines.append(f"  {_nodes(stay)} as planned.")
    if rollout.waves:
        lines += ["", "In this order", *_table(list(_order(rollout)))]
    if rollout.busy:
        lines += ["", "Left alone, because sessions run there (livepeer_restart_busy: true would restart them)"]
        lines += _table([(one.host, one.node, f"{one.sessions} running", one.reason) for one in _in_use(rollout)])
    return "\n".join(lines).strip("\n")


def _order(rollout: Rollout) -> Iterable[tuple[str, str]]:
    together = 1 if rollout.new else 0
    if together:
        yield "together", ", ".join(rollout.new)
    for number, wave in enumerate(rollout.waves[together:], start=1):
        yield f"wave {number}", ", ".join(wave)


def _in_use(rollout: Rollout) -> list[Decision]:
    return [one for one in rollout.decisions if one.host in rollout.busy and one.interrupts and one.sessions]


def _nodes(count: int) -> str:
    return "1 node runs" if count == 1 else f"{count} nodes run"


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
