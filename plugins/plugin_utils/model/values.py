# SPDX-License-Identifier: GPL-3.0-or-later
"""One raw value held against its definition. Strict: a value is what YAML says it is, and every finding names a path."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from fractions import Fraction

from ansible_collections.livepeer.fleet.plugins.plugin_utils import accounts
from ansible_collections.livepeer.fleet.plugins.plugin_utils.addresses import AddressError, service_uri, without_user
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.pipelines import pipelines
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model import signers
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.collector import Collector
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.definitions import Definition
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.inventory import Misread, Present, Unreadable
from ansible_collections.livepeer.fleet.plugins.plugin_utils.nearest import nearest

MISSING = object()
"""Result for a value that is not there, or that a finding was made of."""

CODE = "LPF504"
UNUSABLE = "LPF404"
LEAST_SECRET = 8
"""Characters: hiding a shorter secret in messages would hide half of every message."""

NUMBERS = {"amount", "cap", "decimal", "pixels", "percent"}
"""Formats of amounts."""

CAP_WORDS = ("auto", "any")
"""What stands for an amount of a cap, or for all of them."""

BOOLS = {"true": True, "false": False}
"""INI inventories and ``-e name=value`` give text; Python and Jinja write it with a capital."""

PORT = r"([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"

PATTERNS = {
    "currency": (r"[A-Za-z]+", "the letters of a currency, such as EUR"),
    "date": (r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "a day such as 2026-11-20"),
    "decimal": (r"[0-9]+(\.[0-9]+)?", 'a whole number, or one with a decimal point in quotes, such as "0.36"'),
    "directory": (r"/[^\x00-\x1f\x7f#]*", "a directory of the host, from / on"),
    "eth_address": (r"0x[0-9a-fA-F]{40}", "0x and 40 hexadecimal digits, in quotes"),
    "gateway": (r"default|0x[0-9a-fA-F]{40}", "default, or 0x and 40 hexadecimal digits, in quotes"),
    "gpus": (r"all|(0|[1-9][0-9]*)(,(0|[1-9][0-9]*))*", '0, "0,1" or all: its index, not its UUID, of which go-livepeer would make a port'),
    "journal_size": (r"[1-9][0-9]*[KMGT]?", "a number of bytes, or one with K, M, G or T, such as 500M"),
    "journal_time": (r"[1-9][0-9]*(s|m|h|day|week|month|year)?", "a number of seconds, or one with its unit, such as 14day"),
    "name": (r"[a-z][a-z0-9_-]{0,21}", "at most 22 of a-z, 0-9, _ and -, a letter first (Linux allows a user name 31 characters)"),
    "network": (r"[A-Za-z0-9][A-Za-z0-9._-]*", "a name of letters, digits, ., _ and -: the data directory is called like it"),
    "percent": (r"[0-9]+(\.[0-9]+)?", 'a number of 0 or more without %, such as 20 or "12.5"'),
    "runner_url": (
        r"(https?|wss?)://([^/\s#:@\[\]]+|\[[0-9a-fA-F:.]+\])(:" + PORT + r")?(/[^\s#]*)?",
        "a URL with its scheme, such as http://10.0.0.5:9000 (without one the node never gets ready)",
    ),
    "sessions": (r"auto|[1-9][0-9]*", "a number above 0, or auto"),
    "sha256": (r"sha256:[0-9a-fA-F]{64}", "sha256: and 64 hexadecimal digits"),
    "wave": (r"[1-9][0-9]*|([1-9][0-9]?|100)%", "a number of hosts, or a percentage in quotes"),
}
"""Format to what the text has to match, and the same in words."""

PEM = "-----BEGIN CERTIFICATE-----"
"""What a certificate begins with; comments may stand before it."""

ENDPOINTS = "endpoints"
"""Format of a secret that may be a list of them."""

ACCOUNTS = {"eth_address", "gateway"}
"""Formats of accounts."""

_INT = re.compile(r"0|-?[1-9][0-9]*")
_OCTAL_LOOKING = re.compile(r"[-+]?0[0-9][0-9_]*([.][0-9]*)?([A-Za-z].*)?")
_SEXAGESIMAL = re.compile(r"[-+]?[0-9]+(:[0-5]?[0-9])+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


EXPECTED = {
    "str": "text",
    "int": "a whole number",
    "bool": "true or false",
    "list": "a list",
    "dict": "a dictionary",
    "raw": "a whole number or text",
}
"""Types in an operator's words."""


