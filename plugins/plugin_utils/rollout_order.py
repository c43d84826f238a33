# SPDX-License-Identifier: GPL-3.0-or-later
"""Which host of a run comes before which, and why. Pure: decisions in, an order out.

Some of it must hold, or the run would leave a node behind that never works again: a worker that meets another secret than its own
tries once and never again (server/ot_rpc.go:RunTranscoder, server/ai_worker.go:RunAIWorker), an AI worker that is older than its
orchestrator is refused for ever (core/ai_orchestrator.go:serveAIWorker). The rest is kept where it can be.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.livepeer.fleet.plugins.plugin_utils.found import Decision
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import WORKERS, Role
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.links import ORCH_SECRET
from ansible_collections.livepeer.fleet.plugins.plugin_utils.versions import older


class RolloutError(ValueError):
    """A run that cannot be put into an order, or a setting of it that cannot be read. The text is for an operator."""


@dataclass(frozen=True)
class Before:
    """One node is done, and proved, before another.

    Attributes:
        first: it is done first.
        then: it follows.
        why: the reason, for people.
        must: True if the other order leaves a node that does not work.
        secret: True if both change the secret that they share.
    """

    first: Decision
    then: Decision
    why: str
    must: bool
    secret: bool = False


def befores(decisions: Iterable[Decision]) -> list[Before]:
    """What comes before what among the nodes that will be started; the others stand still and are in nobody's way.

    Raises:
        RolloutError: two changes of one node and its orchestrator want opposite orders.
    """
    starting = {(one.host, one.node): one for one in decisions if one.starts}
    found = []
    for one in starting.values():
        for need in one.needs:
            needed = starting.get((need.host, need.node))
            if needed:
                found.append(_worker(one, needed) if one.role in WORKERS else _served(one, needed))
    return found


def _served(one: Decision, needed: Decision) -> Before:
    why = f"a {_kind(needed.role)} comes before those that it works for"
    return Before(needed, one, why, must=not needed.runs)


def _worker(worker: Decision, orchestrator: Decision) -> Before:
    secret = ORCH_SECRET in (*worker.secrets, *orchestrator.secrets)
    if not orchestrator.runs:
        return Before(orchestrator, worker, "a worker registers at an orchestrator that runs", must=True, secret=secret)
    grows = worker.role is Role.AI_WORKER and bool(worker.runs) and older(worker.runs, orchestrator.becomes)
    if grows and secret:
        raise RolloutError(
            f"the secret and the version of the orchestrator on {orchestrator.host} change in one run: with the new version its AI worker "
            f"{worker.node} on {worker.host} goes first, with the new secret it goes last. Nothing was changed: set the old "
            "livepeer_orchestrator_orch_secret again, run, then change the secret and run once more."
        )
    if grows:
        return Before(worker, orchestrator, "an AI worker is never older than its orchestrator", must=True)
    if secret:
        return Before(orchestrator, worker, "its workers register with the new secret", must=True, secret=True)
    if worker.role is Role.AI_WORKER and older(worker.becomes, orchestrator.runs):
        return Before(orchestrator, worker, "an AI worker is never older than its orchestrator", must=True)
    return Before(orchestrator, worker, "an orchestrator comes before its workers", must=False)


def _kind(role: Role) -> str:
    return role.value.replace("_", " ")


def order_on_host(names: Sequence[str], found: Iterable[Before], host: str) -> tuple[str, ...]:
    """The nodes of a host in the order they are done: theirs, but for what must be otherwise in this run."""
    mine = [(one.first.node, one.then.node) for one in found if one.first.host == one.then.host == host]
    order: list[str] = []
    left = list(names)
    while left:
        name = next((name for name in left if not any(then == name and first in left for first, then in mine)), left[0])
        left.remove(name)
        order.append(name)
    return tuple(order)


@dataclass(frozen=True)
class HostOrder:
    """The order of hosts.

    Attributes:
        after: for each host those that are done and proved before it.
        apart: pairs of hosts that are never down together.
        at_once: groups of hosts that need each other and all start something for the first time: they are done at once.
        given_up: what would be good, but runs against something that must be.
    """

    after: Mapping[str, frozenset[str]]
    apart: frozenset[tuple[str, str]]
    at_once: tuple[frozenset[str], ...]
    given_up: tuple[Before, ...]


def order_hosts(hosts: Sequence[str], found: Sequence[Before]) -> HostOrder:
    """Order hosts by what comes before what on them.

    Raises:
        RolloutError: running nodes would have to be done both before and after each other.
    """
    between = [one for one in found if one.first.host != one.then.host]
    graph = _Graph(hosts)
    for one in between:
        if one.must:
            graph.add(one.first.host, one.then.host)
    at_once = graph.circles()
    for circle in at_once:
        _must_not_interrupt(circle, between)
    # From here on a circle is one.
    whole = {host: min(circle) for circle in at_once for host in circle}
    one_of = {host: whole.get(host, host) for host in hosts}
    after, given_up = _in_one_direction(one_of, between)
    apart = {(one.first.host, one.then.host) for one in between if one_of[one.first.host] != one_of[one.then.host]}
    members: dict[str, set[str]] = {}
    for host, name in one_of.items():
        members.setdefault(name, set()).add(host)
    before = {host: frozenset().union(*(members[other] for other in after[one_of[host]])) for host in hosts}
    return HostOrder(before, frozenset(apart), tuple(at_once), given_up)


def _in_one_direction(one_of: Mapping[str, str], found: Sequence[Before]) -> tuple[Mapping[str, set[str]], tuple[Before, ...]]:
    """What comes before each, all that must and as much of the rest as makes no circle; and what of it was given up."""
    graph = _Graph(one_of.values())
    given_up = []
    for one in sorted(found, key=lambda one: not one.must):
        first, then = one_of[one.first.host], one_of[one.then.host]
        if first == then:
            continue
        if not one.must and graph.leads(then, {first}):
            given_up.append(one)
        else:
            graph.add(first, then)
    return graph.before, tuple(given_up)


def _must_not_interrupt(circle: Collection[str], found: Sequence[Before]) -> None:
    inside = [one for one in found if one.must and one.first.host in circle and one.then.host in circle]
    if not any(one.first.interrupts or one.then.interrupts for one in inside):
        return
    lines = dict.fromkeys(f"{one.first.host} before {one.then.host} ({one.why})" for one in inside)
    raise RolloutError(
        f"{', '.join(sorted(circle))} cannot be done in any order: {'; '.join(lines)}. Nothing was changed: give the worker an inventory "
        "host of its own (another name with the same ansible_host), or change one of the orchestrators first and the other one in a "
        "second run."
    )


class _Graph:
    """Hosts, and which ones come before each."""

    def __init__(self, hosts: Iterable[str]) -> None:
        self.before: dict[str, set[str]] = {host: set() for host in hosts}

    def add(self, first: str, then: str) -> None:
        self.before[then].add(first)

    def leads(self, first: str, to: Collection[str]) -> bool:
        """Whether a host comes before one of some others."""
        seen: set[str] = set()
        todo = list(to)
        while todo:
            for host in self.before[todo.pop()] - seen:
                if host == first:
                    return True
                seen.add(host)
                todo.append(host)
        return False

    def circles(self) -> list[frozenset[str]]:
        """The groups of hosts each of which comes before itself."""
        left = dict(self.before)
        while True:
            free = [host for host, before in left.items() if not before & left.keys()]
            if not free:
                break
            for host in free:
                del left[host]
        rings = [host for host in left if self.leads(host, {host})]
        return list(dict.fromkeys(frozenset(two for two in rings if self.leads(one, {two}) and self.leads(two, {one})) for one in rings))
