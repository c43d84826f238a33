# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Apply the plan to a host: all of its nodes in one round trip."""

from __future__ import annotations

from typing import Any

from ansible_collections.livepeer.fleet.plugins.action.node_info import HostAction


class ActionModule(HostAction):
    """The action of livepeer.fleet.node."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        variables = task_vars or {}
        part = self.part(variables)
        arguments = {**self.given(), "part": part, "secrets": self.secrets(part, variables)}
        return self._execute_module(module_args=arguments, task_vars=variables)
