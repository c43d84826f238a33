# SPDX-License-Identifier: GPL-3.0-or-later
"""GPUs, of which the stand-in has none, and Docker, of which it only wants to know whether it answers."""

from __future__ import annotations

import os

from . import aimodels, containers, docker, gojson, golog
from .lifecycle import Ended
from .settings import Settings

IMAGE_OVERRIDES: gojson.Fields = {"default": "string", "batch": "strings", "live": "strings"}
NO_DEVICES = "no devices found with vendor name 'Nvidia'"


def check_transcoder(settings: Settings) -> None:
    """starter.go:StartLivepeer: GPU flags of a transcoder."""
    nvidia, netint = settings.text("nvidia"), settings.text("netint")
    name, devices = ("Netint", netint) if netint else ("Nvidia", nvidia)
    if devices:
        if name == "Nvidia" and devices == "all":
            golog.info("Nvidia devices: []")
            golog.exit_two(f"Error while parsing '-nvidia []' flag: {NO_DEVICES}")
        found = " ".join(devices.split(","))
        golog.info(f"{name} devices: [{found}]")
        golog.info(f"Transcoding on these {name} devices: [{found}]")
        if settings.on("testTranscoder"):
            golog.exit_one('required capability "H.264" is not supported on hardware')
    if settings.given("hevcDecoding") and settings.on("hevcDecoding"):
        golog.info("Enabling HEVC decoding on CPU, may be slow")


def remove_containers(creator: str) -> None:
    """starter.go:StartLivepeer: first of all, and only logged."""
    if problem := containers.remove_left(creator):
        golog.error(f"Error removing existing AI worker containers: {problem}")


def check_ai_worker(settings: Settings, directory: str, models: list[dict[str, object]]) -> str:
    """starter.go:StartLivepeer: what an AI worker needs; without a Docker API only a serverless one comes up.

    Gives the folder of the models.
    """
    if settings.text("nvidia") == "all":
        raise Ended(f"Error parsing -nvidia for devices: {NO_DEVICES}")
    if not settings.text("nvidia"):
        golog.warning("!!! No GPU discovered, using CPU for AIWorker !!!")
    models_directory = settings.text("aiModelsDir") or os.path.abspath(os.path.join(directory, "models"))
    try:
        os.makedirs(models_directory, 0o755, exist_ok=True)
    except OSError as error:
        raise Ended(f"Error creating models dir %v{models_directory}") from error
    _check_image_overrides(settings.text("aiRunnerImageOverrides"))
    if settings.text("aiRunnerImage"):
        golog.warning(
            "-aiRunnerImage flag is deprecated and will be removed in a future release. Please use -aiRunnerImageOverrides instead"
        )
    if settings.on("aiServerless"):
        _check_serverless(models)
    elif problem := docker.problem():
        raise Ended(f"Error starting AI worker: error creating docker manager: {problem}")
    aimodels.check_pipelines(models)
    return models_directory


def _check_image_overrides(text: str) -> None:
    if not text:
        return
    try:
        gojson.struct(gojson.loads(text.encode()), IMAGE_OVERRIDES, "worker.ImageOverrides")
    except gojson.JSONError as error:
        raise Ended(f"Error unmarshaling image overrides: {error}") from error


def _check_serverless(models: list[dict[str, object]]) -> None:
    if len(models) != 1:
        raise Ended(f"Serverless requires exactly one AI model config, got {len(models)}")
    model = models[0]
    pipeline, name = str(model.get("pipeline", "")), str(model.get("model_id", ""))
    if (pipeline, name) != ("live-video-to-video", "scope"):
        raise Ended(f"Serverless only supports live-video-to-video/scope, got {pipeline}/{name}")
    if not str(model.get("url", "")).strip():
        raise Ended("Error starting Serverless AI worker: serverless worker requires a websocket URL")
    if int(str(model.get("capacity", 0))) <= 0:
        raise Ended("Error starting Serverless AI worker: serverless worker requires a positive capacity")
