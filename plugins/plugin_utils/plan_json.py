# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of a plan as JSON values, and back: amounts as exact text (``6072/5``), enumerations by their values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from fractions import Fraction
from functools import lru_cache
from typing import Any

from ansible_collections.livepeer.fleet.plugins.plugin_utils.addresses import Exposure, Listener
from ansible_collections.livepeer.fleet.plugins.plugin_utils.companions import Companion
from ansible_collections.livepeer.fleet.plugins.plugin_utils.edges import Edge, End, Enforcer, Payable, Verdict
from ansible_collections.livepeer.fleet.plugins.plugin_utils.equipment import from_dict as equipment_from_dict
from ansible_collections.livepeer.fleet.plugins.plugin_utils.equipment import to_dict as equipment_to_dict
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Release, Role, SecretSource
from ansible_collections.livepeer.fleet.plugins.plugin_utils.needs import Need
from ansible_collections.livepeer.fleet.plugins.plugin_utils.onchain import OnChain
from ansible_collections.livepeer.fleet.plugins.plugin_utils.read_backs import ReadBack
from ansible_collections.livepeer.fleet.plugins.plugin_utils.render import NodePlan
from ansible_collections.livepeer.fleet.plugins.plugin_utils.workloads import Workload

MOST_SINGLE = 10_000
"""Edges that are written one by one."""

_FINDING = tuple(field.name for field in fields(Finding))
_PAIR = ("gateway", "gateway_node", "orchestrator", "orchestrator_node", "url", "workload", "pipeline", "model_id")
_LISTENER = tuple(field.name for field in fields(Listener))


def finding_to_dict(finding: Finding) -> dict[str, object]:
    """A finding, field by field."""
    return {**{name: getattr(finding, name) for name in _FINDING}, "level": finding.level.value, "hosts": [*finding.hosts]}


def finding_from_dict(data: Mapping[str, Any]) -> Finding:
    """Back from ``finding_to_dict``."""
    return Finding(**{**data, "level": Level(data["level"]), "hosts": tuple(data["hosts"])})


def listener_to_dict(listener: Listener) -> dict[str, object]:
    """A listener, field by field."""
    return {**{name: getattr(listener, name) for name in _LISTENER}, "exposure": listener.exposure.value}


def listener_from_dict(data: Mapping[str, Any]) -> Listener:
    """Back from ``listener_to_dict``."""
    return Listener(**{**data, "exposure": Exposure(data["exposure"])})


def edges_to_list(edges: Sequence[Edge]) -> list[dict[str, object]]:
    """Edges as flat entries, one each; of more than ``MOST_SINGLE`` one entry stands for all its equals and names them."""
    if sum(edge.count for edge in edges) > MOST_SINGLE:
        return [{**_edge_to_dict(edge), **_equals(edge)} for edge in edges]
    entries = [_edge_to_dict(one) for edge in edges for one in edge.each()]
    return sorted(entries, key=lambda entry: [str(entry[name]) for name in _PAIR])


def _equals(edge: Edge) -> dict[str, object]:
    return {
        "gateways": [end_name(end, Role.GATEWAY) for end in edge.gateways],
        "orchestrators": [end_name(end, Role.ORCHESTRATOR) for end in edge.orchestrators],
        "urls": [end.url for end in edge.orchestrators],
    }


def end_name(end: End, usual: Role) -> str:
    """``host``, or ``host/node`` where the node does not have the usual name of its role."""
    return end.host if end.node in ("", usual.value) else f"{end.host}/{end.node}"


def _edge_to_dict(edge: Edge) -> dict[str, object]:
    """An edge between its first two ends, field by field. Written out: a fleet has many."""
    gateway, orchestrator = edge.gateways[0], edge.orchestrators[0]
    return {
        "gateway": gateway.host,
        "gateway_node": gateway.node,
        "orchestrator": orchestrator.host,
        "orchestrator_node": orchestrator.node,
        "url": orchestrator.url,
        "workload": edge.workload.kind,
        "pipeline": edge.workload.pipeline,
        "model_id": edge.workload.model_id,
        "discovery": edge.discovery,
        "if_selected": edge.if_selected,
        "reachable": edge.reachable,
        "payable": edge.payable.value,
        "enforced_by": edge.enforced_by.value,
        "price": _amount(edge.price),
        "cap": _amount(edge.cap),
        "currency": edge.currency,
        "unit": edge.unit,
        "headroom": _amount(edge.headroom),
        "lowest_cap": _amount(edge.lowest_cap),
        "highest_cap": _amount(edge.highest_cap),
        "most": _amount(edge.most),
        "verdict": edge.verdict.value,
        "codes": list(edge.codes),
    }


def edges_from_list(entries: Sequence[Mapping[str, Any]]) -> tuple[Edge, ...]:
    """Back from ``edges_to_list``."""
    return tuple(map(_edge_from_dict, entries))


def _edge_from_dict(data: Mapping[str, Any]) -> Edge:
    terms: dict[str, Any] = {name: data[name] for name in ("discovery", "if_selected", "reachable", "currency", "unit")}
    terms |= {name: _exact(data[name]) for name in ("price", "cap", "headroom", "lowest_cap", "highest_cap", "most")}
    return Edge(
        gateways=_gateways(data),
        orchestrators=_orchestrators(data),
        workload=Workload(data["workload"], data["pipeline"], data["model_id"]),
        payable=Payable(data["payable"]),
        enforced_by=Enforcer(data["enforced_by"]),
        verdict=Verdict(data["verdict"]),
        codes=tuple(data["codes"]),
        **terms,
    )


