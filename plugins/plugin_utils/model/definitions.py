# SPDX-License-Identifier: GPL-3.0-or-later
"""Typed access to ``variables.yml``, the one definition of every variable."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.flags import every_flag, secret_settings
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model import signers

FLEET = "fleet"
"""Role of variables that are about hosts or the run as a whole."""

COMBINED = "combined"

_MARKUP = re.compile(r"\b[A-Z]\(([^)]*)\)")


@dataclass(frozen=True)
class Definition:
    """One variable, or one key of a dictionary inside one. The file says what each attribute means."""

    name: str
    type: str
    description: tuple[str, ...]
    roles: tuple[str, ...] = ()
    once: bool = False
    required: str = ""
    elements: str = ""
    choices: tuple[str, ...] = ()
    default: object = None
    default_for: Mapping[str, object] | None = None
    options: Mapping[str, Definition] | None = None
    flag: str = ""
    environment: str = ""
    format: str = ""
    secret: bool = False
    made: bool = False
    range: tuple[int, int] | None = None

    def default_on(self, combined: bool) -> object:
        """The default on a combined or any other host; None where there is none."""
        if combined and self.default_for and COMBINED in self.default_for:
            return self.default_for[COMBINED]
        return self.default

    @property
    def advice(self) -> str:
        """The description without its markup."""
        return _MARKUP.sub(r"\1", " ".join(self.description))

    @property
    def passes_on(self) -> bool:
        """True if its keys are the daemon's own: what stands encrypted among them is a secret, whatever it is called."""
        return self.format in {"flags", "environment"}

    @property
    def holds_secrets(self) -> bool:
        """True if it is a secret or can hold one: nothing may print a value of it."""
        nested = self.options or {}
        return self.secret or self.passes_on or self.format in signers.FORMATS or any(option.secret for option in nested.values())

    def secret_key(self, key: str) -> bool:
        """True if the value under a key inside it is a secret."""
        if self.format == "flags":
            return key in every_flag() and every_flag()[key].secret
        if self.format == "environment":
            return key in secret_settings()
        return key in (self.options or {}) and (self.options or {})[key].secret


@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "variables.yml").read_text(encoding="utf-8"))
    return document


def _definition(name: str, row: Mapping[str, Any]) -> Definition:
    fields = dict(row)
    text = fields.pop("description")
    fields["description"] = tuple(text) if isinstance(text, list) else (text,)
    for key in ("roles", "choices", "range"):
        if key in fields:
            fields[key] = tuple(fields[key])
    if "options" in fields:
        fields["options"] = {key: _definition(key, option) for key, option in fields["options"].items()}
    return Definition(name=name, **fields)


@cache
def definitions() -> dict[str, Definition]:
    """Every variable by its full name, in the order of the file."""
    return {name: _definition(name, row) for name, row in _document()["variables"].items()}


def of_role(role: str) -> dict[str, Definition]:
    """The variables of one role (``gateway``, …, or ``fleet``) by their name after ``livepeer_<role>_``."""
    prefix = "livepeer_" if role == FLEET else f"livepeer_{role}_"
    return {name.removeprefix(prefix): one for name, one in definitions().items() if role in one.roles}


def managed_flags(role: str) -> dict[str, str]:
    """Flags that the collection sets for a role: flag to the variable that sets it, or the reason why there is none."""
    reasons: dict[str, str] = dict(_document()["managed_flags"])
    variables = {one.flag: name for name, one in definitions().items() if one.flag and {role, FLEET} & set(one.roles)}
    return reasons | variables


@cache
def managed_environment(role: str) -> dict[str, str]:
    """Settings of the environment that the collection sets for a role, each with the variable that sets it."""
    return {one.environment: name for name, one in definitions().items() if one.environment and role in one.roles}


@dataclass(frozen=True)
class EntryPoint:
    """An entry point of a role: what its argument spec says beside the variables.

    Attributes:
        parts: roles whose variables it takes.
        options: variables of its own, for internal use.
    """

    short_description: str
    description: tuple[str, ...]
    parts: tuple[str, ...]
    options: Mapping[str, Definition]


def entry_points() -> dict[str, dict[str, EntryPoint]]:
    """The entry points of each role of the collection."""
    return {role: {name: _entry_point(row) for name, row in rows.items()} for role, rows in _document()["entry_points"].items()}


def _entry_point(row: Mapping[str, Any]) -> EntryPoint:
    text = row["description"]
    return EntryPoint(
        short_description=row["short_description"],
        description=tuple(text) if isinstance(text, list) else (text,),
        parts=tuple(row.get("parts", ())),
        options={name: _definition(name, option) for name, option in row.get("options", {}).items()},
    )


def later() -> tuple[str, ...]:
    """Beginnings of names of the public contract that this release does not read yet."""
    return tuple(_document()["later"])


def foreign() -> tuple[str, ...]:
    """Beginnings of names that are never read."""
    return tuple(_document()["foreign"])
