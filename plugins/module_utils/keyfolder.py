# SPDX-License-Identifier: GPL-3.0-or-later
"""Which key a node on a chain sees: exactly the one that it was given, and none that it made itself.

go-livepeer makes a new account, with status and log as if all were well, where it finds no key, or not that of the planned account
(eth/accountmanager.go:NewAccountManager). Its keystore folder is the folder of its credentials, which systemd mounts read-only.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from ansible_collections.livepeer.fleet.plugins.module_utils import files, revisions
from ansible_collections.livepeer.fleet.plugins.module_utils.host import Host
from ansible_collections.livepeer.fleet.plugins.module_utils.plan_part import Node
from ansible_collections.livepeer.fleet.plugins.module_utils.revisions import Revision

KEYSTORE = "keystore"

_LARGEST = 1 << 20
"""Bytes; a keystore has about 500."""


def made(host: Host, node: Node) -> frozenset[str]:
    """Names in the folder in which go-livepeer keeps accounts of its own, below its data: compared before and after a start."""
    folder = host.paths.state / node.state_directory / KEYSTORE
    return frozenset(path.name for path in folder.iterdir()) if folder.is_dir() else frozenset()


def accounts(folder: Path) -> list[tuple[str, str]]:
    """File and address of each keystore in a folder, as go-ethereum sees them (accounts/keystore/account_cache.go:scanAccounts).

    Raises:
        OSError: the folder, or a file of it, cannot be read.
    """
    found = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name.endswith("~") or path.is_symlink() or not path.is_file():
            continue
        address = _address(path)
        if address:
            found.append((path.name, f"0x{address}"))
    return found


def _address(path: Path) -> str:
    """The address that a file says of itself; "" for one that is no keystore."""
    if path.stat().st_size > _LARGEST:
        return ""
    try:
        content = json.loads(path.read_bytes())
    except ValueError:
        return ""
    address = str(content.get("address", "") if isinstance(content, dict) else "").lower()
    digits = address[2:] if address.startswith("0x") else address
    return digits if re.fullmatch(r"[0-9a-f]{40}", digits) else ""


def problem(host: Host, node: Node) -> str:
    """Why a running node does not see exactly its key, for people; "" if it does, or is on no chain."""
    folder = host.node(node.name)
    revision = folder.revision(folder.current)
    if not node.on_chain or revision is None or KEYSTORE not in revision.node.secrets:
        return ""
    credentials = host.paths.credentials(node.unit)
    try:
        there = {path.name for path in credentials.iterdir()}
    except OSError:
        return f"its keystore folder {credentials} cannot be read"
    own = {name: text for name, text in revision.node.files.items() if name == revisions.UNIT}
    return _names(there, set(revisions.credentials(own).values())) or _key(host, node, revision)


def _names(there: set[str], wanted: set[str]) -> str:
    further, missing = sorted(there - wanted), sorted(wanted - there)
    if further:
        return f"its keystore folder holds what was not put there: {', '.join(further)}"
    return f"its keystore folder lacks {', '.join(missing)}" if missing else ""


def _key(host: Host, node: Node, revision: Revision) -> str:
    seen, given = files.read(host.paths.credentials(node.unit) / KEYSTORE), revision.secret(KEYSTORE)
    return "" if seen == given else "the key in its keystore folder is not the one of its revision"
