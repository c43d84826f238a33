# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking somebody else whether a stream may come in (server/auth.go:authenticateStream)."""

from __future__ import annotations

import json
import time

from . import golog, transport
from .gourl import parse
from .settings import Settings

LONGEST_SECONDS = 3600.0
"""Go waits for ever."""


class Denied(Exception):
    """Anything but a 200; the text is the reason that go-livepeer writes."""


def authenticate(settings: Settings, stream_url: str) -> str:
    """The manifest id that the webhook gives the stream, "" where there is no webhook or its answer is empty."""
    text = settings.text("authWebhookUrl")
    if not text:
        return ""
    started = time.monotonic()
    where = parse(text)
    target = (where.path or "/") + (f"?{where.query}" if where.query else "")
    try:
        body = json.dumps({"url": stream_url}).encode()
        answer = transport.call(where, target, body, LONGEST_SECONDS, {"Content-Type": "application/json"})
        if answer.status != 200:
            raise Denied(f"status={answer.status} error={answer.body.decode('utf-8', 'replace')}")
        if not answer.body:
            return ""
        manifest = str(dict(answer.json()).get("manifestID") or "")
    except (transport.TransportError, ValueError, TypeError) as error:
        raise Denied(str(error)) from error
    if not manifest:
        raise Denied("empty manifest id not allowed")
    golog.info(f"Stream authentication for authURL={text} url={stream_url} dur={time.monotonic() - started:.3f}s")
    return manifest
