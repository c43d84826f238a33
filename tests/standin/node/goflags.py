# SPDX-License-Identifier: GPL-3.0-or-later
"""Command line, environment and config file as the real node reads them.

Sources: Go package flag (ExitOnError, output on stdout), peterbourgon/ff v3.4.0 `parse.go:Parse` and
`PlainParser`, cmd/livepeer/livepeer.go:main, flags.json (command_line, environment, config_file).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping

from . import golog
from .flagtable import Flag, Value
from .govalues import ParseError, format_duration, format_float, parse_bool, parse_duration, parse_float, parse_int, quote

LONGEST_LINE = 64 * 1024
"""bufio.Scanner stops without an error at a line of this many bytes."""

GO_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
"""What strings.TrimSpace trims."""

SAME_VARIABLE = {"datadir": "dataDir"}
"""Two flag names, one variable (starter/flags.go)."""


class ConfigError(Exception):
    """What ff.Parse returns; main ends with status 1."""


class FlagSet:
    """Values of all flags, and which of them were set by anyone."""

    def __init__(self, flags: Mapping[str, Flag], program: str) -> None:
        self.flags = flags
        self.program = program
        self.values: dict[str, Value] = {flag.name: flag.default for flag in flags.values()}
        self.set_names: set[str] = set()

    def __getitem__(self, name: str) -> Value:
        return self.values[SAME_VARIABLE.get(name, name)]

    def set(self, name: str, text: str) -> None:
        """flag.FlagSet.Set; raises ParseError."""
        self.values[SAME_VARIABLE.get(name, name)] = parse_value(self.flags[name].kind, text)
        self.set_names.add(name)

    def parse(self, arguments: list[str], environment: Mapping[str, str]) -> None:
        """Command line, then environment, then config file; what came first stays."""
        self._parse_command_line(arguments)
        self._parse_environment(environment)
        path = str(self["config"])
        if path:
            self._parse_config_file(path)

    def _parse_command_line(self, arguments: list[str]) -> None:
        rest = list(arguments)
        while rest:
            argument = rest[0]
            if len(argument) < 2 or not argument.startswith("-"):
                return
            del rest[0]
            dashes = 2 if argument.startswith("--") else 1
            if argument == "--":
                return
            self._parse_one(argument, argument[dashes:], rest)

    def _parse_one(self, argument: str, body: str, rest: list[str]) -> None:
        if not body or body[0] in "-=":
            self._usage_error(f"bad flag syntax: {argument}")
        name, equals, text = body.partition("=")
        flag = self.flags.get(name)
        if flag is None:
            if name in ("help", "h"):
                self._usage()
                golog.end(0)
            self._usage_error(f"flag provided but not defined: -{name}")
            return
        if flag.kind == "bool":
            self._set_from_command_line(flag, text if equals else "true")
        elif equals:
            self._set_from_command_line(flag, text)
        elif rest:
            self._set_from_command_line(flag, rest.pop(0))
        else:
            self._usage_error(f"flag needs an argument: -{name}")

    def _set_from_command_line(self, flag: Flag, text: str) -> None:
        try:
            self.set(flag.name, text)
        except ParseError as error:
            kind = "boolean value" if flag.kind == "bool" else "value"
            preposition = "for" if flag.kind == "bool" else "for flag"
            self._usage_error(f"invalid {kind} {quote(text)} {preposition} -{flag.name}: {error}")

    def _usage_error(self, message: str) -> None:
        print(message)
        self._usage()
        golog.end(2)

    def _usage(self) -> None:
        print(f"Usage of {self.program}:")
        for flag in self.flags.values():
            print(f"  -{flag.name}{'' if flag.kind == 'bool' else ' ' + flag.kind}\n    \t(default {text_of(flag.default, flag.kind)})")

    def _parse_environment(self, environment: Mapping[str, str]) -> None:
        provided = set(self.set_names)
        for flag in self.flags.values():
            text = environment.get(flag.env, "")
            if flag.name in provided or not text:
                continue
            try:
                self.set(flag.name, text)
            except ParseError as error:
                raise ConfigError(
                    "error parsing environment variables: error setting flag "
                    f"{quote(flag.name)} from environment variable {quote(flag.env)}: {error}"
                ) from error

    def _parse_config_file(self, path: str) -> None:
        provided = set(self.set_names)
        by_environment_name = {flag.env: flag for flag in self.flags.values()}
        try:
            lines = list(config_lines(path))
        except OSError as error:
            raise ConfigError(f"open {path}: {go_error_text(error)}") from error
        for key, text in lines:
            flag = self.flags.get(key) or by_environment_name.get(key)
            if key in provided:
                continue
            if flag is None:
                raise ConfigError(f"config file flag {quote(key)} not defined in flag set")
            if flag.name in provided:
                continue
            try:
                self.set(flag.name, text)
            except ParseError as error:
                raise ConfigError(f"error setting flag {quote(flag.name)} from config file: {error}") from error


def config_lines(path: str) -> Iterator[tuple[str, str]]:
    """ff.PlainParser: key, one blank, value; a directory is an empty file; a very long line ends the file."""
    if os.path.isdir(path):
        return
    with open(path, "rb") as file:
        content = file.read()
    for raw_line in content.split(b"\n"):
        if len(raw_line) >= LONGEST_LINE:
            return
        line = raw_line.decode("utf-8", "surrogateescape").strip(GO_SPACE)
        if not line or line.startswith("#"):
            continue
        key, blank, text = line.partition(" ")
        text = text.strip(GO_SPACE) if blank else "true"
        comment = text.find(" #")
        yield key, (text[:comment].strip(GO_SPACE) if comment != -1 else text)


def go_error_text(error: OSError) -> str:
    """The reason as Go words it: in small letters."""
    return (error.strerror or str(error)).lower()


def parse_value(kind: str, text: str) -> Value:
    """The value of a text for a flag type."""
    if kind == "bool":
        return parse_bool(text)
    if kind in ("int", "int64", "uint"):
        return parse_int(text)
    if kind == "float":
        return parse_float(text)
    if kind == "duration":
        return parse_duration(text)
    return text


def text_of(value: Value, kind: str) -> str:
    """fmt %v of a flag's value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if kind == "duration":
        return format_duration(int(value))
    return format_float(value) if isinstance(value, float) else str(value)


def program_name() -> str:
    """os.Args[0]"""
    return sys.argv[0]
