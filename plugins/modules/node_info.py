#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: the livepeer.fleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: node_info
short_description: Look at a host and its nodes
version_added: 0.1.0
author:
  - The livepeer.fleet contributors (@livepeer)
description:
  - One look at a host, which reads and never writes. It tells its releases, its nodes with their revisions, what systemd says of their
    units, who holds every listening socket, and which role and version answers on each CLI port.
  - With a plan it tells for each planned node what has to be done to it and why, and which planned listeners a foreign process holds.
  - The node's settings and secrets are compared on the host; neither is in the result.
options:
  plan:
    description: Directory of the plan on the controller, as M(livepeer.fleet.plan) returns it.
    type: path
  reach:
    description:
      - Also try every orchestrator that the plan gives to a gateway or a worker of this host, from this host.
      - A worker that is not registered although its orchestrator answers is given the longest pause between two of its tries, 90 seconds.
    type: bool
    default: false
  part:
    description: What the plan says of this host. Read from O(plan) on the controller; it is not given by hand.
    type: dict
  secrets:
    description: Values of the secrets that the plan names. Read from the inventory on the controller; it is not given by hand.
    type: dict
attributes:
  check_mode:
    description: It never changes anything.
    support: full
  diff_mode:
    description: There is nothing to compare with.
    support: none
notes:
  - Needs root, systemd and Python 3.9 on the host. Without root it cannot see who holds a socket.
seealso:
  - module: livepeer.fleet.node
"""

EXAMPLES = r"""
- name: Look at the host
  livepeer.fleet.node_info:
  become: true
  register: found

- name: Look at the host and hold it against the plan
  livepeer.fleet.node_info:
    plan: "{{ hostvars.localhost.ansible_facts.livepeer_fleet_plan.plan_dir }}"
    reach: true
  become: true
  register: found
