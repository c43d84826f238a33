# SPDX-License-Identifier: GPL-3.0-or-later
"""Sockets as Go binds them (net.Listen): dual stack for every wildcard, names resolved, ports checked."""

from __future__ import annotations

import ipaddress
import re
import socket

from .goflags import go_error_text
from .gourl import URLError, split_host_port

SERVICE_PORTS = {"http": 80, "https": 443, "domain": 53, "ftp": 21, "ssh": 22, "smtp": 25, "telnet": 23}
BACKLOG = 128
_NUMBERS = re.compile(r"[0-9.]+|0x[0-9a-fA-F]+")
"""What the C library reads as an address and Go does not."""


class ListenError(Exception):
    """net.Listen's error."""


def listen(address: str, default_service: str = "http") -> socket.socket:
    """A listening TCP socket; an empty address is `:http` (net/http Server.ListenAndServe)."""
    bound = bind(address or f":{default_service}")
    start_listening(bound, address)
    return bound


def bind(address: str, kind: socket.SocketKind = socket.SOCK_STREAM) -> socket.socket:
    """A bound socket that does not listen yet."""
    network = "tcp" if kind == socket.SOCK_STREAM else "udp"
    try:
        host, service = split_host_port(address)
    except URLError as error:
        raise ListenError(f"listen {network}: {error}") from error
    port = _port(service, network)
    if _is_wildcard(host):
        return _bind(socket.AF_INET6, kind, ("::", port), address, dual_stack=True)
    family, literal = _resolve(host, network)
    return _bind(family, kind, (literal, port), address, dual_stack=False)


def start_listening(bound: socket.socket, address: str) -> None:
    """listen(2); with address reuse this is where a second owner in one process shows."""
    try:
        bound.listen(BACKLOG)
    except OSError as error:
        bound.close()
        raise ListenError(f"listen tcp {address}: bind: {go_error_text(error)}") from error


def _bind(family: int, kind: socket.SocketKind, where: tuple[str, int], address: str, dual_stack: bool) -> socket.socket:
    network = "tcp" if kind == socket.SOCK_STREAM else "udp"
    try:
        bound = socket.socket(family, kind)
    except OSError as error:
        raise ListenError(f"listen {network} {address}: socket: {go_error_text(error)}") from error
    try:
        if kind == socket.SOCK_STREAM:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if dual_stack else 1)
        bound.bind(where)
    except OSError as error:
        bound.close()
        raise ListenError(f"listen {network} {address}: bind: {go_error_text(error)}") from error
    return bound


def _is_wildcard(host: str) -> bool:
    if not host:
        return True
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def _port(service: str, network: str) -> int:
    """net.parsePort and LookupPort: digits, a service name, or nothing (a port of the kernel's choice)."""
    if not service:
        return 0
    digits = service[1:] if service[0] in "+-" else service
    if digits.isascii() and digits.isdigit():
        number = int(service)
        if not 0 <= number <= 65535:
            raise ListenError(f"listen {network}: address {service}: invalid port")
        return number
    try:
        return SERVICE_PORTS.get(service.lower()) or socket.getservbyname(service.lower(), network)
    except OSError:
        raise ListenError(f"listen {network}: lookup {network}/{service}: unknown port") from None


def _resolve(host: str, network: str) -> tuple[int, str]:
    """A literal, or the first IPv4 address of a name, else its first IPv6 address; 127.1 is a name to Go."""
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        return _look_up(host, network)
    if isinstance(literal, ipaddress.IPv6Address):
        mapped = literal.ipv4_mapped
        return (socket.AF_INET, str(mapped)) if mapped else (socket.AF_INET6, host)
    return socket.AF_INET, host


def _look_up(host: str, network: str) -> tuple[int, str]:
    try:
        if _NUMBERS.fullmatch(host):
            raise OSError
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise ListenError(f"listen {network}: lookup {host}: no such host") from None
    found.sort(key=lambda entry: entry[0] != socket.AF_INET)
    return found[0][0], str(found[0][4][0])
