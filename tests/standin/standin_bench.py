# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands around the nodes of the payment tests: a chain, a Docker API, a runner, MediaMTX; all in this process, on free ports."""

from __future__ import annotations

import base64
import http.client
import json
import random
import struct
import sys
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "chain"))

from chainlib import keys
from chainlib.document import Chain
from chainlib.server import Endpoint

PASSWORD = "throw-away"
MEDIAMTX_PORT = 9997
Answer = tuple[int, Any]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


PNG = b"\x89PNG\r\n\x1a\n" + b"".join(
    (_chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)), _chunk(b"IDAT", zlib.compress(bytes(4))), _chunk(b"IEND", b""))
)
"""One black pixel: the real node decodes what a runner gives it."""

IMAGE = {"images": [{"url": "data:image/png;base64," + base64.b64encode(PNG).decode("ascii"), "seed": 1, "nsfw": False}]}
CHAT = {
    "choices": [{"finish_reason": "stop", "index": 0, "message": {"content": "hello", "role": "assistant"}}],
    "created": 1,
    "id": "c1",
    "model": "meta/llm",
    "usage": {"completion_tokens": 4, "prompt_tokens": 3, "total_tokens": 7},
}


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Web

    def log_message(self, format: str, *args: Any) -> None:  # pytest's output is no place for requests
        return

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, document = self.server.answer(self.command, self.path, body)
        self.server.asked.append((self.command, self.path))
        content = json.dumps(document).encode("utf-8")
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Api-Version", "1.43")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_HEAD = do_POST = do_DELETE = _handle


class Web(ThreadingHTTPServer):
    """A small JSON server that remembers what it was asked."""

    daemon_threads = True

    def __init__(self, answer: Callable[[str, str, bytes], Answer], host: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__((host, port), _Connection)
        self.answer = answer
        self.asked: list[tuple[str, str]] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:  # nodes that end hang up
        return


@dataclass
class Runner:
    """An AI runner; `failing` is the status with which it answers jobs."""

    failing: int = 0
    web: Web = field(init=False)

    def __post_init__(self) -> None:
        self.web = Web(self._answer)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.web.server_address[1]}"

    @property
    def jobs(self) -> list[str]:
        """The pipelines of the jobs that it was given."""
        return [path[1:] for method, path in self.web.asked if method == "POST"]

    def _answer(self, method: str, path: str, _body: bytes) -> Answer:
        if method == "POST" and self.failing:
            return self.failing, {"detail": {"msg": "fake failure"}}
        known = {"/health": {"status": "IDLE"}, "/hardware/info": {}, "/version": {}, "/text-to-image": IMAGE, "/llm": CHAT}
        return 200, known.get(path, {})


def docker() -> Web:
    """A Docker API that has no containers."""
    return Web(lambda _method, path, _body: (200, [] if "/containers/json" in path else {"Id": "sha256:0", "ApiVersion": "1.43"}))


class MediaMTX:
    """Knows every stream until the gateway kicks it.

    A gateway asks it at the address of whoever announces a stream, on one port: each has a loopback address of its own.
    """

    def __init__(self) -> None:
        self.kicked = threading.Event()
        self.address = f"127.{random.randrange(1, 255)}.{random.randrange(256)}.{random.randrange(1, 255)}"
        self.web = Web(self._answer, self.address, MEDIAMTX_PORT)

    def _answer(self, _method: str, path: str, _body: bytes) -> Answer:
        if "/kick/" in path:
            self.kicked.set()
        return (404, {"error": "not found"}) if self.kicked.is_set() else (200, {"id": "src", "state": "publish"})


class TestChain:
    """A chain and its accounts."""

    __test__ = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._chain = Chain()
        self._endpoint = Endpoint("127.0.0.1", 0, self._chain)
        threading.Thread(target=self._endpoint.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Nobody answers any more."""
        self._endpoint.shutdown()
        self._endpoint.server_close()

    def register(self, name: str, service: str) -> None:
        """An orchestrator of the pool."""
        entry = {"address": keys.account(name).address, "uri": f"https://{service}", "active": True, "stake_eth": 100}
        with self._endpoint.lock:
            self._chain.change({"orchestrators": [entry]})

    def address(self, name: str) -> str:
        """The address of an account."""
        return str(keys.account(name).address)

    def flags(self, name: str) -> list[str]:
        """What a node with this account is started with."""
        keys.write(self._folder / name, name, PASSWORD)
        account = ["-ethKeystorePath", str(self._folder / name / "keystore"), "-ethPassword", str(self._folder / name / "password")]
        where = ["-network", "arbitrum-one-mainnet", "-ethUrl", f"http://127.0.0.1:{self._endpoint.server_address[1]}"]
        return [*where, *account, "-blockPollingInterval", "1"]


def announce(mediamtx: MediaMTX, port: int, stream: str, model: str) -> int | None:
    """MediaMTX's hook: a stream has begun; None when the gateway hangs up."""
    form = {"source_id": "src", "source_type": "rtmpConn", "query": f"pipeline={model}"}
    opened = http.client.HTTPConnection("127.0.0.1", port, timeout=30, source_address=(mediamtx.address, 0))
    try:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        opened.request("POST", f"/live/video-to-video/{stream}/start", urlencode(form), headers)
        return opened.getresponse().status
    except http.client.RemoteDisconnected:
        return None
    finally:
        opened.close()
