# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers and places as a person reads them, the same on the screen, on the page and in JUnit's file."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from functools import cache
from math import floor

from ansible_collections.livepeer.fleet.plugins.plugin_utils.addresses import Listener, join_host_port
from ansible_collections.livepeer.fleet.plugins.plugin_utils.ai import RUNNER
from ansible_collections.livepeer.fleet.plugins.plugin_utils.edges import Edge
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices import WEI, Rate, amount_text, decimal_text

LEVELS = (Level.ERROR, Level.WARNING, Level.INFO)
PIXEL = "pixel"
"""The unit of every price of video: not worth saying each time."""


@cache
def natural(name: str) -> tuple[tuple[str, int], ...]:
    """What names are sorted by: gateway2 stands before gateway10."""
    return tuple((text, int(digits or 0)) for text, digits in re.findall(r"(\D*)(\d*)", name, re.ASCII))


def exact_text(amount: Fraction) -> str:
    """The number alone, as findings write it: a decimal where it is finite, else the fraction."""
    return amount_text(Rate(amount, WEI))


def percent_text(percent: Fraction) -> str:
    """``25 %``, ``~33.3 %``: what is not exact to one decimal is rounded down and says so, so that 19.99 never reads as 20."""
    tenths = floor(percent * 10)
    mark = "" if tenths == percent * 10 else "~"
    return f"{mark}{'-' if tenths < 0 else ''}{decimal_text(Fraction(abs(tenths), 10))} %"


def price_text(amount: Fraction | None, edge: Edge) -> str:
    """``1000 wei``, ``0.5 USD per millisecond``; "" where there is no amount."""
    unit = "" if edge.unit == PIXEL else f" per {edge.unit}"
    return "" if amount is None else f"{exact_text(amount)} {edge.currency}{unit}"


def headroom_text(edge: Edge) -> str:
    """The headroom of an edge, "" where nobody knows it."""
    return "" if edge.headroom is None else percent_text(edge.headroom)


def address_text(listener: Listener) -> str:
    """``0.0.0.0:8935``; the protocol where it is not TCP."""
    return join_host_port(listener.address, listener.port) + ("" if listener.protocol == "tcp" else f"/{listener.protocol}")


def folded(listeners: Iterable[Listener]) -> list[tuple[Listener, str]]:
    """Listeners with their addresses; the ports that a node's AI runners can take are one of them, ``127.0.0.1:8000 to 8003``."""
    found: list[tuple[Listener, str]] = []
    for listener in sorted(listeners, key=lambda one: (natural(one.host), one.port, one.node)):
        text = address_text(listener)
        if found and listener.purpose == RUNNER and _follows(found[-1][0], listener):
            text = f"{found[-1][1].partition(' to ')[0]} to {listener.port}"
            found.pop()
        found.append((listener, text))
    return found


def _follows(one: Listener, other: Listener) -> bool:
    """True if the other is the same node's next runner port."""
    return replace(other, port=one.port) == one and other.port == one.port + 1


def number(count: int, one: str, many: str = "") -> str:
    """``1 edge``, ``2 edges``."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def counts(found: Iterable[Finding]) -> str:
    """``2 errors, 1 warning``; "no findings" where there are none."""
    levels = Counter(finding.level for finding in found)
    return ", ".join(number(levels[level], level.value) for level in LEVELS if levels[level]) or "no findings"


def by_place(found: Iterable[Finding]) -> list[tuple[Finding, tuple[str, ...]]]:
    """Findings with the hosts that each is about; those of single hosts that differ in the host alone become one."""
    together: dict[Finding, tuple[str, ...]] = {}
    for finding in found:
        if len(finding.hosts) == 1:
            alike = replace(finding, hosts=())
            together[alike] = (*together.get(alike, ()), finding.hosts[0])
        else:
            together[finding] = finding.hosts[:1]
    return list(together.items())


def place(finding: Finding, hosts: tuple[str, ...]) -> str:
    """Where to change something: hosts and node."""
    return ", ".join(hosts) + (f" ({finding.node})" if finding.node else "")


def what(finding: Finding) -> str:
    """``variable = value``; what is wrong with a name is no value, and stands in the path already."""
    if not finding.variable or not finding.got or re.search(rf"(^|\.){re.escape(finding.got)}$", finding.variable):
        return finding.variable or finding.got
    return f"{finding.variable} = {finding.got}"
