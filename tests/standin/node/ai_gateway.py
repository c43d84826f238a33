# SPDX-License-Identifier: GPL-3.0-or-later
"""Batch AI jobs at a gateway: tried until one orchestrator does it, and dropped without an answer when none does (server/ai_process.go)."""

from __future__ import annotations

import base64
import json
import secrets
import time
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from . import ai_jobs, discovery, golog, httpd, transport
from .ai_jobs import BadJob, Kind
from .ai_sessions import AISessionPools, AISessions, NoOrchestrators
from .discovery import NANOSECONDS, Session, Unsuccessful
from .httpd import Dropped, Handler, Request, Response, Routes
from .money import TicketRefused
from .node import Node
from .payer import Payer, Payment, take_back
from .public_routes import posted

MOST_TRIES = 20
"""server/ai_process.go:maxTries"""

JOB_SECONDS = 600.0
NIL = "runtime error: invalid memory address or nil pointer dereference"
DATA_URL = "data:image/png;base64,"


class JobFailed(Exception):
    """One try came to nothing; the text is what the orchestrator said."""


@dataclass
class Attempt:
    """One job on its way."""

    kind: Kind
    model: str
    body: dict[str, Any]
    client: str
    name: str = field(default_factory=lambda: secrets.token_hex(4))
    submitted: bool = False
    later: list[Session] = field(default_factory=list)
    """sessions without room, which the next job may use again"""


class AIGateway:
    """The AI routes of a gateway whose jobs are JSON, and the images that they made."""

    def __init__(self, node: Node, pools: AISessionPools) -> None:
        self._node = node
        self._pools = pools
        self._images: dict[tuple[str, str], bytes] = {}

    def add_routes(self, routes: Routes) -> None:
        """server/ai_mediaserver.go:startAIMediaServer"""
        for kind in ai_jobs.KINDS.values():
            routes.add(f"/{kind.pipeline}", posted(self._handler(kind)))
        routes.add("/stream/{job}/{name}", self._image)

    def _handler(self, kind: Kind) -> Handler:
        def handle(request: Request) -> Response:
            try:
                body = ai_jobs.read(kind, request)
                attempt = Attempt(kind, kind.model(body), body, request.client)
                return self._answer(attempt, self._process(attempt))
            except BadJob as error:
                return api_error(str(error))

        return handle

    def _process(self, attempt: Attempt) -> Any:
        """processAIRequest: at most 20 tries; None when -aiProcessingRetryTimeout is over between two of them."""
        if not self._node.orchestrators:
            raise Dropped(NIL)
        pool = self._pools.of((attempt.kind.pipeline, attempt.model))
        golog.verbose(6, f"{self._context(attempt)} Received AI request model_id={attempt.model}")
        deadline = time.monotonic() + self._node.settings.number("aiProcessingRetryTimeout") / NANOSECONDS
        try:
            for number in range(1, MOST_TRIES + 1):
                if time.monotonic() > deadline:
                    return None
                try:
                    session = pool.select()
                except NoOrchestrators as error:
                    golog.info(f"{self._context(attempt)} Error selecting session modelID={attempt.model} err={error}")
                    continue
                if session is None:
                    break
                done, result = self._try(pool, attempt, session, number)
                if done:
                    return result
        finally:
            for session in attempt.later:
                pool.complete(session)
        self._count_failure(attempt)
        raise Dropped(NIL)

    def _try(self, pool: AISessions, attempt: Attempt, session: Session, number: int) -> tuple[bool, Any]:
        try:
            self._refresh(session)
            result = self._submit(attempt, session)
        except (JobFailed, TicketRefused, Unsuccessful) as error:
            golog.info(
                f"{self._context(attempt)} Error submitting request modelID={attempt.model} try={number} orch={session.url} err={error}"
            )
            if "insufficient capacity" in str(error):
                attempt.later.append(session)
            if "returned 400" in str(error):
                raise BadJob(str(error).partition("returned 400")[2].strip() or "bad request") from error
            return False, None
        pool.complete(session)
        return True, result

    def _refresh(self, session: Session) -> None:
        """broadcast.go:refreshSessionIfNeeded"""
        payer = self._pools.payer
        if session.runs_out() or (payer is not None and session.purse is not None and payer.needs_refresh(session.purse)):
            session.renew(discovery.ask(self._node, session.url, discovery.REFRESH_SECONDS))

    def _submit(self, attempt: Attempt, session: Session) -> Any:
        """submitTextToImage and its like: pay for what the job asks for, send it."""
        units = attempt.kind.units(attempt.body)
        payment = pay(self._pools.payer, session, units, self._context(attempt))
        attempt.submitted = True
        asked = json.dumps({**attempt.body, attempt.kind.model_field: attempt.model}).encode("utf-8")
        try:
            answer = transport.call(session.url, f"/{attempt.kind.pipeline}", asked, JOB_SECONDS, credentials(self._node, session, payment))
        except transport.TransportError as error:
            if payment is not None and session.purse is not None:
                take_back(session.purse, payment)
            raise JobFailed(str(error)) from error
        if answer.status != 200:
            raise JobFailed(answer.message)
        settle(self._pools.payer, session, payment, units)
        self._count_success(attempt, session)
        return answer.json()

    def _answer(self, attempt: Attempt, result: Any) -> Response:
        if result is None:
            return api_error("Service Unavailable Error", 503)
        if attempt.kind.pipeline == "text-to-image":
            for image in result["images"]:
                image["url"] = self._keep(attempt, str(image["url"]))
        return Response(200, json.dumps(result, separators=(",", ":")).encode("utf-8") + b"\n", "application/json")

    def _keep(self, attempt: Attempt, url: str) -> str:
        name = f"{secrets.token_hex(4)}.png"
        with self._node.lock:
            self._images[attempt.name, name] = base64.b64decode(url.removeprefix(DATA_URL))
        return f"/stream/{attempt.name}/{name}"

    def _image(self, request: Request) -> Response:
        _, _, job, name = request.path.split("/")
        with self._node.lock:
            image = self._images.get((job, name))
        return httpd.error("ErrNotFound", 404) if image is None else Response(200, image, "image/png")

    def _context(self, attempt: Attempt) -> str:
        return f"clientIP={attempt.client} request_id={attempt.name} capability={attempt.kind.pipeline} model_id={attempt.model}"

    def _count_success(self, attempt: Attempt, session: Session) -> None:
        labels = {"pipeline": attempt.kind.pipeline, "model_name": attempt.model}
        price = session.purse.price if session.purse is not None else Fraction(0)
        self._node.metrics.add("livepeer_ai_models_requested", **labels)
        self._node.metrics.set("livepeer_ai_request_price", float(price), **labels)
        where = {"orchestrator_uri": str(session.url), "orchestrator_address": session.address, "orchestrator_version": session.version}
        self._node.metrics.set("livepeer_ai_request_latency_score", 0.0, **labels, **where)

    def _count_failure(self, attempt: Attempt) -> None:
        """A typed nil of text-to-image is no nil to the code that counts: a job that was sent counts for llm alone."""
        if attempt.kind.pipeline == "llm" or not attempt.submitted:
            no_orchestrators(self._node, attempt.kind.pipeline, attempt.model)


