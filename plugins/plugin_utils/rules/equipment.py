# SPDX-License-Identifier: GPL-3.0-or-later
"""LPF609, live: what a node needs of its host and does not find there. Pure: observations in, findings out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.livepeer.fleet.plugins.plugin_utils.equipment import GIGABYTE, Equipment
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan import Plan
from ansible_collections.livepeer.fleet.plugins.plugin_utils.render import NodePlan
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.hosts import LiveRule, Observation

FREE = "livepeer_image_free_gb"


def lacking(plan: Plan, observed: Mapping[str, Observation], *, all_nodes: bool) -> tuple[Finding, ...]:
    """LPF609 of the observed hosts.

    Args:
        plan: of the fleet.
        observed: by host.
        all_nodes: also of nodes to which nothing will be done; before a change only the others count.
    """
    return tuple(
        one
        for host in sorted(observed.keys() & plan.hosts.keys())
        for node in plan.hosts[host].nodes
        for one in _of_node(host, node, observed[host].get("nodes", {}).get(node.name) or {}, all_nodes)
    )


def _of_node(host: str, node: NodePlan, seen: Mapping[str, Any], all_nodes: bool) -> Iterator[Finding]:
    wanted, found = node.equipment, seen.get("equipment")
    changes = (seen.get("decision") or {}).get("action", "nothing") != "nothing"
    if wanted is None or not found or not (all_nodes or changes):
        return
    for message, got, (about, hint) in (*_gpus(wanted, found), *_docker(wanted, found), *_room(wanted, found), *_runners(found)):
        variable = f"livepeer_{node.role.value}_{_FIELDS[about]}"
        yield Finding("LPF609", Level.ERROR, message, (host,), node.name, variable, got, "", hint)


_FIELDS = {"gpus": "nvidia", "docker": "ai_models", "runner": "ai_models"}

Problem = tuple[str, str, tuple[str, str]]
"""Message, what was found, and which variable it is about with what to do."""


def _gpus(wanted: Equipment, found: Mapping[str, Any]) -> Iterator[Problem]:
    gpus = found["gpus"]
    if not wanted.gpus or gpus is None:
        return
    if not gpus["driver"]:
        hint = "install the driver of the GPUs and load it at boot (nvidia-persistenced), or take nvidia out"
        yield "it is to use GPUs, and no driver of Nvidia is loaded", "no /proc/driver/nvidia", ("gpus", hint)
        return
    beyond = [index for index in wanted.gpus if index.isdigit() and int(index) >= gpus["count"]]
    if beyond or not gpus["count"]:
        named = f"GPU {', '.join(beyond)} is" if beyond else "no GPU is"
        last = f"GPUs 0 to {gpus['count'] - 1}" if gpus["count"] else "no GPU"
        yield f"{named} {'not ' if beyond else ''}on this host", last, ("gpus", "name GPUs that nvidia-smi -L lists")
    if wanted.gpus == ("all",) and not gpus["names"]:
        hint = "install the package pci.ids or hwdata, or name the GPUs by their indexes"
        yield "nvidia: all needs a list of PCI names, without which go-livepeer ends", "no pci.ids", ("gpus", hint)


def _docker(wanted: Equipment, found: Mapping[str, Any]) -> Iterator[Problem]:
    docker = found["docker"]
    if docker is None:
        return
    if docker["error"]:
        hint = "install and start Docker; every node that runs AI jobs needs it, also where each model has a url"
        yield f"it needs Docker, which does not answer at {docker['where']}", docker["error"], ("docker", hint)
        return
    if not docker["group"]:
        yield "there is no group docker, as which its unit runs", "no such group", ("docker", "groupadd --system docker")
    if wanted.gpus and wanted.images and not docker["gpus"]:
        hint = "install nvidia-container-toolkit, and restart Docker"
        yield "Docker on this host cannot give a GPU to a container", "no NVIDIA Container Toolkit", ("docker", hint)


def _room(wanted: Equipment, found: Mapping[str, Any]) -> Iterator[Problem]:
    docker, models = found["docker"] or {}, found["models"] or {}
    absent = [image for image in wanted.images if not found["images"].get(image, True)]
    missing = "an image that is missing" if len(absent) == 1 else f"{len(absent)} images that are missing"
    room = [(docker.get("folder"), docker.get("free"), missing)] if absent else []
    if wanted.images and models.get("empty"):
        room.append((models["folder"], models["free"], "models, of which it holds none yet"))
    for folder, free, what in room:
        if free is not None and free < wanted.free_bytes:
            got = f"{free / GIGABYTE:.1f} GB free in {folder}"
            hint = f"make room, or say in {FREE} how much is enough"
            yield f"{wanted.free_bytes // GIGABYTE} GB are to be free for {what}", got, ("docker", hint)


def _runners(found: Mapping[str, Any]) -> Iterator[Problem]:
    for one in found["runners"]:
        if one["error"]:
            hint = "start it first: a node ends after 120 s where a runner of its list is not ready"
            yield f"the runner {one['url']} is not ready", one["error"], ("runner", hint)


RULES = (
    LiveRule(
        "LPF609",
        "error",
        "What a node needs is not on its host: Docker, its group or its toolkit for GPUs, a GPU, its driver, disk space, a runner that"
        " answers. Seen before anything is changed, and by verify.yml.",
        "Do what the finding names; images are pulled by the run itself.",
    ),
)
