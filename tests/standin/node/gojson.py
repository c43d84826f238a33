# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON as Go's encoding/json reads it into structs: strict text, strict types, keys in any capitals."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

GO_KINDS = {"string": "string", "int": "int", "uint": "uint", "bool": "bool", "rat": "core.JSONRat", "object": "map"}
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


def structs(document: Any, fields: Mapping[str, str], what: str) -> list[dict[str, Any]]:
    """A list of structs; null is an empty list, unknown keys are ignored."""
    if document is None:
        return []
    if not isinstance(document, list):
        raise JSONError(f"json: cannot unmarshal {kind_of(document)} into Go value of type []{what}")
    return [struct(item, fields, what) for item in document]


def struct(item: Any, fields: Mapping[str, str], what: str) -> dict[str, Any]:
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


def _typed(value: Any, kind: str, where: str) -> Any:
    if kind == "rat":
        if not isinstance(value, Number):
            raise JSONError(f"value is not a number: {json.dumps(value)}")
        return str(value)
    if value is None:
        return None
    fits = {
        "string": type(value) is str,
        "bool": isinstance(value, bool),
        "int": isinstance(value, Number) and value.lstrip("-").isdigit(),
        "uint": isinstance(value, Number) and value.isdigit(),
        "object": isinstance(value, dict),
        "list": isinstance(value, list),
    }[kind]
    if not fits:
        raise JSONError(f"json: cannot unmarshal {kind_of(value)} into Go struct field {where} of type {GO_KINDS.get(kind, kind)}")
    return int(value) if kind in ("int", "uint") else value


def kind_of(value: Any) -> str:
    """The name json uses for what it found."""
    return f"number {value}" if isinstance(value, Number) else JSON_KINDS[type(value)]
