# SPDX-License-Identifier: GPL-3.0-or-later
"""The order over all roles, held against a model of what a worker meets when it starts."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.found import Decision, Found, Step
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import START_ORDER, WORKERS, Role
from ansible_collections.livepeer.fleet.plugins.plugin_utils.needs import Need
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rollout import Rollout, roll_out
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rollout_order import RolloutError, befores, order_on_host
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rollout_report import describe
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rollout_schedule import Batch
from ansible_collections.livepeer.fleet.plugins.plugin_utils.versions import older
from hypothesis import given, settings
from hypothesis import strategies as st

SECRET = ("orch_secret",)
OLD, NEW = "0.9.0", "0.9.1"
MOST = 300


def node(role: Role, *needs: Decision, host: str = "", runs: str = NEW, becomes: str = NEW, secrets: tuple[str, ...] = ()) -> Decision:
    """A node that restarts, or starts for the first time where nothing runs."""
    return Decision(
        host=host or role.value,
        node=role.value,
        step=Step.RESTART if runs else Step.NEW,
        reason="",
        interrupts=bool(runs),
        role=role,
        runs=runs,
        becomes=becomes,
        starts=True,
        secrets=secrets,
        needs=tuple(Need(one.host, one.node) for one in needs),
    )


def hosts(*decisions: Decision) -> list[Found]:
    """Hosts in the order in which an action gives them."""
    names = dict.fromkeys(one.host for one in sorted(decisions, key=lambda one: START_ORDER.index(one.role)))
    by_role = sorted(decisions, key=lambda one: START_ORDER.index(one.role))
    return [Found(name, name, decisions=tuple(one for one in by_role if one.host == name)) for name in names]


def rollout(*decisions: Decision, sizes: Sequence[int | str] = (1, "25%", "100%")) -> Rollout:
    return roll_out(hosts(*decisions), sizes=sizes, restart_busy=())


def waves(*decisions: Decision, sizes: Sequence[int | str] = ("100%",)) -> list[tuple[int, tuple[str, ...]]]:
    return [(batch.wave, batch.hosts) for batch in rollout(*decisions, sizes=sizes).batches]


def fleet(runs: str = NEW, becomes: str = NEW, secrets: tuple[str, ...] = ()) -> list[Decision]:
    """One node of each role on a host of its own."""
    signer = node(Role.REMOTE_SIGNER, runs=runs, becomes=becomes)
    redeemer = node(Role.REDEEMER, runs=runs, becomes=becomes)
    orchestrator = node(Role.ORCHESTRATOR, redeemer, runs=runs, becomes=becomes, secrets=secrets)
    transcoder = node(Role.TRANSCODER, orchestrator, runs=runs, becomes=becomes, secrets=secrets)
    worker = node(Role.AI_WORKER, orchestrator, runs=runs, becomes=becomes, secrets=secrets)
    return [signer, redeemer, orchestrator, transcoder, worker, node(Role.GATEWAY, signer, runs=runs, becomes=becomes)]


def test_new_hosts_come_by_their_roles() -> None:
    assert waves(*fleet(runs="")) == [
        (0, ("remote_signer", "redeemer")),
        (0, ("orchestrator",)),
        (0, ("transcoder", "ai_worker")),
        (0, ("gateway",)),
    ]


def test_an_upgrade_does_ai_workers_first_and_a_downgrade_last() -> None:
    up = [host for _wave, batch in waves(*fleet(OLD, NEW)) for host in batch]
    down = [host for _wave, batch in waves(*fleet(NEW, OLD)) for host in batch]
    assert up.index("redeemer") < up.index("orchestrator") > up.index("ai_worker")
    assert up.index("orchestrator") < up.index("transcoder")
    assert down.index("orchestrator") < down.index("ai_worker")


def test_a_new_secret_is_one_wave_orchestrator_first_then_all_of_its_workers_at_once() -> None:
    one = node(Role.ORCHESTRATOR, host="o1", secrets=SECRET)
    other = node(Role.ORCHESTRATOR, host="o2", secrets=SECRET)
    workers = [node(Role.TRANSCODER, one, host=f"t{number}", secrets=SECRET) for number in range(3)]
    foreign = node(Role.AI_WORKER, other, host="w", secrets=SECRET)
    assert waves(one, other, *workers, foreign, sizes=(1,)) == [(1, ("o1",)), (1, ("t0", "t1", "t2")), (2, ("o2",)), (2, ("w",))]


def test_only_those_wait_that_have_to() -> None:
    plain = node(Role.ORCHESTRATOR, host="plain")
    orchestrator = node(Role.ORCHESTRATOR, host="o", runs=OLD)
    worker = node(Role.AI_WORKER, orchestrator, host="w", runs=OLD)
    assert waves(plain, orchestrator, worker) == [(1, ("plain", "w")), (2, ("o",))]


def test_on_one_host_an_upgrade_turns_the_order_of_its_nodes_around() -> None:
    def order(runs: str, becomes: str) -> object:
        orchestrator = node(Role.ORCHESTRATOR, host="both", runs=runs, becomes=becomes)
        worker = node(Role.AI_WORKER, orchestrator, host="both", runs=runs, becomes=becomes)
        return rollout(orchestrator, worker).orders

    assert order(OLD, NEW) == {"both": ("ai_worker", "orchestrator")}
    assert order(NEW, OLD) == {}
    assert order("", NEW) == {}


def test_a_secret_and_a_version_cannot_change_in_one_run() -> None:
    with pytest.raises(RolloutError, match="goes first, with the new secret it goes last"):
        rollout(*fleet(OLD, NEW, SECRET))


def test_nor_can_two_hosts_that_each_carry_the_others_worker() -> None:
    x, y = node(Role.ORCHESTRATOR, host="x", runs=OLD), node(Role.ORCHESTRATOR, host="y", runs=OLD)
    workers = [node(Role.AI_WORKER, y, host="x", runs=OLD), node(Role.AI_WORKER, x, host="y", runs=OLD)]
    with pytest.raises(RolloutError, match=r"x, y cannot be done in any order.*inventory host of its own"):
        rollout(x, y, *workers)


def test_such_hosts_start_together_where_nothing_runs_yet() -> None:
    x, y = node(Role.ORCHESTRATOR, host="x", runs=""), node(Role.ORCHESTRATOR, host="y", runs="")
    workers = [node(Role.AI_WORKER, y, host="x", runs=""), node(Role.AI_WORKER, x, host="y", runs="")]
    assert waves(x, y, *workers, sizes=(1,)) == [(0, ("x", "y"))]


def test_what_cannot_be_kept_is_said_and_still_never_down_together() -> None:
    signer = node(Role.REMOTE_SIGNER, host="x")
    orchestrator = node(Role.ORCHESTRATOR, host="y", runs=NEW, secrets=SECRET)
    gateway = node(Role.GATEWAY, signer, host="y")
    worker = node(Role.TRANSCODER, orchestrator, host="x", secrets=SECRET)
    result = rollout(signer, orchestrator, gateway, worker, sizes=("100%",))
    assert result.waves == (("y",), ("x",))
    assert "x is not done before y, although a remote signer comes before those that it works for" in describe(result)


def test_a_busy_worker_keeps_its_orchestrator_from_a_secret_that_would_shut_it_out() -> None:
    orchestrator = node(Role.ORCHESTRATOR, secrets=SECRET)
    busy = replace(node(Role.TRANSCODER, orchestrator, secrets=SECRET), busy=True)
    other = node(Role.AI_WORKER, orchestrator, secrets=SECRET)
    result = rollout(orchestrator, busy, other)
    assert (result.busy, result.waves) == (("transcoder",), ())
    assert set(result.waiting) == {"orchestrator", "ai_worker"}
    assert "orchestrator waits for transcoder" in describe(result)


def test_the_order_is_told_with_its_reasons() -> None:
    lines = describe(rollout(*fleet(runs=""))).splitlines()
    assert [line.split()[1:] for line in lines if line.endswith("a worker registers at an orchestrator that runs")] == [
        [*["transcoder,", "ai_worker", "a", "worker", "registers", "at", "an", "orchestrator", "that", "runs"]]
    ]


# A brute-force model: every process with its version and secret, and a run that is cut after any node.


@dataclass
class Process:
    up: bool
    version: str
    new_secret: bool


@st.composite
def fleets(draw: st.DrawFn) -> list[Decision]:
    """Random fleets: nodes of all roles over a few hosts, each running or not, changing or not, at random versions."""
    names = [f"h{number}" for number in range(draw(st.integers(1, 7)))]
    target = st.sampled_from([OLD, NEW])
    made: dict[Role, list[Decision]] = {role: [] for role in Role}
    for role in START_ORDER:
        for host in names:
            if not draw(st.integers(0, 2)):
                needed = {Role.GATEWAY: Role.REMOTE_SIGNER, Role.ORCHESTRATOR: Role.REDEEMER}.get(role, Role.ORCHESTRATOR)
                among = made[needed] if role not in (Role.REMOTE_SIGNER, Role.REDEEMER) else []
                needs = [draw(st.sampled_from(among))] if among and (role in WORKERS or draw(st.booleans())) else []
                if role in WORKERS and not needs:
                    continue
                made[role].append(draw(_nodes(role, host, needs, target)))
    return [one for of_role in made.values() for one in of_role]


@st.composite
def _nodes(draw: st.DrawFn, role: Role, host: str, needs: list[Decision], target: st.SearchStrategy[str]) -> Decision:
    runs = draw(st.sampled_from(["", OLD, NEW]))
    becomes = draw(target)
    if role is Role.AI_WORKER:
        becomes = max(becomes, needs[0].becomes)  # as the plan's rule wants it
        runs = runs and max(runs, needs[0].runs)  # and as it was before
    changed = role is Role.ORCHESTRATOR and draw(st.integers(0, 3)) == 0
    inherited = needs[0].secrets if role in WORKERS else ()
    one = node(role, *needs, host=host, runs=runs, becomes=becomes, secrets=inherited or (SECRET if changed else ()))
    stays = bool(runs) and runs == becomes and not one.secrets and draw(st.booleans())
    return replace(one, step=Step.NOTHING, interrupts=False, starts=False) if stays else one


def _broken(before: dict[tuple[str, str], Process], decisions: Iterable[Decision]) -> set[tuple[str, str]]:
    """AI workers that run at a lower version than their running orchestrator."""
    return {
        (one.host, one.node)
        for one in decisions
        if one.role is Role.AI_WORKER and before[one.host, one.node].up
        for need in one.needs
        if before[need.host, need.node].up and older(before[one.host, one.node].version, before[need.host, need.node].version)
    }


@settings(max_examples=MOST, deadline=None)
@given(fleets(), st.lists(st.sampled_from([1, 2, "25%", "50%", "100%"]), min_size=1, max_size=3), st.randoms(use_true_random=False))
def test_every_prefix_of_every_run_keeps_what_must(decisions: list[Decision], sizes: list[int | str], chance: random.Random) -> None:
    try:
        result = rollout(*decisions, sizes=sizes)
    except RolloutError:
        return  # test_what_is_refused_has_no_order says that this is never for nothing
    todo = {one.host for one in decisions if one.step is not Step.NOTHING}
    assert sorted(result.touched) == sorted(todo)
    assert _faults(result, decisions, chance) == []


def _faults(result: Rollout, decisions: Sequence[Decision], chance: random.Random) -> list[str]:
    by_key = {(one.host, one.node): one for one in decisions}
    world = {key: Process(bool(one.runs), one.runs, False) for key, one in by_key.items()}
    orchestrators_down = {key for key, one in by_key.items() if not one.runs}
    faults = []
    for batch in result.batches:
        queues = [[by_key[host, name] for name in _names(result, decisions, host)] for host in batch.hosts]
        for one in _interleaved(queues, chance):
            if not one.starts:
                continue
            key = (one.host, one.node)
            for need in one.needs:
                needed, other = world[need.host, need.node], by_key[need.host, need.node]
                alone = len(batch.hosts) == 1 or not {one.host, need.host} <= set(batch.hosts)
                if one.host != need.host and {one.host, need.host} <= set(batch.hosts) and (one.interrupts and other.interrupts):
                    faults.append(f"{key} and {need} are down together")
                if alone and not needed.up and other.starts:
                    faults.append(f"{key} starts before {need} is up")
                if one.role in WORKERS and alone and bool(other.secrets) is not needed.new_secret:
                    faults.append(f"{key} meets the other secret at {need}")
            world[key] = Process(True, one.becomes, bool(one.secrets))
            for worker in _broken(world, decisions):
                orchestrator = by_key[worker].needs[0]
                if (orchestrator.host, orchestrator.node) not in orchestrators_down:
                    faults.append(f"{worker} is older than its orchestrator after {key}")
    return faults


def _names(result: Rollout, decisions: Sequence[Decision], host: str) -> Sequence[str]:
    usual = sorted((one for one in decisions if one.host == host), key=lambda one: START_ORDER.index(one.role))
    return result.orders.get(host) or [one.node for one in usual]


def _interleaved(queues: list[list[Decision]], chance: random.Random) -> Iterable[Decision]:
    while any(queues):
        yield chance.choice([queue for queue in queues if queue]).pop(0)


@settings(max_examples=MOST, deadline=None)
@given(fleets())
def test_what_is_refused_has_no_order(decisions: list[Decision]) -> None:
    try:
        rollout(*decisions)
    except RolloutError as error:
        if "change in one run" in str(error):
            return
        names = [one.host for one in hosts(*decisions)]
        relations = befores(decisions)
        orders = {one.host: order_on_host([decision.node for decision in one.decisions], relations, one.host) for one in hosts(*decisions)}
        empty = rollout()
        for turn in itertools.permutations(names[:6]):
            one_by_one = replace(empty, orders=orders, batches=tuple(Batch((host,), 1) for host in turn))
            assert _faults(one_by_one, decisions, random.Random(0)) != []


@settings(max_examples=MOST, deadline=None)
@given(fleets())
def test_a_wave_with_a_new_secret_holds_the_orchestrator_and_all_its_workers(decisions: list[Decision]) -> None:
    try:
        result = rollout(*decisions, sizes=(1,))
    except RolloutError:
        return
    wave = {host: batch.wave for batch in result.batches for host in batch.hosts}
    for one in decisions:
        if one.role in WORKERS and one.secrets and one.starts:
            assert all(wave[need.host] == wave[one.host] or not one.interrupts for need in one.needs)
