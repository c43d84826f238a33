# SPDX-License-Identifier: GPL-3.0-or-later
"""The content of docs/findings.md: what the rules say of themselves, and what the parser can find in single values."""

from __future__ import annotations

from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules import RULES
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.equipment import RULES as EQUIPMENT
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.hosts import RULES as LIVE
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.registrations import RULES as REGISTRATIONS

Row = tuple[str, str, str, str]

OF_VALUES: tuple[Row, ...] = (
    (
        "LPF303",
        "error",
        "Payment and network of a gateway contradict, or a signer is named and does not pay.",
        "Write the payment or the network that the finding names.",
    ),
    (
        "LPF403",
        "error",
        "A keystore that is not of version 3 or of another account than the configured one, or a password that does not open it; seen with"
        " `livepeer_plan_secrets: full`, and always before the first change on any host.",
        "Give the file that geth wrote for that account, and its password.",
    ),
    ("LPF404", "error", "A required secret is missing, empty, or shorter than 8 characters.", "Set the variable that it names."),
    ("LPF501", "error", "A flag that the pinned version does not have, or a value of the wrong kind.", "Write the name that it proposes."),
    ("LPF502", "error", "An extra flag that the collection manages itself.", "Use the variable that it names."),
    (
        "LPF503",
        "error near a known name, else warning",
        "An unknown `livepeer_*` variable or group, or one of a role that is not there yet.",
        "Write the name that it proposes; `livepeer_user_*` is room for variables of your own.",
    ),
    (
        "LPF504",
        "error",
        "A variable of the wrong type or shape, one that cannot be read, or one that a play or a role sets.",
        "Quote numbers that are amounts; move the variable to the inventory.",
    ),
    (
        "LPF504",
        "error",
        "Limits of the headroom that are no percentages, or the wrong way round.",
        "Write two numbers, the smaller one as livepeer_headroom_min.",
    ),
    (
        "LPF504",
        "warning",
        "No host of the inventory is in a group of this collection.",
        "Put hosts into the groups, or name yours in `livepeer_groups`.",
    ),
    (
        "LPF505",
        "error; warning for a `livepeer_version_like` that is not needed",
        "No version, one whose behaviour is not known, or one that cannot be deployed.",
        "Set `livepeer_version`; for a newer one also `livepeer_version_like`.",
    ),
)
HEAD = """\
<!-- SPDX-License-Identifier: GPL-3.0-or-later -->
<!-- Written by `make specs` from the rules; do not edit. -->

# Findings

A finding names its code, the host, the node and the variable, the two values that do not fit, and what to write instead. An error
refuses the run before a host is contacted; a warning is printed and the run goes on. The 600s are about live hosts: seen before
anything is stopped or started, and by `livepeer.fleet.verify`.

| code | level | what is wrong | what to do |
|---|---|---|---|
"""


def page() -> str:
    """The whole page: one row a defect, by code."""
    of_fleets = [(rule.code, rule.level, rule.says, rule.advice) for rule in RULES]
    of_live_fleets = [(rule.code, rule.level, rule.says, rule.advice) for rule in (*LIVE, *REGISTRATIONS, *EQUIPMENT)]
    rows = sorted([*OF_VALUES, *of_fleets, *of_live_fleets], key=lambda row: row[0])
    return HEAD + "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"
