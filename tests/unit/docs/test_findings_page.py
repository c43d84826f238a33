# SPDX-License-Identifier: GPL-3.0-or-later
"""Every code that a run can print is in the page that explains the codes."""

from __future__ import annotations

import re
from pathlib import Path

CHECKOUT = Path(__file__).parents[3]


def test_every_code_of_the_collection_is_explained_and_no_other() -> None:
    page = (CHECKOUT / "docs" / "findings.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| (LPF\d{3}) \|", page, re.MULTILINE))
    sources = [*(CHECKOUT / "plugins" / "plugin_utils").rglob("*.py"), *(CHECKOUT / "plugins" / "action").glob("*.py")]
    used = {code for path in sources for code in re.findall(r'"(LPF\d{3})"', path.read_text(encoding="utf-8"))}
    assert explained == used
