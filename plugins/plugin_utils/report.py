# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan for people: tables that fit their terminal, findings like a good compiler's, one line at the end that says it all."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import floor

from ansible_collections.livepeer.fleet.plugins.plugin_utils.addresses import Listener, join_host_port
from ansible_collections.livepeer.fleet.plugins.plugin_utils.edges import Edge, Verdict
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan import HostPlan, Plan
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices import decimal_text
from ansible_collections.livepeer.fleet.plugins.plugin_utils.render import NodePlan

MOST_ROWS = 40
"""Rows of the longest table; what is longer is summed up, and stands in plan.json row by row."""

NARROWEST_COLUMN = 6

LESS_NEEDED = frozenset({"UNIT", "VALUE"})
"""Columns that a narrow screen does without."""

NARROWEST = 40
"""Columns below which a table is no help: a narrower terminal wraps by itself."""

_COLOURS = {"error": "1;31", "warning": "1;33", "info": "1;36", "head": "1", "dim": "2", "good": "32"}
_LEVELS = (Level.ERROR, Level.WARNING, Level.INFO)
_VERDICT_COLOURS = {Verdict.GOOD: "good", Verdict.REFUSED: "error", Verdict.WARNING: "warning"}


@dataclass(frozen=True)
class Screen:
    """What the report is printed on.

    Attributes:
        width: columns.
        colour: True for a terminal that shows colours.
        unicode: True if its encoding has lines and arrows.
    """

    width: int = 100
    colour: bool = False
    unicode: bool = True

    @property
    def columns(self) -> int:
        """Columns to fill."""
        return max(self.width, NARROWEST)

    @property
    def rule(self) -> str:
        """What a line below a heading is made of."""
        return "─" if self.unicode else "-"

    @property
    def arrow(self) -> str:
        """From whom to whom."""
        return "→" if self.unicode else "->"

    def paint(self, text: str, colour: str) -> str:
        """The text in a colour, if there are any."""
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if self.colour and colour in _COLOURS else text


@dataclass(frozen=True)
class Cell:
    """Text of a table, and the colour it has."""

    text: str
    colour: str = ""


