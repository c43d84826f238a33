# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings on their way: made for one host at a time, told once for all hosts that share them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypedDict, Unpack

from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level


class Texts(TypedDict, total=False):
    """The optional texts of a finding, see ``Finding``."""

    got: str
    limit: str
    hint: str


@dataclass
class Collector:
    """Collects the findings of one host.

    Attributes:
        host: inventory name; "" for findings of the whole fleet.
        findings: collected so far.
    """

    host: str
    findings: list[Finding] = field(default_factory=list)

    def add(self, code: str, message: str, variable: str, **texts: Unpack[Texts]) -> None:
        """An error."""
        self.findings.append(Finding(code, Level.ERROR, message, hosts=self._hosts(), variable=variable, **texts))

    def warn(self, code: str, message: str, variable: str, **texts: Unpack[Texts]) -> None:
        """A warning."""
        self.findings.append(Finding(code, Level.WARNING, message, hosts=self._hosts(), variable=variable, **texts))

    def _hosts(self) -> tuple[str, ...]:
        return (self.host,) if self.host else ()


def merged(findings: Iterable[Finding]) -> Iterator[Finding]:
    """The findings in order, those that differ only in the host as one that names all hosts."""
    hosts: dict[Finding, dict[str, None]] = {}
    for finding in findings:
        hosts.setdefault(replace(finding, hosts=()), {}).update(dict.fromkeys(finding.hosts))
    for finding, names in hosts.items():
        yield replace(finding, hosts=tuple(names))
