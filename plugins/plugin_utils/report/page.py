# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan as one self-contained page: plan.html. What it shows is data in the page; page.js beside this file draws it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from ansible_collections.livepeer.fleet.plugins.plugin_utils.addresses import Listener
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan import HostPlan, Plan
from ansible_collections.livepeer.fleet.plugins.plugin_utils.report.gas import (
    advertised_text,
    advice,
    base_text,
    deposit_text,
    lacks_text,
    rough_text,
    row_texts,
    survives_text,
    weakest_first,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.report.groups import Group, groups
from ansible_collections.livepeer.fleet.plugins.plugin_utils.report.texts import (
    by_place,
    counts,
    folded,
    headroom_text,
    place,
    price_text,
    what,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets.figures import Figures


def page(plan: Plan) -> str:
    """The text of plan.html. It asks nobody for anything: its policy lets nothing in but its own style and script."""
    style, script = _asset("page.css"), _asset("page.js")
    policy = f"default-src 'none'; style-src {_source(style)}; script-src {_source(script)}; base-uri 'none'; form-action 'none'"
    parts = {"policy": policy, "style": style, "script": script, "data": _in_script(_data(plan))}
    return re.sub(r"\{\{ (\w+) \}\}", lambda match: parts[match[1]], _asset("page.html"))


@cache
def _asset(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def _source(text: str) -> str:
    """What a Content-Security-Policy knows an inline style or script by."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _in_script(data: object) -> str:
    """JSON that no value of can end the element around it."""
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")


def _data(plan: Plan) -> dict[str, Any]:
    return {
        "digest": plan.digest,
        "refused": plan.refused,
        "counts": counts(plan.findings),
        "findings": [_finding(finding, hosts) for finding, hosts in by_place(plan.findings)],
        "hosts": [_host(host) for host in plan.hosts.values()],
        "listeners": [_listener(listener, where) for listener, where in folded(plan.listeners)],
        "groups": [_group(group) for group in groups(plan.edges)],
        "pricing": [_pricing(figures) for figures in (*weakest_first(plan.pricing), *(one for one in plan.pricing if not one.table))],
    }


def _host(host: HostPlan) -> dict[str, Any]:
    nodes = [
        {"name": node.name, "role": node.role.value, "version": node.release.version, "network": node.network, "unit": node.unit}
        for node in host.nodes
    ]
    return {"name": host.name, "machine": host.machine, "nodes": nodes}


def _listener(listener: Listener, where: str) -> dict[str, Any]:
    return {
        "host": listener.host,
        "port": listener.port,
        "where": where,
        "node": listener.node,
        "purpose": listener.purpose,
        "exposure": listener.exposure.value,
        "default": listener.default,
    }


def _finding(finding: Finding, hosts: tuple[str, ...]) -> dict[str, Any]:
    return {
        "code": finding.code,
        "level": finding.level.value,
        "message": finding.message,
        "place": place(finding, hosts),
        "what": what(finding),
        "limit": finding.limit,
        "hint": finding.hint,
        "hosts": [*hosts, *finding.hosts[1:]],
        "also": list(finding.hosts[1:]),
    }


def _group(group: Group) -> dict[str, Any]:
    """A group by the names of plan.json, with the words for its amounts."""
    terms = group.terms
    return {
        "workload": str(terms.workload),
        "discovery": terms.discovery,
        "if_selected": terms.if_selected,
        "reachable": terms.reachable,
        "payable": terms.payable.value,
        "enforced_by": terms.enforced_by.value,
        "price": _ratio(terms.price),
        "cap": _ratio(terms.cap),
        "headroom": _ratio(terms.headroom),
        "lowest_cap": _ratio(terms.lowest_cap),
        "highest_cap": _ratio(terms.highest_cap),
        "currency": terms.currency,
        "unit": terms.unit,
        "verdict": terms.verdict.value,
        "codes": terms.codes,
        "count": group.count,
        "between": [[one.gateways, one.orchestrators] for one in group.between],
        "texts": {
            "headroom": headroom_text(terms),
            **{name: price_text(getattr(terms, name), terms) for name in ("price", "cap", "most")},
        },
    }


def _ratio(amount: Fraction | None) -> str | None:
    return None if amount is None else str(amount)


def _pricing(figures: Figures) -> dict[str, Any]:
    return {
        "gateways": list(figures.gateways),
        "signer": figures.signer,
        "workload": str(figures.workload),
        "unit": f"{figures.currency} per {figures.unit}",
        "price": base_text(figures),
        "cap": "" if figures.cap is None else rough_text(figures.cap),
        "advertised": advertised_text(figures),
        "survives": survives_text(figures),
        "deposit": deposit_text(figures),
        "advice": list(advice(figures)),
        "lacks": lacks_text(figures),
        "rows": [row_texts(row) for row in figures.table],
        "codes": figures.codes,
    }