def report(plan: Plan, screen: Screen) -> str:
    """All of the plan: hosts and nodes, listeners, edges, findings, and a last line that sums it up."""
    sections = [
        _nodes(plan, screen),
        _listeners(plan, screen),
        _edges(plan, screen),
        findings(plan.findings, screen),
        _conclusion(plan, screen),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def findings(found: Iterable[Finding], screen: Screen) -> str:
    """Findings one after the other; the same finding of several hosts stands once, with all of them."""
    return "\n\n".join(_finding(finding, hosts, screen) for finding, hosts in _merged(found))


def _merged(found: Iterable[Finding]) -> list[tuple[Finding, tuple[str, ...]]]:
    """Findings with the hosts that each is about; those of single hosts that differ in the host alone become one."""
    groups: dict[Finding, tuple[str, ...]] = {}
    for finding in found:
        if len(finding.hosts) == 1:
            alike = replace(finding, hosts=())
            groups[alike] = (*groups.get(alike, ()), finding.hosts[0])
        else:
            groups[finding] = finding.hosts[:1]
    return list(groups.items())


def _finding(finding: Finding, hosts: tuple[str, ...], screen: Screen) -> str:
    level = finding.level.value
    head = f"{level}[{finding.code}]"
    message = _wrap(f"{head} {finding.message}", screen.columns, "    ")
    lines = [screen.paint(head, level) + message[0].removeprefix(head), *message[1:]]
    where = ", ".join(hosts) + (f" ({finding.node})" if finding.node else "")
    what = _what(finding)
    if where or what:
        lines += _hanging("  --> ", ": ".join(part for part in (where, what) if part), screen)
    if finding.limit:
        lines += _hanging("  against: ", finding.limit, screen)
    if finding.hosts[1:]:
        lines += _hanging("  also: ", ", ".join(finding.hosts[1:]), screen)
    if finding.hint:
        lines += _hanging("  help: ", finding.hint, screen)
    return "\n".join(lines)


def _what(finding: Finding) -> str:
    """``variable = value``; what is wrong with a name is no value, and stands in the path already."""
    if not finding.variable or not finding.got or re.search(rf"(^|\.){re.escape(finding.got)}$", finding.variable):
        return finding.variable or finding.got
    return f"{finding.variable} = {finding.got}"


def _hanging(mark: str, text: str, screen: Screen) -> list[str]:
    """Text behind a mark, further lines below its first; a text of several lines keeps them."""
    lines = [line for part in text.splitlines() or [""] for line in _wrap(part, screen.columns - len(mark))]
    return [mark + lines[0], *(" " * len(mark) + line for line in lines[1:])]


def _wrap(text: str, width: int, indent: str = "") -> list[str]:
    """At blanks only: what is to be copied stays whole, even where it is longer than the line."""
    lines = textwrap.wrap(text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return lines or [""]


def _counts(found: Sequence[Finding]) -> str:
    """``2 errors, 1 warning``; "no findings" where there are none."""
    levels = Counter(finding.level for finding in found)
    parts = [_number(levels[level], level.value, f"{level.value}s" if level is not Level.INFO else "infos") for level in _LEVELS]
    return ", ".join(part for part in parts if not part.startswith("0 ")) or "no findings"


def _number(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


def _conclusion(plan: Plan, screen: Screen) -> str:
    """One line: what the fleet is, and whether it fits."""
    nodes = sum(len(host.nodes) for host in plan.hosts.values())
    fleet = f"{_number(nodes, 'node', 'nodes')} on {_number(len(plan.hosts), 'host', 'hosts')}"
    if plan.refused:
        return screen.paint(f"{fleet}: {_counts(plan.findings)}. Nothing of this plan can be applied.", "error")
    return screen.paint(f"{fleet}: {_counts(plan.findings)}. Plan {plan.digest[:12]}.", "good")


def _nodes(plan: Plan, screen: Screen) -> str:
    rows = [(host, node) for host in plan.hosts.values() for node in host.nodes]
    if len(rows) > MOST_ROWS:
        kinds = Counter((node.role.value, node.release.version, node.network) for _host, node in rows)
        cells = [[Cell(f"{count:,}"), *map(Cell, kind)] for kind, count in sorted(kinds.items())]
        return _section("Nodes", ["COUNT", "ROLE", "VERSION", "NETWORK"], cells, screen, len(rows))
    cells = [_node_row(host, node) for host, node in rows]
    return _section("Nodes", ["HOST", "NODE", "ROLE", "VERSION", "NETWORK", "UNIT"], cells, screen)


def _node_row(host: HostPlan, node: NodePlan) -> list[Cell]:
    name = host.name if host.name == host.machine else f"{host.name} ({host.machine})"
    state = "" if node.files else "error"
    return [Cell(name), Cell(node.name, state), *map(Cell, (node.role.value, node.release.version, node.network, node.unit))]


def _listeners(plan: Plan, screen: Screen) -> str:
    if len(plan.listeners) > MOST_ROWS:
        kinds = Counter((x.purpose, f"{x.port}/{x.protocol}", x.exposure.value) for x in plan.listeners)
        if len(kinds) > MOST_ROWS:
            kinds = Counter((x.purpose, "various", x.exposure.value) for x in plan.listeners)
        cells = [[Cell(f"{count:,}"), *map(Cell, kind)] for kind, count in sorted(kinds.items())]
        return _section("Listeners", ["COUNT", "PURPOSE", "PORT", "REACHED BY"], cells, screen, len(plan.listeners))
    cells = [_listener_row(listener) for listener in sorted(plan.listeners, key=lambda x: (x.host, x.port, x.node))]
    return _section("Listeners", ["HOST", "ADDRESS", "NODE", "PURPOSE", "REACHED BY", "VALUE"], cells, screen)


def _listener_row(listener: Listener) -> list[Cell]:
    address = join_host_port(listener.address, listener.port) + ("" if listener.protocol == "tcp" else f"/{listener.protocol}")
    texts = (listener.host, address, listener.node, listener.purpose, listener.exposure.value)
    return [*map(Cell, texts), Cell("default" if listener.default else "written", "dim" if listener.default else "")]


def _edges(plan: Plan, screen: Screen) -> str:
    title = "Who gives jobs to whom"
    count = sum(edge.count for edge in plan.edges)
    if count > MOST_ROWS:
        return _section(title, ["COUNT", "WORKLOAD", "HEADROOM", "VERDICT"], _edge_summary(plan.edges), screen, count)
    cells = [_edge_row(one, screen) for edge in plan.edges for one in edge.each()]
    header = ["GATEWAY", "ORCHESTRATOR", "WORKLOAD", "PRICE", "CAP", "HEADROOM", "VERDICT"]
    return _section(title, header, cells, screen)


def _edge_summary(edges: Sequence[Edge]) -> list[list[Cell]]:
    groups: dict[tuple[str, Verdict], list[Edge]] = {}
    for edge in edges:
        groups.setdefault((str(edge.workload), edge.verdict), []).append(edge)
    return [
        [Cell(f"{sum(edge.count for edge in group):,}"), Cell(workload), Cell(_range(group)), Cell(verdict.value, _VERDICT_COLOURS.get(verdict, ""))]
        for (workload, verdict), group in sorted(groups.items())
    ]


def _range(edges: Sequence[Edge]) -> str:
    known = [edge.headroom for edge in edges if edge.headroom is not None]
    if not known:
        return ""
    low, high = percent_text(min(known)), percent_text(max(known))
    return low if low == high else f"{low} to {high}"


def _edge_row(edge: Edge, screen: Screen) -> list[Cell]:
    verdict = " ".join([edge.verdict.value, *edge.codes])
    gateway, orchestrator = edge.gateways[0], edge.orchestrators[0]
    texts = (
        _end(gateway.host, gateway.node, "gateway"),
        f"{screen.arrow} {_end(orchestrator.host, orchestrator.node, 'orchestrator')}",
        str(edge.workload),
        _amount(edge.price, edge),
        "any" if edge.verdict is Verdict.GOOD and edge.cap is None else _amount(edge.cap, edge),
        "" if edge.headroom is None else percent_text(edge.headroom),
    )
    return [*map(Cell, texts), Cell(verdict, _VERDICT_COLOURS.get(edge.verdict, ""))]


def _end(host: str, node: str, usual: str) -> str:
    return host if node in ("", usual) else f"{host}/{node}"


def _amount(amount: Fraction | None, edge: Edge) -> str:
    return "" if amount is None else f"{amount_text(amount)} {edge.currency}"


def amount_text(amount: Fraction) -> str:
    """Exact decimal where it is finite, else the fraction."""
    return decimal_text(amount) or str(amount)


def percent_text(percent: Fraction) -> str:
    """``25 %``, ``~33.3 %``: what is not exact to one decimal is rounded down and says so, so that 19.99 never reads as 20."""
    tenths = floor(percent * 10)
    mark = "" if tenths == percent * 10 else "~"
    return f"{mark}{'-' if tenths < 0 else ''}{decimal_text(Fraction(abs(tenths), 10))} %"


def _section(title: str, header: Sequence[str], rows: Sequence[Sequence[Cell]], screen: Screen, of: int = 0) -> str:
    """A heading and its table; ``of`` is how many rows it sums up."""
    if not rows:
        return ""
    summed = f" ({of:,}, summed up; each one stands in plan.json)" if of else ""
    return "\n".join([screen.paint(title, "head") + summed, *table(header, rows, screen)])


def table(header: Sequence[str], rows: Sequence[Sequence[Cell]], screen: Screen) -> list[str]:
    """Lines of a table that fits the screen: where it is too wide its last column is left out if that is one of LESS_NEEDED,
    then what does not fit wraps inside its column."""
    widths = [max(len(text) for text in column) for column in zip(header, *([cell.text for cell in row] for row in rows), strict=True)]
    if _width(widths) > screen.columns and header[-1] in LESS_NEEDED:
        return table(header[:-1], [row[:-1] for row in rows], screen)
    widths = _narrowed(widths, screen.columns)
    lines = _row([Cell(text, "dim") for text in header], widths, screen)
    lines.append(screen.paint("  ".join(screen.rule * width for width in widths), "dim"))
    for row in rows:
        lines += _row(row, widths, screen)
    return lines


def _width(widths: Sequence[int]) -> int:
    return sum(widths) + 2 * (len(widths) - 1)


def _narrowed(widths: Sequence[int], columns: int) -> list[int]:
    """The widest columns give way until the table fits."""
    narrowed = list(widths)
    while _width(narrowed) > columns and max(narrowed) > NARROWEST_COLUMN:
        narrowed[narrowed.index(max(narrowed))] -= 1
    return narrowed


def _row(cells: Sequence[Cell], widths: Sequence[int], screen: Screen) -> list[str]:
    wrapped = [_wrap_cell(cell.text, width) for cell, width in zip(cells, widths, strict=True)]
    lines = []
    for number in range(max(map(len, wrapped))):
        parts = []
        for cell, lines_of_cell, width in zip(cells, wrapped, widths, strict=True):
            text = lines_of_cell[number] if number < len(lines_of_cell) else ""
            parts.append(screen.paint(text, cell.colour) + " " * (width - len(text)))
        lines.append("  ".join(parts).rstrip())
    return lines


def _wrap_cell(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=True) or [""]
