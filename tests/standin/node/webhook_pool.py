# SPDX-License-Identifier: GPL-3.0-or-later
"""A list of orchestrators that somebody else keeps (discovery/wh_discovery.go): read when it is used and older than a minute."""

from __future__ import annotations

import http.client
import json
import threading
import time
from typing import Any

from . import golog, transport
from .gourl import URL, URLError, parse_request_uri

REFRESH_SECONDS = 60.0
"""common.WebhookDiscoveryRefreshInterval"""

ANSWER_SECONDS = 3.0

Entry = tuple[URL, float]
"""Orchestrator and score; 0 is not trusted."""


class WebhookPool:
    """One list; asked for at once, in the background."""

    def __init__(self, callback: URL, headers: dict[str, str]) -> None:
        self._callback, self._headers = callback, headers
        self._entries: list[Entry] = []
        self._read_at: float | None = None
        self._lock = threading.Lock()
        threading.Thread(target=self.entries, daemon=True).start()

    def entries(self) -> list[Entry]:
        """The list as it is known; nothing when a list is due and cannot be had, which is tried again at the next use."""
        with self._lock:
            if self._read_at is not None and time.monotonic() - self._read_at < REFRESH_SECONDS:
                return self._entries
            try:
                self._entries = [entry for entry in map(_entry, self._ask()) if entry is not None]
            except (OSError, http.client.HTTPException) as error:
                golog.error(f"Unable to make webhook request {error}")
                return []
            except (ValueError, TypeError, AttributeError) as error:
                golog.error(f"Unable to unmarshal JSON {error}")
                return []
            self._read_at = time.monotonic()
            return self._entries

    def _ask(self) -> list[dict[str, Any]]:
        """The status of the answer is not looked at."""
        opened = transport.connection(self._callback, ANSWER_SECONDS)
        try:
            opened.request("GET", self._callback.path or "/", headers=self._headers)
            return list(json.loads(opened.getresponse().read()))
        finally:
            opened.close()


def _entry(given: dict[str, Any]) -> Entry | None:
    address = given.get("address", "")
    if not address:
        return None
    try:
        return parse_request_uri(address), float(given.get("score", 0))
    except URLError as error:
        golog.error(f"Unable to parse address  {json.dumps(address)} : {error}")
        return None


def headers_of(text: str) -> dict[str, str]:
    """`Name:value,Name:value` (starter.go:parseHeaderMap)."""
    pairs = (item.split(":", 1) for item in text.split(",") if ":" in item)
    return {name.strip(): value.strip() for name, value in pairs}
