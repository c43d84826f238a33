# SPDX-License-Identifier: GPL-3.0-or-later
"""Who could do the work, and what they want for it (discovery/discovery.go, discovery/db_discovery.go, server/rpc.go)."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from . import golog, transport
from .ethereum import RPCFailed
from .gourl import URL, URLError, parse
from .money import TicketRefused
from .node import Node, Role
from .onchain import Registered
from .payer import Payer, Purse
from .recipient import Capability, ticket_of

SHORTEST_LIMIT = 1.5
NANOSECONDS = 1_000_000_000
LONGEST_SECONDS = 6.0
"""discovery/discovery.go:maxGetOrchestratorCutoffTimeout: -discoveryTimeout is waited for, and longer until somebody answers"""

REFRESH_SECONDS = 2.5
"""server/broadcast.go:refreshTimeout"""

LAST_TENTH = 0.1 * 30 * 60
"""server/broadcast.go:shouldRefreshSession: a token is renewed that long before its end"""

VIDEO: tuple[Capability, ...] = ()
SHORT_CODES = (("OrchestratorCapped", "OrchestratorCapped"), ("deadline", "DeadlineExceeded"), ("timed out", "DeadlineExceeded"))
"""monitor/census.go:LogDiscoveryError: any other error is its own code, whole."""


class Unsuccessful(Exception):
    """An orchestrator that made no offer; the text is what it said."""


@dataclass
class Session:
    """What one orchestrator offered for one stream."""

    url: URL
    token: str
    name: str
    version: str
    address: str
    expires: float
    purse: Purse | None
    models: list[list[Any]]
    """pipeline, model, warm: what it advertises"""

    lost_at: float = 0.0
    lost_seconds: float = 0.0

    def may_be_used(self, times: int) -> bool:
        """broadcast.go:selectSession: a session whose oldest lost segment is young enough is used again."""
        limit = times * self.lost_seconds
        return not self.lost_at or time.monotonic() - self.lost_at < (limit if limit > 1 else SHORTEST_LIMIT)

    def runs_out(self) -> bool:
        """The token is in its last tenth."""
        return time.time() > self.expires - LAST_TENTH

    def take(self, offer: dict[str, Any]) -> None:
        """broadcast.go:updateSession after a segment: price and tickets of the next one."""
        if self.purse is not None and offer.get("ticket"):
            self.purse.price, self.purse.ticket = Fraction(offer["price"]), ticket_of(offer["ticket"])

    def renew(self, offer: dict[str, Any]) -> None:
        """broadcast.go:refreshSession: another session of the same orchestrator; what was paid ahead stays behind."""
        self.token, self.name, self.expires = offer["token"], offer["session"], offer["expires"]
        self.take(offer)
        if self.purse is not None:
            self.purse.credit = Fraction(0)


def ask(node: Node, url: URL, timeout: float, capabilities: Sequence[Capability] | None = VIDEO, signed: bool = True) -> dict[str, Any]:
    """rpc.go:GetOrchestratorInfo"""
    address, signature = node.identity
    asked = {"address": address, "signature": signature if signed else "", "capabilities": capabilities}
    try:
        answer = transport.call(url, transport.ORCHESTRATOR_INFO, json.dumps(asked).encode("ascii"), timeout)
        if answer.status == 200:
            return dict(answer.json())
    except transport.TransportError as error:
        golog.verbose(4, f"{url}: {error}")
        raise Unsuccessful(f"Did not connect to orch={url}: context deadline exceeded") from error
    raise Unsuccessful(f"Could not get orchestrator orch={url}: rpc error: code = Unknown desc = {answer.message}")


def sessions(node: Node, capabilities: Sequence[Capability] = VIDEO) -> list[Session]:
    """broadcast.go:selectOrchestrator: the offers that this gateway can use, in any order."""
    return [session for session in offers(node, capabilities) if usable(node, session)]


def offers(node: Node, capabilities: Sequence[Capability]) -> list[Session]:
    """discovery.go:GetOrchestrators: all are asked at once; those that made an offer, in any order."""
    urls = node.orchestrators
    if not urls:
        golog.info("No orchestrators specified; not transcoding")
        return []
    pool = ThreadPoolExecutor(max_workers=len(urls))
    asked = [pool.submit(_tried, node, url, capabilities) for url in urls]
    pool.shutdown(wait=False)
    deadline = time.monotonic() + LONGEST_SECONDS
    wait(asked, node.settings.number("discoveryTimeout") / NANOSECONDS)
    while not any(one.done() and one.result() for one in asked) and time.monotonic() < deadline:
        if not wait([one for one in asked if not one.done()], deadline - time.monotonic(), FIRST_COMPLETED).done:
            break
    answers = [(url, one.result()) for url, one in zip(urls, asked, strict=True) if one.done()]
    found = [_session(url, offer) for url, offer in answers if offer is not None]
    if not found:
        golog.info("No orchestrators found; not transcoding")
    return random.sample(found, len(found))


def _tried(node: Node, url: URL, capabilities: Sequence[Capability] | None, signed: bool = True) -> dict[str, Any] | None:
    try:
        return ask(node, url, LONGEST_SECONDS, capabilities, signed)
    except Unsuccessful as error:
        reason = str(error)
        golog.info(f"Discovery unsuccessful for orchestrator {url}, err={reason}")
        code = next((short for part, short in SHORT_CODES if part in reason), reason)
        node.metrics.add("livepeer_discovery_errors_total", error_code=code, orchestrator_uri=str(url))
        return None


def _session(url: URL, offer: dict[str, Any]) -> Session:
    purse = None
    if offer.get("ticket"):
        price = Fraction(offer["price"])
        purse = Purse(price, price, ticket_of(offer["ticket"]), offer["ticket"]["recipient"])
    where = URL(url.scheme, host=url.host)
    return Session(where, offer["token"], offer["session"], offer["version"], offer["address"], offer["expires"], purse, offer["models"])


def usable(node: Node, session: Session) -> bool:
    """A wallet needs tickets; those of an orchestrator that was found on the chain are checked at once."""
    if node.limits is None:
        return True
    if session.purse is None:
        golog.error(f"Missing ticket params orch={session.url}")
        return False
    if not node.discovers_on_chain:
        return True
    try:
        Payer(node).check(session.purse.ticket, 1)
    except TicketRefused as error:
        golog.info(f'invalid ticket params orch={session.url} err="{error}"')
        return False
    return session.purse.price >= 0


def start(node: Node) -> None:
    """db_discovery.go:NewDBOrchestratorPoolCache: at once where nothing else names orchestrators, else in the background."""
    if node.chain is None:
        return
    if node.settings.number("liveAICapReportInterval") <= 0:
        golog.panic("non-positive interval for NewTicker")
    if node.discovers_on_chain:
        try:
            _cache(node)
        except RPCFailed as error:
            golog.exit_two(f"Could not create orchestrator pool with DB cache: Could not refresh DB list of orchestrators: {error}")
        node.listed = [url for url in (_url(one) for one in node.pool) if url is not None]
    else:
        threading.Thread(target=_cache_quietly, args=(node,), daemon=True).start()


def _cache_quietly(node: Node) -> None:
    try:
        _cache(node)
    except RPCFailed as error:
        golog.error(f"Error caching orchestrators: Could not refresh DB list of orchestrators: {error}")


def _cache(node: Node) -> None:
    """The chain's pool, and what each of it offers at this moment; the copies are as old as the start."""
    assert node.chain is not None
    pool = node.chain.pool()
    golog.info(f"Using orchestrator pool with {len(pool)} orchestrators")
    with node.lock:
        node.pool = pool
    on_chain = [url for url in map(_url, pool) if url is not None] if node.discovers_on_chain else None
    threading.Thread(target=_poll, args=(node, on_chain), daemon=True).start()


def _poll(node: Node, on_chain: list[URL] | None) -> None:
    """db_discovery.go:pollOrchestratorInfo: at the start, and again in long intervals.

    A signer's first round is refused on a chain: its signature is there only when it serves (remote_signer.go).
    """
    signed = node.role is not Role.REMOTE_SIGNER
    while True:
        for url in node.orchestrators if on_chain is None else on_chain:
            offer = _tried(node, url, None, signed)
            if offer is not None:
                with node.lock:
                    node.offers[str(offer["address"]).lower()] = offer
        signed = True
        if node.lifecycle.cancelled.wait(node.settings.number("liveAICapReportInterval") / NANOSECONDS):
            return


def _url(registered: Registered) -> URL | None:
    try:
        return parse(registered.service_uri) if registered.service_uri else None
    except URLError:
        return None
