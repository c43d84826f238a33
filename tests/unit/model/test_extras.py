# SPDX-License-Identifier: GPL-3.0-or-later
"""Flags and environment that are passed on by their own name."""

from __future__ import annotations

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.extras import fits
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import SecretSource
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.inventory import Misread, Present, Unreadable

from .inventories import brief, gateway, orchestrator


@pytest.mark.parametrize(
    ("name", "raw", "text"),
    [
        ("maxAttempts", 5, "5"),
        ("maxAttempts", "0x10", "0x10"),
        ("localVerify", True, "true"),
        ("localVerify", "F", "F"),
        ("discoveryTimeout", "1m30s", "1m30s"),
        ("minPerfScore", 0.7, "0.7"),
        ("minPerfScore", 1, "1"),
        ("minPerfScore", Misread("0.70", 0.7), "0.7"),
        ("maxTicketEV", 3000000000000, "3000000000000"),
        ("region", "eu", "eu"),
    ],
)
def test_a_flag_of_the_right_kind(name: str, raw: object, text: str) -> None:
    node, findings = gateway(gateway_flags={name: raw})
    assert (dict(node.settings.flags), findings) == ({name: text}, [])


@pytest.mark.parametrize(
    ("name", "raw", "code", "hint"),
    [
        ("maxAtempts", 5, "LPF501", "maxAttempts"),
        ("-maxAttempts", 5, "LPF501", "maxAttempts"),
        ("detectContent", True, "LPF501", ""),
        ("maxAttempts", "many", "LPF501", ""),
        ("maxAttempts", True, "LPF501", ""),
        ("maxAttempts", 1 << 63, "LPF501", ""),
        ("maxAttempts", "08", "LPF501", ""),
        ("localVerify", "yes", "LPF501", ""),
        ("localVerify", 2, "LPF501", ""),
        ("discoveryTimeout", 5, "LPF501", "5s"),
        ("discoveryTimeout", "5 s", "LPF501", ""),
        ("minPerfScore", "half", "LPF501", ""),
        ("maxTicketEV", 3e12, "LPF501", 'quote it: "3000000000000.0"'),
        ("region", Misread("010", 8), "LPF501", 'quote it: "010"'),
        ("region", ["eu"], "LPF501", ""),
        ("region", "eu #1", "LPF504", "write it without a blank before #"),
        ("region", "", "LPF504", "write a value, or remove the line"),
        ("region", Unreadable("why"), "LPF504", ""),
        ("ticketEV", 5, "LPF501", "remove it"),
        ("aiWorker", True, "LPF501", "remove it"),
        ("httpAddr", ":1", "LPF502", "set livepeer_gateway_http_addr instead"),
        ("maxPricePerUnit", 1, "LPF502", "set livepeer_gateway_max_price_per_unit instead"),
        ("ethUrl", "https://rpc.example", "LPF502", "set livepeer_eth_url instead"),
        ("v", 6, "LPF502", "set livepeer_log_level instead"),
        ("broadcaster", True, "LPF502", "remove it: the groups of a host say what it is"),
        ("dataDir", "/x", "LPF502", "remove it: each node has a data directory of its own below /var/lib"),
    ],
)
def test_a_flag_that_cannot_be_passed_on(name: str, raw: object, code: str, hint: str) -> None:
    node, findings = gateway(gateway_flags={name: raw})
    assert brief(findings) == [(code, f"livepeer_gateway_flags.{name}")]
    assert findings[0].hint == hint
    assert node.settings.flags == {}


def test_a_deprecated_name_is_managed_like_its_successor() -> None:
    _node, findings = orchestrator(orchestrator_flags={"pricePerBroadcaster": "{}"})
    assert (findings[0].code, findings[0].hint) == ("LPF502", "set livepeer_orchestrator_price_per_gateway instead")


def test_a_flag_of_another_version_names_the_versions_that_have_it() -> None:
    _node, findings = orchestrator(version="0.8.11", orchestrator_flags={"useLiveRunners": True})
    assert findings[0].message == "go-livepeer 0.8.11 has no flag -useLiveRunners (it is one of 0.9.0 and newer)"
    _node, findings = orchestrator(orchestrator_flags={"detectContent": True})
    assert "0.7.0 to 0.7.1" in findings[0].message


def test_flags_of_what_the_process_does_too() -> None:
    flags = {"testTranscoder": False}
    assert orchestrator(orchestrator_flags=flags)[1] == []
    assert brief(orchestrator(orchestrator_flags=flags, orchestrator_transcoder=False)[1]) == [
        ("LPF501", "livepeer_orchestrator_flags.testTranscoder")
    ]


