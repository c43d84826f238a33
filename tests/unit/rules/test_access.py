# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes that are not there (LPF107) and routes that ask nobody who he is (LPF108), in their words; and ports of others."""

from __future__ import annotations

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.addresses import FOREIGN, Exposure
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.survey import Survey
from ansible_collections.livepeer.fleet.tests.unit.rules.fleets import (
    Host,
    asker,
    check,
    codes,
    combined,
    fleet,
    gateway,
    only,
    orchestrator,
    payer,
    redeemer,
    signer,
)

OPEN = {"gateway_http_addr": "0.0.0.0:9935", "gateway_http_ingest": True}
HOOK = {"gateway_auth_webhook_url": "{{ vault_hook }}"}
LIVE = [{"pipeline": "live-video-to-video", "model_id": "l", "price_per_unit": 100}]
MEDIAMTX = {"name": "mediamtx", "addr": ":1935"}


def test_a_gateway_that_pays_for_everybody() -> None:
    found = only("LPF108", g=payer(1250, **OPEN), o=asker(1000))
    assert found.message == (
        "whoever reaches port 9935 gets AI jobs and containers of his own (no webhook is asked about these), live AI and streams under"
        " /live/, paid by its account, and nobody asks who he is"
    )
    assert (found.level, found.variable, found.got) == (Level.ERROR, "livepeer_gateway_http_addr", "0.0.0.0:9935")
    assert found.hint == 'livepeer_gateway_http_addr: "127.0.0.1:9935" behind a proxy, or a private address and a firewall'


def test_the_webhook_for_streams_covers_streams_alone() -> None:
    found = only("LPF108", g=payer(1250, **OPEN, **HOOK), o=asker(1000))
    assert "AI jobs and containers of his own" in found.message
    assert "/live/" not in found.message


@pytest.mark.parametrize(
    ("address", "g", "level"),
    [
        ("0.0.0.0:9935", gateway(), Level.WARNING),
        ("10.0.0.1:9935", gateway(), None),
        ("10.0.0.1:9935", payer(1250), Level.WARNING),
        ("192.0.2.1:9935", payer(1250), Level.ERROR),
        ("[::1]:9935", payer(1250), None),
    ],
)
def test_how_bad_it_is(address: str, g: Host, level: Level | None) -> None:
    host = g | {"gateway_http_addr": address, "gateway_http_ingest": True}
    o = asker(1000) if "network" in g else orchestrator()
    if level is None:
        assert "LPF108" not in codes(g=host, o=o)
    else:
        assert only("LPF108", g=host, o=o).level is level


def test_a_gateway_with_a_signer_spends_on_live_ai_alone() -> None:
    named = {"gateway_payment": "remote_signer", "gateway_remote_signer": "https://s:8935", "gateway_workloads": ["live_video"]}
    found = only(
        "LPF108", g=gateway(**named, **OPEN, gateway_media_mtx_api_password="{{ vault_p }}"), o=asker(1, orchestrator_ai_models=LIVE)
    )
    assert found.message == (
        "whoever reaches port 9935 gets live AI, paid by its signer, and nobody asks who he is; and each caller is sent the password of"
        " MediaMTX"
    )


def test_rtmp_for_everybody() -> None:
    found = only("LPF108", g=payer(1250, gateway_rtmp_addr="0.0.0.0:1935"), o=asker(1000))
    assert found.message == "whoever reaches port 1935 publishes streams, paid by its account, and nobody asks who he is"
    assert found.hint.startswith("livepeer_gateway_auth_webhook_url: ")
    assert only("LPF108", g=gateway(gateway_rtmp_addr="0.0.0.0:1935"), o=orchestrator()).level is Level.WARNING


def test_a_signer_that_was_told_to_pay_for_everybody() -> None:
    found = only("LPF108", s=signer(500, remote_signer_http_addr="10.0.0.1:9936"))
    assert (found.level, found.message[-29:]) == (Level.ERROR, "go-livepeer does not start so")
    assert "livepeer_remote_signer_allow_no_auth: true" in found.hint
    found = only("LPF108", s=signer(500, remote_signer_http_addr="10.0.0.1:9936", remote_signer_allow_no_auth=True))
    assert found.level is Level.WARNING


def test_webrtc_is_a_listener_of_udp() -> None:
    survey = Survey(fleet(h=combined(gateway_whip_addr=":7280", gateway_whep_addr="192.0.2.1:7281")))
    found = {one.purpose: (one.protocol, one.address, one.port, one.exposure) for one in survey.listeners if one.protocol == "udp"}
    assert found == {"whip": ("udp", "", 7280, Exposure.PUBLIC), "whep": ("udp", "192.0.2.1", 7281, Exposure.PUBLIC)}


def test_whip_and_whep_want_ports_of_their_own() -> None:
    found = only("LPF101", h=combined(gateway_whip_addr=":7280", gateway_whep_addr="192.0.2.1:7280"))
    assert found.hint == 'livepeer_gateway_whep_addr: "192.0.2.1:7281"'
    # Another protocol is another port.
    assert codes(h=combined(gateway_whip_addr="127.0.0.1:9935")) == []


def test_webrtc_without_ingest() -> None:
    found = only("LPF107", h=combined(gateway_http_addr="0.0.0.0:9935", gateway_whip_addr=":7280"))
    assert (found.variable, found.got) == ("livepeer_gateway_whip_addr", ":7280")


def test_ingest_that_is_turned_off_is_off_on_loopback_too() -> None:
    found = only(
        "LPF107", h=combined(gateway_http_ingest=False, gateway_workloads=["ai"], orchestrator_ai_models=[LIVE[0] | {"pipeline": "llm"}])
    )
    assert (found.variable, found.hint) == ("livepeer_gateway_http_ingest", "remove livepeer_gateway_http_ingest")


