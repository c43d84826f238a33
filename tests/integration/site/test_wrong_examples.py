# SPDX-License-Identifier: GPL-3.0-or-later
"""Wrong examples of public documentation: each is refused with the value to write, and what is to be written instead is not.

``wrong_examples/`` holds them as data; docs/wrong-examples.md is their page (LIVEPEER_PAGES=write writes it anew).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.inventory import Inventory
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan import Plan, make_plan
from hostlib.tools import CHECKOUT

FOLDER = Path(__file__).parent / "wrong_examples"
PAGE = CHECKOUT / "docs" / "wrong-examples.md"
TEMPLATES = CHECKOUT / "roles" / "node" / "templates"
SUBJECTS = ("ports", "prices", "caps", "signers", "discovery", "flags")
FLEETS: Mapping[str, Any] = yaml.safe_load((FOLDER / "fleets.yml").read_text(encoding="utf-8"))
RELEASE = {"livepeer_version": "0.9.1", "livepeer_archive": "/livepeer-linux-amd64.tar.gz"}
HEAD = """\
<!-- SPDX-License-Identifier: GPL-3.0-or-later -->
<!-- Written by LIVEPEER_PAGES=write from tests/integration/site/wrong_examples; do not edit. -->

# Wrong examples

What public documentation, charts and posts say, what go-livepeer 0.9.1 does with it, and what to write in an inventory of this
collection. Each is tested: the plan refuses the wrong lines, or warns of them, and takes the right ones. [findings.md](findings.md)
explains the codes.
"""
# What only Ansible can show: what YAML makes of a value, and that no host is contacted.
THROUGH_ANSIBLE = ("unquoted-fraction", "cap-equal-to-the-price", "gateway-http-on-8935")

Variables = dict[str, dict[str, object]]
_ACRONYMS = re.compile(r"\b(ai|cli|eth|http|rtmp)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Example:
    """A wrong example.

    Attributes:
        name: what the test is called.
        documented, source, binary: for the page: what is said, where, and what happens.
        fleet: which of the small fleets it changes.
        groups: hosts that are put into further groups.
        wrong, right: variables of hosts; None takes one away. ``right`` is laid over ``wrong``.
        finds: for each expected finding what is fixed of it: code, level, variable, and texts that stand in its hint.
    """

    name: str
    documented: str
    source: str
    binary: str
    fleet: str
    wrong: Variables
    right: Variables
    finds: tuple[Mapping[str, str], ...]
    groups: Mapping[str, list[str]]

    def inventory(self, *changes: Variables) -> dict[str, Any]:
        """An inventory as YAML has it."""
        found: dict[str, Any] = {"all": {"vars": {**RELEASE, **FLEETS[self.fleet]["vars"]}}}
        for group, content in FLEETS[self.fleet].items():
            if group != "vars":
                found[group] = {"hosts": {host: dict(own or {}) for host, own in content["hosts"].items()}}
        for group, hosts in self.groups.items():
            found.setdefault(group, {"hosts": {}})["hosts"].update({host: {} for host in hosts})
        for change in changes:
            for host, variables in change.items():
                _lay_over(found, host, variables)
        return found

    def plan(self, *changes: Variables) -> Plan:
        """The plan of that inventory, without Ansible."""
        inventory = self.inventory(*changes)
        everywhere = inventory.pop("all")["vars"]
        groups = {group: list(content["hosts"]) for group, content in inventory.items()}
        hosts: Variables = {}
        for content in inventory.values():
            for host, own in content["hosts"].items():
                hosts.setdefault(host, dict(everywhere)).update(own)
        return make_plan(Inventory(groups, hosts), archive_checksum=lambda _archive: "ab" * 32, templates=TEMPLATES)


def _lay_over(inventory: dict[str, Any], host: str, variables: Mapping[str, object]) -> None:
    own = next(content["hosts"][host] for group, content in inventory.items() if group != "all" and host in content["hosts"])
    for name, value in variables.items():
        own.pop(name, None)
        if value is not None:
            own[name] = value


def examples() -> Iterator[tuple[str, Example]]:
    """Every example, with its subject."""
    for subject in SUBJECTS:
        content = yaml.safe_load((FOLDER / f"{subject}.yml").read_text(encoding="utf-8"))
        for one in content["examples"]:
            yield content["subject"], Example(**{"groups": {}, **one, "finds": tuple(one["finds"])})


def lines(variables: Variables) -> str:
    """Variables as an inventory has them."""
    written = {host: {name: value for name, value in own.items() if value is not None} for host, own in variables.items()}
    content = {host: own for host, own in written.items() if own}
    gone = [f"# {host}: without {name}" for host, own in variables.items() for name, value in own.items() if value is None]
    text = yaml.safe_dump(content, sort_keys=False, width=110).rstrip() if content else ""
    return "\n".join([*gone, *([text] if text else [])])


EXAMPLES = {example.name: example for _subject, example in examples()}


def fits(finding: Finding, expected: Mapping[str, str]) -> bool:
    """True if a finding is the expected one."""
    return (
        finding.level.value == expected.get("level", "error")
        and finding.code == expected.get("code", finding.code)
        and finding.variable == expected.get("variable", finding.variable)
        and expected.get("hint", "") in f"{finding.hint} {finding.limit}"
    )


def shown(findings: tuple[Finding, ...]) -> str:
    return "\n".join(f"{one.level.value}[{one.code}] {one.variable}: {one.message} (help: {one.hint})" for one in findings) or "nothing"


def errors(plan: Plan) -> list[Finding]:
    return [finding for finding in plan.findings if finding.level is Level.ERROR]


@pytest.mark.parametrize("fleet", FLEETS)
def test_the_fleets_that_are_changed_have_nothing_wrong_with_them(fleet: str) -> None:
    plan = Example("", "", "", "", fleet, {}, {}, (), {}).plan()
    # The defect of RTMP, which every gateway off-chain has.
    assert {finding.code for finding in plan.findings if finding.level is not Level.INFO} <= {"LPF506"}, shown(plan.findings)


# What no rule finds yet. Strict: a rule that finds one takes it out of here.
@pytest.mark.parametrize("name", EXAMPLES)
def test_a_wrong_example_is_found_with_what_to_write(name: str) -> None:
    example = EXAMPLES[name]
    plan = example.plan(example.wrong)
    assert all("code" in expected for expected in example.finds), "which code it is has to be said"
    for expected in example.finds:
        assert any(fits(finding, expected) for finding in plan.findings), f"{dict(expected)} is not in\n{shown(plan.findings)}"
    strangers = [one for one in errors(plan) if not any(fits(one, expected) for expected in example.finds)]
    assert not strangers, f"refused for something else:\n{shown(tuple(strangers))}"


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_is_to_be_written_is_taken(name: str) -> None:
    example = EXAMPLES[name]
    if not example.right:
        return
    plan = example.plan(example.wrong, example.right)
    assert not plan.refused, shown(plan.findings)
    assert not [one for one in plan.findings if any(fits(one, expected) for expected in example.finds)], shown(plan.findings)


# Whoever copies the line has not the variables that the small fleet has beside it: 0.5USD for one pixel is refused.
@pytest.mark.parametrize("name", [name for name, example in EXAMPLES.items() if "USD" in lines(example.right)])
def test_an_amount_of_dollars_stands_with_its_pixels(name: str) -> None:
    for host, variables in EXAMPLES[name].right.items():
        for variable, value in variables.items():
            if variable.endswith("_price_per_unit") and str(value).endswith("USD"):
                pixels = re.sub("(max_)?price_per_unit$", "pixels_per_unit", variable)
                assert pixels in variables, f"{host}: {variable} without {pixels}"


@pytest.mark.parametrize("name", THROUGH_ANSIBLE)
def test_the_same_through_the_playbook(name: str, tmp_path: Path) -> None:
    example = EXAMPLES[name]
    inventory = tmp_path / "inventory.yml"
    content = example.inventory(example.wrong)
    content["all"]["vars"].update(livepeer_archive=str(tmp_path / "archive.tar.gz"))
    (tmp_path / "archive.tar.gz").write_bytes(b"")
    inventory.write_text(yaml.safe_dump(content), encoding="utf-8")
    done = subprocess.run(
        ["ansible-playbook", "-i", str(inventory), "livepeer.fleet.plan"],
        cwd=tmp_path,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    written = tmp_path / "livepeer-plan" / "plan.json"
    assert done.returncode != 0 and written.exists(), done.stdout + done.stderr
    found = json.loads(written.read_text(encoding="utf-8"))["findings"]
    for expected in example.finds:
        (finding,) = (one for one in found if one["code"] == expected["code"] and one["variable"] == expected["variable"])
        assert expected["hint"] in f"{finding['hint']} {finding['limit']}"


def section(example: Example) -> str:
    """An example as people read it."""
    codes = dict.fromkeys(f"{one.get('level', 'error')} {one['code']}" for one in example.finds)
    right = f"# right\n{lines(example.right)}\n" if example.right else ""
    return (
        f"### {_ACRONYMS.sub(lambda found: found[0].upper(), example.name.replace('-', ' ').capitalize())}\n\n"
        f"- **Said**: {example.documented}\n"
        f"- **Where**: {example.source}\n"
        f"- **What go-livepeer does**: {example.binary}\n"
        f"- **What the plan does**: {', '.join(codes)}\n\n"
        f"```yaml\n# wrong\n{lines(example.wrong)}\n{right}```\n"
    )


def page() -> str:
    """The page, from the data."""
    parts, subject = [HEAD], ""
    for found, example in examples():
        if found != subject:
            subject = found
            parts.append(f"## {subject}\n")
        parts.append(section(example))
    return "\n".join(parts)


def test_the_page_is_what_the_examples_say() -> None:
    if os.environ.get("LIVEPEER_PAGES") == "write":
        PAGE.write_text(page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page(), "LIVEPEER_PAGES=write writes it anew"
