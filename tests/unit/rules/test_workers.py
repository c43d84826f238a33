# SPDX-License-Identifier: GPL-3.0-or-later
"""Workers and their orchestrators, orchestrators and their redeemers: what has to be there, and to fit."""

from __future__ import annotations

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.tests.unit.rules.fleets import (
    ARBITRUM,
    Host,
    ai_worker,
    asker,
    check,
    only,
    orchestrator,
    parsed,
    redeemer,
    served,
    signer,
    transcoder,
    worked,
)

Hosts = dict[str, Host]
LLM = [{"pipeline": "llm", "model_id": "m"}]
A, B = "0xD43b494f0BF2E86c79e778892a4eC6E94971b8cc", "0x00a329c0648769A73afAc7F9381E08FB43dBEA72"


def paid(**variables: object) -> Host:
    """An on-chain orchestrator with a redeemer on the host r."""
    return asker(1000, **{"orchestrator_redeemer": "r", **variables})


PASSING: dict[str, list[Hosts]] = {
    "LPF104": [
        {"o": worked(), "t": transcoder()},
        {"o": worked(orchestrator_service_addr="127.0.0.1:8935"), "t": transcoder(ansible_host="o")},
        {"o": paid(), "r": redeemer()},
        {"o": paid(), "r": redeemer(ansible_host="o", redeemer_http_addr="127.0.0.1:9937")},
        {"o": paid(), "r": redeemer(ansible_host="o", redeemer_http_addr="0.0.0.0:9937")},
    ],
    "LPF303": [{"o": paid(), "r": redeemer()}, {"s": signer()}, {"o": worked(), "t": transcoder(network=ARBITRUM)}],
    "LPF304": [
        {"o": served(), "t": transcoder(), "w": ai_worker()},
        {"t": transcoder("far.example.com:8935", transcoder_orch_secret="correct horse")},
        {"o": paid(orchestrator_redeemer="10.0.0.9:9937")},
        {"o": paid(orchestrator_eth_acct_addr=A), "r": redeemer(redeemer_eth_acct_addr=B, redeemer_eth_orch_addr=A)},
        {"o": paid(orchestrator_eth_acct_addr=B, orchestrator_eth_orch_addr=A), "r": redeemer(redeemer_eth_acct_addr=A)},
        {"o": paid(), "r": redeemer(redeemer_eth_acct_addr=A)},
    ],
    "LPF404": [
        {"o": worked(), "t": transcoder()},
        {"o": orchestrator()},
        {"t": transcoder("far.example.com:8935", transcoder_orch_secret="correct horse")},
        {"o": orchestrator(plan_secrets="skip"), "t": transcoder(plan_secrets="skip")},
    ],
    "LPF504": [
        {"o": served(orchestrator_ai_worker=True), "t": transcoder()},
        {"o": served(orchestrator_transcoder=True), "w": ai_worker()},
    ],
    "LPF505": [
        {"o": served(), "w": ai_worker()},
        {"o": served(version="0.9.0"), "w": ai_worker()},
        {"o": worked(), "t": transcoder(version="0.9.0")},
        {"o": served(version="0.9.1-abc", version_like="0.9.1"), "w": ai_worker(version="0.9.1-xyz", version_like="0.9.1")},
    ],
}

FAILING: dict[str, list[Hosts]] = {
    "LPF104": [
        {"o": worked(orchestrator_service_addr="127.0.0.1:8935"), "t": transcoder()},
        {"o": served(orchestrator_service_addr="http://o:8935", orchestrator_http_addr="http://:8935"), "w": ai_worker()},
        {"o": paid(), "r": redeemer(redeemer_http_addr="127.0.0.1:9937")},
        {"o": paid(), "r": redeemer(redeemer_http_addr="0.0.0.0:9937")},
    ],
    "LPF303": [
        {"r": redeemer(redeemer_network="offchain")},
        {"s": signer(remote_signer_network="offchain")},
        {"o": paid(), "r": redeemer(redeemer_network="mainnet")},
        {"o": orchestrator(orchestrator_redeemer="r"), "r": redeemer()},
    ],
    "LPF304": [
        {"o": worked(), "t": transcoder("p")},
        {"o": worked(), "t": transcoder("t")},
        {"t": transcoder("gone")},
        {"o": served(), "w": ai_worker("o:8935", ai_worker_orch_secret="correct horse")},
        {"o": paid(orchestrator_redeemer="o")},
        {"o": paid(orchestrator_eth_acct_addr=A), "r": redeemer(redeemer_eth_acct_addr=B)},
    ],
    "LPF404": [
        {"o": orchestrator(), "t": transcoder()},
        {"o": orchestrator(), "t": transcoder(transcoder_orch_secret="correct horse")},
        {"o": served(), "w": ai_worker(ai_worker_orch_secret="correct horse")},
        {"t": transcoder("far.example.com:8935")},
    ],
    "LPF504": [
        {"o": worked(orchestrator_transcoder=True), "t": transcoder()},
        {"o": served(orchestrator_ai_worker=True), "w": ai_worker()},
    ],
    "LPF505": [{"o": served(), "w": ai_worker(version="0.9.0")}, {"o": served(), "w": ai_worker(version="0.8.11")}],
}


