# SPDX-License-Identifier: GPL-3.0-or-later
"""What releases of go-livepeer do wrong that a fleet can meet, and the way around."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.data import load
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.releases import order


@dataclass(frozen=True)
class Defect:
    """One of them.

    Attributes:
        id: its name.
        since, until: first and last version that has it; ``until`` is None while the newest known version does.
        level: of the finding: ``error``, ``warning`` or ``info``.
        condition: name of the predicate that tells whether a node meets it.
        options: what the predicate is told.
        effect, way_around: what happens, and what to do about it.
        source: where in go-livepeer.
        certainty: ``seen`` on a running binary, or ``read`` in the source only.
    """

    id: str
    since: str
    until: str | None
    level: str
    condition: str
    effect: str
    way_around: str
    source: str
    certainty: str
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def versions(self) -> str:
        """The versions that have it, for people."""
        return f"{self.since} to {self.until}" if self.until else f"{self.since} and later"

    def known_in(self, version: str) -> bool:
        """True if a known version has it."""
        return order(self.since) <= order(version) and (self.until is None or order(version) <= order(self.until))


def defects() -> tuple[Defect, ...]:
    """Every defect, of any version."""
    return tuple(Defect(**row) for row in load("defects")["defects"])