@pytest.mark.parametrize("raw", ["https://hook.example/key", Present()])
def test_a_secret_flag_becomes_a_placeholder(raw: object) -> None:
    node, findings = gateway(gateway_flags={"kafkaPassword": raw})
    assert findings == []
    assert node.settings.flags == {"kafkaPassword": "@@livepeer-secret:flag_kafkaPassword@@"}
    assert node.secrets == {"flag_kafkaPassword": SecretSource("livepeer_gateway_flags.kafkaPassword")}


@pytest.mark.parametrize("raw", ["", 5, "two\nlines", "# secret of mine", Unreadable("why"), Present(0)])
def test_a_secret_flag_is_never_shown(raw: object) -> None:
    node, findings = gateway(gateway_flags={"kafkaPassword": raw})
    assert brief(findings) == [("LPF504", "livepeer_gateway_flags.kafkaPassword")]
    assert "secret of mine" not in str(findings)
    assert "two" not in str(findings)
    assert node.secrets == {}


@pytest.mark.parametrize("raw", ["short", Present(5)])
def test_a_secret_flag_that_is_too_short_to_be_hidden(raw: object) -> None:
    node, findings = gateway(gateway_flags={"kafkaPassword": raw})
    assert brief(findings) == [("LPF404", "livepeer_gateway_flags.kafkaPassword")]
    assert node.secrets == {}


@pytest.mark.parametrize(("raw", "text"), [("x", "x"), (5, "5")])
def test_environment(raw: object, text: str) -> None:
    node, findings = gateway(gateway_environment={"LIVE_AI_PLAYBACK_HOST": raw, "HTTPS_PROXY": raw})
    assert (dict(node.settings.environment), findings) == ({"LIVE_AI_PLAYBACK_HOST": text, "HTTPS_PROXY": text}, [])


@pytest.mark.parametrize(
    ("name", "raw", "code"),
    [
        ("LIVE_AI_PLAYBACK_HOSTS", "x", "LPF501"),
        ("LIVE_AI_NAT_IP", "x", "LPF502"),
        ("LIVE_AI_SOMETHING_ELSE", "x", "LPF501"),
        ("LP_HTTPADDR", "x", "LPF502"),
        ("HOME", "/x", "LPF502"),
        ("A B", "x", "LPF504"),
        ("PROXY", True, "LPF504"),
        ("PROXY", 0.5, "LPF504"),
        ("PROXY", "a\nb", "LPF504"),
        ("PROXY", Unreadable("why"), "LPF504"),
    ],
)
def test_environment_that_cannot_be_passed_on(name: str, raw: object, code: str) -> None:
    assert brief(gateway(gateway_environment={name: raw})[1]) == [(code, f"livepeer_gateway_environment.{name}")]


@pytest.mark.parametrize(("extra", "name"), [("environment", "HTTPS_PROXY"), ("flags", "orchMinLivepeerVersion")])
def test_what_a_vault_encrypts_is_a_secret_whatever_it_is_called(extra: str, name: str) -> None:
    node, findings = gateway(**{f"gateway_{extra}": {name: Present()}})
    assert findings == []
    assert list(getattr(node.settings, extra).values()) == [f"@@livepeer-secret:{'env' if extra == 'environment' else 'flag'}_{name}@@"]
    assert list(node.secrets.values()) == [SecretSource(f"livepeer_gateway_{extra}.{name}")]


def test_a_secret_of_the_environment() -> None:
    node, findings = orchestrator(orchestrator_environment={"FAL_API_KEY": "0123456789"})
    assert findings == []
    assert node.settings.environment == {"FAL_API_KEY": "@@livepeer-secret:env_FAL_API_KEY@@"}
    assert node.secrets["env_FAL_API_KEY"] == SecretSource("livepeer_orchestrator_environment.FAL_API_KEY")


@pytest.mark.parametrize(
    ("kind", "text", "read"),
    [
        ("int", "010", True),
        ("int", "1_000", True),
        ("int", "-5", True),
        ("int", "0o17", True),
        ("int", "0b101", True),
        ("int", "1e3", False),
        ("int", "_1", False),
        ("int", "", False),
        ("int64", "9223372036854775807", True),
        ("int64", "9223372036854775808", False),
        ("uint", "-1", False),
        ("uint", "4294967295", True),
        ("duration", "0", True),
        ("duration", "1.5h", True),
        ("duration", "1d", False),
        ("duration", "", False),
        ("float", "1e-3", True),
        ("float", ".5", True),
        ("float", "1,5", False),
        ("bool", "TRUE", True),
        ("bool", "tRUE", False),
        ("string", "anything", True),
    ],
)
def test_values_as_go_reads_them(kind: str, text: str, read: bool) -> None:
    assert fits(kind, text) is read