def pay(payer: Payer | None, session: Session, units: int, context: str) -> Payment | None:
    """prepareAIPayment: nothing where there is no wallet."""
    if payer is None or session.purse is None:
        return None
    payment = payer.pay_fee(session.purse, units * session.purse.price, context)
    payer.sent(payment)
    return payment


def settle(payer: Payer | None, session: Session, payment: Payment | None, units: int) -> None:
    """completeBalanceUpdate after a result; what was paid for a job that failed is gone."""
    if payer is not None and session.purse is not None and payment is not None:
        payer.settle(session.purse, payment, units)


def credentials(node: Node, session: Session, payment: Payment | None) -> dict[str, str]:
    """genSegCreds: signed with the gateway's own key, whatever a remote signer showed to the orchestrator."""
    return {
        transport.TOKEN_HEADER: session.token,
        transport.SIGNATURE_HEADER: node.chain.sign(session.token) if node.chain is not None else "",
        transport.PAYMENT_HEADER: transport.packed(payment.document) if payment is not None else "",
        "Content-Type": "application/json",
        "Authorization": "Livepeer-AI-Worker-1.0",
    }


def no_orchestrators(node: Node, pipeline: str, model: str) -> None:
    """monitor.AIRequestError for a job that nobody took."""
    nobody = {"orchestrator_uri": "", "orchestrator_address": "", "orchestrator_version": ""}
    node.metrics.add("livepeer_ai_request_errors", error_code="no orchestrators available", pipeline=pipeline, model_name=model, **nobody)


def api_error(message: str, status: int = 400) -> Response:
    """server/ai_mediaserver.go:respondJsonError"""
    answer = httpd.as_json({"error": {"message": message}})
    return Response(status, answer.body + b"\n", answer.content_type)
