# SPDX-License-Identifier: GPL-3.0-or-later
"""The levels that the table of the rules names are those that findings have."""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils import rules
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.survey import Survey
from ansible_collections.livepeer.fleet.tests.unit.rules import test_operations, test_rules, test_tickets_rules, test_workers
from ansible_collections.livepeer.fleet.tests.unit.rules.fleets import Host, asker, fleet, payer

TABLES = (
    test_rules.PASSING,
    test_rules.FAILING,
    test_tickets_rules.PASSING,
    test_tickets_rules.FAILING,
    test_operations.PASSING,
    test_operations.FAILING,
    test_workers.PASSING,
    test_workers.FAILING,
)

RUNNERS = {"liveRunnerConfig": "/etc/runners.json"}
MODEL = [{"pipeline": "text-to-image", "model_id": "m", "price_per_unit": "0.5"}]
MILD: list[dict[str, Host]] = [
    {"g": payer("auto"), "o": asker(1000), "p": asker(9000)},
    {"g": payer(1250, gateway_flags={"ignoreMaxPriceIfNeeded": True}), "o": asker(1000)},
    {"o": asker(2 * 10**9)},
    {"o": asker(1000, orchestrator_ai_worker=True, orchestrator_ai_models=MODEL)},
    {"g": payer("2USD", wei_per_usd="500", gateway_pixels_per_unit=1000), "o": asker(1000, wei_per_usd="500")},
    {"o": asker(1000, orchestrator_ai_worker=True)},
    {"o": {**test_rules.CALLER, "orchestrator_reward": False}},
    {name: {**payer(1250), "gateway_eth_acct_addr": "0x" + "1" * 40} for name in ("g", "h")},
    {"g": payer(1250, gateway_discovery="onchain"), "o": asker(1000, orchestrator_flags={"aiServiceRegistry": True})},
    {"g": payer(1250, gateway_discovery="onchain", gateway_workloads=["live_runner"]), "o": asker(1000, orchestrator_flags=RUNNERS)},
]
"""What the tables of single rules have no case of, because most of them leave out what is mild."""


def named(level: str) -> set[Level]:
    """The levels in the words of the table."""
    return {one for one in Level if re.search(rf"\b{one.value}\b", level)}


@cache
def given() -> dict[str, set[Level]]:
    """The levels that findings about the fleets of the tests have, by code."""
    found: dict[str, set[Level]] = defaultdict(set)
    every = [hosts for table in TABLES for fleets in table.values() for hosts in fleets] + MILD
    for one in (one for hosts in every for one in rules.check(Survey(fleet(**hosts)))):
        found[one.code].add(one.level)
    return found


@pytest.mark.parametrize("code", sorted({rule.code for rule in rules.RULES}))
def test_the_table_names_the_levels_that_are_given(code: str) -> None:
    levels = {level for rule in rules.RULES if rule.code == code for level in named(rule.level)}
    assert given()[code] == levels
