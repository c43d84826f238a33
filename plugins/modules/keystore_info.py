#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: the livepeer.fleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: keystore_info
short_description: Tell which accounts a host holds keys of
version_added: 0.1.0
author:
  - The livepeer.fleet contributors (@livepeer)
description:
  - Reads the address that each keystore of a folder, or the one of a running node, says of itself. Nothing else of a key leaves the host,
    and nothing is changed.
  - Of use before a node moves under this collection (which accounts lie in the old C(keystore) folder), and where two hosts are thought
    to use one account.
options:
  path:
    description: Folder with keystores, C(/root/.lpData/arbitrum-one-mainnet/keystore) for instance. It is not searched below.
    type: path
  node:
    description: Name of a node of this collection that runs on the host.
    type: str
attributes:
  check_mode:
    description: It changes nothing in any mode.
    support: full
  diff_mode:
    description: There is nothing to compare with.
    support: none
notes:
  - Needs root where the folder is somebody else's.
seealso:
  - module: livepeer.fleet.node_info
"""

EXAMPLES = r"""
- name: Which accounts does the old installation hold
  livepeer.fleet.keystore_info:
    path: /root/.lpData/arbitrum-one-mainnet/keystore
  become: true
  register: old

- name: Show them
  ansible.builtin.debug:
    var: old.accounts

- name: Which account does this node see
  livepeer.fleet.keystore_info:
    node: orchestrator
  become: true
"""

RETURN = r"""
folder:
  description: The folder that was read.
  returned: success
  type: str
  sample: /run/credentials/livepeer-orchestrator.service
accounts:
  description: Keystores in the order of their file names.
  returned: success
  type: list
  elements: dict
  contains:
    address:
      description: Address of the account in small letters, as go-livepeer finds it there.
      type: str
      sample: "0xab00d6c97378ef2e11fd6d177393e89c8ce0e349"
    file:
      description: Name of the file.
      type: str
      sample: UTC--2024-01-01T00-00-00.000000000Z--ab00d6c97378ef2e11fd6d177393e89c8ce0e349
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.livepeer.fleet.plugins.module_utils import keyfolder
from ansible_collections.livepeer.fleet.plugins.module_utils.errors import reason
from ansible_collections.livepeer.fleet.plugins.module_utils.paths import Paths


def main() -> None:
    module = AnsibleModule(
        argument_spec={"path": {"type": "path"}, "node": {"type": "str"}},
        required_one_of=[("path", "node")],
        mutually_exclusive=[("path", "node")],
        supports_check_mode=True,
    )
    node = module.params["node"]
    folder = Paths().credentials(f"livepeer-{Path(node).name}") if node else Path(module.params["path"])
    try:
        accounts = keyfolder.accounts(folder)
    except OSError as error:
        module.fail_json(msg=f"the keystores of {folder} cannot be read: {reason(error)}")
    module.exit_json(changed=False, folder=str(folder), accounts=[{"address": address, "file": file} for file, address in accounts])


if __name__ == "__main__":
    main()
