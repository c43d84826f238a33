# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking secrets out of text that came from elsewhere: a daemon's log, a program's error message."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, unquote, urlsplit

# Shorter pieces are words of every message; the plan refuses shorter secrets (LPF404).
SHORTEST = 8
_USER_OF_URL = re.compile(r"(?<=://)[^/@\s\"']+(?=@)")


def redact(text: str, secrets: Iterable[tuple[str, str]]) -> str:
    """The text with every secret, and every part of one that would give it away, replaced by its name.

    Args:
        text: what is about to be shown.
        secrets: name and value of each.
    """
    pieces = {piece: name for name, value in secrets for piece in _pieces(value)}
    # Longest first: a whole value is recognised before a part of it.
    for piece in sorted(pieces, key=len, reverse=True):
        text = text.replace(piece, f"[secret {pieces[piece]}]")
    return _USER_OF_URL.sub("[hidden]", text)


def _pieces(value: str) -> Iterator[str]:
    lines = [line.strip() for line in value.splitlines()]
    candidates = {value, value.strip(), *lines, *(part for line in lines for part in _parts_of_url(line))}
    for candidate in candidates:
        if len(candidate) >= SHORTEST:
            yield from {candidate, quote(candidate, safe=""), unquote(candidate), json.dumps(candidate)[1:-1], repr(candidate)[1:-1]}


def _parts_of_url(value: str) -> Iterator[str]:
    """The parts of a URL that are secret: not the host, which every message about an outage has to name."""
    try:
        url = urlsplit(value)
        if not url.netloc:
            return
        yield from (part for part in (url.username, url.password, url.query, url.fragment) if part)
    except ValueError:
        return
    yield from url.path.split("/")
    yield from (pair.partition("=")[2] for pair in url.query.split("&"))
