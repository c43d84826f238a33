# SPDX-License-Identifier: GPL-3.0-or-later
"""What a change does to the files of a node, for people: secrets are told by their names only."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.livepeer.fleet.plugins.module_utils import revisions
from ansible_collections.livepeer.fleet.plugins.module_utils.host import Host
from ansible_collections.livepeer.fleet.plugins.module_utils.plan_part import Node


@dataclass(frozen=True)
class FileDiff:
    """A file before and after, secrets as placeholders."""

    path: str
    before: str
    after: str


def file_diffs(host: Host, node: Node, secrets: Mapping[str, str]) -> tuple[FileDiff, ...]:
    """The files that change, as the plan has them: with placeholders."""
    folder = host.node(node.name)
    active = folder.revision(folder.active)
    old: Mapping[str, str] = active.node.files if active else {}
    places = {
        revisions.UNIT: str(host.paths.unit(node.unit)),
        revisions.SYSUSERS: str(host.paths.sysusers(node.unit)),
        revisions.JOURNAL: str(host.paths.journal(node.unit)),
    }
    diffs = [
        FileDiff(places.get(name, str(folder.folder / "current" / name)), _shown(name, old), _shown(name, node.files))
        for name in sorted({*old, *node.files})
    ]
    stored = revisions.differences(active, node, secrets) if active else tuple(f"secret {name}" for name in sorted(node.secrets))
    changing = [what[len("secret ") :] for what in stored if what.startswith("secret ")]
    known = active.node.secrets if active else {}
    before = "".join(f"{name}: set\n" for name in changing if name in known)
    after = "".join(f"{name}: {'changed' if name in known else 'set'}\n" for name in changing if name in node.secrets)
    diffs.append(FileDiff(str(folder.folder / "current" / "secrets"), before, after))
    return tuple(one for one in diffs if one.before != one.after)


def _shown(name: str, contents: Mapping[str, str]) -> str:
    """A file, one of the collection's own programs by its checksum: hundreds of lines on each host, and none of them the operator's."""
    text = contents.get(name, "")
    if not text or not name.endswith(".py"):
        return text
    return f"a program of livepeer.fleet, {len(text.splitlines())} lines, sha256:{hashlib.sha256(text.encode()).hexdigest()}\n"
