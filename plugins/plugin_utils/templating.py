# SPDX-License-Identifier: GPL-3.0-or-later
"""How a value gets into a file: the templates' filters, and what each kind of file can carry at all."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import jinja2
from ansible_collections.livepeer.fleet.plugins.plugin_utils.addresses import (
    ETH,
    FOREIGN,
    METRICS,
    URLS,
    Listener,
    enforce_ports,
    join_host_port,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Node, OrchestratorSettings, placeholder
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices import decimal_text, enforce_headroom, json_number

MAX_LINE = 65535
"""Bytes of the longest line of a configuration that the daemon reads; at a longer one it stops without a word
(ff PlainParser on a bufio.Scanner)."""

PRIVILEGED_PORTS = 1024
"""Ports below need a capability."""

FLAG_OF_PURPOSE = {"rpc": "httpAddr", "http": "httpAddr", "rtmp": "rtmpAddr", "cli": "cliAddr"}
"""Flag that binds a listener (starter.go:StartLivepeer)."""

BARE_NUMBERS = frozenset({"price_per_unit", "pixels_per_unit", "priceperunit", "pixelsperunit"})
"""Keys whose amounts are texts in the inventory, to be exact, and numbers in JSON: quoted ones are refused, or drop every
price without a word (core/ai.go:JSONRat, starter.go:getCapabilityPrices)."""

_NGINX = re.compile(r"[A-Za-z0-9._:/@ \[\]-]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


class RenderError(ValueError):
    """A value that the file it belongs in cannot carry.

    Attributes:
        value: the value as it would have been written.
        reason: what is wrong with it, for an operator.
    """

    def __init__(self, value: str, reason: str) -> None:
        super().__init__(reason)
        self.value = value
        self.reason = reason


class Quoted(str):
    """A text that is already in the grammar of the file it goes into."""


def conf_value(value: object) -> object:
    """The value as livepeer.conf can carry it, else RenderError (ff PlainParser: flag, one space, rest of the line)."""
    text = str(value)
    if _CONTROL.search(text):
        raise RenderError(text, "a line break, tab or other control character cannot stand in livepeer.conf")
    if " #" in text or text.startswith("#"):
        raise RenderError(text, 'everything from " #" on would be read as a comment')
    if text != text.strip() or not text:
        raise RenderError(text, "an empty value, or blanks around one, would be read as something else")
    return value


def unit_value(value: object) -> object:
    """The value as it can stand unquoted in a unit or sysusers file, else RenderError (systemd.syntax(7))."""
    text = str(value)
    if _CONTROL.search(text) or (not isinstance(value, Quoted) and re.search(r"""[%$"'\\]""", text)):
        raise RenderError(text, "control characters, quotes, %, $ and backslashes cannot stand in a systemd unit")
    return value


def nginx_value(value: object) -> object:
    """The value as it can stand unquoted in a configuration of nginx, else RenderError."""
    text = str(value)
    if not _NGINX.fullmatch(text):
        raise RenderError(text, "only letters, digits, blanks and . _ : / @ [ ] - can stand in the configuration of nginx")
    return value


def check_conf(text: str) -> None:
    """RenderError where the daemon would read a finished livepeer.conf otherwise than it looks."""
    seen: set[str] = set()
    for line in text.splitlines():
        if len(line.encode()) > MAX_LINE:
            raise RenderError(line[:60] + "…", f"a line of more than {MAX_LINE} bytes: the daemon would stop reading there")
        if line and not line.startswith("#"):
            flag = line.split(" ", 1)[0]
            if flag in seen:
                raise RenderError(flag, f"flag {flag} stands twice: the daemon would take the last one")
            seen.add(flag)


def go_bool(value: bool) -> str:
    """``true`` or ``false``, as Go's flags read it."""
    return "true" if value else "false"


