# SPDX-License-Identifier: GPL-3.0-or-later
"""Standalone transcoder and AI worker: register, wait for work, try again (server/ot_rpc.go, server/ai_worker.go)."""

from __future__ import annotations

import base64
import http.client
import json
import random
import time
from dataclasses import dataclass

from . import golog, transport
from .gourl import URL
from .node import Node

FIRST_WAIT = 0.5
LONGEST_WAIT = 60.0
GROWTH = 1.5
REGISTER_SECONDS = 20.0


class Refused(Exception):
    """The orchestrator does not want this worker: it is not tried again, and the process stays up."""


@dataclass(frozen=True)
class Kind:
    """What registers."""

    noun: str
    path: str


TRANSCODER = Kind("transcoder", transport.REGISTER_TRANSCODER)
AI_WORKER = Kind("AI worker", transport.REGISTER_AI_WORKER)


def run(node: Node, kind: Kind, orchestrator: URL) -> None:
    """ot_rpc.go:RunTranscoder: back-off from half a second up to a minute, for ever; TLS always."""
    wait = FIRST_WAIT
    target = URL("https", host=orchestrator.host)
    while not node.lifecycle.cancelled.is_set():
        golog.info(f"Registering {kind.noun} to {orchestrator.host}")
        try:
            wait = _serve(node, kind, target, wait)
        except Refused as error:
            golog.info(f"Unregistering {kind.noun}: {error}")
            golog.info(f"Terminating {kind.noun} because of {error}")
            return
        except (transport.TransportError, OSError, http.client.HTTPException, ValueError) as error:
            golog.info(f'Unregistering {kind.noun}: rpc error: code = Unavailable desc = connection error: desc = "{error}"')
        node.lifecycle.cancelled.wait(wait * random.uniform(0.5, 1.5))
        wait = min(wait * GROWTH, LONGEST_WAIT)


def _serve(node: Node, kind: Kind, target: URL, wait: float) -> float:
    opened = transport.connection(target, REGISTER_SECONDS)
    asked = json.dumps({"secret": node.secret, "capacity": node.max_sessions}).encode("utf-8")
    try:
        opened.request("POST", kind.path, body=asked)
        response = opened.getresponse()
        if response.status == 403:
            raise Refused(response.read().decode("utf-8", "replace").strip())
        if response.status != 200:
            raise transport.TransportError(f"unexpected answer {response.status}")
        if opened.sock is not None:
            opened.sock.settimeout(None)
        _work(node, target, response)
        return FIRST_WAIT
    finally:
        opened.close()


def _work(node: Node, target: URL, tasks: http.client.HTTPResponse) -> None:
    for line in tasks:
        task = json.loads(line)
        started = time.monotonic()
        golog.info(f"Transcoding taskId={task['task']} url={target}")
        headers = {"Credentials": node.secret, "Livepeer-Standin-Task": str(task["task"])}
        transport.call(target, "/transcodeResults", base64.b64decode(task["segment"]), REGISTER_SECONDS, headers)
        node.metrics.add("livepeer_segment_source_uploaded_total", orchestrator_uri="")
        node.metrics.observe("livepeer_upload_time_seconds", time.monotonic() - started, orchestrator_uri="")
    raise transport.TransportError("EOF")
