# SPDX-License-Identifier: GPL-3.0-or-later
"""The endpoint: JSON-RPC at /, and /ctl for tests."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from . import contracts, events, rpc
from .document import Chain

TOO_LONG = 3600.0
"""Nobody waits that long for an endpoint that hangs."""

STATUS_OF_FAULT = {"401": "unauthorized", "429": "rate limited", "503": "down"}


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536
    disable_nagle_algorithm = True
    server: Endpoint

    def log_message(self, format: str, *args: Any) -> None:  # what was asked is counted at /ctl/calls
        return

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            # A key of the provider's may stand behind it.
            if self.path.partition("?")[0] == "/":
                self._rpc(json.loads(body))
            elif self.path == "/ctl":
                self._change(json.loads(body))
            elif self.path == "/ctl/event":
                with self.server.lock:
                    events.happen(self.server.chain, json.loads(body))
                self._send(200, {"ok": True})
            else:
                self._send(404, {"error": f"there is no {self.path}"})
        except (ValueError, KeyError) as error:
            self._send(400, {"error": str(error)})

    def do_GET(self) -> None:
        chain = self.server.chain
        with self.server.lock:
            if self.path == "/ctl":
                head = chain.head()
                given: Any = {"state": chain.document, "head": head, "l1": chain.l1(head), "txs": chain.transactions}
                self._send(200, {**given, "addr": contracts.ADDRESSES})
            elif self.path == "/ctl/calls":
                self._send(200, dict(chain.calls.most_common()))
            else:
                self._send(404, {"error": f"there is no {self.path}"})

    def do_DELETE(self) -> None:
        with self.server.lock:
            self.server.chain.calls.clear()
        self._send(200, {})

    def _change(self, changes: dict[str, Any]) -> None:
        with self.server.lock:
            self.server.chain.change(changes)
            self._send(200, self.server.chain.document)

    def _rpc(self, asked: Any) -> None:
        fault = self.server.chain.document["down"]
        if fault in STATUS_OF_FAULT:
            self._send(int(fault), STATUS_OF_FAULT[fault])
            return
        if fault == "hang":
            time.sleep(TOO_LONG)
        with self.server.lock:
            given = [self._one(one, fault) for one in asked] if isinstance(asked, list) else self._one(asked, fault)
        self._send(200, given)

    def _one(self, asked: dict[str, Any], fault: str) -> dict[str, Any]:
        if fault == "error":
            refused = {"code": -32005, "message": "daily request count exceeded"}
            return {"jsonrpc": "2.0", "id": asked.get("id"), "error": refused}
        return rpc.answer(self.server.chain, asked)

    def _send(self, status: int, content: Any) -> None:
        body = json.dumps(content).encode("utf-8")
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Endpoint(ThreadingHTTPServer):
    """One chain for many nodes."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, host: str, port: int, chain: Chain) -> None:
        super().__init__((host, port), _Connection)
        self.chain = chain
        self.lock = threading.Lock()
