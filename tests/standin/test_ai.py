# SPDX-License-Identifier: GPL-3.0-or-later
"""Batch AI jobs: runners behind a URL, what a gateway answers when they fail, and caps on a chain; held against the recordings.

LIVEPEER_BINARY=/path/livepeer holds a real binary to the same.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hostlib.tools import free_port
from standin_bench import TestChain
from standin_fleet import Answer, Fleet, request
from surroundings import Runner, docker

HERE = Path(__file__).resolve().parent
BINARY = Path(os.environ.get("LIVEPEER_BINARY") or HERE / "livepeer").resolve()
RECORDED = json.loads((HERE / "recorded" / "payment-0.9.1.json").read_text("utf-8"))
SECRET = ("-orchSecret", "long-enough")


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    api = docker()
    monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{api.server_address[1]}")
    nodes = Fleet(tmp_path, BINARY)
    yield nodes
    nodes.stop()
    api.shutdown()


@pytest.fixture
def runner() -> Iterator[Runner]:
    one = Runner()
    yield one
    one.web.shutdown()


class Orchestrator:
    """One with an AI worker of its own."""

    def __init__(self, fleet: Fleet, folder: Path, models: list[dict[str, Any]], *more: str, port: int = 0) -> None:
        self.port = port or free_port()
        self.cli = free_port()
        file = folder / f"models-{self.port}.json"
        file.write_text(json.dumps(models), "utf-8")
        flags = ["-orchestrator", "-transcoder", "-aiWorker", "-aiModels", str(file), "-serviceAddr", self.address]
        fleet.start(*flags, "-cliAddr", f"127.0.0.1:{self.cli}", "-monitor", *SECRET, *more, wait_for=self.port)

    @property
    def address(self) -> str:
        """Where gateways find it."""
        return f"127.0.0.1:{self.port}"


class Gateway:
    """A gateway and what it answers to jobs."""

    def __init__(self, fleet: Fleet, address: str, *more: str) -> None:
        self.http, self.cli = free_port(), free_port()
        ports = ["-httpAddr", f"127.0.0.1:{self.http}", "-rtmpAddr", f"127.0.0.1:{free_port()}", "-cliAddr", f"127.0.0.1:{self.cli}"]
        self.process = fleet.start("-gateway", "-orchAddr", address, *ports, "-monitor", "-v", "6", *more, wait_for=self.http)

    def job(self, pipeline: str, **body: object) -> Answer:
        """One job."""
        return request(self.http, "POST", f"/{pipeline}", json.dumps(body).encode(), Content_Type="application/json")

    def image(self, model: str = "m/one") -> Answer:
        """A job for text-to-image."""
        return self.job("text-to-image", model_id=model, prompt="x")

    def chat(self, model: str = "meta/llm") -> Answer:
        """A job for llm."""
        return self.job("llm", model=model, stream=False, max_tokens=16, messages=[{"role": "user", "content": "x"}])

    def series(self, name: str) -> dict[str, float]:
        """Values of a family by its labels."""
        lines = request(self.cli, "GET", "/metrics").body.splitlines()
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if re.match(rf"{name}[ {{]", line)}


def image_model(runner: Runner, **more: object) -> dict[str, Any]:
    return {"pipeline": "text-to-image", "model_id": "m/one", "url": runner.url, "warm": True, **more}


def chat_model(runner: Runner, **more: object) -> dict[str, Any]:
    return {"pipeline": "llm", "model_id": "meta/llm", "url": runner.url, "warm": True, **more}


def test_a_job_is_done_by_the_runner_and_its_image_is_served_by_the_gateway(fleet: Fleet, tmp_path: Path, runner: Runner) -> None:
    orchestrator = Orchestrator(fleet, tmp_path, [image_model(runner), chat_model(runner)])
    gateway = Gateway(fleet, orchestrator.address)
    answer = gateway.image()
    assert answer.status == 200
    image = json.loads(answer.body)["images"][0]
    assert {**image, "url": ""} == {"nsfw": False, "seed": 1, "url": ""}
    assert re.fullmatch(r"/stream/[0-9a-f]{8}/[0-9a-f]{8}\.png", image["url"])
    assert request(gateway.http, "GET", image["url"]).content_type == "image/png"
    chat = gateway.chat()
    assert (chat.status, json.loads(chat.body)["choices"][0]["message"]["content"]) == (200, "hello")
    assert runner.jobs == ["text-to-image", "llm"]
    assert set(gateway.series("livepeer_ai_request_price").values()) == {0.0}


@pytest.mark.parametrize(("status", "answered", "tries"), [(500, None, 20), (400, 400, 1)])
def test_a_failing_runner(fleet: Fleet, tmp_path: Path, runner: Runner, status: int, answered: int | None, tries: int) -> None:
    orchestrator = Orchestrator(fleet, tmp_path, [image_model(runner)])
    gateway = Gateway(fleet, orchestrator.address)
    runner.failing = status
    answer = gateway.image()
    assert answer.status == answered
    assert answer.body == ("" if answered is None else '{"error":{"message":": fake failure"}}\n')
    assert len(runner.jobs) == tries
    runner.failing = 0
    assert gateway.image().status == 200
    assert gateway.process.poll() is None


def test_a_model_that_nobody_has_and_a_job_without_its_fields(fleet: Fleet, tmp_path: Path, runner: Runner) -> None:
    orchestrator = Orchestrator(fleet, tmp_path, [image_model(runner)])
    gateway = Gateway(fleet, orchestrator.address)
    assert gateway.image("m/other").status is None
    assert gateway.chat().status is None
    assert gateway.job("llm", model="meta/llm").body == '{"error":{"message":"missing required fields"}}\n'
    assert request(gateway.http, "GET", "/text-to-image").status == 200
    assert request(gateway.http, "POST", "/text-to-image", b"no JSON", Content_Type="application/json").status == 400
    errors = gateway.series("livepeer_ai_request_errors")
    assert {re.search('model_name="([^"]*)"', labels)[1] for labels in errors} == {"m/other", "meta/llm"}  # type: ignore[index]
    assert all('error_code="no orchestrators available"' in labels for labels in errors)


def test_without_a_docker_api_no_ai_worker_starts(fleet: Fleet, tmp_path: Path, runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{free_port()}")
    with pytest.raises(AssertionError, match="error creating docker manager"):
        Orchestrator(fleet, tmp_path, [image_model(runner)])


@pytest.fixture
def paid(fleet: Fleet, tmp_path: Path, runner: Runner) -> Iterator[tuple[TestChain, Orchestrator]]:
    """An orchestrator with the prices of the recorded caps, without automatic adjustment."""
    chain = TestChain(tmp_path)
    prices: list[dict[str, Any]] = [
        image_model(runner, price_per_unit=500, pixels_per_unit=1),
        chat_model(runner, price_per_unit=0, pixels_per_unit=1),
        image_model(runner, model_id="m/two"),
        image_model(runner, model_id="m/three", price_per_unit=0.5, pixels_per_unit=1),
        image_model(runner, model_id="m/four", price_per_unit=500, pixels_per_unit=1),
        image_model(runner, model_id="m/four", price_per_unit=2000, pixels_per_unit=1, gateway=chain.address("special")),
    ]
    port = free_port()
    chain.register("orchestrator", f"127.0.0.1:{port}")
    flags = ("-pricePerUnit", "1000", "-pixelsPerUnit", "1", "-autoAdjustPrice=false", *chain.flags("orchestrator"))
    yield chain, Orchestrator(fleet, tmp_path, prices, *flags, port=port)
    chain.stop()


def test_caps_on_models_as_recorded(fleet: Fleet, paid: tuple[TestChain, Orchestrator]) -> None:
    chain, orchestrator = paid
    for number, case in enumerate(RECORDED["ai_caps"]):
        caps = ["-maxPricePerCapability", json.dumps({"capabilities_prices": case["capabilities_prices"]})]
        flags = [
            *(caps if case["capabilities_prices"] else []),
            *(["-maxPricePerUnit", case["maxPricePerUnit"]] if case["maxPricePerUnit"] else []),
        ]
        name = "special" if "that gateway" in case["case"] else f"gateway{number}"
        gateway = Gateway(fleet, orchestrator.address, *flags, "-pixelsPerUnit", "1", *chain.flags(name))
        model = _model_of(case)
        answer = gateway.chat() if model == "meta/llm" else gateway.image(model)
        assert answer.status == case["status"], case
        assert list(gateway.series("livepeer_ai_request_price").values()) == ([] if case["price"] is None else [case["price"]]), case
        assert bool(gateway.series("livepeer_tickets_sent")) is (case["status"] == 200), case
        gateway.process.terminate()
        assert all(said in fleet.log(number + 2) for said in case["said"]), case


def _model_of(case: dict[str, Any]) -> str:
    if case["case"].startswith("llm"):
        return "meta/llm"
    if "model without a price" in case["case"]:
        return "m/two"
    if "0.5 wei" in case["case"]:
        return "m/three"
    return "m/four" if "gateway" in case["case"] else "m/one"


def test_a_warm_model_without_a_url_is_a_container_that_goes_with_its_node(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = docker()
    monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{api.server_address[1]}")
    orchestrator = Orchestrator(fleet, tmp_path, [{"pipeline": "text-to-image", "model_id": "m/one", "warm": True}])
    assert Gateway(fleet, orchestrator.address).image().status == 200
    fleet.end(1)
    asked = [f"{method} {re.sub(r'^/v[0-9.]+', '', path).partition('?')[0]}" for method, path in api.asked]
    mine = "/containers/text-to-image_m-one_8000"
    wanted = ["POST /images/create", "POST /containers/create", f"POST {mine}/start", f"POST {mine}/stop", f"DELETE {mine}"]
    assert [one for one in asked if one in wanted] == wanted
    api.shutdown()
