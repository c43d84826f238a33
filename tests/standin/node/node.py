# SPDX-License-Identifier: GPL-3.0-or-later
"""What a running node knows about itself (core/livepeernode.go)."""

from __future__ import annotations

import enum
import socket
import threading
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from .ai_worker import AIWorker
from .ethereum import NO_ADDRESS, checksummed
from .gourl import URL
from .lifecycle import Lifecycle
from .live_runner import LiveRunner
from .metrics import Metrics
from .money import Limits, Terms
from .onchain import Chain, Registered
from .profiles import Profile
from .settings import Settings
from .webhook_pool import WebhookPool, headers_of

GO_VERSION = "go1.26.8"


class Role(enum.Enum):
    """core/livepeernode.go:NodeType"""

    GATEWAY = "bctr"
    ORCHESTRATOR = "orch"
    TRANSCODER = "trcr"
    REDEEMER = "rdmr"
    AI_WORKER = "aiwk"
    REMOTE_SIGNER = "signer"
    SERVICE_ONLY = "service"

    @property
    def label(self) -> str:
        """node_type of the metrics (monitor/census.go), which knows two of them by no name."""
        return "dflt" if self in (Role.REMOTE_SIGNER, Role.SERVICE_ONLY) else self.value


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
    listed: list[URL] = field(default_factory=list)
    """orchestrators of -orchAddr, or of the chain's pool"""

    webhook: WebhookPool | None = None
    max_price: Fraction | None = None
    capability_caps: dict[tuple[str, str], Fraction] = field(default_factory=dict)
    """by pipeline and model, as the labels of livepeer_price_per_capability have them"""

    prices: dict[str, Fraction] = field(default_factory=dict)
    """wei per pixel by gateway address in small letters; `default` for all others"""

    model_prices: dict[tuple[str, str, str], Fraction] = field(default_factory=dict)
    """wei per unit by gateway address or `default`, pipeline and model"""

    ai_worker: AIWorker = field(default_factory=AIWorker)
    live_runners: list[LiveRunner] = field(default_factory=list)
    chain: Chain | None = None
    terms: Terms | None = None
    limits: Limits | None = None
    discovers_on_chain: bool = False
    pool: list[Registered] = field(default_factory=list)
    offers: dict[str, dict[str, Any]] = field(default_factory=dict)
    """what each orchestrator of the chain's pool offered at the start, by address in small letters"""

    signer: tuple[str, str] | None = None
    """Address and signature that a remote signer gave to a gateway at its start."""

    signer_url: URL | None = None

    streams: dict[str, StreamInfo] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def orchestrators(self) -> list[URL]:
        """Those that may be asked; an entry of a webhook without a score is not trusted."""
        return self.listed if self.webhook is None else [url for url, score in self.webhook.entries() if score > 0]

    @property
    def signer_headers(self) -> dict[str, str]:
        """What a gateway says to its signer, and to nobody else."""
        return headers_of(self.settings.text("remoteSignerHeaders"))

    @property
    def scored(self) -> list[tuple[URL, float]]:
        """/status → OrchestratorPoolInfos"""
        return [(url, 1) for url in self.listed] if self.webhook is None else self.webhook.entries()

    @property
    def off_chain(self) -> bool:
        """-network offchain, in exactly these letters."""
        return self.settings.text("network") == "offchain"

    @property
    def identity(self) -> tuple[str, str]:
        """core/broadcaster.go: the address that a gateway shows to orchestrators, and its signature of it."""
        if self.signer is not None:
            return self.signer
        if self.chain is None:
            return NO_ADDRESS, ""
        return self.chain.account.address, self.chain.sign(checksummed(self.chain.account.address))

    @property
    def transcodes_itself(self) -> bool:
        """/status → LocalTranscoding: true wherever no remote transcoders are managed."""
        return self.role is not Role.ORCHESTRATOR or self.settings.on("transcoder")

    @property
    def node_id(self) -> str:
        """monitor.NodeID: account and host name."""
        account = self.settings.text("ethAcctAddr")
        return (f"{account}-" if account else "") + socket.gethostname()
