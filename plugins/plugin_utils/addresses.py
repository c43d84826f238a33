# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses as go-livepeer reads them, and the listeners that they make."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from typing import TypeVar

from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts import listeners as facts
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.releases import newest, versions
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import (
    Host,
    Node,
    OrchestratorSettings,
    Role,
    Service,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.secret_urls import secret_urls

L = TypeVar("L", bound=Iterable[object])
IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

ORCHESTRATOR_PORT = next(fact.port for fact in facts.listeners(newest(), Role.ORCHESTRATOR.value) if fact.purpose == "rpc")
"""Port of an orchestrator where nobody says another (``starter.go:OrchestratorRpcPort``)."""

LOCALHOST = "127.0.0.1"
LAST_PORT = 65535

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_USER = re.compile(r"^([a-z]+://)?.*@")
_PRIVATE = tuple(
    ipaddress.ip_network(net)
    for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10", "fc00::/7", "fe80::/10")
)


FOREIGN = "foreign"
"""Purpose of the listener of a service that is no node: it is never opened, moved or checked by us."""

METRICS, ETH, URLS = "metrics", "eth", "urls"
"""Purposes of the listeners that are not a node's own process's, but its companion's."""


class AddressError(ValueError):
    """An address that go-livepeer cannot use, or reads as another one than was meant.

    Attributes:
        hint: an address to write instead, or "".
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class Exposure(StrEnum):
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
        purpose: ``rpc``, ``http``, ``rtmp``, ``cli``, ``whip``, ``whep``, ``metrics``, ``eth``, ``urls``, ``runner``; or ``foreign``,
            and then the node is the name of a service of somebody else.
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


@dataclass(frozen=True)
class Fault:
    """A setting of a node that is no address.

    Attributes:
        node: whose setting.
        field: field of the settings, ``http_addr``.
        got: the text as written.
        message, hint: what is wrong with it, and an address to write instead or "".
    """

    node: Node
    field: str
    got: str
    message: str
    hint: str


@dataclass(frozen=True)
class Endpoint:
    """What somebody dials: an advertised service address, or an entry of ``-orchAddr``.

    ``host`` is canonical (see ``canonical_host``), ``scheme`` is ``https`` or ``http``.
    """

    scheme: str
    host: str
    port: int

    @property
    def address(self) -> str:
        """``host:port`` with brackets around an IPv6 literal."""
        return join_host_port(self.host, self.port)

    @property
    def url(self) -> str:
        """``https://host:port``."""
        return f"{self.scheme}://{self.address}"


_FIELDS = {"httpAddr": "http_addr", "rtmpAddr": "rtmp_addr", "cliAddr": "cli_addr"}
_IN_FRONT = {METRICS: "metrics_proxy_addr", ETH: "eth_proxy_addr", URLS: "url_proxy_addr"}
"""Purpose of a listener that is not go-livepeer's own, and the setting that moves it."""

ABOVE_CLI = {METRICS: 10000, ETH: 20000, URLS: 21000}
"""How far above a node's CLI port such a listener is where nobody says it; below 32768, where ports of outgoing connections begin."""

_FOR_THE_NODE_ALONE = {
    ETH: "whoever reaches the RPC proxy spends the quota of the provider's key: it is for the node beside it alone",
    URLS: "whoever reaches this proxy asks secret URLs as the node does: it is for the node beside it alone",
}
"""Purpose of a listener that may be on loopback only, and why."""


WEBRTC_PORTS = {"whip": 7280, "whep": 7281}
"""Purposes of UDP listeners, and a port to propose for each; go-livepeer has none of its own."""


def default_addr(text: str, default_host: str, default_port: str) -> str:
    """Complete an address exactly as go-livepeer does (``starter.go:defaultAddr``), traps included: ``::1`` becomes ``127.0.0.1::1``."""
    if not text:
        return f"{default_host}:{default_port}"
    if text.startswith(":"):
        return default_host + text
    return text if ":" in text else f"{text}:{default_port}"


def listen_address(text: str, default_host: str, default_port: int) -> tuple[str, int]:
    """Read the address of a listener as go-livepeer does.

    Args:
        text: as written; "" for the default.
        default_host: put in front of ``:port``; "" means all interfaces.
        default_port: appended where there is no colon.

    Returns:
        Canonical host ("" for every address, IPv4 and IPv6: Go binds ``0.0.0.0`` dual stack as well) and port.

    Raises:
        AddressError: go-livepeer or the kernel would refuse it, or choose a port that nobody knows.
    """
    example = join_host_port(default_host, default_port)
    if _ip(text) is not None and ":" in text:
        seen = default_addr(text, default_host, str(default_port))
        raise AddressError(f'"{text}" is an IPv6 address without brackets; go-livepeer reads "{seen}"', _bracketed(text, default_port))
    if text.isascii() and text.isdigit():
        port = int(text)
        hint = join_host_port(default_host, port) if 1 <= port <= LAST_PORT else example
        raise AddressError(f'"{text}" is read as the host "{text}", not as a port', hint)
    return _host_and_port(default_addr(text, default_host, str(default_port)), example)


def _bracketed(text: str, port: int) -> str:
    """An IPv6 address with brackets; where its end looks like a port rather than like a part of it, with that port."""
    host, _colon, end = text.rpartition(":")
    meant = end.isdecimal() and len(end) == 4 and _ip(host) is not None
    return f"[{host}]:{end}" if meant else f"[{text}]:{port}"


def service_uri(text: str) -> Endpoint:
    """Read the address that an orchestrator advertises (``starter.go:getServiceURI``).

    Raises:
        AddressError: no port, no host, or one that no gateway can route to. Loopback is left to the rules: a gateway on
            the same machine can use it.
    """
    if text == "none":
        raise AddressError('"none" means that the node takes no work', f"orch.example.com:{ORCHESTRATOR_PORT}")
    endpoint = _endpoint(text, f"orch.example.com:{ORCHESTRATOR_PORT}")
    if endpoint.host == "":
        raise AddressError(f'"{text}" is every address of the host, which nobody can dial', f"orch.example.com:{endpoint.port}")
    return endpoint


def orchestrator_url(text: str) -> Endpoint:
    """Read one entry of ``-orchAddr`` (``starter.go:parseOrchAddrs``); a bare host gets port 8935.

    Raises:
        AddressError: go-livepeer would drop the entry, or could not dial it.
    """
    if not text:
        raise AddressError("an empty entry is read as 127.0.0.1:8935", f"https://orch.example.com:{ORCHESTRATOR_PORT}")
    full = default_addr(text, LOCALHOST, str(ORCHESTRATOR_PORT))
    # parseOrchAddrs looks for "http" alone, so that a host "httpd1:8935" is taken for a URL of its own and dropped
    if full.startswith("http") and not full.startswith(("http://", "https://")):
        raise AddressError(f'"{text}" starts with "http" and is read as a URL', f"https://{full}")
    endpoint = _endpoint(full, f"orch.example.com:{ORCHESTRATOR_PORT}")
    if endpoint.host == "":
        raise AddressError(f'"{text}" is no address that can be dialled', f"https://orch.example.com:{endpoint.port}")
    return endpoint


def _endpoint(text: str, example: str) -> Endpoint:
    """``[scheme://]host:port[/]``; https without a scheme."""
    scheme, rest = ("http", text[7:]) if text.startswith("http://") else ("https", text.removeprefix("https://"))
    authority, _slash, path = rest.partition("/")
    if path or "?" in rest or "#" in rest or "@" in rest:
        bare = re.split("[?#]", authority)[0].rpartition("@")[2]
        raise AddressError(f'"{without_user(text)}" holds more than a host and a port', bare if _reads_as_endpoint(bare) else example)
    if _ip(authority) is not None and ":" in authority:
        start, _colon, last = authority.rpartition(":")
        with_port = len(last) > 3 and last.isdigit() and _ip(start) is not None
        hint = f"[{start}]:{last}" if with_port else f"[{authority}]:{ORCHESTRATOR_PORT}"
        raise AddressError(f'"{text}" is an IPv6 address without brackets', hint)
    if authority and ":" not in authority.rpartition("]")[2]:
        raise AddressError(f'"{text}" has no port', f"{text.removesuffix('/')}:{ORCHESTRATOR_PORT}")
    if authority.startswith(":"):
        raise AddressError(f'"{text}" has no host', f"orch.example.com{authority}")
    host, port = _host_and_port(authority, example)
    return Endpoint(scheme, host, port)


def _reads_as_endpoint(text: str) -> bool:
    try:
        return bool(_endpoint(text, "").host)
    except AddressError:
        return False


def without_user(text: str) -> str:
    """An address as it may be shown: without the name and password that somebody put into it."""
    return _USER.sub(r"\1...@", text)


def _host_and_port(full: str, example: str) -> tuple[str, int]:
    """Split and check a complete address (Go's net.SplitHostPort)."""
    host, colon, port = full.rpartition(":")
    if not colon:
        raise AddressError(f'"{full}" has no port', example)
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host or "[" in host or "]" in host:
        raise AddressError(f'"{full}" has too many colons for an address; IPv6 needs brackets', example)
    return canonical_host(host, example), _port(port, full, example)


def _port(text: str, full: str, example: str) -> int:
    if not text:
        raise AddressError(f'"{full}" has no port after the colon, so that the kernel picks one', example)
    if not (text.isascii() and text.isdigit()):
        raise AddressError(f'"{text}" in "{full}" is no port number', example)
    port = int(text)
    if not 1 <= port <= LAST_PORT:
        raise AddressError(f'port {text} in "{full}" is not between 1 and 65535', example)
    return port


def canonical_host(host: str, example: str = "") -> str:
    """One spelling for every host: "" for a wildcard, IPv4-mapped as IPv4, IP literals compressed, names in lower case.

    Raises:
        AddressError: neither an IP address nor a host name.
    """
    ip = _ip(host)
    if ip is not None:
        return "" if ip.is_unspecified else str(ip)
    if not host:
        return ""
    name = host.removesuffix(".").lower()
    if not _HOST_NAME.fullmatch(name) or name.rpartition(".")[2].isdigit():
        raise AddressError(f'"{host}" is neither an IP address nor a host name', example)
    return name


@cache
def _ip(host: str) -> IPAddress | None:
    """The IP address that Go binds for a literal; a zone counts only where it tells interfaces apart."""
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return None
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return ip.ipv4_mapped
        if ip.scope_id is not None and not ip.is_link_local:
            return ipaddress.IPv6Address(int(ip))
    return ip


def join_host_port(host: str, port: int) -> str:
    """``host:port`` with brackets around an IPv6 literal; ``0.0.0.0`` for every address (``:port`` alone means loopback on a gateway)."""
    if not host:
        return f"0.0.0.0:{port}"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_loopback(host: str) -> bool:
    """True if only the machine itself reaches this canonical host, as ``starter.go:isLocalURL`` judges."""
    ip = _ip(host)
    return host == "localhost" if ip is None else ip.is_loopback


def exposure(host: str) -> Exposure:
    """Who reaches a listener on this canonical host; a wildcard and a name that nobody resolved count as public."""
    if is_loopback(host):
        return Exposure.LOOPBACK
    ip = _ip(host)
    if ip is not None and any(ip in net for net in _PRIVATE if net.version == ip.version):
        return Exposure.PRIVATE
    return Exposure.PUBLIC


def reached_at(node: Node) -> str:
    """What Ansible reaches the node's machine at, if that is no tunnel or port of this one; else its inventory name."""
    return node.host if ":" in node.machine or is_loopback(node.machine) else node.machine


def hosts_overlap(one: str, other: str) -> bool:
    """True if two canonical hosts of one machine can be the same address.

    A wildcard is dual stack and takes every address (Go, whether ``0.0.0.0`` or ``[::]`` was written). ``localhost`` is bound as
    127.0.0.1. What a name stands for is not known here: it may be any address of the machine but a loopback one.
    """
    if not one or not other:
        return True
    one, other = (LOCALHOST if host == "localhost" else host for host in (one, other))
    if one == other:
        return True
    if _ip(one) is not None and _ip(other) is not None:
        return False
    return not (is_loopback(one) or is_loopback(other))


def overlaps(one: Listener, other: Listener) -> bool:
    """True if the second of two listeners to start finds its address taken."""
    same_port = (one.machine, one.protocol, one.port) == (other.machine, other.protocol, other.port)
    return same_port and hosts_overlap(one.address, other.address)


def listeners(node: Node) -> tuple[Listener, ...]:
    """Every socket of a node, defaults included; settings that are no address are left to LPF104."""
    return read_listeners(node)[0]


def defaults(node: Node) -> tuple[facts.ListenerFact, ...]:
    """Where go-livepeer opens the node's sockets if nobody says otherwise; of the newest version where its own is not known."""
    return _defaults(node.release.behaves_like, node.role.value)


@cache
def _defaults(version: str, role: str) -> tuple[facts.ListenerFact, ...]:
    return facts.listeners(version if version in versions() else newest(), role)


def read_listeners(node: Node) -> tuple[tuple[Listener, ...], tuple[Fault, ...]]:
    """Every socket of a node, and every address setting that cannot be read."""
    found: list[Listener] = []
    faults: list[Fault] = []
    for fact in defaults(node):
        if fact.flag in _FIELDS and not node.knows(_FIELDS[fact.flag]):
            continue
        if fact.purpose == "rpc" and isinstance(node.settings, OrchestratorSettings):
            rpc, rpc_faults = _read_rpc(node, node.settings)
            found += rpc
            faults += rpc_faults
            continue
        field = _FIELDS[fact.flag]
        text = str(getattr(node.settings, field))
        try:
            host, port = listen_address(text, fact.host, fact.port)
        except AddressError as error:
            faults.append(Fault(node, field, without_user(text), str(error), error.hint))
        else:
            found.append(_listener(node, fact.purpose, field, host, port))
    for purpose in WEBRTC_PORTS:
        found += _read_webrtc(node, purpose, f"{purpose}_addr", faults)
    for purpose, field in _IN_FRONT.items():
        _read_in_front(node, purpose, field, found, faults)
    return tuple(found), tuple(faults)


def _read_webrtc(node: Node, purpose: str, field: str, faults: list[Fault]) -> list[Listener]:
    """Where a gateway takes or gives WebRTC: on every address where none is said (``media/whip_server.go:getUDPListenerAddr``)."""
    text = str(getattr(node.settings, field, ""))
    if not text or not node.knows(field):
        return []
    try:
        host, port = _host_and_port(text, f":{WEBRTC_PORTS[purpose]}")
    except AddressError as error:
        faults.append(Fault(node, field, without_user(text), str(error), error.hint))
        return []
    return [replace(_listener(node, purpose, field, host, port), protocol="udp")]


def read_services(host: Host) -> tuple[tuple[Listener, ...], tuple[tuple[Service, AddressError], ...]]:
    """Every socket that somebody else is said to hold on a host, and every address of them that cannot be read."""
    found, faults = [], []
    for one in host.services:
        try:
            address, port = _host_and_port(one.addr, f":{one.addr}" if one.addr.isdigit() else "")
        except AddressError as error:
            faults.append((one, error))
            continue
        reached = Exposure(one.exposure) if one.exposure else exposure(address)
        found.append(Listener(host.machine, host.name, one.name, FOREIGN, one.protocol, address, port, reached, one.variable, False))
    return tuple(found), tuple(faults)


def _read_in_front(node: Node, purpose: str, field: str, found: list[Listener], faults: list[Fault]) -> None:
    """A listener of what stands in front of the node; "" is none."""
    text = str(getattr(node.settings, field, ""))
    if not text or not _wanted(node, purpose) or not node.knows(field):
        return
    usual = next((one.port for one in found if one.purpose == "cli"), LAST_PORT) + ABOVE_CLI[purpose]
    try:
        host, port = _host_and_port(text, f"{LOCALHOST}:{usual}" if usual <= LAST_PORT else "")
    except AddressError as error:
        faults.append(Fault(node, field, without_user(text), str(error), error.hint))
        return
    if purpose in _FOR_THE_NODE_ALONE and not is_loopback(host):
        faults.append(Fault(node, field, text, _FOR_THE_NODE_ALONE[purpose], f"{LOCALHOST}:{port}"))
        return
    if node.sources[field].default and usual <= LAST_PORT:
        # Nodes of one role on one machine differ in their CLI ports: nobody has to think of these as well.
        port = usual
    found.append(_listener(node, purpose, field, host, port))


def _wanted(node: Node, purpose: str) -> bool:
    if purpose == ETH:
        return node.proxy.eth
    return purpose != URLS or bool(secret_urls(node))


def _read_rpc(node: Node, settings: OrchestratorSettings) -> tuple[list[Listener], list[Fault]]:
    """The job listener: ``http_addr`` if given, else every interface on the service address's port."""
    faults: list[Fault] = []
    port = ORCHESTRATOR_PORT
    try:
        port = service_uri(settings.service_addr).port
    except AddressError as error:
        faults.append(Fault(node, "service_addr", without_user(settings.service_addr), str(error), error.hint))
        if not settings.http_addr:
            return [], faults
    if not settings.http_addr:
        return [_listener(node, "rpc", "service_addr", "", port)], faults
    try:
        host, port = rpc_address(settings.http_addr, port)
    except AddressError as error:
        return [], [*faults, Fault(node, "http_addr", without_user(settings.http_addr), str(error), error.hint)]
    return [_listener(node, "rpc", "http_addr", host, port)], faults


def rpc_address(text: str, service_port: int) -> tuple[str, int]:
    """Read an orchestrator's ``-httpAddr``, which may carry a scheme from 0.9.0 on (``rpc.go:parseHTTPAddr``)."""
    bare = text.removeprefix("http://").removeprefix("https://")
    if bare != text and ":" not in bare:
        raise AddressError(f'"{text}" has no port', f"{text}:{service_port}")
    return listen_address(bare, "", service_port)


def _listener(node: Node, purpose: str, field: str, host: str, port: int) -> Listener:
    source = node.sources[field]
    return Listener(
        machine=node.machine,
        host=node.host,
        node=node.name,
        purpose=purpose,
        protocol="tcp",
        address=host,
        port=port,
        exposure=exposure(host),
        variable=source.variable,
        default=source.default,
    )


@dataclass(frozen=True)
class Conflict:
    """A listener that cannot be opened beside others of its machine.

    Attributes:
        listener: the one to move.
        others: those that have the port on an overlapping address.
    """

    listener: Listener
    others: tuple[Listener, ...]


def conflicts(opened: Iterable[Listener]) -> tuple[Conflict, ...]:
    """Every listener that wants a port which another one has, machine by machine and port by port.

    What stays where it is: what is none of ours; then a default before something written,
    a role's own port before another's, then the first in order.
    """
    ports: dict[tuple[str, str, int], list[Listener]] = {}
    for listener in opened:
        ports.setdefault((listener.machine, listener.protocol, listener.port), []).append(listener)
    found: list[Conflict] = []
    for rivals in ports.values():
        rivals.sort(key=lambda listener: (listener.purpose != FOREIGN, not listener.default, home_port(listener) != listener.port))
        for place, listener in enumerate(rivals):
            others = tuple(other for other in rivals[:place] if overlaps(other, listener))
            if others:
                found.append(Conflict(listener, others))
    return tuple(found)


def home_port(listener: Listener) -> int | None:
    """The port that go-livepeer itself would choose for this purpose of this role."""
    role = next((role for role in Role if listener.variable.startswith(f"livepeer_{role.value}_")), None)
    return _home_port(role.value, listener.purpose) if role else None


@cache
def _home_port(role: str, purpose: str) -> int | None:
    return next((fact.port for fact in facts.listeners(newest(), role) if fact.purpose == purpose), None)


def enforce_ports(opened: L) -> L:
    """The listeners, if no two of one machine want the same port; what templates and the filter of this name call.

    Args:
        opened: ``Listener`` objects, or mappings as ``read_listener`` takes them.

    Raises:
        AddressError: two overlap; the text names all of them.
    """
    found = conflicts(read_listener(item, place) for place, item in enumerate(opened))
    if found:
        raise AddressError("; ".join(conflict_text(one) for one in found))
    return opened


def conflict_text(conflict: Conflict) -> str:
    """A conflict for people, in one line."""
    return f"{describe(conflict.listener)} wants the port of {describe_all(conflict.others)}"


LISTENER_KEYS = ("machine", "host", "node", "purpose", "protocol", "address", "port", "exposure", "variable", "default")


def read_listener(item: object, place: int = 0) -> Listener:
    """A listener from a mapping that somebody wrote, or that a plan holds.

    Args:
        item: a ``Listener``, or a mapping with ``port`` and, where it matters, ``address`` ("" for every address),
            ``machine`` (listeners without one are on the same machine), ``protocol`` (tcp) and the other fields of Listener.
        place: index of the item, for messages.

    Raises:
        AddressError: not such a mapping.
    """
    if isinstance(item, Listener):
        return item
    where = f"listener [{place}]"
    if not isinstance(item, Mapping):
        raise AddressError(f"{where} is of type {type(item).__name__}; write a mapping with address and port")
    unknown = [str(key) for key in item if key not in LISTENER_KEYS]
    if unknown:
        raise AddressError(f"{where} has the unknown key {unknown[0]}; known are {', '.join(LISTENER_KEYS)}")
    port = item.get("port")
    if isinstance(port, bool) or not isinstance(port, int | str):
        raise AddressError(f"{where} has no port between 1 and 65535")
    try:
        address = canonical_host(_text(item, "address").removeprefix("[").removesuffix("]"))
        number = _port(str(port), str(port), "")
    except AddressError as error:
        raise AddressError(f"{where}: {error}") from error
    return Listener(
        machine=_text(item, "machine"),
        host=_text(item, "host"),
        node=_text(item, "node"),
        purpose=_text(item, "purpose"),
        protocol=_text(item, "protocol") or "tcp",
        address=address,
        port=number,
        exposure=exposure(address),
        variable=_text(item, "variable"),
        default=item.get("default") is True,
    )


def _text(item: Mapping[object, object], key: str) -> str:
    value = item.get(key, "")
    if not isinstance(value, str):
        raise AddressError(f"{key} is of type {type(value).__name__}, not text")
    return value


def describe(listener: Listener) -> str:
    """A listener for people: ``gateway http (127.0.0.1:9935)``."""
    purpose = "" if listener.purpose == FOREIGN else listener.purpose
    owner = " ".join(part for part in (listener.node, purpose) if part) or "a listener"
    return f"{owner} ({join_host_port(listener.address, listener.port)})"


def describe_all(some: Sequence[Listener], most: int = 3) -> str:
    """The first few of some listeners for people, and how many more there are."""
    shown = " and ".join(describe(listener) for listener in some[:most])
    return shown if len(some) <= most else f"{shown} and {len(some) - most} more"
