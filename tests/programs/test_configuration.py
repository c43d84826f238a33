# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan writes for Prometheus, as promtool takes it: configuration, rules and targets side by side."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.addresses import Listener, exposure
from ansible_collections.livepeer.fleet.plugins.plugin_utils.monitoring import write_monitoring
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan import plan_fleet
from ansible_collections.livepeer.fleet.tests.unit.render.fleets import TEMPLATES, fleet, gateway, orchestrator
from scrapes import Run

SAMPLES = Path(__file__).parents[2] / "samples" / "prometheus"


@pytest.mark.parametrize("commented", [True, False])
def test_the_folder_of_a_plan_is_a_configuration(commented: bool, promtool: Run, tmp_path: Path) -> None:
    made = plan_fleet(fleet(gateway("gw1"), orchestrator("orch1")), (), TEMPLATES)
    listener = Listener("gw1", "gw1", "gateway", "metrics", "tcp", "10.0.0.5", 15935, exposure("10.0.0.5"), "livepeer_x", False)
    write_monitoring(replace(made, listeners=(listener,)), tmp_path, SAMPLES)
    path = tmp_path / "prometheus" / "prometheus.yml"
    if not commented:
        text = path.read_text(encoding="utf-8").replace("# tls_config", "tls_config").replace("# basic_auth", "basic_auth")
        assert text.count("tls_config") + text.count("basic_auth:") == 2
        path.write_text(text, encoding="utf-8")
        for name in ("livepeer-metrics-ca.pem", "livepeer-metrics-password"):
            (path.parent / name).touch()
    done = promtool("check", "config", str(path))
    assert done.returncode == 0, done.stderr
    assert "rules found" in done.stdout


def test_targets_that_are_none_are_noticed(promtool: Run, tmp_path: Path) -> None:
    write_monitoring(plan_fleet(fleet(orchestrator("orch1")), (), TEMPLATES), tmp_path, SAMPLES)
    (tmp_path / "prometheus" / "targets.json").write_text('[{"target": []}]', encoding="utf-8")
    assert promtool("check", "config", str(tmp_path / "prometheus" / "prometheus.yml")).returncode != 0
