# SPDX-License-Identifier: GPL-3.0-or-later
"""The rollout and the live fleet in words: what will be done, who did not answer, and that all is well."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding
from ansible_collections.livepeer.fleet.plugins.plugin_utils.found import Decision, Found, Step
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan import Plan
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rollout import Rollout


def describe(rollout: Rollout) -> str:
    """What will be done, for a person: changed nodes with the reason, the order, the hosts that are left alone."""
    changed = [one for one in rollout.decisions if one.step is not Step.NOTHING and one.host not in rollout.left_alone]
    stay = sum(one.step is Step.NOTHING for one in rollout.decisions)
    if rollout.nothing_to_do:
        return f"Nothing to do: {_nodes(stay)} as planned."
    rows = [(host, "firewall", "change", why) for host, why in rollout.firewalls.items()]
    rows += [(one.host, _name(one), one.step.value, one.reason) for one in changed]
    lines = ["What will be done", *_table(rows)] if rows else []
    if stay:
        lines.append(f"  {_nodes(stay)} as planned.")
    if rollout.nginx:
        lines += ["", f"nginx is installed from the distribution on {_some(rollout.nginx)}; its own service stays off."]
    if rollout.batches:
        lines += ["", "In this order", *_table(list(_order(rollout)))]
        lines += [f"  {host}: {' before '.join(order)}" for host, order in rollout.orders.items()]
        lines += [f"  {note}" for note in rollout.notes]
    if rollout.busy:
        lines += ["", "Left alone, because sessions run there (livepeer_restart_busy: true would restart them)"]
        lines += _table(
            [(one.host, _name(one), one.step.value, one.reason) for one in rollout.decisions if one.host in rollout.busy and one.busy]
        )
        lines += [f"  {host} waits for {other}" for host, other in rollout.waiting.items()]
    return "\n".join(lines).strip("\n")


def _name(one: Decision) -> str:
    """The node, with its role where its name does not tell."""
    return one.node if one.node == one.role.value else f"{one.node} ({one.role.value})"


def leave_out(found: Sequence[Found]) -> str:
    """How a run goes on without the hosts that could not be looked at."""
    return "--limit '" + ",".join(f"!{one.host}" for one in found if one.problem) + "'"


def without_answer(found: Sequence[Found]) -> str:
    """The hosts that could not be looked at, each with the reason; "" if there are none."""
    lost = [one for one in found if one.problem]
    return "\n".join(["These hosts could not be looked at", *_table([(one.host, one.problem) for one in lost])]) if lost else ""


def as_planned(plan: Plan, found: Sequence[Found]) -> str:
    """What a person is told when all is well, and where to look next."""
    nodes = [(one.host, node) for one in found for node in plan.hosts[one.host].nodes]
    lines = [f"Verified: {_nodes(len(nodes))} as planned on {_hosts(len(found))}."]
    lines += [f"  Not in the plan, and left as it is: {node} on {host}" for host, node in _unplanned(plan, found)]
    logs: dict[str, list[str]] = {}
    for host, node in nodes:
        logs.setdefault(node.log_command, []).append(host)
    lines += ["Logs", *_table([(f"{command} -f", f"on {_some(hosts)}") for command, hosts in sorted(logs.items())])]
    return "\n".join(lines)


def left_behind(plan: Plan, found: Sequence[Found]) -> str:
    """Nodes that the plan does not have any more, before anything is done; "" if there are none."""
    rows = [(host, node, f"its data stays in /var/lib/livepeer-{node}") for host, node in _unplanned(plan, found)]
    if not rows:
        return ""
    return "\n".join(
        [
            "Not in the plan, and left as it is: a node that got another name is a new one to the plan",
            *_table(rows),
            "  The database of an orchestrator may hold tickets that are not redeemed yet: with its old name it redeems them. Nothing is",
            "  deleted; what is not needed any more is stopped with systemctl disable --now livepeer-NAME livepeer-NAME-proxy.",
        ]
    )


def _unplanned(plan: Plan, found: Sequence[Found]) -> list[tuple[str, str]]:
    """Nodes that no host of their machine has in the plan, each once."""
    planned = {(host.machine, node.name) for host in plan.hosts.values() for node in host.nodes}
    there = {(one.machine, node): one.host for one in reversed(found) for node in one.unplanned}
    return [(host, node) for (machine, node), host in there.items() if (machine, node) not in planned]


def not_as_planned(findings: Sequence[Finding], found: Sequence[Found]) -> str:
    """The one line at the end when something is not as planned."""
    lost = sum(bool(one.problem) for one in found)
    parts = [f"{len(findings)} finding{'s' if len(findings) > 1 else ''} on the live fleet"] if findings else []
    parts += [f"{_hosts(lost)} could not be looked at"] if lost else []
    return f"The fleet is not as planned: {', '.join(parts)}; see above. Nothing was changed by this look."


def _hosts(count: int) -> str:
    return "1 host" if count == 1 else f"{count} hosts"


def _some(hosts: Sequence[str]) -> str:
    most = 5
    return ", ".join(hosts[:most]) + (f" and {len(hosts) - most} more" if len(hosts) > most else "")


def _order(rollout: Rollout) -> Iterable[tuple[str, str, str]]:
    for batch in rollout.batches:
        yield f"wave {batch.wave}" if batch.wave else "together", ", ".join(batch.hosts), "; ".join(batch.reasons)


def _nodes(count: int) -> str:
    return "1 node runs" if count == 1 else f"{count} nodes run"


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
