# SPDX-License-Identifier: GPL-3.0-or-later
"""A host as the modules use it; each part can be another one in a test."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ansible_collections.livepeer.fleet.plugins.module_utils import rpc, sockets
from ansible_collections.livepeer.fleet.plugins.module_utils.admin_api import AdminApi
from ansible_collections.livepeer.fleet.plugins.module_utils.nft import Nft
from ansible_collections.livepeer.fleet.plugins.module_utils.paths import Paths
from ansible_collections.livepeer.fleet.plugins.module_utils.revisions import NodeFolder
from ansible_collections.livepeer.fleet.plugins.module_utils.sealing import HostKey, Plain, Vault
from ansible_collections.livepeer.fleet.plugins.module_utils.sockets import Socket
from ansible_collections.livepeer.fleet.plugins.module_utils.systemd import Systemd
from ansible_collections.livepeer.fleet.plugins.module_utils.upstream_watch import Report


@dataclass(frozen=True)
class Clock:
    """Time that only goes forward, in seconds, and waiting."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Host:
    """What there is on a host.

    Attributes:
        paths: where things are.
        systemd: its system manager.
        listening: its listening sockets, looked up anew at each call.
        api: the CLI port of a node at ``host:port``.
        clock: its time.
        machine: its architecture, as ``uname -m`` has it.
        nft: its packet filter.
        vault: how secrets lie on its disk.
        connections: own ends of the connections that a process keeps to a port.
        rpc_problem: what is wrong with the chain that answers at ``host:port``, "" if it is the one of a chain id.
        rpc_endpoints: what becomes of a look at RPC endpoints, one URL a line, for a chain id.
    """

    paths: Paths
    systemd: Systemd
    listening: Callable[[], tuple[Socket, ...]] = sockets.listening
    api: Callable[[str], AdminApi] = AdminApi
    clock: Clock = field(default_factory=Clock)
    machine: str = field(default_factory=lambda: os.uname().machine)
    nft: Nft = field(default_factory=Nft)
    vault: Vault = field(default_factory=Plain)
    connections: Callable[[int, int], tuple[str, ...]] = sockets.connections
    rpc_problem: Callable[[str, int], str] = rpc.problem
    rpc_endpoints: Callable[[str, int], tuple[Report, ...]] = rpc.look

    def node(self, name: str) -> NodeFolder:
        """The folder of a node."""
        return NodeFolder(self.paths, name, self.vault)


def this_host() -> Host:
    """The host that the module runs on."""
    paths = Paths()
    systemd = Systemd(paths)
    return Host(paths, systemd, vault=HostKey(systemd.version()))