def test_a_service_of_somebody_else_keeps_its_port() -> None:
    found = only("LPF101", h=combined(services=[MEDIAMTX]))
    assert found.message == "gateway rtmp (127.0.0.1:1935) wants the port of mediamtx (0.0.0.0:1935)"
    assert (found.variable, found.limit) == ("livepeer_gateway_rtmp_addr", "livepeer_services[0].addr: :1935")
    assert found.hint == 'livepeer_gateway_rtmp_addr: "127.0.0.1:1936"'
    assert codes(h=combined(services=[MEDIAMTX], gateway_rtmp_addr="127.0.0.1:1936")) == []
    assert codes(h=combined(services=[MEDIAMTX | {"protocol": "udp"}])) == []


def test_services_of_a_machine_are_those_of_all_its_aliases() -> None:
    a = gateway(ansible_host="m", services=[MEDIAMTX], gateway_rtmp_addr=":1936")
    o = orchestrator(ansible_host="m", orchestrator_service_addr="o:1935", services=[MEDIAMTX])
    assert only("LPF101", a=a, o=o).hint == 'livepeer_orchestrator_service_addr: "o:8935"'
    assert codes(a=a, o=o | {"orchestrator_service_addr": "o:8935"}) == []


def test_two_services_on_one_port() -> None:
    services = [MEDIAMTX | {"name": "nginx", "addr": "127.0.0.1:80"}, MEDIAMTX | {"name": "caddy", "addr": ":80"}]
    found = only("LPF101", h=combined(services=services))
    assert found.message == "caddy (0.0.0.0:80) is said to have the port of nginx (127.0.0.1:80)"
    assert (found.variable, found.limit) == ("livepeer_services[1].addr", "livepeer_services[0].addr: 127.0.0.1:80")


def test_a_service_whose_address_is_none() -> None:
    found = only("LPF104", h=combined(services=[MEDIAMTX | {"addr": "1935:x"}]))
    assert (found.variable, found.hosts) == ("livepeer_services[0].addr", ("h",))


def test_what_is_said_of_a_services_exposure_counts() -> None:
    services = [MEDIAMTX | {"addr": "0.0.0.0:9997", "exposure": "private"}, MEDIAMTX | {"name": "api", "addr": "127.0.0.1:9998"}]
    found = [one for one in Survey(fleet(h=combined(services=services))).listeners if one.purpose == FOREIGN]
    assert [(one.node, one.exposure) for one in found] == [("mediamtx", Exposure.PRIVATE), ("api", Exposure.LOOPBACK)]


def test_a_redeemer_that_takes_tickets_of_everybody() -> None:
    key = {"redeemer_eth_acct_addr": "0x" + "1" * 40}
    found = only("LPF108", r=redeemer(redeemer_http_addr="0.0.0.0:9937", **key))
    assert (found.level, found.variable) == (Level.WARNING, "livepeer_redeemer_http_addr")
    for address in ("10.0.0.9:9937", "127.0.0.1:9937", ":9937"):
        assert codes(r=redeemer(redeemer_http_addr=address, **key)) == []


@pytest.mark.parametrize(
    ("host", "hint"),
    [
        (signer(1300, remote_signer_http_addr="*:80"), 'livepeer_remote_signer_http_addr: "127.0.0.1:9936"'),
        (redeemer(redeemer_http_addr="*:80"), 'livepeer_redeemer_http_addr: "127.0.0.1:9937"'),
        (redeemer(redeemer_cli_addr="*:80"), 'livepeer_redeemer_cli_addr: "127.0.0.1:2935"'),
        (combined(gateway_whip_addr="0.0.0.0"), 'livepeer_gateway_whip_addr: ":7280"'),
        (combined(gateway_whep_addr="7281"), 'livepeer_gateway_whep_addr: ":7281"'),
        (combined(services=[MEDIAMTX | {"addr": "1935"}]), 'livepeer_services[0].addr: ":1935"'),
    ],
)
def test_no_dangerous_default_is_proposed(host: Host, hint: str) -> None:
    """go-livepeer's own of a redeemer is every address, and a signer's is the port of an orchestrator."""
    assert only("LPF104", h=host).hint == hint


def test_a_second_signer_is_not_sent_to_the_port_of_an_orchestrator() -> None:
    a, b = (signer(1300, ansible_host="m", remote_signer_name=name) for name in ("one", "two"))
    (found,) = [one for one in check(a=a, b=b) if one.variable == "livepeer_remote_signer_http_addr"]
    assert (found.code, found.hint) == ("LPF101", 'livepeer_remote_signer_http_addr: "127.0.0.1:9937"')


@pytest.mark.parametrize(
    ("address", "hint"), [("0.0.0.0:80", "127.0.0.1:2935"), ("0.0.0.0:2936", "127.0.0.1:2936"), (":2935", "127.0.0.1:2935")]
)
def test_a_cli_port_is_moved_to_one_that_its_node_can_open(address: str, hint: str) -> None:
    found = only("LPF102", r=redeemer(redeemer_cli_addr=address))
    assert found.hint == f'livepeer_redeemer_cli_addr: "{hint}"'


@pytest.mark.parametrize(
    ("address", "hint"), [("::1:5935", "[::1]:5935"), ("::1", "[::1]:5935"), ("2001:db8::7:9", "[2001:db8::7:9]:5935")]
)
def test_ipv6_without_brackets(address: str, hint: str) -> None:
    assert only("LPF104", h=combined(gateway_cli_addr=address)).hint == f'livepeer_gateway_cli_addr: "{hint}"'
