# SPDX-License-Identifier: GPL-3.0-or-later
"""Who can pay whom, played by processes: each row of the collection's table, and the caps and limits on live AI, as recorded.

LIVEPEER_BINARY=/path/livepeer holds a real binary to the same; its live video needs `ffmpeg` for nothing but an error line.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.payment import GATEWAY_MODES, ORCHESTRATOR_MODES, combination
from hostlib.tools import free_port
from standin_bench import SOURCE, MediaMTX, TestChain, announce
from standin_fleet import Fleet, request
from surroundings import Runner, Web, docker
from test_ai import BINARY, HERE, RECORDED, Gateway, Orchestrator, chat_model, image_model

REAL = (HERE / "livepeer").resolve() != BINARY
SEGMENT = (HERE.parent / "hosts" / "hostlib" / "segment.ts").read_bytes()
PRICE = "100"
OFTEN = ("-liveAICapReportInterval", "1s")
LIVE = "live-video-to-video"
SECONDS = 20.0
NEEDS_VIDEO = "trickle publish complete"
"""A real gateway says so when MediaMTX serves the video as well."""


@dataclass
class Bench:
    """What one test starts its nodes with."""

    fleet: Fleet
    folder: Path
    chain: TestChain
    runner: Runner
    mediamtx: MediaMTX

    def orchestrator(self, mode: str, price: str = PRICE, *more: str) -> Orchestrator:
        """One that does video, batch AI and live AI."""
        models = [image_model(self.runner), chat_model(self.runner), {**image_model(self.runner), "pipeline": LIVE, "model_id": "noop"}]
        port = free_port()
        self.chain.register("orchestrator", f"127.0.0.1:{port}")
        flags = [*self.chain.flags("orchestrator"), "-pricePerUnit", price, "-pixelsPerUnit", "1"] if mode == "onchain" else []
        return Orchestrator(self.fleet, self.folder, models, *flags, "-maxSessions", "100", *more, port=port)

    def signer(self, *more: str) -> list[str]:
        """A remote signer; what a gateway needs to use it."""
        port = free_port()
        flags = ["-remoteSigner", "-httpAddr", f"127.0.0.1:{port}", "-cliAddr", f"127.0.0.1:{free_port()}", *self.chain.flags("signer")]
        self.fleet.start(*flags, *more, wait_for=port)
        return ["-remoteSignerUrl", f"http://127.0.0.1:{port}"]

    def gateway(self, mode: str, orchestrator: Orchestrator, *more: str) -> Gateway:
        """A gateway that pays in this way."""
        flags = [*(self.chain.flags("gateway") if mode.startswith("onchain") else []), *(self.signer() if mode.endswith("signer") else [])]
        return Gateway(self.fleet, orchestrator.address, "-transcodingOptions", "P144p30fps16x9", *flags, *more)

    def is_taken(self, gateway: Gateway) -> bool:
        """Whether live AI gets to the runner; False when the publisher is kicked."""
        assert announce(self.mediamtx, gateway.http, "stream", "noop") == 200
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            if LIVE in self.runner.jobs:
                return True
            if self.mediamtx.kicked.wait(0.1):
                return False
        raise AssertionError("neither taken nor kicked")


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    api, runner, chain, mediamtx = docker(), Runner(), TestChain(tmp_path), MediaMTX()
    monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{api.server_address[1]}")
    one = Bench(Fleet(tmp_path, BINARY), tmp_path, chain, runner, mediamtx)
    yield one
    one.fleet.stop()
    chain.stop()
    for web in (api, runner.web, mediamtx.web):
        web.shutdown()
        web.server_close()


def _push(gateway: Gateway, number: int = 0) -> int | None:
    answer = request(gateway.http, "PUT", f"/live/video/{number}.ts", SEGMENT, Accept="multipart/mixed", Content_Duration="1000")
    return answer.status


def _recorded(gateway: str, orchestrator: str) -> dict[str, Any]:
    return next(row for row in RECORDED["combinations"] if (row["gateway"], row["orchestrator"]) == (gateway, orchestrator))


@pytest.mark.parametrize("orchestrator", ORCHESTRATOR_MODES)
@pytest.mark.parametrize("gateway", GATEWAY_MODES)
def test_a_row_of_the_table(bench: Bench, gateway: str, orchestrator: str) -> None:
    works = bench.orchestrator(orchestrator)
    asks = bench.gateway(gateway, works)
    recorded = _recorded(gateway, orchestrator)
    assert _push(asks) == recorded["video_push"]["answers"][0][0]
    assert asks.image().status == recorded["ai"]["text-to-image"][0]
    assert asks.chat().status == recorded["ai"]["llm"][0]
    assert (_push(asks, 1) == 200) is (combination(gateway, orchestrator, "video").outcome != "refused")
    assert (asks.chat().status == 200) is (combination(gateway, orchestrator, "ai").outcome != "refused")
    assert bench.is_taken(asks) is (combination(gateway, orchestrator, "live_video").outcome != "refused")
    assert asks.process.poll() is None
    paid = bool(asks.series("livepeer_tickets_sent"))
    assert paid is any("livepeer_tickets_sent" in recorded[phase]["metrics"] for phase in ("video_push", "ai", "live_video"))
    said = {line for phase in ("video_push", "ai", "live_video") for line in recorded[phase]["gateway_log"]}
    _wait_for(lambda: all(text.partition(" orch=")[0] in _log_of(bench, asks) for text in said - {NEEDS_VIDEO}))


def _log_of(bench: Bench, gateway: Gateway) -> str:
    """The gateway is started last."""
    logs = sorted(bench.folder.glob("node*.log"), key=lambda path: int(path.stem[4:]))
    return logs[-1].read_text("utf-8", "replace")


@pytest.mark.parametrize(
    ("caps", "said"),
    [
        (["-maxPricePerUnit", "101", "-pixelsPerUnit", "1"], "is above max price 101.000, price=101.200"),
        (["-maxPricePerUnit", "101.2", "-pixelsPerUnit", "1"], ""),
        (["-maxPricePerUnit", "101", "-pixelsPerUnit", "1", "-ignoreMaxPriceIfNeeded"], "is above max price 101.000, price=101.200"),
    ],
)
def test_the_cap_of_a_gateway_on_live_ai(bench: Bench, caps: list[str], said: str) -> None:
    gateway = bench.gateway("onchain", bench.orchestrator("onchain"), *caps)
    assert bench.is_taken(gateway) is not said
    assert said in _log_of(bench, gateway)


@pytest.mark.parametrize(
    ("price", "caps", "said"),
    [
        ("300", (), ""),
        ("300", ("-maxPricePerUnit", "300", "-pixelsPerUnit", "1"), ""),
        ("300", ("-maxPricePerUnit", "299", "-pixelsPerUnit", "1"), "remote signer returned status 481"),
        ("483", (), "numTickets 101 exceeds maximum of 100"),
        ("482", (), ""),
    ],
)
def test_what_a_signer_pays_for_live_ai(bench: Bench, price: str, caps: tuple[str, ...], said: str) -> None:
    orchestrator = bench.orchestrator("onchain", price, "-autoAdjustPrice=false")
    gateway = bench.gateway("offchain", orchestrator, *bench.signer(*caps))
    assert bench.is_taken(gateway) is not said
    assert said in _log_of(bench, gateway)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((200, {"status": 200}), ""),
        ((200, {"status": 402, "reason": "no money left"}), "remote signer returned status 402"),
        (
            (200, {"status": 200, "maxPrice": {"price": "299", "currency": "wei", "unit": "720p-pixel-seconds"}}),
            "remote signer returned status 481",
        ),
        ((500, {}), "remote signer returned status 500"),
    ],
)
def test_the_webhook_of_a_signer_has_the_last_word(bench: Bench, answer: tuple[int, Any], said: str) -> None:
    webhook = Web(lambda _method, _path, _body: answer)
    orchestrator = bench.orchestrator("onchain", "300", "-autoAdjustPrice=false")
    asked = ("-remoteSignerWebhookUrl", f"http://127.0.0.1:{webhook.server_address[1]}/leave?to=pay")
    gateway = bench.gateway("offchain", orchestrator, *bench.signer(*asked))
    assert bench.is_taken(gateway) is not said
    assert said in _log_of(bench, gateway)
    assert webhook.asked[0] == ("POST", "/leave?to=pay")
    webhook.shutdown()


def test_a_gateway_without_a_list_of_its_own_has_its_signers(bench: Bench) -> None:
    orchestrator = bench.orchestrator("onchain")
    signer = bench.signer("-remoteDiscovery", *OFTEN)
    port = int(signer[1].rpartition(":")[2])
    _wait_for(lambda: request(port, "GET", "/discover-orchestrators").status == 200)
    (listed,) = json.loads(request(port, "GET", "/discover-orchestrators").body)
    assert listed["address"] == f"https://{orchestrator.address}"
    assert listed["capabilities"] == ["live-video-to-video/noop", "llm/meta/llm", "text-to-image/m/one"]
    assert json.loads(request(port, "GET", "/discover-orchestrators?caps=llm/other").body) == []
    gateway = Gateway(bench.fleet, "", *signer)
    assert json.loads(request(gateway.cli, "GET", "/status").body)["OrchestratorPool"] == [f"https://{orchestrator.address}"]
    assert bench.is_taken(gateway)


def test_the_first_poll_of_a_signer_is_refused_on_a_chain(bench: Bench) -> None:
    bench.orchestrator("onchain")
    port = int(bench.signer("-remoteDiscovery")[1].rpartition(":")[2])
    _wait_for(lambda: "orchestrator req sig check failed" in bench.fleet.log(1))
    answer = request(port, "GET", "/discover-orchestrators")
    assert (answer.status, json.loads(answer.body)) == (503, {"error": {"message": "Service Unavailable Error"}})


def test_a_signer_lists_nobody_above_its_cap(bench: Bench) -> None:
    cheap = image_model(bench.runner, price_per_unit=5, pixels_per_unit=1)
    dear = chat_model(bench.runner, price_per_unit=50, pixels_per_unit=1)
    port = free_port()
    bench.chain.register("orchestrator", f"127.0.0.1:{port}")
    flags = [*bench.chain.flags("orchestrator"), "-pricePerUnit", "100", "-pixelsPerUnit", "1"]
    Orchestrator(bench.fleet, bench.folder, [cheap, dear], *flags, port=port)
    signer = int(bench.signer("-remoteDiscovery", *OFTEN, "-maxPricePerUnit", "5", "-pixelsPerUnit", "1")[1].rpartition(":")[2])
    _wait_for(lambda: request(signer, "GET", "/discover-orchestrators").status == 200)
    assert [one["capabilities"] for one in json.loads(request(signer, "GET", "/discover-orchestrators").body)] == [["text-to-image/m/one"]]


@pytest.mark.skipif(REAL, reason="a real gateway publishes what it reads from RTMP, and nobody serves that here")
@pytest.mark.parametrize("mode", ["offchain", "onchain", "offchain_signer"])
def test_a_stream_is_paid_for_as_long_as_it_lasts(bench: Bench, mode: str) -> None:
    interval = ("-livePaymentInterval", "1s")
    orchestrator = bench.orchestrator("onchain" if mode != "offchain" else "offchain", PRICE, *interval, "-v", "6")
    gateway = bench.gateway(mode, orchestrator, *interval)
    assert bench.is_taken(gateway)
    _wait_for(lambda: _log_of(bench, gateway).count("trickle publish complete") >= 3)
    assert ("Accounted payment for sessionID" in bench.fleet.log(1)) is (mode != "offchain")
    bench.mediamtx.forget(SOURCE)
    _wait_for(lambda: "Live video pipeline finished\n" in _log_of(bench, gateway))


def _wait_for(condition: Any) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("it never came to that")


@pytest.fixture
def runners(bench: Bench) -> Runners:
    return Runners(bench)


class Runners:
    """An orchestrator with one live runner, and an application that wants a session of it."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.port = free_port()

    def start(self, mode: str, unit: str, price: float) -> None:
        """In the units of a runner's configuration, in USD; the feed has 2000 USD for an ETH."""
        entry = {"label": "echo", "routing": "label", "runner_url": self._bench.runner.url, "health_url": "/health", "app": "echo"}
        file = self._bench.folder / "runners.json"
        file.write_text(json.dumps({"runners": [{**entry, "price_info": {"price": price, "unit": unit}}]}), "utf-8")
        address = f"127.0.0.1:{self.port}"
        self._bench.chain.register("orchestrator", address)
        flags = [*self._bench.chain.flags("orchestrator"), "-pricePerUnit", "100", "-pixelsPerUnit", "1"] if mode == "onchain" else []
        cli = ["-cliAddr", f"127.0.0.1:{free_port()}", "-orchSecret", "long-enough", "-liveRunnerConfig", str(file)]
        self._bench.fleet.start("-orchestrator", "-transcoder", "-serviceAddr", address, *cli, *flags, wait_for=self.port)
        _wait_for(lambda: "runners" in self.discovered())

    def discovered(self) -> dict[str, Any]:
        """What anybody can see."""
        return dict(json.loads(request(self.port, "GET", "/discovery", tls=True).body)[0])

    def reserve(self, **headers: str) -> tuple[int | None, dict[str, Any]]:
        """A session."""
        answer = request(self.port, "POST", "/apps/echo/session", tls=True, **headers)
        return answer.status, json.loads(answer.body) if answer.body.startswith("{") else {}

    def pay(self, signer: int, kind: str, challenge: dict[str, Any], payer: str) -> tuple[int | None, int | None]:
        """What the signer says to the demand, and what the orchestrator says to the payment."""
        asked = {"orchestrator": challenge["payment_params"], "ManifestID": challenge["manifest_id"], "type": kind, "app": "echo"}
        answer = request(signer, "POST", "/generate-live-payment", json.dumps(asked).encode())
        if answer.status != 200:
            return answer.status, None
        paid = json.loads(answer.body)
        headers = {"Livepeer_Payer_Address": payer, "Livepeer_Payment": paid["payment"], "Livepeer_Segment": paid["segCreds"]}
        return 200, self.reserve(**headers)[0]


