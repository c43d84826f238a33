# SPDX-License-Identifier: GPL-3.0-or-later
"""Static live runners of an orchestrator: who finds them, who gets a session, who pays (server/ai_http.go, ai/runner/live_runner.go).

Time is not charged after the first payment, and what an application sends to its session is not passed on.
"""

from __future__ import annotations

import base64
import http.client
import json
import secrets
import threading
import time
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from . import golog, httpd, transport
from .admission import Admission, Job, Refused
from .ethereum import NO_ADDRESS, RPCFailed, checksummed
from .gourl import URL, URLError, parse
from .httpd import Request, Response, Routes
from .live_runner import LiveRunner
from .money import InsufficientReserve
from .node import Node
from .recipient import PaymentRefused, Recipient

HEALTH_INTERVAL_SECONDS, HEALTH_SECONDS = 5.0, 3.0
ADDRESS_DIGITS = 40
NOT_SUPPORTED = httpd.error("live runners are not supported", 404)
NOT_FOUND = "runner not found"


class Challenged(Exception):
    """A demand for payment."""

    def __init__(self, document: dict[str, Any]) -> None:
        super().__init__("payment required")
        self.document = document


@dataclass
class Served:
    """A runner, whether it is well, and who uses it."""

    runner: LiveRunner
    route: str
    is_ready: bool = False
    sessions: set[str] = field(default_factory=set)

    def describe(self, base: str, price: Fraction | None) -> dict[str, Any]:
        """LiveRunnerDiscoveryRunner"""
        described: dict[str, Any] = {"url": f"{base}/apps/{self.route}/session", "app": self.runner.app, "mode": self.runner.mode}
        used = len(self.sessions)
        described.update(capacity=self.runner.capacity, capacity_used=used, capacity_available=self.runner.capacity - used)
        if price is not None:
            described["price_info"] = {"price": int(price), "currency": "wei", "unit": self.runner.wire_unit}
        return described


