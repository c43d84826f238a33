# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may send work to an orchestrator: signatures, tokens, and how many sessions there may be (server/segment_rpc.go:verifySegCreds)."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from . import golog, httpd, transport
from .account import signature
from .ethereum import NO_ADDRESS, checksummed
from .httpd import Request, Response
from .node import Node

SESSION_SECONDS = 70.0
"""core/orchestrator.go:transcodeLoopTimeout: a session without segments ends"""

TOKEN_SECONDS = 30 * 60
"""server/rpc.go:authTokenValidPeriod"""


class Refused(Exception):
    """Work that is not taken, with the answer to it."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.answer: Response = httpd.error(message, status)


@dataclass(frozen=True)
class Job:
    """One piece of work: who sent it, for which stream and session, and what came along."""

    stream: str
    session: str
    sender: str
    payment: dict[str, Any]

    @property
    def price(self) -> Fraction:
        """What the gateway says that it pays."""
        return Fraction(self.payment.get("price") or 0)


class Admission:
    """The tokens that an orchestrator gave out, and the sessions that use them."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._tokens: dict[str, str] = {}
        self._sessions: dict[str, float] = {}

    @property
    def is_full(self) -> bool:
        """core/orchestrator.go:CheckCapacity without a session"""
        return len(self.active()) >= self._node.max_sessions

    def signed(self, sender: str, message: str, given: str) -> bool:
        """orchestrator.go:VerifySig: off-chain everything is signed."""
        return self._node.chain is None or given == signature(sender, message)

    def token(self) -> dict[str, Any]:
        """A new session."""
        token = secrets.token_hex(16)
        self._tokens[token] = secrets.token_hex(4)
        return {"token": token, "expires": time.time() + TOKEN_SECONDS, "session": self._tokens[token]}

    def active(self) -> dict[str, float]:
        """Sessions that had work not long ago."""
        now = time.monotonic()
        self._sessions = {token: seen for token, seen in self._sessions.items() if now - seen < SESSION_SECONDS}
        self._node.metrics.set("livepeer_current_sessions_total", len(self._sessions))
        return self._sessions

    def admit(self, request: Request) -> Job:
        """Work with credentials; raises Refused."""
        token = request.headers.get(transport.TOKEN_HEADER.lower(), "")
        payment = transport.unpacked(request.headers.get(transport.PAYMENT_HEADER.lower(), ""))
        sender = str(payment.get("sender", NO_ADDRESS))
        if not self.signed(sender, token, request.headers.get(transport.SIGNATURE_HEADER.lower(), "")):
            golog.error(f"Sig check failed clientIP={request.client} sender={checksummed(sender)}")
            raise Refused("ErrSegSig", 403)
        if not token:
            raise Refused("missing auth token", 403)
        if token not in self._tokens:
            raise Refused("invalid auth token", 403)
        if token not in self.active() and self.is_full:
            raise Refused("OrchestratorCapped", 403)
        stream = request.headers.get(transport.STREAM_HEADER.lower(), "")
        return Job(stream, self._tokens[token], sender, payment)

    def use(self, request: Request) -> None:
        """The session of this request has work from now on."""
        self._sessions[request.headers.get(transport.TOKEN_HEADER.lower(), "")] = time.monotonic()
        self.active()

    def end(self, request: Request) -> None:
        """server/rpc.go:EndTranscodingSession"""
        self._sessions.pop(request.headers.get(transport.TOKEN_HEADER.lower(), ""), None)
        self.active()
