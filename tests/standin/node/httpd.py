# SPDX-License-Identifier: GPL-3.0-or-later
"""A small HTTP server that answers as net/http does where it can be seen."""

from __future__ import annotations

import html
import json
import posixpath
import queue
import select
import socket
import ssl
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from . import golog

TEXT = "text/plain; charset=utf-8"
HANDSHAKE_SECONDS = 10.0
NO_CONTENT = 204
LARGEST_BODY = 10 << 20


class Dropped(Exception):
    """A handler that panics in the real node: the connection closes without an answer, the process goes on."""


class Writer:
    """The open end of an answer that goes on."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def line(self, content: bytes) -> None:
        """One line to the other side."""
        self._connection.sendall(content + b"\n")

    def hung_up(self) -> bool:
        """Whether the other side is gone."""
        readable, _, _ = select.select([self._connection], [], [], 0)
        return bool(readable) and self._connection.recv(1) == b""


@dataclass(frozen=True)
class Request:
    """What a handler gets."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    host: str
    client: str
    client_port: int

    def form(self) -> dict[str, str]:
        """http.Request.ParseForm and FormValue: the body of POST, PUT, PATCH comes before the query."""
        values: dict[str, str] = {}
        sources = [self.query]
        if self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            sources.append(self.body.decode("utf-8", "replace"))
        for source in sources:
            values.update({name: given[0] for name, given in parse_qs(source, keep_blank_values=True).items()})
        return values


@dataclass(frozen=True)
class Response:
    """An answer; a body without a type gets the one that Go would sniff."""

    status: int = 200
    body: bytes = b""
    content_type: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    stream: Callable[[Writer], None] | None = None


Handler = Callable[[Request], Response]


def text(content: str | bytes, status: int = 200) -> Response:
    """handlers.go:respondOk: no type without a body."""
    body = content.encode("utf-8") if isinstance(content, str) else content
    return Response(status, body, TEXT if body else None)


def as_json(value: Any, status: int = 200) -> Response:
    """handlers.go:respondJson"""
    return Response(status, json.dumps(value, separators=(",", ":")).encode("utf-8"), "application/json")


def error(message: str, status: int) -> Response:
    """http.Error"""
    return Response(status, f"{message}\n".encode(), TEXT, {"X-Content-Type-Options": "nosniff"})


def not_found(_request: Request) -> Response:
    """http.NotFound"""
    return error("404 page not found", 404)


def redirect(request: Request, path: str) -> Response:
    """http.Redirect: only GET gets a page to read."""
    target = path + (f"?{request.query}" if request.query else "")
    if request.method not in ("GET", "HEAD"):
        return Response(307, headers={"Location": target})
    page = f'<a href="{html.escape(target)}">Temporary Redirect</a>.\n\n' if request.method == "GET" else ""
    return Response(307, page.encode(), "text/html; charset=utf-8", {"Location": target})


@dataclass(frozen=True)
class _Route:
    """One pattern of a mux: no method takes all; `{name}` is one part of a path, an empty last part all below."""

    method: str
    parts: tuple[str, ...]
    handler: Handler

    def fits(self, parts: list[str]) -> bool:
        """Whether the path is one of the pattern's."""
        if self.is_subtree:
            parts = [*parts[: len(self.parts) - 1], ""] if len(parts) >= len(self.parts) else []
        return len(parts) == len(self.parts) and all(
            part == own or (own.startswith("{") and part != "") for part, own in zip(parts, self.parts, strict=True)
        )

    def takes(self, method: str) -> bool:
        """GET takes HEAD as well."""
        return self.method in ("", method) or (self.method == "GET" and method == "HEAD")

    @property
    def is_subtree(self) -> bool:
        return self.parts[-1] == ""

    @property
    def rank(self) -> tuple[int, bool, int, bool]:
        """The more specific pattern has the higher rank."""
        literal = sum(not part.startswith("{") for part in self.parts)
        return len(self.parts), not self.is_subtree, literal, self.method != ""


