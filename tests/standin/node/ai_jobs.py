# SPDX-License-Identifier: GPL-3.0-or-later
"""Batch AI jobs that are JSON: what they ask for, and how many units they cost (server/ai_process.go, server/ai_http.go)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import gojson
from .httpd import Request

Body = dict[str, Any]

IMAGE_SIDE = 512
"""submitTextToImage: height and width where the job names none."""

UNITS_PER_CHARACTER = 1000
LLM_FIELDS = ("model", "messages", "stream", "max_tokens")


class BadJob(ValueError):
    """A job that is answered with status 400."""


@dataclass(frozen=True)
class Kind:
    """One pipeline whose jobs are JSON."""

    pipeline: str
    number: int
    model_field: str
    default_model: str
    units: Callable[[Body], int]

    def model(self, body: Body) -> str:
        """The model that a job asks for."""
        return str(body.get(self.model_field) or self.default_model)

    def session(self, model: str) -> str:
        """All jobs of a model are one stream to the orchestrator's till."""
        return f"{self.number}_{model}"


def _pixels(body: Body) -> int:
    images = max(1, int(body.get("num_images_per_prompt") or 1))
    return int(body.get("height") or IMAGE_SIDE) * int(body.get("width") or IMAGE_SIDE) * images


KINDS = {
    kind.pipeline: kind
    for kind in (
        Kind("text-to-image", 27, "model_id", "stabilityai/sdxl-turbo", _pixels),
        Kind("llm", 33, "model", "meta-llama/llama-3.1-8B-Instruct", lambda body: int(body["max_tokens"])),
        Kind(
            "text-to-speech",
            36,
            "model_id",
            "parler-tts/parler-tts-large-v1",
            lambda body: UNITS_PER_CHARACTER * len(str(body.get("text", ""))),
        ),
    )
}
"""core/capabilities.go for the numbers; the models are ai_process.go's defaults."""


def read(kind: Kind, request: Request, whole: bool = True) -> Body:
    """The body of a request; raises BadJob. Only a gateway looks whether all is there (`whole`)."""
    if not request.body:
        raise BadJob("EOF")
    try:
        gojson.loads(request.body)
    except gojson.JSONError as error:
        raise BadJob(str(error)) from error
    body = json.loads(request.body)
    if not isinstance(body, dict):
        raise BadJob(f"json: cannot unmarshal {gojson.kind_of(body)} into Go value")
    if whole and kind.pipeline == "llm" and (any(body.get(name) is None for name in LLM_FIELDS) or not body["messages"]):
        raise BadJob("missing required fields")
    return body
