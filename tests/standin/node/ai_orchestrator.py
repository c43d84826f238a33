# SPDX-License-Identifier: GPL-3.0-or-later
"""Batch AI jobs at an orchestrator: credentials, capacity, payment, runner, in this order (server/ai_http.go:handleAIRequest)."""

from __future__ import annotations

import json
from typing import Any

from . import ai_jobs, golog, httpd
from .admission import Admission, Job, Refused
from .ai_jobs import BadJob, Kind
from .ai_runner import RunnerFailed
from .ai_worker import NoCapacity
from .ethereum import RPCFailed, checksummed
from .httpd import Handler, Request, Response, Routes
from .node import Node
from .public_routes import posted
from .recipient import PaymentRefused, Recipient


class AIOrchestrator:
    """What an orchestrator does for gateways with its own AI worker."""

    def __init__(self, node: Node, admission: Admission, recipient: Recipient) -> None:
        self._node = node
        self._admission = admission
        self._recipient = recipient

    def add_routes(self, routes: Routes) -> None:
        """One route for each pipeline whose jobs are JSON."""
        for kind in ai_jobs.KINDS.values():
            routes.add(f"/{kind.pipeline}", posted(self._handler(kind)))

    def _handler(self, kind: Kind) -> Handler:
        def handle(request: Request) -> Response:
            try:
                body = ai_jobs.read(kind, request, whole=False)
                return self._do(kind, body, self._admission.admit(request))
            except BadJob as error:
                return httpd.error(str(error), 400)
            except Refused as refusal:
                return refusal.answer

        return handle

    def _do(self, kind: Kind, body: dict[str, Any], job: Job) -> Response:
        model = kind.model(body)
        if not self._node.ai_worker.knows((kind.pipeline, model)):
            golog.error("Capability check failed")
            raise Refused("incompatible capabilities", 403)
        try:
            with self._node.ai_worker.reserved((kind.pipeline, model)):
                self.take_payment(job, kind.session(model))
                result = self._run(kind, model, body, job)
        except NoCapacity as error:
            golog.error(f"Insufficient capacity for pipeline={kind.pipeline} modelID={model}")
            raise Refused(str(error), 503) from error
        self._recipient.debit(job.sender, kind.session(model), job.price, kind.units(body))
        labels = {"pipeline": kind.pipeline, "model_name": model}
        self._node.metrics.add("livepeer_ai_models_requested", **labels)
        self._node.metrics.set("livepeer_ai_request_price", float(job.price), **labels)
        return Response(200, json.dumps(result, separators=(",", ":")).encode() + b"\n", "application/json")

    def take_payment(self, job: Job, session: str) -> None:
        """What came along with the job goes to this session's account; raises Refused."""
        try:
            self._recipient.receive(job.payment, job.sender, session)
        except (PaymentRefused, RPCFailed) as error:
            raise Refused(str(error), 400) from error
        if job.price > 0 and not self._recipient.is_sufficient(job.sender, session):
            raise Refused("Insufficient balance", 400)

    def _run(self, kind: Kind, model: str, body: dict[str, Any], job: Job) -> Any:
        try:
            return self._node.ai_worker.do((kind.pipeline, model), body)
        except RunnerFailed as error:
            golog.error(f"Error processing with local ai worker err={json.dumps(str(error))}")
            self._node.metrics.add(
                "livepeer_ai_request_errors",
                error_code=str(error),
                pipeline=kind.pipeline,
                model_name=model,
                sender=checksummed(job.sender),
            )
            raise Refused(str(error), 500) from error