def unit_quote(text: str) -> Quoted:
    """The text as one quoted word of a unit, specifiers escaped (systemd.syntax(7))."""
    return Quoted('"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") + '"')


def go_json(value: object, key: str = "") -> str:
    """Compact JSON as go-livepeer wants it: amounts as bare numbers with all their digits; no ``#`` that a line could trip on."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{go_json(str(name))}:{go_json(item, str(name))}" for name, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(go_json(item) for item in value) + "]"
    if key in BARE_NUMBERS:
        number = json_number(str(value))
        if number is None or number < 0:
            raise RenderError(str(value), f"{key} has to be a plain number: digits, with a decimal point where needed")
        return str(decimal_text(number))
    return json.dumps(value).replace("#", "\\u0023")


def json_list(items: list[object]) -> str:
    """A JSON list, one item a line."""
    return "[\n" + ",\n".join("  " + go_json(item) for item in items) + "\n]"


def flag_of(listener: Listener) -> str:
    """Flag that binds the listener; "" where something else does."""
    return FLAG_OF_PURPOSE.get(listener.purpose, "")


def mode_flag(role: str) -> str:
    """Flag that makes a process what the role says (starter.go:StartLivepeer)."""
    start, *rest = role.split("_")
    return start + "".join(word.capitalize() for word in rest)


def bind_address(listener: Listener, node: Node) -> str:
    """``host:port`` as the daemon binds it; every address is 0.0.0.0, which it binds dual stack (":port" may mean loopback).

    An orchestrator's scheme is kept: it chooses plain HTTP or TLS (``http_addr`` from 0.9.0 on).
    """
    text = join_host_port(listener.address, listener.port)
    settings = node.settings
    if listener.purpose == "rpc" and isinstance(settings, OrchestratorSettings) and "://" in settings.http_addr:
        return settings.http_addr.split("://", 1)[0] + "://" + text
    return text


def owned_by(listener: Listener, node: Node) -> bool:
    """True if the listener is one of the node's own process."""
    return (listener.host, listener.node) == (node.host, node.name) and listener.purpose not in {FOREIGN, METRICS, ETH, URLS}


class Templates:
    """The templates of a folder, each compiled once."""

    def __init__(self, folder: Path) -> None:
        self._conf = _environment(folder, conf_value)
        self._unit = _environment(folder, unit_value)
        self._plain = _environment(folder, str)
        self._nginx = _environment(folder, nginx_value)

    def conf(self, **values: object) -> str:
        """livepeer.conf; RenderError for what it cannot carry."""
        text = str(self._conf.get_template("livepeer.conf.j2").render(values))
        check_conf(text)
        return text

    def unit(self, **values: object) -> str:
        """The systemd unit; RenderError for what it cannot carry."""
        return str(self._unit.get_template("livepeer.service.j2").render(values))

    def sysusers(self, **values: object) -> str:
        """The static user; RenderError for what it cannot carry."""
        return str(self._unit.get_template("sysusers.conf.j2").render(values))

    def proxy_unit(self, **values: object) -> str:
        """The unit of a node's proxy; RenderError for what it cannot carry."""
        return str(self._unit.get_template("proxy.service.j2").render(values))

    def nginx(self, **values: object) -> str:
        """nginx.conf of a node's proxy; RenderError for what it cannot carry."""
        return str(self._nginx.get_template("nginx.conf.j2").render(values))

    def environment(self, **values: object) -> str:
        """Environment with secrets; RenderError for what it cannot carry."""
        return str(self._unit.get_template("environment.j2").render(values))

    def ai_models(self, **values: object) -> str:
        """aiModels.json; RenderError for what it cannot carry."""
        return str(self._plain.get_template("aiModels.json.j2").render(values))

    def journal(self, **values: object) -> str:
        """The limits of a node's own journal; RenderError for what they cannot carry."""
        return str(self._unit.get_template("journald.conf.j2").render(values))

    def firewall(self, **values: object) -> str:
        """The nftables table of a machine."""
        return str(self._plain.get_template("firewall.nft.j2").render(values))

    def firewall_unit(self) -> str:
        """The unit that loads it at boot."""
        return str(self._plain.get_template("firewall.service.j2").render())


def _environment(folder: Path, finalize: Callable[[object], object]) -> jinja2.Environment:
    """Jinja as Ansible sets it up for files, but strict, and with ``finalize`` over every value that is written."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        finalize=finalize,
        autoescape=False,  # noqa: S701 - configuration files, not HTML; finalize guards them
    )
    environment.filters.update(
        {
            "livepeer.fleet.enforce_headroom": enforce_headroom,
            "livepeer.fleet.enforce_ports": enforce_ports,
            "bind_address": bind_address,
            "flag_of": flag_of,
            "go_bool": go_bool,
            "go_json": go_json,
            "json_list": json_list,
            "mode_flag": mode_flag,
            "placeholder": placeholder,
            "unit_quote": unit_quote,
        }
    )
    environment.tests["owned_by"] = owned_by
    return environment
