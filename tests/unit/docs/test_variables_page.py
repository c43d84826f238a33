# SPDX-License-Identifier: GPL-3.0-or-later
"""The types in docs/variables.md are those that the parser takes: an example of each is taken, and one of another type refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.collector import Collector
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.definitions import definitions
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.values import MISSING, Checker

CHECKOUT = Path(__file__).parents[3]
TYPES = dict(
    re.findall(r"^\| `(livepeer_\w+)` \| ([^|]+) \|", (CHECKOUT / "docs" / "variables.md").read_text(encoding="utf-8"), re.MULTILINE)
)

CAP = {"pipeline": "llm", "price_per_unit": 5}
RATE = {"wei": 5, "date": "2026-11-20"}
RAW = {
    "livepeer_gateway_remote_signer": ("text or dict", ["s1", {"url": "http://s:1"}], [["s1"], {"host": "s1", "url": "http://s:1"}]),
    "livepeer_gateway_max_price_per_capability": ("list of dict, or text", ["auto", "any", [CAP]], [5, CAP]),
    "livepeer_remote_signer_max_price_per_capability": ("list of dict, or text", ["auto", "any", [CAP]], [5, CAP]),
    "livepeer_expected_gas_gwei": ("number or text, or list of two", [1, "0.05", ["0.05", 2]], [{"low": 1}, [1, 2, 3]]),
    "livepeer_wei_per_usd": ("number, text or dict", [5, "0.5", RATE], [[5]]),
    "livepeer_gateway_orch_addr": ("list of text or dict", [["o1", {"host": "o1"}]], ["o1", {"host": "o1"}]),
    "livepeer_rollout": ("list of number or text", [[1, "25%"]], [1, "25%"]),
    "livepeer_gateway_max_price_per_unit": ("number or text", [5, "auto"], [[5], {"price": 5}]),
}


@pytest.mark.parametrize("name", RAW)
def test_a_type_says_what_is_taken(name: str) -> None:
    kind, taken, refused = RAW[name]
    assert TYPES[name] == kind
    assert [value for value in taken if Checker(Collector("h")).check(definitions()[name], value, name) is MISSING] == []
    for value in refused:
        collector = Collector("h")
        Checker(collector).check(definitions()[name], value, name)
        assert collector.findings, value


def test_every_type_that_yaml_does_not_tell_is_looked_at() -> None:
    """Of those that are numbers or text one stands for all."""
    other = {
        name
        for name, kind in TYPES.items()
        if kind not in {"number or text", "secret", "str", "int", "bool", "dict", "list of dict", "list of str"}
    }
    assert other == set(RAW) - {"livepeer_gateway_max_price_per_unit"}
