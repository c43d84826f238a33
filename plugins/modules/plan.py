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
  - The files go to C(livepeer_plan_dir), of a refused plan as well, readable by their owner alone. C(plan.json) is for programs (its schema
    is C(docs/plan.schema.json) of the collection), C(plan.html) shows the same in a browser, C(findings.xml) is a JUnit file for a CI.
    Of a plan that is not refused there are also the nftables table of each machine (C(hosts/<inventory name>.nft)), and targets, rules
    and a configuration for Prometheus (C(prometheus/)).
  - The run itself works from a copy in Ansible's temporary directory on the controller, which no
    other run can change. A second call in the same run returns the plan that is there.
  - Names that begin with C(livepeer_fleet_) are room for what playbooks register or set as facts about the plan, names that begin
    with C(livepeer_user_) are room for the operator's own variables. Neither is ever read.
options: {}
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
  delegate_facts: true
  tags: always

- name: Tell where it is
  ansible.builtin.debug:
    msg: "{{ hostvars.localhost.ansible_facts.livepeer_fleet_plan.kept_in }}"
  run_once: true
"""

RETURN = r"""
plan_dir:
  description: Directory on the controller that holds the plan's files for this run. Ansible removes it at the end of the run.
  returned: if the plan is not refused
  type: str
  sample: /home/op/.ansible/tmp/ansible-local-4711abc/livepeer-plan
kept_in:
  description:
    - Absolute path of C(livepeer_plan_dir), with C(plan.json), C(plan.html), C(findings.xml) and, if the plan is not refused,
      C(hosts/) and C(prometheus/).
  returned: if the plan is not refused
  type: str
  sample: /home/op/fleet/livepeer-plan
run:
  description: What this run on the controller is known by; a plan with another value is a leftover of a fact cache.
  returned: if the plan is not refused
  type: str
  sample: /home/op/.ansible/tmp/ansible-local-4711abc
digest:
  description: SHA-256 of the plan, in hexadecimal digits. The same inventory gives the same digest.
  returned: if the plan is not refused
  type: str
  sample: 5b0c2d6f6e4b1d6f8b0f6c9f1a6d1a40b3c1c2a0c7e36ba5b52bb0b6f30b6a11
hosts:
  description: Inventory names of the fleet's hosts, sorted.
  returned: if the plan is not refused
  type: list
  elements: str
  sample: [gw1, orch1, orch2]
findings:
  description: How many findings there are, by their level. One of the level C(error) refuses the plan.
  returned: if the plan is not refused
  type: dict
  sample: {error: 0, warning: 1, info: 0}
rollout:
  description: The waves of C(livepeer_rollout), or their default, as C(serial) takes them.
  returned: if the plan is not refused
  type: list
  elements: raw
  sample: [1, 25%, 100%]
restart_busy:
  description: Inventory names of the hosts whose C(livepeer_restart_busy) is true.
  returned: if the plan is not refused
  type: list
  elements: str
  sample: []
keep_releases:
  description: For each host how many of the releases installed last stay, in use or not.
  returned: if the plan is not refused
  type: dict
  sample: {gw1: 2, orch1: 2, orch2: 2}
ansible_facts:
  description: All of the above, as one fact; on C(localhost) with C(delegate_facts). Not there if the plan is refused.
  returned: if the plan is not refused
  type: complex
  contains:
    livepeer_fleet_plan:
      description: The values above.
      type: dict
      returned: if the plan is not refused
      sample: {plan_dir: /home/op/.ansible/tmp/ansible-local-4711abc/livepeer-plan, findings: {error: 0, warning: 1, info: 0}}
"""
