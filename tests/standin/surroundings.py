#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands around nodes: an AI runner, a Docker API, MediaMTX. Classes for tests; as a program, on a host, a service:

    surroundings.py [--runner HOST:PORT] [--docker unix:///PATH | tcp://HOST:PORT] [--mediamtx HOST:PORT] [--images NAME,…]

As a program it prints each request (what it came to, method, path, status) and serves until it is ended. One file, standard
library only: scenarios copy it to their hosts.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import os
import re
import socket
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Answer = tuple[int, Any]
"""Status and document; an iterator of documents is sent line by line, as progress is."""

Answering = Callable[[str, str, bytes], Answer]
API_VERSION = "1.43"
PULL_STEPS = 4


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
    server: Web | Local

    def log_message(self, format: str, *args: Any) -> None:  # heard() says what matters
        return

    def address_string(self) -> str:  # a Unix socket's client has none
        return "local"

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, document = self.server.answer(self.command, self.path, body)
        self.server.asked.append((self.command, self.path))
        self.server.heard(f"{self.command} {self.path} {status}")
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Api-Version", API_VERSION)
        if isinstance(document, Iterator):
            self._stream(document)
            return
        content = b"" if document is None else json.dumps(document).encode("utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _stream(self, documents: Iterator[Any]) -> None:
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for document in documents:
            line = json.dumps(document).encode("utf-8") + b"\r\n"
            self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    do_GET = do_HEAD = do_POST = do_DELETE = _handle


def _silent(_line: str) -> None:
    return


class Web(ThreadingHTTPServer):
    """A small JSON server on TCP that remembers what it was asked."""

    daemon_threads = True

    def __init__(self, answer: Answering, host: str = "127.0.0.1", port: int = 0, heard: Callable[[str], None] = _silent) -> None:
        super().__init__((host, port), _Connection)
        self.answer, self.heard = answer, heard
        self.asked: list[tuple[str, str]] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:  # nodes that end hang up
        return


class Local(ThreadingMixIn, UnixStreamServer):
    """The same on a socket in the file system."""

    daemon_threads = True

    def __init__(self, answer: Answering, path: str, heard: Callable[[str], None] = _silent) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        super().__init__(path, _Connection)
        os.chmod(path, 0o666)
        self.answer, self.heard = answer, heard
        self.asked: list[tuple[str, str]] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        """A client that http.server can name."""
        request, _address = super().get_request()
        return request, ("local", 0)

    def handle_error(self, request: Any, client_address: Any) -> None:  # nodes that end hang up
        return


@dataclass
class Runner:
    """An AI runner; `failing` is the status with which it answers jobs."""

    failing: int = 0
    host: str = "127.0.0.1"
    port: int = 0
    heard: Callable[[str], None] = _silent
    web: Web = field(init=False)

    def __post_init__(self) -> None:
        self.web = Web(self._answer, self.host, self.port, self.heard)

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


@dataclass
class Containers:
    """A Docker API: images that can be listed, pulled and removed, containers that are created and started, none of them real.

    An image whose name holds `unknown` is in no registry, one that holds `broken` fails in the middle of its pull. A container that is
    started serves an AI runner at the port that it publishes. `/info` has no GPU runtime unless `runtimes` says so.
    """

    images: set[str] = field(default_factory=set)
    runtimes: tuple[str, ...] = ("runc",)
    heard: Callable[[str], None] = _silent
    _created: dict[str, dict[str, Any]] = field(default_factory=dict)
    _runners: dict[str, Runner] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """One request; the version of the API in a path is not looked at."""
        url = urlsplit(path)
        where = unquote(re.sub(r"^/v\d+\.\d+(?=/)", "", url.path))
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        if where.startswith("/images/"):
            return self._image(method, where.removeprefix("/images/"), asked)
        if where.startswith("/containers/"):
            return self._container(method, where.removeprefix("/containers/"), asked, body)
        known: dict[str, Any] = {
            "/_ping": "OK",
            "/version": {"Version": "24.0.0", "ApiVersion": API_VERSION, "MinAPIVersion": "1.12", "Os": "linux", "Arch": "amd64"},
            "/info": {"ServerVersion": "24.0.0", "DockerRootDir": "/var/lib/docker", "Runtimes": {name: {} for name in self.runtimes}},
        }
        return (200, known[where]) if where in known else _missing("page not found")

    def _image(self, method: str, name: str, asked: dict[str, str]) -> Answer:
        if name == "json":
            return 200, [_described(one) for one in sorted(self.images)]
        if name == "create":
            return self._pull(_tagged(asked.get("fromImage", ""), asked.get("tag", "")))
        wanted = _tagged(name.removesuffix("/json"), "")
        if wanted not in self.images:
            return _missing(f"No such image: {wanted}")
        if method == "DELETE":
            self.images.discard(wanted)
            return 200, [{"Untagged": wanted}]
        return 200, _described(wanted)

    def _pull(self, image: str) -> Answer:
        if "unknown" in image:
            return _missing(f"manifest for {image} not found: manifest unknown: manifest unknown")
        return 200, self._progress(image)

    def _progress(self, image: str) -> Iterator[dict[str, Any]]:
        repository, _, tag = image.rpartition(":")
        yield {"status": f"Pulling from {repository}", "id": tag}
        for step in range(1, PULL_STEPS + 1):
            yield {"status": "Downloading", "progressDetail": {"current": step * 1000, "total": PULL_STEPS * 1000}, "id": "0123456789ab"}
            if "broken" in image and step == PULL_STEPS // 2:
                yield {"errorDetail": {"message": "unexpected EOF"}, "error": "unexpected EOF"}
                return
        self.images.add(image)
        yield {"status": f"Status: Downloaded newer image for {image}"}

    def _container(self, method: str, where: str, asked: dict[str, str], body: bytes) -> Answer:
        name, _, action = where.partition("/")
        if where == "json":
            return 200, [self._listed(identity) for identity in self._labelled(json.loads(asked.get("filters", "{}")))]
        if where == "create":
            return self._create(asked.get("name", ""), json.loads(body))
        if name not in self._created:
            return _missing(f"No such container: {name}")
        if method == "DELETE" or action == "stop":
            return self._end(name, method == "DELETE")
        if action == "start":
            self._start(name)
            return 204, None
        return 200, self._inspected(name)

    def _labelled(self, filters: dict[str, Any]) -> list[str]:
        wanted = [tuple(label.split("=", 1)) for label in filters.get("label", {})]
        return [
            identity
            for identity, container in self._created.items()
            if all((container.get("Labels") or {}).get(name) == value for name, value in wanted)
        ]

    def _create(self, name: str, asked: dict[str, Any]) -> Answer:
        if _tagged(asked["Image"], "") not in self.images:
            return _missing(f"No such image: {_tagged(asked['Image'], '')}")
        identity = name or f"container{len(self._created)}"
        with self._lock:
            if identity in self._created:
                return 409, {"message": f'Conflict. The container name "/{identity}" is already in use'}
            self._created[identity] = asked
        return 201, {"Id": identity, "Warnings": []}

    def _start(self, identity: str) -> None:
        bindings = (self._created[identity].get("HostConfig") or {}).get("PortBindings") or {}
        for published in bindings.values():
            where = published[0]
            self._runners[identity] = Runner(0, where["HostIp"] or "127.0.0.1", int(where["HostPort"]), self.heard)

    def _end(self, identity: str, forget: bool) -> Answer:
        with self._lock:
            runner = self._runners.pop(identity, None)
            if forget:
                self._created.pop(identity, None)
        if runner is not None:
            runner.web.shutdown()
            runner.web.server_close()
        return 204, None

    def _listed(self, identity: str) -> dict[str, Any]:
        container = self._created[identity]
        state = "running" if identity in self._runners else "exited"
        labels = container.get("Labels") or {}
        return {"Id": identity, "Names": [f"/{identity}"], "Image": container["Image"], "Labels": labels, "State": state, "Status": state}

    def _inspected(self, identity: str) -> dict[str, Any]:
        running = identity in self._runners
        state = {"Status": "running" if running else "created", "Running": running, "ExitCode": 0}
        return {"Id": identity, "Name": f"/{identity}", "State": state, "Config": self._created[identity]}


def docker(images: set[str] | None = None) -> Web:
    """A Docker API on a free port of this machine."""
    return Web(Containers(images or set()).answer)


def _tagged(name: str, tag: str) -> str:
    if tag.startswith("sha256:"):
        return f"{name}@{tag}"
    last = name.rpartition("/")[2]
    return name if ":" in last or "@" in last else f"{name}:{tag or 'latest'}"


def _described(image: str) -> dict[str, Any]:
    return {"Id": f"sha256:{zlib.crc32(image.encode()):064x}", "RepoTags": [image], "RepoDigests": [], "Size": PULL_STEPS * 1000}


def _missing(why: str) -> Answer:
    return 404, {"message": why}


class MediaMTX:
    """Knows every stream until the gateway kicks it; it is asked at the address of whoever announces a stream."""

    PORT = 9997

    def __init__(self, host: str, port: int = PORT, heard: Callable[[str], None] = _silent) -> None:
        self.kicked = threading.Event()
        self.address = host
        self._gone: set[str] = set()
        self.web = Web(self._answer, host, port, heard)

    def forget(self, source: str) -> None:
        """The publisher leaves."""
        self._gone.add(source)

    def _answer(self, _method: str, path: str, _body: bytes) -> Answer:
        source = path.rpartition("/")[2]
        if "/kick/" in path:
            self.forget(source)
            self.kicked.set()
            return 200, {}
        return (404, {"error": "not found"}) if source in self._gone else (200, {"id": source, "state": "publish"})


def _split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host, int(port)


def _printing(prefix: str) -> Callable[[str], None]:
    return lambda line: print(prefix, line, flush=True)


def main() -> None:
    """What the options name, until it is ended."""
    parser = argparse.ArgumentParser(description="What stands around nodes.")
    parser.add_argument("--runner", default="")
    parser.add_argument("--docker", default="")
    parser.add_argument("--mediamtx", default="")
    parser.add_argument("--images", default="")
    parser.add_argument("--runtimes", default="runc")
    options = parser.parse_args()
    if options.runner:
        host, port = _split(options.runner)
        Runner(0, host, port, _printing(str(port)))
    if options.docker:
        images = {_tagged(name, "") for name in options.images.split(",") if name}
        containers = Containers(images, tuple(options.runtimes.split(",")), _printing("container"))
        where = urlsplit(options.docker)
        if where.scheme == "unix":
            Local(containers.answer, where.path, _printing("docker"))
        else:
            Web(containers.answer, where.hostname or "127.0.0.1", where.port or 2375, _printing("docker"))
    if options.mediamtx:
        host, port = _split(options.mediamtx)
        MediaMTX(host, port, _printing(str(port)))
    threading.Event().wait()


if __name__ == "__main__":
    main()
