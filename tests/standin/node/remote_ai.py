# SPDX-License-Identifier: GPL-3.0-or-later
"""AI workers of an orchestrator that are processes of their own (core/ai_orchestrator.go:RemoteAIWorkerManager)."""

from __future__ import annotations

import contextlib
import itertools
import json
import queue
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from . import golog
from .ai_runner import RunnerFailed
from .ai_worker import AIWorker, NoCapacity, Workload
from .metrics import Metrics

RESULT_SECONDS = 900.0
"""core/ai_orchestrator.go:aiWorkerRequestTimeout"""

LIVE = "live-video-to-video"
NIL = "runtime error: invalid memory address or nil pointer dereference"


@dataclass
class Remote:
    """One registered worker: jobs go out through its queue; `free` is what it can still take, by model."""

    address: str
    warm: dict[Workload, bool]
    free: dict[Workload, int]
    jobs: queue.SimpleQueue[bytes | None] = field(default_factory=queue.SimpleQueue)

    @classmethod
    def of(cls, address: str, models: list[list[Any]]) -> Remote:
        """From the models that it registers with: pipeline, model, warm, capacity."""
        warm = {(str(pipeline), str(model)): bool(is_warm) for pipeline, model, is_warm, _ in models}
        return cls(address, warm, {(str(pipeline), str(model)): int(free) for pipeline, model, _, free in models})


@dataclass(frozen=True)
class Result:
    """What a worker sent back; `failure` is its error, empty when it did the job."""

    failure: str
    document: Any
    seconds: float


class RemoteWorkers(AIWorker):
    """Takes the place of the worker that an orchestrator without -aiWorker has not got."""

    def __init__(self, metrics: Metrics) -> None:
        super().__init__()
        self._metrics = metrics
        self._live: list[Remote] = []
        self._results: dict[int, queue.SimpleQueue[Result]] = {}
        self._numbers = itertools.count()

    def register(self, remote: Remote) -> None:
        """Manage: it is there for as long as its connection."""
        with self._lock:
            self._live.append(remote)

    def remove(self, remote: Remote) -> None:
        """The connection ended."""
        golog.error(f'Stream closed for aiworker={remote.address}, err="context canceled"')
        golog.info(f"Got aiworker={remote.address} eof, removing from live aiworkers map")
        with self._lock:
            self._live.remove(remote)

    def advertised(self) -> list[list[object]]:
        """What all of them have. A live model ends the process: nobody here can tell its capacity (rpc.go:setLiveAICapacity)."""
        with self._lock:
            warm = {workload: is_warm for remote in self._live for workload, is_warm in remote.warm.items()}
        if any(pipeline == LIVE for pipeline, _ in warm):
            golog.panic(NIL)
        return [[pipeline, model, is_warm] for (pipeline, model), is_warm in warm.items()]

    def knows(self, workload: Workload) -> bool:
        """Whether any of them has the model."""
        with self._lock:
            return any(workload in remote.warm for remote in self._live)

    @contextlib.contextmanager
    def reserved(self, workload: Workload) -> Iterator[None]:
        """workerHasCapacity: looked at here, taken in do()."""
        with self._lock:
            if not any(remote.free.get(workload, 0) > 0 for remote in self._live):
                raise NoCapacity("insufficient capacity")
        yield

    def do(self, workload: Workload, body: dict[str, Any]) -> Any:
        """The first worker with room does it."""
        pipeline, model = workload
        with self._lock:
            remote = next((one for one in self._live if one.free.get(workload, 0) > 0), None)
            if remote is None:
                raise RunnerFailed("no workers can process job requested")
            remote.free[workload] -= 1
            number = next(self._numbers)
            results = self._results[number] = queue.SimpleQueue()
        try:
            remote.jobs.put(json.dumps({"task": number, "pipeline": pipeline, "model": model, "request": body}).encode("ascii"))
            golog.verbose(5, f"Job sent to AI worker worker={remote.address} taskId={number} pipeline={pipeline} model_id={model}")
            result = self._received(results, f"worker={remote.address} taskId={number} pipeline={pipeline} model_id={model}")
        finally:
            with self._lock:
                remote.free[workload] += 1
                del self._results[number]
        labels = {"pipeline": pipeline, "model_name": model}
        self._metrics.add("livepeer_ai_result_downloaded_total", **labels)
        self._metrics.observe("livepeer_ai_result_download_time_seconds", result.seconds, **labels)
        return result.document

    def _received(self, results: queue.SimpleQueue[Result], what: str) -> Result:
        try:
            result = results.get(timeout=RESULT_SECONDS)
        except queue.Empty:
            raise RunnerFailed("Remote worker took too long") from None
        golog.info(f"Successfully received results from remote {what}" + (f" err={json.dumps(result.failure)}" if result.failure else ""))
        if result.failure:
            raise RunnerFailed(result.failure)
        return result

    def finish(self, number: int, result: Result) -> None:
        """ai_http.go:AIResults"""
        with self._lock:
            results = self._results.get(number)
        if results is not None:
            results.put(result)


def is_too_old(worker: str, orchestrator: str) -> bool:
    """core/capabilities.go:isVersionCompatible: suffixes are not looked at, and a version that is none is too old."""
    try:
        return _numbers(worker) < _numbers(orchestrator)
    except ValueError:
        return True


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.removeprefix("v").partition("-")[0].split("."))
