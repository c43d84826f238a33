# SPDX-License-Identifier: GPL-3.0-or-later
"""The nearest right name for a wrong one."""

from __future__ import annotations

from collections.abc import Iterable


def distance(left: str, right: str) -> int:
    """Edits (insert, delete, replace, swap of neighbours) between two words: the optimal string alignment distance."""
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        older, before, row = before, row, [i]
        for j, b in enumerate(right, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
    return row[-1]


def _folded(word: str) -> str:
    return word.replace("_", "").replace("-", "").lower()


def nearest(word: str, words: Iterable[str]) -> str:
    """The word most like ``word``, or "" if none is like it: at most one edit in four letters, and no more than three.

    Case, ``_`` and ``-`` count for nothing, so that ``http_addr`` is like ``httpAddr``.
    """
    folded = _folded(word)
    allowed = min(3, max(1, len(folded) // 4))
    best, best_distance = "", allowed + 1
    for candidate in sorted(words):
        other = _folded(candidate)
        if abs(len(other) - len(folded)) < best_distance:
            found = distance(folded, other)
            if found < best_distance:
                best, best_distance = candidate, found
    return best
