# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker's API on a socket of the host or by TCP, as far as images go: no program and no library of the host is needed."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from typing import Any, Optional
from urllib.parse import quote, urlsplit

from ansible_collections.livepeer.fleet.plugins.module_utils.errors import HostError

SOCKET = "unix:///var/run/docker.sock"
_SECONDS = 10
# A registry may be silent for a while between two layers.
_PULL_SECONDS = 600
_MOST_BYTES = 4 * 1024 * 1024


class _Local(http.client.HTTPConnection):
    """HTTP over a socket in the file system."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("docker", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Open it."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class DockerApi:
    """Asks one Docker API."""

    def __init__(self, host: str = "") -> None:
        """``host`` is written as ``DOCKER_HOST``; "" is Docker's own socket."""
        self.host = host or SOCKET

    def info(self) -> dict[str, Any]:
        """What it says of itself.

        Raises:
            HostError: nothing answers there.
        """
        found = self._ask("GET", "/info")
        if not isinstance(found, dict):
            raise HostError(f"Docker at {self.host} answers without saying what it is")
        return found

    def has_image(self, image: str) -> bool:
        """Whether an image is on the host; HostError if that cannot be told."""
        return self._ask("GET", f"/images/{quote(image, safe='/:@')}/json") is not None

    def pull(self, image: str) -> None:
        """Pull an image as go-livepeer would: without a login of the registry.

        Raises:
            HostError: it is in no registry that answers, or the pull broke off.
        """
        name, tag = split_image(image)
        query = f"fromImage={quote(name, safe='')}" + (f"&tag={quote(tag, safe='')}" if tag else "")
        for line in self._lines("POST", f"/images/create?{query}", image):
            if "error" in line:
                raise HostError(f"image {image} cannot be pulled: {line['error']}")
        if not self.has_image(image):
            raise HostError(f"image {image} is not there although its pull ended without an error")

    def _connection(self, seconds: float) -> http.client.HTTPConnection:
        url = urlsplit(self.host)
        if url.scheme == "unix":
            return _Local(url.path, seconds)
        if url.scheme in ("tcp", "http") and url.hostname:
            return http.client.HTTPConnection(url.hostname, url.port or 2375, timeout=seconds)
        raise HostError(f"{self.host} is no address of Docker that can be looked at: unix:///path or tcp://host:port can")

    def _ask(self, method: str, path: str) -> Optional[Any]:  # noqa: UP045 - Python 3.9
        """The document of an answer; None for what is not there."""
        connection = self._connection(_SECONDS)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            content = answer.read(_MOST_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise HostError(f"Docker does not answer at {self.host}: {error}") from error
        finally:
            connection.close()
        if answer.status == 404:
            return None
        if answer.status >= 400:
            raise HostError(f"Docker at {self.host} answers {path} with {answer.status}: {_message(content)}")
        try:
            return json.loads(content)
        except ValueError as error:
            raise HostError(f"what answers at {self.host} is not Docker") from error

    def _lines(self, method: str, path: str, image: str) -> Iterator[dict[str, Any]]:
        connection = self._connection(_PULL_SECONDS)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            if answer.status != 200:
                raise HostError(f"image {image} cannot be pulled: {_message(answer.read(_MOST_BYTES))}")
            for line in answer:
                if line.strip():
                    yield json.loads(line)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise HostError(f"image {image} cannot be pulled: {error}") from error
        finally:
            connection.close()


def split_image(image: str) -> tuple[str, str]:
    """Name and tag of an image; the tag is ``latest`` where there is none, and "" behind a digest."""
    name, found, tag = image.rpartition(":")
    if "@" in image:
        return image, ""
    if not found or "/" in tag:
        return image, "latest"
    return name, tag


def _message(content: bytes) -> str:
    try:
        return str(json.loads(content)["message"])
    except (ValueError, KeyError, TypeError):
        return content[:200].decode("utf-8", "replace").strip() or "no reason given"
