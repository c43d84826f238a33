# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Install the planned releases: an archive on the controller is sent only to a host that says it lacks the release."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible_collections.livepeer.fleet.plugins.action.node_info import HostAction
from ansible_collections.livepeer.fleet.plugins.plugin_utils.host_part import check_archive
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan import PlanError


class ActionModule(HostAction):
    """The action of livepeer.fleet.release."""

    TRANSFERS_FILES = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        variables = task_vars or {}
        part = self.part(variables)
        arguments = {**self.given(), "part": part}
        result = self._execute_module(module_args=arguments, task_vars=variables)
        unsent = result.get("unsent")
        if not unsent:
            return result
        try:
            sources = {release["name"]: self._send(release) for release in part["releases"] if release["name"] in unsent}
            return self._execute_module(module_args={**arguments, "sources": sources}, task_vars=variables)
        finally:
            self._remove_tmp_path(self._connection._shell.tmpdir)

    def _send(self, release: dict[str, Any]) -> str:
        """Send the archive of a release; returns where it lies on the host."""
        try:
            archive = check_archive(release)
        except PlanError as error:
            raise AnsibleActionFail(str(error)) from None
        folder = self._connection._shell.tmpdir or self._make_tmp_path()
        target = self._connection._shell.join_path(folder, f"{release['name']}.tar.gz")
        self._transfer_file(str(archive), target)
        self._fixup_perms2((folder, target))
        return target
