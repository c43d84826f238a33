# SPDX-License-Identifier: GPL-3.0-or-later
"""One raw value at a time: what is taken, what is refused, and the path that is named."""

from __future__ import annotations

from datetime import date

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import OrchAddr, SecretSource
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.inventory import Misread, Present, Unreadable
from hypothesis import given
from hypothesis import strategies as st

from .inventories import brief, gateway, orchestrator

CAP = "gateway_max_price_per_unit"


@pytest.mark.parametrize(
    ("raw", "text"),
    [(1200, "1200"), ("1200", "1200"), ("0.002USD", "0.002USD"), ("auto", "auto"), ("any", "any"), (0, "0"), ("0.5", "0.5")],
)
def test_amounts_are_taken_as_text(raw: object, text: str) -> None:
    node, findings = gateway(**{CAP: raw})
    assert node.settings.max_price_per_unit == text
    assert findings == []


@pytest.mark.parametrize(
    ("raw", "hint"),
    [
        (0.5, '"0.5"'),
        (1.2e-12, "the amount with all its digits, in quotes"),
        (Misread("0.0000000000012", 1.2e-12), '"0.0000000000012"'),
        (Misread("010", 8), '"10", without leading zeros; 8 if it was meant as octal'),
        (Misread("0x10", 16), '"16", the number in decimal digits'),
        (Misread("1:30", 90), '"90", the number in decimal digits'),
        ("010", '"10", without leading zeros'),
        ("1:30", "the amount in quotes, without a colon"),
        (True, ""),
        (None, "write a value, or remove the line"),
        ([1], ""),
        ("", "write a value, or remove the line"),
        (" 12", '"12"'),
    ],
)
def test_what_yaml_may_have_changed_is_refused(raw: object, hint: str) -> None:
    node, findings = gateway(**{CAP: raw})
    assert brief(findings) == [("LPF504", "livepeer_gateway_max_price_per_unit")]
    assert findings[0].hint == hint
    assert findings[0].hosts == ("gw1",)
    assert node.settings.max_price_per_unit == ""


def test_quote_it_is_what_a_float_and_an_octal_are_told() -> None:
    for raw in (0.5, Misread("010", 8)):
        assert "quote it" in gateway(**{CAP: raw})[1][0].message


@given(st.integers(min_value=0, max_value=10**30))
def test_an_integer_amount_keeps_its_digits(amount: int) -> None:
    assert gateway(**{CAP: amount})[0].settings.max_price_per_unit == str(amount)


@pytest.mark.parametrize("raw", [True, "true", "True", "TRUE"])
def test_true_is_true(raw: object) -> None:
    node, findings = orchestrator(orchestrator_ai_worker=raw)
    assert (node.settings.ai_worker, findings) == (True, [])


@pytest.mark.parametrize(("raw", "hint"), [(1, "true"), (0, "false"), ("yes", "true"), ("off", "false"), ("maybe", ""), ([], "")])
def test_what_only_looks_like_a_boolean_is_refused(raw: object, hint: str) -> None:
    node, findings = orchestrator(orchestrator_transcoder=raw)
    assert brief(findings) == [("LPF504", "livepeer_orchestrator_transcoder")]
    assert findings[0].hint == hint
    assert node.settings.transcoder is True


