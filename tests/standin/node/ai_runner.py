# SPDX-License-Identifier: GPL-3.0-or-later
"""Runners behind a `url` of aiModels.json (ai/worker/container.go, ai/worker/worker.go, ai.json:url_rules)."""

from __future__ import annotations

import http.client
import json
import time
from dataclasses import dataclass
from typing import Any

from . import golog, transport
from .gourl import URL, URLError, parse
from .lifecycle import Ended, Lifecycle

READY_SECONDS = 120.0
"""ai/worker/worker.go:externalContainerTimeout"""

POLLING_SECONDS = 0.5
HEALTH_SECONDS = 5.0
JOB_SECONDS = 600.0
NAMES = {"llm": "LLM"}
"""worker.go names one pipeline otherwise in its messages."""


class RunnerFailed(Exception):
    """A job that came to nothing, with the message of worker.go."""


@dataclass(frozen=True)
class Runner:
    """One entry of aiModels.json that has a `url`."""

    pipeline: str
    model: str
    url: str
    token: str

    def wait_until_ready(self, lifecycle: Lifecycle) -> None:
        """container.go:runnerWaitUntilReady; a runner that is not ready in time ends the start with status 0."""
        deadline, last = time.monotonic() + READY_SECONDS, "context deadline exceeded"
        while time.monotonic() < deadline:
            if lifecycle.cancelled.wait(POLLING_SECONDS):
                raise self._ended("context canceled")
            last = self._unhealthy()
            if not last:
                golog.raw(f"INFO Starting external container name={self.pipeline}_{self.model} modelID={self.model}\n")
                self._introduce()
                return
        raise self._ended(f"timed out waiting for runner: {last}")

    def _ended(self, reason: str) -> Ended:
        return Ended(f"Error AI worker warming {self.pipeline} container: {reason}")

    def _unhealthy(self) -> str:
        try:
            status, content_type, body = self._ask("GET", "/health", None, HEALTH_SECONDS)
        except RunnerFailed as error:
            return str(error)
        if status != 200:
            return f"health check failed with status code {status}"
        if "json" not in content_type:
            golog.panic("runtime error: invalid memory address or nil pointer dereference")
        if isinstance(body, dict) and body.get("status") == "ERROR":
            raise self._ended("runner is in error state")
        return ""

    def _introduce(self) -> None:
        """Hardware and version are asked for once; what is missing is logged."""
        for path, message in (
            ("/hardware/info", "Error getting runner hardware"),
            ("/version", "HTTP Status error getting runner version"),
        ):
            try:
                status, _, _ = self._ask("GET", path, None, HEALTH_SECONDS)
            except RunnerFailed as error:
                golog.raw(f"ERROR {message} error={json.dumps(str(error))}\n")
            else:
                if status != 200:
                    golog.raw(f"ERROR {message} status={status}\n")

    def do(self, body: dict[str, Any]) -> Any:
        """The runner's answer to one job; raises RunnerFailed."""
        status, _, answer = self._ask("POST", f"/{self.pipeline}", body, JOB_SECONDS)
        if status == 200:
            return answer
        raise RunnerFailed(f"{NAMES.get(self.pipeline, self.pipeline)} container returned {status}: {_detail(answer)}")

    def _ask(self, method: str, path: str, body: dict[str, Any] | None, seconds: float) -> tuple[int, str, Any]:
        """Status, type and content; a path in the URL is a prefix."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            url = parse(self.url)
            if url.scheme not in ("http", "https"):
                raise RunnerFailed(f'unsupported protocol scheme "{url.scheme}"')
            opened = transport.connection(URL(url.scheme, host=url.host), seconds)
            opened.request(method, url.path.rstrip("/") + path, None if body is None else json.dumps(body), headers)
            response = opened.getresponse()
            content, content_type = response.read(), response.getheader("Content-Type") or ""
            opened.close()
            return response.status, content_type, json.loads(content) if "json" in content_type else None
        except (OSError, http.client.HTTPException, ValueError, URLError) as error:
            raise RunnerFailed(f"{method} {self.url}{path}: {error}") from error


def _detail(answer: Any) -> str:
    """The message of an error, which is `detail.msg` in every pipeline of the runner's API."""
    detail = answer.get("detail") if isinstance(answer, dict) else None
    return str(detail.get("msg", "")) if isinstance(detail, dict) else ""
