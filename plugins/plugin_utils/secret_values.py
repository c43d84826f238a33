# SPDX-License-Identifier: GPL-3.0-or-later
"""The values of a node's secrets, as far as the controller can tell that go-livepeer could not use them (LPF403, LPF404)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from ansible_collections.livepeer.fleet.plugins.module_utils.upstream_watch import EndpointError, read_url
from ansible_collections.livepeer.fleet.plugins.plugin_utils.keystores import (
    KeystoreError,
    check_account,
    check_password,
    read_keystore,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import SecretSource
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.values import LEAST_SECRET

KEYSTORE = "keystore"
PASSWORD = "eth_password"  # noqa: S105 - the name of one
ETH_URL = "eth_url"
FILE = "_keystore_file"
"""How the variable ends that names a keystore's file on the controller."""


class SecretFault(Exception):
    """A secret that cannot be used.

    Attributes:
        code: LPF403 or LPF404.
        variable: that holds it.
        message, got, limit, hint: as in a finding; never the secret.
    """

    def __init__(self, code: str, variable: str, message: str, why: KeystoreError | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.variable = variable
        self.message = message
        self.got = why.got if why else ""
        self.limit = why.limit if why else ""
        self.hint = why.hint if why else ""

    def __str__(self) -> str:
        sides = f" (it is {self.got}, needed is {self.limit})" if self.got and self.limit else ""
        return f"{self.code}: {self.variable}: {self.message}{sides}{f': {self.hint}' if self.hint else ''}"


class Unread(Exception):
    """A value that cannot be read; whoever reads it says why."""


def read_values(sources: Mapping[str, SecretSource], value_of: Callable[[str, str], object]) -> dict[str, str]:
    """Name to value of the secrets of one node.

    Args:
        sources: name to where it comes from.
        value_of: value of a variable of a host.

    Raises:
        SecretFault: one is too short, or a keystore's file cannot be read.
    """
    return {
        name: _value(name, source.variable, value_of(source.variable, source.host)) for name, source in sources.items() if source.variable
    }


def check_keys(sources: Mapping[str, SecretSource], values: Mapping[str, str], account: str) -> None:
    """SecretFault for a keystore that go-livepeer could not use, or that is of another account; costs nothing worth naming."""
    if KEYSTORE in values:
        variable = sources[KEYSTORE].variable
        try:
            check_account(read_keystore(values[KEYSTORE]), account)
        except KeystoreError as error:
            raise _fault(variable, error) from None


def check_urls(sources: Mapping[str, SecretSource], values: Mapping[str, str], names: Iterable[str]) -> None:
    """SecretFault for one of these secrets that is no URL which the proxy of a node could ask."""
    for name in names:
        try:
            read_url(values[name])
        except EndpointError as error:
            raise SecretFault("LPF404", sources[name].variable, f"the secret is no URL: {error}") from None


def account_of(values: Mapping[str, str]) -> str:
    """Account of the keystore among checked values, "" without one."""
    return read_keystore(values[KEYSTORE]).address if KEYSTORE in values else ""


def check_passwords(sources: Mapping[str, SecretSource], values: Mapping[str, str]) -> None:
    """SecretFault for a password that does not open its keystore; takes about a second for a keystore of geth's usual cost."""
    if KEYSTORE in values and PASSWORD in values:
        try:
            check_password(read_keystore(values[KEYSTORE]), values[PASSWORD])
        except KeystoreError as error:
            raise _fault(sources[PASSWORD].variable, error) from None


def _fault(variable: str, error: KeystoreError) -> SecretFault:
    return SecretFault("LPF403", variable, str(error), error)


def _value(name: str, variable: str, value: object) -> str:
    """A keystore may be a mapping, where YAML or a template made one, or a file; everything else is text."""
    if name == ETH_URL and isinstance(value, list | tuple):
        # One URL a line is what the proxy reads.
        return "\n".join(_value(name, f"{variable}[{place}]", item) for place, item in enumerate(value))
    if name == KEYSTORE and variable.endswith(FILE):
        value = _content(variable, str(value))
    text = json.dumps(value) if isinstance(value, Mapping) else str(value)
    # go-livepeer drops blanks around a secret it reads from a file, and of one that is blank takes the file's PATH for the secret
    # (common/readfromfile.go:ReadFromFile).
    length = len(text.strip())
    if length < LEAST_SECRET:
        why = "hiding a shorter one would hide half of every message" if length else "an empty one is replaced by the path of its file"
        message = f"the secret has {length} characters: {LEAST_SECRET} are needed, because {why}"
        raise SecretFault("LPF404", variable, message)
    return text


def _content(variable: str, path: str) -> str:
    try:
        return Path(path).expanduser().read_text(encoding="utf-8")
    except OSError as error:
        raise SecretFault("LPF404", variable, f"the keystore {path} cannot be read on the controller: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SecretFault("LPF403", variable, f"{path} is no text, so it is no keystore") from None
