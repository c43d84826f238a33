# SPDX-License-Identifier: GPL-3.0-or-later
"""Bringing a node to its planned state, or back to where it was: stage, validate, switch, prove.

Every step leaves the disk in a state that the next run understands. ``pending`` is written before anything is switched and removed
after everything is proved, so a run that was cut anywhere in between is seen and repaired.
"""

from __future__ import annotations

import contextlib
import pwd
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.livepeer.fleet.plugins.module_utils import (
    commands,
    decision,
    files,
    health,
    keyfolder,
    redact,
    releases,
    revisions,
)
from ansible_collections.livepeer.fleet.plugins.module_utils.decision import Decision
from ansible_collections.livepeer.fleet.plugins.module_utils.errors import HostError, reason
from ansible_collections.livepeer.fleet.plugins.module_utils.filediff import FileDiff, file_diffs
from ansible_collections.livepeer.fleet.plugins.module_utils.health import CompanionLook, Look
from ansible_collections.livepeer.fleet.plugins.module_utils.host import Host
from ansible_collections.livepeer.fleet.plugins.module_utils.plan_part import Companion, Node, Part
from ansible_collections.livepeer.fleet.plugins.module_utils.revisions import NodeFolder, Pending, Revision
from ansible_collections.livepeer.fleet.plugins.module_utils.validation import validate

_LOG_LINES = 15


@dataclass(frozen=True)
class Options:
    """How a host is to be treated.

    Attributes:
        check: only tell what would be done.
        restart_busy: restart nodes with running sessions as well.
        keep: how many revisions of a node are kept.
        settled: seconds for which a node has to stay as planned before it is proved.
        order: names of nodes that are done in this order; empty for that of the plan.
    """

    check: bool = False
    restart_busy: bool = False
    keep: int = 3
    settled: float = health.SETTLED_SECONDS
    order: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What was done, or would be done, to one node.

    Attributes:
        node: its name.
        action: as in ``Decision``.
        reasons: as in ``Decision``.
        changed: True if something was changed and stayed so.
        restarted: True if its process was started anew; that of a companion does not count.
        revision: the revision that is proved now, "" if none is.
        diff: files that change.
        error: why it failed, "" if it did not.
    """

    node: str
    action: str
    reasons: tuple[str, ...]
    changed: bool
    restarted: bool
    revision: str
    diff: tuple[FileDiff, ...]
    error: str = ""


@dataclass(frozen=True)
class _Task:
    """One node, and what was found out about it before anything was touched."""

    node: Node
    folder: NodeFolder
    secrets: Mapping[str, str]
    seen: Look
    companions: tuple[CompanionLook, ...]
    decision: Decision


def apply(
    host: Host,
    part: Part,
    secrets: Mapping[str, Mapping[str, str]],
    options: Options,
    first: Callable[[], None] = lambda: None,
) -> tuple[Outcome, ...]:
    """Apply all nodes of a host in their order; ends with the first one that fails (its outcome has ``error``).

    Args:
        host: this host.
        part: its plan.
        secrets: for each node the values of its secrets.
        options: how.
        first: what is done before the first node, once nothing stands against the run; its errors pass.

    Raises:
        HostError: something was found before anything was touched.
    """
    tasks = [_look(host, node, secrets.get(node.name, {}), options) for node in part.nodes]
    _refuse_foreign(part, tasks)
    if not options.restart_busy:
        _refuse_busy(host, tasks)
    first()
    outcomes: list[Outcome] = []
    for task in _in_order(tasks, options.order):
        outcome = _apply_one(host, task, options)
        outcomes.append(outcome)
        if outcome.error:
            break
    return tuple(outcomes)


def _in_order(tasks: Sequence[_Task], order: Sequence[str]) -> Sequence[_Task]:
    """Tasks by the names of their nodes; those that are not named keep their place at the end."""
    place = {name: number for number, name in enumerate(order)}
    return sorted(tasks, key=lambda task: place.get(task.node.name, len(place)))


def _look(host: Host, node: Node, given: Mapping[str, str], options: Options) -> _Task:
    folder = host.node(node.name)
    seen, companions = health.look(host, node), health.look_at_companions(host, node)
    secrets = decision.wanted_secrets(folder, node, given)
    decided = decision.decide(host, node, secrets, seen, companions)
    starting = seen.state.running and not seen.state.restarts and seen.state.age < node.start_timeout
    if seen.problems and starting and _only_unproved(host, node, secrets, seen):
        # It was started a moment ago (a reboot, say): that takes its time, and starting it again would take it anew.
        with contextlib.suppress(HostError):  # the decision below sees the same, and says it
            health.prove(host, node, settled=options.settled)
        seen = health.look(host, node)
        decided = decision.decide(host, node, secrets, seen, companions)
    return _Task(node, folder, secrets, seen, companions, decided)


def _only_unproved(host: Host, node: Node, secrets: Mapping[str, str], seen: Look) -> bool:
    """True if a node would need nothing, if only it were up."""
    up = Look(seen.state, seen.listeners, seen.identity, ())
    return not decision.decide(host, node, secrets, up).restarts


def _refuse_foreign(part: Part, tasks: Sequence[_Task]) -> None:
    """LPF601: a port that a stranger holds makes the whole host's run pointless."""
    ours = {unit for node in part.nodes for unit in node.units}
    taken = [
        f"node {task.node.name}: {held.problem}"
        for task in tasks
        for held in (*task.seen.listeners, *(held for one in task.companions for held in one.listeners))
        if held.by == "other" and any(one.unit not in ours for one in held.holders)
    ]
    if taken:
        raise HostError(f"LPF601: {'; '.join(taken)}. Nothing was changed: stop that process, or give the node another port")


