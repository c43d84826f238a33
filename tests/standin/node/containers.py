# SPDX-License-Identifier: GPL-3.0-or-later
"""Managed runners of an AI worker: containers that it asks a Docker API for (ai/worker/docker.go, recorded/ai-managed-container.json)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from urllib.parse import quote

from . import docker, golog
from .lifecycle import Ended

FIRST_PORTS = {
    "text-to-image": 8000, "image-to-image": 8100, "image-to-video": 8200, "upscale": 8300, "audio-to-text": 8400, "llm": 8500,
    "segment-anything-2": 8600, "image-to-text": 8700, "text-to-speech": 8800, "live-video-to-video": 8900,
}  # fmt: skip
IMAGE = "livepeer/ai-runner"
OWN_TAGS = ("segment-anything-2", "text-to-speech", "audio-to-text", "llm")
PORT = "8000/tcp"


def image_of(pipeline: str, model: str) -> str:
    """getContainerImageName without overrides; live models have an image each."""
    if pipeline == "live-video-to-video":
        return f"{IMAGE}:live-app-{model}"
    return f"{IMAGE}:{pipeline if pipeline in OWN_TAGS else 'latest'}"


@dataclass
class Containers:
    """Those that this process started, one a GPU; without GPUs there is one that is none."""

    creator: str
    models: str
    gpus: list[str]
    _started: list[str] = field(default_factory=list)

    def ensure_image(self, pipeline: str, model: str) -> None:
        """EnsureImageAvailable: pulled when it is absent; what goes wrong is logged."""
        image = image_of(pipeline, model)
        if docker.ask("GET", f"/images/{image}/json").status == 200:
            return
        golog.raw(f"INFO Pulling image for pipeline {pipeline} and modelID {model}: {image}\n")
        name, _, tag = image.partition(":")
        answer = docker.ask("POST", f"/images/create?fromImage={quote(name, safe='')}&tag={tag}")
        if answer.status != 200 or b'"error"' in answer.body:
            golog.error(f"Error ensuring AI worker image available for {pipeline}: {answer.message}")

    def start(self, pipeline: str, model: str) -> str:
        """createContainer: where its runner answers; raises Ended."""
        if len(self._started) >= len(self.gpus):
            raise Ended(f"Error AI worker warming {pipeline} container: insufficient capacity")
        gpu = self.gpus[len(self._started)]
        port = FIRST_PORTS[pipeline] + int(gpu.removeprefix("emulated-"))
        name = f"{pipeline}_{model.replace('/', '-').replace('_', '-')}_{port}"
        golog.raw(f"INFO Starting managed container gpu={gpu} name={name} modelID={model} containerImage={image_of(pipeline, model)}\n")
        created = docker.ask("POST", f"/containers/create?name={quote(name, safe='')}", self._wanted(pipeline, model, gpu, port))
        if created.status != 201:
            raise Ended(f"Error AI worker warming {pipeline} container: Error response from daemon: {created.message}")
        identity = str(created.json()["Id"])
        self._started.append(identity)
        docker.ask("POST", f"/containers/{identity}/start")
        return f"http://localhost:{port}"

    def _wanted(self, pipeline: str, model: str, gpu: str, port: int) -> bytes:
        devices = [] if gpu.startswith("emulated-") else [{"DeviceIDs": [gpu], "Capabilities": [["gpu"]]}]
        host = {
            "PortBindings": {PORT: [{"HostIp": "127.0.0.1", "HostPort": str(port)}]},
            "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3},
            "DeviceRequests": devices,
            "Mounts": [{"Type": "bind", "Source": self.models, "Target": "/models"}],
        }
        wanted = {
            "Image": image_of(pipeline, model),
            "Env": [f"PIPELINE={pipeline}", f"MODEL_ID={model}"],
            "ExposedPorts": {PORT: {}},
            "Labels": {"creator": "ai-worker", "creator_id": self.creator},
            "Volumes": {"/models": {}},
            "HostConfig": host,
        }
        return json.dumps(wanted).encode("utf-8")

    def stop(self) -> None:
        """AIWorker.Stop: none is left behind."""
        for identity in self._started:
            docker.ask("POST", f"/containers/{identity}/stop?t=8")
            docker.ask("DELETE", f"/containers/{identity}?force=1")


def remove_left(creator: str) -> str:
    """RemoveExistingContainers: those of an earlier process with this creator; what Docker says against it, "" for nothing."""
    if problem := docker.problem():
        return problem
    labels = {"label": {"creator=ai-worker": True, f"creator_id={creator}": True}}
    listed = docker.ask("GET", f"/containers/json?all=1&filters={quote(json.dumps(labels), safe='')}")
    for container in listed.json() if listed.status == 200 else ():
        docker.ask("POST", f"/containers/{container['Id']}/stop?t=8")
        docker.ask("DELETE", f"/containers/{container['Id']}?force=1")
    return ""
