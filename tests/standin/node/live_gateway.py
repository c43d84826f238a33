# SPDX-License-Identifier: GPL-3.0-or-later
"""Live video to video at a gateway: who gets the stream, who pays for it, and what ends it (server/ai_mediaserver.go, live_payment.go).

MediaMTX's hook announces a stream. The stand-in reads no video: while MediaMTX knows the stream it publishes an empty
segment each second, so that payment goes on as it does with a real one.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import secrets
import threading
import time
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any
from urllib.parse import parse_qsl

from . import discovery, golog, httpd, transport
from .ai_gateway import credentials, no_orchestrators, pay, settle
from .ai_sessions import AISessionPools, NoOrchestrators
from .discovery import NANOSECONDS, Session, Unsuccessful
from .httpd import Request, Response, Routes
from .live_orchestrator import PIPELINE, PIXELS_A_SECOND
from .money import TicketRefused
from .node import Node
from .payer import Purse

MOST_TRIES = 20
FIRST_SECONDS = 60
"""server/ai_process.go:initPixelsToPay"""

SEGMENT_SECONDS = 1.0
CALL_SECONDS = 5.0
SIGNER_SECONDS = 60.0
MOST_REFRESHES = 3
MOST_SWAPS = 2
REFRESH_STATUS = 480
MEDIAMTX_PORT = 9997
MEDIAMTX_USER = "admin"
SOURCES = {"rtmpconn": "rtmpconns", "webrtcsession": "webrtcsessions"}
DEFAULT_MODEL = "noop"


class LiveFailed(Exception):
    """One try, or one payment, that came to nothing."""


@dataclass
class Live:
    """One announced stream."""

    stream: str
    model: str
    source: str
    kind: str
    caller: str
    name: str = field(default_factory=lambda: secrets.token_hex(4))
    signer_state: dict[str, Any] = field(default_factory=dict)
    manifest: str = ""
    paid_at: float = field(default_factory=time.monotonic)

    @property
    def context(self) -> str:
        """What every log line of this stream begins with."""
        return f"request_id={self.name} stream={self.stream} source_id={self.source} source_type={self.kind} model_id={self.model}"


class LiveGateway:
    """The start hook and what follows from it."""

    def __init__(self, node: Node, pools: AISessionPools) -> None:
        self._node = node
        self._pools = pools

    def add_routes(self, routes: Routes) -> None:
        """server/ai_mediaserver.go:StartLiveVideo"""
        for way in ("{stream}", "{prefix}/{stream}"):
            routes.add(f"POST /live/video-to-video/{way}/start", self._start)

    def _start(self, request: Request) -> Response:
        """200 as soon as an orchestrator was found or not: what goes wrong is only logged."""
        form = request.form()
        for name in ("source_id", "source_type"):
            if not form.get(name):
                golog.error(f"Missing {name}")
                return httpd.error(f"Missing {name}", 400)
        kind = form["source_type"].lower()
        if kind not in SOURCES:
            golog.error(f"Invalid source type {kind}")
            return httpd.error("unknown media source", 400)
        stream = request.path.split("/")[-2]
        if stream.endswith("-out"):
            return httpd.text("")
        query = dict(parse_qsl(form.get("query", "")))
        live = Live(stream, query.get("pipeline") or DEFAULT_MODEL, form["source_id"], kind, request.client)
        golog.verbose(6, f"{live.context} AI Live video attempt")
        self._node.metrics.add("livepeer_ai_live_attempt", model_name=query.get("pipeline", ""))
        selected = threading.Event()
        threading.Thread(target=self._run, args=(live, selected), daemon=True).start()
        selected.wait()
        return httpd.text("")

    def _run(self, live: Live, selected: threading.Event) -> None:
        """processStream: the publisher is kicked when the stream fails, not when it ends."""
        try:
            self._follow(live, selected)
        except LiveFailed as error:
            golog.error(f"{live.context} Live video pipeline finished with error: {error}")
            self._mediamtx(live, "POST", "kick")
        finally:
            selected.set()

    def _follow(self, live: Live, selected: threading.Event) -> None:
        """orchestratorSwapper: an orchestrator that drops the stream gives way to another one, twice."""
        for swaps in range(MOST_SWAPS + 1):
            session = self._select(live)
            selected.set()
            try:
                self._publish(live, session)
            except LiveFailed as error:
                if swaps == MOST_SWAPS:
                    raise LiveFailed(f"Too many swaps: {error}") from error
                golog.info(f"{live.context} Retrying stream with a different orchestrator")
            else:
                golog.info(f"{live.context} Live video pipeline finished")
                return

    def _select(self, live: Live) -> Session:
        """processAIRequest for this pipeline: a session that failed is not used again."""
        pool = self._pools.of((PIPELINE, live.model))
        deadline = time.monotonic() + self._node.settings.number("aiProcessingRetryTimeout") / NANOSECONDS
        for number in range(1, MOST_TRIES + 1):
            if time.monotonic() > deadline:
                raise LiveFailed("no orchestrators available within the timeout")
            try:
                session = pool.select(in_order=True)
            except NoOrchestrators as error:
                golog.info(f"{live.context} Error selecting session modelID={live.model} err={error}")
                continue
            if session is None:
                break
            try:
                self._submit(live, session)
            except (LiveFailed, TicketRefused, Unsuccessful) as error:
                where = f"modelID={live.model} try={number} orch={session.url}"
                golog.info(f"{live.context} Error submitting request {where} err={error}")
                continue
            return session
        no_orchestrators(self._node, PIPELINE, live.model)
        golog.error(f"{live.context} Error processing AI Request: no orchestrators available")
        raise LiveFailed("no orchestrators available")

    def _submit(self, live: Live, session: Session) -> None:
        """submitLiveVideoToVideo: the first payment goes with the job, and is a whole minute's."""
        body = json.dumps({"model_id": live.model, "gateway_request_id": live.name}).encode("utf-8")
        headers = self._first_payment(live, session)
        answer = self._call(session, "/live-video-to-video", body, headers)
        if answer.status != 200:
            raise LiveFailed(answer.message)
        live.manifest, live.paid_at = str(answer.json()["manifest_id"]), time.monotonic()

    def _first_payment(self, live: Live, session: Session) -> dict[str, str]:
        if self._node.signer is not None:
            return self._signed_payment(live, session, "")
        if session.purse is not None:
            session.purse.credit = Fraction(0)
        payment = pay(self._pools.payer, session, FIRST_SECONDS * PIXELS_A_SECOND, live.context)
        return credentials(self._node, session, payment)

    def _signed_payment(self, live: Live, session: Session, manifest: str, refreshes: int = 0) -> dict[str, str]:
        """remotePaymentSender.RequestPayment"""
        if session.purse is None or self._node.signer_url is None:
            raise LiveFailed("missing session or OrchestratorInfo")
        asked = {
            "ManifestID": manifest,
            "orchestrator": base64.b64encode(json.dumps(_offer(session, session.purse)).encode("utf-8")).decode("ascii"),
            "state": live.signer_state,
            "type": "lv2v",
            "capabilities": [[PIPELINE, live.model]],
        }
        try:
            body, headers = json.dumps(asked).encode("utf-8"), self._node.signer_headers
            answer = transport.call(self._node.signer_url, "/generate-live-payment", body, SIGNER_SECONDS, headers)
        except transport.TransportError as error:
            raise LiveFailed(f"failed to call remote signer: {error}") from error
        if answer.status == REFRESH_STATUS:
            if refreshes > MOST_REFRESHES:
                raise LiveFailed("too many consecutive session refreshes")
            session.renew(discovery.ask(self._node, session.url, discovery.REFRESH_SECONDS, [(PIPELINE, live.model)]))
            return self._signed_payment(live, session, manifest, refreshes + 1)
        if answer.status != 200:
            raise LiveFailed(f"remote signer returned status {answer.status}: {answer.message}")
        given = answer.json()
        live.signer_state = given["state"]
        signed = transport.unpacked(given["segCreds"])
        return {
            transport.TOKEN_HEADER: signed["token"],
            transport.SIGNATURE_HEADER: signed["signature"],
            transport.PAYMENT_HEADER: given["payment"],
        }

    def _publish(self, live: Live, session: Session) -> None:
        """startTricklePublish: ends in peace when MediaMTX has no stream any more; raises LiveFailed when the orchestrator has none."""
        if session.purse is None:
            golog.warning(f"{live.context} No price info found from Orchestrator, Gateway will not send payments for the video processing")
        interval = self._node.settings.number("livePaymentInterval") / NANOSECONDS
        while self._mediamtx(live, "GET", "get") == 200:
            time.sleep(SEGMENT_SECONDS)
            if session.purse is not None and time.monotonic() - live.paid_at >= interval:
                self._pay_on(live, session)
            if self._call(session, f"/ai/trickle/{live.manifest}", b"", {}).status == 404:
                raise LiveFailed("stream no longer exists on orchestrator; terminating")
            golog.info(f"{live.context} trickle publish complete wrote=0 B")
        with contextlib.suppress(transport.TransportError):
            transport.call(session.url, f"/ai/trickle/{live.manifest}", b"", CALL_SECONDS, method="DELETE")

    def _pay_on(self, live: Live, session: Session) -> None:
        """A payment that fails is logged and tried again with the next segment; the orchestrator draws the line."""
        seconds = time.monotonic() - live.paid_at
        try:
            self._pay(live, session, int(seconds * PIXELS_A_SECOND))
        except (LiveFailed, TicketRefused, Unsuccessful) as error:
            golog.info(f"{live.context} Error processing payment err={error}")
        live.paid_at += seconds

    def _pay(self, live: Live, session: Session, pixels: int) -> None:
        if self._node.signer is not None:
            answer = self._call(session, "/payment", b"", self._with_stream(live, self._signed_payment(live, session, live.manifest)))
        else:
            payment = pay(self._pools.payer, session, pixels, live.context)
            answer = self._call(session, "/payment", b"", self._with_stream(live, credentials(self._node, session, payment)))
            settle(self._pools.payer, session, payment, pixels)
        if answer.status != 200:
            golog.error(f"{live.context} Orchestrator did not accept payment status={answer.status}")
            raise LiveFailed(f"orchestrator did not accept payment, status={answer.status}")
        session.take(answer.json()["offer"])

    @staticmethod
    def _with_stream(live: Live, headers: dict[str, str]) -> dict[str, str]:
        return {**headers, transport.STREAM_HEADER: live.manifest}

    @staticmethod
    def _call(session: Session, path: str, body: bytes, headers: dict[str, str]) -> transport.Answer:
        try:
            return transport.call(session.url, path, body, CALL_SECONDS, headers)
        except transport.TransportError as error:
            raise LiveFailed(str(error)) from error

    def _mediamtx(self, live: Live, method: str, action: str) -> int:
        """media/mediamtx.go: asked at the address of whoever announced the stream; 0 when nobody answers."""
        password = self._node.settings.text("mediaMTXApiPassword")
        basic = base64.b64encode(f"{MEDIAMTX_USER}:{password}".encode()).decode("ascii")
        opened = http.client.HTTPConnection(live.caller, MEDIAMTX_PORT, timeout=CALL_SECONDS)
        try:
            opened.request(method, f"/v3/{SOURCES[live.kind]}/{action}/{live.source}", headers={"Authorization": f"Basic {basic}"})
            return opened.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            golog.error(f"{live.context} failed to {action} stream: {error}")
            return 0
        finally:
            opened.close()


def _offer(session: Session, purse: Purse) -> dict[str, Any]:
    """What the orchestrator offered, for a signer that never saw it."""
    ticket = {
        "recipient": purse.recipient,
        "face_value": str(purse.ticket.face_value),
        "win_probability": str(purse.ticket.win_probability),
        "expires": purse.ticket.expires,
    }
    known = {"token": session.token, "session": session.name, "expires": session.expires, "address": session.address}
    return {**known, "transcoder": str(session.url), "price": str(purse.price), "ticket": ticket}
