# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes for the tests of this folder: started on free ports, stopped by their process."""

from __future__ import annotations

import http.client
import itertools
import os
import signal
import socket
import ssl
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

START_SECONDS = 20.0
HERE = Path(__file__).resolve().parent
PACKET = b"G" + bytes(187)
SEGMENT = PACKET * 20


@dataclass(frozen=True)
class Answer:
    """What came back; status None when the connection closed without an answer."""

    status: int | None
    content_type: str | None
    body: str
    headers: dict[str, str] = field(default_factory=dict, compare=False, repr=False)


def request(port: int, method: str, path: str, body: bytes = b"", tls: bool = False, **headers: str) -> Answer:
    """One request to a node on this machine."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        opened: http.client.HTTPConnection = http.client.HTTPSConnection("127.0.0.1", port, timeout=20, context=context)
    else:
        opened = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        opened.request(method, path, body=body or None, headers=given)
        answer = opened.getresponse()
        body = answer.read().decode("utf-8", "replace")
        return Answer(answer.status, answer.getheader("Content-Type"), body, dict(answer.getheaders()))
    except http.client.RemoteDisconnected:
        return Answer(None, None, "")
    finally:
        opened.close()


class Fleet:
    """Nodes of one test."""

    def __init__(self, folder: Path, binary: Path = HERE / "livepeer") -> None:
        self._folder = folder
        self._binary = binary
        self._numbers = itertools.count(1)
        self._nodes: list[subprocess.Popen[bytes]] = []

    def start(self, *arguments: str, wait_for: int = 0, binary: Path | None = None) -> subprocess.Popen[bytes]:
        """A node with a data directory of its own; its log is beside it."""
        number = next(self._numbers)
        log = self._folder / f"node{number}.log"
        kept = {name: os.environ[name] for name in ("PATH", "DOCKER_HOST") if name in os.environ}
        environment = {**kept, "HOME": str(self._folder)}
        with log.open("wb") as output:
            command = [str(binary or self._binary), "-dataDir", str(self._folder / f"data{number}"), *arguments]
            node = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=output, env=environment)
        self._nodes.append(node)
        if wait_for:
            self.wait_for(node, wait_for, log)
        return node

    def log(self, number: int) -> str:
        """What the node with this number, counted from 1, has logged."""
        return (self._folder / f"node{number}.log").read_text("utf-8", "replace")

    def wait_for(self, node: subprocess.Popen[bytes], port: int, log: Path) -> None:
        """Until somebody listens there."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            assert node.poll() is None, log.read_text("utf-8", "replace")
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError(f"nobody listens on {port}: {log.read_text('utf-8', 'replace')}")

    def end(self, number: int) -> None:
        """Stops one node, counted from 1, as a service manager does."""
        self._nodes[number - 1].terminate()
        self._nodes[number - 1].wait()

    def stop(self) -> None:
        """Ends what still runs."""
        for node in self._nodes:
            if node.poll() is None:
                node.send_signal(signal.SIGKILL)
            node.wait()
