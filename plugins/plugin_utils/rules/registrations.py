# SPDX-License-Identifier: GPL-3.0-or-later
"""LPF607: workers held against their orchestrators on the live fleet. Pure: observations in, findings out.

Both ends are asked. A worker's own host tells whether it keeps its connection (``module_utils/registration.py``); an orchestrator
lists its transcoders, and never its AI workers (``/status``; server/mediaserver.go: GetNodeStatus).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Role
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.hosts import LiveRule, Observation, Planned, PlannedNode

CODE = "LPF607"
_AGAIN = "run site.yml: it starts a worker anew that does not try again; the journals of both units tell the rest"


def unregistered(plan: Planned, observed: Mapping[str, Observation]) -> tuple[Finding, ...]:
    """What is wrong between the workers and the orchestrators of the observed hosts."""
    found: list[Finding] = []
    for host in sorted(observed.keys() & plan.hosts.keys()):
        for node in plan.hosts[host].nodes:
            seen = observed[host].get("nodes", {}).get(node.name, {})
            if seen.get("registered") is False and seen.get("running"):
                found.append(_idle(host, node, seen))
            if seen.get("transcoders") is not None:
                found += _listed(plan, observed, host, node.name, seen["transcoders"])
    return tuple(found)


def _idle(host: str, node: PlannedNode, seen: Mapping[str, Any]) -> Finding:
    others = [need.host for need in node.needs]
    why = next((problem for problem in seen.get("problems", ()) if problem.startswith(CODE)), "")
    return Finding(
        code=CODE,
        level=Level.ERROR,
        message=f"{node.name} is up, but not registered at {others[0] if others else 'its orchestrator'}: it gets no work",
        hosts=tuple(dict.fromkeys((host, *others))),
        node=node.name,
        got=why.partition(": ")[2] or "not registered",
        limit=node.joins,
        hint=_AGAIN,
    )


def _listed(plan: Planned, observed: Mapping[str, Observation], host: str, name: str, listed: Sequence[str]) -> Iterator[Finding]:
    """An orchestrator's list of transcoders, held against the plan by their number, and by addresses where no NAT changes them."""
    planned = [
        (worker, node.name)
        for worker in plan.hosts
        for node in plan.hosts[worker].nodes
        if node.role is Role.TRANSCODER and any((need.host, need.node) == (host, name) for need in node.needs)
    ]
    ends = {key: _ends(observed, *key) for key in planned}
    known = {end for of_one in ends.values() for end in of_one}
    missing = [worker for (worker, _node), of_one in ends.items() if of_one and not set(of_one) & set(listed)]
    registered = sum(bool(of_one) for of_one in ends.values())
    if len(listed) < registered:
        yield Finding(
            code=CODE,
            level=Level.ERROR,
            message=f"{name} lists {len(listed)} of {registered} transcoders that are connected to it: {', '.join(missing)} get no work",
            hosts=tuple(dict.fromkeys((host, *missing))),
            node=name,
            got=", ".join(listed) or "no transcoder",
            hint=_AGAIN,
        )
    if len(listed) > len(planned):
        strangers = [address for address in listed if address not in known]
        yield Finding(
            code=CODE,
            level=Level.WARNING,
            message=f"{len(listed)} transcoders are registered at {name}, planned {'is' if len(planned) == 1 else 'are'} {len(planned)}",
            hosts=(host,),
            node=name,
            variable="livepeer_orchestrator_orch_secret",
            got=", ".join(strangers),
            hint="put them into the inventory; if they are not yours, somebody knows the secret: set another one",
        )


def _ends(observed: Mapping[str, Observation], host: str, node: str) -> Sequence[str]:
    seen: Mapping[str, Any] = observed.get(host, {}).get("nodes", {}).get(node, {})
    return seen.get("ends") or ()


RULES = (
    LiveRule(
        CODE,
        "error; warning for a stranger",
        "A worker is up, but not registered at its orchestrator; or more transcoders are registered there than the plan has.",
        "Run site.yml, which starts the worker anew; put a transcoder that the plan lacks into the inventory, or change the secret.",
    ),
)
