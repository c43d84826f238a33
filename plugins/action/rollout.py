# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Decide for all hosts together what will be done, before anything is changed. The module of that name documents it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.livepeer.fleet.plugins.action.plan import DECISION, screen
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.found import Found, Step, read_found
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Role
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan import Plan, PlanError, read_plan
from ansible_collections.livepeer.fleet.plugins.plugin_utils.report.terminal import findings
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rollout import (
    Rollout,
    in_order,
    roll_out,
    without_serial,
    wrong_group,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rollout_order import RolloutError
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rollout_report import describe, leave_out, left_behind, without_answer
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rollout_scope import beyond_the_run
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.equipment import lacking
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.hosts import chain_findings, endpoints_of, foreign_ports, without_nft

display = Display()


class FleetAction(ActionBase):
    """What the actions that judge all hosts of a play together share."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def plan(self, directory: str) -> Plan:
        """The plan of this run."""
        try:
            return read_plan(Path(directory))
        except PlanError as error:
            raise AnsibleActionFail(str(error)) from None

    def found(self, plan: Plan, variable: str, task_vars: Mapping[str, Any]) -> list[Found]:
        """What was found on each planned host of the batch, in the order in which hosts are done."""
        hostvars = task_vars["hostvars"]
        batch = [host for host in task_vars["ansible_play_batch"] if host in plan.hosts]
        return [read_found(plan.hosts[host], hostvars.raw_get(host).get(variable)) for host in in_order(plan, batch)]

    def print_problems(self, found: Sequence[Finding], lost: str = "") -> None:
        """Print findings as the plan does, and what else is wrong."""
        display.display("\n\n".join(text for text in (findings(found, screen()), lost) if text) + "\n\n")


def _of_starts(found: Sequence[Found]) -> tuple[Finding, ...]:
    """Errors of a chain of nodes that would start on it: they would find none, or another one. What runs goes on."""
    changed = [(host, one.node) for host in found for one in host.decisions if one.step is not Step.NOTHING]
    told = (one for host, node in changed for one in endpoints_of(host.host, host.observation, node))
    return tuple(dict.fromkeys(one for one in told if one.level is Level.ERROR))


class ActionModule(FleetAction):
    """The action of livepeer.fleet.rollout."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The result that the module documents; fails where the run would be pointless."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        _given, arguments = self.validate_argument_spec(
            argument_spec={
                "plan": {"type": "path", "required": True},
                "found": {"type": "str", "required": True},
                "waves": {"type": "list", "elements": "raw", "required": True},
                "restart_busy": {"type": "list", "elements": "str", "default": []},
                "roles": {"type": "list", "elements": "str", "choices": [role.value for role in Role], "default": []},
            }
        )
        plan = self.plan(arguments["plan"])
        found = self.found(plan, arguments["found"], task_vars)
        self._refuse_unready(plan, found)
        beyond = beyond_the_run(plan, found)
        if beyond:
            raise AnsibleActionFail(beyond)
        try:
            rollout = roll_out(found, sizes=arguments["waves"], restart_busy=arguments["restart_busy"])
        except RolloutError as error:
            raise AnsibleActionFail(str(error)) from None
        if arguments["roles"]:
            self._refuse_role(plan, rollout, arguments["roles"], task_vars)
        display.display("\n\n".join(text for text in (describe(rollout), left_behind(plan, found)) if text))
        return result | {"changed": False, "ansible_facts": {DECISION: self._fact(rollout, task_vars)}}

    def _refuse_unready(self, plan: Plan, found: Sequence[Found]) -> None:
        """All that stands against the run at once: told one by one, each would cost a run."""
        observed = {one.host: one.observation for one in found}
        chain = chain_findings(plan, observed)
        against = {
            "planned ports are held by foreign processes": foreign_ports(plan, observed),
            "the firewall is wanted where nft is not": without_nft(plan, observed),
            "RPC endpoints of nodes that would start cannot be used": _of_starts(found),
            "hosts lack what their nodes need": lacking(plan, observed, all_nodes=False),
        }
        told = {one: None for findings_ in (chain, *against.values()) for one in findings_}
        lost = without_answer(found)
        if told or lost:
            self.print_problems(tuple(told), lost)
        if lost:
            raise AnsibleActionFail(
                f"Not every host could be looked at, see above. Nothing was changed. To go on without: {leave_out(found)}"
            )
        reasons = [f"{what} ({len(findings_)})" for what, findings_ in against.items() if findings_]
        if reasons:
            raise AnsibleActionFail(f"Refused: {'; '.join(reasons)}. They are printed above. Nothing was changed.")

    def _refuse_role(self, plan: Plan, rollout: Rollout, roles: Sequence[str], task_vars: Mapping[str, Any]) -> None:
        batch = task_vars["ansible_play_batch"]
        whole_play = len(batch) == len(task_vars["ansible_play_hosts_all"])
        reason = wrong_group(plan, batch, roles) or without_serial(rollout, whole_play=whole_play)
        if reason:
            raise AnsibleActionFail(reason)

    def _fact(self, rollout: Rollout, task_vars: Mapping[str, Any]) -> dict[str, Any]:
        checking = bool(task_vars.get("ansible_check_mode"))
        looked_at = [*rollout.touched, *rollout.left_alone, *rollout.unchanged]
        return {
            "releases": [host for batch in rollout.releases for host in batch],
            "nginx": list(rollout.nginx),
            "release_serial": [len(batch) for batch in rollout.releases],
            "images": {host: list(images) for host, images in rollout.images.items()},
            "hosts": list(rollout.touched),
            "serial": [len(wave) for wave in rollout.waves],
            "busy": list(rollout.left_alone),
            "orders": {host: list(order) for host, order in rollout.orders.items()},
            "verify": [] if checking or rollout.nothing_to_do else looked_at,
        }
