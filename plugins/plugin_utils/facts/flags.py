# SPDX-License-Identifier: GPL-3.0-or-later
"""Flags and environment-only settings of the livepeer binary (``cmd/livepeer/starter/flags.go`` at each tag)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.data import load
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.releases import order
from ansible_collections.livepeer.fleet.plugins.plugin_utils.nearest import nearest as nearest_word

COMMON = "common"

TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})
"""What Go's flag package reads as a boolean (``strconv.ParseBool``)."""


def is_true(text: str) -> bool:
    """Whether the text of a boolean flag means true; one that Go cannot read, and "", does not."""
    return text in TRUE


@dataclass(frozen=True)
class Flag:
    """A flag of the binary.

    Attributes:
        name: as written on the command line, without the dash.
        type: ``string``, ``bool``, ``int``, ``int64``, ``uint``, ``float`` or ``duration``, as Go parses the value.
        since, until: first and last version that has it; ``until`` is None while the newest known version does.
        roles: modes that read it; ``common`` means all.
        secret: True if its value may be or hold a credential.
        format: what the text means where the type is ``string``.
        replacement: name of the flag that replaces it, or "".
    """

    name: str
    type: str
    since: str
    until: str | None
    roles: tuple[str, ...]
    secret: bool
    format: str
    replacement: str


@dataclass(frozen=True)
class Setting:
    """A setting that the binary takes from the environment only."""

    name: str
    since: str
    roles: tuple[str, ...]
    secret: bool


@cache
def every_flag() -> dict[str, Flag]:
    """Every flag that any known version has or had, by name."""
    return {
        row["name"]: Flag(
            name=row["name"],
            type=row["type"],
            since=row["since"],
            until=row["until"],
            roles=tuple(row["roles"]),
            secret=row["secret"],
            format=row["format"],
            replacement=row.get("replacement", ""),
        )
        for row in load("flags")["flags"]
    }


@cache
def flags(version: str) -> dict[str, Flag]:
    """The flags of a known version, by name; raises ValueError for an unknown version."""
    now = order(version)
    return {
        name: flag for name, flag in every_flag().items() if order(flag.since) <= now and (flag.until is None or now <= order(flag.until))
    }


def flag(version: str, name: str) -> Flag | None:
    """A flag of a known version, or None if that version does not have it."""
    return flags(version).get(name)


def nearest(version: str, name: str) -> str:
    """The flag of that version whose name is most like ``name``, or "" if none is like it at all."""
    return nearest_word(name, flags(version))


def live_runners() -> tuple[str, ...]:
    """Flags that make an orchestrator serve live runners, from a document or as they register (``starter.go:StartLivepeer``)."""
    return tuple(load("flags")["live_runners"])


@cache
def selection_weights() -> dict[str, Fraction]:
    """Flags of what counts when a gateway chooses an orchestrator, and go-livepeer's own (``starter.go:NewLivepeerConfig``)."""
    return {name: Fraction(weight) for name, weight in load("flags")["selection_weights"].items()}


def selection_tolerance() -> Fraction:
    """How far from 1 their sum may be (``starter.go:createSelectionAlgorithm``)."""
    return Fraction(load("flags")["selection_tolerance"])


@cache
def settings(version: str) -> dict[str, Setting]:
    """The environment-only settings of a known version, by name."""
    now = order(version)
    rows = load("environment")["settings"]
    return {
        row["name"]: Setting(row["name"], row["since"], tuple(row["roles"]), row["secret"]) for row in rows if order(row["since"]) <= now
    }


@cache
def secret_settings() -> frozenset[str]:
    """Names of the environment-only settings that hold a credential, of any known version."""
    return frozenset(row["name"] for row in load("environment")["settings"] if row["secret"])
