# SPDX-License-Identifier: GPL-3.0-or-later
"""What a running node knows about itself (core/livepeernode.go)."""

from __future__ import annotations

import enum
import socket
import threading
from dataclasses import dataclass, field
from fractions import Fraction

from .gourl import URL
from .lifecycle import Lifecycle
from .metrics import Metrics
from .profiles import Profile
from .settings import Settings

GO_VERSION = "go1.26.8"


class Role(enum.Enum):
    """core/livepeernode.go:NodeType; the value is the metric label node_type (monitor/census.go)."""

    GATEWAY = "bctr"
    ORCHESTRATOR = "orch"
    TRANSCODER = "trcr"
    REDEEMER = "rdmr"
    AI_WORKER = "aiwk"
    REMOTE_SIGNER = "rsgn"
    SERVICE_ONLY = "dflt"


@dataclass
class StreamInfo:
    """/status → StreamInfo"""

    source_bytes: int = 0
    transcoded_bytes: int = 0


@dataclass
class Node:
    """One process."""

    role: Role
    settings: Settings
    version: str
    directory: str
    secret: str
    lifecycle: Lifecycle
    metrics: Metrics
    max_sessions: int
    auto_sessions: bool
    profiles: list[Profile]
    nodes: list[str] = field(default_factory=list)
    service_uri: URL = field(default_factory=URL)
    orchestrators: list[URL] = field(default_factory=list)
    max_price: Fraction | None = None
    prices: dict[str, Fraction] = field(default_factory=dict)
    streams: dict[str, StreamInfo] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def off_chain(self) -> bool:
        """-network offchain, in exactly these letters."""
        return self.settings.text("network") == "offchain"

    @property
    def transcodes_itself(self) -> bool:
        """/status → LocalTranscoding: true wherever no remote transcoders are managed."""
        return self.role is not Role.ORCHESTRATOR or self.settings.on("transcoder")

    @property
    def node_id(self) -> str:
        """monitor.NodeID: account and host name."""
        account = self.settings.text("ethAcctAddr")
        return (f"{account}-" if account else "") + socket.gethostname()
