# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses as go-livepeer reads them, and the listeners that they make."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Exposure(str, Enum):
    """Who can reach a listener."""

    LOOPBACK = "loopback"
    PRIVATE = "private"
    PUBLIC = "public"


@dataclass(frozen=True)
class Listener:
    """A socket that a node opens.

    Attributes:
        machine: key of the machine it is opened on.
        host: inventory host of the owner.
        node: name of the owner node (unit ``livepeer-<node>``).
        purpose: ``rpc``, ``http``, ``rtmp``, ``cli``, ``metrics`` or ``runner``.
        protocol: ``tcp`` or ``udp``.
        address: IP literal, host name, or "" for every address (dual stack).
        port: 1 to 65535.
        exposure: who can reach it.
        variable: variable that moves it.
        default: True if nobody wrote the variable.
    """

    machine: str
    host: str
    node: str
    purpose: str
    protocol: str
    address: str
    port: int
    exposure: Exposure
    variable: str
    default: bool
