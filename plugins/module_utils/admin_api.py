# SPDX-License-Identifier: GPL-3.0-or-later
"""The CLI port of a node. It has no authentication and moves money at a GET: only the questions of a closed list are asked."""

from __future__ import annotations

import http.client
import json
import re
from dataclasses import dataclass

# go-livepeer server/webserver.go:cliWebServerHandlers; each of these only reads.
QUESTIONS = frozenset(
    {
        "/EthChainID",
        "/IsOrchestrator",
        "/ethAddr",
        "/getBroadcastConfig",
        "/getLogLevel",
        "/getNetworkCapabilities",
        "/metrics",
        "/orchestratorInfo",
        "/status",
    }
)
_SECONDS = 5
_MOST_BYTES = 16 * 1024 * 1024
# Recorded from 0.9.1 with -monitor; a gauge that has one series a node type.
_SESSIONS = re.compile(r"^livepeer_current_sessions_total(?:\{[^}]*\})?\s+([0-9.eE+]+)", re.MULTILINE)


@dataclass(frozen=True)
class Answer:
    """An answer of the CLI port."""

    status: int
    body: str

    def json(self) -> object:
        """The body as JSON, None if it is none."""
        try:
            return json.loads(self.body) if self.status == 200 else None
        except ValueError:
            return None


@dataclass(frozen=True)
class Identity:
    """Who answers on a CLI port.

    Attributes:
        role: ``orchestrator``, ``gateway``, ``other`` (a node of go-livepeer in another mode), or "" if it is no node at all.
        version: as the node says it, or "".
    """

    role: str
    version: str


class AdminApi:
    """Asks one CLI port."""

    def __init__(self, address: str) -> None:
        """``address`` is ``host:port``."""
        host, _colon, port = address.rpartition(":")
        self._host = host.strip("[]") or "127.0.0.1"
        self._port = int(port)

    def ask(self, path: str) -> Answer | None:
        """One question; None if nothing answers there.

        Raises:
            ValueError: a question that is not on the list.
        """
        if path not in QUESTIONS:
            raise ValueError(f"{path} is no question of the list")
        connection = http.client.HTTPConnection(self._host, self._port, timeout=_SECONDS)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return Answer(response.status, response.read(_MOST_BYTES).decode("utf-8", "replace"))
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def identity(self) -> Identity:
        """Who answers (role proof of 0.9.1: /IsOrchestrator; /getNetworkCapabilities is 200 or 500 on a gateway, 400 elsewhere)."""
        status = self.ask("/status")
        known = status.json() if status else None
        if not isinstance(known, dict) or "Version" not in known:
            return Identity("", "")
        version = str(known["Version"])
        orchestrator = self.ask("/IsOrchestrator")
        if orchestrator and orchestrator.status == 200 and orchestrator.body.strip() == "true":
            return Identity("orchestrator", version)
        capabilities = self.ask("/getNetworkCapabilities")
        return Identity("gateway" if capabilities and capabilities.status in (200, 500) else "other", version)

    def sessions(self) -> int | None:
        """Running streams, None if the node does not tell.

        A gateway lists them in /status; of an orchestrator only a metric tells, and only with ``-monitor``.
        """
        status = self.ask("/status")
        known = status.json() if status else None
        streams = len(known.get("Manifests") or ()) if isinstance(known, dict) else 0
        metrics = self.ask("/metrics")
        found = _SESSIONS.findall(metrics.body) if metrics and metrics.status == 200 else []
        if found:
            return max(streams, int(sum(float(one) for one in found)))
        if streams or (metrics and metrics.status == 200):
            return streams
        return 0 if self.identity().role == "gateway" else None
