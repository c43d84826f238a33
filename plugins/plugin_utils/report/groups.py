# SPDX-License-Identifier: GPL-3.0-or-later
"""Edges that differ in their ends alone, folded together: the rows of the screen's table and of the page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from ansible_collections.livepeer.fleet.plugins.plugin_utils.edges import Edge, Verdict
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Role
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan_json import end_name
from ansible_collections.livepeer.fleet.plugins.plugin_utils.report.texts import natural

URGENT_FIRST = (Verdict.REFUSED, Verdict.WARNING, Verdict.UNKNOWN, Verdict.GOOD, Verdict.FREE)
"""Verdicts in the order in which a person wants to read them."""


@dataclass(frozen=True)
class Between:
    """Every gateway here to every orchestrator here, by the names that plan.json has for them."""

    gateways: tuple[str, ...]
    orchestrators: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many edges that are."""
        return len(self.gateways) * len(self.orchestrators)


@dataclass(frozen=True)
class Group:
    """Edges of equal terms.

    Attributes:
        terms: what they share, an edge without ends.
        between: whose edges they are; no edge stands in two of them.
    """

    terms: Edge
    between: tuple[Between, ...]

    @property
    def count(self) -> int:
        """How many edges that are."""
        return sum(one.count for one in self.between)

    @property
    def gateways(self) -> tuple[str, ...]:
        """Every gateway, once."""
        return _each(name for one in self.between for name in one.gateways)

    @property
    def orchestrators(self) -> tuple[str, ...]:
        """Every orchestrator, once."""
        return _each(name for one in self.between for name in one.orchestrators)


def _each(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names), key=natural))


def groups(edges: Iterable[Edge]) -> list[Group]:
    """The edges of a plan by their terms, the gravest first, else in the order of the plan."""
    found: dict[Edge, list[Between]] = {}
    for edge in edges:
        found.setdefault(replace(edge, gateways=(), orchestrators=()), []).append(between(edge))
    return sorted((Group(terms, _folded(ends)) for terms, ends in found.items()), key=lambda group: URGENT_FIRST.index(group.terms.verdict))


def between(edge: Edge) -> Between:
    """The ends of an edge by their names."""
    return Between(
        tuple(sorted((end_name(end, Role.GATEWAY) for end in edge.gateways), key=natural)),
        tuple(sorted((end_name(end, Role.ORCHESTRATOR) for end in edge.orchestrators), key=natural)),
    )


def _folded(ends: Sequence[Between]) -> tuple[Between, ...]:
    """First the orchestrators of each set of gateways together, then the gateways that have the same orchestrators."""
    to: dict[tuple[str, ...], dict[str, None]] = {}
    for one in ends:
        to.setdefault(one.gateways, {}).update(dict.fromkeys(one.orchestrators))
    pairs = sorted((tuple(sorted(orchestrators, key=natural)), gateways) for gateways, orchestrators in to.items())
    return tuple(
        Between(tuple(sorted((name for _same, names in alike for name in names), key=natural)), orchestrators)
        for orchestrators, alike in groupby(pairs, key=lambda pair: pair[0])
    )
