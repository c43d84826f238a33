# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded scrapes as the series of a promtool test: a target is in one state after the other, a minute is one scrape."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

RECORDED = Path(__file__).parent / "recorded"

_SAMPLE = re.compile(r"(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(?P<labels>.*)\})? (?P<value>\S+)")
_STARTED = "process_start_time_seconds"

Run = Callable[..., subprocess.CompletedProcess[str]]
"""promtool: how it ended."""

Samples = Mapping[tuple[str, str], str]
"""Name and labels (as they stand between the braces) of each series, and its value."""


@dataclass(frozen=True)
class State:
    """What a target shows for some minutes.

    Attributes:
        minutes: how many.
        scrape: name of a recording, "" for a target that does not answer.
        also: series that no recording has, ``name{labels}`` to value, beside or in the place of recorded ones.
        starts: which start of its process this is; another number is another start time.
    """

    minutes: int
    scrape: str = ""
    also: Mapping[str, str] = field(default_factory=dict)
    starts: int = 0

    def samples(self) -> Samples:
        """What a scrape finds."""
        if not self.scrape:
            return {}
        found = read(f"metrics-{self.scrape}.prom") | {_series(name): value for name, value in self.also.items()}
        found[_STARTED, ""] = str(1_700_000_000 + self.starts)
        return found


@dataclass(frozen=True)
class Target:
    """An entry of the targets file, and its states."""

    role: str
    states: Sequence[State]
    network: str = "offchain"
    labels: Mapping[str, str] = field(default_factory=dict)

    def series(self) -> list[dict[str, str]]:
        """``input_series`` of a promtool test."""
        own = {"job": "livepeer", "instance": f"{self.role}:1", "role": self.role, "node": self.role, "host": f"host-{self.role}"}
        labels = ",".join(f'{name}="{value}"' for name, value in {**own, "network": self.network, **self.labels}.items())
        scraped = [(state.minutes, state.samples()) for state in self.states]
        names = dict.fromkeys(key for _minutes, samples in scraped for key in samples)
        up = " ".join(_values("1" if state.scrape else "0", state.minutes) for state in self.states)
        rows = [{"series": f"up{{{labels}}}", "values": up}]
        for name, more in names:
            series = f"{name}{{{','.join(filter(None, (labels, more)))}}}"
            rows.append({"series": series, "values": _line([(minutes, samples.get((name, more))) for minutes, samples in scraped])})
        return rows


def read(name: str) -> dict[tuple[str, str], str]:
    """The series of a recording; buckets and Go's own families, which no rule asks for, are left out."""
    found = {}
    for line in (RECORDED / name).read_text(encoding="utf-8").splitlines():
        sample = _SAMPLE.fullmatch(line)
        if sample and not sample["name"].startswith("go_") and not sample["name"].endswith("_bucket"):
            found[sample["name"], sample["labels"] or ""] = sample["value"]
    return found


def _series(text: str) -> tuple[str, str]:
    name, _brace, labels = text.removesuffix("}").partition("{")
    return name, labels


def _line(states: Sequence[tuple[int, str | None]]) -> str:
    """The values of one series. Prometheus marks a series that is gone from a scrape as stale."""
    parts, there = [], False
    for minutes, value in states:
        if value is not None:
            parts.append(_values(value, minutes))
        elif there:
            parts.append("stale" + (f" _x{minutes - 1}" if minutes > 1 else ""))
        else:
            parts.append(f"_x{minutes}")
        there = value is not None
    return " ".join(parts)


def _values(value: str, minutes: int) -> str:
    """One value for some minutes; ``1e9-5e6`` falls by 5e6 a minute."""
    start, minus, step = value.partition("-") if not value.startswith("-") and "e-" not in value else (value, "", "")
    number = format(float(start), ".17g")
    return f"{number}{minus or '+'}{step or 0}x{minutes - 1}"
