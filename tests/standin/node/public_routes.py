# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes that the public ports of gateway and orchestrator have in common (server/mediaserver.go, lpms vidplayer)."""

from __future__ import annotations

from . import httpd
from .httpd import Handler, Request, Response, Routes

PLAYBACK_HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Content-Length",
    "Cache-Control": "max-age=5",
}
MULTIPART_JOBS = ("image-to-image", "image-to-video", "upscale", "audio-to-text", "segment-anything-2", "image-to-text")
"""AI jobs that carry a file; the others are JSON."""

NO_MULTIPART = "request Content-Type isn't multipart/form-data"


def add_shared(routes: Routes) -> None:
    """Health, playback, recordings."""
    routes.add("/healthz", lambda _request: httpd.text(""))
    routes.add("/stream/", _playback)
    routes.add("/recordings/", _recordings)


def _playback(_request: Request) -> Response:
    missing = httpd.error("ErrNotFound", 404)
    return Response(404, missing.body, missing.content_type, {**missing.headers, **PLAYBACK_HEADERS})


def _recordings(request: Request) -> Response:
    return Response(400 if request.method == "GET" else 405)


def posted(handler: Handler) -> Handler:
    """oapi-codegen's validator of the AI routes: everything but POST is answered with nothing."""
    return lambda request: handler(request) if request.method == "POST" else httpd.text("")
