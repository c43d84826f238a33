# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts have which role, by the groups of the inventory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.collector import Collector
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.definitions import definitions
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Role
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.inventory import Inventory
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.values import MISSING, Checker, shown
from ansible_collections.livepeer.fleet.plugins.plugin_utils.nearest import nearest

VARIABLE = "livepeer_groups"
CODE = "LPF504"
COMBINED = frozenset({Role.GATEWAY, Role.ORCHESTRATOR})


@dataclass(frozen=True)
class Membership:
    """Roles of a host."""

    roles: frozenset[Role]

    @property
    def combined(self) -> bool:
        """True if the host is a gateway and an orchestrator."""
        return self.roles >= COMBINED


def group_names(inventory: Inventory, collector: Collector) -> dict[str, str]:
    """Name of the group of each kind (``gateways``, …): the defaults, changed by ``livepeer_groups`` of whatever host has it."""
    one = definitions()[VARIABLE]
    names = {key: str(option.default) for key, option in (one.options or {}).items()}
    values = [row[VARIABLE] for row in inventory.hostvars.values() if VARIABLE in row]
    if not values:
        return names
    if any(value != values[0] for value in values):
        different = next(value for value in values if value != values[0])
        message = "hosts differ about the names of the groups"
        collector.add(CODE, message, VARIABLE, got=shown(different), limit=shown(values[0]), hint="set it once, for the group all")
    checked = Checker(collector).check(one, values[0], VARIABLE)
    return names if checked is MISSING or not isinstance(checked, Mapping) else names | {key: str(name) for key, name in checked.items()}


def memberships(inventory: Inventory, names: Mapping[str, str], collector: Collector) -> dict[str, Membership]:
    """Roles of each host that has one, by host name in order."""

    def members(kind: str) -> Sequence[str]:
        return inventory.groups.get(names[kind], ())

    both = set(members("combined"))
    roles = {role: set(members(f"{role.value}s")) | (both if role in COMBINED else set()) for role in Role}
    _check_spelling(inventory, names, collector)
    hosts = sorted(set().union(*roles.values()))
    if not hosts and not collector.findings:
        message = "no host of the inventory is a Livepeer node, so that there is nothing to plan"
        looked_for = ", ".join(names.values())
        collector.warn(CODE, message, VARIABLE, limit=looked_for, hint=f"put hosts into these groups, or name yours in {VARIABLE}")
    return {host: Membership(frozenset(role for role in Role if host in roles[role])) for host in hosts}


def _check_spelling(inventory: Inventory, names: Mapping[str, str], collector: Collector) -> None:
    """A finding for a group that is called almost like one of ours and has hosts that ours has not: they would be left out silently."""
    for group, hosts in sorted(inventory.groups.items()):
        better = nearest(group, names.values()) if group.startswith("livepeer_") and group not in names.values() else ""
        if better and set(hosts) - set(inventory.groups.get(better, ())):
            message = f"the group {group} means nothing: its hosts have no role by it"
            collector.add("LPF503", message, group, got=group, limit=better, hint=f"{better}, or {VARIABLE} with the name of the group")
