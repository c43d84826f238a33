# SPDX-License-Identifier: GPL-3.0-or-later
"""The sample inventories say what their comments promise, with the real plan.yml and without a vault. No host is needed."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hostlib.tools import CHECKOUT

SAMPLES = CHECKOUT / "samples"
MODEL = "text-to-image ByteDance/SDXL-Lightning"
LIVE = "live-video-to-video comfystream"
FREE = ("free (off-chain)", None, None, None, "nobody")

Row = tuple[str, str | None, str | None, str | None, str]
"""Verdict, price, cap, headroom and who enforces it."""


@dataclass(frozen=True)
class Promise:
    """What the comments of a sample promise.

    Attributes:
        edges: gateway, orchestrator, workload.
        advertised: by gateway and workload the highest price at the highest gas price that is expected.
        survives: gas price in gwei that each cap survives at least.
    """

    edges: dict[tuple[str, str, str], Row]
    advertised: dict[tuple[str, str], str] = field(default_factory=dict)
    survives: Fraction = Fraction(0)


PROMISES = {
    "offchain.yml": Promise(
        {
            ("edge1.example.org", "edge1.example.org", "video"): FREE,
            ("gw1.example.org", "edge1.example.org", "video"): FREE,
            ("gw1.example.org", "orch1.example.org", "video"): FREE,
            ("gw1.example.org", "orch2.example.org", "video"): FREE,
        }
    ),
    "signer-one-host.yml": Promise(
        {("edge1.example.org", "edge1.example.org", LIVE): ("good", "400", "500", "25", "signer")},
        advertised={("edge1.example.org", LIVE): "404"},
        survives=Fraction(1, 10),
    ),
    "signer-one-host-free-video.yml": Promise(
        {("edge1", "edge1", LIVE): ("good", "400", "500", "25", "signer"), ("edge1-free", "edge1-free", "video"): FREE},
        advertised={("edge1", LIVE): "404"},
        survives=Fraction(1, 10),
    ),
    "onchain-one-host.yml": Promise(
        {("media1.example.org", "media1.example.org", "video"): ("good", "1000", "1300", "30", "gateway")},
        advertised={("media1.example.org", "video"): "1090"},
        survives=Fraction(1),
    ),
    "onchain-separate-hosts.yml": Promise(
        {
            ("gw1.example.org", "orch1.example.org", "video"): ("good", "1000", "1300", "30", "gateway"),
            ("gw1.example.org", "orch2.example.org", "video"): ("good", "900", "1300", "400/9", "gateway"),
            ("gw2.example.org", "orch1.example.org", "video"): ("good", "1000", "1430", "43", "gateway"),
            ("gw2.example.org", "orch2.example.org", "video"): ("good", "1100", "1430", "30", "gateway"),
            ("gw2.example.org", "ai1.example.org", MODEL): ("good", "4000000", "5200000", "30", "gateway"),
        },
        advertised={
            ("gw1.example.org", "video"): "1090",
            ("gw2.example.org", "video"): "1199",
            ("gw2.example.org", MODEL): "4360000",
        },
        survives=Fraction(1),
    ),
}


@dataclass(frozen=True)
class Planned:
    """What plan.yml made of an inventory."""

    status: int
    output: str
    plan: dict[str, Any]


def planned(inventory: Path, folder: Path, *arguments: str) -> Planned:
    """Plan as an operator without the vault does."""
    command = ["ansible-playbook", "-i", str(inventory), "livepeer.fleet.plan", *arguments]
    environment = {**os.environ, "COLUMNS": "160", "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False)
    written = folder / "livepeer-plan" / "plan.json"
    return Planned(done.returncode, done.stdout + done.stderr, json.loads(written.read_text()) if written.exists() else {})


def workload(edge: dict[str, str]) -> str:
    return f"{edge['pipeline']} {edge['model_id']}" if edge["pipeline"] else edge["workload"]


def test_every_sample_is_in_the_table_of_the_readme_and_here() -> None:
    files = {path.name for path in SAMPLES.glob("*.yml")}
    readme = (SAMPLES / "README.md").read_text(encoding="utf-8")
    assert files == set(PROMISES) == set(re.findall(r"\]\(([a-z-]+\.yml)\) \|", readme))


@pytest.mark.parametrize("name", PROMISES)
def test_a_sample_is_planned_as_its_comments_promise(name: str, tmp_path: Path) -> None:
    run = planned(SAMPLES / name, tmp_path)
    assert run.status == 0, run.output
    promise = PROMISES[name]
    edges = {
        (edge["gateway"], edge["orchestrator"], workload(edge)): tuple(
            edge[key] for key in ("verdict", "price", "cap", "headroom", "enforced_by")
        )
        for edge in run.plan["edges"]
    }
    assert edges == promise.edges, run.output
    assert all(edge["reachable"] for edge in run.plan["edges"])
    assert not [one["code"] for one in run.plan["findings"] if one["level"] != "info"], run.output


@pytest.mark.parametrize("name", PROMISES)
def test_the_prices_of_a_sample_are_worked_out_as_its_comments_promise(name: str, tmp_path: Path) -> None:
    run = planned(SAMPLES / name, tmp_path)
    promise, advertised = PROMISES[name], {}
    for figures in run.plan["pricing"]:
        assert figures["lacks"] == []
        assert Fraction(figures["survives_gwei"]) >= promise.survives
        (highest,) = (row["highest"] for row in figures["table"] if "highest" in row["marks"])
        advertised |= {(gateway, workload(figures)): highest for gateway in figures["gateways"]}
    assert advertised == promise.advertised, run.output


def test_a_sample_needs_no_vault(tmp_path: Path) -> None:
    """As in a pipeline of one's own: nothing of the vault is there, and nothing of it is asked for."""
    run = planned(SAMPLES / "onchain-separate-hosts.yml", tmp_path, "-e", "livepeer_plan_secrets=skip")
    assert run.status == 0, run.output
    assert not {one["code"] for one in run.plan["findings"] if one["level"] == "error"}
