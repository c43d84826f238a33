# SPDX-License-Identifier: GPL-3.0-or-later
"""Transcoders and AI workers that are processes of their own: who may register, who is sent away, and jobs through them.

LIVEPEER_BINARY=/path/livepeer holds a real binary to the same.
"""

from __future__ import annotations

import http.client
import json
import re
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hostlib.tools import free_port, wait_until
from standin_fleet import SEGMENT, Fleet, request
from surroundings import Runner, docker
from test_ai import BINARY, HERE, Gateway, image_model
from test_pack import unpacked

REAL = (HERE / "livepeer").resolve() != BINARY
SECRET, WRONG = "the-right-one", "not-the-right-one"
VIDEO = (HERE.parent / "hosts" / "hostlib" / "segment.ts").read_bytes() if REAL else SEGMENT
MATRIX: dict[str, dict[str, dict[str, str]]] = json.loads((HERE / "recorded" / "ai-secret-matrix.json").read_text("utf-8"))["modes"]
LONGER_THAN_ANY_ANSWER = 22.0
IDLE = "Terminating (transcoder|AI Worker) because of invalid secret"
ACCEPTED = {"transcoder": "Got a RegisterTranscoder request", "aiWorker": "Worker compatible, connecting worker_version="}


@dataclass
class Started:
    """A node, its CLI port and the number of its log."""

    process: subprocess.Popen[bytes]
    cli: int
    number: int


class Bench:
    """One orchestrator and its workers."""

    def __init__(self, fleet: Fleet, folder: Path, runner: Runner) -> None:
        self.fleet, self.runner, self._folder = fleet, runner, folder
        self.port, self._started = free_port(), 0

    @property
    def address(self) -> str:
        """Where workers and gateways find the orchestrator."""
        return f"127.0.0.1:{self.port}"

    def start(self, *flags: str, binary: Path | None = None) -> Started:
        """A node, once its CLI port listens."""
        self._started += 1
        cli = free_port()
        process = self.fleet.start(*flags, "-cliAddr", f"127.0.0.1:{cli}", "-monitor", "-v", "6", wait_for=cli, binary=binary)
        return Started(process, cli, self._started)

    def orchestrator(self, *flags: str, secret: str = SECRET) -> Started:
        """One that has no workers of its own unless the flags say so."""
        secrets = ["-orchSecret", secret] if secret else []
        node = self.start("-orchestrator", "-serviceAddr", self.address, *secrets, *flags)
        wait_until("the orchestrator to listen", lambda: _listens(self.port), seconds=20)
        return node

    def worker(self, kind: str, *flags: str, secret: str = SECRET, binary: Path | None = None) -> Started:
        """A transcoder or an AI worker with one model."""
        models = ["-aiModels", self.models()] if kind == "aiWorker" else []
        return self.start(f"-{kind}", "-orchAddr", self.address, "-orchSecret", secret, *models, *flags, binary=binary)

    def models(self, **more: object) -> str:
        """A file with one model behind the runner's URL."""
        file = self._folder / "models.json"
        file.write_text(json.dumps([image_model(self.runner, **more)]), "utf-8")
        return str(file)

    def says(self, node: Started, pattern: str) -> None:
        """Wait for a line in a node's log."""
        wait_until(pattern, lambda: re.search(pattern, self.fleet.log(node.number)) is not None, seconds=20)

    def status(self, node: Started) -> dict[str, Any]:
        """/status"""
        return dict(json.loads(request(node.cli, "GET", "/status").body))


def _listens(port: int) -> bool:
    try:
        return request(port, "GET", "/", tls=True).status is not None
    except OSError:
        return False


def metric(node: Started, name: str) -> list[float]:
    return [
        float(line.rpartition(" ")[2]) for line in request(node.cli, "GET", "/metrics").body.splitlines() if line.startswith(name + "{")
    ]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    api, runner = docker({"livepeer/ai-runner:latest"}), Runner()
    monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{api.server_address[1]}")
    one = Bench(Fleet(tmp_path, BINARY), tmp_path, runner)
    yield one
    one.fleet.stop()
    for server in (api, runner.web):
        server.shutdown()


