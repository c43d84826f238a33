# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that do not come up: the host goes back to what ran before, proves it, and says why."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.render import sha256_of

from .conftest import GATEWAY, HOST, ORCHESTRATOR, Lab

Pack = Callable[..., Path]

FAULTS = {
    "exit-at-once": "it ended with status 0 soon after its start",
    "exit-after-5s": "it ended with status 0 soon after its start",
    "wrong-role": "answers a node in another role (orchestrator), planned is gateway",
    "never-listens": "it is not up 10 seconds after its start: nothing listens on tcp 127.0.0.1:",
}


def test_upgrade_to_a_faulty_binary_goes_back(lab: Lab, faulty: Pack) -> None:
    lab.group = GATEWAY
    lab.plan(livepeer_start_timeout=30)
    good = lab.apply().done["nodes"][0]["revision"]
    for fault, reason in FAULTS.items():
        lab.settled = 0 if fault == "exit-after-5s" else 1
        lab.use(faulty(fault)).plan(livepeer_start_timeout=10)
        why = lab.apply().failed
        assert reason in why, fault
        assert "Its last log lines:" in why
        assert f"The host is back at revision {good}" in why and "proved again" in why
        back(lab, good)


def back(lab: Lab, revision: str) -> None:
    """The gateway runs as it did before."""
    node = lab.observation()["nodes"]["gateway"]
    assert (node["active"], node["current"], node["interrupted"]) == (revision, revision, False)
    assert (node["running"], node["role"], node["state"]["restarts"]) == (True, "gateway", 0)
    assert {held["held"] for held in node["listeners"]} == {"own"}


@pytest.mark.parametrize("fault", ["exit-at-once", "exit-after-5s"])
def test_first_installation_of_a_faulty_binary_leaves_nothing(lab: Lab, faulty: Pack, fault: str) -> None:
    lab.group = ORCHESTRATOR
    lab.settled = 0
    lab.use(faulty(fault)).plan()
    assert lab.module("release").done["installed"]
    before = lab.snapshot()
    why = lab.module("node").failed
    assert "it ended with status 0" in why and "the host is as before" in why
    assert lab.snapshot() == before


def test_orchestrator_with_a_bad_service_address_is_not_proved(lab: Lab) -> None:
    """It answers everything for 5 s, then ends with status 0."""
    lab.group = ORCHESTRATOR
    lab.settled = 0
    lab.plan(livepeer_orchestrator_service_addr="192.0.2.1:8935")
    assert "it ended with status 0 soon after its start" in lab.apply().failed


def test_a_failing_node_leaves_the_ones_before_it_alone(lab: Lab, faulty: Pack) -> None:
    lab.plan()
    assert lab.apply().done["changed"]
    running = lab.pid("orchestrator")
    spoil(lab, lab.plan(), 1, "livepeer.conf", "\nhttpAddr 127.0.0.1:7935\n")
    result = lab.module("node")
    assert [(node["node"], node["action"], bool(node["error"])) for node in result.data["nodes"]] == [
        ("orchestrator", "nothing", False),
        ("gateway", "restart", True),
    ]
    assert result.failed.startswith("node gateway: ")
    assert lab.pid("orchestrator") == running


def test_settings_that_the_binary_refuses_touch_nothing(lab: Lab) -> None:
    lab.group = GATEWAY
    lab.plan()
    assert lab.apply().done["changed"]
    running, before = lab.pid("gateway"), lab.snapshot()
    part = lab.plan()
    spoil(lab, part, 0, "livepeer.conf", "\nnoSuchSetting 1\n")
    why = lab.module("node").failed
    assert "refuses livepeer.conf" in why and "noSuchSetting" in why
    spoil(lab, part, 0, "livepeer.service", "\n[Service]\nNoSuchKey=1\n")
    why = lab.module("node").failed
    assert "systemd does not accept the unit file" in why and "NoSuchKey" in why
    assert (lab.pid("gateway"), lab.snapshot()) == (running, before)


def spoil(lab: Lab, part: dict[str, Any], which: int, name: str, more: str) -> None:
    """Plan something that the plan's own checks would not let through."""
    node = part["nodes"][which]
    files = {**node["files"], name: node["files"][name] + more}
    digest = sha256_of({"files": files, "secrets": sorted(node["secrets"])})
    nodes = [{**node, "files": files, "digest": digest} if one is node else one for one in part["nodes"]]
    (lab.folder / f"plan/hosts/{HOST}.json").write_text(json.dumps({**part, "nodes": nodes}))
