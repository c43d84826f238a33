# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking the node's own binary and systemd whether they understand what is about to be written."""

from __future__ import annotations

import os
from collections.abc import Mapping

from ansible_collections.livepeer.fleet.plugins.module_utils import commands, nginx, releases, revisions
from ansible_collections.livepeer.fleet.plugins.module_utils.errors import HostError
from ansible_collections.livepeer.fleet.plugins.module_utils.host import Host
from ansible_collections.livepeer.fleet.plugins.module_utils.plan_part import Companion, Node

_REASON_LINES = 5


def validate(host: Host, node: Node, secrets: Mapping[str, str]) -> None:
    """Refuse what cannot run; nothing is written but a file in memory.

    Args:
        host: this host.
        node: as planned; its release has to be installed.
        secrets: their values; one that this host has still to make may be missing.

    Raises:
        HostError: what does not fit. The text may hold secrets.
    """
    if not releases.binary(host.paths, node.release.name).is_file():
        raise HostError(f"release {node.release.name} is not on this host: install it first (livepeer.fleet.release)")
    filled = revisions.fill(node.files, {**dict.fromkeys(node.secrets, "0" * 64), **secrets})
    _ask_binary(host, node, filled[revisions.CONFIG])
    complaints = host.systemd.complaints(node.unit, filled[revisions.UNIT])
    if complaints:
        raise HostError(f"systemd does not accept the unit file: {complaints}")
    for companion in node.companions:
        _companion(host, companion, filled, secrets)


def _companion(host: Host, companion: Companion, files_: Mapping[str, str], secrets: Mapping[str, str]) -> None:
    if not host.paths.nginx.is_file():
        raise HostError("nginx is not on this host, and stands in front of the node: install the distribution's (site.yml does)")
    complaints = host.systemd.complaints(companion.unit, files_[companion.unit_file])
    if complaints:
        raise HostError(f"systemd does not accept the unit file of {companion.unit}: {complaints}")
    complaint = nginx.complaint(host, companion, files_, secrets)
    if complaint:
        raise HostError(f"nginx does not accept its configuration: {complaint}")


def _ask_binary(host: Host, node: Node, config: str) -> None:
    """The configuration is handed over in memory: it holds secrets, and the binary is asked as a user without rights."""
    memory = os.memfd_create(revisions.CONFIG, 0)
    with os.fdopen(memory, "wb") as stream:
        stream.write(config.encode("utf-8", "surrogateescape"))
        stream.flush()
        as_nobody = os.geteuid() == 0
        if as_nobody:
            os.fchown(memory, commands.NOBODY, commands.NOBODY)
        os.fchmod(memory, 0o400)
        # -version has to stand first: anywhere else the node would start.
        arguments = [str(releases.binary(host.paths, node.release.name)), "-version", "-config", f"/proc/self/fd/{memory}"]
        done = commands.run(arguments, as_nobody=as_nobody, hide_output=True, descriptors=[memory])
    if done.status != 0:
        last = " | ".join(done.error.strip().splitlines()[-_REASON_LINES:]) or "it gave no reason"
        raise HostError(f"the binary of release {node.release.name} refuses livepeer.conf (status {done.status}): {last}")
