# SPDX-License-Identifier: GPL-3.0-or-later
"""What live AI needs beside a node, as far as money goes; on loopback, each request is printed.

An AI runner that takes every job (9000), a Docker API without containers (2375), and the API of MediaMTX (9997), which knows
every source until it is kicked.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

RUNNER, DOCKER, MEDIAMTX = 9000, 2375, 9997
KICKED: set[str] = set()


def answer(port: int, path: str) -> tuple[int, Any]:
    """Status and document."""
    if port == RUNNER:
        return 200, {"status": "IDLE"} if path == "/health" else {}
    if port == DOCKER:
        return 200, [] if "/containers/json" in path else {"ApiVersion": "1.43"}
    source = path.rpartition("/")[2]
    if "/kick/" in path:
        KICKED.add(source)
        return 200, {}
    return (404, {"error": "not found"}) if source in KICKED else (200, {"id": source, "state": "publish"})


class Connection(BaseHTTPRequestHandler):
    """JSON for whoever asks."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # _answer() prints what matters
        return

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        port = self.connection.getsockname()[1]
        status, document = answer(port, self.path)
        print(port, self.command, self.path, status, flush=True)
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Api-Version", "1.43")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def main() -> None:
    """Serve until ended."""
    servers = [ThreadingHTTPServer(("127.0.0.1", port), Connection) for port in (RUNNER, DOCKER, MEDIAMTX)]
    for server in servers[1:]:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    servers[0].serve_forever()


if __name__ == "__main__":
    main()