def _refuse_busy(host: Host, tasks: Sequence[_Task]) -> None:
    running = [task for task in tasks if task.seen.state.running]
    if not any(task.decision.restarts for task in running):
        return
    busy = health.busy({task.node.name: host.api(task.node.cli).sessions() for task in running})
    cut = [f"{task.node.name} ({busy[task.node.name]})" for task in running if task.decision.restarts and task.node.name in busy]
    if cut:
        raise HostError(
            f"a restart would cut running sessions of {', '.join(cut)}. Nothing was changed: run again when they are over, or set "
            "livepeer_restart_busy: true"
        )


def _apply_one(host: Host, task: _Task, options: Options) -> Outcome:
    decided, node = task.decision, task.node
    if decided.action == decision.NOTHING:
        return Outcome(node.name, decided.action, (), False, False, task.folder.active, ())
    diff = file_diffs(host, node, task.secrets)
    error, revision = "", task.folder.active
    try:
        revision = _check(host, task) if options.check else _Switch(host, task, options).run()
    except (HostError, OSError) as caught:
        error = _without_secrets(task, _text(caught))
    reasons = tuple(_without_secrets(task, one) for one in decided.reasons)
    return Outcome(node.name, decided.action, reasons, not error, decided.restarts and not error, revision, diff, error)


def _check(host: Host, task: _Task) -> str:
    """What can be found out without changing anything."""
    if releases.binary(host.paths, task.node.release.name).is_file() and (not task.node.companions or host.paths.nginx.is_file()):
        validate(host, task.node, task.secrets)
    return task.folder.active


