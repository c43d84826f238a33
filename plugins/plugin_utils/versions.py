# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of go-livepeer as it compares them itself."""

from __future__ import annotations

import re

_CORE = re.compile(r"v?([0-9]+)\.([0-9]+)\.([0-9]+)")


def older(one: str, other: str) -> bool:
    """Whether a version is lower than another as an orchestrator compares its AI workers': suffixes do not count.

    False where one of them cannot be read (core/capabilities.go:isVersionCompatible).
    """
    mine, least = _core(one), _core(other)
    return bool(mine and least) and mine < least


def _core(version: str) -> tuple[int, ...]:
    found = _CORE.match(version)
    return tuple(map(int, found.groups())) if found else ()
