# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls from one stand-in to another: HTTPS without a look at the certificate, JSON in and out.

The real nodes speak gRPC here. The paths below /standin/ exist in the stand-in alone.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from dataclasses import dataclass
from typing import Any

from .gourl import URL

ORCHESTRATOR_INFO = "/standin/orchestrator-info"
PING = "/standin/ping"
REGISTER_TRANSCODER = "/standin/register-transcoder"
REGISTER_AI_WORKER = "/standin/register-ai-worker"
END_SESSION = "/standin/end-session"
TOKEN_HEADER = "Livepeer-Standin-Token"
STREAM_HEADER = "Livepeer-Standin-Stream"
PROFILES_HEADER = "Livepeer-Standin-Profiles"
PIXELS_HEADER = "Livepeer-Standin-Pixels"
SIGNATURE_HEADER = "Livepeer-Standin-Signature"
PAYMENT_HEADER = "Livepeer-Standin-Payment"

AI_PROTOCOL = "Livepeer-AI-Worker-1.0"
AI_ERROR = "livepeer/ai-worker-error"
"""server/ai_worker.go: how a worker shows who it is, and the type of an error among its results"""

DEFAULT_PORTS = {"http": 80, "https": 443}


class TransportError(Exception):
    """The other side could not be reached, or hung up."""


@dataclass(frozen=True)
class Answer:
    """Status and body."""

    status: int
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise TransportError(f"no JSON in the answer: {error}") from error

    @property
    def message(self) -> str:
        """The body as an error text."""
        return self.body.decode("utf-8", "replace").strip()


def packed(document: dict[str, Any]) -> str:
    """A document for a header."""
    return base64.b64encode(json.dumps(document).encode("utf-8")).decode("ascii") if document else ""


def unpacked(header: str) -> dict[str, Any]:
    """A document out of a header; nothing gives an empty one."""
    return json.loads(base64.b64decode(header)) if header else {}


def unverified() -> ssl.SSLContext:
    """server/broadcast.go: tlsConfig with InsecureSkipVerify."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def connection(url: URL, timeout: float) -> http.client.HTTPConnection:
    """A connection that is opened by its first request."""
    port = int(url.port or DEFAULT_PORTS.get(url.scheme, 443))
    host = url.hostname or "localhost"
    if url.scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=timeout)
    return http.client.HTTPSConnection(host, port, timeout=timeout, context=unverified())


def call(url: URL, path: str, body: bytes, timeout: float, headers: dict[str, str] | None = None, method: str = "POST") -> Answer:
    """One request and its whole answer."""
    opened = connection(url, timeout)
    try:
        opened.request(method, path, body=body, headers=headers or {})
        response = opened.getresponse()
        return Answer(response.status, response.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise TransportError(str(error) or type(error).__name__) from error
    finally:
        opened.close()
