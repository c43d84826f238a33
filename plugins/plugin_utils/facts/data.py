# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the data files that lie beside the code."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any


@cache
def load(name: str) -> dict[str, Any]:
    """Content of ``<name>.json`` of this folder; read once."""
    document: dict[str, Any] = json.loads((Path(__file__).parent / f"{name}.json").read_text(encoding="utf-8"))
    return document