"""

RETURN = r"""
observation:
  description: What was found.
  returned: success
  type: dict
  contains:
    schema:
      description: Version of this structure.
      type: int
      sample: 1
    host:
      description: Inventory name of the host; empty without a plan.
      type: str
      sample: gw1
    machine:
      description: Architecture.
      type: str
      sample: x86_64
    systemd:
      description: Version of systemd.
      type: int
      sample: 252
    secrets_at_rest:
      description:
        - How secrets lie on this host's disk, C(encrypted) with the key that systemd keeps for it, or C(plain), for root alone, where its
          systemd has no C(systemd-creds) (before version 250).
      type: str
      sample: encrypted
    free_bytes:
      description: Free space where releases, revisions and state lie.
      type: dict
      sample: {"/opt/livepeer/releases": 52613349376, "/etc/livepeer": 52613349376, "/var/lib": 52613349376}
    releases:
      description: Installed releases, the one installed last at the end.
      type: list
      elements: dict
      sample: [{"name": "0.9.1-3f0d9a4c11be", "version": "0.9.1", "checksum": "3f0d9a4c11be", "used_by": ["gateway"]}]
    missing_programs:
      description: Programs of the distribution that the planned nodes need and the host lacks.
      type: list
      elements: str
      sample: [nginx]
    missing_releases:
      description: Planned releases that the host lacks.
      type: list
      elements: str
      sample: []
    nodes:
      description: Nodes of the plan and of the host, by name.
      type: dict
      contains:
        unit:
          description: Its systemd unit.
          type: str
          sample: livepeer-gateway
        planned:
          description: Whether the plan has it. A node that is not planned has no C(decision) and no C(busy).
          type: bool
          sample: true
        active:
          description: The revision that was proved last, empty if none was.
          type: str
          sample: 61c0f3d2a7be.4
        current:
          description: The revision that the unit reads when it starts.
          type: str
          sample: 61c0f3d2a7be.4
        revisions:
          description: All revisions on the host, oldest first.
          type: list
          elements: str
          sample: [0c1d2e3f4a5b.3, 61c0f3d2a7be.4]
        interrupted:
          description: Whether an earlier run was cut off.
          type: bool
          sample: false
        digest:
          description: Digest of the active revision.
          type: str
          sample: 61c0f3d2a7be55e0b1a2f3d4c5b6a7980f1e2d3c4b5a69788796a5b4c3d2e1f0
        release:
          description: Release of the active revision.
          type: str
          sample: 0.9.1-3f0d9a4c11be
        running:
          description: Whether its process runs.
          type: bool
          sample: true
        state:
          description: What systemd says of the unit. C(age) is in seconds, C(restarts) counts those that systemd did by itself.
          type: dict
          sample: {"load": "loaded", "active": "active", "sub": "running", "result": "success", "enabled": "enabled", "main_pid": 812,
                   "restarts": 0, "age": 5021.3, "drop_ins": []}
        role:
          description: >-
            The role that answers on its CLI port (C(gateway), C(orchestrator), C(transcoder), C(ai_worker), C(remote_signer), C(redeemer),
            C(other) for a node in a mode that it does not tell), empty if no node does.
          type: str
          sample: gateway
        version:
          description: The version that answers on its CLI port.
          type: str
          sample: 0.9.1
        sessions:
          description: Running streams, null if the node does not tell.
          type: int
          sample: 0
        busy:
          description: Whether a restart would cut a stream. A node that cannot tell counts as busy if a neighbour on this host is.
          type: bool
          sample: false
        registered:
          description: Whether a worker is registered at its orchestrator, null for other nodes.
          type: bool
          sample: true
        ends:
          description: A registered worker's own ends of its connections to its orchestrator.
          type: list
          elements: str
          sample: ["10.0.0.7:56970"]
        transcoders:
          description: Addresses of the transcoders that are registered at an orchestrator, null for other nodes. It knows of no AI workers.
          type: list
          elements: str
          sample: ["10.0.0.7:56970"]
        listeners:
          description: Planned listeners; C(held) is C(own), C(none) or C(other).
          type: list
          elements: dict
          sample: [{"purpose": "cli", "protocol": "tcp", "address": "127.0.0.1", "port": 5935, "held": "own", "holders": []}]
        equipment:
          description: >-
            What the host has of what the node needs beside a release. C(gpus) is what the driver shows, C(docker) what Docker's API says,
            C(images) whether each is there, C(models) the folder of its models, C(runners) whether those behind a URL are ready. Null for
            a node that needs nothing.
          type: dict
          sample: {"gpus": {"driver": true, "count": 2, "names": true},
                   "docker": {"where": "unix:///var/run/docker.sock", "error": "", "group": true, "gpus": true,
                              "folder": "/var/lib/docker", "free": 52613349376},
                   "images": {"livepeer/ai-runner:latest": true},
                   "models": {"folder": "/var/lib/livepeer-orchestrator/offchain/models", "there": true, "empty": false,
                              "free": 52613349376},
                   "runners": [{"url": "http://10.0.0.5:9000", "error": ""}]}
        problems:
          description: What is not as planned in what runs.
          type: list
          elements: str
          sample: []
        decision:
          description: >-
            What has to be done, why, and whether the process has to be started anew for it. C(action) is C(nothing), C(new), C(restart),
            C(upgrade), C(downgrade), or C(proxy) where only what stands in front of it is started anew. C(secrets) names those of its
            secrets that change, C(companions) the units that are started anew beside its own.
          type: dict
          sample: {"action": "restart", "reasons": ["secret orch_secret changes"], "restarts": true, "secrets": ["orch_secret"],
                   "companions": []}
        companions:
          description: >-
            The units that stand in front of it, each with its C(unit), C(running), C(state), C(listeners) and C(problems), as above. Only
            of a node that is planned.
          type: list
          elements: dict
        endpoints:
          description: >-
            RPC endpoints of a node with a proxy to them, as they were asked from its host. C(number) is the place in the list, C(foreign)
            says that it is of another chain. Only of a node that is planned.
          type: list
          elements: dict
          sample: [{"number": 1, "host": "arb.example.org", "reachable": true, "chain_id": 42161, "head": 271828182, "foreign": false,
                    "usable": true, "problem": ""}]
        chain:
          description: What the chain says of its account, amounts as text. Only with O(reach), null off-chain and of a node that is down.
          type: dict
          sample: {"sender": {"deposit": "1000000000000000000", "reserve": "360000000000000000", "withdraw_round": "0"}, "round": "3127"}
    foreign:
      description: Planned listeners that are held by a process of no planned node.
      type: list
      elements: dict
      sample: [{"node": "gateway", "purpose": "http", "protocol": "tcp", "address": "0.0.0.0", "port": 9935, "pid": 711,
                "unit": "nginx", "command": "nginx"}]
    firewall:
      description: What has to be done about the nftables table (C(reasons)), and what it needs and the host lacks (C(missing)).
      type: dict
      sample: {"missing": "", "reasons": ["firewall.nft changes"]}
    sockets:
      description: Every listening socket and its owner. C(command) is the name of the program, without its arguments.
      type: list
      elements: dict
      sample: [{"protocol": "tcp", "address": "127.0.0.1", "port": 5935, "pid": 812, "unit": "livepeer-gateway", "command": "livepeer"}]
    reach:
      description: With O(reach), whether each orchestrator answers from this host.
      type: list
      elements: dict
      sample: [{"node": "gateway", "url": "https://orch1:8935", "ok": false, "error": "Connection refused"}]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.livepeer.fleet.plugins.module_utils import observation
from ansible_collections.livepeer.fleet.plugins.module_utils.errors import HostError, reason
from ansible_collections.livepeer.fleet.plugins.module_utils.host import this_host
from ansible_collections.livepeer.fleet.plugins.module_utils.plan_part import Part


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "plan": {"type": "path"},
            "reach": {"type": "bool", "default": False},
            "part": {"type": "dict"},
            "secrets": {"type": "dict", "no_log": True},
        },
        supports_check_mode=True,
    )
    try:
        part = Part.parse(module.params["part"]) if module.params["part"] else None
        found = observation.observe(this_host(), part, module.params["secrets"] or {}, reach=module.params["reach"])
    except HostError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"this host cannot be looked at: {reason(error)}")
    module.exit_json(changed=False, observation=found)


if __name__ == "__main__":
    main()
