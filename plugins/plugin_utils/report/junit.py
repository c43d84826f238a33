# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings as a CI reads them: a JUnit file with a test case for each, and one for the plan itself."""

from __future__ import annotations

import re
from collections import Counter
from xml.etree import ElementTree as Xml

from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan import Plan
from ansible_collections.livepeer.fleet.plugins.plugin_utils.report.table import Screen
from ansible_collections.livepeer.fleet.plugins.plugin_utils.report.terminal import conclusion, findings
from ansible_collections.livepeer.fleet.plugins.plugin_utils.report.texts import place

SUITE = "livepeer.fleet"
MADE = "the inventory is read and planned"
"""Passes whenever there is a plan, so that a fleet without findings has a test that passed."""

_SCREEN = Screen(width=120)
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(plan: Plan) -> str:
    """The text of findings.xml. An error is a failure; a warning or an info is a test that passed and has something to say."""
    errors = sum(finding.level is Level.ERROR for finding in plan.findings)
    numbers = {"tests": str(len(plan.findings) + 1), "failures": str(errors), "errors": "0", "skipped": "0"}
    suites = Xml.Element("testsuites", {"name": SUITE, **numbers})
    suite = Xml.SubElement(suites, "testsuite", {"name": SUITE, **numbers})
    made = Xml.SubElement(suite, "testcase", {"classname": f"{SUITE}.plan", "name": MADE})
    Xml.SubElement(made, "system-out").text = _legal(conclusion(plan, _SCREEN))
    seen: Counter[tuple[str, str]] = Counter()
    for finding in plan.findings:
        _case(suite, finding, seen)
    Xml.indent(suites)
    return f"<?xml version='1.0' encoding='utf-8'?>\n{Xml.tostring(suites, encoding='unicode')}\n"


def _case(suite: Xml.Element, finding: Finding, seen: Counter[tuple[str, str]]) -> None:
    """Names hold no values, so that a CI knows a finding again after somebody tried another value."""
    name = ": ".join(part for part in (place(finding, finding.hosts[:1]), finding.variable) if part) or finding.message
    seen[finding.code, name] += 1
    times = seen[finding.code, name]
    number = "" if times == 1 else f" ({times})"
    case = Xml.SubElement(suite, "testcase", {"classname": f"{SUITE}.{finding.code}", "name": _legal(name + number)})
    if finding.level is Level.ERROR:
        says = Xml.SubElement(case, "failure", {"message": _legal(finding.message), "type": finding.code})
    else:
        says = Xml.SubElement(case, "system-out")
    says.text = _legal(findings([finding], _SCREEN))


def _legal(text: str) -> str:
    """The text without characters that no XML can hold, written as in a program instead."""
    return _NOT_XML.sub(lambda match: f"\\x{ord(match[0]):02x}", text)
