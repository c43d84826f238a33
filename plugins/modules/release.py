#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: the livepeer.fleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: release
short_description: Install the planned releases of go-livepeer on a host
version_added: 0.1.0
author:
  - The livepeer.fleet contributors (@livepeer)
description:
  - Installs every release that the plan wants on this host and that the host lacks, each into a folder of its own below
    C(/opt/livepeer/releases). A release that is there is never changed, so what runs does not notice.
  - The archive is a file on the controller, which is sent only to a host that lacks the release, or a URL, which the host fetches.
    Its sha256 is checked before it is unpacked, and only the layout of official archives is accepted. C(livepeer -version) then has
    to run on this host, as a user without rights, and to say the planned version. Up to there nothing is visible on the host, and
    after a failure nothing is left of it.
  - Releases that nobody needs any more are removed, but for the last O(keep) and those that a kept revision of a node names.
options:
  plan:
    description: Directory of the plan on the controller, as M(livepeer.fleet.plan) returns it.
    type: path
    required: true
  keep:
    description: How many of the releases installed last are kept, whether a node needs them or not.
    type: int
    default: 2
  part:
    description: What the plan says of this host. Read from O(plan) on the controller; it is not given by hand.
    type: dict
  sources:
    description: For a release whose archive is on the controller, where it was sent to. Filled on the controller; it is not given by hand.
    type: dict
    default: {}
attributes:
  check_mode:
    description: Tells what would be installed and removed. The archive is neither sent nor fetched.
    support: full
  diff_mode:
    description: Shows the list of installed releases before and after.
    support: full
notes:
  - Needs root, systemd and Python 3.9 on the host.
seealso:
  - module: livepeer.fleet.node
"""

EXAMPLES = r"""
- name: Install the planned releases
  livepeer.fleet.release:
    plan: "{{ hostvars.localhost.ansible_facts.livepeer_fleet_plan.plan_dir }}"
  become: true
"""

RETURN = r"""
installed:
  description: Releases that were installed, or would be in check mode.
  returned: success
  type: list
  elements: str
  sample: [0.9.1-3f0d9a4c11be]
removed:
  description: Releases that nobody needs any more and that were removed, or would be in check mode.
  returned: success
  type: list
  elements: str
  sample: [0.8.11-77c1b2e0a9d4]
releases:
  description: All releases on the host afterwards, the one installed last at the end.
  returned: success
  type: list
  elements: str
  sample: [0.9.0-58be03aa1c27, 0.9.1-3f0d9a4c11be]
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.livepeer.fleet.plugins.module_utils import lock, releases, revisions
from ansible_collections.livepeer.fleet.plugins.module_utils.errors import HostError, reason
from ansible_collections.livepeer.fleet.plugins.module_utils.host import Host, this_host
from ansible_collections.livepeer.fleet.plugins.module_utils.plan_part import Part


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "plan": {"type": "path", "required": True},
            "keep": {"type": "int", "default": 2},
            "part": {"type": "dict"},
            "sources": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(**run(module))
    except HostError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"the releases of this host cannot be brought up to date: {reason(error)}")


def run(module: AnsibleModule) -> dict[str, object]:
    host, part = this_host(), Part.parse(module.params["part"] or {})
    before = [one.name for one in releases.installed(host.paths)]
    lacking = [one for one in part.releases if one.name not in before]
    sources = {name: Path(path) for name, path in module.params["sources"].items()}
    unsent = [one.name for one in lacking if not one.is_url and one.name not in sources]
    if unsent and not module.check_mode:
        # Said to the action on the controller, which sends them and asks again.
        return {"changed": False, "unsent": unsent}
    after = [*before, *(one.name for one in lacking)]
    if module.check_mode:
        removed = _to_prune(module, host, part, after)
    else:
        with lock.exclusive(host.paths):
            for one in lacking:
                releases.install(host.paths, one, sources.get(one.name), host.machine)
            removed = _to_prune(module, host, part, after)
            releases.prune(host.paths, removed)
            releases.sweep(host.paths)
    after = [name for name in after if name not in removed]
    return {
        "changed": before != after,
        "installed": [one.name for one in lacking],
        "removed": removed,
        "releases": after,
        "diff": {
            "before_header": str(host.paths.releases),
            "after_header": str(host.paths.releases),
            "before": _lines(before),
            "after": _lines(after),
        },
    }


def _to_prune(module: AnsibleModule, host: Host, part: Part, names: list[str]) -> list[str]:
    used = {*revisions.used_releases(host.paths), *(one.name for one in part.releases)}
    return list(releases.to_prune(names, module.params["keep"], used))


def _lines(names: list[str]) -> str:
    return "".join(f"{name}\n" for name in names)


if __name__ == "__main__":
    main()
