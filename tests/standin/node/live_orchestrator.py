# SPDX-License-Identifier: GPL-3.0-or-later
"""Live video to video at an orchestrator: a job paid ahead, an account that is charged while segments come (server/ai_http.go).

Nothing is transcoded: what a gateway publishes is taken and forgotten, and a stream ends when its account is empty.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from dataclasses import dataclass, field
from fractions import Fraction

from . import golog, httpd
from .admission import Admission, Job, Refused
from .ai_runner import RunnerFailed
from .ai_worker import NoCapacity
from .discovery import NANOSECONDS
from .ethereum import RPCFailed
from .httpd import Dropped, Request, Response, Routes
from .money import InsufficientReserve
from .node import Node
from .recipient import PaymentRefused, Recipient

PIPELINE = "live-video-to-video"
PIXELS_A_SECOND = 1280 * 720 * 30
"""server/live_payment_processor.go:defaultSegInfo: what is charged, whatever the video is."""

NIL = "runtime error: invalid memory address or nil pointer dereference"


@dataclass
class LiveStream:
    """One job that was taken."""

    name: str
    sender: str
    price: Fraction
    charged_at: float = field(default_factory=time.monotonic)


class LiveOrchestrator:
    """Streams of gateways, by the name that the orchestrator gave them."""

    def __init__(self, node: Node, admission: Admission, recipient: Recipient) -> None:
        self._node = node
        self._admission = admission
        self._recipient = recipient
        self._streams: dict[str, LiveStream] = {}
        self._lock = threading.Lock()

    def add_routes(self, routes: Routes) -> None:
        """Start, further payments, segments."""
        routes.add("/live-video-to-video", self._start)
        routes.add("/payment", self._payment)
        routes.add("POST /ai/trickle/{stream}", self._segment)
        routes.add("DELETE /ai/trickle/{stream}", self._end)

    def _start(self, request: Request) -> Response:
        """StartLiveVideoToVideo"""
        if request.method != "POST":
            return httpd.text("")
        if not request.body:
            return httpd.error("EOF", 400)
        model = json.loads(request.body).get("model_id")
        if model is None:
            raise Dropped(NIL)
        try:
            return self._accept(request, str(model))
        except NoCapacity as error:
            golog.error(f"Insufficient capacity for pipeline={PIPELINE} modelID={model}")
            return httpd.error(str(error), 503)
        except Refused as refusal:
            return refusal.answer

    def _accept(self, request: Request, model: str) -> Response:
        name = secrets.token_hex(4)
        worker = self._node.ai_worker
        if (PIPELINE, model) not in worker.runners:
            raise NoCapacity("insufficient capacity")
        job = self._admission.admit(request)
        self._take(job, name)
        if job.price == 0:
            golog.warning(f"No price info found for model {model}, Orchestrator will not charge for video processing")
        base = f"{self._node.service_uri}/ai/trickle/{name}"
        urls = {"subscribe_url": base, "publish_url": f"{base}-out", "control_url": f"{base}-control", "events_url": f"{base}-events"}
        try:
            worker.do((PIPELINE, model), {"model_id": model, "manifest_id": name, **urls})
        except RunnerFailed as error:
            raise Refused(str(error), 500) from error
        with self._lock:
            self._streams[name] = LiveStream(name, job.sender, job.price)
        golog.info(f"manifest_id={name} Processed request cap=35 modelID={model}")
        answer = {**urls, "publish_url": base, "subscribe_url": f"{base}-out", "manifest_id": name}
        return httpd.as_json(answer)

    def _take(self, job: Job, name: str) -> None:
        """What comes with the job is paid ahead."""
        try:
            self._recipient.receive(job.payment, job.sender, name)
        except (PaymentRefused, RPCFailed) as error:
            raise Refused(str(error), 400) from error
        if job.price > 0 and not self._recipient.is_sufficient(job.sender, name):
            raise Refused("Insufficient balance", 400)

    def _payment(self, request: Request) -> Response:
        """segment_rpc.go:Payment: further tickets, and the offer for the next ones."""
        try:
            job = self._admission.admit(request)
            offer = self._recipient.offer(job.sender, job.session, None)
            self._recipient.receive(job.payment, job.sender, job.stream)
        except Refused as refusal:
            return refusal.answer
        except (InsufficientReserve, RPCFailed) as error:
            golog.error(f'Error updating orchestrator info - err="{error}"')
            return httpd.error("Internal Server Error", 500)
        except PaymentRefused as error:
            golog.error(f"error processing payment: {error}")
            return httpd.error(str(error), 400)
        return httpd.as_json({"offer": offer})

    def _segment(self, request: Request) -> Response:
        """A segment is charged for by the time since the last one that was, once in each -livePaymentInterval."""
        with self._lock:
            stream = self._streams.get(request.path.rpartition("/")[2])
        if stream is None:
            return httpd.error("Stream not found", 404)
        passed = time.monotonic() - stream.charged_at
        if passed < self._node.settings.number("livePaymentInterval") / NANOSECONDS or stream.price == 0:
            return httpd.text("")
        pixels = int(PIXELS_A_SECOND * passed)
        if self._recipient.credit(stream.sender, stream.name) < pixels * stream.price:
            golog.error(f"Error accounting payment, stopping stream processing insufficient balance, mid={stream.name}")
            self._forget(stream.name)
            return httpd.error("Stream not found", 404)
        self._recipient.debit(stream.sender, stream.name, stream.price, pixels)
        stream.charged_at = time.monotonic()
        golog.verbose(6, f"Accounted payment for sessionID={stream.name}")
        return httpd.text("")

    def _end(self, request: Request) -> Response:
        return httpd.text("") if self._forget(request.path.rpartition("/")[2]) else httpd.error("Invalid stream", 400)

    def _forget(self, name: str) -> bool:
        with self._lock:
            return self._streams.pop(name, None) is not None
