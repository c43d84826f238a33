# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Pull images of AI runners, one call of the module each: a module cannot speak while it works, and these take minutes."""

from __future__ import annotations

from typing import Any

from ansible.utils.display import Display
from ansible_collections.livepeer.fleet.plugins.action.node_info import HostAction

display = Display()


class ActionModule(HostAction):
    """The action of livepeer.fleet.runner_images."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The result that the module documents, over all images."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        arguments = {**self.given(), "part": self.part(variables)}
        images = [str(image) for image in arguments.get("images") or ()]
        wanted = " (would be pulled)" if variables.get("ansible_check_mode") else ""
        pulled: list[str] = []
        warnings: list[str] = []
        for number, image in enumerate(images, 1):
            display.display(f"{variables['inventory_hostname']}: image {number} of {len(images)}, {image}{wanted}")
            result = self._execute_module(module_args={**arguments, "images": [image]}, task_vars=variables)
            if result.get("failed"):
                return {**result, "pulled": pulled}
            pulled += result.get("pulled", ())
            warnings += result.get("warnings", ())
        return {"changed": bool(pulled), "pulled": pulled, "warnings": warnings}
