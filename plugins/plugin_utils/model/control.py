# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables about a run rather than about the fleet: where the plan goes, waves, what may be restarted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.collector import Collector
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.definitions import FLEET, Definition, of_role
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.groups import VARIABLE as GROUPS
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.groups import group_names, memberships
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.inventory import Inventory
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.values import MISSING, Checker, shown

CODE = "LPF504"


@dataclass(frozen=True)
class Control:
    """How a run goes, defaults filled in; for a broken value the default, a finding about it comes from the parser.

    Attributes:
        plan_dir: directory for the plan as written, relative to the current directory.
        plan_secrets: ``presence``, ``skip`` or ``full``.
        rollout: waves, each a number of hosts as int or a percentage as text.
        restart_busy: hosts on which a node with running sessions may be restarted.
        keep_releases: for each host how many of the releases installed last stay, in use or not.
    """

    plan_dir: str
    plan_secrets: str
    rollout: tuple[int | str, ...]
    restart_busy: tuple[str, ...]
    keep_releases: Mapping[str, int]


def read_control(inventory: Inventory) -> Control:
    """The control variables of the whole inventory."""
    silent = Collector("")
    hosts = tuple(memberships(inventory, group_names(inventory, silent), silent))
    fleet = of_role(FLEET)

    def first(name: str) -> object:
        return next((row for row in _written(inventory, hosts, fleet[name])), fleet[name].default)

    rollout = first("rollout")
    waves = tuple(int(str(wave)) if str(wave).isdecimal() else str(wave) for wave in rollout) if isinstance(rollout, list | tuple) else ()
    return Control(
        plan_dir=str(first("plan_dir")),
        plan_secrets=str(first("plan_secrets")),
        rollout=waves or (1,),
        restart_busy=tuple(host for host in hosts if _of_host(inventory, host, fleet["restart_busy"]) is True),
        keep_releases={host: int(str(_of_host(inventory, host, fleet["keep_releases"]))) for host in hosts},
    )


def _of_host(inventory: Inventory, host: str, one: Definition) -> object:
    return next(iter(_written(inventory, (host,), one)), one.default)


def _written(inventory: Inventory, hosts: Iterable[str], one: Definition) -> list[object]:
    """The valid values of a variable on these hosts."""
    checker = Checker(Collector(""))
    raws = (inventory.hostvars.get(host, {}) for host in hosts)
    checked = (checker.check(one, raw[one.name], one.name) for raw in raws if one.name in raw)
    return [value for value in checked if value is not MISSING]


def check_once(inventory: Inventory, hosts: Iterable[str], collector: Collector) -> None:
    """Findings about the variables that have one value for the whole fleet."""
    hosts = tuple(hosts)
    for one in of_role(FLEET).values():
        if not one.once or one.name == GROUPS:
            continue
        raws = [(host, inventory.hostvars[host][one.name]) for host in hosts if one.name in inventory.hostvars.get(host, {})]
        if not raws:
            continue
        first_host, first = raws[0]
        Checker(collector).check(one, first, one.name)
        other = next(((host, raw) for host, raw in raws if raw != first), None)
        if other:
            message = f"hosts differ, {other[0]} from {first_host}, but the fleet has one value"
            hint = "set it once, for the group all"
            collector.add(CODE, message, one.name, got=shown(other[1]), limit=shown(first), hint=hint)
