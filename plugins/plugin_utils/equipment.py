# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node needs of its host beside a release: GPUs, Docker with images, runners that answer, room on the disk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.livepeer.fleet.plugins.plugin_utils.ai import Model, key_of, worker
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts import runners
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Node

GIGABYTE = 10**9


@dataclass(frozen=True)
class Runner:
    """A runner that somebody else manages.

    Attributes:
        url: its address.
        token: name of the node's secret that it is asked with, or "".
    """

    url: str
    token: str = ""


@dataclass(frozen=True)
class Equipment:
    """What one node needs of its host.

    Attributes:
        gpus: indexes of its GPUs as text, ``all`` alone for all of them; empty for none.
        docker: True if it needs a Docker API.
        docker_host: where that is, as ``DOCKER_HOST`` says it; "" is Docker's own socket.
        images: what its containers are started from, each once.
        spare_images: of models behind a URL. go-livepeer pulls them before it listens, and runs without them all the same.
        models_dir: where its models lie on the host.
        free_bytes: that have to be free before an image is pulled, and in an empty folder of models.
        runners: runners that have to answer.
    """

    gpus: tuple[str, ...] = ()
    docker: bool = False
    docker_host: str = ""
    images: tuple[str, ...] = ()
    spare_images: tuple[str, ...] = ()
    models_dir: str = ""
    free_bytes: int = 0
    runners: tuple[Runner, ...] = ()


def equipment_of(node: Node) -> Equipment | None:
    """What a node needs; None where every host has it."""
    gpus = tuple(index for index in str(getattr(node.settings, "nvidia", "")).split(",") if index)
    found = worker(node)
    if found is None or found.serverless:
        return Equipment(gpus) if gpus else None
    host = node.settings.environment.get(runners.DOCKER_HOST, "")
    needed = _images(node, found.managed)
    return Equipment(
        gpus=gpus,
        # What stands for a secret is no address to look at: the node's own start has to tell.
        docker=not host.startswith("@@"),
        docker_host=host,
        images=needed,
        spare_images=tuple(image for image in _images(node, found.elsewhere) if image not in needed),
        models_dir=str(getattr(node.settings, "models_dir", "")) or f"/var/lib/{node.state_directory}/models",
        free_bytes=node.image_free_gb * GIGABYTE,
        runners=tuple(
            Runner(str(model["url"]), f"ai_models_{place}_token" if "token" in model else "")
            for place, model in found.models
            if model.get("url")
        ),
    )


def _images(node: Node, models: Iterable[tuple[int, Model]]) -> tuple[str, ...]:
    """Images of some models; those behind a URL go-livepeer pulls too, and logs only that it could not."""
    try:
        own = images(node)
    except ValueError:
        return ()  # LPF504
    return tuple(dict.fromkeys(image for _place, model in models if (image := runners.image(*key_of(model), own))))


def images(node: Node) -> runners.Overrides:
    """The images that a node's flags say; ValueError for a document that cannot be read."""
    flags = node.settings.flags
    return runners.overrides(flags.get(runners.OVERRIDES_FLAG, ""), flags.get(runners.IMAGE_FLAG, ""))


def to_dict(equipment: Equipment | None) -> dict[str, Any] | None:
    """For the plan's files."""
    return (
        asdict(equipment)
        | {
            "gpus": list(equipment.gpus),
            "images": list(equipment.images),
            "spare_images": list(equipment.spare_images),
            "runners": [asdict(runner) for runner in equipment.runners],
        }
        if equipment
        else None
    )


def from_dict(data: Mapping[str, Any] | None) -> Equipment | None:
    """Back from ``to_dict``."""
    if data is None:
        return None
    lists = {name: tuple(data[name]) for name in ("gpus", "images", "spare_images")} | {
        "runners": tuple(Runner(**one) for one in data["runners"])
    }
    return Equipment(**{**data, **lists})
