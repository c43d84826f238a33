# SPDX-License-Identifier: GPL-3.0-or-later
"""What the parser is given: the inventory as plain data, with a sign where a value could not or should not be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding


@dataclass(frozen=True)
class Unreadable:
    """Stands for a value that could not be read: an undefined variable, a failed lookup, a wrong vault password.

    Attributes:
        reason: why, in one line, as ansible-core says it; never a secret.
    """

    reason: str


@dataclass(frozen=True)
class Present:
    """Stands for a secret that is there and was not looked at any further.

    Attributes:
        length: characters of it where it is written in clear text, None where a vault or a lookup holds it.
    """

    length: int | None = None


@dataclass(frozen=True)
class Misread:
    """Stands for a number that YAML reads as another one than is written, or only roughly.

    Attributes:
        text: as it is written, ``010`` or ``1:30``.
        value: what YAML made of it.
    """

    text: str
    value: int | float


@dataclass(frozen=True)
class Inventory:
    """The whole inventory, whatever ``--limit`` says.

    Attributes:
        groups: members of each group, children included.
        hostvars: for each host its ``livepeer_*`` variables, ``ansible_host`` and ``ansible_port``, raw as YAML gave them;
            ``Unreadable``, ``Present`` and ``Misread`` may stand for a value at any depth.
        findings: what the reader of the inventory has to say itself; the parser hands it on.
    """

    groups: Mapping[str, Sequence[str]]
    hostvars: Mapping[str, Mapping[str, object]]
    findings: tuple[Finding, ...] = ()