class Routes:
    """http.ServeMux: patterns such as `/status`, `/live/`, `POST /live/{stream}/start`."""

    def __init__(self) -> None:
        self._routes: list[_Route] = []

    def add(self, pattern: str, handler: Handler) -> None:
        """ServeMux.Handle"""
        method, _, path = pattern.rpartition(" ")
        self._routes.append(_Route(method, tuple(path[1:].split("/")), handler))

    def answer(self, request: Request) -> Response:
        """The most specific pattern; without one the path is mended, the method refused or nothing found."""
        mended = _clean(request.path)
        if mended != request.path:
            return redirect(request, mended)
        fitting = self._fitting(request.path)
        route = max((one for one in fitting if one.takes(request.method)), key=lambda one: one.rank, default=None)
        below = f"{request.path}/"
        if (route is None or route.is_subtree) and not request.path.endswith("/"):
            wanted = tuple(below[1:].split("/"))
            if any(one.parts == wanted and one.takes(request.method) for one in self._routes):
                return redirect(request, below)
        if route is not None:
            return route.handler(request)
        return _method_refused(fitting) if fitting else not_found(request)

    def _fitting(self, path: str) -> list[_Route]:
        parts = path[1:].split("/")
        return [one for one in self._routes if one.fits(parts)]


def _clean(path: str) -> str:
    """net/http cleanPath: no double slashes and dots; a final slash stays."""
    cleaned = posixpath.normpath("/" + path.lstrip("/"))
    return cleaned + "/" if path.endswith("/") and cleaned != "/" else cleaned


def _method_refused(routes: list[_Route]) -> Response:
    methods = {one.method for one in routes} | ({"HEAD"} if any(one.method == "GET" for one in routes) else set())
    answer = error("Method Not Allowed", 405)
    return Response(405, answer.body, answer.content_type, {**answer.headers, "Allow": ", ".join(sorted(methods))})


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:  # the real node logs no requests
        return

    def version_string(self) -> str:
        return ""

    def _handle(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        chunked = "chunked" in (self.headers.get("Transfer-Encoding") or "")
        body = self._read_chunks() if chunked else self.rfile.read(min(length, LARGEST_BODY))
        path, _, query = self.requestline.split()[1].partition("?")
        request = Request(
            method=self.command,
            path=path,
            query=query,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
            host=self.headers.get("Host", ""),
            client=self.client_address[0].removeprefix("::ffff:"),
            client_port=self.client_address[1],
        )
        try:
            self._send(self.server.routes.answer(request))
        except Dropped as reason:
            golog.raw(f"http: panic serving {self.client_address[0]}: {reason}\n")
            self.close_connection = True

    def _read_chunks(self) -> bytes:
        parts: list[bytes] = []
        while True:
            size = int(self.rfile.readline().split(b";")[0].strip() or b"0", 16)
            if size == 0:
                while self.rfile.readline().strip():
                    continue
                return b"".join(parts)
            parts.append(self.rfile.read(size))
            self.rfile.readline()

    def _send(self, response: Response) -> None:
        if response.stream is not None:
            self.close_connection = True
            self.send_response_only(200)
            self.end_headers()
            self.wfile.flush()
            response.stream(Writer(self.connection))
            return
        self.send_response_only(response.status)
        self.send_header("Date", self.date_time_string())
        if response.content_type:
            self.send_header("Content-Type", response.content_type)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if response.body or (response.status != NO_CONTENT and self.command != "HEAD"):
            self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = do_OPTIONS = _handle


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, listening: socket.socket, routes: Routes, tls: ssl.SSLContext | None) -> None:
        super().__init__(listening.getsockname()[:2], _Connection, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.routes = routes
        self._tls = tls

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        if self._tls is not None:
            try:
                request.settimeout(HANDSHAKE_SECONDS)
                request = self._tls.wrap_socket(request, server_side=True)
                request.settimeout(None)
            except OSError:
                request.close()
                return
        super().process_request_thread(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if isinstance(sys.exc_info()[1], OSError):
            golog.verbose(6, f"connection from {client_address} ended early")
        else:
            golog.raw(f"stand-in: {traceback.format_exc()}")


def feed(lines: queue.SimpleQueue[bytes | None], writer: Writer) -> None:
    """Lines to the other side until it hangs up."""
    while not writer.hung_up():
        try:
            line = lines.get(timeout=0.2)
        except queue.Empty:
            continue
        if line is None:
            return
        writer.line(line)


def serve(listening: socket.socket, routes: Routes, tls: ssl.SSLContext | None = None) -> None:
    """Answers in the background for as long as the process lives."""
    server = _Server(listening, routes, tls)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 3600}, daemon=True).start()
