# SPDX-License-Identifier: GPL-3.0-or-later
"""The nftables table of this host: put into force, kept over a reboot, and taken away. No other table is ever read or changed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from ansible_collections.livepeer.fleet.plugins.module_utils import files
from ansible_collections.livepeer.fleet.plugins.module_utils.errors import HostError
from ansible_collections.livepeer.fleet.plugins.module_utils.filediff import FileDiff
from ansible_collections.livepeer.fleet.plugins.module_utils.host import Host
from ansible_collections.livepeer.fleet.plugins.module_utils.paths import Paths
from ansible_collections.livepeer.fleet.plugins.module_utils.plan_part import Firewall

UNIT = "nftables-livepeer"
"""No name that a node's unit can have: those begin with ``livepeer-``."""


@dataclass(frozen=True)
class Change:
    """What was done to the table, or would be.

    Attributes:
        reasons: why, for people; empty if nothing has to be done.
        diff: files that change.
    """

    reasons: tuple[str, ...] = ()
    diff: tuple[FileDiff, ...] = ()


def missing(host: Host, wanted: Firewall) -> str:
    """What the table needs and this host does not have, "" if nothing."""
    return "" if not wanted.apply or host.nft.present() else "nft (Debian package nftables) is not there, and livepeer_firewall is true"


def reasons(host: Host, wanted: Firewall) -> tuple[str, ...]:
    """What has to be done about the table, and why; empty if nothing."""
    paths = host.paths
    there = files.read(paths.firewall) is not None or files.read(paths.unit(UNIT)) is not None
    if not wanted.apply:
        return ("its table is taken away",) if there else ()
    if not there:
        return ("its table is not on this host yet",)
    found = []
    if files.read(paths.firewall) != wanted.table:
        found.append(f"{paths.firewall.name} changes")
    if files.read(paths.unit(UNIT)) != wanted.unit:
        found.append("the unit that loads its table changes")
    state = host.systemd.state(UNIT)
    if state.enabled != "enabled":
        found.append("its table is not loaded at boot")
    if state.active != "active" or _digest(host.nft.loaded()) != files.read(paths.firewall_loaded):
        found.append("the kernel has not the table that was loaded last")
    return tuple(found)


def apply(host: Host, wanted: Firewall, *, check: bool) -> Change:
    """Bring the table to what the plan wants.

    Args:
        host: this host.
        wanted: the table.
        check: only tell what would be done.

    Raises:
        HostError: there is no nft, it refuses the table, or the table cannot be loaded; the one of before is in force.
    """
    lacking = missing(host, wanted)
    if lacking:
        raise HostError(f"LPF610: {lacking}. Nothing was changed")
    why = reasons(host, wanted)
    if not why:
        return Change()
    if wanted.apply:
        complaints = host.nft.complaints(wanted.table, host.paths.runtime)
        if complaints:
            raise HostError(f"nft refuses the table of the firewall, nothing was changed: {complaints}")
    change = Change(why, _diffs(host.paths, wanted))
    if not check:
        _switch(host, wanted)
    return change


def _diffs(paths: Paths, wanted: Firewall) -> tuple[FileDiff, ...]:
    texts = {paths.firewall: wanted.table, paths.unit(UNIT): wanted.unit}
    diffs = [FileDiff(str(path), files.read(path) or "", text if wanted.apply else "") for path, text in texts.items()]
    return tuple(one for one in diffs if one.before != one.after)


def _switch(host: Host, wanted: Firewall) -> None:
    paths = host.paths
    table, unit = files.read(paths.firewall), files.read(paths.unit(UNIT))
    before = Firewall(table is not None and unit is not None, table or "", unit or "")
    try:
        _bring(host, wanted)
    except (HostError, OSError) as error:
        _bring(host, before)
        raise HostError(f"the table of the firewall cannot be loaded, the one of before is in force: {error}") from error


def _bring(host: Host, wanted: Firewall) -> None:
    """One way or the other, without a moment in between in which ports are open: a table is loaded over the last one."""
    paths, systemd = host.paths, host.systemd
    if not wanted.apply:
        systemd.retire(UNIT)
        for path in (paths.unit(UNIT), paths.firewall, paths.firewall_loaded):
            files.remove(path)
        files.remove_if_empty(paths.nodes)
        systemd.forget(UNIT)
        if host.nft.present():
            host.nft.delete()
        return
    paths.nodes.mkdir(mode=0o700, parents=True, exist_ok=True)
    files.replace(paths.firewall, wanted.table, 0o600)
    files.replace(paths.unit(UNIT), wanted.unit, 0o644)
    systemd.reload()
    systemd.enable(UNIT)
    systemd.refresh(UNIT)
    files.replace(paths.firewall_loaded, _digest(host.nft.loaded()), 0o600)


def _digest(listing: str) -> str:
    """Of a table as nft lists it, which is not how it was written."""
    return hashlib.sha256(listing.encode()).hexdigest() if listing else ""
