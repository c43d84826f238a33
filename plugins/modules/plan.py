#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: the livepeer.fleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: plan
short_description: Work out the plan of the whole fleet, on the controller, without contacting a host
version_added: 0.1.0
author:
  - The livepeer.fleet contributors (@livepeer)
description:
  - Reads the C(livepeer_*) variables of every host of the inventory that has a Livepeer role, whatever C(--limit) says,
    value by value, works out who talks to whom at what price, applies every rule, prints the nodes, listeners, edges and
    findings, and writes the plan as files.
  - If a finding is an error the task fails after everything was printed once. No host is contacted in any case.
  - Variables that a play, a role, a block, C(vars_files), C(include_vars) or C(set_fact) set are invisible to a view of the
    fleet, so that a C(livepeer_*) variable given there is refused (C(LPF504)); move it to the inventory. Extra vars (C(-e)) are
    legal; they count for every host of the fleet.
  - Names that begin with C(livepeer_fleet_) are room for what playbooks register or set as facts about the plan, names that begin
    with C(livepeer_user_) are room for the operator's own variables. Neither is ever read.
options:
  keep:
    description:
      - Where the files go if C(livepeer_plan_dir) is not set.
      - With V(true) into C(livepeer-plan) below the current directory, to be read and kept; with V(false) into the temporary
        directory of this run on the controller, which Ansible removes at the end of the run.
    type: bool
    default: false
attributes:
  action:
    description: Runs on the controller.
    support: full
  check_mode:
    description: Plans and writes the files of the plan just the same; nothing else is ever changed.
    support: full
  diff_mode:
    description: There is nothing to compare with.
    support: none
notes:
  - Run it once for the whole run, on the hosts of the fleet (a play on C(localhost) is skipped under C(--limit)), see the example.
"""

EXAMPLES = r"""
- name: Plan the fleet
  livepeer.fleet.plan:
  run_once: true
  delegate_to: localhost
  register: livepeer_fleet_plan
  when: hostvars['localhost']['livepeer_fleet_plan'] is not defined
  tags: always
"""

RETURN = r"""
plan_dir:
  description: Absolute path of the directory on the controller that holds C(plan.json) and C(hosts/<inventory name>.json).
  returned: always
  type: str
  sample: /home/op/fleet/livepeer-plan
digest:
  description: SHA-256 of the plan, in hexadecimal digits. The same inventory gives the same digest.
  returned: always
  type: str
  sample: 5b0c2d6f6e4b1d6f8b0f6c9f1a6d1a40b3c1c2a0c7e36ba5b52bb0b6f30b6a11
hosts:
  description: Inventory names of the fleet's hosts, sorted.
  returned: always
  type: list
  elements: str
  sample: [gw1, orch1, orch2]
errors:
  description: How many findings refuse the run.
  returned: always
  type: int
  sample: 0
warnings:
  description: How many findings are warnings.
  returned: always
  type: int
  sample: 1
rollout:
  description: The waves of C(livepeer_rollout), or their default, as C(serial) takes them.
  returned: always
  type: list
  elements: raw
  sample: [1, 25%, 100%]
restart_busy:
  description: Inventory names of the hosts whose C(livepeer_restart_busy) is true.
  returned: always
  type: list
  elements: str
  sample: []
keep_releases:
  description: For each host how many releases stay besides those in use.
  returned: always
  type: dict
  sample: {gw1: 2, orch1: 2, orch2: 2}
"""