@pytest.mark.parametrize(
    ("name", "raw", "path"),
    [
        ("log_level", True, "livepeer_log_level"),
        ("log_level", 11, "livepeer_log_level"),
        ("log_level", "six", "livepeer_log_level"),
        ("log_level", 6.0, "livepeer_log_level"),
        ("log_level", Misread("0x6", 6), "livepeer_log_level"),
        ("start_timeout", 1, "livepeer_start_timeout"),
        ("gateway_http_addr", 7935, "livepeer_gateway_http_addr"),
        ("gateway_name", "Gate Way", "livepeer_gateway_name"),
        ("gateway_name", "a" * 23, "livepeer_gateway_name"),
        ("gateway_name", date(2024, 1, 1), "livepeer_gateway_name"),
        ("gateway_payment", "on-chain", "livepeer_gateway_payment"),
        ("gateway_workloads", "video", "livepeer_gateway_workloads"),
        ("gateway_workloads", ["video", "vidoe"], "livepeer_gateway_workloads[1]"),
        ("gateway_flags", ["maxAttempts"], "livepeer_gateway_flags"),
        ("gateway_environment", "A=1", "livepeer_gateway_environment"),
        ("gateway_eth_acct_addr", "0x12", "livepeer_gateway_eth_acct_addr"),
        ("gateway_eth_acct_addr", 12, "livepeer_gateway_eth_acct_addr"),
        ("gateway_eth_acct_addr", "0x008aeEda4D805471dF9b2A5B0f38A0C3bCBA786b", "livepeer_gateway_eth_acct_addr"),
        ("gateway_transcoding_options", "P240p30fps16x9 # small", "livepeer_gateway_transcoding_options"),
        ("gateway_transcoding_options", "#P240p30fps16x9", "livepeer_gateway_transcoding_options"),
        ("gateway_transcoding_options", "P240p30fps16x9\nv 6", "livepeer_gateway_transcoding_options"),
        ("gateway_transcoding_options", "P240p30fps16x9\tv 6", "livepeer_gateway_transcoding_options"),
        ("headroom_min", "20%", "livepeer_headroom_min"),
        ("headroom_min", 40, "livepeer_headroom_min"),
        ("headroom_max", 0.3, "livepeer_headroom_max"),
        ("rollout", ["half"], "livepeer_rollout[0]"),
        ("rollout", [0], "livepeer_rollout[0]"),
        ("rollout", ["101%"], "livepeer_rollout[0]"),
        ("plan_secrets", "all", "livepeer_plan_secrets"),
        ("plan_dir", "", "livepeer_plan_dir"),
        ("plan_dir", 5, "livepeer_plan_dir"),
        ("flavor", "gpus", "livepeer_flavor"),
        ("groups", {"gateway": "x"}, "livepeer_groups.gateway"),
        ("groups", "x", "livepeer_groups"),
        ("archive_checksum", "sha256:12", "livepeer_archive_checksum"),
        ("network", 1, "livepeer_network"),
        ("network", "../else/where", "livepeer_network"),
        ("version", 0.9, "livepeer_version"),
        ("gateway_http_addr", Unreadable("'x' is undefined"), "livepeer_gateway_http_addr"),
    ],
)
def test_a_wrong_type_or_shape_is_one_finding_with_its_path(name: str, raw: object, path: str) -> None:
    _node, findings = gateway(**{name: raw})
    assert brief(findings) == [("LPF504", path)]


def test_a_version_that_yaml_read_as_a_number_is_to_be_quoted() -> None:
    for raw in (0.9, Misread("0.90", 0.9), 9):
        ((found,), _rest) = (gateway(version=raw)[1], None)
        assert found.message.endswith("quote it")
        assert found.hint == 'livepeer_version: "0.9.1"'


def test_a_port_alone_is_completed() -> None:
    assert gateway(gateway_http_addr=7935)[1][0].hint.startswith("livepeer_gateway_http_addr: 127.0.0.1:7935,")
    assert orchestrator(orchestrator_service_addr=8936)[1][0].hint.startswith("livepeer_orchestrator_service_addr: orch.example.com:8936,")


def test_a_name_that_could_be_one_is_proposed() -> None:
    assert gateway(gateway_name="My_Node")[1][0].hint == "my-node"
    assert gateway(gateway_name="9")[1][0].hint == ""


def test_a_gateway_is_for_something() -> None:
    assert brief(gateway(gateway_workloads=[])[1]) == [("LPF504", "livepeer_gateway_workloads")]


def test_a_nearly_right_choice_is_proposed() -> None:
    assert gateway(gateway_payment="on-chain")[1][0].hint == "onchain"


def test_lists_are_checked_item_by_item() -> None:
    caps = [
        {"pipeline": "llm", "price_per_unit": 5},
        {"pipeline": "llm", "price_per_unit": "5", "currency": "USD"},
        {"pipeline": "llm", "price_per_unit": 0.5},
        {"pipeline": "llm", "price_per_units": 5},
        "llm",
    ]
    node, findings = gateway(gateway_max_price_per_capability=caps)
    path = "livepeer_gateway_max_price_per_capability"
    assert brief(findings) == [
        ("LPF504", f"{path}[2].price_per_unit"),
        ("LPF504", f"{path}[3].price_per_units"),
        ("LPF504", f"{path}[3].price_per_unit"),
        ("LPF504", f"{path}[4]"),
    ]
    assert findings[1].hint == "price_per_unit"
    assert node.settings.max_price_per_capability[:2] == (
        {"pipeline": "llm", "price_per_unit": "5"},
        {"pipeline": "llm", "price_per_unit": "5", "currency": "USD"},
    )


