# SPDX-License-Identifier: GPL-3.0-or-later
"""plan.json against docs/plan.schema.json: plans of every kind fit, and a field that nobody documented does not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.inventory import Inventory
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan import Plan, make_plan, plan_from_dict, write_plan
from ansible_collections.livepeer.fleet.plugins.plugin_utils.workloads import Workload
from ansible_collections.livepeer.fleet.tests.unit.render.fleets import ARBITRUM, TEMPLATES, gateway, orchestrator
from hypothesis import given
from jsonschema import Draft202012Validator

from .plans import EMPTY, costly, large, planned, random_plans, three

SCHEMA = json.loads((Path(__file__).parents[3] / "docs" / "plan.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)


@cache
def ai() -> Plan:
    """AI and live video, paid for."""
    release = {"livepeer_version": "0.9.1", "livepeer_archive": "/archive.tar.gz", "livepeer_network": ARBITRUM}
    account = {"eth_password": "long enough", "keystore": '{"version": 3}'}
    chain = {"livepeer_eth_url": "https://rpc.example.com/key", "livepeer_expected_gas_gwei": ["0.05", "2"], "livepeer_pool_size": 100}
    models = [
        {"pipeline": "text-to-image", "model_id": "stabilityai/sdxl-turbo", "price_per_unit": 4768371, "warm": True},
        {"pipeline": "live-video-to-video", "model_id": "comfyui", "price_per_unit": 1200, "warm": True},
    ]
    hosts = {
        "gw1": {
            **{f"livepeer_gateway_{name}": value for name, value in account.items()},
            "livepeer_gateway_workloads": ["video", "ai"],
            "livepeer_gateway_max_price_per_unit": "auto",
            "livepeer_gateway_reserve_eth": "1",
            "livepeer_gateway_deposit_eth": "1",
        },
        "orch1": {
            **{f"livepeer_orchestrator_{name}": value for name, value in account.items()},
            "livepeer_orchestrator_service_addr": "orch1.example.com:8935",
            "livepeer_orchestrator_price_per_unit": 1000,
            "livepeer_orchestrator_auto_adjust_price": True,
            "livepeer_orchestrator_reward": False,
            "livepeer_orchestrator_ai_worker": True,
            "livepeer_orchestrator_ai_models": models,
        },
    }
    variables = {name: {**release, **chain, **values} for name, values in hosts.items()}
    inventory = Inventory({"livepeer_gateways": ["gw1"], "livepeer_orchestrators": ["orch1"]}, variables)
    return make_plan(inventory, archive_checksum=lambda _archive: "ab" * 32, templates=TEMPLATES)


PLANS: dict[str, Callable[[], Plan]] = {
    "empty": lambda: EMPTY,
    "good": three,
    "refused": lambda: three("1100"),
    "costly": costly,
    "free": lambda: planned(gateway("a"), orchestrator("a"), gateway("b", name="eu"), orchestrator("c")),
    "ai": ai,
}


def errors(plan: Any) -> list[str]:
    """What of a plan does not fit, with its place."""
    return [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(plan)]


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_as_it_is_written_fits(name: str, tmp_path: Path) -> None:
    write_plan(PLANS[name](), tmp_path)
    written = json.loads((tmp_path / "plan.json").read_text(encoding="utf-8"))
    assert errors(written) == []
    assert plan_from_dict(written).digest == PLANS[name]().digest


def test_what_is_tried_is_what_its_name_says() -> None:
    assert PLANS["refused"]().refused and not PLANS["good"]().refused
    assert {edge["payable"] for edge in PLANS["free"]().to_dict()["edges"]} == {"free"}  # type: ignore[attr-defined]
    assert {edge.workload for edge in PLANS["ai"]().edges} >= {Workload.of_model("text-to-image", "stabilityai/sdxl-turbo")}


def test_grouped_edges_fit() -> None:
    plan = large(330)
    document = plan.to_dict()
    assert sum(edge.count for edge in plan.edges) > 9_800
    more = replace(plan, edges=plan.edges * 2).to_dict()
    assert "gateways" not in document["edges"][0] and "gateways" in more["edges"][0]  # type: ignore[index]
    assert errors({**document, "edges": more["edges"]}) == []


@given(random_plans)
def test_a_plan_at_random_fits(plan: Plan) -> None:
    assert errors(plan.to_dict()) == []


def objects(value: Any, path: str = "$") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object of a document with its place."""
    if isinstance(value, dict):
        yield path, value
        for name, part in value.items():
            yield from objects(part, f"{path}.{name}")
    elif isinstance(value, list):
        for place, part in enumerate(value[:1]):
            yield from objects(part, f"{path}[{place}]")


OPEN = (".hosts", ".files", ".secrets", ".nodes")
"""Objects whose keys are names of the fleet."""


def test_a_field_that_is_not_documented_does_not_fit() -> None:
    document = json.loads(json.dumps(PLANS["ai"]().to_dict()))
    tried = [(path, one) for path, one in objects(document) if not path.endswith(OPEN)]
    assert len(tried) > 10
    for path, one in tried:
        one["a_new_field"] = 1
        assert errors(document), path
        del one["a_new_field"]
    assert errors(document) == []


def test_a_field_that_is_gone_is_missed() -> None:
    document = json.loads(json.dumps(PLANS["costly"]().to_dict()))
    for path, one in [(path, one) for path, one in objects(document) if not path.endswith(OPEN) and ".secrets." not in path]:
        for name in list(one):
            value = one.pop(name)
            assert errors(document), f"{path}.{name}"
            one[name] = value


def described(schema: Any, path: str = "$") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property of the schema, with its place."""
    for name, value in schema.get("properties", {}).items():
        yield f"{path}.{name}", value
        yield from described(value, f"{path}.{name}")
    for name, value in schema.get("$defs", {}).items():
        yield f"{path}#{name}", value
        yield from described(value, f"{path}#{name}")


def test_every_field_is_described() -> None:
    for path, field in described(SCHEMA):
        referred = SCHEMA["$defs"][field["$ref"].rpartition("/")[2]] if "$ref" in field else {}
        assert field.get("description") or referred.get("description"), path


def test_every_object_is_closed() -> None:
    for path, field in [("$", SCHEMA), *described(SCHEMA)]:
        if field.get("type") == "object":
            assert "additionalProperties" in field, path
