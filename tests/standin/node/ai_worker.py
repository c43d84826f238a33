# SPDX-License-Identifier: GPL-3.0-or-later
"""The AI worker of a process: its models, their runners, and how many jobs each may do at once (core/ai_worker.go)."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from . import golog
from .ai_runner import Runner, RunnerFailed
from .containers import Containers
from .lifecycle import Lifecycle

Workload = tuple[str, str]
"""Pipeline as the JSON has it, and model."""


class NoCapacity(Exception):
    """core/orchestrator.go:CheckAICapacity says no."""


@dataclass
class AIWorker:
    """What -aiWorker brings; a process without it has one without models."""

    runners: dict[Workload, list[Runner]] = field(default_factory=dict)
    warm: dict[Workload, bool] = field(default_factory=dict)
    containers: Containers | None = None
    _free: dict[Workload, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, model: dict[str, object], lifecycle: Lifecycle) -> None:
        """One entry of aiModels.json: a `url` has to be ready; the same model again adds its capacity."""
        workload = str(model.get("pipeline", "")), str(model.get("model_id", ""))
        external = url = str(model.get("url", ""))
        if self.containers is not None:
            self.containers.ensure_image(*workload)
            if not url and model.get("warm"):
                url = self.containers.start(*workload)
        if url:
            runner = Runner(*workload, url, str(model.get("token", "")))
            runner.wait_until_ready(lifecycle)
            self.runners.setdefault(workload, []).append(runner)
        capacity = int(str(model.get("capacity", 0) or 1)) if external else 1
        with self._lock:
            self._free[workload] = self._free.get(workload, 0) + capacity
        self.warm[workload] = bool(model.get("warm", False))
        golog.verbose(6, f"Capability {workload[0]} advertised with model constraint {workload[1]}")

    def stop(self) -> None:
        """Its containers go with it."""
        if self.containers is not None:
            self.containers.stop()

    def advertised(self) -> list[list[object]]:
        """Pipeline, model, warm: what a gateway sees in the answer to GetOrchestrator."""
        return [[pipeline, model, warm] for (pipeline, model), warm in self.warm.items()]

    def registration(self) -> list[list[object]]:
        """Pipeline, model, warm, capacity: what a worker of its own tells its orchestrator."""
        with self._lock:
            return [[pipeline, model, warm, self._free[pipeline, model]] for (pipeline, model), warm in self.warm.items()]

    def knows(self, workload: Workload) -> bool:
        """Whether it has the model."""
        return workload in self.warm

    @contextlib.contextmanager
    def reserved(self, workload: Workload) -> Iterator[None]:
        """core/ai.go:ReserveAICapability for the time of a job; raises NoCapacity."""
        with self._lock:
            if self._free.get(workload, 0) <= 0:
                raise NoCapacity("insufficient capacity")
            self._free[workload] -= 1
        try:
            yield
        finally:
            with self._lock:
                self._free[workload] += 1

    def do(self, workload: Workload, body: dict[str, Any]) -> Any:
        """The answer of the model's first runner; a cold model has none, and a stand-in starts none for a job."""
        runners = self.runners.get(workload)
        if not runners:
            raise RunnerFailed(f"no container for {workload[0]} {workload[1]}: the stand-in starts none for a job")
        return runners[0].do(body)