def test_entries_of_the_list_of_orchestrators() -> None:
    entries = ["o1", "https://o.example:8935", "o.example:8935", {"url": "https://p.example:8935", "price_per_unit": 7}]
    node, findings = gateway(gateway_orch_addr=entries, gateway_discovery="list")
    assert findings == []
    assert node.settings.orch_addr == (
        OrchAddr(host="o1", pixels_per_unit="1"),
        OrchAddr(url="https://o.example:8935", pixels_per_unit="1"),
        OrchAddr(url="o.example:8935", pixels_per_unit="1"),
        OrchAddr(url="https://p.example:8935", price_per_unit="7", pixels_per_unit="1"),
    )


@pytest.mark.parametrize("entry", [{}, {"host": "o1", "url": "https://o1:8935"}])
def test_an_entry_names_a_host_or_a_url(entry: object) -> None:
    _node, findings = gateway(gateway_orch_addr=[entry], gateway_discovery="list")
    assert brief(findings) == [("LPF504", "livepeer_gateway_orch_addr[0]")]


def test_a_value_that_cannot_be_read_inside_a_list_keeps_its_reason() -> None:
    _node, findings = gateway(gateway_orch_addr=["o1", Unreadable("'nowhere' is undefined")], gateway_discovery="list")
    assert brief(findings) == [("LPF504", "livepeer_gateway_orch_addr[1]")]
    assert findings[0].got == "'nowhere' is undefined"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("", "LPF404"),
        ("short", "LPF404"),
        (Present(0), "LPF404"),
        (Present(7), "LPF404"),
        (12345678, "LPF504"),
        (["x" * 9], "LPF504"),
        (Unreadable("no vault secrets found"), "LPF504"),
    ],
)
def test_a_secret_that_is_none(raw: object, code: str) -> None:
    node, findings = orchestrator(orchestrator_orch_secret=raw)
    assert brief(findings) == [(code, "livepeer_orchestrator_orch_secret")]
    assert "short" not in findings[0].got
    assert "12345678" not in str(findings)
    assert node.secrets["orch_secret"] == SecretSource("")


@pytest.mark.parametrize("raw", ["long enough", Present(), Present(8)])
def test_a_secret_that_is_one(raw: object) -> None:
    node, findings = orchestrator(orchestrator_orch_secret=raw)
    assert (node.secrets["orch_secret"], findings) == (SecretSource("livepeer_orchestrator_orch_secret"), [])


@pytest.mark.parametrize(("raw", "text"), [(0, "0"), ("0,1", "0,1"), ("all", "all")])
def test_gpus(raw: object, text: str) -> None:
    node, findings = orchestrator(orchestrator_nvidia=raw)
    assert (node.settings.nvidia, findings) == (text, [])


@pytest.mark.parametrize(
    ("raw", "hint"),
    [
        ("GPU 0", ""),
        ("ALL", "all"),
        ("0, 1", "0,1"),
        (-1, ""),
        ("0,", ""),
        ("01", ""),
        ([0, 1], '"0,1"'),
        ([], ""),
        ([True], ""),
        (Misread("0.1", 0.1), ""),
    ],
)
def test_what_are_no_gpus(raw: object, hint: str) -> None:
    findings = orchestrator(orchestrator_nvidia=raw)[1]
    assert (brief(findings), findings[0].hint) == ([("LPF504", "livepeer_orchestrator_nvidia")], hint)


@pytest.mark.parametrize("name", ["pool_size", "restart_busy", "gateway_workloads", "orchestrator_nvidia"])
def test_a_decimal_point_is_no_matter_of_quotes_where_no_amount_stands(name: str) -> None:
    (one,) = (gateway if name.startswith("gateway") else orchestrator)(**{name: Misread("1.5", 1.5)})[1]
    assert (one.code, "quote" in one.message, one.hint) == ("LPF504", False, "")
    assert "a number with a decimal point" in one.got


def test_the_address_of_nobody_is_no_account() -> None:
    (one,) = gateway(gateway_eth_acct_addr="0x" + "0" * 40)[1]
    assert (one.code, one.variable) == ("LPF504", "livepeer_gateway_eth_acct_addr")


def test_an_empty_list_of_endpoints_has_none() -> None:
    findings = gateway(network="arbitrum-one-mainnet", eth_url=[], gateway_keystore="12345678", gateway_eth_password="12345678")[1]
    assert brief(findings) == [("LPF404", "livepeer_eth_url")]


