# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers of AI runners: host ports, images, limits (``ai/worker/docker.go``)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.data import load
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.releases import order
from ansible_collections.livepeer.fleet.plugins.plugin_utils.workloads import LIVE_PIPELINE

SERVERLESS_FLAG = "aiServerless"
OVERRIDES_FLAG = "aiRunnerImageOverrides"
IMAGE_FLAG = "aiRunnerImage"
DOCKER_HOST = "DOCKER_HOST"
"""Variable of the environment that names the Docker API (Docker's own client, ``docker.FromEnv``)."""


def _of(rows: str, version: str) -> Mapping[str, Any]:
    """The row of a table that holds for a version; the oldest one for what is older than all of them."""
    now = order(version)
    table: list[dict[str, Any]] = load("runners")[rows]
    return next((row for row in reversed(table) if order(row["since"]) <= now), table[0])


def gpus() -> int:
    """GPU indexes that a port can be made for: 0 up to one less than this."""
    return int(load("runners")["gpus"])


def slots(version: str) -> int:
    """Containers on one GPU that a version makes different ports for."""
    return int(_of("layouts", version)["slots"])


def port(version: str, pipeline: str, slot: int, gpu: int) -> int:
    """Host port of the container in a slot (from 0) of a GPU; LookupError where two would share one, or none is valid."""
    if not (0 <= gpu < gpus() and 0 <= slot < slots(version)):
        raise LookupError(f"{version} has no port of its own for slot {slot} of GPU {gpu}")
    return int(load("runners")["ports"][pipeline]) + int(_of("layouts", version)["slot"]) * slot + gpu


def host(version: str) -> str:
    """What the ports are published on; "" is every address."""
    return str(_of("exposures", version)["host"])


def start_seconds(*, flags: bool) -> int:
    """How long a container may take until it is ready; with optimization flags it compiles first."""
    return int(load("runners")["start_seconds"]["with_flags" if flags else "plain"])


@dataclass(frozen=True)
class Overrides:
    """Images in the place of the built-in ones, as the flag of that name says them."""

    default: str = ""
    batch: Mapping[str, str] = field(default_factory=dict)
    live: Mapping[str, str] = field(default_factory=dict)


def overrides(text: str, default: str = "") -> Overrides:
    """Read ``-aiRunnerImageOverrides``; ``default`` is the older flag's image, which counts where the document has none.

    Raises:
        ValueError: no such document; go-livepeer ends with status 0 then.
    """
    if not text:
        return Overrides(default)
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError("it is no JSON object")
    batch, live = (found.get(key) or {} for key in ("batch", "live"))
    image = found.get("default") or default
    values = [image, *(batch.values() if isinstance(batch, dict) else [None]), *(live.values() if isinstance(live, dict) else [None])]
    if not all(isinstance(value, str) for value in values):
        raise ValueError("images are texts: default is one, batch and live are objects of them")
    return Overrides(image, batch, live)


def image(pipeline: str, model_id: str, own: Overrides) -> str:
    """What a container of a model is started from (``docker.go:getContainerImageName``); "" for a live model that has none."""
    known = load("runners")["images"]
    if pipeline == LIVE_PIPELINE:
        return str(own.live.get(model_id) or known["live"].get(model_id, ""))
    return str(own.batch.get(pipeline) or known["batch"].get(pipeline) or own.default or known["default"])


def live_models() -> tuple[str, ...]:
    """Live models that have an image of their own."""
    return tuple(load("runners")["images"]["live"])


def serverless() -> Mapping[str, str]:
    """The one ``pipeline`` and ``model_id`` that a serverless worker serves, and the ``credential`` that its environment has to hold."""
    return dict(load("runners")["serverless"])
