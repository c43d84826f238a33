# SPDX-License-Identifier: GPL-3.0-or-later
"""What Prometheus takes from a plan: where the metrics of each node are scraped, with the labels that the rules go by."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from ansible_collections.livepeer.fleet.plugins.plugin_utils.addresses import METRICS, Exposure, Listener, join_host_port
from ansible_collections.livepeer.fleet.plugins.plugin_utils.companions import CERTIFICATE
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Role
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan import Plan, PlanError
from ansible_collections.livepeer.fleet.plugins.plugin_utils.private_files import write_private
from ansible_collections.livepeer.fleet.plugins.plugin_utils.render import NodePlan

FOLDER = "prometheus"
TARGETS = "targets.json"
RULES = "livepeer.rules.yml"
SCRAPE = "prometheus.yml"
ON_THE_MACHINE = "on-the-machine"
"""Folder of the targets that only their own machine reaches, a file each."""


@dataclass(frozen=True)
class Target:
    """An entry for ``file_sd_configs``.

    Attributes:
        machine: key of the machine that it is on.
        local: True if only a Prometheus on that machine reaches it.
        address: ``host:port``.
        labels: what each of its series gets.
    """

    machine: str
    local: bool
    address: str
    labels: Mapping[str, str]

    def to_dict(self) -> dict[str, object]:
        """As Prometheus reads it."""
        return {"targets": [self.address], "labels": dict(self.labels)}


def targets(plan: Plan) -> tuple[Target, ...]:
    """Where the nodes of a plan are scraped; one without a metrics listener is not."""
    nodes = {(host.name, node.name): node for host in plan.hosts.values() for node in host.nodes}
    remote = _with_transcoders(nodes.values())
    listeners = sorted((one for one in plan.listeners if one.purpose == METRICS), key=lambda one: (one.host, one.node))
    return tuple(_target(one, nodes[one.host, one.node], remote) for one in listeners)


def _with_transcoders(nodes: Iterable[NodePlan]) -> frozenset[tuple[str, str]]:
    """Orchestrators that transcoders of the fleet register at: one that transcodes itself shows none for ever."""
    return frozenset((need.host, need.node) for node in nodes if node.role is Role.TRANSCODER for need in node.needs)


def _target(listener: Listener, node: NodePlan, remote: frozenset[tuple[str, str]]) -> Target:
    labels = {"role": node.role.value, "node": node.name, "host": listener.host, "network": node.network, "machine": listener.machine}
    if (listener.host, listener.node) in remote:
        labels["transcoders"] = "remote"
    if CERTIFICATE in node.files:
        labels["__scheme__"] = "https"
    return Target(listener.machine, listener.exposure is Exposure.LOOPBACK, _address(listener), labels)


def _address(listener: Listener) -> str:
    """What it is dialled at: a listener on every address is at what its machine is reached at."""
    return join_host_port(listener.address or _host_of(listener.machine), listener.port)


def _host_of(machine: str) -> str:
    """The host in the key of a machine, which is ``host``, ``host:port`` or ``[host]:port``."""
    if machine.startswith("["):
        return machine[1:].partition("]")[0]
    return machine.partition(":")[0] if machine.count(":") == 1 else machine


def write_monitoring(plan: Plan, folder: Path, samples: Path) -> None:
    """Write ``prometheus/`` beside plan.json: targets, rules and a configuration to copy from; nothing for a refused plan.

    Args:
        plan: the plan.
        folder: of the plan.
        samples: folder of the rules and the configuration that the collection ships.

    Raises:
        PlanError: it cannot be written.
    """
    here = folder / FOLDER
    try:
        for old in (*here.glob("*"), *(here / ON_THE_MACHINE).glob("*.json")):
            if old.is_file():
                old.unlink()
        if plan.refused:
            return
        (here / ON_THE_MACHINE).mkdir(mode=0o700, parents=True, exist_ok=True)
        for path, text in _texts(targets(plan), samples):
            write_private(here / path, text)
    except OSError as error:
        raise PlanError(f"the files for Prometheus cannot be written to {here}: {error.strerror}") from error


def _texts(found: Iterable[Target], samples: Path) -> Iterator[tuple[Path, str]]:
    found = tuple(found)
    yield Path(TARGETS), _document(one for one in found if not one.local)
    for machine in dict.fromkeys(one.machine for one in found if one.local):
        yield (
            Path(ON_THE_MACHINE, quote(machine, safe="") + ".json"),
            _document(one for one in found if one.local and one.machine == machine),
        )
    for name in (RULES, SCRAPE):
        yield Path(name), (samples / name).read_text(encoding="utf-8")


def _document(found: Iterable[Target]) -> str:
    return json.dumps([one.to_dict() for one in found], indent=1) + "\n"
