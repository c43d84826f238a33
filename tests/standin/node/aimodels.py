# SPDX-License-Identifier: GPL-3.0-or-later
"""-aiModels as a start reads it (core/ai.go:ParseAIModelConfigs, core/capabilities.go)."""

from __future__ import annotations

import os

from . import gojson, golog
from .goflags import go_error_text
from .govalues import ParseError, parse_bool
from .lifecycle import Ended

FIELDS: gojson.Fields = {
    "pipeline": "string", "model_id": "string", "url": "string", "token": "string", "warm": "bool", "capacity": "int",
    "optimization_flags": "flags", "gateway": "string", "price_per_unit": "rat", "pixels_per_unit": "rat",
    "currency": "string",
}  # fmt: skip

CAPABILITY_NAMES = {
    -2: "Invalid", -1: "Unused", 0: "H.264", 1: "MPEGTS", 2: "MP4", 3: "Fractional framerates", 4: "Storage direct",
    5: "Storage S3", 6: "Storage GCS", 7: "H264 Baseline profile", 8: "H264 Main profile", 9: "H264 High profile",
    10: "H264 Constrained, Contained High profile", 11: "GOP", 12: "Auth token", 14: "MPEG7 signature",
    15: "HEVC decode", 16: "HEVC encode", 17: "VP8 decode", 18: "VP9 decode", 19: "VP8 encode", 20: "VP9 encode",
    21: "H264 Decode YUV444 8-bit", 22: "H264 Decode YUV422 8-bit", 23: "H264 Decode YUV444 10-bit",
    24: "H264 Decode YUV422 10-bit", 25: "H264 Decode YUV420 10-bit", 26: "Segment slicing", 27: "Text to image",
    28: "Image to image", 29: "Image to video", 30: "Upscale", 31: "Audio to text", 32: "Segment anything 2", 33: "Llm",
    34: "Image to text", 35: "Live video to video", 36: "Text to speech", 37: "byoc",
}  # fmt: skip
"""core/capabilities.go:CapabilityNameLookup"""


def parse(option: str) -> list[dict[str, object]]:
    """A JSON file, or pipeline:model:warm items; a bad one is logged and the start ends with status 0."""
    try:
        return _from_file(option) if os.path.exists(option) and not os.path.isdir(option) else _inline(option)
    except (gojson.JSONError, ParseError) as error:
        raise Ended(f"Error parsing -aiModels: {error}") from error
    except OSError as error:
        raise Ended(f"Error parsing -aiModels: open {option}: {go_error_text(error)}") from error


def _from_file(path: str) -> list[dict[str, object]]:
    with open(path, "rb") as file:
        return gojson.structs(gojson.loads(file.read()), FIELDS, "core.AIModelConfig")


def _inline(option: str) -> list[dict[str, object]]:
    models: list[dict[str, object]] = []
    for item in option.split(","):
        parts = item.split(":")
        if len(parts) < 3:
            raise ParseError("invalid AI model config expected <pipeline>:<model_id>:<warm>")
        models.append({"pipeline": parts[0], "model_id": parts[1], "warm": parse_bool(parts[2])})
    return models


def check_pipelines(models: list[dict[str, object]]) -> None:
    """core/ai.go:PipelineToCapability; an unknown pipeline panics."""
    known = set(CAPABILITY_NAMES.values())
    for model in models:
        pipeline = str(model.get("pipeline", ""))
        if pipeline[:1].upper() + pipeline[1:].replace("-", " ") not in known:
            golog.panic(f"Pipeline is not valid capability: {pipeline}\n")


def check_warm_and_cold(models: list[dict[str, object]]) -> None:
    """starter.go:StartLivepeer: one model both warm and cold in one worker panics."""
    warm_of: dict[tuple[object, object], object] = {}
    for model in models:
        key = (model.get("pipeline"), model.get("model_id"))
        if warm_of.setdefault(key, model.get("warm", False)) != model.get("warm", False):
            golog.panic(
                f"Cannot have same model_id ({model.get('model_id', '')}) as cold and warm in same AI worker, "
                "please fix aiModels json config"
            )
