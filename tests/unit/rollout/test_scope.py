# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of a part of the fleet must not do without the rest of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.found import Found, read_found
from ansible_collections.livepeer.fleet.plugins.plugin_utils.needs import Need
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan import plan_fleet
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rollout import in_order
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rollout_scope import beyond_the_run
from ansible_collections.livepeer.fleet.tests.unit.render.fleets import TEMPLATES
from ansible_collections.livepeer.fleet.tests.unit.rules.fleets import ai_worker, fleet, orchestrator, redeemer, transcoder

SECRET = ["orch_secret"]
ORCHESTRATOR = orchestrator(orchestrator_orch_secret="a long secret", orchestrator_redeemer="r")
PLAN = plan_fleet(fleet(o=ORCHESTRATOR, t=transcoder(), w=ai_worker(), r=redeemer()), (), TEMPLATES)


def found(host: str, *, runs: str = "0.9.1", secrets: list[str] | None = None, restarts: bool = True, registered: bool = True) -> Found:
    """A host whose node is restarted."""
    decided = {"action": "restart" if restarts else "nothing", "reasons": [], "restarts": restarts, "secrets": secrets or []}
    seen: dict[str, Any] = {"planned": True, "running": bool(runs), "busy": False, "version": runs, "release": f"{runs}-abc"}
    (node,) = PLAN.hosts[host].nodes
    nodes = {node.name: {**seen, "registered": registered, "decision": decided}}
    return read_found(PLAN.hosts[host], {"observation": {"nodes": nodes, "missing_releases": []}})


def test_what_is_read_of_a_node() -> None:
    (decision,) = found("w", runs="0.9.0", secrets=SECRET).decisions
    assert (decision.role.value, decision.runs, decision.becomes) == ("ai_worker", "0.9.0", "0.9.1")
    assert (decision.starts, decision.secrets, decision.needs) == (True, ("orch_secret",), (Need("o", "orchestrator"),))
    assert found("w", runs="").decisions[0].runs == ""


def test_the_plan_knows_what_each_node_needs() -> None:
    needs = {host: [need.host for node in PLAN.hosts[host].nodes for need in node.needs] for host in PLAN.hosts}
    assert needs == {"o": ["r"], "r": [], "t": ["o"], "w": ["o"]}
    assert [PLAN.hosts[host].nodes[0].joins for host in "otw"] == ["", "o:8935", "o:8935"]
    assert in_order(PLAN, ["w", "t", "o", "r"]) == ["r", "o", "t", "w"]


@pytest.mark.parametrize(
    ("hosts", "says"),
    [
        ([found("o", secrets=SECRET)], ["o: the new secret of its orchestrator shuts out the worker transcoder on t", "ai_worker on w"]),
        ([found("o", secrets=SECRET), found("t", secrets=SECRET)], ["ai_worker on w"]),
        ([found("o", secrets=SECRET), found("t"), found("w")], []),
        ([found("o")], []),
        ([found("o", runs="0.9.0")], ["version 0.9.1 of its orchestrator shuts out every older AI worker", "ai_worker on w"]),
        ([found("o", runs="0.9.0", restarts=False)], []),
        ([found("o", runs="", secrets=SECRET)], []),
        ([found("t", secrets=SECRET)], ["t: with its new secret transcoder is shut out by the orchestrator on o"]),
        ([found("t", secrets=SECRET, registered=False)], []),
        ([found("w", runs="0.9.2")], ["version 0.9.1 of ai_worker may be shut out by the orchestrator on o"]),
        ([found("t", runs="0.9.2")], []),
    ],
)
def test_hosts_that_were_left_out(hosts: list[Found], says: list[str]) -> None:
    text = beyond_the_run(PLAN, hosts)
    assert all(part in text for part in says), text
    assert bool(text) == bool(says) == ("--limit" in text)


def test_a_version_that_does_not_answer_is_that_of_the_release() -> None:
    (decision,) = found("w", runs="0.9.1").decisions
    assert (
        replace(decision, runs="0.9.1-rc1")
        == read_found(
            PLAN.hosts["w"],
            {
                "observation": {
                    "nodes": {
                        "ai_worker": {
                            "planned": True,
                            "running": True,
                            "busy": False,
                            "version": "",
                            "release": "0.9.1-rc1-abc",
                            "decision": {"action": "restart", "reasons": [], "restarts": True, "secrets": []},
                        }
                    },
                    "missing_releases": [],
                }
            },
        ).decisions[0]
    )
