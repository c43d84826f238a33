# SPDX-License-Identifier: GPL-3.0-or-later
"""``livepeer_<role>_flags`` and ``livepeer_<role>_environment``: what an operator passes on to the daemon by its own name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts import flags as facts
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.collector import Collector
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.definitions import managed_environment, managed_flags
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import SecretSource, placeholder
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.inventory import Misread, Present, Unreadable
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.values import CODE, MISSING, Checker, kind, plain, shown
from ansible_collections.livepeer.fleet.plugins.plugin_utils.nearest import nearest

UNKNOWN = "LPF501"
MANAGED = "LPF502"

_INT = re.compile(r"[-+]?(0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]*|[1-9][0-9_]*)")
_FLOAT = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
_DURATION = re.compile(r"[-+]?(0|(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_BITS = {"int": (-(1 << 63), 1 << 63), "int64": (-(1 << 63), 1 << 63), "uint": (0, 1 << 64)}
_EXAMPLES = {
    "bool": "true or false",
    "int": "a whole number",
    "int64": "a whole number",
    "uint": "a whole number, not below 0",
    "float": "a number such as 0.3",
    "duration": "a number with its unit, such as 500ms or 5m",
    "string": "text",
}


@dataclass
class Extras:
    """What came out: settings as texts (a placeholder for a secret), and secrets by name with their variable."""

    values: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, SecretSource] = field(default_factory=dict)


def go_int(text: str) -> int:
    """What Go's flag package reads, of a text that ``fits`` a whole number."""
    digits = text.replace("_", "")
    octal = re.fullmatch(r"([-+]?)0([0-7]+)", digits)
    return int(octal[1] + octal[2], 8) if octal else int(digits, 0)


def fits(type_: str, text: str) -> bool:
    """True if Go's flag package reads the text as that type (bool, int, int64, uint, float, duration; any text is a string)."""
    if type_ == "bool":
        return text in facts.TRUE | facts.FALSE
    if type_ == "float":
        return bool(_FLOAT.fullmatch(text))
    if type_ == "duration":
        return bool(_DURATION.fullmatch(text))
    if type_ not in _BITS:
        return True
    low, high = _BITS[type_]
    try:
        return bool(_INT.fullmatch(text)) and low <= go_int(text) < high
    except ValueError:
        return False


