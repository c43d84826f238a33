# SPDX-License-Identifier: GPL-3.0-or-later
"""A Docker API: whether it answers, and requests to it (ai/worker/docker.go).

Only one that DOCKER_HOST names is asked: no test may touch the Docker of the machine that it happens to run on.
"""

from __future__ import annotations

import http.client
import os
import socket
from urllib.parse import urlsplit

from .transport import Answer

SOCKET = "unix:///var/run/docker.sock"
SECONDS = 10.0
VERSION = "1.43"
LIST = "/containers/json?all=1&filters=%7B%22label%22%3A%7B%22creator%3Dai-worker%22%3Atrue%7D%7D"


class _Local(http.client.HTTPConnection):
    """HTTP over a socket in the file system."""

    def __init__(self, path: str) -> None:
        super().__init__("docker", timeout=SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(SECONDS)
        self.sock.connect(self._path)


def problem() -> str:
    """Why an AI worker cannot list its containers; "" when it can."""
    host = os.environ.get("DOCKER_HOST", "")
    unreachable = f"failed to list containers: Cannot connect to the Docker daemon at {host or SOCKET}. Is the docker daemon running?"
    if not host:
        return unreachable
    opened = _connection(host)
    if opened is None:
        return f"unable to parse docker host `{host}`"
    try:
        opened.request("GET", LIST)
        answer = opened.getresponse()
        return "" if answer.status == 200 else f"failed to list containers: Error response from daemon: {answer.reason}"
    except (OSError, http.client.HTTPException):
        return unreachable
    finally:
        opened.close()


def ask(method: str, path: str, body: bytes | None = None) -> Answer:
    """One request, to an API that was there a moment ago; without an answer the status is 0."""
    opened = _connection(os.environ.get("DOCKER_HOST", ""))
    if opened is None:
        return Answer(0, b"unable to parse docker host")
    try:
        opened.request(method, f"/v{VERSION}{path}", body, {"Content-Type": "application/json"} if body else {})
        response = opened.getresponse()
        return Answer(response.status, response.read())
    except (OSError, http.client.HTTPException) as error:
        return Answer(0, str(error).encode())
    finally:
        opened.close()


def _connection(host: str) -> http.client.HTTPConnection | None:
    url = urlsplit(host)
    if url.scheme == "unix":
        return _Local(url.path)
    if url.scheme in ("tcp", "http") and url.hostname and url.port:
        return http.client.HTTPConnection(url.hostname, url.port, timeout=SECONDS)
    return None
