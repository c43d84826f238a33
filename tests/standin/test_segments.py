# SPDX-License-Identifier: GPL-3.0-or-later
"""Video from a gateway to its orchestrators: who did it, what is refused, what an off-chain gateway dies of."""

from __future__ import annotations

import json
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from hostlib.tools import free_port
from standin_fleet import SEGMENT, Fleet, request

LONGER_THAN_A_LOST_SEGMENT = 1.6


class Webhook:
    """Somebody who knows one stream, and remembers what he was asked."""

    def __init__(self, known: str) -> None:
        self.asked: list[str] = []
        told = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                url = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["url"]
                told.asked.append(url)
                text = json.dumps({"manifestID": known}).encode() if f"/{known}/" in url else b"nobody knows it"
                self.send_response(200 if f"/{known}/" in url else 403)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_arguments: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.where = f"127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Webhook:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_what: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class Gateway:
    """A running gateway and its ports."""

    def __init__(self, fleet: Fleet, *arguments: str) -> None:
        self.cli, self.http, self.rtmp = free_port(), free_port(), free_port()
        ports = ("-cliAddr", f":{self.cli}", "-httpAddr", f":{self.http}", "-rtmpAddr", f":{self.rtmp}")
        self.process = fleet.start("-gateway", *ports, *arguments, wait_for=self.http)

    def push(self, path: str, body: bytes = SEGMENT) -> tuple[int | None, str]:
        """One segment of half a second as a publisher sends it."""
        answer = request(self.http, "PUT", path, body, Accept="multipart/mixed", Content_Duration="500")
        return answer.status, answer.body

    def streams(self) -> dict[str, dict[str, int]]:
        """/status → StreamInfo"""
        return json.loads(request(self.cli, "GET", "/status").body)["StreamInfo"]


def orchestrator(fleet: Fleet, *arguments: str) -> str:
    """An orchestrator that transcodes itself; its address."""
    port = free_port()
    address = f"127.0.0.1:{port}"
    fleet.start("-orchestrator", "-transcoder", "-serviceAddr", address, "-cliAddr", f":{free_port()}", *arguments, wait_for=port)
    return address


def test_renditions_come_back_and_are_counted(fleet: Fleet) -> None:
    gateway = Gateway(fleet, "-orchAddr", orchestrator(fleet), "-transcodingOptions", "P144p30fps16x9,P360p30fps16x9")
    status, body = gateway.push("/live/one/0.ts")
    assert status == 200
    assert 'filename="P144p30fps16x9_0.ts"' in body and "Rendition-Name: P360p30fps16x9" in body
    first = gateway.streams()["one"]
    assert first == {"SourceBytes": len(SEGMENT), "TranscodedBytes": 2 * len(SEGMENT)}
    gateway.push("/live/one/1.ts")
    assert gateway.streams()["one"]["TranscodedBytes"] == 2 * first["TranscodedBytes"]


def test_the_log_says_which_orchestrator_did_it(fleet: Fleet) -> None:
    address = orchestrator(fleet)
    gateway = Gateway(fleet, "-orchAddr", address)
    gateway.push("/live/one/7.ts")
    assert f"Successfully transcoded segment segName=7.ts orch=https://{address}" in fleet.log(2)
    assert "Transcoded segment manifestID=one" in fleet.log(1)


def test_without_an_orchestrator_503(fleet: Fleet) -> None:
    gateway = Gateway(fleet, "-orchAddr", f"127.0.0.1:{free_port()}")
    assert gateway.push("/live/one/0.ts") == (503, "No sessions available\n")
    assert gateway.process.poll() is None


def test_no_video_is_422(fleet: Fleet) -> None:
    gateway = Gateway(fleet, "-orchAddr", orchestrator(fleet))
    assert gateway.push("/live/one/0.ts", b"no video")[0] == 422


def test_a_lost_orchestrator_drops_requests_and_then_the_name(fleet: Fleet) -> None:
    address = orchestrator(fleet)
    gateway = Gateway(fleet, "-orchAddr", address)
    assert gateway.push("/live/one/0.ts")[0] == 200
    fleet.end(1)
    assert [gateway.push(f"/live/one/{number}.ts")[0] for number in (1, 2)] == [None, None]
    time.sleep(LONGER_THAN_A_LOST_SEGMENT)
    assert [gateway.push(f"/live/one/{number}.ts")[0] for number in (3, 4)] == [503, 503]
    assert gateway.process.poll() is None


def test_a_second_orchestrator_takes_over_late(fleet: Fleet) -> None:
    addresses = [orchestrator(fleet), orchestrator(fleet)]
    gateway = Gateway(fleet, "-orchAddr", ",".join(addresses))
    gateway.push("/live/one/0.ts")
    used = 1 if f"orch=https://{addresses[0]}" in fleet.log(3) else 2
    fleet.end(used)
    assert gateway.push("/live/one/1.ts")[0] is None
    time.sleep(LONGER_THAN_A_LOST_SEGMENT)
    assert gateway.push("/live/one/2.ts")[0] == 200
    assert f"to orch=https://{addresses[2 - used]}" in fleet.log(3)


def test_a_full_orchestrator_takes_no_second_stream(fleet: Fleet) -> None:
    gateway = Gateway(fleet, "-orchAddr", orchestrator(fleet, "-maxSessions", "1"))
    assert gateway.push("/live/one/0.ts")[0] == 200
    assert gateway.push("/live/two/0.ts")[0] == 503


def test_sigterm_ends_with_status_0_and_sighup_kills(fleet: Fleet) -> None:
    first, second = Gateway(fleet), Gateway(fleet)
    first.process.terminate()
    assert first.process.wait(5) == 0
    second.process.send_signal(signal.SIGHUP)
    assert second.process.wait(5) == -signal.SIGHUP


def test_files_of_an_orchestrator(fleet: Fleet, tmp_path: Path) -> None:
    orchestrator(fleet)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "data1").iterdir()}
    assert modes == {"lpdb.sqlite3": 0o644, "cert.pem": 0o644, "key.pem": 0o644}


def test_a_webhook_lets_in_whom_it_knows(fleet: Fleet) -> None:
    with Webhook(known="one") as webhook:
        gateway = Gateway(fleet, "-orchAddr", orchestrator(fleet), "-authWebhookUrl", f"http://{webhook.where}/auth")
        assert [gateway.push(f"/live/{path}.ts")[0] for path in ("one/0", "one/1", "two/0")] == [200, 200, 403]
        assert webhook.asked == ["/live/one/0.ts", "/live/two/0.ts"], "the first is asked about once"
