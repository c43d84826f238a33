# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands around the nodes, firewall and journals: LPF110, LPF111, LPF507."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.livepeer.fleet.plugins.plugin_utils.addresses import METRICS, describe
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.firewall import allowed_on, unreachable
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Host
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.survey import Rule, Survey

KEPT = ("log_max_size", "log_retention")


def closed_to_everybody(survey: Survey) -> Iterator[Finding]:
    """LPF110: the firewall would close a listener that is there to be reached from elsewhere."""
    for machine, hosts in survey.machines.items():
        if not any(host.firewall for host in hosts):
            continue
        listeners = [one for one in survey.listeners if one.machine == machine]
        for one in unreachable(listeners, allowed_on(hosts)):
            variable = "livepeer_metrics_allow" if one.purpose == METRICS else "livepeer_firewall_sources"
            yield Finding(
                "LPF110",
                Level.ERROR,
                f"the firewall lets nobody in to {describe(one)}",
                hosts=(one.host,),
                node=one.node,
                variable=variable,
                got="nobody but the host itself",
                limit="a network that reaches it",
                hint=f"{variable}: [10.0.0.0/8], or {one.variable} on loopback",
            )


def firewall_of_one_machine(survey: Survey) -> Iterator[Finding]:
    """LPF111: of two hosts that are one machine, one wants the firewall and the other does not."""
    for hosts in survey.machines.values():
        first, *others = hosts
        for other in others:
            if other.firewall is not first.firewall:
                yield Finding(
                    "LPF111",
                    Level.ERROR,
                    f"{other.name} and {first.name} are one machine, and only one of them wants the firewall",
                    hosts=(other.name, first.name),
                    variable="livepeer_firewall",
                    got=f"{other.name}: {_said(other)}",
                    limit=f"{first.name}: {_said(first)}",
                    hint="set it once, for a group that both are in",
                )


def _said(host: Host) -> str:
    return "true" if host.firewall else "false"


def kept_nowhere(survey: Survey) -> Iterator[Finding]:
    """LPF507: how long a journal is kept is said, and no node has one of its own."""
    for host in survey.fleet.hosts.values():
        if any(node.journal for node in host.nodes):
            continue
        for name in KEPT:
            source = host.sources[name]
            if not (source.default or source.refused):
                yield Finding(
                    "LPF507",
                    Level.WARNING,
                    "the nodes write to the journal of the host, which the collection does not limit",
                    hosts=(host.name,),
                    variable=source.variable,
                    got="livepeer_log_namespace: false",
                    limit="livepeer_log_namespace: true",
                    hint=f"livepeer_log_namespace: true, or remove {source.variable} and set the host's own in journald.conf",
                )


RULES = (
    Rule(
        "LPF110",
        "error",
        "The firewall is on, and would close a listener to everybody that is there to be reached from elsewhere.",
        "Name who may reach it in `livepeer_firewall_sources` (metrics: `livepeer_metrics_allow`), or bind it to loopback.",
        closed_to_everybody,
    ),
    Rule(
        "LPF111",
        "error",
        "Two inventory hosts are one machine, and only one of them wants the firewall.",
        "Set `livepeer_firewall` once, for a group that both are in.",
        firewall_of_one_machine,
    ),
    Rule(
        "LPF507",
        "warning",
        "Size or age of a node's own journal is said, and nodes have none.",
        "`livepeer_log_namespace: true`, or remove it and set the limits of the host's journal in journald.conf.",
        kept_nowhere,
    ),
)
