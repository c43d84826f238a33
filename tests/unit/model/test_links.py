# SPDX-License-Identifier: GPL-3.0-or-later
"""What nodes have of each other: a worker its orchestrator's secret and models; an orchestrator with remote transcoders runs none."""

from __future__ import annotations

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import AiWorkerSettings, Fleet, OrchestratorSettings, SecretSource

from .inventories import BASE, ORCHESTRATOR, brief, parse

SECRET = "livepeer_orchestrator_orch_secret"
MODELS = [{"pipeline": "llm", "model_id": "m"}, {"pipeline": "llm", "model_id": "n", "url": "http://r:1", "token": "0123456789"}]


def fleet(orchestrator: dict[str, object], worker: dict[str, object], kind: str) -> tuple[Fleet, tuple[Finding, ...]]:
    """An orchestrator on o1 and a worker on w1."""
    named = {f"livepeer_{kind}_orchestrator": "o1"}
    return parse({"o1": {**ORCHESTRATOR, **orchestrator}, "w1": {**BASE, **named, **worker}}, orchestrators=["o1"], **{f"{kind}s": ["w1"]})


@pytest.mark.parametrize(
    ("written", "kind", "transcodes"),
    [
        ({}, "transcoder", False),
        ({}, "ai_worker", True),
        ({"livepeer_orchestrator_transcoder": True}, "transcoder", True),
        ({"livepeer_orchestrator_transcoder": False}, "ai_worker", False),
    ],
)
def test_with_remote_transcoders_it_runs_none_of_its_own(written: dict[str, object], kind: str, transcodes: bool) -> None:
    settings = fleet(written, {}, kind)[0].hosts["o1"].nodes[0].settings
    assert isinstance(settings, OrchestratorSettings)
    assert settings.transcoder is transcodes


@pytest.mark.parametrize("kind", ["transcoder", "ai_worker"])
def test_a_worker_has_the_secret_of_its_orchestrator_and_runs_off_chain(kind: str) -> None:
    found, findings = fleet({SECRET: "correct horse"}, {"livepeer_network": "arbitrum-one-mainnet"}, kind)
    worker = found.hosts["w1"].nodes[0]
    assert (findings, worker.network, worker.secrets) == ((), "offchain", {"orch_secret": SecretSource(SECRET, "o1")})


def test_its_own_secret_stays_its_own() -> None:
    own = "livepeer_transcoder_orch_secret"
    assert fleet({SECRET: "correct horse"}, {own: "battery staple"}, "transcoder")[0].hosts["w1"].nodes[0].secrets == {
        "orch_secret": SecretSource(own)
    }


def test_a_secret_that_the_host_makes_is_nobody_elses() -> None:
    found, _findings = fleet({}, {}, "transcoder")
    assert found.hosts["o1"].nodes[0].secrets == {"orch_secret": SecretSource("")}
    assert found.hosts["w1"].nodes[0].secrets == {}


def test_skipped_secrets_are_taken_to_be_there() -> None:
    found, findings = fleet({"livepeer_plan_secrets": "skip"}, {"livepeer_plan_secrets": "skip"}, "ai_worker")
    assert findings == ()
    assert found.hosts["o1"].nodes[0].secrets == {"orch_secret": SecretSource(SECRET)}
    assert found.hosts["w1"].nodes[0].secrets == {"orch_secret": SecretSource(SECRET, "o1")}


def test_an_ai_worker_without_models_has_those_of_its_orchestrator() -> None:
    found, _findings = fleet({SECRET: "correct horse", "livepeer_orchestrator_ai_models": MODELS}, {}, "ai_worker")
    orchestrator, worker = found.hosts["o1"].nodes[0], found.hosts["w1"].nodes[0]
    assert isinstance(orchestrator.settings, OrchestratorSettings) and isinstance(worker.settings, AiWorkerSettings)
    assert worker.settings.ai_models == orchestrator.settings.ai_models
    assert worker.secrets["ai_models_1_token"] == SecretSource("livepeer_orchestrator_ai_models[1].token", "o1")


def test_or_its_own() -> None:
    own = [{"pipeline": "llm", "model_id": "x", "token": "0123456789"}]
    found, _findings = fleet({"livepeer_orchestrator_ai_models": MODELS}, {"livepeer_ai_worker_ai_models": own}, "ai_worker")
    worker = found.hosts["w1"].nodes[0]
    assert isinstance(worker.settings, AiWorkerSettings)
    assert [model["model_id"] for model in worker.settings.ai_models] == ["x"]
    assert worker.secrets == {"ai_models_0_token": SecretSource("livepeer_ai_worker_ai_models[0].token")}


@pytest.mark.parametrize("name", ["", "o2", "192.0.2.9:8935"])
def test_a_worker_of_nobody_here_is_left_as_it_is(name: str) -> None:
    found, _findings = fleet({SECRET: "correct horse"}, {"livepeer_transcoder_orchestrator": name}, "transcoder")
    assert found.hosts["w1"].nodes[0].secrets == {}


@pytest.mark.parametrize(
    ("name", "hint"),
    [("https://o1:8935", "o1:8935"), ("o1:", ""), ("2001:db8::1", "[2001:db8::1]:8935"), ("o1:8935/path", "o1:8935"), ("", "")],
)
def test_what_names_no_orchestrator(name: str, hint: str) -> None:
    _found, findings = fleet({SECRET: "correct horse"}, {"livepeer_transcoder_orchestrator": name}, "transcoder")
    assert brief(findings) == [("LPF504", "livepeer_transcoder_orchestrator")]
    assert hint in findings[0].hint


def test_a_variable_of_a_flag_that_the_version_does_not_have() -> None:
    host = {**BASE, "livepeer_version": "0.8.11", "livepeer_remote_signer_allow_no_auth": True}
    _fleet, findings = parse({"s": host}, remote_signers=["s"])
    assert ("LPF501", "livepeer_remote_signer_allow_no_auth") in brief(findings)
    assert any("has no flag -remoteSignerAllowNoAuth (it is one of 0.9.0 and newer)" in finding.message for finding in findings)
