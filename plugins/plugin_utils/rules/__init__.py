# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules, one module per subject: a rule is a small pure function with a code. Nothing here reads an inventory or a host."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules import (
    access,
    caps,
    currencies,
    defects,
    headroom,
    keys,
    models,
    operations,
    payment,
    ports,
    prices,
    runners,
    tickets,
    workers,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.survey import Rule, Survey

RULES: tuple[Rule, ...] = (
    *ports.RULES,
    *access.RULES,
    *runners.RULES,
    *models.RULES,
    *defects.RULES,
    *headroom.RULES,
    *caps.RULES,
    *currencies.RULES,
    *prices.RULES,
    *tickets.RULES,
    *payment.RULES,
    *operations.RULES,
    *workers.RULES,
    *keys.RULES,
)
"""Every rule over the fleet; the live ones are in ``hosts``, those about single values in the parser."""

_GRAVITY = tuple(Level)


def check(survey: Survey) -> tuple[Finding, ...]:
    """Everything that the rules have to say of a fleet, errors first, in a fixed order; equal findings of several hosts as one."""
    return in_order(merged(found for rule in RULES for found in rule.find(survey)))


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """Findings that say the same of different hosts, as one that lists all of them."""
    alike: dict[Finding, list[str]] = {}
    for one in findings:
        alike.setdefault(replace(one, hosts=one.hosts[1:]), []).extend(one.hosts[:1])
    return [replace(one, hosts=tuple(dict.fromkeys((*sorted(firsts), *one.hosts)))) for one, firsts in alike.items()]


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Errors first, then by code, host and variable."""
    return tuple(sorted(findings, key=lambda one: (_GRAVITY.index(one.level), one.code, one.hosts, one.node, one.variable, one.message)))
