# SPDX-License-Identifier: GPL-3.0-or-later
"""Workloads: what a gateway is asked for and an orchestrator serves."""

from __future__ import annotations

from dataclasses import dataclass

VIDEO = "video"
AI = "ai"
LIVE_VIDEO = "live_video"
LIVE_RUNNER = "live_runner"

NAMES = {VIDEO: "video", AI: "AI jobs", LIVE_VIDEO: "live video", LIVE_RUNNER: "live runners"}
"""Kinds, for people."""

LIVE_PIPELINE = "live-video-to-video"
"""The one pipeline whose jobs are streams (ai.json:pipelines)."""


@dataclass(frozen=True, order=True)
class Workload:
    """One thing to be done, with a price of its own.

    Attributes:
        kind: ``video``, ``ai``, ``live_video`` or ``live_runner``, as in ``livepeer_gateway_workloads``.
        pipeline, model_id: of AI and live video; "" for the others.
    """

    kind: str
    pipeline: str = ""
    model_id: str = ""

    @classmethod
    def of_model(cls, pipeline: str, model_id: str) -> Workload:
        """The workload of a pipeline and model."""
        return cls(LIVE_VIDEO if pipeline == LIVE_PIPELINE else AI, pipeline, model_id)

    def __str__(self) -> str:
        return f"{self.pipeline} {self.model_id}" if self.pipeline else self.kind
