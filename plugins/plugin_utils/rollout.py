# SPDX-License-Identifier: GPL-3.0-or-later
"""The rollout: what a run will do to each node of the hosts in scope, and in which order. Pure: observations in, lists out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.livepeer.fleet.plugins.plugin_utils.found import Decision, Found, Step
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import START_ORDER, Role
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan import Plan
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rollout_order import (
    Before,
    befores,
    order_hosts,
    order_on_host,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rollout_schedule import (
    Batch,
    Changes,
    schedule,
    wave_sizes,
    without_neighbours,
)

NGINX = "nginx"
"""The program that stands in front of nodes: the distribution's."""


@dataclass(frozen=True)
class Rollout:
    """What a run will do, host by host.

    Attributes:
        decisions: of every planned node in scope.
        releases: hosts that lack a release or a program which one of their nodes needs, in batches.
        nginx: those that lack nginx.
        images: by host the images of AI runners that it lacks, in the hosts' order.
        new: hosts where something will be started and nothing that runs is stopped.
        restart: hosts where a running node will be stopped and started.
        busy: hosts left as they are, because a node that would be restarted has running sessions.
        waiting: hosts left as they are because of another one that is; for each that host.
        unchanged: hosts with nothing to do.
        batches: the hosts of ``new`` and ``restart``, in the order they are done in.
        orders: for hosts whose nodes are not done in their usual order, the order of this run.
        notes: what would have been good and could not be kept, for people.
        neighbours: changed hosts that share a machine with another changed host.
        firewalls: hosts whose nftables table is changed, for each why.
    """

    decisions: tuple[Decision, ...]
    releases: tuple[tuple[str, ...], ...]
    nginx: tuple[str, ...]
    images: Mapping[str, tuple[str, ...]]
    new: tuple[str, ...]
    restart: tuple[str, ...]
    busy: tuple[str, ...]
    waiting: Mapping[str, str]
    unchanged: tuple[str, ...]
    batches: tuple[Batch, ...]
    orders: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...]
    neighbours: tuple[str, ...]
    firewalls: Mapping[str, str]

    @property
    def waves(self) -> tuple[tuple[str, ...], ...]:
        """The hosts of each batch."""
        return tuple(batch.hosts for batch in self.batches)

    @property
    def left_alone(self) -> tuple[str, ...]:
        """Hosts that would be changed and are not."""
        return (*self.busy, *self.waiting)

    @property
    def touched(self) -> tuple[str, ...]:
        """Hosts that will be changed, in the order of the batches."""
        return tuple(host for wave in self.waves for host in wave)

    @property
    def nothing_to_do(self) -> bool:
        """True if no host will be changed and none was put off."""
        return not (self.batches or self.releases or self.left_alone)


def roll_out(found: Sequence[Found], *, sizes: Sequence[int | str], restart_busy: Collection[str]) -> Rollout:
    """Sort the hosts by what will happen to them.

    Args:
        found: every host in scope, in the order in which they are to be done where nothing else counts; all of them could be looked at.
        sizes: sizes of the waves, as ``livepeer_rollout`` says them.
        restart_busy: hosts whose nodes may be restarted while they have sessions.

    Raises:
        RolloutError: ``sizes`` cannot be read, or there is no order in which it can be done.
    """
    decisions = tuple(decision for one in found for decision in one.decisions)
    relations = befores(decisions)
    busy = [one.host for one in found if one.host not in restart_busy and any(decision.busy for decision in one.decisions)]
    waiting = _waiting(busy, relations)
    new, restart, unchanged = [], [], []
    for one in found:
        if one.host in busy or one.host in waiting:
            continue
        if any(decision.interrupts for decision in one.decisions):
            restart.append(one.host)
        elif one.firewall or any(decision.step is not Step.NOTHING for decision in one.decisions):
            new.append(one.host)
        else:
            unchanged.append(one.host)
    todo = [one.host for one in found if one.host in {*new, *restart}]
    machines = {one.host: one.machine for one in found}
    relations = [one for one in relations if {one.first.host, one.then.host} <= set(todo)]
    order = order_hosts(todo, relations)
    gateways = frozenset(one.host for one in found if all(decision.role is Role.GATEWAY for decision in one.decisions))
    changes = Changes(tuple(todo), frozenset(restart), gateways, machines, order, relations)
    return Rollout(
        decisions=decisions,
        releases=tuple(without_neighbours([one.host for one in found if one.lacking and one.host in todo], machines)),
        nginx=tuple(one.host for one in found if NGINX in one.lacking and one.host in todo),
        images={one.host: one.images for one in found if one.images and one.host in todo},
        new=tuple(new),
        restart=tuple(restart),
        busy=tuple(busy),
        waiting=waiting,
        unchanged=tuple(unchanged),
        batches=schedule(changes, wave_sizes(sizes, len(restart))),
        orders=_orders(found, todo, relations),
        notes=tuple(_given_up(one) for one in order.given_up),
        firewalls={one.host: one.firewall for one in found if one.firewall and one.host in todo},
        neighbours=_neighbours(todo, machines),
    )


