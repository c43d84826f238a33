# SPDX-License-Identifier: GPL-3.0-or-later
"""Listening sockets and who owns them, read from /proc: no program of the host is needed."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Union

from ansible_collections.livepeer.fleet.plugins.module_utils import files

_TABLES = (("tcp", "tcp"), ("tcp6", "tcp"), ("udp", "udp"), ("udp6", "udp"))
# Kernel, include/net/tcp_states.h: a listening TCP socket; an unconnected UDP socket that is bound.
_LISTENING = {"tcp": "0A", "udp": "07"}
_ESTABLISHED = "01"
_INODE = re.compile(r"socket:\[(\d+)\]")
_ANY_PEER = {"00000000:0000", "0" * 32 + ":0000"}

# Python 3.9 cannot make this with a bar.
_Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]  # noqa: UP007 - Python 3.9


@dataclass(frozen=True)
class Socket:
    """A listening socket.

    Attributes:
        protocol: ``tcp`` or ``udp``.
        address: IP literal; ``0.0.0.0`` or ``::`` is every address.
        port: 1 to 65535.
        pid: process that holds it, 0 if that cannot be seen.
        unit: systemd unit of that process, without ``.service``; "" if it belongs to none.
        command: name of the program. Not its arguments, in which a foreign process may carry secrets.
    """

    protocol: str
    address: str
    port: int
    pid: int
    unit: str
    command: str

    @property
    def everywhere(self) -> bool:
        """True if it takes every address."""
        return ipaddress.ip_address(self.address).is_unspecified

    @property
    def owner(self) -> str:
        """Who holds it, for people."""
        if not self.pid:
            return "a process that cannot be seen"
        return f"{self.command} (pid {self.pid}{f', unit {self.unit}' if self.unit else ''})"


def listening(proc: Path = Path("/proc")) -> tuple[Socket, ...]:
    """Every listening socket of this host, by port. A socket that several processes share is there once for each."""
    bound = [(protocol, *entry) for table, protocol in _TABLES for entry in _bound(proc / "net" / table, protocol)]
    owners = _owners(proc, {inode for _protocol, _address, _port, inode in bound})
    found = []
    for protocol, address, port, inode in bound:
        for pid in owners.get(inode, [0]):
            unit, command = (_unit(proc, pid), _command(proc, pid)) if pid else ("", "")
            found.append(Socket(protocol, address, port, pid, unit, command))
    return tuple(sorted(found, key=lambda one: (one.port, one.protocol, one.address, one.pid)))


def connections(pid: int, port: int, proc: Path = Path("/proc")) -> tuple[str, ...]:
    """Own ends, ``10.0.0.7:56970``, of the TCP connections that a process keeps to a port of whatever host."""
    own = _held(proc / str(pid) / "fd")
    found = []
    for table in ("tcp", "tcp6"):
        for line in (files.read(proc / "net" / table) or "").splitlines()[1:]:
            fields = line.split()
            if len(fields) < 10 or fields[3] != _ESTABLISHED or fields[9] not in own:
                continue
            if int(fields[2].partition(":")[2], 16) == port:
                address, _colon, end = fields[1].partition(":")
                found.append(_host_port(str(_address(address)), int(end, 16)))
    return tuple(sorted(found))


def _host_port(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def overlap(held: Socket, protocol: str, addresses: frozenset[str], port: int) -> bool:
    """True if a socket stands in the way of a listener on these addresses (empty: on every address)."""
    if (held.protocol, held.port) != (protocol, port):
        return False
    return held.everywhere or not addresses or held.address in addresses


def addresses_of(host: str) -> frozenset[str]:
    """The IP literals of a listener's host; empty if it is every address.

    A name is looked up as the node itself would; one that has no address here has none.
    """
    if not host:
        return frozenset()
    try:
        literal = _plain(ipaddress.ip_address(host.strip("[]")))
        return frozenset() if literal.is_unspecified else frozenset({str(literal)})
    except ValueError:
        pass
    try:
        return frozenset(str(_plain(ipaddress.ip_address(str(info[4][0]).partition("%")[0]))) for info in socket.getaddrinfo(host, None))
    except OSError:
        return frozenset({host})


def _bound(table: Path, protocol: str) -> Iterator[tuple[str, int, str]]:
    """Address, port and inode of the listening sockets of one table."""
    for line in (files.read(table) or "").splitlines()[1:]:
        fields = line.split()
        if len(fields) < 10 or fields[3] != _LISTENING[protocol] or fields[2] not in _ANY_PEER:
            continue
        address, _colon, port = fields[1].partition(":")
        yield str(_address(address)), int(port, 16), fields[9]


def _address(digits: str) -> _Address:
    """An address as the kernel prints it: 32-bit words in the byte order of the machine."""
    words = [int(digits[start : start + 8], 16) for start in range(0, len(digits), 8)]
    packed = struct.pack(f"{'<' if sys.byteorder == 'little' else '>'}{len(words)}I", *words)
    return _plain(ipaddress.ip_address(packed))


def _plain(address: _Address) -> _Address:
    """``::ffff:127.0.0.1`` is 127.0.0.1."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _owners(proc: Path, inodes: set[str]) -> dict[str, list[int]]:
    """The processes that hold each of these sockets."""
    owners: dict[str, list[int]] = {}
    for entry in os.scandir(str(proc)):
        if entry.name.isdigit():
            for inode in _held(proc / entry.name / "fd") & inodes:
                owners.setdefault(inode, []).append(int(entry.name))
    return owners


def _held(folder: Path) -> set[str]:
    held = set()
    try:
        for entry in os.scandir(str(folder)):
            found = _INODE.fullmatch(os.readlink(entry.path))
            if found:
                held.add(found[1])
    except OSError:
        pass  # it has ended in the meantime, or it is not ours to see
    return held


def _unit(proc: Path, pid: int) -> str:
    """The service a process belongs to, by its control group (v1 and v2 alike)."""
    try:
        text = files.read(proc / str(pid) / "cgroup") or ""
    except OSError:
        return ""
    for line in text.splitlines():
        _number, controllers, path = (*line.split(":", 2), "", "")[:3]
        if controllers in ("", "name=systemd"):
            services = [part for part in path.split("/") if part.endswith(".service")]
            if services:
                return services[-1][: -len(".service")]
    return ""


def _command(proc: Path, pid: int) -> str:
    try:
        return (files.read(proc / str(pid) / "comm") or "").strip()
    except OSError:
        return ""