class _Switch:
    """The transaction of one node."""

    def __init__(self, host: Host, task: _Task, options: Options) -> None:
        self._host = host
        self._task = task
        self._node = task.node
        self._folder = task.folder
        self._options = options
        self._since: str | None = None
        self._started, self._namespace = self._node.unit, ""  # what was started last, and its journal: a failure is its
        self._interrupted = self._folder.pending is not None
        self._restarted = False  # the node's own process was

    def run(self) -> str:
        """Do it; returns the name of the proved revision.

        Raises:
            HostError: it failed, and the node is as before, or the text says why it could not be brought back.
            OSError: the same, before anything was switched.
        """
        before = {one.name for one in self._folder.revisions()}
        try:
            target = self._stage()
            self._folder.set_pending(self._pending(target))
        except (HostError, OSError) as error:
            if self._folder.pending:
                raise HostError(self._back(_text(error), "")) from error
            self._unstage(before)
            raise
        try:
            accounts = keyfolder.made(self._host, self._node)
            self._activate(target, self._task.decision.restarts, self._task.decision.companions)
            self._prove(self._node, 0 if self._task.decision.restarts else self._task.seen.state.restarts)
            self._refuse_new_account(accounts)
            self._retire_others(target.node)
            self._folder.set_active(target)
        except (HostError, OSError) as error:
            raise HostError(self._back(_text(error) + self._log(), target.name)) from error
        self._prune()
        return target.name

    def _prune(self) -> None:
        """An old revision that cannot be removed is no reason to call a proved node failed: the next run removes it."""
        with contextlib.suppress(OSError):
            self._folder.prune(self._options.keep)

    def _stage(self) -> Revision:
        self._folder.sweep()
        validate(self._host, self._node, self._task.secrets)
        secrets = dict(self._task.secrets)
        for name, variable in self._node.secrets.items():
            if not variable:
                secrets[name] = self._folder.generate(name)
        for revision in reversed(self._folder.revisions()):
            if not revisions.differences(revision, self._node, secrets) and revision.node.release.name == self._node.release.name:
                return revision
        return self._folder.stage(self._node, secrets)

    def _unstage(self, before: Collection[str]) -> None:
        """Nothing was switched yet: leave the node's folder as it was."""
        for revision in self._folder.revisions():
            if revision.name not in before:
                self._folder.discard(revision)
        if not before:
            self._folder.remove()

    def _pending(self, target: Revision) -> Pending:
        before = self._folder.pending
        if before:
            return Pending(target.name, before.fresh_user, before.fresh_state)
        fresh = not self._folder.active
        return Pending(
            target.name,
            fresh_user=fresh and not _user_exists(self._node.user),
            fresh_state=fresh and not (self._host.paths.state / self._node.state_directory).exists(),
        )

    def _activate(self, revision: Revision, restart: bool, companions: Collection[str], *, chain: bool = True) -> None:
        """Make this host run a revision: first what stands in front of the node, proved, then the node itself.

        Args:
            revision: which one.
            restart: start the node's process anew.
            companions: units of its companions that are to be started anew.
            chain: the chain has to answer before the node is touched.
        """
        node, paths, systemd = revision.node, self._host.paths, self._host.systemd
        sysusers = paths.sysusers(node.unit)
        _put(sysusers, files.read(revision.folder / revisions.SYSUSERS), 0o644)
        systemd.make_user(sysusers)
        if self._folder.current != revision.name:
            self._folder.set_current(revision)
        self._limit_journal(revision)
        units = [*((one.unit, one.unit_file) for one in node.companions), (node.unit, revisions.UNIT)]
        changed = [_put(paths.unit(unit), files.read(revision.folder / file), 0o644) for unit, file in units]
        states = {unit: systemd.state(unit) for unit, _file in units}
        if any(changed) or any(state.needs_reload or not state.exists for state in states.values()):
            systemd.reload()
        for unit, state in states.items():
            if state.enabled != "enabled":
                systemd.enable(unit)
        for companion in node.companions:
            # Also one that stays: a node is not stopped while it could not start again.
            fresh = companion.unit in companions
            self._start_companion(companion, node.log_namespace, restart=fresh, chain=chain and (restart or fresh))
        if restart:
            self._restarted = True
            self._start(node.unit, node.log_namespace)

    def _start_companion(self, companion: Companion, namespace: str, *, restart: bool, chain: bool) -> None:
        if restart:
            self._start(companion.unit, namespace)
        health.prove_companion(self._host, companion, chain=chain)

    def _start(self, unit: str, namespace: str) -> None:
        self._started, self._namespace, self._since = unit, namespace, self._host.systemd.cursor(namespace)
        self._host.systemd.restart(unit)

    def _retire_others(self, node: Node) -> None:
        """End the companions of other revisions that this one does not have."""
        for unit in self._former_companions(node):
            if self._host.systemd.state(unit).exists:
                self._retire(unit)

    def _former_companions(self, node: Node) -> list[str]:
        units = {one.unit for revision in self._folder.revisions() for one in revision.node.companions}
        return sorted(units - set(node.units))

    def _retire(self, unit: str) -> None:
        self._host.systemd.retire(unit)
        files.remove(self._host.paths.unit(unit))
        self._host.systemd.forget(unit)

    def _limit_journal(self, revision: Revision) -> None:
        """The file that limits the node's own journal, where it has one."""
        node, path = revision.node, self._host.paths.journal(revision.node.unit)
        text = files.read(revision.folder / revisions.JOURNAL)
        if text is None:
            files.remove(path)
        elif _put(path, text, 0o644):
            self._host.systemd.reread_journal(node.log_namespace)

    def _prove(self, node: Node, restarts: int) -> None:
        health.prove(self._host, node, settled=self._options.settled, restarts=restarts)
        for companion in node.companions:
            # It was proved before its node; one that has ended since is no proof.
            health.prove_companion(self._host, companion, chain=False)

    def _refuse_new_account(self, before: Collection[str]) -> None:
        """A start must not have made an account, whichever the node runs with."""
        made = sorted(keyfolder.made(self._host, self._node) - set(before))
        if made:
            folder = self._host.paths.state / self._node.state_directory / keyfolder.KEYSTORE
            raise HostError(f"LPF606: its start made a new account in {folder} ({', '.join(made)})")

    def _log(self) -> str:
        """What the unit wrote since it was started anew; nothing if it was not."""
        if self._since is None:
            return ""
        log = self._host.systemd.log(self._started, self._since, _LOG_LINES, self._namespace)
        whose = "Its" if self._started == self._node.unit else f"The {self._started}'s"
        return f"\n{whose} last log lines:\n{log or '(none)'}"

    def _back(self, why: str, failed: str) -> str:
        """Go back from a failed revision to what ran before, and tell how that went."""
        active = self._folder.revision(self._folder.active)
        try:
            if active is None:
                return f"{why}\n{self._remove()}"
            if active.name == failed:
                return f"{why}\nThere is no other revision to go back to: the unit is left to systemd, which keeps starting it."
            if not releases.binary(self._host.paths, active.node.release.name).is_file():
                return f"{why}\nThere is nothing to go back to: release {active.node.release.name} is not on this host any more."
            # A process that was not touched runs on, unless a run that was cut may have started it, with another revision.
            restart = self._restarted or self._interrupted or not self._task.seen.state.running
            self._activate(active, restart, [one.unit for one in active.node.companions], chain=False)
            self._prove(active.node, 0 if restart else self._task.seen.state.restarts)
            self._retire_others(active.node)
            # The mark names it already: nothing is written, which a full disk would not allow.
            self._folder.clear_pending()
            self._prune()
            what = f"revision {active.name} (release {active.node.release.name})"
            return f"{why}\nThe host is back at {what}, which runs and was proved again."
        except (HostError, OSError) as error:
            return f"{why}\nGoing back failed as well: {_text(error)}. The next run repairs it."

    def _remove(self) -> str:
        """Undo a first installation."""
        pending, node, paths = self._folder.pending, self._node, self._host.paths
        for unit in (*reversed(node.units), *self._former_companions(node)):
            self._retire(unit)
        files.remove(paths.sysusers(node.unit))
        files.remove(paths.journal(node.unit))
        kept = self._remove_state(pending)
        self._folder.remove()
        return f"Its unit was stopped and removed; the host is as before{kept}."

    def _remove_state(self, pending: Pending | None) -> str:
        state = self._host.paths.state / self._node.state_directory
        if state.exists():
            keystore = any(path.is_file() for path in state.rglob("keystore/*"))
            if not pending or not pending.fresh_state or keystore:
                return f", but for {state}, which may hold keys" if keystore else ""
            files.remove(state)
            for folder in list(state.parents)[: len(state.relative_to(self._host.paths.state).parts) - 1]:
                files.remove_if_empty(folder)
        if pending and pending.fresh_user and _user_exists(self._node.user):
            commands.run(["userdel", self._node.user])
        return ""


def _text(error: Exception) -> str:
    return reason(error) if isinstance(error, OSError) else str(error)


def _put(target: Path, text: str | None, mode: int) -> bool:
    """Bring a file to its content; True if that changed it."""
    if text is None or files.read(target) == text:
        return False
    files.replace(target, text, mode)
    return True


def _user_exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _without_secrets(task: _Task, text: str) -> str:
    return redact.redact(text, [*task.secrets.items(), *task.folder.known_secrets()])
