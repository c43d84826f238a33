# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents of prices on a running node: proved entry by entry, and a dropped one brings back what ran before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.render import sha256_of
from hostlib.fleet import Fleet

from .conftest import HOST, Lab

ACCOUNTS = ("documents-gateway", "documents-orchestrator")
ELSEWHERE = "0x00000000000000000000000000000000000000aa"
CAPS = [
    {"pipeline": "text-to-image", "model_id": "ByteDance/SDXL-Lightning", "price_per_unit": "6072", "pixels_per_unit": 5},
    {"pipeline": "llm", "price_per_unit": 7, "pixels_per_unit": 3},
]
LOADED = {'pipeline="llm"} 2.3333333333333335', 'pipeline="text-to-image"} 1214.4'}


@pytest.fixture
def paid(lab: Lab, machine: Fleet, tmp_path: Path) -> Lab:
    """The machine with a chain beside it, and a gateway and an orchestrator that have documents of prices."""
    document = tmp_path / "chain.json"
    document.write_text(json.dumps({"accounts": ACCOUNTS, "state": {}}))
    machine.up([HOST], chain=document)
    chain = machine.chain
    for role in ("gateway", "orchestrator"):
        keystore, password = chain.keystore(f"documents-{role}"), chain.password(f"documents-{role}")
        lab.variables |= {
            f"livepeer_{role}_keystore": keystore.read_text(),
            f"livepeer_{role}_eth_password": password.read_text().strip(),
            f"livepeer_{role}_eth_acct_addr": f"0x{json.loads(keystore.read_text())['address'].removeprefix('0x')}",
        }
    lab.variables |= {
        "livepeer_network": "arbitrum-one-mainnet",
        "livepeer_eth_url": chain.url,
        "livepeer_eth_chain_id": chain.document()["chain_id"],
        "livepeer_gateway_payment": "onchain",
        "livepeer_gateway_max_price_per_unit": 1250,
        "livepeer_gateway_max_price_per_capability": CAPS,
        "livepeer_orchestrator_price_per_unit": 1000,
        "livepeer_orchestrator_auto_adjust_price": True,
        "livepeer_orchestrator_reward": False,
        "livepeer_orchestrator_price_per_gateway": [{"ethaddress": ELSEWHERE, "priceperunit": 900, "pixelsperunit": 7}],
        "livepeer_start_timeout": 30,
    }
    return lab


def test_what_is_loaded_is_proved_and_a_dropped_document_goes_back(paid: Lab) -> None:
    paid.plan()
    assert paid.apply().done["changed"]
    series = [line for line in ask(paid, "metrics").splitlines() if line.startswith("livepeer_price_per_capability{")]
    assert {line[line.index("pipeline=") :] for line in series} == LOADED
    a_quoted_number_drops_every_cap(paid)
    a_quoted_number_drops_every_price_of_gateways(paid)
    a_cap_that_somebody_changed_is_seen(paid)


def a_quoted_number_drops_every_cap(lab: Lab) -> None:
    good = lab.observation()["nodes"]["gateway"]["active"]
    garble(lab, lab.plan(), "gateway", '"price_per_unit":6072', '"price_per_unit":"6072"')
    why = lab.module("node").failed
    assert "it did not load 2 of 2 entries of -maxPricePerCapability (llm default, text-to-image ByteDance/SDXL-Lightning)" in why
    assert f"The host is back at revision {good}" in why and "proved again" in why
    assert lab.observation()["nodes"]["gateway"]["problems"] == []


def a_quoted_number_drops_every_price_of_gateways(lab: Lab) -> None:
    garble(lab, lab.plan(), "orchestrator", '"priceperunit":900', '"priceperunit":"900"')
    why = lab.module("node").failed
    assert f"it did not load 1 of 2 entries of -pricePerGateway ({ELSEWHERE.lower()})" in why
    assert "proved again" in why


def a_cap_that_somebody_changed_is_seen(lab: Lab) -> None:
    lab.plan()
    ask(lab, "setMaxPriceForCapability?maxPricePerUnit=8&pixelsPerUnit=3&currency=wei&pipeline=llm&modelID=default")
    (problem,) = lab.observation()["nodes"]["gateway"]["problems"]
    assert problem.startswith("it runs with llm default = 2.6666666666666665 of -maxPricePerCapability, planned is 2.3333333333333335")


def ask(lab: Lab, route: str) -> str:
    """What the gateway's CLI port answers."""
    program = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())"
    return lab.shell(f"python3 -c '{program}' 'http://127.0.0.1:5935/{route}'")


def garble(lab: Lab, part: dict[str, Any], name: str, old: str, new: str) -> None:
    """Plan a document that the collection would not write."""
    (node,) = (one for one in part["nodes"] if one["name"] == name)
    assert old in node["files"]["livepeer.conf"]
    files = {**node["files"], "livepeer.conf": node["files"]["livepeer.conf"].replace(old, new)}
    changed = {**node, "files": files, "digest": sha256_of({"files": files, "secrets": sorted(node["secrets"])})}
    nodes = [changed if one is node else one for one in part["nodes"]]
    (lab.folder / f"plan/hosts/{HOST}.json").write_text(json.dumps({**part, "nodes": nodes}))