def kind(value: object) -> str:
    """What a raw value is, in an operator's words."""
    if isinstance(value, Misread):
        return kind(value.value)
    names: tuple[tuple[type, str], ...] = (
        (bool, "a boolean"),
        (int, "a whole number"),
        (float, "a number with a decimal point"),
        (str, "text"),
        (Mapping, "a dictionary"),
        (date, "a date"),
        (Present, "a secret"),
    )
    if isinstance(value, list | tuple):
        return "a list"
    return next((name for known, name in names if isinstance(value, known)), "nothing (null)" if value is None else type(value).__name__)


def shown(value: object) -> str:
    """A raw value as YAML would write it, cut to a length that fits a line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Misread):
        return value.text
    if isinstance(value, Present | Unreadable):
        return "..."
    text = "null" if value is None else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def plain(value: object) -> str | None:
    """Text or a whole number as text; None for anything else."""
    if isinstance(value, str):
        return str(value)
    return str(int(value)) if isinstance(value, int) and not isinstance(value, bool) else None


def _as_digits(raw: Misread) -> str:
    """How to write an amount that YAML took for a number in another base: go-livepeer reads decimal digits only."""
    if _OCTAL_LOOKING.fullmatch(raw.text):
        return f'"{raw.text.lstrip("+-0_") or "0"}", without leading zeros; {raw.value} if it was meant as octal'
    return f'"{raw.value}", the number in decimal digits'


def _in_decimal(raw: Misread) -> str:
    """How to write a whole number that YAML took for one in another base."""
    digits = raw.text.lstrip("+-0_") or "0"
    return f"{digits}, or {raw.value} if it was meant as octal" if _OCTAL_LOOKING.fullmatch(raw.text) else str(raw.value)


def _in_one_text(one: Definition, raw: object) -> str:
    """A list of GPUs as go-livepeer takes it, "" for anything else."""
    numbers = raw if one.format == "gpus" and isinstance(raw, list | tuple) and raw else [""]
    texts = [str(plain(number)) for number in numbers]
    return f'"{",".join(texts)}"' if all(text.isdigit() for text in texts) else ""


def _host_of(one: Definition) -> str:
    """The host of an address whose port somebody wrote: the default's, else what nobody but the operator knows."""
    return str(one.default).rpartition(":")[0] if one.default else "orch.example.com"