def test_a_transcoder_is_known_to_its_orchestrator_and_does_its_work(bench: Bench) -> None:
    orchestrator = bench.orchestrator()
    assert (bench.status(orchestrator)["RegisteredTranscoders"], metric(orchestrator, "livepeer_transcoders_number")) == ([], [0.0])
    transcoder = bench.worker("transcoder", "-maxSessions", "7")
    wait_until("it to be known", lambda: bench.status(orchestrator)["RegisteredTranscodersNumber"] == 1, seconds=20)
    known = bench.status(orchestrator)
    assert (known["RegisteredTranscoders"][0]["Capacity"], known["LocalTranscoding"]) == (7, False)
    assert (metric(orchestrator, "livepeer_transcoders_number"), metric(orchestrator, "livepeer_transcoders_capacity")) == ([1.0], [7.0])
    assert 'node_type="trcr"' in request(transcoder.cli, "GET", "/metrics").body
    gateway = Gateway(bench.fleet, bench.address)
    assert request(gateway.http, "PUT", "/live/one/0.ts", VIDEO, Accept="multipart/mixed", Content_Duration="2000").status == 200
    assert "Transcoding taskId=" in bench.fleet.log(transcoder.number)
    # Counted once its result has been taken, when the gateway may have answered already.
    wait_until("it to be counted", lambda: metric(transcoder, "livepeer_segment_source_uploaded_total") == [1.0], seconds=20)
    transcoder.process.terminate()
    wait_until("it to be forgotten", lambda: bench.status(orchestrator)["RegisteredTranscoders"] == [], seconds=20)


def test_an_orchestrator_whose_transcoders_are_away_refuses(bench: Bench) -> None:
    bench.orchestrator()
    gateway = Gateway(bench.fleet, bench.address)
    assert request(gateway.http, "PUT", "/live/one/0.ts", VIDEO, Accept="multipart/mixed", Content_Duration="2000").status is None


def test_a_job_is_done_by_an_ai_worker_and_refused_when_it_is_gone(bench: Bench) -> None:
    orchestrator = bench.orchestrator()
    worker = bench.worker("aiWorker")
    bench.says(orchestrator, "Worker compatible, connecting worker_version=0.9.1 orchestrator_version=0.9.1 worker_addr=127.0.0.1:")
    assert bench.status(orchestrator)["RegisteredTranscoders"] == []
    gateway = Gateway(bench.fleet, bench.address)
    assert gateway.image().status == 200
    assert bench.runner.jobs == ["text-to-image"]
    wait_until("it to be counted", lambda: metric(worker, "livepeer_ai_result_uploaded_total") == [1.0], seconds=20)
    assert metric(orchestrator, "livepeer_ai_result_downloaded_total") == [1.0]
    worker.process.terminate()
    bench.says(orchestrator, "Got aiworker=127.0.0.1:[0-9]+ eof, removing from live aiworkers map")
    assert gateway.image().status is None
    bench.says(orchestrator, "Capability check failed")


def test_the_runner_of_an_ai_worker_fails(bench: Bench) -> None:
    orchestrator = bench.orchestrator()
    bench.worker("aiWorker")
    bench.says(orchestrator, "Worker compatible")
    bench.runner.failing = 400
    answer = Gateway(bench.fleet, bench.address).image()
    assert answer.status == 400


@pytest.mark.parametrize("kind", ["transcoder", "aiWorker"])
def test_a_wrong_secret_is_tried_once_and_leaves_an_idle_green_process(bench: Bench, kind: str) -> None:
    orchestrator = bench.orchestrator()
    worker = bench.worker(kind, secret=WRONG)
    bench.says(worker, IDLE)
    bench.says(orchestrator, 'err="invalid secret"')
    assert worker.process.poll() is None
    assert request(worker.cli, "GET", "/status").status == 200
    assert len(re.findall("Registering", bench.fleet.log(worker.number))) == 1
    assert bench.status(orchestrator)["RegisteredTranscoders"] == []