@pytest.mark.parametrize(("urls", "proxy", "count"), [(["12345678"] * 2, False, 1), (["12345678"], False, 0), (["12345678"] * 2, True, 0)])
def test_several_endpoints_need_the_proxy(urls: list[str], proxy: bool, count: int) -> None:
    """go-livepeer takes one URL; a list would be lines of a configuration that it cannot read."""
    chain = {"network": "arbitrum-one-mainnet", "gateway_keystore": "12345678", "gateway_eth_password": "12345678"}
    findings = gateway(eth_url=urls, eth_proxy=proxy, **chain)[1]
    assert brief(findings) == [("LPF504", "livepeer_eth_url")] * count
    assert gateway(eth_url=urls, eth_proxy=proxy)[1] == []


def test_a_file_of_a_key_that_was_refused_is_no_missing_key() -> None:
    chain = {"network": "arbitrum-one-mainnet", "eth_url": "12345678", "gateway_eth_password": "12345678"}
    assert brief(gateway(gateway_keystore_file=None, **chain)[1]) == [("LPF504", "livepeer_gateway_keystore_file")]


def test_a_long_value_is_cut() -> None:
    assert len(gateway(gateway_workloads={"x": "y" * 500})[1][0].got) < 100


@pytest.mark.parametrize("value", ["auto", "any", []])
def test_caps_of_capabilities_may_be_a_word(value: object) -> None:
    node, findings = gateway(gateway_max_price_per_capability=value)
    assert findings == []
    assert node.settings.max_price_per_capability == (tuple(value) if isinstance(value, list) else value)


@pytest.mark.parametrize("value", ["1000", "autom", {"pipeline": "llm"}, 5])
def test_caps_of_capabilities_are_a_list_else(value: object) -> None:
    _node, findings = gateway(gateway_max_price_per_capability=value)
    assert brief(findings) == [("LPF504", "livepeer_gateway_max_price_per_capability")]
    assert findings[0].limit == "a list"


@pytest.mark.parametrize(("name", "hint"), [("text_to_image", "text-to-image"), ("Text-to-image", "text-to-image"), ("byoc", "")])
def test_pipelines_have_the_names_of_the_binary(name: str, hint: str) -> None:
    _node, findings = gateway(gateway_max_price_per_capability=[{"pipeline": name, "price_per_unit": 1}])
    assert brief(findings) == [("LPF504", "livepeer_gateway_max_price_per_capability[0].pipeline")]
    assert findings[0].hint == hint


CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize("raw", ["/etc/ssl/metrics.pem", "", "-----BEGIN PRIVATE KEY-----", ["x"]])
def test_a_certificate_is_its_text(raw: object) -> None:
    findings = gateway(metrics_tls_certificate=raw, metrics_tls_key="12345678")[1]
    assert brief(findings) == [("LPF504", "livepeer_metrics_tls_certificate")]


def test_metrics_without_tls_where_it_was_meant() -> None:
    assert brief(gateway(metrics_tls_key="12345678")[1]) == [("LPF504", "livepeer_metrics_tls_certificate")]
    assert brief(gateway(metrics_tls_certificate=CERTIFICATE)[1]) == [("LPF404", "livepeer_metrics_tls_key")]
    assert gateway(metrics_tls_certificate=f"# of the proxy\n{CERTIFICATE}", metrics_tls_key="12345678")[1] == []


def test_an_address_behind_nat_is_an_ip_address() -> None:
    assert brief(gateway(gateway_nat_ip="gw.example.com")[1]) == [("LPF504", "livepeer_gateway_nat_ip")]
    assert gateway(gateway_nat_ip="198.51.100.7")[1] == []


@pytest.mark.parametrize(
    ("name", "raw", "message", "hint"),
    [
        ("pool_size", Misread("010", 8), "YAML reads 010 as the number 8: write it in decimal digits", "10, or 8 if it was meant as octal"),
        ("pool_size", Misread("0x64", 100), "YAML reads 0x64 as the number 100: write it in decimal digits", "100"),
        ("gateway_name", Misread("1_0", 10), "YAML reads 1_0 as the number 10: quote it", '"1_0"'),
        ("firewall", Misread("01", 1), "true or false is needed here, this is a whole number", ""),
        ("gateway_workloads", Misread("010", 8), "a list is needed here, this is a whole number", ""),
        ("gateway_flags", Misread("010", 8), "a dictionary is needed here, this is a whole number", ""),
    ],
)
def test_a_number_of_another_base_in_the_words_of_its_variable(name: str, raw: Misread, message: str, hint: str) -> None:
    (one,) = gateway(**{name: raw})[1]
    assert (one.code, one.message, one.hint) == ("LPF504", message, hint)