def test_a_live_runner_off_chain_is_free(runners: Runners) -> None:
    runners.start("offchain", "hour", 1)
    assert "price_info" not in runners.discovered()["runners"][0]
    assert runners.reserve()[0] == RECORDED["live_runners"]["off_chain_session"]


@pytest.mark.parametrize("unit", ["hour", "720p", "fixed"])
def test_a_live_runner_on_a_chain_is_paid_by_a_signer(bench: Bench, runners: Runners, unit: str) -> None:
    cases = [case for case in RECORDED["live_runners"]["on_chain"] if case["unit"] == unit]
    runners.start("onchain", unit, {"hour": 0.5, "720p": 0.05, "fixed": 0.0000000001}[unit])
    price = runners.discovered()["runners"][0]["price_info"]
    assert (price["price"], price["unit"]) == (cases[0]["wei"], cases[0]["per"])
    assert runners.reserve()[0] == cases[0]["without_payment"]
    live_only = json.dumps({"capabilities_prices": [{"pipeline": LIVE, "model_id": "default", "price_per_unit": 1, "pixels_per_unit": 1}]})
    payer = bench.chain.address("signer")
    for case in cases:
        flags = {None: [], "-maxPricePerUnit 1000": ["-maxPricePerUnit", "1000"]}
        caps = flags.get(case["signer_cap"], ["-maxPricePerCapability", live_only])
        port = int(bench.signer(*caps)[1].rpartition(":")[2])
        status, challenge = runners.reserve(Livepeer_Payer_Address=payer)
        assert status == case["challenge"]
        kind = {"hour": "live", "720p": "lv2v", "fixed": "fixed"}[unit]
        signed, opened = runners.pay(port, kind, challenge, payer)
        assert (signed, opened) == (case["signer"][0], case["session"]), case
        if opened == 200:
            assert request(runners.port, "POST", f"/apps/echo/session/{challenge['manifest_id']}/stop", tls=True).status == 204


def test_what_the_table_is_held_to_is_what_the_tests_play() -> None:
    assert {(row["gateway"], row["orchestrator"]) for row in RECORDED["combinations"]} == {
        (gateway, orchestrator) for gateway in GATEWAY_MODES for orchestrator in ORCHESTRATOR_MODES
    }
