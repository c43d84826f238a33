#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: the livepeer.fleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: node
short_description: Bring the nodes of a host to what the plan says, each as one transaction
version_added: 0.1.0
author:
  - The livepeer.fleet contributors (@livepeer)
description:
  - Takes all nodes of the host in their order. A node that is as planned is left alone. Otherwise its configuration is checked by the
    node's own binary and its unit by systemd, written as a new revision below C(/etc/livepeer), switched to, started only if it has to
    be, and proved.
  - Proved means that every planned listener is held by the node's own unit and by nobody else, that the CLI port answers as the
    planned role and version, that the settings that can be read back are the planned ones, and that all of it still holds after the
    delayed checks of go-livepeer, without a restart in between.
  - What stands in front of a node (nginx, in a unit of its own) is started and proved before it, and taken back with it. A worker is
    proved by its registration. A node on a chain has to see the one key that it was given, and must not have made an account.
  - Documents of prices (C(-maxPricePerCapability), C(-pricePerGateway)) are proved entry by entry, as go-livepeer drops a document that
    it cannot read and runs without it. A dropped one is not waited for. Prices of C(aiModels) need no proof, a file that cannot be
    read ends the start.
  - What is not proved goes back to the revision that ran before, which is proved again, and the task fails with the reason and the last
    log lines, secrets taken out. A first installation that fails is removed.
  - A run that is cut at any point is repaired by the next one.
options:
  plan:
    description: Directory of the plan on the controller, as M(livepeer.fleet.plan) returns it.
    type: path
    required: true
  restart_busy:
    description: Restart nodes although streams run through them. Without it the task fails before anything was changed.
    type: bool
    default: false
  keep:
    description: How many revisions of a node are kept on the host.
    type: int
    default: 3
  settled:
    description:
      - For how many seconds a node has to stay as planned before it counts as proved. The delayed checks of go-livepeer are over
        after 10, whatever is wrong with the service address.
    type: float
    default: 11
  order:
    description: Names of the nodes in the order they are done in, where it is not that of the plan. M(livepeer.fleet.rollout) tells it.
    type: list
    elements: str
    default: []
  part:
    description: What the plan says of this host. Read from O(plan) on the controller; it is not given by hand.
    type: dict
  secrets:
    description: Values of the secrets that the plan names. Read from the inventory on the controller; it is not given by hand.
    type: dict
attributes:
  check_mode:
    description: Tells what would be done, and lets the installed binary check the configuration. Nothing is changed.
    support: full
  diff_mode:
    description: Shows the files with placeholders in the place of secrets, and the names of secrets that change.
    support: full
notes:
  - Needs root, systemd and Python 3.9 on the host.
  - Two runs on one host exclude each other; the second one fails at once.
seealso:
  - module: livepeer.fleet.release
  - module: livepeer.fleet.node_info
"""

EXAMPLES = r"""
- name: Apply the plan to the host
  livepeer.fleet.node:
    plan: "{{ hostvars.localhost.ansible_facts.livepeer_fleet_plan.plan_dir }}"
  become: true
"""

RETURN = r"""
firewall:
  description: What was done to the nftables table of the host, and why; empty if nothing had to be. It is done before the nodes.
  returned: always, unless it failed before any node was looked at
  type: list
  elements: str
  sample: ["firewall.nft changes"]
nodes:
  description: What was done to each node, in their order. It ends with the node that failed.
  returned: always, unless it failed before any node was looked at
  type: list
  elements: dict
  contains:
    node:
      description: Name of the node.
      type: str
      sample: gateway
    action:
      description: What was to be done.
      type: str
      sample: upgrade
    reasons:
      description: Why.
      type: list
      elements: str
      sample: ["release 0.9.0-58be03aa1c27 becomes 0.9.1-3f0d9a4c11be", "livepeer.service changes"]
    changed:
      description: Whether anything was changed and stayed so.
      type: bool
      sample: true
    restarted:
      description: Whether its process was started anew.
      type: bool
      sample: true
    revision:
      description: The revision that is proved now, empty if none is.
      type: str
      sample: 61c0f3d2a7be.4
    error:
      description: Why it failed in one line, empty if it did not. The message of the task holds its last log lines as well.
      type: str
      sample: ""
"""

from collections.abc import Mapping

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.livepeer.fleet.plugins.module_utils import firewall, lock, transaction
from ansible_collections.livepeer.fleet.plugins.module_utils.errors import HostError, reason
from ansible_collections.livepeer.fleet.plugins.module_utils.firewall import Change
from ansible_collections.livepeer.fleet.plugins.module_utils.health import SETTLED_SECONDS
from ansible_collections.livepeer.fleet.plugins.module_utils.host import Host, this_host
from ansible_collections.livepeer.fleet.plugins.module_utils.plan_part import Part
from ansible_collections.livepeer.fleet.plugins.module_utils.transaction import Options, Outcome


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "plan": {"type": "path", "required": True},
            "restart_busy": {"type": "bool", "default": False},
            "keep": {"type": "int", "default": 3},
            "settled": {"type": "float", "default": SETTLED_SECONDS},
            "order": {"type": "list", "elements": "str", "default": []},
            "part": {"type": "dict"},
            "secrets": {"type": "dict", "no_log": True},
        },
        supports_check_mode=True,
    )
    try:
        change, outcomes = run(module)
    except HostError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"the nodes of this host cannot be looked at: {reason(error)}")
    result = {
        "changed": bool(change.reasons) or any(one.changed for one in outcomes),
        "firewall": list(change.reasons),
        "nodes": [_public(one) for one in outcomes],
        "diff": [
            {"before_header": file.path, "after_header": file.path, "before": file.before, "after": file.after}
            for file in (*change.diff, *(file for one in outcomes for file in one.diff))
        ],
    }
    failed = [one for one in outcomes if one.error]
    if failed:
        module.fail_json(msg=f"node {failed[0].node}: {failed[0].error}", **result)
    module.exit_json(**result)


def run(module: AnsibleModule) -> tuple[Change, tuple[Outcome, ...]]:
    host, part = this_host(), Part.parse(module.params["part"] or {})
    options = Options(
        check=module.check_mode,
        restart_busy=module.params["restart_busy"],
        keep=module.params["keep"],
        settled=module.params["settled"],
        order=tuple(module.params["order"]),
    )
    secrets = module.params["secrets"] or {}
    if module.check_mode:
        return _apply(host, part, secrets, options)
    with lock.exclusive(host.paths):
        return _apply(host, part, secrets, options)


def _apply(host: Host, part: Part, secrets: Mapping[str, Mapping[str, str]], options: Options) -> tuple[Change, tuple[Outcome, ...]]:
    """The firewall before the nodes, so that a new listener is never open to more than it should be; not where nodes refuse the run."""
    changes: list[Change] = []
    outcomes = transaction.apply(
        host, part, secrets, options, first=lambda: changes.append(firewall.apply(host, part.firewall, check=options.check))
    )
    return changes[0], outcomes


def _public(one: Outcome) -> dict[str, object]:
    return {
        "node": one.node,
        "action": one.action,
        "reasons": list(one.reasons),
        "changed": one.changed,
        "restarted": one.restarted,
        "revision": one.revision,
        "error": one.error.partition("\n")[0],
    }


if __name__ == "__main__":
    main()
