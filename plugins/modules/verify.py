#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: the livepeer.fleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: verify
short_description: Hold the live hosts against the plan
version_added: 0.1.0
author:
  - The livepeer.fleet contributors (@livepeer)
description:
  - Takes what M(livepeer.fleet.node_info) found on every host of the play, prints everything that is not as planned, and fails if
    there is an error among it. Nothing is changed.
  - A planned port that a foreign process holds is C(LPF601). A node that is missing, down, another one than planned, or not of the
    plan's revision is C(LPF602). An orchestrator that does not answer from the host of its gateway or worker is C(LPF603). A worker
    that is not registered at its orchestrator is C(LPF607). What a node needs and its host lacks is C(LPF609). A nftables table that is
    not the plan's is C(LPF610). RPC endpoints that cannot be used are C(LPF611) to C(LPF614).
  - On a chain, a node that runs with another account is C(LPF606). Warnings tell what the chain says otherwise than the plan, about funds
    (C(LPF604)), registration (C(LPF605)) and missed rewards (C(LPF608)). It is read from the nodes' CLI ports, nothing is written.
options:
  plan:
    description: Directory of the plan, as M(livepeer.fleet.plan) returns it.
    type: path
    required: true
  found:
    description: Name of the variable that holds each host's result of M(livepeer.fleet.node_info).
    type: str
    required: true
attributes:
  action:
    description: Runs on the controller.
    support: full
  check_mode:
    description: It changes nothing in any mode.
    support: full
  diff_mode:
    description: There is nothing to compare with.
    support: none
notes:
  - Run it once for all hosts of the play, see the example.
"""

EXAMPLES = r"""
- name: Verify
  livepeer.fleet.verify:
    plan: "{{ hostvars.localhost.ansible_facts.livepeer_fleet_plan.plan_dir }}"
    found: verified
  run_once: true
  delegate_to: localhost
"""

RETURN = r"""
verified:
  description: How many nodes are as planned.
  returned: success
  type: int
  sample: 5
"""
