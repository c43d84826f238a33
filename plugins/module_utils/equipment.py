# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host has of the things that its nodes need: GPUs, Docker, images, runners, room. Reads only, and judges nothing."""

from __future__ import annotations

import http.client
import json
import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Optional
from urllib.parse import urlsplit

from ansible_collections.livepeer.fleet.plugins.module_utils import files
from ansible_collections.livepeer.fleet.plugins.module_utils.docker_api import DockerApi
from ansible_collections.livepeer.fleet.plugins.module_utils.errors import HostError

_RUNNER_SECONDS = 5
# ai/worker/docker.go asks Docker for GPUs by capability: Docker runs this hook, or knows the devices by CDI.
_TOOLKIT = ("nvidia-container-runtime-hook", "nvidia-container-toolkit")
_PROGRAMS = ("usr/bin", "usr/local/bin", "usr/local/nvidia/toolkit")
_PCI_IDS = ("usr/share/hwdata/pci.ids", "usr/share/misc/pci.ids", "usr/share/hwdata/pci.ids.gz", "usr/share/misc/pci.ids.gz")


def look(root: Path, wanted: Mapping[str, Any], secrets: Mapping[str, str]) -> dict[str, Any]:
    """What a host has of what one node needs.

    Args:
        root: root of the file system.
        wanted: ``equipment`` of the node in the plan.
        secrets: values of the node's secrets; a runner's token is sent to it and stands nowhere else.
    """
    found: dict[str, Any] = {"gpus": None, "docker": None, "images": {}, "models": None, "runners": []}
    if wanted["gpus"]:
        found["gpus"] = _gpus(root)
    if wanted["docker"]:
        found["docker"], found["images"] = _docker(root, wanted)
        found["models"] = _models(root / wanted["models_dir"].lstrip("/"))
    found["runners"] = [_runner(one["url"], secrets.get(one["token"], "")) for one in wanted["runners"]]
    return found


def _gpus(root: Path) -> dict[str, Any]:
    """What the driver shows: it makes a folder for each GPU."""
    folder = root / "proc/driver/nvidia"
    try:
        count = sum(1 for _entry in os.scandir(str(folder / "gpus")))
    except OSError:
        count = 0
    return {"driver": (folder / "version").exists(), "count": count, "names": any((root / path).exists() for path in _PCI_IDS)}


def _docker(root: Path, wanted: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, bool]]:
    api = DockerApi(wanted["docker_host"])
    found: dict[str, Any] = {"where": api.host, "error": "", "group": _has_group(root), "gpus": False, "folder": "", "free": None}
    images: dict[str, bool] = {}
    try:
        info = api.info()
        images = {image: api.has_image(image) for image in (*wanted["images"], *wanted["spare_images"])}
    except HostError as error:
        found["error"] = str(error)
        return found, {}
    found["folder"] = str(info.get("DockerRootDir") or "")
    found["gpus"] = _takes_gpus(root, info)
    # A Docker elsewhere has a disk that is not this one.
    found["free"] = free(root / found["folder"].lstrip("/")) if api.host.startswith("unix:") and found["folder"] else None
    return found, images


def _takes_gpus(root: Path, info: Mapping[str, Any]) -> bool:
    runtimes = info.get("Runtimes")
    devices = json.dumps(info.get("DiscoveredDevices") or "")
    programs = any((root / folder / name).exists() for folder in _PROGRAMS for name in _TOOLKIT)
    return programs or "nvidia" in devices or (isinstance(runtimes, dict) and "nvidia" in runtimes)


def _has_group(root: Path) -> bool:
    return any(line.startswith("docker:") for line in (files.read(root / "etc/group") or "").splitlines())


def _models(folder: Path) -> dict[str, Any]:
    """The folder of the models; go-livepeer makes it where it is not there, and what is in it comes from elsewhere."""
    try:
        count: Optional[int] = sum(1 for _entry in os.scandir(str(folder)))  # noqa: UP045 - Python 3.9
    except OSError:
        count = None
    return {"folder": str(folder), "there": count is not None, "empty": not count, "free": free(folder)}


def free(path: Path) -> Optional[int]:  # noqa: UP045 - Python 3.9
    """Free bytes where a path lies or would lie; None if that cannot be told."""
    while not path.exists() and path != path.parent:
        path = path.parent
    try:
        found = os.statvfs(str(path))
    except OSError:
        return None
    return found.f_bavail * found.f_frsize


def _runner(url: str, token: str) -> dict[str, Any]:
    """Whether a runner is ready as go-livepeer asks it at its start (ai/worker/container.go:runnerWaitUntilReady)."""
    try:
        return {"url": url, "error": _health(url, token)}
    except (OSError, http.client.HTTPException) as error:
        return {"url": url, "error": str(error) or type(error).__name__}
    except ValueError:
        # Its own words repeat the header, token included.
        return {"url": url, "error": "its url or its token has a character in it that no request can hold"}


def _health(url: str, token: str) -> str:
    where = urlsplit(url)
    host, port = where.hostname or "", where.port
    if where.scheme == "https":
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, port, timeout=_RUNNER_SECONDS, context=ssl.create_default_context()
        )
    else:
        connection = http.client.HTTPConnection(host, port, timeout=_RUNNER_SECONDS)
    try:
        connection.request("GET", where.path.rstrip("/") + "/health", headers={"Authorization": f"Bearer {token}"} if token else {})
        answer = connection.getresponse()
        content, kind = answer.read(65536), answer.getheader("Content-Type") or ""
    finally:
        connection.close()
    if answer.status != 200:
        return f"GET /health is answered with {answer.status}"
    if "json" not in kind:
        return "GET /health is answered without JSON, over which go-livepeer panics"
    try:
        said = json.loads(content)
    except ValueError:
        return "GET /health is answered with what is no JSON"
    return "it says that it is in state ERROR" if isinstance(said, dict) and said.get("status") == "ERROR" else ""
