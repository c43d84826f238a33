# SPDX-License-Identifier: GPL-3.0-or-later
"""The public HTTP port of a gateway (server/mediaserver.go:HandlePush, recorded/http-gateway.json)."""

from __future__ import annotations

import posixpath
import re
import time

from . import golog, httpd, multipart
from .ai_gateway import AIGateway, api_error
from .ai_sessions import AISessionPools
from .govalues import ParseError, atoi
from .httpd import Dropped, Handler, Request, Response, Routes
from .live_gateway import LiveGateway
from .node import Node
from .public_routes import MULTIPART_JOBS, NO_MULTIPART, add_shared, posted
from .stream_auth import Denied, authenticate
from .streams import AttemptsUsedUp, InvalidVideo, SegmentFailed, Stream, Streams, StreamStopped

EXTENSIONS = (".ts", ".mp4")
NIL_SENDER = "runtime error: invalid memory address or nil pointer dereference"
DEFAULT_MILLISECONDS = 2000


class Gateway:
    """Video by HTTP push, AI jobs; AI routes that take files answer just enough to be told apart."""

    def __init__(self, node: Node, streams: Streams, ingest: bool) -> None:
        self._node = node
        self._streams = streams
        self._ingest = ingest
        self._pools = AISessionPools(node)

    def routes(self) -> Routes:
        """The mux of the public port; without HTTP ingest only health, playback and recordings are there."""
        routes = Routes()
        add_shared(routes)
        if self._ingest:
            routes.add("/live/", self._push)
            self._add_ai_routes(routes)
        return routes

    def _add_ai_routes(self, routes: Routes) -> None:
        """server/ai_mediaserver.go:startAIMediaServer"""
        for name in MULTIPART_JOBS:
            routes.add(f"/{name}", posted(lambda _request: api_error(NO_MULTIPART)))
        AIGateway(self._node, self._pools).add_routes(routes)
        routes.add("/image-to-video/result", _with_body(lambda _request: api_error("invalid request ID")))
        self._add_live_video_routes(routes)
        _add_job_routes(routes)

    def _add_live_video_routes(self, routes: Routes) -> None:
        """A method or a path that is none of these is a push to /live/."""
        top = "/live/video-to-video"
        LiveGateway(self._node, self._pools).add_routes(routes)
        routes.add(f"POST {top}/{{stream}}/update", _no_stream)
        routes.add(f"{top}/{{stream}}/status", _no_stream)
        for action in ("update", "status"):
            routes.add(f"OPTIONS {top}/{{stream}}/{action}", _no_content)
        routes.add(f"{top}/smoketest", _smoke_test)

    def _push(self, request: Request) -> Response:
        if request.method not in ("POST", "PUT"):
            return _failed(405, f"http push request wrong method={request.method} url={request.path} host={request.host}")
        extension = posixpath.splitext(request.path)[1]
        if extension not in EXTENSIONS:
            return _failed(400, f"ignoring file extension: {extension}")
        url = f"http://{request.host}{request.path}"
        name = manifest_name(request.path)
        golog.info(
            f"manifestID={name} clientIP={request.client} Got push request at url={url} "
            f"ua={request.headers.get('user-agent', '')} addr={request.client} bytes={len(request.body)} "
            f"dur={request.headers.get('content-duration', '')} resolution={request.headers.get('content-resolution', '')}"
        )
        if not name:
            return _failed(400, f"Bad URL url={url}")
        try:
            stream = self._open(name, request.path)
        except Denied as error:
            golog.error(f'Forbidden: Authentication denied for streamID url={request.path} err="{error}"')
            return _failed(403, f"Could not create stream ID: url={url}")
        if stream is None:
            golog.error(f"Too many connections for streamID url={url}")
            return _failed(500, f"Could not create stream ID: url={url}")
        sequence, seconds = _sequence(request.path, extension), _seconds(request)
        started = time.monotonic()
        try:
            renditions = self._streams.transcode(stream, request.body, sequence, extension, seconds, request.client)
        except SegmentFailed:
            raise Dropped(NIL_SENDER) from None
        except (InvalidVideo, StreamStopped, AttemptsUsedUp) as error:
            status = 500 if isinstance(error, StreamStopped) else 422
            return _failed(status, f'http push error processing segment url={url} manifestID={name} err="{error}"')
        if not renditions:
            golog.error(f"No sessions available name={posixpath.basename(request.path)} url={url} statusCode=503")
            return httpd.error("No sessions available", 503)
        golog.info(f"manifestID={name} Finished transcoding push request at url={url} took={time.monotonic() - started:.3f}s")
        if request.headers.get("accept") != "multipart/mixed":
            return Response(200)
        self._streams.count_answer(stream, seconds, time.monotonic() - started, request.client)
        content_type, body = multipart.encode(renditions, sequence, extension)
        return Response(200, body, content_type)

    def _open(self, name: str, path: str) -> Stream | None:
        """createRTMPStreamIDHandler: a webhook is asked about a stream that is new, and may give it another name."""
        if not self._streams.knows(name):
            name = manifest_name(f"/live/{authenticate(self._node.settings, path)}") or name
        return self._streams.open(name)


def manifest_name(path: str) -> str:
    """mediaserver.go:parseManifestID: the part after /live/ or /stream/, up to the next slash."""
    bare = posixpath.splitext(path)[0]
    bare = re.sub(r"(?:^[ /]*(?:stream/)?)|(?:live/)", "", bare)
    return bare.partition("/")[0]


def _sequence(path: str, extension: str) -> int:
    text = posixpath.basename(path)[: -len(extension)]
    return int(text) if text.isascii() and text.isdigit() else 0


def _seconds(request: Request) -> float:
    try:
        return atoi(request.headers.get("content-duration", "")) / 1000
    except ParseError:
        golog.info("Missing duration; filling in a default of 2000ms")
        return DEFAULT_MILLISECONDS / 1000


def _failed(status: int, message: str) -> Response:
    golog.error(f"{message} statusCode={status}")
    return httpd.error(message, status)


def _with_body(handler: Handler) -> Handler:
    return lambda request: handler(request) if request.body else api_error("EOF")


def _no_stream(_request: Request) -> Response:
    return httpd.error("Stream not found", 404)


def _no_content(_request: Request) -> Response:
    return Response(204)


def _smoke_test(request: Request) -> Response:
    if request.method != "PUT":
        return httpd.error("Method not allowed", 405)
    return httpd.error("Failed to parse request body", 400)


def _add_job_routes(routes: Routes) -> None:
    """byoc/byoc.go:registerRoutes"""
    routes.add("/process/request/", _job_request)
    routes.add("OPTIONS /process/stream/", _no_content)
    routes.add("POST /process/stream/start", _job_request)
    for route in ("POST update", "GET status", "POST stop", "GET data", "POST rtmp"):
        method, _, action = route.partition(" ")
        routes.add(f"{method} /process/stream/{{stream}}/{action}", _no_stream)


def _job_request(request: Request) -> Response:
    if request.method != "POST":
        return httpd.error("Method not allowed", 405)
    return httpd.error("Unable to parse job request, err=unexpected end of JSON input", 400)
