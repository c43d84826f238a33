#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: the livepeer.fleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: runner_images
short_description: Pull images of AI runners before a node needs them
version_added: 0.1.0
author:
  - The livepeer.fleet contributors (@livepeer)
description:
  - Pulls images of AI runners through Docker's API, one after the other, and says on the screen which one it is at. What runs does not
    notice; a node that is started afterwards finds its images and does not keep gateways waiting while it pulls them itself.
  - An image that is there is left as it is, whatever its tag means elsewhere by now, as go-livepeer does.
  - The image of a model with a C(url) is pulled as well, because go-livepeer does so before it listens. Where that fails there is a
    warning, as the node runs without it.
  - Images come without a login. Those of a registry that asks for one have to be on the host before.
options:
  plan:
    description: Directory of the plan on the controller, as M(livepeer.fleet.plan) returns it.
    type: path
    required: true
  images:
    description: What is to be there. Images that no node of the plan needs on this host are refused.
    type: list
    elements: str
    required: true
  part:
    description: What the plan says of this host. Read from O(plan) on the controller; it is not given by hand.
    type: dict
attributes:
  check_mode:
    description: Tells what would be pulled.
    support: full
  diff_mode:
    description: There is nothing to compare.
    support: none
notes:
  - Needs root and Python 3.9 on the host, and Docker's API; no library of Python and no client of Docker.
seealso:
  - module: livepeer.fleet.node_info
  - module: livepeer.fleet.release
"""

EXAMPLES = r"""
- name: Pull the images that the host lacks
  livepeer.fleet.runner_images:
    plan: "{{ hostvars.localhost.ansible_facts.livepeer_fleet_plan.plan_dir }}"
    images: "{{ hostvars.localhost.ansible_facts.livepeer_fleet_rollout.images[inventory_hostname] }}"
  become: true
"""

RETURN = r"""
pulled:
  description: Images that were pulled, or would be in check mode.
  returned: success
  type: list
  elements: str
  sample: ["livepeer/ai-runner:latest"]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.livepeer.fleet.plugins.module_utils.docker_api import DockerApi
from ansible_collections.livepeer.fleet.plugins.module_utils.errors import HostError
from ansible_collections.livepeer.fleet.plugins.module_utils.plan_part import Part


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "plan": {"type": "path", "required": True},
            "images": {"type": "list", "elements": "str", "required": True},
            "part": {"type": "dict"},
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(**run(module))
    except HostError as error:
        module.fail_json(msg=str(error))


def run(module: AnsibleModule) -> dict[str, object]:
    wanted = [node.equipment for node in Part.parse(module.params["part"] or {}).nodes if node.equipment]
    pulled = []
    for image in module.params["images"]:
        hosts = [str(one["docker_host"]) for one in wanted if image in (*one["images"], *one["spare_images"])]
        if not hosts:
            raise HostError(f"no node of this host needs the image {image}: make the plan again")
        spare = not any(image in one["images"] for one in wanted)
        for host in dict.fromkeys(hosts):
            docker = DockerApi(host)
            if not docker.has_image(image) and (module.check_mode or pull(module, docker, image, spare)):
                pulled.append(image)
    return {"changed": bool(pulled), "pulled": pulled}


def pull(module: AnsibleModule, docker: DockerApi, image: str, spare: bool) -> bool:
    try:
        docker.pull(image)
    except HostError as error:
        if not spare:
            raise
        module.warn(f"{error}. Only models with a url name this image, and their nodes run without it: the run goes on")
        return False
    return True


if __name__ == "__main__":
    main()
