# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be done to a node, and why. One definition for `node_info`, which tells it, and `node`, which does it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.livepeer.fleet.plugins.module_utils import files, releases, revisions
from ansible_collections.livepeer.fleet.plugins.module_utils.errors import HostError
from ansible_collections.livepeer.fleet.plugins.module_utils.health import CompanionLook, Look
from ansible_collections.livepeer.fleet.plugins.module_utils.host import Host
from ansible_collections.livepeer.fleet.plugins.module_utils.plan_part import Node
from ansible_collections.livepeer.fleet.plugins.module_utils.revisions import NodeFolder, Revision

NOTHING = "nothing"
NEW = "new"
RESTART = "restart"
UPGRADE = "upgrade"
DOWNGRADE = "downgrade"
PROXY = "proxy"


@dataclass(frozen=True)
class Decision:
    """What has to be done to a node.

    Attributes:
        action: ``nothing``, ``new``, ``restart``, ``upgrade``, ``downgrade``, or ``proxy`` where only companions are started anew.
        reasons: why, for people; empty if nothing has to be done.
        restarts: True if its process has to be started anew for it.
        secrets: names of the secrets that change.
        companions: units of the companions that have to be started anew for it.
    """

    action: str
    reasons: tuple[str, ...]
    restarts: bool
    secrets: tuple[str, ...] = ()
    companions: tuple[str, ...] = ()


def wanted_secrets(folder: NodeFolder, node: Node, given: Mapping[str, str]) -> dict[str, str]:
    """The secrets of a node as they should be; one that this host makes for itself is missing as long as it is not made.

    Raises:
        HostError: one that a variable holds was not handed over.
    """
    wanted = {}
    for name, variable in node.secrets.items():
        value: str | None = given.get(name) if variable else folder.generated(name)
        if variable and not value:
            raise HostError(f"node {node.name}: the secret {name} is missing or empty: set {variable}")
        if value:
            wanted[name] = value
    return wanted


def decide(host: Host, node: Node, secrets: Mapping[str, str], seen: Look, companions: Sequence[CompanionLook] = ()) -> Decision:
    """Hold a node on this host against its plan.

    Args:
        host: this host.
        node: as planned.
        secrets: as they should be, see ``wanted_secrets``.
        seen: a look at it.
        companions: a look at each of its companions.
    """
    folder = host.node(node.name)
    active = folder.revision(folder.active)
    if active is None:
        return Decision(NEW, (_why_new(folder),), restarts=True, companions=tuple(one.unit for one in node.companions))
    aside = _companions_parts(active, node)
    differing = [what for what in revisions.differences(active, node, secrets) if what not in revisions.LIVE]
    changes = [*_release_change(active, node), *(f"{what} changes" for what in differing if what not in aside)]
    # What runs is held against the new plan: where that changes something, the difference is no news.
    restarting = [*changes, *_disorder(host, folder, active, node), *(() if changes else seen.problems)]
    beside = _Companions(host, active, node, [what for what in differing if what in aside], companions)
    others = [*beside.reasons, *_without_restart(host, folder, active, node, seen)]
    if not restarting and not others:
        return Decision(NOTHING, (), restarts=False)
    changed = revisions.changed_secrets(active, secrets)
    units = tuple(one.unit for one in node.companions) if folder.pending else beside.units
    action = PROXY if beside.reasons and not restarting else _direction(active, node)
    return Decision(action, (*restarting, *others), restarts=bool(restarting), secrets=changed, companions=units)


def _why_new(folder: NodeFolder) -> str:
    if folder.pending:
        return "an earlier run was cut off before it was proved"
    if folder.active:
        return f"what is on this host cannot be read, it is damaged or of another version of the collection: revision {folder.active}"
    return "it is not on this host yet"


def _release_change(active: Revision, node: Node) -> list[str]:
    old, new = active.node.release, node.release
    return [f"release {old.name} becomes {new.name}"] if old.name != new.name else []


def _companions_parts(active: Revision, node: Node) -> frozenset[str]:
    """What may change without the node's own process, because it uses none of it, before or after."""
    return frozenset(part for one in (*active.node.companions, *node.companions) for part in one.parts)


class _Companions:
    """What has to be done to the companions of a node.

    Attributes:
        reasons: why anything has to be done.
        units: what has to be started anew for it.
    """

    def __init__(self, host: Host, active: Revision, node: Node, differing: Sequence[str], seen: Sequence[CompanionLook]) -> None:
        self.reasons = [f"{what} changes" for what in differing]
        before = {one.unit: one for one in active.node.companions}
        self.reasons += [f"{unit} goes" for unit in sorted(before.keys() - set(node.units))]
        units = []
        for one in seen:
            companion = one.companion
            changes = companion.parts & set(differing) or before.get(companion.unit) is None
            disorder = _companion_disorder(host, active, one) if companion.unit in before else []
            problems = [] if changes else [*disorder, *one.problems]
            self.reasons += problems
            if changes or problems:
                units.append(companion.unit)
        self.units = tuple(units)


def _companion_disorder(host: Host, active: Revision, seen: CompanionLook) -> list[str]:
    unit = seen.companion.unit
    found = [] if seen.state.enabled == "enabled" else [f"{unit} is not started at boot"]
    if files.read(host.paths.unit(unit)) != files.read(active.folder / seen.companion.unit_file):
        found.append(f"the unit file of {unit} was changed or removed on the host")
    return found


def _without_restart(host: Host, folder: NodeFolder, active: Revision, node: Node, seen: Look) -> list[str]:
    """What can be put right while the process runs on."""
    found = ["it is not started at boot"] if seen.state.enabled != "enabled" else []
    if folder.has_leftovers:
        found.append("an earlier run was cut off and left files behind")
    changing = [name for name in revisions.LIVE if node.files.get(name) != active.node.files.get(name)]
    if revisions.JOURNAL not in changing and files.read(host.paths.journal(node.unit)) != files.read(active.folder / revisions.JOURNAL):
        found.append("the limits of its journal were changed on the host")
    return [*found, *(f"{name} changes" for name in changing)]


def _disorder(host: Host, folder: NodeFolder, active: Revision, node: Node) -> list[str]:
    """What is not as the last run left it."""
    found = []
    if folder.pending:
        found.append("an earlier run was cut off")
    elif folder.current != active.name:
        found.append("its unit would start another revision than the proved one")
    if files.read(host.paths.unit(node.unit)) != files.read(active.folder / revisions.UNIT):
        found.append("its unit file was changed or removed on the host")
    if not releases.binary(host.paths, active.node.release.name).is_file():
        found.append(f"release {active.node.release.name} is not on the host any more")
    return found


def _direction(active: Revision, node: Node) -> str:
    old, new = active.node.release, node.release
    if old.name == new.name:
        return RESTART
    return DOWNGRADE if _order(new.version) < _order(old.version) else UPGRADE


def _order(version: str) -> tuple[tuple[int, ...], bool]:
    """Versions in their order; a release candidate comes before its release."""
    main, _dash, candidate = version.partition("-")
    return tuple(int(number) for number in re.findall(r"\d+", main)), not candidate
