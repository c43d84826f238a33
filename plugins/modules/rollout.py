#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: the livepeer.fleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: rollout
short_description: Decide for all hosts together what will be done, before anything is changed
version_added: 0.1.0
author:
  - The livepeer.fleet contributors (@livepeer)
description:
  - Takes what M(livepeer.fleet.node_info) found on every host of the play and holds it against the plan. It ends the run if a host
    could not be looked at, or if something makes the run pointless, such as a planned port held by a foreign process (C(LPF601)).
    Nothing has been changed up to then.
  - Otherwise it prints what will be done to each node and why, and returns which hosts are done in which order.
  - Hosts where something is started and nothing that runs is stopped come first, all at once but for what they need of each other
    (signers and redeemers, then orchestrators, then their workers, then gateways). Hosts where a running node will be restarted follow
    in waves. A host with running sessions on a node that would be restarted is left as it is.
  - AI workers are upgraded before their orchestrator and downgraded after it. Where the secret of an orchestrator changes, it is one
    wave with all of its workers, which follow it at once. A signer or redeemer is never down together with those that it works for.
  - It ends the run where there is no such order, and where a host that was left out of the run would be shut out by what is done.
options:
  plan:
    description: Directory of the plan, as M(livepeer.fleet.plan) returns it.
    type: path
    required: true
  found:
    description: Name of the variable that holds each host's result of M(livepeer.fleet.node_info).
    type: str
    required: true
  waves:
    description: Sizes of the waves, hosts or shares of them, as C(livepeer_rollout) says.
    type: list
    elements: raw
    required: true
  restart_busy:
    description: Hosts whose nodes may be restarted while they have sessions.
    type: list
    elements: str
    default: []
  roles:
    description:
      - Roles that each host must have in the plan. Set by the roles of this collection; with it the waves are in the hands of the
        play, and more restarts at once than the first wave allows are refused unless the play has C(serial).
    type: list
    elements: str
    choices: [gateway, orchestrator, transcoder, ai_worker, remote_signer, redeemer]
    default: []
attributes:
  action:
    description: Runs on the controller.
    support: full
  check_mode:
    description: Decides just the same; it changes nothing.
    support: full
  diff_mode:
    description: There is nothing to compare with.
    support: none
notes:
  - Run it once for all hosts of the play, see the example.
"""

EXAMPLES = r"""
- name: Decide what will be done
  livepeer.fleet.rollout:
    plan: "{{ hostvars.localhost.ansible_facts.livepeer_fleet_plan.plan_dir }}"
    found: found
    waves: [1, "25%", "100%"]
  run_once: true
  delegate_to: localhost
  delegate_facts: true
"""

RETURN = r"""
ansible_facts:
  description: What the following tasks and plays need.
  returned: success
  type: dict
  contains:
    livepeer_fleet_rollout:
      description: The decision.
      returned: success
      type: dict
      contains:
        releases:
          description: Hosts that lack a release which one of their nodes needs.
          type: list
          elements: str
          sample: [gw1, orch1]
        release_serial:
          description: Sizes of the batches in which releases are installed, as the keyword C(serial) takes them.
          type: list
          elements: int
          sample: [2]
        nginx:
          description: Hosts that lack the nginx which their nodes are to have in front of them.
          type: list
          elements: str
          sample: [gw1, orch1]
        images:
          description: By host the images of AI runners that it lacks, see M(livepeer.fleet.runner_images).
          type: dict
          sample: {"orch1": ["livepeer/ai-runner:latest"]}
        hosts:
          description: Hosts that will be changed, in the order of the waves.
          type: list
          elements: str
          sample: [gw1, orch1, orch2]
        serial:
          description: Sizes of the waves, as the keyword C(serial) takes them.
          type: list
          elements: int
          sample: [1, 1, 1]
        busy:
          description: Hosts left as they are because of running sessions, there or on a host that they cannot be done without.
          type: list
          elements: str
          sample: []
        orders:
          description: For hosts whose nodes are not done in the order of the plan, the names of the nodes in the order of this run.
          type: dict
          sample: {"gpu1": ["ai_worker", "orchestrator"]}
        verify:
          description: Hosts to verify at the end. Empty where there was nothing to do, and in check mode.
          type: list
          elements: str
          sample: [gw1, orch1, orch2]
"""