def _gateways(data: Mapping[str, Any]) -> tuple[End, ...]:
    if "gateways" in data:
        return tuple(_end(name, Role.GATEWAY.value) for name in data["gateways"])
    return (End(data["gateway"], data["gateway_node"]),)


def _orchestrators(data: Mapping[str, Any]) -> tuple[End, ...]:
    if "orchestrators" in data:
        usual = Role.ORCHESTRATOR.value if data["orchestrator_node"] else ""
        return tuple(_end(name, usual, url) for name, url in zip(data["orchestrators"], data["urls"], strict=True))
    return (End(data["orchestrator"], data["orchestrator_node"], data["url"]),)


def _end(name: str, usual: str, url: str = "") -> End:
    """Back from ``end_name``; foreign orchestrators have no node, and slashes of their own."""
    host, _slash, node = name.rpartition("/") if usual and "/" in name else (name, "", usual)
    return End(host, node, url)


def release_to_dict(release: Release) -> dict[str, object]:
    """A release with its folder's name; the checksum as ``sha256:…``."""
    return {
        "name": release.name,
        "version": release.version,
        "behaves_like": release.behaves_like,
        "archive": release.archive,
        "checksum": f"sha256:{release.checksum}" if release.checksum else "",
        "flavor": release.flavor,
    }


def release_from_dict(data: Mapping[str, Any]) -> Release:
    """Back from ``release_to_dict``."""
    plain = {name: data[name] for name in ("version", "behaves_like", "archive", "flavor")}
    return Release(**plain, checksum=data["checksum"].removeprefix("sha256:"))


def node_to_dict(node: NodePlan) -> dict[str, object]:
    """A node with its files, and what it is expected to answer once it runs."""
    return {
        "name": node.name,
        "role": node.role.value,
        "unit": node.unit,
        "user": node.user,
        "network": node.network,
        "state_directory": node.state_directory,
        "release": release_to_dict(node.release),
        "digest": node.digest,
        "files": dict(node.files),
        "secrets": {name: {"variable": source.variable, "host": source.host} for name, source in node.secrets.items()},
        "listeners": [listener_to_dict(listener) for listener in node.listeners],
        "expect": {
            "role": node.role.value,
            "version": node.release.version,
            "cli": node.cli,
            "settings": [_read_back_to_dict(setting) for setting in node.settings],
            "registered_at": node.joins,
        },
        "start_timeout": node.start_timeout,
        "reach": list(node.reach),
        "chain": asdict(node.chain) | {"elsewhere": list(node.chain.elsewhere)} if node.chain else None,
        "needs": [asdict(need) for need in node.needs],
        "companions": [companion_to_dict(companion) for companion in node.companions],
        "equipment": equipment_to_dict(node.equipment),
    }


def node_from_dict(data: Mapping[str, Any]) -> NodePlan:
    """Back from ``node_to_dict``."""
    plain = {name: data[name] for name in ("name", "unit", "user", "network", "state_directory", "start_timeout")}
    return NodePlan(
        **plain,
        role=Role(data["role"]),
        release=release_from_dict(data["release"]),
        files=dict(data["files"]),
        secrets={name: SecretSource(**source) for name, source in data["secrets"].items()},
        listeners=tuple(map(listener_from_dict, data["listeners"])),
        cli=data["expect"]["cli"],
        settings=tuple(map(_read_back_from_dict, data["expect"]["settings"])),
        reach=tuple(data["reach"]),
        chain=OnChain(**data["chain"] | {"elsewhere": tuple(data["chain"]["elsewhere"])}) if data["chain"] else None,
        needs=tuple(Need(**need) for need in data["needs"]),
        joins=data["expect"]["registered_at"],
        companions=tuple(map(companion_from_dict, data["companions"])),
        equipment=equipment_from_dict(data["equipment"]),
    )


def companion_to_dict(companion: Companion) -> dict[str, object]:
    """A companion, field by field; its files and secrets are the node's, and here by name."""
    return {
        "unit": companion.unit,
        "unit_file": companion.unit_file,
        "files": list(companion.files),
        "secrets": list(companion.secrets),
        "listeners": [listener_to_dict(listener) for listener in companion.listeners],
        "eth": companion.eth,
        "chain_id": companion.chain_id,
        "urls": list(companion.urls),
    }


def companion_from_dict(data: Mapping[str, Any]) -> Companion:
    """Back from ``companion_to_dict``."""
    plain = {name: data[name] for name in ("unit", "unit_file", "eth", "chain_id")}
    lists: dict[str, Any] = {name: tuple(data[name]) for name in ("files", "secrets", "urls")}
    return Companion(**plain, **lists, listeners=tuple(map(listener_from_dict, data["listeners"])))


def document(content: Mapping[str, object]) -> str:
    """The text of a file: what is a list has one item a line, so that a difference or a search shows whole findings and edges."""
    parts = [f" {json.dumps(name)}: {_part(value)}" for name, value in content.items()]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _part(value: object) -> str:
    if isinstance(value, list) and value:
        return "[\n  " + ",\n  ".join(json.dumps(item) for item in value) + "\n ]"
    return json.dumps(value, indent=1)


def _read_back_to_dict(setting: ReadBack) -> dict[str, object]:
    keys = None if setting.json is None else list(setting.json)
    return {"path": setting.path, "json": keys, "equals": setting.equals, "compare": setting.compare, "flag": setting.flag}


def _read_back_from_dict(data: Mapping[str, Any]) -> ReadBack:
    return ReadBack(**{**data, "json": None if data["json"] is None else tuple(data["json"])})


@lru_cache(maxsize=4096)
def _exact(text: str | None) -> Fraction | None:
    """Many edges have few prices."""
    return None if text is None else Fraction(text)


def _amount(amount: Fraction | None) -> str | None:
    return None if amount is None else str(amount)
