# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports of AI runners in the plan: listeners of Docker's, which no node of ours holds."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan import plan_fleet
from ansible_collections.livepeer.fleet.plugins.plugin_utils.report.texts import folded
from ansible_collections.livepeer.fleet.tests.unit.rules.fleets import fleet, orchestrator

TEMPLATES = Path(__file__).parents[3] / "roles" / "node" / "templates"
MODELS = [{"pipeline": "llm", "model_id": "m"}, {"pipeline": "text-to-image", "model_id": "m"}]


def test_they_are_listeners_of_the_plan_and_of_no_process_of_a_node() -> None:
    host = orchestrator(orchestrator_ai_worker=True, orchestrator_ai_models=MODELS, orchestrator_nvidia="0,1,3")
    plan = plan_fleet(fleet(o=host), (), TEMPLATES)
    runners = [one for one in plan.listeners if one.purpose == "runner"]
    assert [one.port for one in runners] == [8500, 8501, 8503, 8000, 8001, 8003]
    assert {(one.address, one.node, one.variable) for one in runners} == {("127.0.0.1", "orchestrator", "livepeer_orchestrator_ai_models")}
    (node,) = plan.hosts["o"].nodes
    assert {one.purpose for one in node.listeners} == {"rpc", "cli"}
    assert "8500" not in node.files["livepeer.conf"]
    assert [where for one, where in folded(plan.listeners) if one.purpose == "runner"] == [
        "127.0.0.1:8000 to 8001",
        "127.0.0.1:8003",
        "127.0.0.1:8500 to 8501",
        "127.0.0.1:8503",
    ]


def test_a_start_may_take_as_long_as_its_warm_containers_may() -> None:
    warm = [
        MODELS[0] | {"warm": True, "capacity": 2},
        MODELS[1] | {"warm": True, "optimization_flags": {"SFAST": True}},
        {"pipeline": "upscale", "model_id": "cold"},
        {"pipeline": "upscale", "model_id": "far", "url": "http://r:9000", "warm": True},
    ]
    host = orchestrator(orchestrator_ai_worker=True, orchestrator_ai_models=warm, orchestrator_nvidia="0,1,2")
    (node,) = plan_fleet(fleet(o=host), (), TEMPLATES).hosts["o"].nodes
    assert node.start_timeout == 120 + 2 * 180 + 300