def _waiting(busy: Sequence[str], relations: Sequence[Before]) -> dict[str, str]:
    """Hosts that cannot be done without one that is left as it is, each with that one."""
    waiting: dict[str, str] = {}
    todo = list(busy)
    while todo:
        left = todo.pop()
        for one in relations:
            after = one.must and one.first.host == left
            # A worker that keeps the old secret would be shut out by an orchestrator with the new one.
            other = one.then.host if after else one.first.host if one.secret and one.then.host == left else left
            if other not in (left, *busy, *waiting):
                waiting[other] = left
                todo.append(other)
    return waiting


def _given_up(one: Before) -> str:
    return f"{one.first.host} is not done before {one.then.host}, although {one.why}: they depend on each other both ways"


def _orders(found: Sequence[Found], todo: Collection[str], relations: Sequence[Before]) -> dict[str, tuple[str, ...]]:
    usual = {one.host: tuple(decision.node for decision in one.decisions) for one in found if one.host in todo}
    orders = {host: order_on_host(names, relations, host) for host, names in usual.items()}
    return {host: order for host, order in orders.items() if order != usual[host]}


def _neighbours(hosts: Sequence[str], machines: Mapping[str, str]) -> tuple[str, ...]:
    count = Counter(machines[host] for host in hosts)
    return tuple(host for host in hosts if count[machines[host]] > 1)


def in_order(plan: Plan, hosts: Iterable[str]) -> list[str]:
    """Hosts in the order in which their nodes need each other: what is dialled is there before it is dialled."""
    return sorted(hosts, key=lambda host: min((START_ORDER.index(node.role) for node in plan.hosts[host].nodes), default=0))


def wrong_group(plan: Plan, hosts: Iterable[str], roles: Sequence[str]) -> str:
    """Why hosts cannot have the roles they are given in a play, "" if they can: the groups say what a host is."""
    for host in hosts:
        planned = {node.role.value for node in plan.hosts[host].nodes} if host in plan.hosts else set()
        missing = [role for role in roles if role not in planned]
        if missing:
            has = f"it is planned as {' and '.join(sorted(planned))}" if planned else "it is in none of the groups of a Livepeer role"
            both = " (both roles: livepeer_combined)" if {*roles} & _COMBINED else ""
            return f"{host} is no {' and no '.join(missing)}: {has}. Put it into livepeer_{missing[0]}s{both}."
    return ""


_COMBINED = frozenset({Role.GATEWAY.value, Role.ORCHESTRATOR.value})


def without_serial(rollout: Rollout, *, whole_play: bool) -> str:
    """Why a play of one's own must be cut into batches, "" if it need not.

    Args:
        rollout: what is to be done in this batch.
        whole_play: True if the batch holds all hosts of the play, so that nothing cuts it.
    """
    waves = [batch for batch in rollout.batches if batch.wave]
    ordered = dict.fromkeys(reason for batch in rollout.batches for reason in batch.reasons)
    if ordered:
        return f"these hosts have an order ({'; '.join(ordered)}): use the playbook livepeer.fleet.site, which keeps it."
    if whole_play and len(waves) > 1:
        return (
            f"{len(rollout.restart)} hosts would restart at once, livepeer_rollout wants them in waves: "
            f"put serial: {[len(wave.hosts) for wave in waves]} into the play, or use the playbook livepeer.fleet.site, "
            "which does it by itself."
        )
    if rollout.neighbours:
        return f"{', '.join(rollout.neighbours)} are one machine and cannot be done at once: put serial: 1 into the play."
    return ""
