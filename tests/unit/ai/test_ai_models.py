# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of AI models: every case of recorded/ai-aimodels-results.json that an inventory can still write."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils import rules
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Fleet
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.survey import Survey
from ansible_collections.livepeer.fleet.tests.unit.model.inventories import orchestrator as parsed
from ansible_collections.livepeer.fleet.tests.unit.rules.fleets import Host, ai_worker, check, fleet, orchestrator, worked

Model = dict[str, object]
MODEL: Model = {"pipeline": "text-to-image", "model_id": "m"}
LIVE: Model = {"pipeline": "live-video-to-video", "model_id": "noop"}
URL: Model = MODEL | {"url": "http://r:9000"}
VARIABLE = "livepeer_orchestrator_ai_models"
ACCOUNT = "0x" + "ab" * 20
TWO: dict[str, object] = {"orchestrator_nvidia": "0,1"}
SCOPE: Model = {"pipeline": "live-video-to-video", "model_id": "scope", "url": "wss://fal", "capacity": 2}
SERVERLESS: dict[str, object] = {"orchestrator_flags": {"aiServerless": True}, "orchestrator_environment": {"FAL_API_KEY": "x" * 8}}


def worker(*models: Model, **variables: object) -> Host:
    """A host whose orchestrator runs these models itself."""
    return orchestrator(orchestrator_ai_worker=True, orchestrator_ai_models=list(models), **variables)


def found(host: Host) -> list[Finding]:
    """What there is to say of the models of one orchestrator."""
    return [one for one in rules.check(Survey(fleet(o=host))) if one.code == "LPF504" and one.level is not Level.INFO]


PASSING = [
    worker(MODEL),
    worker(URL),
    worker(MODEL | {"capacity": 2, "warm": True}, **TWO),
    worker(MODEL | {"warm": True}, MODEL | {"model_id": "n", "warm": True}, **TWO),
    worker(MODEL | {"warm": True, "capacity": 9}, orchestrator_nvidia="all"),
    worker(MODEL | {"warm": True}, MODEL | {"model_id": "n"}),
    worker(MODEL | {"warm": True, "optimization_flags": {"SFAST": True}}),
    worker(MODEL, {"pipeline": "image-to-image", "model_id": "m"}),
    worker(LIVE | {"model_id": "mine"}, orchestrator_flags={"aiRunnerImageOverrides": '{"live": {"mine": "my-image"}}'}),
    worker(LIVE),
    worker(SCOPE, **SERVERLESS),
    worker(MODEL | {"capacity": 2}, **TWO),
    worker(URL | {"capacity": 9}),
    worker(LIVE | {"capacity": 9}),
    worker(MODEL | {"capacity": 9}, orchestrator_nvidia="all"),
    # Without a process of its own nothing is warmed, and prices for gateways count as no container.
    orchestrator(orchestrator_ai_models=[MODEL | {"warm": True}, MODEL | {"gateway": ACCOUNT}, MODEL | {"gateway": "0x" + "cd" * 20}]),
]

FAILING: list[tuple[Host, str, str, Level]] = [
    (worker(), "", "has no models", Level.WARNING),
    (worker(MODEL, MODEL), "[1]", "stands in two entries, of which the price of the last one counts", Level.ERROR),
    (worker(URL, URL), "[1]", "stands in two entries, of which the price", Level.ERROR),
    (worker(URL, URL | {"url": "http://s:9000"}), "[1]", "chooses between their URLs by chance", Level.WARNING),
    (worker(MODEL | {"capacity": 2}), "[0].capacity", "2 jobs at a time are offered for", Level.WARNING),
    (worker(MODEL, URL), "[1]", "the container would never get any", Level.ERROR),
    (worker(MODEL | {"warm": True}, MODEL | {"gateway": ACCOUNT}, **TWO), "[1].warm", "is warm in one entry and cold", Level.ERROR),
    (worker(MODEL | {"warm": True, "capacity": 2}), "[0].warm", "2 warm containers do not fit on 1 GPU with 1 each", Level.ERROR),
    (worker(MODEL | {"warm": True, "capacity": 3}, **TWO), "[0].warm", "3 warm containers do not fit on 2 GPUs", Level.ERROR),
    (worker(MODEL, MODEL | {"gateway": ACCOUNT}), "[1].gateway", "counts as 1 more containers", Level.WARNING),
    (worker(URL, URL | {"gateway": ACCOUNT, "capacity": 4}), "[1].gateway", "counts as 4 more jobs", Level.WARNING),
    (worker(MODEL | {"optimization_flags": {"SFAST": True}}), "[0].optimization_flags", "have no effect", Level.WARNING),
    (worker(URL | {"url": "ws://r:9000"}), "[0].url", "is reached over http", Level.ERROR),
    (worker(SCOPE | {"url": "https://fal"}, **SERVERLESS), "[0].url", "is reached over wss", Level.ERROR),
    (worker(LIVE | {"model_id": "nop"}), "[0].model_id", "no image for the live model nop", Level.ERROR),
    (worker(SCOPE, LIVE | {"url": "wss://x"}, **SERVERLESS), "", "exactly one model", Level.ERROR),
    (orchestrator(orchestrator_ai_models=[URL]), "[0].url", "is not read", Level.WARNING),
]


