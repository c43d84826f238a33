# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan on a terminal: tables that fit it, findings like a good compiler's, one line at the end that says it all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from ansible_collections.livepeer.fleet.plugins.plugin_utils.addresses import Listener
from ansible_collections.livepeer.fleet.plugins.plugin_utils.edges import Edge, Verdict
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan import HostPlan, Plan
from ansible_collections.livepeer.fleet.plugins.plugin_utils.render import NodePlan
from ansible_collections.livepeer.fleet.plugins.plugin_utils.report.gas import (
    advertised_text,
    base_text,
    gas_text,
    rough_text,
    survives_text,
    weakest_first,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.report.groups import Group, between, groups
from ansible_collections.livepeer.fleet.plugins.plugin_utils.report.table import TIE, Cell, Screen, fits, section, wrap
from ansible_collections.livepeer.fleet.plugins.plugin_utils.report.texts import (
    by_place,
    counts,
    exact_text,
    folded,
    headroom_text,
    natural,
    number,
    percent_text,
    place,
    price_text,
    what,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets.figures import Figures

MOST_ROWS = 40
"""Rows of the longest table; what is longer is summed up, and stands in plan.json row by row."""

_VERDICT_COLOURS = {Verdict.GOOD: "good", Verdict.REFUSED: "error", Verdict.WARNING: "warning", Verdict.UNKNOWN: "warning"}


def report(plan: Plan, screen: Screen) -> str:
    """All of the plan: hosts and nodes, listeners, edges, findings, and a last line that sums it up."""
    sections = [
        _nodes(plan, screen),
        _listeners(plan, screen),
        _edges(plan, screen),
        _gas(plan.pricing, screen),
        findings(plan.findings, screen),
        conclusion(plan, screen),
    ]
    return "\n\n".join(part for part in sections if part) + "\n"


def findings(found: Iterable[Finding], screen: Screen) -> str:
    """Findings one after the other; the same finding of several hosts stands once, with all of them."""
    return "\n\n".join(_finding(finding, hosts, screen) for finding, hosts in by_place(found))


def _finding(finding: Finding, hosts: tuple[str, ...], screen: Screen) -> str:
    level = finding.level.value
    head = f"{level}[{finding.code}]"
    message = wrap(f"{head} {finding.message}", screen.columns, "    ")
    lines = [screen.paint(head, level) + message[0].removeprefix(head), *message[1:], *_two_values(finding, hosts, screen)]
    if finding.hosts[1:]:
        lines += _hanging("  also: ", ", ".join(finding.hosts[1:]), screen)
    if finding.hint:
        lines += _hanging("  help: ", finding.hint, screen)
    return "\n".join(lines)


def _two_values(finding: Finding, hosts: tuple[str, ...], screen: Screen) -> list[str]:
    """The value that was found in its place, and right below it the one that it does not fit, if there is room for that."""
    where = ": ".join(part for part in (place(finding, hosts), what(finding)) if part)
    lines = _hanging("  --> ", where, screen) if where else []
    if not finding.limit:
        return lines
    before = len(lines[0]) - len(finding.got) if len(lines) == 1 and finding.got and lines[0].endswith(f" {finding.got}") else 0
    mark = f"   {screen.upright}"
    aligned = f"{mark}{'against: ':>{before - len(mark)}}" if before else ""
    longest = max(map(len, finding.limit.splitlines()))
    below = aligned and len(aligned) == before and before + longest <= screen.columns
    return lines + _hanging(aligned if below else f"{mark} against: ", finding.limit, screen)


def _hanging(mark: str, text: str, screen: Screen) -> list[str]:
    """Text behind a mark, further lines below its first; a text of several lines keeps them."""
    lines = [line for part in text.splitlines() or [""] for line in wrap(part, screen.columns - len(mark))]
    return [mark + lines[0], *(" " * len(mark) + line for line in lines[1:])]


def conclusion(plan: Plan, screen: Screen) -> str:
    """One line: what the fleet is, and whether it fits."""
    nodes = sum(len(host.nodes) for host in plan.hosts.values())
    fleet = f"{number(nodes, 'node')} on {number(len(plan.hosts), 'host')}: {counts(plan.findings)}."
    if plan.refused:
        return screen.paint(f"{fleet} Nothing of this plan can be applied.", "error")
    return screen.paint(f"{fleet} Plan {plan.digest[:12]}.", "good")


def _summed_up(count: int) -> str:
    return f"{count:,}, summed up; each one stands in plan.json"


def _nodes(plan: Plan, screen: Screen) -> str:
    rows = [(host, node) for name in sorted(plan.hosts, key=natural) for host in [plan.hosts[name]] for node in host.nodes]
    if len(rows) > MOST_ROWS:
        kinds = Counter((node.role.value, node.release.version, node.network) for _host, node in rows)
        cells = [[Cell(f"{count:,}"), *map(Cell, kind)] for kind, count in sorted(kinds.items())]
        return section("Nodes", ["COUNT", "ROLE", "VERSION", "NETWORK"], cells, screen, _summed_up(len(rows)))
    cells = [_node_row(host, node) for host, node in rows]
    return section("Nodes", ["HOST", "NODE", "VERSION", "NETWORK", "UNIT"], cells, screen)


def _node_row(host: HostPlan, node: NodePlan) -> list[Cell]:
    where = host.name if host.name == host.machine else f"{host.name} ({host.machine})"
    name = node.name if node.name == node.role.value else f"{node.name} ({node.role.value})"
    return [Cell(where), Cell(name, "" if node.files else "error"), *map(Cell, (node.release.version, node.network, node.unit))]


def _listeners(plan: Plan, screen: Screen) -> str:
    if len(folded(plan.listeners)) > MOST_ROWS:
        kinds = Counter((x.purpose, f"{x.port}/{x.protocol}", x.exposure.value) for x in plan.listeners)
        if len(kinds) > MOST_ROWS:
            kinds = Counter((x.purpose, "various", x.exposure.value) for x in plan.listeners)
        cells = [[Cell(f"{count:,}"), *map(Cell, kind)] for kind, count in sorted(kinds.items())]
        return section("Listeners", ["COUNT", "PURPOSE", "PORT", "REACHED BY"], cells, screen, _summed_up(len(plan.listeners)))
    cells = [_listener_row(listener, where) for listener, where in folded(plan.listeners)]
    return section("Listeners", ["HOST", "ADDRESS", "NODE", "PURPOSE", "REACHED BY", "VALUE"], cells, screen)


def _listener_row(listener: Listener, where: str) -> list[Cell]:
    texts = (listener.host, where, listener.node, listener.purpose, listener.exposure.value)
    return [*map(Cell, texts), Cell("default" if listener.default else "written", "dim" if listener.default else "")]


def _edges(plan: Plan, screen: Screen) -> str:
    """Each edge if they are few, else each set of terms with its edges counted, else how many there are of each verdict."""
    title = "Who gives jobs to whom"
    count = sum(edge.count for edge in plan.edges)
    notes = [_summed_up(count)] if count > MOST_ROWS else []
    together = groups(plan.edges) if notes else [Group(edge, (between(edge),)) for whole in plan.edges for edge in whole.each()]
    if len(together) > MOST_ROWS:
        return section(title, ["COUNT", "WORKLOAD", "HEADROOM", "VERDICT"], _by_verdict(together), screen, *notes)
    if not notes:
        together.sort(key=lambda group: (natural(group.gateways[0]), natural(group.orchestrators[0])))
    unit = _same_unit(group.terms for group in together if group.terms.price is not None or group.terms.cap is not None)
    cells = [_edge_row(group, unit, screen) for group in together]
    notes += [f"in {unit}"] if unit else []
    header = ["GATEWAY", "ORCHESTRATOR", "WORKLOAD", "PRICE", "CAP", "HEADROOM", "ENFORCED BY", "VERDICT"]
    enforcers = {group.terms.enforced_by for group in together if group.terms.verdict is not Verdict.FREE}
    if len(enforcers) == 1 and not fits(header, cells, screen):
        place = header.index("ENFORCED BY")
        header, cells = [*header[:place], *header[place + 1 :]], [[*row[:place], *row[place + 1 :]] for row in cells]
        notes.append(f"enforced by {enforcers.pop().value}")
    return section(title, header, cells, screen, *notes)


def _same_unit(priced: Iterable[Edge | Figures]) -> str:
    """``wei per pixel`` where every price is in that: then it stands once, above the table."""
    units = {f"{one.currency} per {one.unit}" for one in priced}
    return units.pop() if len(units) == 1 else ""


def _gas(pricing: Sequence[Figures], screen: Screen) -> str:
    """What gas makes of the prices, a row for gateways that are alike; findings say what would help, and what nobody can tell."""
    known = weakest_first(pricing)
    rows = known[:MOST_ROWS]
    unit = _same_unit(rows)
    notes = [f"{number(len(known), 'row')}; the {len(rows)} weakest, the others stand in plan.json"] if known[MOST_ROWS:] else []
    notes += [f"in {unit}"] if unit else []
    header = ["GATEWAY", "WORKLOAD", "PRICE", "ADVERTISED", "CAP", "GAS STATED", "SURVIVES"]
    cells = [[Cell(text) for text in _gas_row(figures, unit)] for figures in rows]
    return section("What gas makes of the prices", header, cells, screen, *notes, "gas in gwei")


def _gas_row(figures: Figures, unit: str) -> tuple[str, ...]:
    per = "" if unit else f" {figures.currency} per {figures.unit}"
    cap = "" if figures.cap is None else rough_text(figures.cap)
    texts = (base_text(figures) + per, advertised_text(figures), cap, gas_text(figures), survives_text(figures))
    by = f" by {figures.signer}" if figures.signer else ""
    return (_names(figures.gateways) + by, str(figures.workload), *texts)


def _by_verdict(together: Sequence[Group]) -> list[list[Cell]]:
    kinds: dict[tuple[str, Verdict], list[Group]] = {}
    for group in together:
        kinds.setdefault((str(group.terms.workload), group.terms.verdict), []).append(group)
    return [
        [*map(Cell, (f"{sum(group.count for group in alike):,}", workload, _range(alike))), _verdict(verdict, verdict.value)]
        for (workload, verdict), alike in kinds.items()
    ]


def _range(alike: Sequence[Group]) -> str:
    known = [group.terms.headroom for group in alike if group.terms.headroom is not None]
    if not known:
        return ""
    low, high = percent_text(min(known)), percent_text(max(known))
    return low if low == high else f"{low} to {high}"


def _edge_row(group: Group, unit: str, screen: Screen) -> list[Cell]:
    terms = group.terms
    verdict = " ".join([terms.verdict.value, *terms.codes, *(["(if selected)"] if terms.if_selected else [])])
    texts = (
        _names(group.gateways),
        f"{screen.arrow}{TIE}{_names(group.orchestrators)}",
        str(terms.workload),
        _amount(terms, "price", unit),
        _amount(terms, "cap", unit) or ("any" if terms.verdict is Verdict.GOOD else ""),
        headroom_text(terms),
        terms.enforced_by.value,
    )
    return [*map(Cell, texts), _verdict(terms.verdict, verdict)]


def _verdict(verdict: Verdict, text: str) -> Cell:
    return Cell(text, _VERDICT_COLOURS.get(verdict, ""))


def _names(names: Sequence[str]) -> str:
    """All of a few names; of many the first, and how many more there are."""
    return ", ".join(names) if len(names) <= 2 else f"{names[0]} +{len(names) - 1:,}"


def _amount(terms: Edge, name: str, unit: str) -> str:
    amount = getattr(terms, name)
    return price_text(amount, terms) if amount is None or not unit else exact_text(amount)
