# SPDX-License-Identifier: GPL-3.0-or-later
"""A setting that a running node can be asked for, held against the plan."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.livepeer.fleet.plugins.module_utils import prometheus
from ansible_collections.livepeer.fleet.plugins.module_utils.admin_api import Answer

_SHOWN = 5
"""Entries of a list that a message names."""


@dataclass(frozen=True)
class ReadBack:
    """A setting that the node can be asked for.

    Attributes:
        path: route on the CLI port.
        keys: where in the JSON answer; None if the answer is plain text. With ``series`` the name of the metric, then its labels.
        equals: what has to stand there.
        compare: ``exact``, ``set`` (lists in any order), ``address`` (text in any case), ``entries`` (a mapping of name to amount,
            or to None for any amount) or ``series`` (lists of a series' labels and its amount, or None for any amount).
        flag: flag of the binary that made it, "" where there is none to name.
    """

    path: str
    keys: tuple[str, ...] | None
    equals: object
    compare: str
    flag: str

    @property
    def what(self) -> str:
        """Names the setting for people."""
        if not self.keys:
            return self.path
        return f"{self.path} {self.keys[0] if self.compare == 'series' else '.'.join(self.keys)}"

    @property
    def settled(self) -> bool:
        """True if the daemon has made up its mind before its CLI port answers: a document that it dropped does not come later."""
        return self.compare in ("entries", "series", "address")

    def problem(self, answer: Answer) -> str:
        """What the node runs with and should not, for people; "" if it is as planned."""
        if self.compare == "series":
            return self._of_entries(self._planned_series(), self._series(answer))
        found = self._value(answer)
        if self.compare == "entries":
            planned = self.equals if isinstance(self.equals, dict) else {}
            return self._of_entries(planned, found if isinstance(found, dict) else {})
        if self._agrees(found):
            return ""
        if self.compare == "address":
            # go-livepeer makes itself an account where anything is off with the planned one's key (eth/accountmanager.go).
            return f"LPF606: it runs with the account {found}, planned is {self.equals}"
        return f"it runs with {self.what} = {found!r}, planned is {self.equals!r}"

    def _agrees(self, found: object) -> bool:
        if self.compare == "set" and isinstance(found, list) and isinstance(self.equals, list):
            return sorted(map(str, found)) == sorted(map(str, self.equals))
        if self.compare == "address":
            return str(found).lower() == str(self.equals).lower()
        return _canonical(found) == _canonical(self.equals)

    def _of_entries(self, planned: Mapping[str, object], found: Mapping[str, object]) -> str:
        """The difference, entry by entry: a document that go-livepeer cannot read is dropped as a whole, and the node runs."""
        missing = sorted(set(planned) - set(found))
        further = sorted(set(found) - set(planned))
        other = sorted(name for name in set(planned) & set(found) if planned[name] not in (None, found[name]))
        parts = []
        if missing:
            parts.append(f"did not load {len(missing)} of {len(planned)} entries{self._of_flag} ({_names(missing)})")
        parts.extend(f"runs with {name} = {found[name]}{self._of_flag}, planned is {planned[name]}" for name in other[:_SHOWN])
        if further:
            parts.append(f"runs with entries{self._of_flag} that are not planned ({_names(further)})")
        why = (
            '; go-livepeer drops a document as a whole when it cannot read it, look for "could not be parsed" in its log' if missing else ""
        )
        return f"it {' and '.join(parts)}, says {self.what}{why}" if parts else ""

    @property
    def _of_flag(self) -> str:
        return f" of -{self.flag}" if self.flag else ""

    def _value(self, answer: Answer) -> object:
        if self.keys is None:
            return answer.body.strip()
        value = answer.json()
        for key in self.keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def _planned_series(self) -> dict[str, object]:
        rows = self.equals if isinstance(self.equals, list) else []
        return {" ".join(map(str, row[:-1])): None if row[-1] is None else prometheus.number(row[-1]) for row in rows}

    def _series(self, answer: Answer) -> dict[str, object]:
        name, labels = (self.keys or ("",))[0], (self.keys or ("",))[1:]
        return {" ".join(key): value for key, value in prometheus.series(answer.body, name, labels).items()}

    @staticmethod
    def parse(raw: Mapping[str, Any]) -> ReadBack:
        """From the plan's JSON."""
        keys = None if raw.get("json") is None else tuple(str(key) for key in raw["json"])
        return ReadBack(str(raw["path"]), keys, raw["equals"], str(raw.get("compare", "exact")), str(raw.get("flag", "")))


def _names(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"


def _canonical(value: object) -> str:
    """As JSON, so that ``1`` is neither ``true`` nor ``"1"``."""
    return json.dumps(value, sort_keys=True)
