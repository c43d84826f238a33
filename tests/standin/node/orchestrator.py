# SPDX-License-Identifier: GPL-3.0-or-later
"""The service port of an orchestrator (server/rpc.go, server/segment_rpc.go, recorded/http-orchestrator.json)."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

from . import golog, httpd, transport
from .admission import Admission, Job, Refused
from .ai_orchestrator import AIOrchestrator
from .ethereum import NO_ADDRESS, RPCFailed, checksummed
from .httpd import Handler, Request, Response, Routes
from .live_orchestrator import LiveOrchestrator
from .live_sessions import LiveSessions
from .money import InsufficientReserve
from .node import Node
from .public_routes import MULTIPART_JOBS, NO_MULTIPART, add_shared, posted
from .recipient import PaymentRefused, Recipient
from .remote_ai import Remote as RemoteAI
from .remote_ai import RemoteWorkers, Result, is_too_old
from .transcoders import NoTranscoders, Remote, Transcoders, is_video


class Orchestrator:
    """Sessions of gateways, and the work for them."""

    def __init__(self, node: Node, transcoders: Transcoders) -> None:
        self._node = node
        self._transcoders = transcoders
        self.recipient = Recipient(node)
        self._admission = Admission(node)
        self._ai = AIOrchestrator(node, self._admission, self.recipient)

    def routes(self) -> Routes:
        """The mux of the service port."""
        routes = Routes()
        add_shared(routes)
        routes.add("/segment", self._segment)
        self._add_worker_routes(routes)
        self._add_ai_routes(routes)
        routes.add(transport.ORCHESTRATOR_INFO, self._info)
        routes.add(transport.PING, self._ping)
        routes.add(transport.END_SESSION, self._end_session)
        return routes

    def _add_worker_routes(self, routes: Routes) -> None:
        if not self._node.transcodes_itself:
            routes.add(transport.REGISTER_TRANSCODER, self._register_transcoder)
            routes.add("/transcodeResults", self._transcode_results)
        if not self._node.settings.on("aiWorker"):
            routes.add(transport.REGISTER_AI_WORKER, self._register_ai_worker)
            routes.add("/aiResults", self._ai_results)

    def _add_ai_routes(self, routes: Routes) -> None:
        """server/ai_http.go, byoc/job_orchestrator.go: enough to tell an orchestrator from anything else."""
        self._ai.add_routes(routes)
        for name in MULTIPART_JOBS:
            routes.add(f"/{name}", posted(lambda _request: httpd.error(NO_MULTIPART, 400)))
        LiveOrchestrator(self._node, self._admission, self.recipient).add_routes(routes)
        bad = "request not valid err=Could not verify job creds"
        routes.add("/ai/stream/start", lambda _request: httpd.error("Could not verify job creds", 400))
        routes.add("/ai/stream/payment", lambda _request: httpd.error(f"Failed to process payment, {bad}", 400))
        routes.add("/ai/stream/stop", lambda _request: httpd.error(f"Failed to stop stream, {bad}", 400))
        missing = "Must have eth address and signature on address in Livepeer-Eth-Address header"
        routes.add("/process/token", _only("GET", lambda _request: httpd.error(missing, 400)))
        routes.add("/process/request/", _only("POST", lambda _request: httpd.error("Could not verify job creds", 400)))
        routes.add("/capability/register", _only("POST", self._register_capability))
        routes.add("/capability/unregister", _only("POST", self._unregister_capability))
        LiveSessions(self._node, self._admission, self.recipient).add_routes(routes)

    def _info(self, request: Request) -> Response:
        """rpc.go:getOrchestrator: who asks, is there room, what does it cost."""
        asked = json.loads(request.body)
        sender = str(asked["address"])
        if not self._admission.signed(sender, checksummed(sender), asked["signature"]):
            golog.error("orchestrator req sig check failed")
            return httpd.error("Invalid orchestrator request: orchestrator req sig check failed", 403)
        if self._admission.is_full:
            return httpd.error("Invalid orchestrator request: OrchestratorCapped", 403)
        capabilities = asked.get("capabilities")
        try:
            wanted = None if capabilities is None else [(str(pipeline), str(model)) for pipeline, model in capabilities]
            offer = self.recipient.offer(sender, "", wanted)
        except (InsufficientReserve, RPCFailed) as error:
            return httpd.error(str(error), 403)
        return httpd.as_json(
            {
                **self._admission.token(),
                "transcoder": str(self._node.service_uri),
                "address": self._address,
                "version": self._node.version,
                "models": self._node.ai_worker.advertised(),
                "model_prices": self._model_prices(sender),
                **offer,
            }
        )

    def _model_prices(self, sender: str) -> list[dict[str, object]]:
        """core/orchestrator.go:GetCapabilitiesPrices: rounded down, without overhead."""
        with self._node.lock:
            of = {who: price for who, price in self._node.model_prices.items() if who[0] in ("default", sender.lower())}
        listed = {(pipeline, model): price for (_, pipeline, model), price in sorted(of.items(), key=lambda one: one[0][0] != "default")}
        return [{"pipeline": pipeline, "model": model, "price": int(price)} for (pipeline, model), price in listed.items()]

    @property
    def _address(self) -> str:
        return NO_ADDRESS if self._node.chain is None else checksummed(self._node.chain.recipient)

    def _ping(self, request: Request) -> Response:
        golog.info("Received Ping request")
        return httpd.text(request.body)

    def _end_session(self, request: Request) -> Response:
        self._admission.end(request)
        return httpd.text("")

    def _segment(self, request: Request) -> Response:
        """segment_rpc.go:ServeSegment, processPaymentAndSegmentHeaders"""
        try:
            job = self._admission.admit(request)
        except Refused as refusal:
            return refusal.answer
        refused, offer = self._take(job)
        if refused is not None:
            return refused
        self._admission.use(request)
        return self._transcode(request, job, offer)

    def _take(self, job: Job) -> tuple[Response | None, dict[str, Any]]:
        """The payment of a segment: a refusal, or what the next one will cost."""
        try:
            offer = self.recipient.offer(job.sender, job.session, None)
        except (InsufficientReserve, RPCFailed) as error:
            golog.error(f'Error updating orchestrator info - err="{error}"')
            return httpd.error("Internal Server Error", 500), {}
        try:
            self.recipient.receive(job.payment, job.sender, job.session)
        except (PaymentRefused, RPCFailed) as error:
            golog.error(f"error processing payment: {error}")
            return httpd.error(str(error), 400), {}
        if job.price > 0 and not self.recipient.is_sufficient(job.sender, job.session):
            golog.error("Insufficient credit balance for stream")
            return httpd.error("Insufficient balance", 400), {}
        return None, offer

    def _transcode(self, request: Request, job: Job, offer: dict[str, Any]) -> Response:
        names = request.headers.get(transport.PROFILES_HEADER.lower(), "").split(",")
        extension = request.headers.get("livepeer-standin-extension", ".ts")
        started = time.monotonic()
        self._count_source(request)
        if not is_video(request.body, extension):
            return httpd.error("TranscoderInvalidVideo", 422)
        try:
            local = self._node.transcodes_itself
            data = request.body if local else self._transcoders.transcode(request.body)
        except NoTranscoders as error:
            golog.error(f"Could not transcode manifestID={job.stream} orchSessionID={job.session} err={error}")
            return httpd.error(str(error), 503)
        golog.info(
            f"Transcoded segment manifestID={job.stream} orchSessionID={job.session} profiles={','.join(names)} "
            f"bytes={len(data)} clientIP={request.client}"
        )
        pixels = int(request.headers.get(transport.PIXELS_HEADER.lower(), "0"))
        self.recipient.debit(job.sender, job.session, job.price, pixels)
        self._count_result(names, time.monotonic() - started, pixels)
        renditions = {name: base64.b64encode(data).decode("ascii") for name in names}
        return httpd.as_json({"renditions": renditions, "offer": offer})

    def _count_source(self, request: Request) -> None:
        metrics = self._node.metrics
        metrics.add("livepeer_segment_source_emerged_unprocessed_total")
        metrics.observe("livepeer_source_segment_duration_seconds", float(request.headers.get("content-duration", "2")))
        metrics.observe("livepeer_download_time_seconds", 0.001)
        metrics.add("livepeer_segment_transcoded_downloaded_total")

    def _count_result(self, names: list[str], seconds: float, pixels: int) -> None:
        metrics = self._node.metrics
        labels = {"profiles": ",".join(names), "trusted": "trusted", "verified": "verified"}
        metrics.add("livepeer_segment_transcoded_total", **labels)
        metrics.add("livepeer_mil_pixels_processed", pixels / 1_000_000)
        metrics.observe("livepeer_transcode_time_seconds", seconds, **labels)
        metrics.observe("livepeer_transcode_score", 2 / max(seconds, 0.05), **labels)

    def _refuse_secret(self, given: str) -> bool:
        return given != self._node.secret

    def _register_transcoder(self, request: Request) -> Response:
        """ot_rpc.go:RegisterTranscoder: the answer lasts as long as the transcoder is there."""
        asked = json.loads(request.body)
        address, capacity = f"{request.client}:{request.client_port}", int(asked["capacity"])
        golog.info(f"Got a RegisterTranscoder request from transcoder={address} capacity={capacity}")
        if self._refuse_secret(asked["secret"]):
            return _invalid_secret()
        if capacity <= 0:
            return httpd.error("zero capacity", 403)
        remote = self._transcoders.register(address, capacity)
        self._count_transcoders()
        return Response(stream=lambda write: self._feed(remote, write))

    def _feed(self, remote: Remote, write: Any) -> None:
        try:
            httpd.feed(remote.tasks, write)
        finally:
            self._transcoders.remove(remote)
            self._count_transcoders()

    def _count_transcoders(self) -> None:
        described = self._transcoders.describe()
        self._node.metrics.set("livepeer_transcoders_number", len(described))
        self._node.metrics.set("livepeer_transcoders_capacity", self._transcoders.capacity())
        if self._node.auto_sessions:
            self._node.max_sessions = self._transcoders.capacity()

    def _transcode_results(self, request: Request) -> Response:
        """ot_rpc.go:TranscodeResults"""
        task = request.headers.get("livepeer-standin-task")
        if task is None or self._refuse_secret(request.headers.get("credentials", "")):
            return httpd.error("Unauthorized", 401)
        self._transcoders.finish(int(task), request.body)
        return httpd.text("")

    def _register_ai_worker(self, request: Request) -> Response:
        """ai_worker.go:RegisterAIWorker, ai_orchestrator.go:serveAIWorker: an older worker is let in and shown out."""
        asked = json.loads(request.body)
        address, version = f"{request.client}:{request.client_port}", str(asked["version"])
        golog.info(f"Got a RegisterAIWorker request from aiworker={address} ")
        if self._refuse_secret(asked["secret"]):
            return _invalid_secret()
        if is_too_old(version, self._node.version):
            golog.error(f"worker {address} not connected, version not compatible")
            return Response(stream=lambda _write: None)
        golog.info(
            f"Worker compatible, connecting worker_version={version} orchestrator_version={self._node.version} worker_addr={address}"
        )
        remote = RemoteAI.of(address, asked["models"])
        return Response(stream=lambda write: self._feed_ai(remote, write))

    def _feed_ai(self, remote: RemoteAI, write: Any) -> None:
        workers = self._remote_ai
        workers.register(remote)
        try:
            httpd.feed(remote.jobs, write)
        finally:
            workers.remove(remote)

    @property
    def _remote_ai(self) -> RemoteWorkers:
        workers = self._node.ai_worker
        assert isinstance(workers, RemoteWorkers)
        return workers

    def _ai_results(self, request: Request) -> Response:
        """ai_http.go:AIResults"""
        if request.headers.get("authorization") != transport.AI_PROTOCOL:
            return httpd.error("Unauthorized", 401)
        if self._refuse_secret(request.headers.get("credentials", "")):
            golog.error("Invalid shared secret")
            return httpd.error("invalid secret", 401)
        started, content = time.monotonic(), request.body.decode("utf-8")
        failed = request.headers.get("content-type") == transport.AI_ERROR
        seconds = time.monotonic() - started
        result = Result(content, None, seconds) if failed else Result("", json.loads(content), seconds)
        task = request.headers.get("taskid", "")
        golog.info(f"Received uploaded response from remote worker={request.client}:{request.client_port} taskId={task}")
        self._remote_ai.finish(int(task), result)
        return httpd.text("OK")

    def _register_capability(self, request: Request) -> Response:
        """byoc/job_orchestrator.go:RegisterCapability: an empty secret lets anybody in."""
        if self._refuse_secret(request.headers.get("authorization", "")):
            return httpd.error("invalid authorization", 400)
        if not request.body:
            return Response(400, b"Error registering capability: unexpected end of JSON input", "application/json")
        return Response(200, b"ok", "application/json")

    def _unregister_capability(self, request: Request) -> Response:
        if self._refuse_secret(request.headers.get("authorization", "")):
            return httpd.error("invalid authorization", 400)
        return Response(200, b"ok", "application/json")


def _invalid_secret() -> Response:
    golog.error('err="invalid secret"')
    return httpd.error("invalid secret", 403)


def _only(method: str, handler: Handler) -> Handler:
    return lambda request: handler(request) if request.method == method else httpd.error("Method not allowed", 405)
