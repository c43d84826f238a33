# SPDX-License-Identifier: GPL-3.0-or-later
"""Screen, page, JUnit and plan.json say the same of the same plan."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any
from xml.etree import ElementTree

from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan import Plan
from ansible_collections.livepeer.fleet.plugins.plugin_utils.report.groups import groups
from ansible_collections.livepeer.fleet.plugins.plugin_utils.report.junit import junit
from ansible_collections.livepeer.fleet.plugins.plugin_utils.report.page import page
from ansible_collections.livepeer.fleet.plugins.plugin_utils.report.table import Screen
from ansible_collections.livepeer.fleet.plugins.plugin_utils.report.terminal import report
from hypothesis import given

from .plans import random_plans


def data(text: str) -> Any:
    """What a page draws."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found
    return json.loads(found[1])


@given(random_plans)
def test_every_edge_stands_in_one_group_with_its_terms(plan: Plan) -> None:
    there = Counter(
        (gateway, orchestrator, str(group.terms.workload), group.terms.verdict.value, group.terms.price)
        for group in groups(plan.edges)
        for one in group.between
        for gateway in one.gateways
        for orchestrator in one.orchestrators
    )
    edges = [(e.gateways[0].host, e.orchestrators[0].host, str(e.workload), e.verdict.value, e.price) for e in plan.edges]
    assert there == Counter(edges)


@given(random_plans)
def test_verdicts_are_counted_alike(plan: Plan) -> None:
    written = Counter(entry["verdict"] for entry in plan.to_dict()["edges"])  # type: ignore[attr-defined]
    drawn: Counter[str] = Counter()
    for group in data(page(plan))["groups"]:
        drawn[group["verdict"]] += group["count"]
        assert group["count"] == sum(len(gateways) * len(orchestrators) for gateways, orchestrators in group["between"])
    assert drawn == written
    printed = report(plan, Screen(400)).partition("Who gives")[2]
    for verdict, count in written.items():
        assert len(re.findall(rf"  {re.escape(verdict)}(?= LPF| \(if|$)", printed, re.MULTILINE)) == count


@given(random_plans)
def test_findings_are_counted_alike(plan: Plan) -> None:
    errors = sum(finding.level is Level.ERROR for finding in plan.findings)
    suite = ElementTree.fromstring(junit(plan).encode())[0]
    assert [suite.get("tests"), suite.get("failures")] == [str(len(plan.findings) + 1), str(errors)]
    assert (len(suite), len(suite.findall("testcase/failure"))) == (len(plan.findings) + 1, errors)
    names = [(case.get("classname"), case.get("name")) for case in suite]
    assert len(set(names)) == len(names)
    drawn = data(page(plan))
    assert drawn["refused"] == plan.refused == bool(errors)
    shown = re.findall(r"^(error|warning|info)\[(LPF\d+)\]", report(plan, Screen(100)), re.MULTILINE)
    assert shown == [(finding["level"], finding["code"]) for finding in drawn["findings"]]
    assert {(finding.level.value, finding.code) for finding in plan.findings} == set(shown)
    assert drawn["counts"] in report(plan, Screen(100)).splitlines()[-1]
