# SPDX-License-Identifier: GPL-3.0-or-later
"""There is one definition of every variable, and no default anywhere else."""

from __future__ import annotations

import ast
import re
from dataclasses import MISSING, fields
from pathlib import Path

import pytest
import yaml
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model import fleet
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.definitions import (
    Definition,
    definitions,
    entry_points,
    managed_flags,
    of_role,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.values import PATTERNS
from ansible_collections.livepeer.fleet.plugins.plugin_utils.render import AS_FILES

ROOT = Path(__file__).parents[3]
SPEC_KEYS = {"type", "elements", "choices", "default", "options", "description"}
FORMATS = {
    "address",
    "keystore",
    "address_or_none",
    "amount",
    "certificate",
    "ip",
    "cap",
    "capability_caps",
    "pipeline",
    "pixels",
    "signer_url",
    "source",
    "percent",
    "version",
    "network",
    "text",
    "path",
    "peer",
    "orch_addr",
    "remote_signer",
    "gas",
    "exchange_rate",
    "flags",
    "environment",
    "endpoints",
}


def every_definition() -> list[Definition]:
    """Variables and the keys inside them."""
    return [one for top in definitions().values() for one in (top, *(top.options or {}).values())]


@pytest.mark.parametrize("one", every_definition(), ids=lambda one: one.name)
def test_a_definition_is_whole(one: Definition) -> None:
    assert one.type in {"str", "int", "bool", "list", "dict", "raw"}
    assert one.description and all(text.endswith((".", ")")) for text in one.description)
    assert (one.type == "list") == bool(one.elements)
    assert one.format in FORMATS | set(PATTERNS) | {"optimization_flags", ""}
    assert one.required in {"", "always", "onchain"}
    assert not (one.required and one.default is not None)
    assert one.type != "raw" or one.format
    assert (
        one.default is None or not one.choices or set(one.choices) >= set(one.default if isinstance(one.default, list) else [one.default])
    )


@pytest.mark.parametrize("name", ["version", "eth_url", "archive_checksum"])
def test_nothing_that_is_trust_has_a_default(name: str) -> None:
    assert of_role("fleet")[name].default is None


@pytest.mark.parametrize("word", ["price_per_unit", "service_addr", "eth_acct_addr", "keystore", "reward", "auto_adjust_price", "payment"])
def test_nothing_that_moves_money_or_opens_a_port_has_a_default(word: str) -> None:
    assert [one.name for one in definitions().values() if one.name.endswith(word) and one.default is not None] == []


@pytest.mark.parametrize("role", fleet.Role)
def test_every_setting_is_a_variable_and_the_other_way_round(role: fleet.Role) -> None:
    names = {field.name for field in fields(fleet.SETTINGS[role])}
    assert names == set(of_role(role.value)) - {"name", "network"} - AS_FILES


@pytest.mark.parametrize("kind", [*fleet.SETTINGS.values(), fleet.Node, fleet.Release, fleet.Host])
def test_the_model_has_no_defaults_of_its_own(kind: type) -> None:
    assert [field.name for field in fields(kind) if field.default is not MISSING or field.default_factory is not MISSING] == []


def test_roles_have_no_defaults_and_tasks_do_not_choose_any() -> None:
    assert list(ROOT.glob("roles/*/defaults")) == []
    files = [path for folder in ("roles", "playbooks") for path in (ROOT / folder).rglob("*") if path.suffix in {".yml", ".j2"}]
    assert files
    chosen = re.compile(r"livepeer_(?!fleet_)[a-z_]+\s*\|\s*(default|d)\(")
    assert [str(path) for path in files if chosen.search(path.read_text(encoding="utf-8"))] == []


def _constants(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)}
    texts = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in docs)
    return {node.value for node in texts if isinstance(node.value, str)}


def test_no_code_repeats_an_address_that_is_a_default() -> None:
    addresses = {str(one.default) for one in definitions().values() if one.format == "address" and one.default}
    code = [*(ROOT / "plugins" / "plugin_utils").rglob("*.py"), *(ROOT / "plugins" / "action").glob("*.py")]
    found = {str(path): sorted(addresses & _constants(path)) for path in code}
    # A hint may show what an address looks like.
    found.pop(str(ROOT / "plugins" / "plugin_utils" / "model" / "values.py"), None)
    assert {path: texts for path, texts in found.items() if texts} == {}


@pytest.mark.parametrize("role", sorted(entry_points()))
def test_the_argument_spec_covers_every_variable_of_the_role(role: str) -> None:
    specs = yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]
    assert set(specs) == set(entry_points()[role])
    for name, point in entry_points()[role].items():
        options = specs[name]["options"]
        expected = {one.name for part in point.parts for one in of_role(part).values()} | set(point.options)
        assert set(options) == expected
        for option in options.values():
            assert set(option) <= SPEC_KEYS


@pytest.mark.parametrize("role", sorted(entry_points()))
def test_every_entry_point_that_takes_a_variable_says_so(role: str) -> None:
    taken = {
        path.stem: set(re.findall(rf"\b{role}_[a-z_]+\b(?= *\|)", path.read_text(encoding="utf-8")))
        for path in (ROOT / "roles" / role / "tasks").glob("*.yml")
    }
    declared = {name for point in entry_points()[role].values() for name in point.options}
    inputs = {name for names in taken.values() for name in names if name.endswith("_roles")}
    assert inputs <= declared


def test_what_holds_a_secret_cannot_fail_at_role_entry() -> None:
    for role in entry_points():
        specs = yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
        for name, option in specs["argument_specs"]["main"]["options"].items():
            if name in definitions() and definitions()[name].holds_secrets:
                assert (option["type"], option.get("choices"), option.get("options")) == ("raw", None, None)


def test_managed_flags_name_the_variable_of_the_role() -> None:
    assert managed_flags("gateway")["httpAddr"] == "livepeer_gateway_http_addr"
    assert managed_flags("orchestrator")["httpAddr"] == "livepeer_orchestrator_http_addr"
    assert managed_flags("gateway")["network"].endswith("network")
