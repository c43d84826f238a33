# SPDX-License-Identifier: GPL-3.0-or-later
"""One look at a host: everything that `node_info` reports. Reads only."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.livepeer.fleet.plugins.module_utils import (
    chain,
    decision,
    equipment,
    firewall,
    health,
    redact,
    registration,
    releases,
    revisions,
)
from ansible_collections.livepeer.fleet.plugins.module_utils.health import CompanionLook, Held, Look
from ansible_collections.livepeer.fleet.plugins.module_utils.host import Host
from ansible_collections.livepeer.fleet.plugins.module_utils.plan_part import Node, Part
from ansible_collections.livepeer.fleet.plugins.module_utils.revisions import NodeFolder
from ansible_collections.livepeer.fleet.plugins.module_utils.sockets import Socket
from ansible_collections.livepeer.fleet.plugins.module_utils.systemd import UnitState

SCHEMA = 1
ETH_URL = "eth_url"
PROXY_PROGRAM = "nginx"
_REACH_SECONDS = 5
_LOOK_AGAIN_SECONDS = 1.0
ORCHESTRATOR = "orchestrator"


def observe(host: Host, part: Part | None, secrets: Mapping[str, Mapping[str, str]], *, reach: bool) -> dict[str, Any]:
    """What this host has and does.

    Args:
        host: this host.
        part: its plan; without one only what is there is told, and nothing is decided.
        secrets: for each node the values of its secrets, to see whether they differ; none of them is in the result.
        reach: also try every orchestrator that the plan gives to a gateway or a worker of this host, and give a worker the time of
            its longest pause between two tries to register.

    Raises:
        HostError: a secret of the plan was not handed over.
    """
    planned = {node.name: node for node in part.nodes} if part else {}
    there = releases.installed(host.paths)
    used = {name: _releases_of(host, name) for name in revisions.node_names(host.paths)}
    nodes = {name: _node(host, node, secrets.get(name, {}), patient=reach) for name, node in planned.items()}
    if reach:
        for name, node in nodes.items():
            on_chain = planned[name].on_chain and node["running"]
            node["chain"] = chain.told(host.api(planned[name].cli)) if on_chain else None
    busy = health.busy({name: node["sessions"] for name, node in nodes.items()})
    for name, node in nodes.items():
        node["busy"] = name in busy
    nodes.update({name: _unplanned(host, name) for name in used if name not in planned})
    names = {one.name for one in there}
    return {
        "schema": SCHEMA,
        "host": part.host if part else "",
        "machine": host.machine,
        "systemd": host.systemd.version(),
        "secrets_at_rest": "encrypted" if host.vault.seals else "plain",
        "free_bytes": {str(path): _free(path) for path in (host.paths.releases, host.paths.nodes, host.paths.state)},
        "releases": [{**asdict(one), "used_by": sorted(name for name in used if one.name in used[name])} for one in there],
        "missing_programs": [PROXY_PROGRAM] if any(one.companions for one in planned.values()) and not host.paths.nginx.is_file() else [],
        "missing_releases": [one.name for one in part.releases if one.name not in names] if part else [],
        "nodes": nodes,
        "foreign": [held for node in planned.values() for held in _foreign(node, planned, host.listening())],
        "firewall": _firewall(host, part),
        "sockets": [_socket(one) for one in host.listening()],
        "reach": _reach(list(planned.values())) if reach else [],
    }


def _firewall(host: Host, part: Part | None) -> dict[str, Any]:
    """What has to be done about the nftables table, and what it lacks on this host."""
    lacking = firewall.missing(host, part.firewall) if part else ""
    return {"missing": lacking, "reasons": list(firewall.reasons(host, part.firewall)) if part and not lacking else []}


def _look(host: Host, node: Node, *, patient: bool) -> Look:
    """A look at a node; a worker whose orchestrator was away a moment ago may be in the pause before its next try."""
    deadline = host.clock.now() + registration.BACK_OFF_SECONDS
    while True:
        seen = health.look(host, node)
        waits = patient and node.joins and seen.state.running and not seen.ends and not seen.hopeless
        if not waits or host.clock.now() >= deadline or any(map(_try, node.reach)):
            return seen
        host.clock.sleep(_LOOK_AGAIN_SECONDS)


def _node(host: Host, node: Node, given: Mapping[str, str], *, patient: bool) -> dict[str, Any]:
    folder = host.node(node.name)
    seen, companions = _look(host, node, patient=patient), health.look_at_companions(host, node)
    wanted = decision.wanted_secrets(folder, node, given)
    decided = decision.decide(host, node, wanted, seen, companions)

    def shown(texts: Sequence[str]) -> list[str]:
        return [redact.redact(text, [*wanted.items(), *folder.known_secrets()]) for text in texts]

    return {
        **_marks(folder),
        **_unit(node.unit, seen.state),
        "planned": True,
        "role": seen.identity.role,
        "version": seen.identity.version,
        "sessions": host.api(node.cli).sessions() if seen.state.running else 0,
        "listeners": [_held(one) for one in seen.listeners],
        "equipment": equipment.look(host.paths.root, node.equipment, wanted) if node.equipment else None,
        "problems": shown(seen.problems),
        "registered": bool(seen.ends) if node.joins else None,
        "ends": list(seen.ends),
        "transcoders": host.api(node.cli).transcoders() if node.role == ORCHESTRATOR and seen.state.running else None,
        "companions": [{**_unit(one.companion.unit, one.state), **_sockets_of(one)} for one in companions],
        "endpoints": _endpoints(host, node, wanted),
        "decision": {
            "action": decided.action,
            "reasons": shown(decided.reasons),
            "restarts": decided.restarts,
            "secrets": list(decided.secrets),
            "companions": list(decided.companions),
        },
    }


def _sockets_of(seen: CompanionLook) -> dict[str, Any]:
    return {"listeners": [_held(one) for one in seen.listeners], "problems": list(seen.problems)}


def _endpoints(host: Host, node: Node, secrets: Mapping[str, str]) -> list[dict[str, Any]]:
    """The RPC endpoints of a node, asked from here, whether or not its proxy is there yet."""
    chains = [one.chain_id for one in node.companions if one.eth]
    reports = host.rpc_endpoints(secrets[ETH_URL], chains[0]) if chains else ()
    return [{name: value for name, value in asdict(one).items() if name not in ("addresses", "time")} for one in reports]


def _unplanned(host: Host, name: str) -> dict[str, Any]:
    """A node that is on the host and not in the plan."""
    folder = host.node(name)
    last = folder.revision(folder.active) or next(reversed(folder.revisions()), None)
    if last is None:
        return {**_marks(folder), "planned": False, "unit": ""}
    seen = health.look(host, last.node)
    return {
        **_marks(folder),
        **_unit(last.node.unit, seen.state),
        "planned": False,
        "role": seen.identity.role,
        "version": seen.identity.version,
        "sessions": host.api(last.node.cli).sessions() if seen.state.running else 0,
        "listeners": [_held(one) for one in seen.listeners],
        "problems": list(seen.problems),
    }


def _marks(folder: NodeFolder) -> dict[str, Any]:
    active = folder.revision(folder.active)
    return {
        "active": folder.active,
        "current": folder.current,
        "interrupted": folder.pending is not None,
        "revisions": [one.name for one in folder.revisions()],
        "digest": active.node.digest if active else "",
        "release": active.node.release.name if active else "",
    }


def _unit(unit: str, state: UnitState) -> dict[str, Any]:
    return {
        "unit": unit,
        "running": state.running,
        "state": {
            "load": state.load,
            "active": state.active,
            "sub": state.sub,
            "result": state.result,
            "enabled": state.enabled,
            "main_pid": state.main_pid,
            "restarts": state.restarts,
            "age": round(state.age, 1),
            "drop_ins": list(state.drop_ins),
        },
    }


def _foreign(node: Node, planned: Mapping[str, Node], listening: Sequence[Socket]) -> list[dict[str, Any]]:
    """Planned listeners that no node of the plan holds, but somebody else."""
    ours = {unit for one in planned.values() for unit in one.units}
    return [
        {"node": node.name, "purpose": held.listener.purpose, **_socket(one)}
        for held in health.holders(node, listening)
        for one in held.holders
        if held.by == "other" and one.unit not in ours
    ]


def _held(held: Held) -> dict[str, Any]:
    listener = held.listener
    return {
        "purpose": listener.purpose,
        "protocol": listener.protocol,
        "address": listener.address,
        "port": listener.port,
        "held": held.by,
        "holders": [_socket(one) for one in held.holders],
    }


def _socket(one: Socket) -> dict[str, Any]:
    return asdict(one)


def _releases_of(host: Host, name: str) -> set[str]:
    return {revision.node.release.name for revision in host.node(name).revisions()}


def _free(path: Path) -> int:
    """Free bytes where a folder is or will be."""
    while not path.exists():
        path = path.parent
    space = os.statvfs(str(path))
    return space.f_bavail * space.f_frsize


def _reach(nodes: Sequence[Node]) -> list[dict[str, Any]]:
    """Try every orchestrator from here, as its gateway would: TCP, then TLS. Its certificate is its own, and new at each start."""
    urls = {url: _try(url) for node in nodes for url in node.reach}
    return [{"node": node.name, "url": url, "ok": not urls[url], "error": urls[url]} for node in nodes for url in node.reach]


def _try(url: str) -> str:
    """Why an orchestrator does not answer, "" if it does."""
    parts = urlsplit(url)
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        plain = socket.create_connection((parts.hostname or "", parts.port or 443), timeout=_REACH_SECONDS)
        with plain, context.wrap_socket(plain, server_hostname=parts.hostname):
            return ""
    except ssl.SSLError as error:
        return f"something answers there, but not an orchestrator ({error.reason or error})"
    except OSError as error:
        return error.strerror or str(error)
