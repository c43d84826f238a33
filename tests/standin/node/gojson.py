# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON as Go's encoding/json reads it into structs: strict text, strict types, keys in any capitals."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from types import NoneType
from typing import Any

Kind = Any
"""string, bool, int, uint, list, rat (core.JSONRat), number (json.Number), strings (map[string]string), flags
(worker.OptimizationFlags: booleans as well), the fields of a struct, or a tuple of kinds of which the first that fits is taken"""

Fields = Mapping[str, Kind]
SMALLEST_INT, LARGEST_INT = -(1 << 63), (1 << 63) - 1
NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
JSON_KINDS = {dict: "object", list: "array", str: "string", bool: "bool", type(None): "null"}


class JSONError(ValueError):
    """json.Unmarshal's error."""


class Number(str):
    """A JSON number as it was written."""


def _refuse_constant(name: str) -> None:
    raise JSONError(f"invalid character {name[0]!r} looking for beginning of value")


def loads(text: bytes) -> Any:
    """A document; numbers stay as they were written."""
    try:
        return json.loads(text.decode("utf-8", "replace"), parse_int=Number, parse_float=Number, parse_constant=_refuse_constant)
    except JSONError:
        raise
    except (ValueError, RecursionError) as error:
        raise JSONError(_go_message(text.decode("utf-8", "replace"), error)) from error


def _go_message(text: str, error: Exception) -> str:
    position = getattr(error, "pos", len(text))
    if position >= len(text) or not text.strip():
        return "unexpected end of JSON input"
    place = "object key string" if "property name" in str(error) else "value"
    return f"invalid character '{text[position]}' looking for beginning of {place}"


def structs(document: Any, fields: Fields, what: str) -> list[dict[str, Any]]:
    """A list of structs; null is an empty list, unknown keys are ignored."""
    if document is None:
        return []
    if not isinstance(document, list):
        raise JSONError(f"json: cannot unmarshal {kind_of(document)} into Go value of type []{what}")
    return [struct(item, fields, what) for item in document]


def struct(item: Any, fields: Fields, what: str) -> dict[str, Any]:
    """One struct: the values of the known keys that are there."""
    if item is None:
        return {}
    if not isinstance(item, dict):
        raise JSONError(f"json: cannot unmarshal {kind_of(item)} into Go value of type {what}")
    by_lower_case = {name.lower(): name for name in fields}
    result: dict[str, Any] = {}
    for key, value in item.items():
        name = by_lower_case.get(key.lower())
        if name is not None:
            converted = _typed(value, fields[name], f"{what}.{name}")
            if converted is not None:
                result[name] = converted
    return result


def _typed(value: Any, kind: Kind, where: str) -> Any:
    if kind == "rat":
        if not isinstance(value, Number):
            raise JSONError(f"value is not a number: {json.dumps(value)}")
        return str(value)
    if value is None:
        return None
    if isinstance(kind, dict):
        return struct(value, kind, where)
    if isinstance(kind, tuple):
        return _typed(value, next((one for one in kind[:-1] if _fits(value, one)), kind[-1]), where)
    if not _fits(value, kind):
        raise JSONError(f"json: cannot unmarshal {kind_of(value)} into Go struct field {where} of type {kind}")
    return int(value) if kind in ("int", "uint") else value


def _fits(value: Any, kind: str) -> bool:
    if kind in ("int", "uint"):
        is_whole = isinstance(value, Number) and value.lstrip("-").isdigit()
        return is_whole and (SMALLEST_INT if kind == "int" else 0) <= int(value) <= LARGEST_INT
    if kind in ("strings", "flags"):
        allowed = (str, NoneType) if kind == "strings" else (str, bool, NoneType)
        return isinstance(value, dict) and all(type(item) in allowed for item in value.values())
    if kind == "number":
        return isinstance(value, Number) or (type(value) is str and NUMBER.fullmatch(value) is not None)
    return type(value) is {"string": str, "bool": bool, "list": list}[kind]


def kind_of(value: Any) -> str:
    """The name json uses for what it found."""
    return f"number {value}" if isinstance(value, Number) else JSON_KINDS[type(value)]