@pytest.mark.parametrize("kind", ["transcoder", "aiWorker"])
def test_a_worker_comes_back_to_an_orchestrator_that_was_away(bench: Bench, kind: str) -> None:
    worker = bench.worker(kind)
    bench.says(worker, "Unregistering .*rpc error: code = Unavailable")
    orchestrator = bench.orchestrator()
    bench.says(orchestrator, ACCEPTED[kind])


@pytest.mark.skipif(REAL, reason="needs two versions")
def test_an_older_ai_worker_is_sent_away_and_comes_again(bench: Bench, tmp_path: Path) -> None:
    orchestrator = bench.orchestrator()
    worker = bench.worker("aiWorker", binary=unpacked(tmp_path, "--version", "0.9.0"))
    bench.says(orchestrator, "worker 127.0.0.1:[0-9]+ not connected, version not compatible")
    bench.says(worker, 'End of stream receive cycle because of err="EOF"')
    wait_until("another try", lambda: len(re.findall("Registering AI worker", bench.fleet.log(worker.number))) >= 2, seconds=20)


def test_live_video_on_a_remote_worker_ends_its_orchestrator(bench: Bench) -> None:
    orchestrator = bench.orchestrator()
    models = bench.models(pipeline="live-video-to-video")
    bench.start("-aiWorker", "-orchAddr", bench.address, "-orchSecret", SECRET, "-aiModels", models)
    bench.says(orchestrator, "Worker compatible")
    Gateway(bench.fleet, bench.address).image()
    assert orchestrator.process.wait(20) == 2


MODES = {
    "-orchestrator -transcoder, no secret": (["-transcoder"], ""),
    "-orchestrator -aiWorker, no secret": (["-aiWorker"], ""),
    "-orchestrator -transcoder -aiWorker, no secret": (["-transcoder", "-aiWorker"], ""),
    "-orchestrator -aiModels FILE (no worker flags), no secret": ([], ""),
    "-orchestrator -transcoder -orchSecret s1": (["-transcoder"], SECRET),
    "-orchestrator -orchSecret s1": ([], SECRET),
}


@pytest.mark.parametrize("mode", MODES)
def test_who_may_register_is_as_recorded(bench: Bench, mode: str) -> None:
    flags, secret = MODES[mode]
    needs_models = "-aiWorker" in flags or "aiModels" in mode
    bench.orchestrator(*flags, *(["-aiModels", bench.models()] if needs_models else []), secret=secret)
    for client, wanted in MATRIX[mode].items():
        given = {"right secret": SECRET, "client without secret": ""}.get(client, WRONG)
        assert byoc(bench.port, given) == wanted["byoc_register"], client
        if not REAL:
            assert registration(bench.port, "transcoder", given) == wanted["remote_transcoder"], client
            assert registration(bench.port, "ai-worker", given) == wanted["remote_ai_worker"], client


def registration(port: int, kind: str, secret: str) -> str:
    """What a worker is told, in the matrix's words; the stand-ins' own protocol, because no real worker goes without a secret."""
    asked = {"secret": secret, "capacity": 1, "version": "0.9.1", "models": []}
    opened = http.client.HTTPSConnection("127.0.0.1", port, timeout=20, context=ssl._create_unverified_context())
    opened.request("POST", f"/standin/register-{kind}", json.dumps(asked))
    status = opened.getresponse().status
    opened.close()
    return {200: "accepted", 403: "invalid secret", 404: "no such service"}[status]


def byoc(port: int, secret: str) -> str:
    """What a capability that wants to be known is told, in the matrix's words."""
    capability = {"name": "x", "url": "http://127.0.0.1:1", "capacity": 1, "price_per_unit": 1, "price_scaling": 1, "currency": "wei"}
    answer = request(port, "POST", "/capability/register", json.dumps(capability).encode(), tls=True, Authorization=secret)
    said = answer.body.strip()
    if answer.status == 200:
        return "200 ok" if secret else "accepted"
    return f"{answer.status} {said}"


def test_a_registration_lasts(bench: Bench) -> None:
    orchestrator = bench.orchestrator()
    bench.worker("transcoder")
    bench.says(orchestrator, ACCEPTED["transcoder"])
    time.sleep(LONGER_THAN_ANY_ANSWER)
    assert "removing from live transcoders map" not in bench.fleet.log(orchestrator.number)
