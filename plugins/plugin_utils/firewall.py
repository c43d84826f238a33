# SPDX-License-Identifier: GPL-3.0-or-later
"""The nftables table of a machine, worked out from its listeners: what may reach them, and what may not. Nothing else is named in it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ansible_collections.livepeer.fleet.plugins.plugin_utils.addresses import FOREIGN, METRICS, Exposure, Listener
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Fleet, Host
from ansible_collections.livepeer.fleet.plugins.plugin_utils.templating import Templates

_FAMILIES = {4: "ip", 6: "ip6"}


@dataclass(frozen=True)
class Allowed:
    """Who may reach what is not for everybody, as networks in CIDR notation.

    Attributes:
        sources: for listeners with a private address.
        metrics: for metrics, whatever their address.
    """

    sources: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()


def allowed_on(hosts: Iterable[Host]) -> Allowed:
    """Who is let in to a machine: everybody that one of its inventory hosts names."""
    hosts = tuple(hosts)
    return Allowed(
        sources=tuple(dict.fromkeys(source for host in hosts for source in host.firewall_sources)),
        metrics=tuple(dict.fromkeys(source for host in hosts for source in host.metrics_allow)),
    )


@dataclass(frozen=True)
class Firewall:
    """The table of a machine, as its hosts get it.

    Attributes:
        apply: whether it is put into force.
        table: what ``nft -f`` takes.
        unit: the systemd unit that loads it at boot.
    """

    apply: bool
    table: str
    unit: str


@dataclass(frozen=True)
class Rule:
    """A line of the table.

    Attributes:
        match: what it is about, in the words of nft.
        verdict: ``accept`` or ``drop``.
        about: whose listener it is, for people.
    """

    match: str
    verdict: str
    about: str


def rules(listeners: Iterable[Listener], allowed: Allowed) -> tuple[Rule, ...]:
    """The rules for the listeners of one machine: first everything that is let in, then their ports are closed.

    A public listener is open to everybody, a private one to ``sources``, metrics to ``metrics``, one on loopback to nobody: the
    machine itself is let through before all of these. A listener that is bound to one address is matched by it as well, so that
    somebody else's on another address of the machine is left alone.
    """
    listeners = tuple(listeners)
    foreign = {(one.protocol, one.port) for one in listeners if one.purpose == FOREIGN}
    ours = (listener for listener in listeners if listener.purpose != FOREIGN)
    ordered = sorted(ours, key=lambda one: (one.port, one.protocol, one.address, one.node, one.purpose))
    opened = [rule for listener in ordered for rule in _open(listener, allowed)]
    # By its port alone a loopback listener would close that of a foreign service on another address.
    shared = [one for one in ordered if one.exposure is Exposure.LOOPBACK and (one.protocol, one.port) in foreign]
    closed = [Rule(_target(one), "drop", _about(one)) for one in ordered if not _for_everybody(one) and one not in shared]
    return tuple({(rule.match, rule.verdict): rule for rule in (*opened, *closed)}.values())


def ruleset(listeners: Iterable[Listener], allowed: Allowed, templates: Templates) -> str:
    """The file that ``nft -f`` takes: the table anew, in one transaction."""
    return templates.firewall(rules=rules(listeners, allowed))


def firewalls(fleet: Fleet, listeners: Sequence[Listener], templates: Templates) -> dict[str, Firewall]:
    """The table of each machine. Inventory hosts that are one machine have one table, whichever of them it is put into force by."""
    of_machine: dict[str, list[Listener]] = {}
    for listener in listeners:
        of_machine.setdefault(listener.machine, []).append(listener)
    machines: dict[str, list[Host]] = {}
    for host in fleet.hosts.values():
        machines.setdefault(host.machine, []).append(host)
    unit = templates.firewall_unit()
    return {
        machine: Firewall(
            apply=any(host.firewall for host in hosts),
            table=ruleset(of_machine.get(machine, ()), allowed_on(hosts), templates),
            unit=unit,
        )
        for machine, hosts in machines.items()
    }


def unreachable(listeners: Iterable[Listener], allowed: Allowed) -> tuple[Listener, ...]:
    """Listeners that are bound to be reached from elsewhere, and that the table would close to everybody."""
    ours = (one for one in listeners if one.purpose != FOREIGN)
    return tuple(one for one in ours if one.exposure is not Exposure.LOOPBACK and not _open(one, allowed))


def _open(listener: Listener, allowed: Allowed) -> list[Rule]:
    """What is let in to a listener."""
    if listener.exposure is Exposure.LOOPBACK:
        return []
    if _for_everybody(listener):
        return [Rule(_target(listener), "accept", _about(listener))]
    sources = allowed.metrics if listener.purpose == METRICS else allowed.sources
    version = _version(listener.address)
    return [
        Rule(f"{_FAMILIES[family]} saddr {{ {', '.join(networks)} }} {_target(listener)}", "accept", _about(listener))
        for family, networks in _by_family(sources)
        if version in (0, family)
    ]


def _for_everybody(listener: Listener) -> bool:
    return listener.exposure is Exposure.PUBLIC and listener.purpose != METRICS


def _target(listener: Listener) -> str:
    """The packets to a listener. Loopback is no address that a packet from outside can have, so the port alone says more there."""
    version = 0 if listener.exposure is Exposure.LOOPBACK else _version(listener.address)
    bound = f"{_FAMILIES[version]} daddr {_without_zone(listener.address)} " if version else ""
    return f"{bound}{listener.protocol} dport {listener.port}"


def _about(listener: Listener) -> str:
    return f"{listener.node} {listener.purpose}"


def _version(address: str) -> int:
    """4 or 6; 0 for every address and for a name, which may be any."""
    try:
        return ipaddress.ip_address(_without_zone(address)).version
    except ValueError:
        return 0


def _without_zone(address: str) -> str:
    """nft knows the interface of a link-local address by another word; the address alone is on one interface as a rule."""
    return address.partition("%")[0]


def _by_family(sources: Sequence[str]) -> list[tuple[int, list[str]]]:
    """Networks of each family, overlapping ones as one (nft refuses them in one set); loopback is let through anyway."""
    networks = [network for network in (ipaddress.ip_network(text, strict=False) for text in sources) if not network.is_loopback]
    four = ipaddress.collapse_addresses(one for one in networks if isinstance(one, ipaddress.IPv4Network))
    six = ipaddress.collapse_addresses(one for one in networks if isinstance(one, ipaddress.IPv6Network))
    return [(version, texts) for version, texts in ((4, [*map(str, four)]), (6, [*map(str, six)])) if texts]