def test_a_redeemer_of_another_orchestrator_is_not_taken_from_it() -> None:
    one, two = (paid(orchestrator_eth_acct_addr=account) | {"orchestrator_reward": True} for account in (A, B))
    found = only("LPF304", o=one, p=two, r=redeemer(redeemer_eth_acct_addr="0x" + "1" * 40, redeemer_eth_orch_addr=A))
    assert (found.hosts, found.hint) == (("r", "p"), "a redeemer of its own for the orchestrator of p: this one is for o")
    alone = only("LPF304", p=two, r=redeemer(redeemer_eth_acct_addr="0x" + "1" * 40, redeemer_eth_orch_addr=A))
    assert alone.hint == f'livepeer_redeemer_eth_orch_addr: "{B}"'


def test_an_orchestrator_for_workers_speaks_tls_on_both_of_its_addresses() -> None:
    found = only("LPF104", o=worked(orchestrator_service_addr="http://o:8935", orchestrator_http_addr="http://:8935"), t=transcoder())
    assert found.hint == 'livepeer_orchestrator_service_addr: "o:8935" and livepeer_orchestrator_http_addr: ":8935"'
    assert check(o=worked(orchestrator_service_addr="o:8935", orchestrator_http_addr=":8935"), t=transcoder()) == ()


def cases(table: dict[str, list[Hosts]]) -> list[tuple[str, Hosts]]:
    """One case a fleet."""
    return [(code, hosts) for code, each in table.items() for hosts in each]


def of_rules(code: str, hosts: Hosts) -> list[Finding]:
    """What the rules say of a fleet with this code."""
    return [finding for finding in check(**hosts) if finding.code == code]


@pytest.mark.parametrize(("code", "hosts"), cases(PASSING))
def test_passing(code: str, hosts: Hosts) -> None:
    assert of_rules(code, hosts) == []


@pytest.mark.parametrize(("code", "hosts"), cases(FAILING))
def test_failing(code: str, hosts: Hosts) -> None:
    (found,) = (one for one in of_rules(code, hosts) if one.level is Level.ERROR)
    assert found.level is Level.ERROR
    assert found.hosts and found.node and found.got and found.hint
    assert found.variable.startswith("livepeer_")
    assert "\n" not in found.message


def test_a_worker_of_a_host_that_is_not_there_is_offered_the_nearest() -> None:
    found = only("LPF304", orch1=worked(), t=transcoder("orch2"))
    assert found.message == "the fleet has no host orch2"
    assert (found.hosts, found.got, found.limit) == (("t",), "orch2", "orch1")
    assert found.hint == 'livepeer_transcoder_orchestrator: "orch1"'


@pytest.mark.parametrize(("cli", "wrong"), [("127.0.0.1:2935", False), (":2935", True), ("0.0.0.0:2935", True)])
def test_the_cli_port_of_a_redeemer_is_open_without_a_host(cli: str, wrong: bool) -> None:
    assert [one.code for one in check(r=redeemer(redeemer_cli_addr=cli))] == (["LPF102"] if wrong else [])


def test_signer_and_redeemer_stay_off_the_port_of_an_orchestrator() -> None:
    alone = {"o": paid(), "s": signer("any", ansible_host="o"), "r": redeemer(ansible_host="o", redeemer_http_addr="127.0.0.1:9937")}
    assert [one.code for one in check(**alone) if one.code.startswith("LPF1")] == []
    wrong = alone | {"r": redeemer(ansible_host="o", redeemer_http_addr="127.0.0.1:8935")}
    (found,) = (one for one in check(**wrong) if one.code == "LPF101")
    assert found.node == "redeemer", "who has it at home stays"
    assert found.hint.startswith("livepeer_redeemer_http_addr:")


def test_a_secret_that_nobody_said_names_all_workers_once() -> None:
    found = only("LPF404", o=orchestrator(orchestrator_ai_models=LLM), t=transcoder(), w=ai_worker())
    assert (found.hosts, found.variable) == (("o", "t", "w"), "livepeer_orchestrator_orch_secret")
    assert "the transcoder of t, the ai_worker of w cannot know the secret that the host makes" in found.message


def test_a_secret_that_is_refused_is_one_finding() -> None:
    hosts = {"o": orchestrator(orchestrator_orch_secret="short"), "t": transcoder()}
    assert [one.variable for one in parsed(**hosts)[1] if one.code == "LPF404"] == ["livepeer_orchestrator_orch_secret"]
    assert check(**hosts) == ()


def test_workers_alike_are_one_finding() -> None:
    found = only("LPF505", o=served(), **{f"w{n}": ai_worker(version="0.9.0") for n in range(9)})
    assert found.hosts == (*(f"w{n}" for n in range(9)), "o")
    assert found.hint == 'livepeer_version: "0.9.1"'
