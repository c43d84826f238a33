# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths into variables, as findings and the secrets of a node name them: ``livepeer_orchestrator_ai_models[0].token``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

_STEP = re.compile(r"\[([0-9]+)\]|\.([^.\[\]]+)")
_PATH = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)((?:\[[0-9]+\]|\.[^.\[\]]+)*)")


def split_path(path: str) -> tuple[str, tuple[int | str, ...]]:
    """Name of the variable, and the indexes and keys below it; raises ValueError for what is no path."""
    found = _PATH.fullmatch(path)
    if not found:
        raise ValueError(f"{path!r} is no path into a variable")
    return found[1], tuple(int(index) if index else key for index, key in _STEP.findall(found[2]))


def value_at(value: Any, keys: Sequence[int | str]) -> object:
    """What lies below a value at these indexes and keys; raises LookupError if nothing does."""
    for key in keys:
        container: Any = Mapping if isinstance(key, str) else (list, tuple)
        if not isinstance(value, container):
            raise LookupError(key)
        value = value[key]
    return value
