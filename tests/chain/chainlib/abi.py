# SPDX-License-Identifier: GPL-3.0-or-later
"""Contract calls on the wire: the ABI as far as Livepeer's contracts go, and RLP as far as a transaction needs it.

Values: int, bool, `0x…` for an address, bytes, str, and sequences of these.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from functools import cache
from pathlib import Path

WORD = 32
_KECCAK = Path(__file__).resolve().parents[2] / "standin" / "node" / "keccak.py"


def _load_keccak() -> object:
    """The stand-in node's own: it is standard library only, and a second copy of a hash is one too many."""
    spec = importlib.util.spec_from_file_location("standin_keccak", _KECCAK)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.keccak256


_keccak256 = _load_keccak()


@cache
def keccak(text: str | bytes) -> bytes:
    """Keccak-256 of a text or bytes."""
    hashed = _keccak256(text.encode("utf-8") if isinstance(text, str) else text)  # type: ignore[operator]
    assert isinstance(hashed, bytes)
    return hashed


def selector(signature: str) -> bytes:
    """The first four bytes of a call."""
    return keccak(signature)[:4]


def components(kind: str) -> list[str]:
    """The types inside `(a,(b,c)[],d)`."""
    parts, depth, part = [], 0, ""
    for character in kind[1:-1]:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append(part)
            part = ""
        else:
            part += character
    return [*parts, part] if part else parts


def is_dynamic(kind: str) -> bool:
    """Whether a value of this type stands behind the head."""
    if kind.endswith("[]") or kind in ("string", "bytes"):
        return True
    return kind.startswith("(") and any(is_dynamic(part) for part in components(kind))


def zero(kind: str) -> object:
    """What a contract answers for something that it does not have."""
    if kind.endswith("[]"):
        return []
    if kind.startswith("("):
        return [zero(part) for part in components(kind)]
    if kind == "string":
        return ""
    if kind.startswith("bytes"):
        return bytes(int(kind[5:] or 0))
    return 0


def encode(kinds: Sequence[str], values: Sequence[object]) -> bytes:
    """Heads, then what they point to."""
    parts = [_encoded(kind, value) for kind, value in zip(kinds, values, strict=True)]
    place = sum(WORD if is_dynamic(kind) else len(part) for kind, part in zip(kinds, parts, strict=True))
    heads, tails = [], []
    for kind, part in zip(kinds, parts, strict=True):
        if is_dynamic(kind):
            heads.append(place.to_bytes(WORD, "big"))
            tails.append(part)
            place += len(part)
        else:
            heads.append(part)
    return b"".join(heads + tails)


def _encoded(kind: str, value: object) -> bytes:
    if kind.endswith("[]"):
        items = list(value) if isinstance(value, (list, tuple)) else []
        return len(items).to_bytes(WORD, "big") + encode([kind[:-2]] * len(items), items)
    if kind.startswith("("):
        assert isinstance(value, (list, tuple))
        return encode(components(kind), value)
    if kind in ("string", "bytes"):
        data = value.encode("utf-8") if isinstance(value, str) else value
        assert isinstance(data, bytes)
        return len(data).to_bytes(WORD, "big") + data + bytes(-len(data) % WORD)
    if isinstance(value, bytes):
        return value.ljust(WORD, b"\0")
    number = int(value, 16) if isinstance(value, str) else value
    assert isinstance(number, int)
    return (number % (1 << 256)).to_bytes(WORD, "big")


def decode(kinds: Sequence[str], data: bytes) -> list[object]:
    """Arguments of a read; all that are looked at are single words."""
    return [_decoded(kind, data[WORD * at : WORD * (at + 1)]) for at, kind in enumerate(kinds)]


def _decoded(kind: str, word: bytes) -> object:
    if kind == "address":
        return "0x" + word[12:].hex()
    if kind.startswith("bytes"):
        return word
    return int.from_bytes(word, "big")


def rlp_items(data: bytes) -> list[bytes]:
    """The items of an RLP list; an inner list comes back as its undecoded content."""
    items, rest = [], _payload(data)[0]
    while rest:
        item, used = _payload(rest)
        items.append(item)
        rest = rest[used:]
    return items


def _payload(data: bytes) -> tuple[bytes, int]:
    """The content of the first item, and how long the item is."""
    first = data[0]
    if first < 0x80:
        return data[:1], 1
    base = 0x80 if first < 0xC0 else 0xC0
    if first - base <= 55:
        return data[1 : 1 + first - base], 1 + first - base
    digits = first - base - 55
    size = int.from_bytes(data[1 : 1 + digits], "big")
    return data[1 + digits : 1 + digits + size], 1 + digits + size
