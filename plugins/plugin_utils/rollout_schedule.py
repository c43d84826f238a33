# SPDX-License-Identifier: GPL-3.0-or-later
"""Batches and waves: ordered hosts are cut into what is done at once. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.livepeer.fleet.plugins.plugin_utils.rollout_order import Before, HostOrder, RolloutError


@dataclass(frozen=True)
class Batch:
    """Hosts that are done at once.

    Attributes:
        hosts: inventory hosts, no two of one machine and no two that must not be down together.
        wave: number of the wave it belongs to, from 1; 0 where nothing that runs is stopped.
        reasons: why it comes after what stands before it.
    """

    hosts: tuple[str, ...]
    wave: int
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Changes:
    """The hosts that will be changed.

    Attributes:
        hosts: in the order in which they are done where nothing else counts.
        restart: those where something that runs is stopped.
        gateways: those that are nothing but gateways: started last, when what they send jobs to is there.
        machines: key of the machine behind each.
        order: which come before which.
        relations: why.
    """

    hosts: tuple[str, ...]
    restart: frozenset[str]
    gateways: frozenset[str]
    machines: Mapping[str, str]
    order: HostOrder
    relations: Sequence[Before]


def schedule(changes: Changes, sizes: Iterator[int]) -> tuple[Batch, ...]:
    """All batches, in order.

    Args:
        changes: what is to be done.
        sizes: for one wave after the other how many hosts it may restart. A unit (see ``_units``) is never cut.
    """
    return tuple(_Scheduler(changes).batches(sizes))


@dataclass
class _Scheduler:
    """Puts units into batches: what interrupts nothing as soon as it can be, the others in waves."""

    changes: Changes
    done: set[str] = field(default_factory=set)

    def batches(self, sizes: Iterator[int]) -> Iterator[Batch]:
        """All of them, in order."""
        left = _units(self.changes)
        wave = 0
        while left:
            free = [unit for unit in left if not self._awaited(unit)]
            chosen = self._fresh(free)
            number = 0
            if not chosen:
                wave = number = wave + 1
                chosen = self._wave(free, sizes)
            left = [unit for unit in left if unit not in chosen]
            for layer in self._layers(chosen):
                for hosts in self._apart(layer):
                    yield Batch(hosts, number, self._reasons(hosts))
                    self.done |= set(hosts)

    def _wave(self, free: Sequence[tuple[str, ...]], sizes: Iterator[int]) -> list[tuple[str, ...]]:
        """As many units as the next wave takes."""
        return _fill(free, next(sizes))

    def _awaited(self, unit: Collection[str]) -> bool:
        """Whether something comes before a unit that is not done yet."""
        return any(self.changes.order.after[host] - set(unit) - self.done for host in unit)

    def _fresh(self, free: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
        """What can be started and stops nothing; gateways only when all else of it is there."""
        fresh = [unit for unit in free if not self.changes.restart & set(unit)]
        return [unit for unit in fresh if not self.changes.gateways >= set(unit)] or fresh

    def _layers(self, units: Sequence[tuple[str, ...]]) -> Iterator[list[str]]:
        """The hosts of some units, those first that no other one of them comes before."""
        left = [host for unit in units for host in unit]
        while left:
            layer = [host for host in left if not self.changes.order.after[host] & set(left)]
            yield layer
            left = [host for host in left if host not in layer]

    def _apart(self, hosts: Sequence[str]) -> list[tuple[str, ...]]:
        """Cut hosts into batches without two of one machine, and without two that must not be down together."""
        found: list[tuple[str, ...]] = []
        for batch in without_neighbours(hosts, self.changes.machines):
            parts: list[list[str]] = []
            for host in batch:
                part = next((part for part in parts if not any(self._never_together(host, other) for other in part)), None)
                if part is None:
                    parts.append(part := [])
                part.append(host)
            found += map(tuple, parts)
        return found

    def _never_together(self, one: str, other: str) -> bool:
        return bool({(one, other), (other, one)} & self.changes.order.apart)

    def _reasons(self, hosts: Collection[str]) -> tuple[str, ...]:
        """Why these hosts come after others that were done before."""
        found = [one.why for one in self.changes.relations if one.then.host in hosts and one.first.host in self.done]
        return tuple(dict.fromkeys(found))


def _fill(units: Sequence[tuple[str, ...]], size: int) -> list[tuple[str, ...]]:
    """The first units that fit into a wave; one, where even that is too large."""
    chosen = [units[0]]
    for unit in units[1:]:
        if sum(map(len, chosen)) + len(unit) > size:
            break
        chosen.append(unit)
    return chosen


def _units(changes: Changes) -> list[tuple[str, ...]]:
    """Hosts that are done in one wave whatever its size: an orchestrator whose secret changes, and all of its workers."""
    units = {host: {host} for host in changes.hosts}
    pairs = [(one.first.host, one.then.host) for one in changes.relations if one.secret]
    pairs += [(min(circle), host) for circle in changes.order.at_once for host in circle]
    for one, other in pairs:
        whole = units[one] | units[other]
        units.update(dict.fromkeys(whole, whole))
    turn = {host: number for number, host in enumerate(changes.hosts)}
    whole_units = _without_rings(list({id(unit): unit for unit in units.values()}.values()), changes.order)
    return sorted((tuple(sorted(unit, key=turn.__getitem__)) for unit in whole_units), key=lambda unit: turn[unit[0]])


def _without_rings(units: list[set[str]], order: HostOrder) -> list[set[str]]:
    """Units that come before each other, by different hosts of theirs, become one."""
    place = {host: number for number, unit in enumerate(units) for host in unit}
    before = {number: {place[other] for host in unit for other in order.after[host]} - {number} for number, unit in enumerate(units)}
    ring = _ring(before)
    if not ring:
        return units
    merged = set().union(*(units[number] for number in ring))
    return _without_rings([*(unit for number, unit in enumerate(units) if number not in ring), merged], order)


def _ring(before: Mapping[int, set[int]]) -> set[int]:
    """Units in a circle, or between two circles; empty if there is none."""
    left = {one: set(others) for one, others in before.items()}
    while ends := {one for one, others in left.items() if not others or not any(one in more for more in left.values())}:
        left = {one: others - ends for one, others in left.items() if one not in ends}
    return set(left)


def without_neighbours(hosts: Sequence[str], machines: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Cut hosts into as few batches as keep two hosts of one machine apart."""
    batches: list[dict[str, str]] = []
    for host in hosts:
        machine = machines[host]
        batch = next((one for one in batches if machine not in one), None)
        if batch is None:
            batches.append(batch := {})
        batch[machine] = host
    return [tuple(batch.values()) for batch in batches]


def wave_sizes(sizes: Sequence[int | str], total: int) -> Iterator[int]:
    """Sizes of the waves as Ansible's ``serial`` takes them: a percentage is of all hosts, at least one; the last size repeats.

    Raises:
        RolloutError: they cannot be read.
    """
    counts = [_wave_size(size, total) for size in sizes]
    if not counts:
        raise RolloutError("livepeer_rollout is empty: write the size of each wave, such as [1, 25%, 100%]")
    return (counts[min(number, len(counts) - 1)] for number in range(total))


def _wave_size(size: int | str, total: int) -> int:
    text = str(size).strip()
    digits = text.removesuffix("%").strip()
    number = int(digits) if digits.isascii() and digits.isdigit() else 0
    if number < 1 or (text.endswith("%") and number > 100):
        raise RolloutError(f'livepeer_rollout: {text!r} is no size of a wave: write a number of hosts (2) or a share of them ("25%")')
    return max(1, total * number // 100) if text.endswith("%") else number
