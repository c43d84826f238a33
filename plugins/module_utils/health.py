# SPDX-License-Identifier: GPL-3.0-or-later
"""A running node held against its plan: one look, and the proof that it stays so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.livepeer.fleet.plugins.module_utils import keyfolder, registration, sockets
from ansible_collections.livepeer.fleet.plugins.module_utils.admin_api import AdminApi, Identity
from ansible_collections.livepeer.fleet.plugins.module_utils.errors import HostError
from ansible_collections.livepeer.fleet.plugins.module_utils.host import Host
from ansible_collections.livepeer.fleet.plugins.module_utils.plan_part import Companion, Listener, Node
from ansible_collections.livepeer.fleet.plugins.module_utils.sockets import Socket
from ansible_collections.livepeer.fleet.plugins.module_utils.systemd import UnitState

# An orchestrator calls its own service address 2 s after its sockets are open; a bad one ends it, with status 0, 5.2 s after the
# start (starter.go, seen on 0.9.1: startupAvailabilityCheck), one that takes the call and never answers after 10 s (server/rpc.go:
# GRPCTimeout). All of it has to be over before a node counts as proved.
SETTLED_SECONDS = 11.0

# An RPC endpoint is asked anew every 15 s (upstream_watch.py); one that comes back meanwhile is waited for.
COMPANION_SECONDS = 20.0

# systemd tells of a unit's changes over D-Bus, the kernel tells nobody of a new listener: looking again is the one way to see both.
_LOOK_AGAIN_SECONDS = 0.1
_LOOK_AGAIN_SETTLING_SECONDS = 0.5


@dataclass(frozen=True)
class Held:
    """A planned listener, and who holds it.

    Attributes:
        listener: as planned.
        by: ``own`` (the node's unit), ``none``, or ``other``.
        holders: the sockets on it, or in its way.
    """

    listener: Listener
    by: str
    holders: tuple[Socket, ...]

    @property
    def problem(self) -> str:
        """What is wrong with it, "" if nothing."""
        if self.by == "own":
            return ""
        what = f"{self.listener.where} ({self.listener.purpose})"
        if self.by == "none":
            return f"nothing listens on {what}"
        return f"{what} is held by {', '.join(sorted({one.owner for one in self.holders}))}"


@dataclass(frozen=True)
class Look:
    """One look at a node.

    Attributes:
        state: what systemd says of its unit.
        listeners: its planned listeners and their holders.
        identity: who answers on its CLI port.
        problems: everything that is not as planned, for people; empty if all is well.
        hopeless: those of the problems that no waiting mends.
        ends: a registered worker's own ends of its connections to its orchestrator.
    """

    state: UnitState
    listeners: tuple[Held, ...]
    identity: Identity
    problems: tuple[str, ...]
    hopeless: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()


@dataclass(frozen=True)
class CompanionLook:
    """One look at a companion of a node; the fields are those of ``Look``."""

    companion: Companion
    state: UnitState
    listeners: tuple[Held, ...]
    problems: tuple[str, ...]


def holders(node: Node, listening: Sequence[Socket]) -> tuple[Held, ...]:
    """Who holds the planned listeners of a node and of its companions."""
    own = tuple(_held(node.unit, listener, listening) for listener in node.listeners)
    return own + tuple(_held(one.unit, listener, listening) for one in node.companions for listener in one.listeners)


def busy(sessions: Mapping[str, int | None]) -> dict[str, int]:
    """How many streams a restart of each node of a host would cut, by node, where it is any.

    A node that cannot tell (None) counts as busy as its neighbours, whose streams may run through it.
    """
    known = sum(count or 0 for count in sessions.values())
    cut = {name: known if count is None else count for name, count in sessions.items()}
    return {name: count for name, count in cut.items() if count}


def look(host: Host, node: Node) -> Look:
    """Look once, without waiting for anything."""
    state = host.systemd.state(node.unit)
    listening = host.listening()
    held = tuple(_held(node.unit, listener, listening) for listener in node.listeners)
    problems = [one.problem for one in held if one.problem]
    if not state.running:
        problems.insert(0, f"the unit is {state.active} ({state.sub})")
    api = host.api(node.cli)
    identity = api.identity()
    hopeless: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    if state.running and not problems:
        problems.extend(_identity_problems(node, identity))
        problems.extend(filter(None, [keyfolder.problem(host, node)]))
        told = _read_back_problems(node, api)
        hopeless = () if problems else tuple(problem for problem, settled in told if settled)
        problems.extend(problem for problem, _settled in told)
        if node.joins and not problems:
            joined = registration.look(host, node, state)
            ends, problems = joined.ends, [joined.problem] if joined.problem else []
            hopeless = (joined.problem,) if joined.hopeless else ()
    return Look(state, held, identity, tuple(problems), hopeless, ends)


def prove(host: Host, node: Node, *, settled: float = SETTLED_SECONDS, restarts: int = 0) -> None:
    """Wait until the node is as planned, and has stayed so for longer than go-livepeer's own delayed checks take.

    Args:
        host: this host.
        node: as planned.
        settled: seconds for which it has to stay so.
        restarts: how often systemd has restarted it so far; one more, and it is not proved.

    Raises:
        HostError: why it is not proved.
    """
    deadline = host.clock.now() + node.start_timeout
    invocation, well_since = "", -1.0
    ends: tuple[str, ...] = ()
    while True:
        seen = look(host, node)
        now = host.clock.now()
        invocation = invocation or seen.state.invocation
        _must_live(seen, invocation, restarts)
        if seen.hopeless:
            # Without its document a gateway pays any price: it is not left running until the start times out.
            raise HostError("; ".join(seen.hopeless))
        # A worker that is refused and tries again is seen with a connection now and then.
        problems = seen.problems or (() if seen.ends == ends or well_since < 0 else (f"its connection to {node.joins} comes and goes",))
        ends = seen.ends
        if problems:
            well_since = -1.0
            if now >= deadline:
                raise HostError(f"it is not up {node.start_timeout:g} seconds after its start: {'; '.join(problems)}")
        elif well_since < 0:
            well_since = now
        elif now - well_since >= settled:
            return
        host.clock.sleep(_LOOK_AGAIN_SECONDS if well_since < 0 else _LOOK_AGAIN_SETTLING_SECONDS)


def look_at_companions(host: Host, node: Node) -> tuple[CompanionLook, ...]:
    """Look at each companion of a node once, without waiting for anything."""
    listening = host.listening() if node.companions else ()
    return tuple(_look_at_companion(host, one, listening) for one in node.companions)


def _look_at_companion(host: Host, companion: Companion, listening: Sequence[Socket]) -> CompanionLook:
    state = host.systemd.state(companion.unit)
    held = tuple(_held(companion.unit, listener, listening) for listener in companion.listeners)
    problems = [one.problem for one in held if one.problem]
    if not state.running:
        problems.insert(0, f"the unit {companion.unit} is {state.active} ({state.sub})")
    return CompanionLook(companion, state, held, tuple(problems))


def prove_companion(host: Host, companion: Companion, *, chain: bool = True) -> None:
    """Wait until a companion is as planned.

    Args:
        host: this host.
        companion: as planned.
        chain: the chain has to answer through it as well, where it stands in front of one.

    Raises:
        HostError: why it is not proved.
    """
    deadline = host.clock.now() + COMPANION_SECONDS
    while True:
        seen = _look_at_companion(host, companion, host.listening())
        problems = list(seen.problems)
        if not problems and chain and companion.eth:
            problem = host.rpc_problem(companion.eth, companion.chain_id)
            problems = [problem] if problem else []
        if not problems:
            return
        if seen.state.active in ("inactive", "failed") or seen.state.sub == "auto-restart" or host.clock.now() >= deadline:
            raise HostError("; ".join(problems))
        host.clock.sleep(_LOOK_AGAIN_SECONDS)


def _must_live(seen: Look, invocation: str, restarts: int) -> None:
    """A process that ended is not waited for: the next one would meet the same."""
    state = seen.state
    ended = state.active in ("inactive", "failed", "deactivating") or state.sub == "auto-restart"
    if not ended and state.restarts <= restarts and state.invocation == invocation:
        return
    taken = "; ".join(one.problem for one in seen.listeners if one.by == "other")
    how = state.ended or "it ended and was started again"
    raise HostError(f"{how} soon after its start{f' ({taken})' if taken else ''}")


def _held(unit: str, listener: Listener, listening: Sequence[Socket]) -> Held:
    addresses = sockets.addresses_of(listener.address)
    there = tuple(one for one in listening if sockets.overlap(one, listener.protocol, addresses, listener.port))
    if any(one.unit != unit for one in there):
        return Held(listener, "other", tuple(one for one in there if one.unit != unit))
    # Every address where one was planned would be more open than the plan says.
    own = tuple(one for one in there if one.everywhere == (not addresses))
    return Held(listener, "own" if own else "none", own)


def _identity_problems(node: Node, identity: Identity) -> list[str]:
    if not identity.role:
        return [f"no node of go-livepeer answers on its CLI port {node.cli}"]
    problems = []
    if identity.role != node.role:
        problems.append(f"on its CLI port {node.cli} answers a node in another role ({identity.role}), planned is {node.role}")
    if identity.version != node.version:
        problems.append(f"on its CLI port {node.cli} answers version {identity.version}, planned is {node.version}")
    return problems


def _read_back_problems(node: Node, api: AdminApi) -> list[tuple[str, bool]]:
    """What is wrong with each setting that is not as planned, and whether that is settled."""
    answers = {path: api.ask(path) for path in dict.fromkeys(one.path for one in node.read_backs)}
    found = []
    for one in node.read_backs:
        answer = answers[one.path]
        if answer is None or answer.status != 200:
            found.append((f"it does not answer {one.path} on its CLI port {node.cli}", False))
        elif problem := one.problem(answer):
            found.append((problem, one.settled))
    return found
