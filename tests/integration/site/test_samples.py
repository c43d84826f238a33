# SPDX-License-Identifier: GPL-3.0-or-later
"""The sample inventories say what their comments promise, with the real plan.yml and without a vault. No host is needed."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hostlib.tools import CHECKOUT

SAMPLES = CHECKOUT / "samples"
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
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


GOOD = ("good", "1000", "1300", "30", "gateway")
IMAGES = ("good", "4000000", "5200000", "30", "gateway")
BY_SIGNER = ("good", "400", "520", "30", "signer")
BY_CLEARINGHOUSE = ("good", "400", "500", "25", "signer")
GW1, ORCH1 = "gw1.example.org", "orch1.example.org"
OWN_MODEL = "text-to-image stabilityai/sd-turbo"


def both(video: str, images: str) -> Promise:
    """Video and images at one or two orchestrators for the gateway gw1."""
    return Promise(
        {(GW1, video, "video"): GOOD, (GW1, images, MODEL): IMAGES},
        advertised={(GW1, "video"): "1030", (GW1, MODEL): "4120000"},
        survives=Fraction(1),
    )


PROMISES = {
    "offchain.yml": Promise(
        {
            ("edge1.example.org", "edge1.example.org", "video"): FREE,
            (GW1, "edge1.example.org", "video"): FREE,
            (GW1, ORCH1, "video"): FREE,
            (GW1, "orch2.example.org", "video"): FREE,
        }
    ),
    "clearinghouse-one-host.yml": Promise(
        {("edge1.example.org", "edge1.example.org", LIVE): BY_CLEARINGHOUSE},
        advertised={("edge1.example.org", LIVE): "404"},
        survives=Fraction(1, 10),
    ),
    "signer-one-host.yml": Promise(
        {("edge1.example.org", "edge1.example.org", LIVE): BY_SIGNER},
        advertised={("edge1.example.org", LIVE): "404"},
        survives=Fraction(1, 10),
    ),
    "clearinghouse-one-host-free-video.yml": Promise(
        {("edge1", "edge1", LIVE): BY_CLEARINGHOUSE, ("edge1-free", "edge1-free", "video"): FREE},
        advertised={("edge1", LIVE): "404"},
        survives=Fraction(1, 10),
    ),
    "signer-separate-hosts.yml": Promise(
        {(GW1, ORCH1, LIVE): BY_SIGNER, ("gw2.example.org", ORCH1, LIVE): BY_SIGNER},
        advertised={(GW1, LIVE): "404", ("gw2.example.org", LIVE): "404"},
        survives=Fraction(1, 10),
    ),
    "onchain-one-host.yml": Promise(
        {("media1.example.org", "media1.example.org", "video"): GOOD},
        advertised={("media1.example.org", "video"): "1090"},
        survives=Fraction(1),
    ),
    "onchain-registry.yml": Promise({(GW1, ORCH1, "video"): GOOD}, advertised={(GW1, "video"): "1030"}, survives=Fraction(1)),
    "onchain-separate-hosts.yml": Promise(
        {
            (GW1, ORCH1, "video"): GOOD,
            (GW1, "orch2.example.org", "video"): ("good", "900", "1300", "400/9", "gateway"),
            ("gw2.example.org", ORCH1, "video"): ("good", "1000", "1430", "43", "gateway"),
            ("gw2.example.org", "orch2.example.org", "video"): ("good", "1100", "1430", "30", "gateway"),
            ("gw2.example.org", "ai1.example.org", MODEL): IMAGES,
        },
        advertised={(GW1, "video"): "1090", ("gw2.example.org", "video"): "1199", ("gw2.example.org", MODEL): "4360000"},
        survives=Fraction(1),
    ),
    "dual-mode.yml": both(ORCH1, ORCH1),
    "split.yml": both("orch1-video", "orch1-ai"),
    "workers.yml": Promise(
        {(GW1, ORCH1, "video"): GOOD, (GW1, ORCH1, OWN_MODEL): ("good", "4000", "5200", "30", "gateway")},
        advertised={(GW1, "video"): "1030", (GW1, OWN_MODEL): "4120"},
        survives=Fraction(1),
    ),
    "siphon.yml": Promise({(GW1, "gpu1.example.org", "video"): GOOD}, advertised={(GW1, "video"): "1030"}, survives=Fraction(1)),
}

PAYERS = {"gateway": {"onchain"}, "signer": {"remote_signer", "clearinghouse"}, "nobody": {"none"}}
"""What a gateway's payment may be, by who enforces its caps."""

KINDS = {"video": "video", LIVE: "live AI"}
"""Workloads as the README's table of patterns names them; every other one is AI."""


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


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Planned]:
    """The plan of each sample, made once."""
    return cache(lambda name: planned(SAMPLES / name, tmp_path_factory.mktemp("plan")))


def workload(edge: dict[str, str]) -> str:
    return f"{edge['pipeline']} {edge['model_id']}" if edge["pipeline"] else edge["workload"]


def rows() -> dict[str, tuple[str, str, str]]:
    """The README's table of patterns: payment, workload and what to write, by the sample of each row."""
    table = re.findall(r"^\| [^|]+ \| ([^|]+) \| ([^|]+) \| ([^|]+\(samples/([a-z-]+\.yml)\)) \|$", README, re.MULTILINE)
    return {name: (payment, kinds, write) for payment, kinds, write, name in table}


def test_every_sample_is_a_row_of_the_readme_and_has_a_promise() -> None:
    assert {path.name for path in SAMPLES.glob("*.yml")} == set(PROMISES) == set(rows())


@pytest.mark.parametrize("name", PROMISES)
def test_a_row_of_the_readme_says_what_its_sample_does(name: str) -> None:
    payment, kinds, write = rows()[name]
    promised = PROMISES[name].edges
    assert set(kinds.split(", ")) == {KINDS.get(job, "AI") for _gateway, _orchestrator, job in promised}
    possible = [PAYERS[str(row[4])] for row in promised.values()]
    assert all(each & set(payment.split(", ")) for each in possible)
    assert set(payment.split(", ")) <= set().union(*possible)
    sample = (SAMPLES / name).read_text(encoding="utf-8")
    assert [code for code in re.findall(r"`([^`]+)`", write) if code not in sample] == []
    for explicit in ("remote_signer", "clearinghouse"):
        assert (f"livepeer_gateway_payment: {explicit}" in sample) is (explicit in payment.split(", "))


@pytest.mark.parametrize("name", PROMISES)
def test_a_sample_is_planned_as_its_comments_promise(name: str, plans: Callable[[str], Planned]) -> None:
    run = plans(name)
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
    # The defect of RTMP, which every gateway off-chain has.
    assert {one["code"] for one in run.plan["findings"] if one["level"] != "info"} <= {"LPF506"}, run.output


@pytest.mark.parametrize("name", PROMISES)
def test_the_prices_of_a_sample_are_worked_out_as_its_comments_promise(name: str, plans: Callable[[str], Planned]) -> None:
    run = plans(name)
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
