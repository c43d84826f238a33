# SPDX-License-Identifier: GPL-3.0-or-later
"""The strict parser: raw inventory values in, a Fleet and every finding about them out. It never raises on bad input."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction

from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.collector import Collector, merged
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.control import check_once
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.definitions import FLEET, Definition, definitions, of_role
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.deployment import read_release
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import START_ORDER, Fleet, Host, Role, Service, Source
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.groups import Membership, group_names, memberships
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.inventory import Inventory, Unreadable
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.links import linked
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.machines import machine_key
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.names import check_names
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.nodes import HostValues, NodeReader, texts
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.signing import with_signers
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.values import MISSING, Checker
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices import percent

ETH_URL = "livepeer_eth_url"
SECRETS, SKIP = "livepeer_plan_secrets", "skip"

BAND = ("headroom_min", "headroom_max")
"""Limits of the headroom, by their names after ``livepeer_``."""


OF_THE_HOST = ("firewall", "firewall_sources", "metrics_allow", "log_max_size", "log_retention")
"""Variables about a host rather than about its nodes."""


def parse_fleet(inventory: Inventory, *, archive_checksum: Callable[[str], str]) -> tuple[Fleet, tuple[Finding, ...]]:
    """The fleet as far as it can be made out, and every finding about its variables (LPF303, 404, 501 to 505).

    Args:
        inventory: the whole inventory.
        archive_checksum: sha256 of a file on the controller by its path, in hexadecimal digits; raises OSError.
    """
    overall = Collector("")
    names = group_names(inventory, overall)
    members = memberships(inventory, names, overall)
    check_once(inventory, members, overall)
    findings = [*inventory.findings, *overall.findings]
    hosts: dict[str, Host] = {}
    for name, membership in members.items():
        collector = Collector(name)
        hosts[name] = _host(name, membership, inventory.hostvars.get(name, {}), archive_checksum, collector)
        findings.extend(collector.findings)
    skipped = any(row.get(SECRETS) == SKIP for row in inventory.hostvars.values())
    return with_signers(linked(Fleet(hosts), secrets_known=not skipped)), tuple(merged(findings))


def _host(
    name: str, membership: Membership, raw: Mapping[str, object], archive_checksum: Callable[[str], str], collector: Collector
) -> Host:
    check_names((str(key) for key in raw), collector)
    read = read_values(membership, raw, collector)
    if "version" not in read.values and "version" not in read.broken:
        hint = "livepeer_version: 0.9.1"
        collector.add("LPF505", "no version of go-livepeer is said", "livepeer_version", hint=hint)
    release = read_release(read.values, read.broken, archive_checksum, collector)
    read = _check_band(read, collector)
    _check_machine(raw, collector)
    machine = machine_key(name, raw)
    roles = (role for role in START_ORDER if role in membership.roles)
    nodes = tuple(NodeReader(role, read, release, collector).node(name, machine) for role in roles)
    if any(node.onchain for node in nodes):
        _check_endpoints(raw, read, collector)
    return Host(
        name=name,
        machine=machine,
        combined=membership.combined,
        nodes=nodes,
        services=_services(read.values.get("services")),
        firewall=bool(read.values["firewall"]),
        firewall_sources=texts(read.values.get("firewall_sources")),
        metrics_allow=texts(read.values.get("metrics_allow")),
        sources={name: read.sources[name] for name in OF_THE_HOST},
    )


def _check_endpoints(raw: Mapping[str, object], read: HostValues, collector: Collector) -> None:
    """A finding for several RPC endpoints without the proxy that chooses among them: go-livepeer takes one URL."""
    urls = raw.get(ETH_URL)
    if isinstance(urls, list) and len(urls) > 1 and read.values.get("eth_proxy") is False:
        message = "without the proxy a node takes one RPC endpoint, and this is a list of several"
        hint = "livepeer_eth_proxy: true, or one URL"
        collector.add("LPF504", message, ETH_URL, got=f"{len(urls)} endpoints", limit="livepeer_eth_proxy: false", hint=hint)


def _services(entries: object) -> tuple[Service, ...]:
    """The entries of ``livepeer_services`` that say what they are."""
    found = enumerate(entries if isinstance(entries, tuple) else ())
    usual = str((definitions()["livepeer_services"].options or {})["protocol"].default)
    return tuple(
        Service(
            name=str(one["name"]),
            addr=str(one["addr"]),
            protocol=str(one.get("protocol", usual)),
            exposure=str(one.get("exposure", "")),
            variable=f"livepeer_services[{place}].addr",
        )
        for place, one in found
        if {"name", "addr"} <= set(one)
    )


def read_values(membership: Membership, raw: Mapping[str, object], collector: Collector) -> HostValues:
    """Each variable of the host's roles held against its definition."""
    checker = Checker(collector)
    values: dict[str, object] = {}
    sources: dict[str, Source] = {}
    broken: set[str] = set()
    for short, one in _of_host(membership).items():
        default = one.default_on(membership.combined)
        told = len(collector.findings)
        checked = checker.check(one, raw[one.name], one.name) if one.name in raw and not one.once else MISSING
        if len(collector.findings) > told:
            broken.add(short)
        sources[short] = Source(one.name, checked is MISSING, refused=short in broken)
        if checked is MISSING and default is not None:
            checked = tuple(default) if isinstance(default, list) else default
        if checked is not MISSING:
            values[short] = checked
    return HostValues(values, sources, frozenset(broken), secrets_known=raw.get(SECRETS) != SKIP)


def _of_host(membership: Membership) -> dict[str, Definition]:
    """Definitions that concern a host, by their name after ``livepeer_``."""
    parts = [FLEET, *(role.value for role in Role if role in membership.roles)]
    return {one.name.removeprefix("livepeer_"): one for part in parts for one in of_role(part).values()}


def _check_band(read: HostValues, collector: Collector) -> HostValues:
    """A finding for limits of the headroom that leave no band; both count as refused then."""
    low, high = (_percent(read, name) for name in BAND)
    if low is None or high is None or low <= high:
        return read
    texts = [str(read.values[name]) for name in BAND]
    message = "the least headroom is above the most, so that no cap fits"
    limit, hint = f"livepeer_headroom_max: {texts[1]}", f'livepeer_headroom_min: "{texts[1]}"'
    collector.add("LPF504", message, "livepeer_headroom_min", got=texts[0], limit=limit, hint=hint)
    return replace(read, sources={**read.sources, **{name: replace(read.sources[name], refused=True) for name in BAND}})


def _percent(read: HostValues, name: str) -> Fraction | None:
    """A limit of the headroom, which the checker has looked at; None for one that it refused."""
    return None if read.sources[name].refused else percent(str(read.values[name]))


def _check_machine(raw: Mapping[str, object], collector: Collector) -> None:
    """A finding for a host of which nobody knows which machine it is."""
    for variable in ("ansible_host", "ansible_port"):
        value = raw.get(variable)
        if isinstance(value, Unreadable):
            collector.add("LPF504", "the value cannot be read", variable, got=value.reason)
