# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes that the public ports of gateway and orchestrator have in common (server/mediaserver.go, lpms vidplayer)."""

from __future__ import annotations

from . import httpd
from .httpd import Request, Response, Routes


def add_shared(routes: Routes) -> None:
    """Health, playback, recordings."""
    routes.add("/healthz", lambda _request: httpd.text(""))
    routes.add("/stream/", lambda _request: httpd.error("ErrNotFound", 404))
    routes.add("/recordings/", _recordings)


def _recordings(request: Request) -> Response:
    return Response(400 if request.method in ("GET", "HEAD") else 405)
