# SPDX-License-Identifier: GPL-3.0-or-later
"""-j: the flags as JSON (livepeer-data mistconnector)."""

from __future__ import annotations

import json

from .goflags import FlagSet, text_of


def document(flags: FlagSet, version: str) -> str:
    """One entry a flag."""
    options = {
        flag.name: {"name": flag.name, "option": f"--{flag.name}", "type": flag.kind, "default": text_of(flag.default, flag.kind)}
        for flag in flags.flags.values()
        if flag.name != "j"
    }
    about = {"name": "livepeer", "friendly": "Livepeer", "desc": "stand-in", "version": version, "optional": options}
    return json.dumps(about, indent=2)
