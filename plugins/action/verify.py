# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Hold the live hosts against the plan. The module of that name documents it."""

from __future__ import annotations

from typing import Any

from ansible.utils.display import Display
from ansible_collections.livepeer.fleet.plugins.action.plan import failed
from ansible_collections.livepeer.fleet.plugins.action.rollout import FleetAction
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rollout_report import as_planned, not_as_planned, without_answer
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.equipment import lacking
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.hosts import check_live
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.registrations import unregistered

display = Display()


class ActionModule(FleetAction):
    """The action of livepeer.fleet.verify."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The result that the module documents; fails if anything is not as planned."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _given, arguments = self.validate_argument_spec(
            argument_spec={"plan": {"type": "path", "required": True}, "found": {"type": "str", "required": True}}
        )
        plan = self.plan(arguments["plan"])
        found = self.found(plan, arguments["found"], task_vars or {})
        observed = {one.host: one.observation for one in found if not one.problem}
        findings = (*check_live(plan, observed), *unregistered(plan, observed), *lacking(plan, observed, all_nodes=True))
        lost = without_answer(found)
        errors = [one for one in findings if one.level is Level.ERROR]
        if findings or lost:
            self.print_problems(findings, lost)
        if errors or lost:
            return result | failed(not_as_planned(errors, found))
        display.display(as_planned(plan, found))
        return result | {"changed": False, "verified": sum(len(one.decisions) for one in found)}
