# SPDX-License-Identifier: GPL-3.0-or-later
"""The CLI port of a node. It has no authentication and moves money at a GET: only the questions of a closed list are asked."""

from __future__ import annotations

import http.client
import json
import re
from dataclasses import dataclass

from ansible_collections.livepeer.fleet.plugins.module_utils import prometheus

# go-livepeer server/webserver.go:cliWebServerHandlers; each of these only reads.
QUESTIONS = frozenset(
    {
        "/EthChainID",
        "/IsOrchestrator",
        "/IsRedeemer",
        "/currentRound",
        "/ethAddr",
        "/getBroadcastConfig",
        "/getLogLevel",
        "/getNetworkCapabilities",
        "/metrics",
        "/orchestratorInfo",
        "/senderInfo",
        "/status",
    }
)
_SECONDS = 5
_MOST_BYTES = 16 * 1024 * 1024
# Recorded from 0.9.1 with -monitor; a gauge that has one series a node type.
_SESSIONS = re.compile(r"^livepeer_current_sessions_total(?:\{[^}]*\})?\s+([0-9.eE+]+)", re.MULTILINE)
# Label node_type of livepeer_versions (monitor/census.go: NodeType; starter.go:StartLivepeer). A signer has the default, as a
# process that only calls reward has, which no plan asks for.
_NODE_TYPES = {
    "bctr": "gateway",
    "orch": "orchestrator",
    "trcr": "transcoder",
    "aiwk": "ai_worker",
    "rdmr": "redeemer",
    "dflt": "remote_signer",
}


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
        role: as in a plan (``orchestrator``, ``gateway``, …), ``other`` (a node of go-livepeer in a mode that it does not tell), or
            "" if it is no node at all.
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
        """Who answers.

        The label of the metrics tells every role, and asking for it leaves no error in the node's log, as the routes of another role
        do. Without ``-monitor`` these tell three roles: /IsOrchestrator, /IsRedeemer, and /getNetworkCapabilities, which is 200 or 500
        on a gateway and 400 elsewhere (seen on 0.9.1).
        """
        status = self.ask("/status")
        known = status.json() if status else None
        if not isinstance(known, dict) or "Version" not in known:
            return Identity("", "")
        return Identity(self._measured_role() or self._told_role(), str(known["Version"]))

    def _measured_role(self) -> str:
        """The role that the node's metrics name, "" if they name none."""
        metrics = self.ask("/metrics")
        types = prometheus.series(metrics.body, "livepeer_versions", ["node_type"]) if metrics and metrics.status == 200 else {}
        roles = {_NODE_TYPES.get(kind, "") for (kind,) in types}
        return roles.pop() if len(roles) == 1 else ""

    def _told_role(self) -> str:
        """The role as far as routes tell it."""
        for role, path in (("orchestrator", "/IsOrchestrator"), ("redeemer", "/IsRedeemer")):
            answer = self.ask(path)
            if answer and answer.status == 200 and answer.body.strip() == "true":
                return role
        capabilities = self.ask("/getNetworkCapabilities")
        return "gateway" if capabilities and capabilities.status in (200, 500) else "other"

    def transcoders(self) -> list[str] | None:
        """Addresses of the transcoders that are registered at an orchestrator; None if it does not tell. It tells of no AI workers."""
        status = self.ask("/status")
        known = status.json() if status else None
        if not isinstance(known, dict) or "RegisteredTranscoders" not in known:
            return None
        return [str(one.get("Address", "")) for one in known["RegisteredTranscoders"] or () if isinstance(one, dict)]

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
