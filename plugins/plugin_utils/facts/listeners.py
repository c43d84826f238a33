# SPDX-License-Identifier: GPL-3.0-or-later
"""Sockets that go-livepeer opens where nobody says otherwise (``cmd/livepeer/starter/starter.go``, port constants and defaultAddr)."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.data import load
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.releases import order


@dataclass(frozen=True)
class ListenerFact:
    """A socket of a role.

    Attributes:
        role: gateway, orchestrator, transcoder, ai_worker, remote_signer or redeemer.
        purpose: ``rpc``, ``http``, ``rtmp`` or ``cli``.
        protocol: ``tcp`` or ``udp``.
        flag: flag that moves it.
        host: what an address without a host means; "" is every address, dual stack.
        port: the default port (of an orchestrator's rpc listener: where its service address names none).
    """

    role: str
    purpose: str
    protocol: str
    flag: str
    host: str
    port: int

    @property
    def address(self) -> str:
        """The default as ``host:port``."""
        return f"{self.host}:{self.port}"


def listeners(version: str, role: str) -> tuple[ListenerFact, ...]:
    """What a role of a known version listens on by default."""
    now = order(version)
    return tuple(
        ListenerFact(row["role"], row["purpose"], row["protocol"], row["flag"], row["host"], row["port"])
        for row in load("listeners")["listeners"]
        if row["role"] == role and order(row["since"]) <= now and (row["until"] is None or now <= order(row["until"]))
    )
