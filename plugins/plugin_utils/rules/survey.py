# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rules look at: the fleet with everything that is derived from it once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from ansible_collections.livepeer.fleet.plugins.plugin_utils.addresses import AddressError, Fault, Listener, read_listeners, read_services
from ansible_collections.livepeer.fleet.plugins.plugin_utils.ai import RunnerPorts, runner_ports
from ansible_collections.livepeer.fleet.plugins.plugin_utils.edges import Edge, edges
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import WORKERS, Fleet, Host, Node, Role, Service
from ansible_collections.livepeer.fleet.plugins.plugin_utils.peers import peer_of
from ansible_collections.livepeer.fleet.plugins.plugin_utils.price_plan import Purchase, purchases
from ansible_collections.livepeer.fleet.plugins.plugin_utils.routes import Route, Signer, routes, signers
from ansible_collections.livepeer.fleet.plugins.plugin_utils.routing import Directory
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets.cases import Cases


@dataclass(frozen=True)
class Survey:
    """A fleet, and what its rules and its plan would otherwise each work out again.

    Attributes:
        fleet: all of it, whatever ``--limit`` says.
    """

    fleet: Fleet

    @cached_property
    def directory(self) -> Directory:
        """Its orchestrators, by what one looks for."""
        return Directory.of(self.fleet)

    @cached_property
    def routes(self) -> tuple[Route, ...]:
        """Every gateway with its candidates, cap and band."""
        return routes(self.fleet, self.directory)

    @cached_property
    def signers(self) -> tuple[Signer, ...]:
        """Every remote signer with its caps."""
        return signers(self.fleet, self.routes)

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        """Every edge of the routes."""
        return edges(self.routes, self.cases)

    @cached_property
    def purchases(self) -> tuple[Purchase, ...]:
        """What each gateway that pays may be asked for, and what it pays with."""
        return tuple(purchases(self.edges, self.by_name, self.cases))

    @cached_property
    def cases(self) -> Cases:
        """What becomes of each price at each payer, as far as somebody asked for it."""
        return Cases()

    @cached_property
    def listeners(self) -> tuple[Listener, ...]:
        """Every socket of the fleet."""
        foreign = (listener for found, _faults in self._services for listener in found)
        # Aliases of a machine may each say what listens there.
        once = {(one.machine, one.node, one.protocol, one.address, one.port): one for one in foreign}
        return (*(listener for found, _faults in self._read for listener in found), *once.values())

    @cached_property
    def runners(self) -> tuple[RunnerPorts, ...]:
        """Every port that an AI runner of the fleet can take."""
        return tuple(ports for node in self.fleet.nodes for ports in runner_ports(node))

    @cached_property
    def faults(self) -> tuple[Fault, ...]:
        """Every setting that is no address."""
        return tuple(fault for _found, faults in self._read for fault in faults)

    @cached_property
    def service_faults(self) -> tuple[tuple[Host, Service, AddressError], ...]:
        """Every address of a foreign service that is none."""
        pairs = zip(self._hosts, self._services, strict=True)
        return tuple((host, service, error) for host, (_found, faults) in pairs for service, error in faults)

    @cached_property
    def _hosts(self) -> tuple[Host, ...]:
        return tuple(self.fleet.hosts[name] for name in sorted(self.fleet.hosts))

    @cached_property
    def _services(self) -> tuple[tuple[tuple[Listener, ...], tuple[tuple[Service, AddressError], ...]], ...]:
        return tuple(map(read_services, self._hosts))

    @cached_property
    def _read(self) -> tuple[tuple[tuple[Listener, ...], tuple[Fault, ...]], ...]:
        return tuple(read_listeners(node) for node in self.fleet.nodes)

    @cached_property
    def machines(self) -> dict[str, list[Host]]:
        """The inventory hosts of each machine."""
        found: dict[str, list[Host]] = {}
        for host in self.fleet.hosts.values():
            found.setdefault(host.machine, []).append(host)
        return found

    @cached_property
    def helped(self) -> frozenset[tuple[str, Role]]:
        """Hosts of orchestrators, each with a kind of worker of the fleet that names it."""
        pairs = ((peer_of(self.fleet, node), node.role) for node in self.fleet.nodes if node.role in WORKERS)
        return frozenset((orchestrator.host, role) for orchestrator, role in pairs if orchestrator)

    @cached_property
    def by_name(self) -> dict[tuple[str, str], Node]:
        """Nodes by inventory host and node name."""
        return {(node.host, node.name): node for node in self.fleet.nodes}


@dataclass(frozen=True)
class Rule:
    """A rule of one code.

    Attributes:
        code: of its findings.
        level: as DESIGN's table words it.
        says: what is wrong, for the table of the docs.
        advice: what an operator does about it, for the same table.
        find: the rule itself.
    """

    code: str
    level: str
    says: str
    advice: str
    find: Callable[[Survey], Iterable[Finding]]


def finding(  # noqa: PLR0913 - a finding has that many fields
    code: str,
    node: Node,
    message: str,
    *,
    field: str = "",
    variable: str = "",
    got: str = "",
    limit: str = "",
    hint: str = "",
    others: Iterable[str] = (),
    level: Level = Level.ERROR,
) -> Finding:
    """A finding about one node; ``field`` names a field of its settings (or name, network), ``others`` more hosts."""
    hosts = dict.fromkeys((node.host, *others))
    variable = variable or (node.sources[field].variable if field else "")
    return Finding(code, level, message, tuple(hosts), node.name, variable, got, limit, hint)


def of_each(nodes: Iterable[Node], one: Finding) -> Iterator[Finding]:
    """A finding of the first of some nodes that are alike, for all of them (``rules.merged`` folds them into one again)."""
    for node in nodes:
        yield replace(one, hosts=tuple(dict.fromkeys((node.host, *one.hosts[1:]))), node=node.name)


def setting(variable: str, value: str) -> str:
    """A line for the inventory."""
    return f'{variable}: "{value}"'


def some(names: Sequence[str], most: int = 3) -> str:
    """The first few of some names for a message, and how many more there are."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
