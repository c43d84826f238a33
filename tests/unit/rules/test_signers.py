# SPDX-License-Identifier: GPL-3.0-or-later
"""Remote signers of the fleet: whom a gateway asks, and what the signer's own variables say of caps, funds and limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils import rules
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.settings import gateway_settings
from ansible_collections.livepeer.fleet.plugins.plugin_utils.routes import routes, signers
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.survey import Survey
from ansible_collections.livepeer.fleet.tests.unit.rules.fleets import (
    Host,
    asker,
    check,
    codes,
    fleet,
    gateway,
    only,
    parsed,
    route,
    signer,
)

LIVE = ({"pipeline": "live-video-to-video", "model_id": "comfystream", "price_per_unit": 400, "pixels_per_unit": 1},)
OTHER = [{"pipeline": "live-video-to-video", "model_id": "streamdiffusion", "price_per_unit": 100, "pixels_per_unit": 1}]
MONEY: Host = {"expected_gas_gwei": ["0.05", "0.1"], "pool_size": 100, "remote_signer_reserve_eth": 2, "remote_signer_deposit_eth": 1}
CAP, CAPS = "livepeer_remote_signer_max_price_per_unit", "livepeer_remote_signer_max_price_per_capability"


def signed(by: object = "s", **variables: object) -> Host:
    """A gateway for live video that a signer pays for."""
    named = {"gateway_payment": "remote_signer", "gateway_remote_signer": by, "gateway_workloads": ["live_video"]}
    return gateway(ansible_host="10.0.0.1", **named | variables)


def near(cap: object = None, **variables: object) -> Host:
    """A signer on the machine of the gateway."""
    return signer(cap, ansible_host="10.0.0.1", **variables)


def live(models: Sequence[Mapping[str, object]] = LIVE, **variables: object) -> Host:
    """An orchestrator of the chain that serves live video."""
    return asker(1000, orchestrator_ai_models=list(models), **variables)


def asked_at(g: Host, s: Host) -> str:
    """The URL at which a gateway asks a signer."""
    (found,) = routes(fleet(g=g, s=s, o=live()))
    return gateway_settings(found.gateway).remote_signer.url


@pytest.mark.parametrize(
    ("s", "url"),
    [
        (near(), "http://127.0.0.1:9936"),
        (near(remote_signer_http_addr="[::1]:7000"), "http://[::1]:7000"),
        (near(remote_signer_http_addr="0.0.0.0:7000"), "http://127.0.0.1:7000"),
        (near(remote_signer_http_addr="10.0.0.1:7000"), "http://10.0.0.1:7000"),
        (signer(remote_signer_http_addr="0.0.0.0:7000"), "http://s:7000"),
        (signer(remote_signer_http_addr="0.0.0.0:7000", ansible_host="10.0.0.9"), "http://10.0.0.9:7000"),
        (signer(remote_signer_http_addr="10.0.0.7:7000", ansible_host="192.0.2.1"), "http://10.0.0.7:7000"),
        (signer(remote_signer_http_addr="signer.internal:7000"), "http://signer.internal:7000"),
        (signer(), ""),
        (signer(remote_signer_http_addr=":7000"), ""),
    ],
)
def test_where_a_gateway_asks_a_signer_of_the_fleet(s: Host, url: str) -> None:
    assert asked_at(signed(), s) == url


def test_a_signer_on_loopback_of_another_machine_cannot_be_asked() -> None:
    found = only("LPF304", g=signed(), s=signer(520), o=live())
    assert found.message == "the signer of s listens on 127.0.0.1:9936, which this gateway's machine does not reach"
    assert (found.variable, found.got, found.hosts) == ("livepeer_gateway_remote_signer", "s", ("g", "s"))
    assert found.hint == 'livepeer_remote_signer_http_addr: "s:9936" on s, and livepeer_remote_signer_webhook_url'


def test_a_host_without_a_signer() -> None:
    found = only("LPF304", g=signed("t"), s=near(520), o=live())
    assert found.message == '"t" has no remote signer in this inventory'
    assert found.hint == 'livepeer_gateway_remote_signer: "s"'


@pytest.mark.parametrize("url", ["http://127.0.0.1:9936", "http://localhost:9936"])
def test_a_url_at_which_a_signer_of_the_fleet_answers_is_that_signer(url: str) -> None:
    found = route(g=signed(url), s=near(520), o=live())
    assert (found.payer.host, gateway_settings(found.gateway).remote_signer.url) == ("s", url)
    assert str(found.caps.flag and found.caps.flag.text) == "520"


def test_the_cap_of_a_signer_is_its_own() -> None:
    found = route(g=signed(), s=near(520), o=live())
    assert [(str(workload), cap.text, cap.variable) for workload, cap in found.caps.by_workload.items()] == [
        ("live_video", "520", CAP),
        ("live-video-to-video comfystream", "520", CAP),
    ]
    assert codes(g=signed(), s=near(520), o=live()) == []


def test_auto_is_one_cap_over_all_gateways_of_a_signer() -> None:
    hosts = {
        "a": signed(gateway_discovery="list", gateway_orch_addr=["o"], gateway_name="a"),
        "b": signed(gateway_discovery="list", gateway_orch_addr=["p"]) | {"ansible_host": "10.0.0.2"},
        "s": signer("auto", ansible_host="10.0.0.1", remote_signer_http_addr="10.0.0.1:9936", remote_signer_webhook_url="{{ vault_hook }}"),
        "o": live(),
        "p": live(OTHER),
    }
    found = fleet(**hosts)
    assert {(one.caps.flag.text if one.caps.flag else "") for one in routes(found)} == {"520"}
    (known,) = signers(found, routes(found))
    assert known.caps.flag is not None
    assert len(known.caps.flag.prices) == 2
    assert [one.code for one in check(**hosts)] == []


def test_auto_for_each_model() -> None:
    found = route(g=signed(), s=near(remote_signer_max_price_per_capability="auto"), o=live(), p=live(OTHER))
    written = [(one.written["model_id"], one.written["price_per_unit"]) for one in found.caps.entries]
    assert (found.caps.flag, written) == (None, [("comfystream", "520"), ("streamdiffusion", "130")])


def test_an_auto_of_the_flag_is_for_the_models_without_a_cap_of_their_own() -> None:
    own = [{"pipeline": "live-video-to-video", "model_id": "comfystream", "price_per_unit": 500}]
    found = route(g=signed(), s=near("auto", remote_signer_max_price_per_capability=own), o=live(), p=live(OTHER))
    assert found.caps.flag is not None
    assert found.caps.flag.text == "130"


@pytest.mark.parametrize(
    ("s", "code", "variable", "hint"),
    [
        (near(100), "LPF201", CAP, f"{CAP}: 480 to 520, or auto"),
        (near(900), "LPF202", CAP, f"{CAP}: 480 to 520, or auto"),
        (near(), "LPF207", CAPS, f"{CAPS}: auto"),
        (near("1USD"), "LPF208", CAP, ""),
        (near("1e3"), "LPF205", CAP, ""),
    ],
)
def test_what_is_wrong_with_a_cap_is_said_of_the_signer(s: Host, code: str, variable: str, hint: str) -> None:
    found = next(one for one in everything(g=signed(), s=s, o=live()) if one.code == code)
    assert (found.hosts[0], found.node, found.variable) == ("s", "remote_signer", variable)
    assert hint in found.hint


def everything(**hosts: Host) -> tuple[Finding, ...]:
    """What parser and rules say."""
    return (*parsed(**hosts)[1], *check(**hosts))


def test_one_finding_for_all_gateways_of_a_signer() -> None:
    two = {"a": signed(), "b": signed(gateway_name="b", gateway_http_addr=":1", gateway_rtmp_addr=":2", gateway_cli_addr=":3")}
    assert only("LPF201", **two, s=near(100), o=live()).hosts == ("s", "o")


def test_caps_and_funds_of_a_gateway_with_a_signer_of_the_fleet_count_for_nothing() -> None:
    found = only("LPF204", g=signed(gateway_max_price_per_unit=500), s=near(520), o=live())
    assert found.hint == f"{CAP} on s instead"
    found = only("LPF204", g=signed(gateway_reserve_eth=1), s=near(520), o=live())
    assert found.hint == "livepeer_remote_signer_reserve_eth on s instead"
    found = only("LPF204", g=signed({"url": "http://127.0.0.1:9936", "max_price_per_unit": 400}), s=near(520), o=live())
    assert found.variable == "livepeer_gateway_remote_signer.max_price_per_unit"
    assert found.hint == f"{CAP} on s instead"


def test_reserve_deposit_and_gas_are_those_of_the_signer() -> None:
    found = only("LPF210", g=signed(), s=near(520, **MONEY | {"remote_signer_deposit_eth": "0.0001"}), o=live())
    assert (found.hosts[0], found.variable) == ("s", "livepeer_remote_signer_deposit_eth")
    assert codes(g=signed(), s=near(520, **MONEY), o=live()) == []


def test_what_was_not_said_is_asked_of_the_signer() -> None:
    infos = [one for one in rules.check(Survey(fleet(g=signed(), s=near(520), o=live()))) if one.code == "LPF209"]
    assert [(one.hosts, one.node, one.level) for one in infos] == [(("s",), "remote_signer", Level.INFO)]
    assert "livepeer_remote_signer_reserve_eth" in infos[0].hint


def test_limits_on_tickets_are_those_of_the_signer() -> None:
    found = only("LPF211", g=signed(), s=near(520, **MONEY, remote_signer_flags={"maxTicketEV": "1000000"}), o=live())
    assert (found.hosts[0], found.variable) == ("s", "livepeer_remote_signer_flags.maxTicketEV")
    dear = [LIVE[0] | {"price_per_unit": 1000}]
    found = only("LPF211", g=signed(), s=near("auto", **MONEY), o=live(dear))
    assert found.hosts[0] == "o"
    assert "ticketEV" in found.hint


def test_a_signer_and_an_orchestrator_of_different_chains() -> None:
    found = only("LPF301", g=signed(), s=near(520, remote_signer_network="rinkeby"), o=live())
    assert "the signer pays on rinkeby, the orchestrator is paid on arbitrum-one-mainnet" in found.message
    assert found.hint == "livepeer_remote_signer_network: arbitrum-one-mainnet on s"


def test_a_signer_without_gateways_needs_a_cap_all_the_same() -> None:
    for cap in (None, 0, "auto"):
        found = only("LPF203", s=near(cap))
        assert (found.variable, found.node) == (CAP, "remote_signer")
    assert codes(s=near(500)) == codes(s=near("any")) == []


def test_live_runners_under_a_signers_cap() -> None:
    runners = asker(1000, orchestrator_flags={"liveRunnerConfig": "/etc/runners.json"})
    found = only("LPF207", g=signed(gateway_workloads=["live_runner"]), s=near(520), o=runners)
    assert found.variable == CAP
    assert codes(g=signed(gateway_workloads=["live_runner"]), s=near("any"), o=runners) == []


def test_the_list_of_a_signer() -> None:
    listed = signed(gateway_discovery="remote_signer")
    found = route(g=listed, s=near(520, remote_signer_remote_discovery=True), o=live(), p=live(OTHER), q=live() | {"network": "rinkeby"})
    assert ([one.name for one in found.routing.candidates], found.routing.closed, found.urls) == (["o", "p"], False, ())
    assert codes(g=listed, s=near(520, remote_signer_remote_discovery=True), o=live()) == []


def test_a_signer_that_keeps_no_list() -> None:
    found = only("LPF302", g=signed(gateway_discovery="remote_signer"), s=near(520), o=live())
    assert found.hint == "livepeer_remote_signer_remote_discovery: true on s"
    assert codes(g=signed("https://other:8935", gateway_discovery="remote_signer"), o=live()) == []


def test_nobody_but_a_signer_has_a_list() -> None:
    found = only("LPF303", g=gateway(gateway_discovery="remote_signer"), o=asker(1))
    assert (found.variable, found.got) == ("livepeer_gateway_discovery", "remote_signer")
    assert found.hint == "livepeer_gateway_discovery: inventory"


def test_a_signer_pays_the_price_for_its_account() -> None:
    account = "0x" + "ab" * 20
    own = {"pipeline": "live-video-to-video", "model_id": "comfystream", "gateway": account, "price_per_unit": 300, "pixels_per_unit": 1}
    found = route(g=signed(), s=near("auto", remote_signer_eth_acct_addr=account), o=live([*LIVE, own]))
    assert found.caps.flag is not None
    assert found.caps.flag.text == "390"
