# SPDX-License-Identifier: GPL-3.0-or-later
"""Standalone transcoder and AI worker: register, wait for work, try again (server/ot_rpc.go, server/ai_worker.go)."""

from __future__ import annotations

import base64
import http.client
import json
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import golog, transport
from .ai_runner import RunnerFailed
from .ai_worker import NoCapacity
from .gourl import URL
from .node import Node

FIRST_WAIT = 0.5
LONGEST_WAIT = 60.0
GROWTH = 1.5
REGISTER_SECONDS = 20.0


class Refused(Exception):
    """The orchestrator does not want this worker: it is not tried again, and the process stays up."""


Task = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """What registers, where, and what it does with a task."""

    noun: str
    jobs: str
    path: str
    do: Callable[[Node, URL, Task], None]


def run(node: Node, kind: Kind, orchestrator: URL) -> None:
    """ot_rpc.go:RunTranscoder, ai_worker.go:RunAIWorker: TLS always, tried for ever.

    Half a second between tries, growing to a minute; a registration that went well does not shorten it again.
    """
    wait = FIRST_WAIT
    target = URL("https", host=orchestrator.host)
    while not node.lifecycle.cancelled.is_set():
        golog.info(f"Registering {kind.noun} to {orchestrator.host}")
        try:
            _serve(node, kind, target)
        except Refused as error:
            _end_of_stream(kind, str(error))
            golog.info(f"Unregistering {kind.noun}: {error}")
            golog.info(f"Terminating {'AI Worker' if kind is AI_WORKER else kind.noun} because of {error}")
            return
        except (transport.TransportError, OSError, http.client.HTTPException, ValueError) as error:
            golog.info(f'Unregistering {kind.noun}: rpc error: code = Unavailable desc = connection error: desc = "{error}"')
        node.lifecycle.cancelled.wait(wait * random.uniform(0.5, 1.5))
        wait = min(wait * GROWTH, LONGEST_WAIT)


def _end_of_stream(kind: Kind, reason: str) -> None:
    golog.info(f"End of stream receive cycle because of err={json.dumps(reason)}, waiting for running {kind.jobs} jobs to complete")


def _serve(node: Node, kind: Kind, target: URL) -> None:
    """One registration, for as long as it lasts."""
    opened = transport.connection(target, REGISTER_SECONDS)
    models = node.ai_worker.registration()
    asked = {"secret": node.secret, "capacity": node.max_sessions, "version": node.version, "models": models}
    try:
        opened.connect()
        # http.client lets go of the socket once the answer has begun.
        socket = opened.sock
        opened.request("POST", kind.path, body=json.dumps(asked).encode("utf-8"))
        response = opened.getresponse()
        if response.status == 403:
            raise Refused(response.read().decode("utf-8", "replace").strip())
        if response.status != 200:
            raise transport.TransportError(f"unexpected answer {response.status}")
        socket.settimeout(None)
        for line in response:
            threading.Thread(target=kind.do, args=(node, target, json.loads(line)), daemon=True).start()
        _end_of_stream(kind, "EOF")
        raise transport.TransportError("EOF")
    finally:
        opened.close()


def _transcode(node: Node, target: URL, task: Task) -> None:
    """ot_rpc.go:runTranscode"""
    started = time.monotonic()
    golog.info(f"Transcoding taskId={task['task']} url={target}")
    headers = {"Credentials": node.secret, "Livepeer-Standin-Task": str(task["task"])}
    _send(target, "/transcodeResults", base64.b64decode(task["segment"]), headers)
    node.metrics.add("livepeer_segment_source_uploaded_total", orchestrator_uri="")
    node.metrics.observe("livepeer_upload_time_seconds", time.monotonic() - started, orchestrator_uri="")


def _do_ai_job(node: Node, target: URL, task: Task) -> None:
    """ai_worker.go:runAIJob, sendAIResult"""
    pipeline, model, number = str(task["pipeline"]), str(task["model"]), task["task"]
    golog.info(f"taskId={number} Processing AI job pipeline={pipeline} modelID={model}")
    try:
        with node.ai_worker.reserved((pipeline, model)):
            kind, content = "application/json", json.dumps(node.ai_worker.do((pipeline, model), task["request"]))
    except (RunnerFailed, NoCapacity) as error:
        golog.error(f"taskId={number} Unable to process AI job err={json.dumps(str(error))}")
        kind, content = transport.AI_ERROR, str(error)
    golog.info(f"taskId={number} sending results back to Orchestrator")
    started = time.monotonic()
    headers = {"Authorization": transport.AI_PROTOCOL, "Credentials": node.secret, "Content-Type": kind}
    _send(target, "/aiResults", content.encode("utf-8"), {**headers, "TaskId": str(number), "Pipeline": pipeline})
    labels = {"pipeline": pipeline, "model_name": model}
    node.metrics.add_unnamed("livepeer_ai_result_uploaded_total", orchestrator_uri="", **labels)
    seconds = time.monotonic() - started
    node.metrics.observe("livepeer_ai_result_upload_time_seconds", seconds, orchestrator_uri=target.host, **labels)


def _send(target: URL, path: str, body: bytes, headers: dict[str, str]) -> None:
    """A result that cannot be delivered is only logged."""
    try:
        answer = transport.call(target, path, body, REGISTER_SECONDS, headers)
    except transport.TransportError as error:
        golog.error(f'Error submitting results err="{error}"')
        return
    if answer.status != 200:
        golog.error(f'Orchestrator returned HTTP statusCode={answer.status} err="{answer.message}"')


TRANSCODER = Kind("transcoder", "transcode", transport.REGISTER_TRANSCODER, _transcode)
AI_WORKER = Kind("AI worker", "aiworker", transport.REGISTER_AI_WORKER, _do_ai_job)