class Checker:
    """Holds raw values against their definitions and collects what is wrong with them."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._types: dict[str, Callable[[Definition, object, str], object]] = {
            "str": self._str,
            "int": self._int,
            "bool": self._bool,
            "list": self._list,
            "dict": self._dict,
            "raw": self._raw,
        }
        self._lists = {"gas": self._gas, "capability_caps": self._capability_caps}

    def check(self, one: Definition, raw: object, path: str) -> object:
        """The value, normalised, or MISSING after a finding.

        Texts and amounts come back as str, lists as tuple, dictionaries as dict with the keys that are there, secrets as Present.
        Dictionaries of formats ``flags`` and ``environment`` come back as they are.
        """
        if one.secret or (isinstance(raw, Present) and one.format in signers.FORMATS):
            return self._secrets(raw, path) if one.format == ENDPOINTS and isinstance(raw, list) else self.secret(raw, path)
        if isinstance(raw, Unreadable):
            self._collector.add(CODE, "the value cannot be read", path, got=raw.reason)
            return MISSING
        if raw is None:
            return self._wrong(one, raw, path, "write a value, or remove the line")
        if isinstance(raw, Misread) and one.type != "raw":
            return self._misread(one, raw, path)
        return self._types[one.type](one, raw, path)

    def _wrong(self, one: Definition, raw: object, path: str, hint: str = "") -> object:
        expected = EXPECTED[one.type]
        got = kind(raw) if one.holds_secrets or raw is None else f"{shown(raw)} ({kind(raw)})"
        self._collector.add(CODE, f"{expected} is needed here, this is {kind(raw)}", path, got=got, limit=expected, hint=hint)
        return MISSING

    def _misread(self, one: Definition, raw: Misread, path: str) -> object:
        if isinstance(raw.value, float):
            return self._version(one, raw.text, path) if one.format == "version" else self._float(one, raw.text, path)
        if one.type not in {"str", "int", "raw"}:
            return self._wrong(one, raw, path)
        message = f"YAML reads {raw.text} as the number {raw.value}: {'write it in decimal digits' if one.type == 'int' else 'quote it'}"
        hint = {"raw": _as_digits, "int": _in_decimal}[one.type](raw) if one.type != "str" else f'"{raw.text}"'
        self._collector.add(CODE, message, path, got=raw.text, limit=str(raw.value), hint=hint)
        return MISSING

    def _version(self, one: Definition, text: str, path: str) -> object:
        message, hint = "a version is text of three parts: quote it", f'{one.name}: "0.9.1"'
        self._collector.add(CODE, message, path, got=text, limit="such as 0.9.1", hint=hint)
        return MISSING

    def _float(self, one: Definition, text: str, path: str) -> object:
        if one.format not in NUMBERS and one.type != "str":
            got, limit = f"{text} (a number with a decimal point)", EXPECTED[one.type]
            self._collector.add(CODE, f"{limit} is needed here, this is a number with a decimal point", path, got=got, limit=limit)
            return MISSING
        message = "a number with a decimal point is not exact in YAML: quote it"
        exact = bool(re.fullmatch(r"[0-9]+\.[0-9]+", text))
        hint = f'"{text}"' if exact else "the amount with all its digits, in quotes"
        self._collector.add(CODE, message, path, got=text, hint=hint)
        return MISSING

    def _secrets(self, raw: Sequence[object], path: str) -> object:
        """A list of secrets that is one secret."""
        found = [self.secret(item, f"{path}[{place}]") for place, item in enumerate(raw)]
        if not raw:
            self._collector.add(UNUSABLE, "the list is empty", path, got="[]", limit="one or more", hint="a URL of your provider in a list")
        return MISSING if MISSING in found or not raw else Present()

    def secret(self, raw: object, path: str) -> object:
        """Present, as far as the plan may know of a secret, or MISSING after a finding."""
        if isinstance(raw, Unreadable):
            self._collector.add(CODE, "the secret cannot be read", path, got=raw.reason)
            return MISSING
        length = raw.length if isinstance(raw, Present) else len(raw) if isinstance(raw, str) else -1
        if length == -1:
            hint = "the value in quotes, or as a block of text after |"
            self._collector.add(CODE, f"a secret is text, this is {kind(raw)}", path, got=kind(raw), limit="text", hint=hint)
        elif length is not None and length < LEAST_SECRET:
            message = "the secret is shorter than 8 characters" if length else "the secret is empty"
            self._collector.add(UNUSABLE, message, path, got=f"{length} characters", limit=f"{LEAST_SECRET} characters")
        else:
            return Present(length)
        return MISSING

    def _str(self, one: Definition, raw: object, path: str) -> object:
        if one.format == "version" and isinstance(raw, int | float) and not isinstance(raw, bool):
            return self._version(one, str(raw), path)
        if isinstance(raw, float):
            return self._wrong(one, raw, path, f'quote it, with all its parts: "{raw}" is not what is meant if a zero was lost')
        if not isinstance(raw, str):
            number = isinstance(raw, int) and not isinstance(raw, bool)
            address = f"{one.name}: {_host_of(one)}:{shown(raw)}, host and port in one text"
            return self._wrong(
                one, raw, path, (address if one.format.startswith("address") else f'quote it: "{shown(raw)}"') if number else ""
            )
        text = str(raw)
        choices = pipelines() if one.format == "pipeline" else one.choices
        if choices:
            return self._choice(choices, text, path)
        if one.format in PATTERNS:
            return self._pattern(text, one.format, path)
        checks = {
            signers.URL_FORMAT: self._signer_url,
            "path": self._path,
            "certificate": self._certificate,
            "ip": self._ip,
            "peer": self._peer,
            "source": self._source,
        }
        return "" if one.format == "address_or_none" and not text else checks.get(one.format, self.text)(text, path)

    def _certificate(self, text: str, path: str) -> object:
        if PEM in text:
            return text
        message = "this is no certificate, but something else" if text.strip() else "an empty text says nothing"
        hint = "the text of the PEM file after |, or a lookup that reads it" if text.strip() else "write a value, or remove the line"
        self._collector.add(CODE, message, path, got=shown(text.strip()), limit=f"a text with {PEM}", hint=hint)
        return MISSING

    def _ip(self, text: str, path: str) -> object:
        try:
            return str(ipaddress.ip_address(text))
        except ValueError:
            self._collector.add(CODE, f"{text!r} is no IP address", path, got=text, limit="an IP address, such as 198.51.100.7")
            return MISSING

    def _peer(self, text: str, path: str) -> object:
        if ":" not in text:
            return self.text(text, path)
        bare = text.partition("://")[2] or text
        try:
            service_uri(bare)
        except AddressError as error:
            self._collector.add(CODE, str(error), path, got=without_user(text), limit="an inventory host, or host:port", hint=error.hint)
            return MISSING
        if bare == text:
            return text
        message = "an address without a scheme is needed here, or an inventory host"
        self._collector.add(CODE, message, path, got=without_user(text), limit="host:port", hint=bare)
        return MISSING

    def _source(self, text: str, path: str) -> object:
        """A network in CIDR notation; one address is the network of itself."""
        try:
            return str(ipaddress.ip_network(text))
        except ValueError:
            pass
        try:
            hint = str(ipaddress.ip_network(text, strict=False))
        except ValueError:
            hint = ""
        limit = "an IP address, or a network such as 10.0.0.0/8"
        self._collector.add(CODE, f"{text!r} is no address and no network", path, got=text, limit=limit, hint=hint)
        return MISSING

    def _pattern(self, text: str, format_: str, path: str) -> object:
        pattern, example = PATTERNS[format_]
        if re.fullmatch(pattern, text):
            return self._address(text, path) if format_ in ACCOUNTS else text
        near = {
            "name": re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-"),
            "runner_url": f"http://{text}",
            "gpus": re.sub(r"\s", "", text.lower()),
        }.get(format_, "")
        hint = near if re.fullmatch(pattern, near) else ""
        self._collector.add(CODE, f"{text!r} cannot stand here", path, got=text, limit=example, hint=hint)
        return MISSING

    def _address(self, text: str, path: str) -> object:
        """An account whose capitals, where it has them, are those of its checksum."""
        if text.startswith("0x") and not int(text, 16):
            message = "this is the address of nobody, which go-livepeer takes as none: it would make a new account"
            self._collector.add(CODE, message, path, got=text, hint="the account of the keystore, or remove the line")
            return MISSING
        if text.startswith("0x") and accounts.mistyped(text):
            message = "the capitals of this address are not those of its checksum (EIP-55): a digit may be mistyped"
            limit = accounts.checksummed(text)
            hint = f'compare it digit by digit; "{limit}" if these are the right ones'
            self._collector.add(CODE, message, path, got=text, limit=limit, hint=hint)
            return MISSING
        return text

    def _signer_url(self, text: str, path: str) -> object:
        if self.text(text, path, secret=True) is MISSING:
            return MISSING
        try:
            signers.signer_url(text)
        except AddressError as error:
            limit = "http://host:port, or https://host:port"
            self._collector.add(CODE, str(error), path, got=signers.bare(text), limit=limit, hint=error.hint)
            return MISSING
        return text

    def _choice(self, choices: Sequence[str], text: str, path: str) -> object:
        if text in choices:
            return text
        best, limit = nearest(text, choices), ", ".join(choices)
        self._collector.add(CODE, f"{text!r} is none of the values it can have", path, got=text, limit=limit, hint=best)
        return MISSING

    def _path(self, text: str, path: str) -> object:
        if text and not _CONTROL.search(text):
            return text
        self._collector.add(CODE, "this is no path", path, got=repr(text), hint="write a path, or remove the line")
        return MISSING

    def text(self, text: str, path: str, *, secret: bool = False) -> object:
        """The text, if livepeer.conf can carry it (ff PlainParser: flag, one space, the rest of the line, trimmed, up to ``" #"``)."""
        if not text:
            reason, hint = "an empty text would be read as something else", "write a value, or remove the line"
        elif _CONTROL.search(text):
            reason, hint = "a line break, tab or other control character cannot stand here", "write it on one line"
        elif text.startswith("#") or " #" in text:
            reason, hint = 'go-livepeer would drop everything from " #" on', "write it without a blank before #"
        elif text != text.strip() or text.startswith("\ufeff"):
            reason, hint = "blanks at the ends would be dropped", f'"{text.strip()}"'
        else:
            return text
        self._collector.add(CODE, reason, path, got="" if secret else repr(text), hint="" if secret else hint)
        return MISSING

    def _int(self, one: Definition, raw: object, path: str) -> object:
        number: object = raw
        if isinstance(raw, str) and _INT.fullmatch(raw):
            number = int(raw)
        if isinstance(number, bool) or not isinstance(number, int):
            return self._wrong(one, raw, path)
        if one.range and not one.range[0] <= number <= one.range[1]:
            limit = f"{one.range[0]} to {one.range[1]}"
            self._collector.add(CODE, f"{number} is not in the range {limit}", path, got=str(number), limit=limit)
            return MISSING
        return int(number)

    def _bool(self, one: Definition, raw: object, path: str) -> object:
        if isinstance(raw, bool):
            return bool(raw)
        if isinstance(raw, str) and raw.lower() in BOOLS:
            return BOOLS[raw.lower()]
        hint = {"yes": "true", "on": "true", "1": "true", "no": "false", "off": "false", "0": "false"}.get(str(raw).lower(), "")
        return self._wrong(one, raw, path, hint)

    def _list(self, one: Definition, raw: object, path: str) -> object:
        if not isinstance(raw, list | tuple):
            return self._wrong(one, raw, path, f"[{shown(raw)}]" if isinstance(raw, str) and not one.holds_secrets else "")
        element = Definition(
            name=one.name,
            type=one.elements,
            description=one.description,
            choices=one.choices,
            format=one.format,
            options=one.options,
        )
        if one.choices and not raw:
            limit, hint = ", ".join(one.choices), "remove the line"
            self._collector.add(CODE, "an empty list leaves nothing to do", path, got="[]", limit=limit, hint=hint)
            return MISSING
        items = [self.check(element, item, f"{path}[{index}]") for index, item in enumerate(raw)]
        return tuple(item for item in items if item is not MISSING)

    def _dict(self, one: Definition, raw: object, path: str) -> object:
        if not isinstance(raw, Mapping):
            return self._wrong(one, raw, path)
        if one.format == "optimization_flags":
            return self._optimization_flags(raw, path)
        if one.options is None:
            return dict(raw)
        for key in raw:
            if key not in one.options:
                self._unknown_key(str(key), one.options, path)
        found: dict[str, object] = {}
        for key, option in one.options.items():
            if key in raw:
                found[key] = self.check(option, raw[key], f"{path}.{key}")
            elif option.required:
                self._collector.add(CODE, f"the key {key} is missing", f"{path}.{key}", hint=option.description[0])
        return {key: value for key, value in found.items() if value is not MISSING}

    def _optimization_flags(self, raw: Mapping[object, object], path: str) -> object:
        """Texts and booleans: go-livepeer ends with status 0 over a number or a list (``worker.go:EnvValue``)."""
        for name, value in raw.items():
            if not isinstance(value, str | bool) or not str(value):
                self._collector.add(
                    CODE,
                    f"{kind(value)} cannot stand here",
                    f"{path}.{name}",
                    got=shown(value),
                    limit="text, true or false",
                    hint=f'quote it: "{shown(value)}"' if isinstance(value, int | float) else "",
                )
        return {str(name): str(value) if isinstance(value, str) else value for name, value in raw.items()}

    def _unknown_key(self, key: str, options: Mapping[str, Definition], path: str) -> None:
        best = nearest(key, options)
        self._collector.add(CODE, f"there is no key {key} here", f"{path}.{key}", got=key, limit=", ".join(options), hint=best)

    def _raw(self, one: Definition, raw: object, path: str) -> object:
        if one.format in self._lists:
            return self._lists[one.format](one, raw, path)
        if isinstance(raw, Mapping) and one.options is not None:
            return self._entry(one, raw, path) if {"host", "url"} <= set(one.options) else self._dict(one, raw, path)
        return self._one_raw(one, raw.isoformat() if one.format == "date" and isinstance(raw, date) else raw, path)

    def _one_raw(self, one: Definition, raw: object, path: str) -> object:
        if isinstance(raw, Misread):
            return self._misread(one, raw, path)
        if isinstance(raw, float):
            return self._float(one, repr(raw), path)
        text = plain(raw)
        if text is None:
            return self._wrong(one, raw, path, _in_one_text(one, raw))
        looks_otherwise = one.format in NUMBERS and self._ambiguous(text, path)
        return MISSING if looks_otherwise else self._other(one, text, path)

    def _gas(self, one: Definition, raw: object, path: str) -> object:
        """Lowest and highest of a gas price: one amount is both."""
        amounts = raw if isinstance(raw, list | tuple) else [raw]
        element = Definition(name=one.name, type="raw", description=one.description, format="decimal")
        checked = [self._one_raw(element, item, f"{path}[{place}]" if amounts is raw else path) for place, item in enumerate(amounts)]
        if MISSING in checked:
            return MISSING
        if len(checked) not in (1, 2) or Fraction(str(checked[0])) > Fraction(str(checked[-1])):
            got, limit = shown(raw), "one amount, or the lowest and the highest"
            self._collector.add(CODE, "this is no range of a gas price", path, got=got, limit=limit, hint=f'{one.name}: ["0.05", "2"]')
            return MISSING
        return (checked[0], checked[-1])

    def _capability_caps(self, one: Definition, raw: object, path: str) -> object:
        """A word for all of them, or a list of entries."""
        if raw in CAP_WORDS:
            return raw
        if isinstance(raw, str):
            return self._wrong(replace(one, type="list"), raw, path, " or ".join(CAP_WORDS))
        return self._list(replace(one, type="list", elements="dict", format=""), raw, path)

    def _entry(self, one: Definition, raw: Mapping[object, object], path: str) -> object:
        """Somebody of the fleet or outside of it, written as a dictionary."""
        checked = self._dict(one, raw, path)
        given = [key for key in ("host", "url") if key in raw]
        if len(given) != 1:
            got = " and ".join(given) or "neither"
            self._collector.add(CODE, "an entry names a host of the inventory or a URL", path, got=got, limit="host or url")
            return MISSING
        return checked if isinstance(checked, Mapping) and given[0] in checked else MISSING

    def _ambiguous(self, text: str, path: str) -> bool:
        """A finding for an amount that looks octal or sexagesimal."""
        if not _OCTAL_LOOKING.fullmatch(text) and not _SEXAGESIMAL.fullmatch(text):
            return False
        message = f"{text} is read as different numbers by different programs"
        hint = f'"{text.lstrip("0") or "0"}", without leading zeros' if ":" not in text else "the amount in quotes, without a colon"
        self._collector.add(CODE, message, path, got=text, hint=hint)
        return True

    def _other(self, one: Definition, text: str, path: str) -> object:
        if one.format == signers.FORMAT and signers.is_url(text):
            return self._signer_url(text, path)
        return self._pattern(text, one.format, path) if one.format in PATTERNS else self.text(text, path)
