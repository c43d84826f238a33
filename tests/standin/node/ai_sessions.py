# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions of a gateway for one model (server/ai_session.go): asked for when there is none left, reused after a job that was done."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from . import discovery, golog
from .ai_caps import cap_of
from .discovery import NANOSECONDS, Session
from .gourl import URL
from .node import Node
from .payer import Payer
from .recipient import Capability

PORTS = {"http": 80, "https": 443}


class NoOrchestrators(Exception):
    """server/broadcast.go:errNoOrchs: nobody made an offer."""

    def __init__(self) -> None:
        super().__init__("ErrNoOrchs")


@dataclass
class AISessions:
    """One pool, for one pipeline and model."""

    node: Node
    capability: Capability
    payer: Payer | None
    _idle: list[Session] = field(default_factory=list)
    _created: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def select(self, in_order: bool = False) -> Session | None:
        """AISessionSelector.Select: None when nobody has the model within the cap; raises NoOrchestrators.

        `in_order` is for live video, which takes the first one within the cap and knows no -ignoreMaxPriceIfNeeded.
        """
        with self._lock:
            if not self._created:
                self._idle, self._created = self._ask(), True
            if not self._idle:
                golog.info("refreshing sessions, no orchestrators in pools")
                self._refresh()
            return self._take(in_order)

    def _refresh(self) -> None:
        """A pool that exists has no new sessions then, and that is all."""
        try:
            self._idle = self._ask()
        except NoOrchestrators as error:
            golog.info(f"Error refreshing AISessionSelector err={error}")

    def complete(self, session: Session) -> None:
        """AISessionManager.Complete: for the next job."""
        with self._lock:
            self._idle.append(session)

    def _ask(self) -> list[Session]:
        self.node.metrics.set("livepeer_ai_orchestrators_available_total", len(self.node.orchestrators))
        found = discovery.offers(self.node, [self.capability])
        if not found:
            _wait_for_nobody(self.node)
            raise NoOrchestrators
        usable = [session for session in found if discovery.usable(self.node, session)]
        return [session for session in usable if list(self.capability) in [one[:2] for one in session.models]]

    def _take(self, in_order: bool) -> Session | None:
        if not self._idle:
            return None
        if self.payer is None:
            return self._idle.pop(0)
        choose = self.payer.choose_first if in_order else self.payer.choose
        at = choose([one.purse for one in self._idle], cap_of(self.node, [self.capability]))
        return None if at is None else self._idle.pop(at)


def _wait_for_nobody(node: Node) -> None:
    """A gRPC connection to an address where nobody listens is tried until -discoveryTimeout."""
    if not any(_listens(url) for url in node.orchestrators):
        time.sleep(node.settings.number("discoveryTimeout") / NANOSECONDS)


def _listens(url: URL) -> bool:
    try:
        socket.create_connection((url.hostname, int(url.port or PORTS.get(url.scheme, 443))), 1).close()
    except (OSError, ValueError, OverflowError):
        return False
    return True


class AISessionPools:
    """server/ai_session.go:AISessionManager"""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._payer = Payer(node) if node.limits is not None else None
        self._pools: dict[Capability, AISessions] = {}
        self._lock = threading.Lock()

    @property
    def payer(self) -> Payer | None:
        """The gateway's wallet, if it has one."""
        return self._payer

    def of(self, capability: Capability) -> AISessions:
        """The pool of a model, kept for the life of the process."""
        with self._lock:
            return self._pools.setdefault(capability, AISessions(self._node, capability, self._payer))

    def capabilities(self) -> Sequence[Capability]:
        """The models that were asked for."""
        with self._lock:
            return tuple(self._pools)
