# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads inventory values leaf by leaf, so that one that fails has a path and a reason. Ansible itself stays behind ``Access``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Protocol

from ansible_collections.livepeer.fleet.plugins.plugin_utils.model import signers
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.definitions import Definition
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.inventory import Misread, Present, Unreadable

OMITTED = object()
"""A value that asked to be left out."""

LONGEST_REASON = 400

KEYSTORE = "keystore"
"""Format of a secret that may be a dictionary."""

_TEMPLATE = re.compile(r"\{\{|\{%|\{#|^#jinja2:")
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9_]*)")


class ReadError(Exception):
    """A value that cannot be read. The text is the reason, for an operator."""


class Omitted(Exception):
    """A value that asked to be left out."""


class Access(Protocol):
    """What only Ansible knows about the values of one host."""

    def encrypted(self, value: object) -> bool:
        """True for a value of a vault."""

    def vaulted(self, value: object) -> bool:
        """True for a template that renders the value of a vault."""

    def resolve(self, value: object) -> object:
        """Open a vault, render a template; raises ReadError or Omitted."""

    def spelling(self, value: object) -> str:
        """A number as it is written in its file, or "" if nobody knows."""


class Reader:
    """Reads the variables of one host.

    Args:
        access: the host's values.
        secrets: ``presence``, ``skip`` or ``full`` (``livepeer_plan_secrets``).
    """

    def __init__(self, access: Access, secrets: str) -> None:
        self._access = access
        self._secrets = secrets

    def variable(self, one: Definition | None, raw: object) -> object:
        """The value of a variable as the parser takes it, or OMITTED. ``one`` is None for a name that the collection does not know."""
        if one is None:
            # Nobody reads it: its name is all that matters, and its value may be anything.
            return None
        secret = one.secret or (one.format == signers.FORMAT and self._hidden_signer(raw))
        read = self._read(raw, secret, lambda key, value: one.secret_key(key) or self._hidden(one, key, value))
        # JSON that YAML or a template has read already.
        return Present() if one.format == KEYSTORE and isinstance(read, Mapping) else read

    def _hidden_signer(self, raw: object) -> bool:
        """True for a signer that is a vault's, or a template of a URL. Any other template may be a host or a dictionary: it is opened."""
        if self._access.encrypted(raw):
            return True
        return _is_template(raw) and (str(raw).startswith(("http://", "https://")) or self._access.vaulted(raw))

    def _hidden(self, one: Definition, key: str, value: object) -> bool:
        """True for a secret under a name that nobody knows: a vault's, or for an environment, whose texts mean anything, any template."""
        if one.format == signers.FORMAT:
            return key == signers.URL_KEY and (self._access.encrypted(value) or _is_template(value))
        if not one.passes_on or self._access.encrypted(value):
            return one.passes_on
        return _is_template(value) and (one.format == "environment" or self._access.vaulted(value))

    def plain(self, raw: object) -> object:
        """The value of a variable that is not ours, ``ansible_host``."""
        return self._read(raw, False, lambda key, value: False)

    def _read(self, raw: object, secret: bool, secret_key: Callable[[str, object], bool], final: bool = False) -> object:
        if secret:
            return self._secret(raw, final)
        if not final and (self._access.encrypted(raw) or _is_template(raw)):
            return self._resolved(raw, lambda value: self._read(value, False, secret_key, final=True))
        if isinstance(raw, str):
            return str.__str__(raw)
        if isinstance(raw, Mapping):
            read = {_text(key): self._read(value, secret_key(_text(key), value), secret_key, final) for key, value in raw.items()}
            return {key: value for key, value in read.items() if value is not OMITTED}
        if isinstance(raw, list | tuple):
            items = [self._read(item, False, secret_key, final) for item in raw]
            return [item for item in items if item is not OMITTED]
        return self._number(raw) if isinstance(raw, int | float) and not isinstance(raw, bool) else raw

    def _resolved(self, raw: object, then: Callable[[object], object]) -> object:
        try:
            return then(self._access.resolve(raw))
        except Omitted:
            return OMITTED
        except ReadError as error:
            return Unreadable(one_line(str(error)))

    def _secret(self, raw: object, final: bool) -> object:
        if isinstance(raw, list | tuple):
            return [self._secret(item, final) for item in raw]
        hidden = not final and (self._access.encrypted(raw) or _is_template(raw))
        if hidden and self._secrets == "full":
            return self._resolved(raw, lambda value: self._secret(value, final=True))
        if hidden or self._secrets == "skip":
            return Present()
        # go-livepeer drops blanks around a secret.
        return Present(len(raw.strip())) if isinstance(raw, str) else raw

    def _number(self, raw: int | float) -> object:
        spelling = self._access.spelling(raw)
        value = float(raw) if isinstance(raw, float) else int(raw)
        if spelling and (isinstance(value, float) or not _DECIMAL.fullmatch(spelling)):
            return Misread(spelling, value)
        return value


def _text(key: object) -> str:
    return str.__str__(key) if isinstance(key, str) else str(key)


def _is_template(raw: object) -> bool:
    return isinstance(raw, str) and bool(_TEMPLATE.search(raw))


def one_line(reason: str) -> str:
    """A reason on one line of bearable length."""
    text = " ".join(reason.split())
    return text if len(text) <= LONGEST_REASON else text[: LONGEST_REASON - 3] + "..."