@pytest.mark.parametrize("host", PASSING)
def test_passing(host: Host) -> None:
    assert not found(host)


@pytest.mark.parametrize(("host", "path", "message", "level"), FAILING)
def test_failing(host: Host, path: str, message: str, level: Level) -> None:
    one = next(one for one in found(host) if message in one.message)
    assert (one.variable, one.level) == (f"livepeer_orchestrator_ai_models{path}", level)


@pytest.mark.parametrize(
    ("host", "variable"),
    [
        (worker(MODEL, orchestrator_flags={"aiRunnerImageOverrides": "{"}), "livepeer_orchestrator_flags.aiRunnerImageOverrides"),
        (
            worker(SCOPE, orchestrator_flags={"aiServerless": True}),
            "livepeer_orchestrator_environment.FAL_API_KEY",
        ),
    ],
)
def test_settings_beside_the_list(host: Host, variable: str) -> None:
    (one,) = found(host)
    assert one.variable == variable


def test_what_is_to_be_written_for_two_jobs() -> None:
    (one,) = found(worker(MODEL, MODEL))
    assert one.hint == "one entry, with capacity: 2"


def test_the_nearest_live_model_is_named() -> None:
    (one,) = found(worker(LIVE | {"model_id": "nop"}))
    assert one.hint.startswith("noop")


def test_pipelines_by_version() -> None:
    old = fleet(o=worker(LIVE))
    (host,) = old.hosts.values()
    (node,) = host.nodes
    nodes = (replace(node, release=replace(node.release, version="0.8.0", behaves_like="0.8.0")),)
    findings = rules.check(Survey(Fleet({"o": replace(host, nodes=nodes)})))
    assert any("go-livepeer 0.8.0 cannot serve live-video-to-video" in one.message and one.limit == "0.8.1 or later" for one in findings)


@pytest.mark.parametrize(
    ("model", "path", "hint"),
    [
        (MODEL | {"pipeline": "Text-to-image"}, "pipeline", "text-to-image"),
        (MODEL | {"pipeline": "text_to_image"}, "pipeline", "text-to-image"),
        (MODEL | {"pipeline": "text to image"}, "pipeline", "text-to-image"),
        (MODEL | {"pipeline": "byoc"}, "pipeline", ""),
        (MODEL | {"pipeline": "gOP"}, "pipeline", ""),
        ({"pipeline": "text-to-image"}, "model_id", ""),
        (MODEL | {"model_id": ""}, "model_id", ""),
        (MODEL | {"model_id": None}, "model_id", ""),
        (MODEL | {"url": "r:9000"}, "url", "http://r:9000"),
        (MODEL | {"url": " http://r:9000"}, "url", ""),
        (MODEL | {"url": "http://r:90000"}, "url", ""),
        (MODEL | {"url": "http://r:"}, "url", ""),
        (MODEL | {"capacity": 0}, "capacity", ""),
        (MODEL | {"capacity": -3}, "capacity", ""),
        (MODEL | {"capacity": "1.5"}, "capacity", ""),
        (MODEL | {"price_per_unit": None}, "price_per_unit", ""),
        (MODEL | {"price_per_unit": "0.5e-2USD"}, "", ""),
        (MODEL | {"optimization_flags": {"X": 5}}, "optimization_flags.X", ""),
        (MODEL | {"warm": "warm"}, "warm", ""),
        (MODEL | {"Warm": True}, "Warm", "warm"),
    ],
)
def test_single_values(model: Model, path: str, hint: str) -> None:
    """What each of them does to the binary is in ai.json; here it is refused before."""
    _node, findings = parsed(orchestrator_ai_worker=True, orchestrator_ai_models=[model])
    if not path:
        findings = [one for one in rules.check(Survey(fleet(o=worker(model)))) if one.code == "LPF205"]
        path = "price_per_unit"
    (one,) = findings
    assert one.variable == f"livepeer_orchestrator_ai_models[0].{path}"
    assert hint in one.hint


def test_a_list_that_a_worker_inherits_is_mended_at_its_orchestrator() -> None:
    """The worker's host has no such variable."""
    models = [MODEL | {"warm": True}, MODEL | {"model_id": "n", "warm": True}]
    for variables, variable in (({}, VARIABLE), ({"ai_worker_ai_models": models}, "livepeer_ai_worker_ai_models")):
        hosts = {"o": worked(orchestrator_ai_models=models), "w": ai_worker(**variables)}
        (one,) = [one for one in check(**hosts) if "do not fit" in one.message]
        assert (one.hosts, one.variable) == (("w",) if variables else ("o", "w"), f"{variable}[1].warm")
        assert ("for the AI worker of w" in one.message) is not bool(variables)


def test_a_worker_without_models_is_told_where_the_list_belongs() -> None:
    (one,) = check(o=worked(), w=ai_worker())
    assert (one.hosts, one.hint.startswith(f"{VARIABLE}: [") and one.hint.endswith(" on o")) == (("w",), True)
