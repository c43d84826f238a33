# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rule has to say: one type for every finding of the plan and of the live fleet."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Level(StrEnum):
    """How grave a finding is. An error refuses the run; a warning and an info are printed and the run goes on."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True)
class Finding:
    """One finding, as data: tests and reports read the fields, the prose is for people.

    Attributes:
        code: ``LPF`` and three digits (DESIGN section 4); never reused for another meaning.
        level: error, warning or info.
        message: what is wrong, in one line, without the hint.
        hosts: the inventory hosts concerned, the one to change first.
        node: name of the node on the first host, or "" where the finding is about no single node.
        variable: path of the variable to change (``livepeer_gateway_max_price_per_capability[2].price_per_unit``), or "".
        got: the value found, as an operator would write it; never a secret.
        limit: the other value of the comparison (the owner of the port, the price, the allowed choices), or "".
        hint: what to write instead, ready to be pasted where possible, or "".
    """

    code: str
    level: Level
    message: str
    hosts: tuple[str, ...] = field(default=())
    node: str = ""
    variable: str = ""
    got: str = ""
    limit: str = ""
    hint: str = ""
