# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules say that they return is what they return, and the pages of the folders of code name what lies there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.livepeer.fleet.plugins.action.rollout import ActionModule
from ansible_collections.livepeer.fleet.plugins.module_utils.observation import observe
from ansible_collections.livepeer.fleet.plugins.module_utils.plan_part import Part
from ansible_collections.livepeer.fleet.plugins.modules import node_info
from ansible_collections.livepeer.fleet.plugins.modules import rollout as rollout_module
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rollout import roll_out
from ansible_collections.livepeer.fleet.tests.unit.module_utils.worlds import World, raw_node

PLUGINS = Path(__file__).parents[3] / "plugins"


def test_an_observation_is_documented_whole(tmp_path: Path) -> None:
    said = yaml.safe_load(node_info.RETURN)["observation"]["contains"]
    found: dict[str, Any] = observe(World(tmp_path).host, Part.parse({"schema": 1, "host": "gw1", "nodes": [raw_node()]}), {}, reach=True)
    assert found.keys() == said.keys()
    assert found["nodes"]["gateway"].keys() == said["nodes"]["contains"].keys()
    assert found["nodes"]["gateway"]["decision"].keys() == said["nodes"]["contains"]["decision"]["sample"].keys()


def test_a_rollout_is_documented_whole() -> None:
    said = yaml.safe_load(rollout_module.RETURN)["ansible_facts"]["contains"]["livepeer_fleet_rollout"]["contains"]
    nothing = roll_out((), sizes=[1], restart_busy=())
    fact = ActionModule._fact(None, nothing, {})  # type: ignore[arg-type]
    assert fact.keys() == said.keys()


@pytest.mark.parametrize(("folder", "page"), [("plugin_utils", "README.md"), ("module_utils", "module_utils/README.md")])
def test_the_page_names_every_file(folder: str, page: str) -> None:
    named = set(re.findall(r"`(\w+\.py)`", (PLUGINS / page).read_text(encoding="utf-8")))
    there = {path.name for path in (PLUGINS / folder).glob("*.py")} - {"__init__.py"}
    assert there - named == set()
    assert named - there == set()
