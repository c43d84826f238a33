# SPDX-License-Identifier: GPL-3.0-or-later
"""The text format of Prometheus, as far as a gauge of go-livepeer needs it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

_SERIES = r'^{name}(?:\{{((?:[^"{{}}\n]|"(?:[^"\\\n]|\\.)*")*)\}})?[ \t]+(\S+)'
_LABEL = re.compile(r'([A-Za-z_][A-Za-z0-9_]*)="((?:[^"\\\n]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")


def series(text: str, name: str, labels: Sequence[str]) -> dict[tuple[str, ...], float]:
    """Every series of a metric, by the values of these labels ("" for one that it has not); the others are left out.

    Args:
        text: answer of ``/metrics``.
        name: of the metric.
        labels: which of its labels tell the series apart.
    """
    found = {}
    for held, value in re.findall(_SERIES.format(name=re.escape(name)), text, re.MULTILINE):
        values = {label: _ESCAPED.sub(_unescaped, escaped) for label, escaped in _LABEL.findall(held)}
        found[tuple(values.get(label, "") for label in labels)] = float(value)
    return found


def number(exact: str) -> float:
    """An exact amount (``6072/5``) as a gauge shows it: both go-livepeer and Python round to the nearest double (math/big: Rat.Float64)."""
    return float(Fraction(exact))


def _unescaped(match: re.Match[str]) -> str:
    return "\n" if match[1] == "n" else match[1]
