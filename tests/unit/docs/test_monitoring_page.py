# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/monitoring.md and the rules for Prometheus: the same alerts, and names that go-livepeer exports."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
RULES = yaml.safe_load((ROOT / "samples" / "prometheus" / "livepeer.rules.yml").read_text(encoding="utf-8"))
RECORDED = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests" / "programs" / "recorded").iterdir())
NOT_RECORDED = {
    "livepeer_payment_create_errors",
    "livepeer_payment_recv_errors",
    "livepeer_reward_call_errors",
    "livepeer_ticket_redemption_errors",
}
"""Errors of money, which no recording has: their names are those of monitor/census.go:InitCensus."""


def exported() -> set[str]:
    """Every family of the recordings."""
    return set(re.findall(r"^# TYPE (\S+)", RECORDED, re.MULTILINE)) | NOT_RECORDED


def test_the_page_has_every_alert_and_no_other() -> None:
    alerts = {rule["alert"] for group in RULES["groups"] for rule in group["rules"] if "alert" in rule}
    assert set(re.findall(r"`(Livepeer\w+)`", PAGE)) == alerts


def test_rules_and_the_second_column_of_the_page_name_what_is_exported() -> None:
    expressions = " ".join(rule["expr"] for group in RULES["groups"] for rule in group["rules"])
    rows = re.findall(r"^\| `(livepeer_\w+)` \| (.*) \|$", PAGE, re.MULTILINE)
    assert len(rows) == 10
    for name in {*re.findall(r"\blivepeer_\w+", expressions), *re.findall(r"livepeer_\w+", " ".join(rest for _documented, rest in rows))}:
        assert name in exported(), name


def test_of_the_documented_names_only_one_is_real() -> None:
    documented = re.findall(r"^\| `(livepeer_\w+)` \|", PAGE, re.MULTILINE)
    assert [name for name in documented if name in exported()] == ["livepeer_current_sessions_total"]
