# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan: everything that is known of a fleet before the first host is touched, computed once, and as files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ansible_collections.livepeer.fleet.plugins.plugin_utils import rules
from ansible_collections.livepeer.fleet.plugins.plugin_utils.addresses import AddressError, Listener
from ansible_collections.livepeer.fleet.plugins.plugin_utils.edges import Edge
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.firewall import Firewall, firewalls
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Fleet, Node, Release
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.inventory import Inventory
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.parser import parse_fleet
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan_json import (
    document,
    edges_from_list,
    edges_to_list,
    finding_from_dict,
    finding_to_dict,
    listener_from_dict,
    listener_to_dict,
    node_from_dict,
    node_to_dict,
    release_to_dict,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices import PriceError
from ansible_collections.livepeer.fleet.plugins.plugin_utils.private_files import write_private
from ansible_collections.livepeer.fleet.plugins.plugin_utils.render import (
    Neighbours,
    NodePlan,
    bare_node,
    render_node,
    sha256_of,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.survey import Survey
from ansible_collections.livepeer.fleet.plugins.plugin_utils.templating import RenderError, Templates
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets.figures import Figures
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets.figures import from_dict as figures_from_dict
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets.figures import to_dict as figures_to_dict

SCHEMA = 1
"""Version of the files; a reader refuses another one."""

EXPLAINS = {"LPF201": ("LPF205",)}
"""Findings after which one of a guard is no news: no cap follows from a price that nobody can read."""

PLAN_FILE = "plan.json"
HOSTS_FOLDER = "hosts"


class PlanError(Exception):
    """A plan that cannot be read or written. The text is for an operator."""


@dataclass(frozen=True)
class HostPlan:
    """What is to be on one inventory host.

    Attributes:
        name: inventory name.
        machine: key of the machine behind it.
        nodes: in the order they are started.
        firewall: the packet filter of the machine.
    """

    name: str
    machine: str
    nodes: tuple[NodePlan, ...]
    firewall: Firewall

    @property
    def releases(self) -> tuple[Release, ...]:
        """The releases that its nodes run, each once."""
        return tuple({node.release.name: node.release for node in self.nodes}.values())


@dataclass(frozen=True)
class Plan:
    """Hosts by name, what the rules have to say of them, and what gas makes of their prices."""

    findings: tuple[Finding, ...]
    listeners: tuple[Listener, ...]
    edges: tuple[Edge, ...]
    hosts: Mapping[str, HostPlan]
    pricing: tuple[Figures, ...] = ()

    @property
    def refused(self) -> bool:
        """True if an error stands against it: nothing of it may be applied."""
        return any(finding.level is Level.ERROR for finding in self.findings)

    def with_findings(self, more: Iterable[Finding]) -> Plan:
        """The same with more to say, equal findings of several hosts as one."""
        return replace(self, findings=rules.in_order(dict.fromkeys([*self.findings, *rules.merged(more)])))

    @cached_property
    def digest(self) -> str:
        """sha256 over all of it: the same inventory gives the same digest, on every controller."""
        return sha256_of(self._body)

    def to_dict(self) -> dict[str, object]:
        """The content of plan.json."""
        return {"schema": SCHEMA, "digest": self.digest, **self._body}

    def host_to_dict(self, name: str) -> dict[str, object]:
        """The content of hosts/<name>.json: all that the host itself needs."""
        host = self.hosts[name]
        return {
            "schema": SCHEMA,
            "plan": self.digest,
            "host": host.name,
            "machine": host.machine,
            "nodes": [node_to_dict(node) for node in host.nodes],
            "firewall": asdict(host.firewall),
            "releases": [release_to_dict(release) for release in host.releases],
        }

    @cached_property
    def _body(self) -> dict[str, object]:
        return {
            "findings": [finding_to_dict(finding) for finding in self.findings],
            "listeners": [listener_to_dict(listener) for listener in self.listeners],
            "edges": edges_to_list(self.edges),
            "pricing": [figures_to_dict(figures) for figures in self.pricing],
            "hosts": {name: _host_to_dict(self.hosts[name]) for name in sorted(self.hosts)},
        }


def _host_to_dict(host: HostPlan) -> dict[str, object]:
    roles = sorted({node.role.value for node in host.nodes})
    # Two of one name are refused (LPF106), and a plan shows both.
    named = {node.name: node for node in reversed(host.nodes)}
    nodes = {node.name if named[node.name] is node else f"{node.name}/{node.role.value}": node_to_dict(node) for node in host.nodes}
    return {"machine": host.machine, "roles": roles, "nodes": nodes, "firewall": asdict(host.firewall)}


def plan_from_dict(data: Mapping[str, Any]) -> Plan:
    """The plan of a ``to_dict``, verified.

    Raises:
        PlanError: another schema, or changed since it was made.
    """
    if data.get("schema") != SCHEMA:
        raise PlanError(f"schema {data.get('schema')!r} is not the one this release reads ({SCHEMA}): make the plan again")
    try:
        plan = Plan(
            findings=tuple(map(finding_from_dict, data["findings"])),
            listeners=tuple(map(listener_from_dict, data["listeners"])),
            edges=edges_from_list(data["edges"]),
            pricing=tuple(map(figures_from_dict, data["pricing"])),
            hosts={name: _host_from_dict(name, host) for name, host in data["hosts"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PlanError(f"not a plan ({type(error).__name__}: {error}): make the plan again") from error
    if plan.to_dict() != data:
        raise PlanError("changed since it was made (its digest does not fit): make the plan again, do not edit it")
    return plan


def _host_from_dict(name: str, data: Mapping[str, Any]) -> HostPlan:
    return HostPlan(name, data["machine"], tuple(map(node_from_dict, data["nodes"].values())), Firewall(**data["firewall"]))


def make_plan(inventory: Inventory, *, archive_checksum: Callable[[str], str], templates: Path) -> Plan:
    """Plan the whole inventory. Never raises on bad input: what is wrong with it are findings of the plan.

    Args:
        inventory: groups and raw values of every host.
        archive_checksum: sha256 of an archive on the controller (see ``parse_fleet``).
        templates: folder of the templates.
    """
    fleet, findings = parse_fleet(inventory, archive_checksum=archive_checksum)
    return plan_fleet(fleet, findings, templates)


def plan_fleet(fleet: Fleet, findings: Sequence[Finding], templates: Path) -> Plan:
    """Plan a fleet that was read; ``findings`` are what the reading had to say."""
    survey = Survey(fleet)
    planner = _Planner(
        neighbours=Neighbours(fleet, survey.routes, survey.listeners),
        templates=Templates(templates),
        findings=[*findings, *rules.check(survey)],
    )
    tables = firewalls(fleet, survey.listeners, planner.templates)
    hosts = {
        name: HostPlan(name, host.machine, tuple(map(planner.node, host.nodes)), tables[host.machine])
        for name, host in sorted(fleet.hosts.items())
    }
    pricing = tuple(found.figures for found in survey.purchases)
    listeners = (*survey.listeners, *(listener for ports in survey.runners for listener in ports.listeners))
    return Plan(rules.in_order(dict.fromkeys(planner.findings)), listeners, survey.edges, hosts, pricing)


class _Planner:
    """Renders the nodes that have no error of their own, and adds to the findings what only rendering can tell."""

    def __init__(self, neighbours: Neighbours, templates: Templates, findings: list[Finding]) -> None:
        self.neighbours = neighbours
        self.templates = templates
        self.findings = findings
        errors = [finding for finding in findings if finding.level is Level.ERROR]
        self.faulty = {(host, "" if place else error.node) for error in errors for place, host in enumerate(error.hosts)}
        self.reported = {error.code for error in errors}

    def node(self, node: Node) -> NodePlan:
        """The node with its files, or without them where it cannot have them."""
        around = self.neighbours.of(node)
        if self.faulty & {(node.host, node.name), (node.host, "")}:
            return bare_node(node, around)
        try:
            return render_node(node, around, self.templates)
        except PriceError as error:
            self._second_net("LPF201", node, error)
        except AddressError as error:
            self._second_net("LPF101", node, error)
        except RenderError as error:
            self.findings.append(_not_carried(node, error))
        return bare_node(node, around)

    def _second_net(self, code: str, node: Node, error: PriceError | AddressError) -> None:
        """What a guard in the templates refused: news only if the rules have not said it of a neighbour already."""
        if not self.reported & {code, *EXPLAINS.get(code, ())}:
            self.findings.append(Finding(code, Level.ERROR, str(error), hosts=(node.host,), node=node.name))


def _not_carried(node: Node, error: RenderError) -> Finding:
    return Finding(
        code="LPF504",
        level=Level.ERROR,
        message=error.reason,
        hosts=(node.host,),
        node=node.name,
        variable=_variable_of(node, error.value),
        got=repr(error.value),
    )


def _variable_of(node: Node, value: str) -> str:
    """The variable that a text in a file comes from, "" if it cannot be told."""
    for field, source in node.sources.items():
        path = _path_to(value, getattr(node.settings, field, None), source.variable) if value else ""
        if path:
            return path
    return ""


def _path_to(text: str, held: object, path: str) -> str:
    """Path of a text inside a setting, "" if it is not there."""
    if isinstance(held, Mapping):
        return next(filter(None, (_path_to(text, item, f"{path}.{key}") for key, item in held.items())), "")
    if isinstance(held, tuple | list):
        return next(filter(None, (_path_to(text, item, f"{path}[{place}]") for place, item in enumerate(held))), "")
    return path if held == text else ""


def host_file(name: str) -> str:
    """File name of a host's part of the plan: whatever the inventory calls it, it stays in its folder."""
    return quote(name, safe="") + ".json"


def table_file(name: str) -> str:
    """File name of a host's nftables table, beside its part of the plan."""
    return quote(name, safe="") + ".nft"


def write_plan(plan: Plan, folder: Path) -> None:
    """Write plan.json and, unless the plan is refused, two files a host: its part and its nftables table.

    Readable by its owner only; each file atomically. Files of an earlier plan go first and a host's part comes last: whatever
    interrupts this, none fits another plan.

    Raises:
        PlanError: the folder cannot be written, or belongs to something else.
    """
    hosts = folder / HOSTS_FOLDER
    try:
        _make_private(folder)
        _make_private(hosts)
        _remove_parts(hosts, known=(folder / PLAN_FILE).exists())
        write_private(folder / PLAN_FILE, document(plan.to_dict()))
        if not plan.refused:
            for name in plan.hosts:
                write_private(hosts / table_file(name), plan.hosts[name].firewall.table)
                write_private(hosts / host_file(name), document(plan.host_to_dict(name)))
    except OSError as error:
        message = f"the plan cannot be written to {folder}: {error.strerror}: set livepeer_plan_dir to a folder that can be written"
        raise PlanError(message) from error


def _make_private(folder: Path) -> None:
    """A folder for its owner alone; one that was there before keeps its mode, which may be shared on purpose."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)


def _remove_parts(hosts: Path, *, known: bool) -> None:
    """Remove the hosts' files of an earlier plan; anything else that has such names is somebody's own."""
    parts = [*hosts.glob("*.json"), *hosts.glob("*.nft")]
    if parts and not known:
        raise PlanError(f"{hosts} holds files, and no plan lies beside it: set livepeer_plan_dir to a folder for plans alone")
    for part in parts:
        part.unlink()


def read_plan(folder: Path) -> Plan:
    """Read plan.json of a folder.

    Raises:
        PlanError: not there, not a plan, or changed since it was made.
    """
    path = folder / PLAN_FILE
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PlanError(f"there is no plan to read at {path}: {error.strerror}") from error
    except ValueError as error:
        raise PlanError(f"{path} is not JSON: {error}") from error
    try:
        return plan_from_dict(data if isinstance(data, dict) else {})
    except PlanError as error:
        raise PlanError(f"{path}: {error}") from error
