# SPDX-License-Identifier: GPL-3.0-or-later
"""The page and JUnit's file: what is in them whatever an inventory says, and for whom they are."""

from __future__ import annotations

import base64
import hashlib
import re
import stat
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan import PlanError
from ansible_collections.livepeer.fleet.plugins.plugin_utils.report.files import JUNIT_FILE, PAGE_FILE, write_reports
from ansible_collections.livepeer.fleet.plugins.plugin_utils.report.junit import MADE, junit
from ansible_collections.livepeer.fleet.plugins.plugin_utils.report.page import page

from .plans import EMPTY, large, three
from .test_agreement import data

NASTY = "</script><!-- <script> ]]> & \" ' \x00 \x1b[31m \ud800 \u2028 é"


def nasty() -> Finding:
    return Finding("LPF503", Level.ERROR, NASTY, hosts=("gw1",), node=NASTY, variable=NASTY, got="x", limit=NASTY, hint=NASTY)


def test_nothing_of_an_inventory_ends_the_data_of_the_page() -> None:
    text = page(replace(EMPTY, findings=(nasty(),)))
    assert text.count("</script>") == page(EMPTY).count("</script>") == 2
    assert "<!--" not in text
    assert data(text)["findings"][0]["message"] == NASTY
    assert text.encode()


def test_the_policy_of_the_page_lets_in_its_own_style_and_script_alone() -> None:
    text = page(three())
    found = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert found
    for element, pattern in {"style-src": r"<style>(.*?)</style>", "script-src": r"<script>(.*?)</script>"}.items():
        inline = re.findall(pattern, text, re.DOTALL)
        assert len(inline) == 1
        assert f"{element} 'sha256-{base64.b64encode(hashlib.sha256(inline[0].encode()).digest()).decode()}'" in found[1]
    assert found[1].startswith("default-src 'none';")
    assert "unsafe" not in found[1]


def test_the_page_names_no_other_place() -> None:
    script = page(EMPTY).replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://|\bsrc=|\bimport\b|url\(|@import|fetch\(|innerHTML|insertAdjacent|document\.write|eval\(", script)


def test_the_page_is_small_where_equal_edges_are_many() -> None:
    plan = large(300)
    assert sum(edge.count for edge in plan.edges) == 30 * 270
    assert len(data(page(plan))["groups"]) == 7
    assert sum(group["count"] for group in data(page(plan))["groups"]) == 30 * 270


def test_a_fleet_without_findings_is_one_test_that_passed() -> None:
    suite = ElementTree.fromstring(junit(three()).encode())[0]
    assert [(case.get("name"), case.find("failure")) for case in suite] == [(MADE, None)]
    assert suite[0].findtext("system-out", "").startswith("3 nodes on 3 hosts: no findings. Plan ")


def test_an_error_is_a_failure_with_all_that_an_operator_needs() -> None:
    plan = three("1100")
    suite = ElementTree.fromstring(junit(plan).encode())[0]
    (case,) = [case for case in suite if case.find("failure") is not None]
    assert case.get("classname") == "livepeer.fleet.LPF201"
    assert case.get("name") == "gw1 (gateway): livepeer_gateway_max_price_per_unit"
    failure = case.find("failure")
    assert failure is not None and failure.get("type") == "LPF201"
    assert failure.get("message") == plan.findings[0].message
    assert "help: livepeer_gateway_max_price_per_unit: " in (failure.text or "")


def test_a_warning_and_an_info_pass_and_say_what_they_have_to_say() -> None:
    found = tuple(Finding("LPF209", level, "no gas price is stated", hosts=("gw1",)) for level in (Level.WARNING, Level.INFO))
    suite = ElementTree.fromstring(junit(replace(EMPTY, findings=found)).encode())[0]
    assert suite.get("failures") == "0" and suite.get("skipped") == "0"
    assert [case.get("name") for case in suite] == [MADE, "gw1", "gw1 (2)"]
    assert "no gas price is stated" in suite[1].findtext("system-out", "")


def test_the_file_is_xml_whatever_is_in_a_finding() -> None:
    suite = ElementTree.fromstring(junit(replace(EMPTY, findings=(nasty(),))).encode())[0]
    failure = suite[1].find("failure")
    assert failure is not None
    assert "</script><!-- <script> ]]> & \" ' \\x00 \\x1b[31m \\xd800" in (failure.get("message") or "")


def test_the_files_are_their_owners_alone(tmp_path: Path) -> None:
    write_reports(three(), tmp_path)
    write_reports(three("1100"), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [JUNIT_FILE, PAGE_FILE]
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "LPF201" in (tmp_path / PAGE_FILE).read_text(encoding="utf-8")


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"the reports cannot be written to .*: No such file or directory"):
        write_reports(three(), tmp_path / "gone")
