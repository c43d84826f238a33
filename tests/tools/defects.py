# SPDX-License-Identifier: GPL-3.0-or-later
"""The content of docs/defects.md: what releases of go-livepeer do wrong, from facts/defects.json."""

from __future__ import annotations

from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.defects import Defect, defects
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Level

HEAD = """\
<!-- SPDX-License-Identifier: GPL-3.0-or-later -->
<!-- Written by `make specs` from plugins/plugin_utils/facts/defects.json; do not edit. -->

# Known defects

What releases of go-livepeer do wrong, as far as a fleet of this collection can meet it. Where an inventory would, the plan says so
(LPF506), with the level of this table. Seen: on a running binary; read: in its source only.

A defect is one entry of `plugins/plugin_utils/facts/defects.json`: its versions, a condition (a function of that name in
`plugins/plugin_utils/rules/defects.py`), what happens, and the way around.

| defect | versions | level | what happens | the way around | known |
|---|---|---|---|---|---|
"""


def page() -> str:
    """The whole page: one row a defect, the gravest first."""
    gravity = [level.value for level in Level]
    rows = sorted(defects(), key=lambda one: (gravity.index(one.level), one.id))
    return HEAD + "\n".join(_row(one) for one in rows) + "\n"


def _row(one: Defect) -> str:
    texts = (f"`{one.id}`", one.versions, one.level, one.effect, one.way_around, f"{one.certainty}: `{one.source}`")
    return "| " + " | ".join(text.replace("|", "\\|") for text in texts) + " |"
