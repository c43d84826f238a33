# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that is killed at any step, or has no disk left, leaves a host that runs and that the next run repairs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from .conftest import BLANK, GATEWAY, Lab


def two_plans(lab: Lab) -> None:
    """Two plans of a gateway, on the machine for the driver; their settings differ in what can be read back."""
    lab.group = GATEWAY
    for name, level in (("one", 3), ("two", 4)):
        lab.put(f"/opt/under-test/{name}.json", json.dumps(lab.plan(livepeer_log_level=level)))
    lab.put("/opt/under-test/blank.sh", BLANK.replace(" /opt/livepeer ", " "))
    assert lab.module("release").done


def test_killed_before_each_step_of_a_change(lab: Lab) -> None:
    two_plans(lab)
    print(lab.drive("cut", "one", "two"))


def test_killed_before_each_step_of_a_first_installation(lab: Lab) -> None:
    two_plans(lab)
    print(lab.drive("cut-first", "one"))


def test_killed_before_each_step_of_a_failing_change(lab: Lab, faulty: Callable[..., Path]) -> None:
    two_plans(lab)
    lab.use(faulty("exit-at-once"))
    lab.put("/opt/under-test/bad.json", json.dumps(lab.plan()))
    assert lab.module("release").done
    print(lab.drive("cut-back", "one", "bad"))


def test_disk_full_at_every_size(lab: Lab) -> None:
    two_plans(lab)
    print(lab.drive("starve", "one", "two"))


def test_rebooted(lab: Lab) -> None:
    """Cut between switch and proof and then rebooted: seen and repaired. Rebooted once more: nothing to do."""
    lab.group = GATEWAY
    lab.plan()
    assert lab.apply().done["changed"]
    lab.put("/opt/under-test/two.json", json.dumps(lab.plan(livepeer_log_level=4)))
    lab.drive("cut-before", "restart", "two")
    found = lab.observation()["nodes"]["gateway"]
    assert found["interrupted"] and found["current"] != found["active"], found
    lab.reboot()
    assert lab.observation()["nodes"]["gateway"]["interrupted"]
    assert lab.module("node").done["changed"]
    lab.reboot()
    again = lab.module("node").done
    assert [node["action"] for node in again["nodes"]] == ["nothing"]
    assert lab.observation()["nodes"]["gateway"]["decision"]["action"] == "nothing"