class ExtrasReader:
    """Reads the extras of one node.

    Attributes of the constructor: collector; role; modes of the process (the role, and ``transcoder`` or ``ai_worker`` where it is
    that too); the known version whose facts hold.
    """

    def __init__(self, collector: Collector, role: str, modes: frozenset[str], version: str) -> None:
        self._collector = collector
        self._checker = Checker(collector)
        self._role = role
        self._modes = modes | {facts.COMMON}
        self._version = version

    def flags(self, raw: Mapping[object, object], path: str) -> Extras:
        """``livepeer_<role>_flags``."""
        found = Extras()
        for key, value in raw.items():
            name, where = str(key), f"{path}.{key}"
            flag = self._flag(name, where)
            if flag is None:
                continue
            text = self._secret(value, where) if flag.secret or isinstance(value, Present) else self._value(flag, value, where)
            if isinstance(text, Present):
                found.secrets[f"flag_{name}"] = SecretSource(where)
                found.values[name] = placeholder(f"flag_{name}")
            elif isinstance(text, str):
                found.values[name] = text
        return found

    def _flag(self, name: str, path: str) -> facts.Flag | None:
        """The flag, if it is one of this version and role that the collection does not set itself."""
        managed = managed_flags(self._role)
        flag = facts.flag(self._version, name)
        if name in managed:
            self._managed(name, managed[name], path)
        elif flag is None:
            self._unknown_flag(name, path)
        elif flag.replacement in managed:
            self._managed(name, managed[flag.replacement], path)
        elif not self._modes & set(flag.roles):
            roles = ", ".join(flag.roles)
            message = f"-{name} is a flag of another role, it does nothing on a {self._role}"
            self._collector.add(UNKNOWN, message, path, got=name, limit=roles, hint="remove it")
        else:
            return flag
        return None

    def check_flag(self, name: str, path: str) -> None:
        """A finding for a variable that sets a flag which the version does not have."""
        if facts.flag(self._version, name) is None:
            self._unknown_flag(name, path)

    def _managed(self, name: str, by: str, path: str) -> None:
        message = f"the collection sets -{name} itself"
        hint = f"set {by} instead" if by.startswith("livepeer_") else f"remove it: {by}"
        self._collector.add(MANAGED, message, path, got=name, limit=by, hint=hint)

    def _unknown_flag(self, name: str, path: str) -> None:
        best = facts.nearest(self._version, name.lstrip("-"))
        message = f"go-livepeer {self._version} has no flag -{name.lstrip('-')}"
        old = facts.every_flag().get(name)
        if old:
            message += f" (it is one of {old.since} to {old.until})" if old.until else f" (it is one of {old.since} and newer)"
        self._collector.add(UNKNOWN, message, path, got=name, limit=self._version, hint=best)

    def _value(self, flag: facts.Flag, raw: object, path: str) -> object:
        if isinstance(raw, Unreadable):
            self._collector.add(CODE, "the value cannot be read", path, got=raw.reason)
            return MISSING
        text = _flag_text(flag.type, raw)
        if text is None or not fits(flag.type, text):
            message = f"-{flag.name} takes {_EXAMPLES[flag.type]}, this is {_got(raw, text)}"
            hint = f"{text}s" if flag.type == "duration" and text and text.isdigit() else ""
            hint = hint or (f'quote it: "{shown(raw)}"' if flag.type == "string" and isinstance(raw, float | Misread) else "")
            hint = hint or (f"{raw.value} if that is meant" if isinstance(raw, Misread) and fits(flag.type, str(raw.value)) else "")
            self._collector.add(UNKNOWN, message, path, got=shown(raw), limit=_EXAMPLES[flag.type], hint=hint)
            return MISSING
        return self._checker.text(text, path)

    def _secret(self, raw: object, path: str) -> object:
        if isinstance(raw, Unreadable):
            self._collector.add(CODE, "the secret cannot be read", path, got=raw.reason)
        elif isinstance(raw, Present):
            return self._checker.secret(raw, path) if raw.length != 0 else self._checker.text("", path, secret=True)
        elif isinstance(raw, str):
            return MISSING if self._checker.text(raw, path, secret=True) is MISSING else self._checker.secret(raw, path)
        else:
            self._collector.add(CODE, f"a secret is text, this is {kind(raw)}", path, got=kind(raw), limit="text")
        return MISSING

    def environment(self, raw: Mapping[object, object], path: str) -> Extras:
        """``livepeer_<role>_environment``."""
        found = Extras()
        known = facts.settings(self._version)
        for key, value in raw.items():
            name, where = str(key), f"{path}.{key}"
            if not self._name(name, where):
                continue
            secret = (name in known and known[name].secret) or isinstance(value, Present)
            text = self._secret(value, where) if secret else self._environment_value(value, where)
            if isinstance(text, Present):
                found.secrets[f"env_{name}"] = SecretSource(where)
                found.values[name] = placeholder(f"env_{name}")
            elif isinstance(text, str):
                found.values[name] = text
        return found

    def _name(self, name: str, path: str) -> bool:
        known = facts.settings(self._version)
        best = nearest(name, known)
        if not _NAME.fullmatch(name):
            self._collector.add(CODE, f"{name!r} is no name of an environment variable", path, got=name)
        elif name.startswith("LP_"):
            message = "go-livepeer takes LP_ variables for flags, before the configuration that the collection writes"
            self._collector.add(MANAGED, message, path, got=name, hint=f"livepeer_{self._role}_flags, by the flag's own name")
        elif name in managed_environment(self._role):
            variable = managed_environment(self._role)[name]
            self._collector.add(
                MANAGED, f"the collection sets {name} itself", path, got=name, limit=variable, hint=f"set {variable} instead"
            )
        elif name in {"HOME", "CREDENTIALS_DIRECTORY"}:
            self._collector.add(MANAGED, f"systemd sets {name} for the node", path, got=name, hint="remove it")
        elif name not in known and (best or name.startswith("LIVE_AI_")):
            message = f"go-livepeer {self._version} knows no {name}"
            self._collector.add(UNKNOWN, message, path, got=name, limit=self._version, hint=best)
        else:
            return True
        return False

    def _environment_value(self, raw: object, path: str) -> object:
        if isinstance(raw, Unreadable):
            self._collector.add(CODE, "the value cannot be read", path, got=raw.reason)
            return MISSING
        text = plain(raw)
        if text is None:
            hint = f'quote it: "{shown(raw)}"'
            self._collector.add(CODE, f"the value of an environment variable is text, this is {kind(raw)}", path, got=kind(raw), hint=hint)
            return MISSING
        return self._checker.text(text, path)


def _got(raw: object, text: str | None) -> str:
    """What stands in the place of a flag's value."""
    if isinstance(raw, Misread) and isinstance(raw.value, int):
        return f"{raw.text}, which YAML reads as {raw.value}"
    return kind(raw) if text is None else repr(text)


def _flag_text(type_: str, raw: object) -> str | None:
    """A raw value as the text of a flag of that type; None if it cannot be one."""
    if isinstance(raw, bool):
        return ("true" if raw else "false") if type_ == "bool" else None
    if isinstance(raw, Misread):
        raw = raw.value if type_ == "float" else raw
    if isinstance(raw, float):
        return repr(float(raw)) if type_ == "float" else None
    return plain(raw)