class LiveSessions:
    """The registry of one orchestrator."""

    def __init__(self, node: Node, admission: Admission, recipient: Recipient) -> None:
        self._node = node
        self._admission = admission
        self._recipient = recipient
        self._lock = threading.Lock()
        self._served = {one.route: one for one in (Served(runner, _route(runner)) for runner in node.live_runners)}
        if self._served:
            self._look()
            threading.Thread(target=self._keep_looking, daemon=True).start()

    def add_routes(self, routes: Routes) -> None:
        """Discovery and sessions; a heartbeat registers nobody."""
        routes.add("GET /discovery", self._discovery)
        routes.add("POST /runners/heartbeat", self._heartbeat)
        routes.add("POST /apps/{runner}/session", self._reserve)
        routes.add("POST /apps/{runner}/session/{session}/stop", self._stop)

    @property
    def _is_on(self) -> bool:
        return self._node.settings.on("useLiveRunners") or self._node.settings.text("liveRunnerConfig") != ""

    def _discovery(self, _request: Request) -> Response:
        if not self._is_on:
            return NOT_SUPPORTED
        base = str(self._node.service_uri)
        with self._lock:
            ready = [one.describe(base, self._price(one)) for one in self._served.values() if one.is_ready]
        return httpd.as_json([{"address": base, **({"runners": ready} if ready else {})}])

    def _heartbeat(self, request: Request) -> Response:
        if not self._is_on:
            return NOT_SUPPORTED
        return httpd.error("invalid runner_url" if request.body else "EOF", 400)

    def _price(self, one: Served) -> Fraction | None:
        """Whole wei of this moment's feed; off-chain there is none."""
        return None if self._node.chain is None else one.runner.price(self._node.chain.feed)

    def _reserve(self, request: Request) -> Response:
        """ReserveLiveRunnerSession"""
        if not self._is_on:
            return NOT_SUPPORTED
        with self._lock:
            one = self._served.get(request.path.split("/")[2])
        if one is None or not one.is_ready:
            return httpd.error(NOT_FOUND, 404)
        price = self._price(one)
        try:
            name = self._paid_session(request, one, price) if price is not None else self._session(one, f"session_{secrets.token_hex(4)}")
        except Refused as refusal:
            return refusal.answer
        except Challenged as challenge:
            return httpd.as_json(challenge.document, 402)
        base = f"{self._node.service_uri}/apps/{one.route}/session/{name}"
        return httpd.as_json({"session_id": name, "app_url": f"{base}/app", "control_url": base})

    def _session(self, one: Served, name: str) -> str:
        with self._lock:
            if name in one.sessions:
                raise Refused("session already exists", 409)
            if len(one.sessions) >= one.runner.capacity:
                raise Refused("no capacity available for runner", 503)
            one.sessions.add(name)
        golog.raw(f"INFO live runner session reserved session_id={name} app={one.runner.app}\n")
        return name

    def _paid_session(self, request: Request, one: Served, price: Fraction) -> str:
        """reservePaidLiveRunnerSession: nothing paid is a challenge, a payment opens the session of its challenge."""
        payment, signed = (request.headers.get(name, "") for name in ("livepeer-payment", "livepeer-segment"))
        if not payment and not signed:
            raise self._challenge(request, one, price)
        job = self._admission.admit(_as_work(request, payment, signed))
        name = self._session(one, job.session)
        try:
            self._take(job, one, price)
        except Refused:
            with self._lock:
                one.sessions.discard(name)
            raise
        return name

    def _take(self, job: Job, one: Served, price: Fraction) -> None:
        try:
            if one.runner.unit == "fixed" and job.price != price:
                raise PaymentRefused("payment price does not match live runner price")
            self._recipient.receive(job.payment, job.sender, job.session)
        except (PaymentRefused, RPCFailed) as error:
            raise Refused(str(error), 400) from error

    def _challenge(self, request: Request, one: Served, price: Fraction) -> Challenged | Refused:
        """runnerChallenge: what a signer needs to pay."""
        sender = request.headers.get("livepeer-payer-address", "")
        if len(sender.removeprefix("0x")) != ADDRESS_DIGITS:
            golog.error("Error with API code=402 err=invalid live runner payment signer address")
            return Refused("invalid live runner payment signer address", 402)
        token, uri = self._admission.token(), str(self._node.service_uri)
        try:
            offer = self._recipient.offer_at(sender, price)
        except (InsufficientReserve, RPCFailed) as error:
            return Refused(str(error), 500)
        chain = self._node.chain
        address = NO_ADDRESS if chain is None else checksummed(chain.recipient)
        parameters = json.dumps({**token, "transcoder": uri, "address": address, "version": self._node.version, "models": [], **offer})
        return Challenged(
            {
                "payment_params": base64.b64encode(parameters.encode("utf-8")).decode("ascii"),
                "orchestrator": uri,
                "manifest_id": token["session"],
                "payment_url": f"{uri}/apps/{one.route}/session/{token['session']}/payment",
            }
        )

    def _stop(self, request: Request) -> Response:
        _, _, route, _, name, _ = request.path.split("/")
        with self._lock:
            one = self._served.get(route)
            if one is None or name not in one.sessions:
                return httpd.error("runner session not found" if one else NOT_FOUND, 404)
            one.sessions.discard(name)
        return Response(204)

    def _keep_looking(self) -> None:
        while True:
            time.sleep(HEALTH_INTERVAL_SECONDS)
            self._look()

    def _look(self) -> None:
        for one in self._served.values():
            one.is_ready = _status(one.runner.health_url) == one.runner.healthy_status


def _route(runner: LiveRunner) -> str:
    return runner.label if runner.routing == "label" else f"runner_{secrets.token_hex(4)}"


def _as_work(request: Request, payment: str, signed: str) -> Request:
    """A signer's payment and credentials as the headers that a gateway sends."""
    given = transport.unpacked(signed)
    headers = {
        transport.TOKEN_HEADER.lower(): str(given.get("token", "")),
        transport.SIGNATURE_HEADER.lower(): str(given.get("signature", "")),
        transport.PAYMENT_HEADER.lower(): payment,
    }
    return replace(request, headers={**request.headers, **headers})


def _status(address: str) -> int:
    try:
        url = parse(address)
        opened = transport.connection(URL(url.scheme, host=url.host), HEALTH_SECONDS)
        opened.request("GET", url.path or "/")
        return opened.getresponse().status
    except (OSError, http.client.HTTPException, URLError, ValueError):
        return 0
