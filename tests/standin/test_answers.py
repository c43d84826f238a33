# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes of the stand-in answer as recorded, and /metrics has the recorded series."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from hostlib.tools import free_port
from standin_fleet import SEGMENT, Answer, Fleet, request

RECORDED = Path(__file__).resolve().parent / "recorded"
ANSWERS = json.loads((RECORDED / "http-0.9.1.json").read_text("utf-8"))
SERIES = json.loads((RECORDED / "metrics-0.9.1.json").read_text("utf-8"))
SET_LIKE = "/getAvailableTranscodingOptions"
VARIES = {"/status": ("GolangRuntimeVersion", "OrchestratorPool", "OrchestratorPoolInfos")}
TEXT = "text/plain; charset=utf-8"
WILD = ("node_id", "orchestrator_uri", "goversion", "profiles")


@dataclass(frozen=True)
class Place:
    """The ports of one running node, by the port that was recorded."""

    ports: dict[int, int]


Running = Callable[[str], Place]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One idle node of each kind for many questions."""
    fleet = Fleet(tmp_path_factory.mktemp("running"))
    yield cache(lambda kind: serve(fleet, kind))
    fleet.stop()


def serve(fleet: Fleet, kind: str) -> Place:
    """A node in the circumstances of a recording."""
    cli, public = free_port(), free_port()
    place = {"gateway": (5935, 9935), "orchestrator": (7935, 8935), "transcoder": (6935, 0)}[kind.partition("-")[0]]
    arguments = {
        "gateway": ["-gateway", "-httpAddr", f":{public}", "-rtmpAddr", f":{free_port()}"],
        "orchestrator": ["-orchestrator", "-transcoder", "-serviceAddr", f"127.0.0.1:{public}"],
        "transcoder": ["-transcoder", "-orchSecret", "s", "-orchAddr", "127.0.0.1:1", "-monitor"],
    }[kind.partition("-")[0]]
    if kind == "gateway":
        arguments += ["-orchAddr", start_orchestrator(fleet)]
    if kind == "gateway-without-orchestrator":
        arguments += ["-orchAddr", "127.0.0.1:1"]
    if kind == "gateway-without-ingest":
        arguments += ["-httpIngest=false"]
    if kind == "orchestrator":
        arguments += ["-orchSecret", "s"]
    fleet.start(*arguments, "-cliAddr", f":{cli}", wait_for=public if place[1] else cli)
    return Place({place[0]: cli, place[1]: public})


def start_orchestrator(fleet: Fleet, *more: str) -> str:
    """One that works; its address."""
    port = free_port()
    address = f"127.0.0.1:{port}"
    fleet.start("-orchestrator", "-transcoder", "-serviceAddr", address, "-cliAddr", f":{free_port()}", *more, wait_for=port)
    return address


@pytest.mark.parametrize("kind", sorted({row["node"] for row in ANSWERS}))
def test_recorded_answers(fleet: Fleet, kind: str) -> None:
    place = serve(fleet, kind)
    rows = [row for row in ANSWERS if row["node"] == kind]
    differing = []
    for row in rows:
        body = b"{}" if row["method"] == "POST" else b""
        got = request(place.ports[row["port"]], row["method"], row["path"], body, tls=row["port"] == 8935)
        want = Answer(row["status"], row["content_type"], row["body"])
        if comparable(row["path"], got, place) != comparable(row["path"], want, place):
            differing.append(f"{row['method']} {row['port']}{row['path']}\n  want {want}\n  got  {got}")
    assert not differing, "\n".join(differing)


def comparable(path: str, answer: Answer, place: Place) -> tuple[object, ...]:
    """An answer without what differs from host to host."""
    body: object = answer.body
    for recorded, used in place.ports.items():
        body = str(body).replace(f":{used}", f":{recorded}")
    if path in VARIES and answer.content_type == "application/json":
        body = {key: value for key, value in json.loads(answer.body).items() if key not in VARIES[path]}
    elif path == SET_LIKE:
        body = sorted(json.loads(answer.body))
    return answer.status, answer.content_type, body


@pytest.mark.parametrize(
    ("kind", "port", "method", "path", "status", "header"),
    [
        ("gateway", 5935, "GET", "//status", 307, ("Location", "/status")),
        ("gateway", 5935, "DELETE", "/status", 200, ("Content-Type", "application/json")),
        ("gateway", 5935, "POST", "/debug/pprof/cmdline", 405, ("Allow", "GET, HEAD")),
        ("gateway", 5935, "GET", "/setMaxSessions?maxSessions=auto", None, ("", None)),
        ("gateway", 9935, "GET", "/live", 307, ("Location", "/live/")),
        ("gateway", 9935, "HEAD", "/healthz", 200, ("Content-Length", None)),
        ("gateway", 9935, "POST", "/llm", 400, ("Content-Type", "application/json")),
        ("gateway", 9935, "PUT", "/llm", 200, ("Content-Length", "0")),
        ("gateway", 9935, "OPTIONS", "/process/stream/x/stop", 204, ("Content-Length", None)),
        ("gateway", 9935, "GET", "/process/stream/start", 405, ("Allow", "OPTIONS, POST")),
        ("gateway", 9935, "GET", "/live/video-to-video/x/start", 405, ("Allow", None)),
        ("gateway", 9935, "GET", "/stream/x.m3u8", 404, ("Access-Control-Allow-Origin", "*")),
        ("orchestrator", 8935, "POST", "/discovery", 405, ("Allow", "GET, HEAD")),
        ("orchestrator", 8935, "DELETE", "/ai/trickle/x", 400, ("Content-Type", TEXT)),
        ("orchestrator", 8935, "GET", "/capability/register", 405, ("Content-Type", TEXT)),
        ("orchestrator", 8935, "POST", "/process/token", 405, ("Content-Type", TEXT)),
        ("orchestrator", 7935, "GET", "/setMaxFaceValue?maxfacevalue=5", None, ("", None)),
    ],
)
def test_methods(
    running: Running, kind: str, port: int, method: str, path: str, status: int | None, header: tuple[str, str | None]
) -> None:
    got = request(running(kind).ports[port], method, path, tls=port == 8935)
    assert (got.status, got.headers.get(header[0])) == (status, header[1])


def test_registered_transcoder_has_address_and_port(fleet: Fleet) -> None:
    cli, service = free_port(), f"127.0.0.1:{free_port()}"
    fleet.start("-orchestrator", "-orchSecret", "s", "-serviceAddr", service, "-cliAddr", f":{cli}", wait_for=cli)
    fleet.start("-transcoder", "-orchSecret", "s", "-orchAddr", service, "-cliAddr", f":{free_port()}")
    wait_for_transcoder(cli)
    (transcoder,) = json.loads(request(cli, "GET", "/status").body)["RegisteredTranscoders"]
    assert re.fullmatch(r"127\.0\.0\.1:\d+", transcoder["Address"])
    assert transcoder["Capacity"] == 10


def scraped(port: int) -> set[str]:
    """Series with their labels, the ones that differ from host to host as stars."""
    return set(series(request(port, "GET", "/metrics").body))


def series(text: str) -> Iterator[str]:
    for line in text.splitlines():
        match = re.match(r"(\w+)(?:\{(.*)\})? \S+$", line)
        if match is None or line.startswith("#"):
            continue
        name = match.group(1)
        if name.startswith(("go_", "process_")):
            yield name
            continue
        labels = dict(re.findall(r'(\w+)="([^"]*)"', match.group(2) or ""))
        shown = {key: "*" if key in WILD and value else value for key, value in labels.items()}
        yield f"{name}{{{','.join(f'{key}={value}' for key, value in sorted(shown.items()))}}}"


@pytest.mark.parametrize("role", ["gateway", "orchestrator", "transcoder"])
def test_series_of_an_idle_node(fleet: Fleet, role: str) -> None:
    cli = free_port()
    arguments = {
        "gateway": ["-gateway", "-httpAddr", f":{free_port()}", "-rtmpAddr", f":{free_port()}"],
        "orchestrator": ["-orchestrator", "-transcoder", "-serviceAddr", f"127.0.0.1:{free_port()}", "-metricsPerStream"],
        "transcoder": ["-transcoder", "-orchSecret", "s", "-orchAddr", "127.0.0.1:1"],
    }[role]
    fleet.start(*arguments, "-monitor", "-cliAddr", f":{cli}", wait_for=cli)
    assert scraped(cli) == set(SERIES[f"{role}-idle"])


def test_series_during_a_stream(fleet: Fleet) -> None:
    orchestrator_cli, transcoder_cli, gateway_cli, http = (free_port() for _ in range(4))
    service = f"127.0.0.1:{free_port()}"
    fleet.start(
        "-orchestrator", "-orchSecret", "s", "-serviceAddr", service, "-monitor", "-cliAddr", f":{orchestrator_cli}",
        wait_for=int(service.partition(":")[2]),
    )  # fmt: skip
    fleet.start(
        "-transcoder", "-orchSecret", "s", "-orchAddr", service, "-monitor", "-cliAddr", f":{transcoder_cli}",
        wait_for=transcoder_cli,
    )  # fmt: skip
    fleet.start(
        "-gateway", "-orchAddr", service, "-monitor", "-metricsPerStream", "-metricsClientIP", "-httpAddr", f":{http}",
        "-rtmpAddr", f":{free_port()}", "-cliAddr", f":{gateway_cli}", wait_for=http,
    )  # fmt: skip
    wait_for_transcoder(orchestrator_cli)
    assert request(http, "PUT", "/live/push1/0.ts", SEGMENT, Accept="multipart/mixed").status == 200
    assert scraped(gateway_cli) == set(SERIES["gateway-stream"])
    assert scraped(orchestrator_cli) == set(SERIES["orchestrator-stream"])
    wanted = set(SERIES["transcoder-stream"])
    for _ in range(100):
        if scraped(transcoder_cli) == wanted:
            return
        time.sleep(0.05)
    raise AssertionError(scraped(transcoder_cli) ^ wanted)


def wait_for_transcoder(cli: int) -> None:
    """Until the orchestrator counts one."""
    for _ in range(200):
        if json.loads(request(cli, "GET", "/status").body)["RegisteredTranscodersNumber"] == 1:
            return
        time.sleep(0.05)
    raise AssertionError("no transcoder registered")


def test_no_metrics_without_monitor(fleet: Fleet) -> None:
    cli = free_port()
    fleet.start("-transcoder", "-orchSecret", "s", "-orchAddr", "127.0.0.1:1", "-cliAddr", f":{cli}", wait_for=cli)
    assert request(cli, "GET", "/metrics").status == 404
