# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Look at a host. Its part of the plan and its secrets go along, so that one round trip is enough."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.template import Templar
from ansible_collections.livepeer.fleet.plugins.plugin_utils.host_part import check_passwords_of, read_part, read_secrets
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.paths import split_path, value_at
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan import PlanError
from ansible_collections.livepeer.fleet.plugins.plugin_utils.secret_values import KEYSTORE, PASSWORD

NOT_BY_HAND = frozenset({"part", "secrets", "sources"})


class HostAction(ActionBase):
    """What the actions of the modules release, node and node_info share: they read the plan, which lies on the controller."""

    _supports_async = False

    def given(self) -> dict[str, Any]:
        """The task's own arguments."""
        by_hand = sorted(NOT_BY_HAND & set(self._task.args))
        if by_hand:
            raise AnsibleActionFail(f"{', '.join(by_hand)} cannot be given by hand: it is read from the plan")
        return dict(self._task.args)

    def part(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        """The plan of the task's host."""
        try:
            return read_part(Path(self._task.args["plan"]), task_vars["inventory_hostname"])
        except PlanError as error:
            raise AnsibleActionFail(str(error)) from None

    def secrets(self, part: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, dict[str, str]]:
        """The secrets of the task's host. They go to the module only, where they are marked as such."""
        try:
            return read_secrets(part, lambda variable, host: self._value(variable, host, task_vars))
        except PlanError as error:
            raise AnsibleActionFail(str(error)) from None

    def _value(self, path: str, host: str, task_vars: Mapping[str, Any]) -> object:
        """The value of a variable, or of a key inside one: ``livepeer_gateway_flags.kafkaPassword``.

        A worker's secret is a variable of its orchestrator's host, and its templates are read as that host's.
        """
        name, keys = split_path(path)
        whose = f"host {host}" if host else "this host"
        variables, templar = self._of_host(host, task_vars) if host else (task_vars, self._templar)
        try:
            value = variables[name]
            for key in keys:
                # Opened is what leads there, nothing beside it.
                value = value_at(templar.template(value) if isinstance(value, str) else value, [key])
            return templar.template(value)
        except LookupError:
            raise AnsibleActionFail(
                f"{path} is not set for {whose}, but the plan was made with it: set it, or make the plan again"
            ) from None
        except AnsibleError as error:
            # Its first line says why; what follows may show the value.
            why = str(error).partition("\n")[0]
            raise AnsibleActionFail(f"{path} cannot be read for {whose}: {why}") from None

    def _of_host(self, host: str, task_vars: Mapping[str, Any]) -> tuple[Mapping[str, Any], Templar]:
        """The variables of another host of the inventory, and what renders them."""
        hostvars = task_vars["hostvars"]
        variables = hostvars.raw_get(host)
        if not isinstance(variables, Mapping):
            raise AnsibleActionFail(f"the inventory has no host {host}, but the plan was made with it: make the plan again")
        return variables, Templar(loader=self._loader, variables={**variables, "hostvars": hostvars})


class ActionModule(HostAction):
    """The action of livepeer.fleet.node_info."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        variables = task_vars or {}
        arguments = self.given()
        if arguments.get("plan"):
            part = self.part(variables)
            secrets = self.secrets(part, variables)
            arguments |= {"part": part, "secrets": secrets}
            return self._with_passwords_tried(part, secrets, self._execute_module(module_args=arguments, task_vars=variables))
        return self._execute_module(module_args=arguments, task_vars=variables)

    def _with_passwords_tried(self, part: dict[str, Any], secrets: dict[str, dict[str, str]], result: dict[str, Any]) -> dict[str, Any]:
        """Passwords of nodes whose keys are new to the host, tried before anything is changed anywhere; it is not free."""
        seen = (result.get("observation") or {}).get("nodes", {})
        names = {name for name, node in seen.items() if keys_change(node.get("decision") or {})}
        try:
            check_passwords_of(part, secrets, names)
        except PlanError as error:
            raise AnsibleActionFail(str(error)) from None
        return result


def keys_change(decision: Mapping[str, Any]) -> bool:
    """True if a decision about a node brings a keystore or a password to its host that was not proved there."""
    reasons = set(decision.get("reasons", ()))
    return decision.get("action") == "new" or bool(reasons & {f"secret {name} changes" for name in (KEYSTORE, PASSWORD)})
