# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator says of gas, funds, exchange rates and signers, and what is refused."""

from __future__ import annotations

from datetime import date

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import ExchangeRate, GatewaySettings, Node, RemoteSigner
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.inventory import Inventory, Misread
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.parser import parse_fleet

BASE = {"livepeer_version": "0.9.1", "livepeer_archive": "/srv/livepeer.tar.gz"}


def parsed(**variables: object) -> tuple[Node, tuple[Finding, ...]]:
    raw = BASE | {f"livepeer_{name}": value for name, value in variables.items()}
    fleet, findings = parse_fleet(Inventory({"livepeer_gateways": ["gw1"]}, {"gw1": raw}), archive_checksum=lambda _path: "ab" * 32)
    return fleet.nodes[0], findings


def settings(**variables: object) -> GatewaySettings:
    node, findings = parsed(**variables)
    assert findings == ()
    assert isinstance(node.settings, GatewaySettings)
    return node.settings


@pytest.mark.parametrize(
    ("written", "expected"),
    [("0.1", ("0.1", "0.1")), (2, ("2", "2")), (["0.05", "2"], ("0.05", "2")), (["0.05"], ("0.05", "0.05"))],
)
def test_gas_is_one_amount_or_the_lowest_and_the_highest(written: object, expected: tuple[str, ...]) -> None:
    node, findings = parsed(expected_gas_gwei=written, pool_size=100)
    assert (node.expected_gas_gwei, node.pool_size, findings) == (expected, 100, ())


@pytest.mark.parametrize(
    ("written", "path"),
    [
        (["2", "0.05"], "livepeer_expected_gas_gwei"),
        (["1", "2", "3"], "livepeer_expected_gas_gwei"),
        ([], "livepeer_expected_gas_gwei"),
        (0.1, "livepeer_expected_gas_gwei"),
        (["0.1", Misread("2.0", 2.0)], "livepeer_expected_gas_gwei[1]"),
        (["0.1", "1e3"], "livepeer_expected_gas_gwei[1]"),
        ({"low": 1}, "livepeer_expected_gas_gwei"),
    ],
)
def test_what_is_no_range_of_a_gas_price_is_refused(written: object, path: str) -> None:
    node, findings = parsed(expected_gas_gwei=written)
    assert [(finding.code, finding.variable) for finding in findings] == [("LPF504", path)]
    assert node.expected_gas_gwei == () and not node.knows("expected_gas_gwei")


def test_rates_carry_their_day() -> None:
    node, findings = parsed(
        wei_per_usd={"wei": 500000000000000, "date": date(2026, 11, 20)},
        exchange_rates=[{"currency": "eur", "wei": "600000000000000.5", "date": "2026-11-19"}],
    )
    assert findings == ()
    assert node.exchange_rates == (
        ExchangeRate("EUR", "600000000000000.5", "2026-11-19"),
        ExchangeRate("USD", "500000000000000", "2026-11-20"),
    )


def test_a_rate_may_be_a_bare_amount() -> None:
    assert parsed(wei_per_usd="500000000000000")[0].exchange_rates == (ExchangeRate("USD", "500000000000000", ""),)


@pytest.mark.parametrize(
    ("variables", "path"),
    [
        ({"wei_per_usd": {"date": "2026-11-20"}}, "livepeer_wei_per_usd.wei"),
        ({"wei_per_usd": {"wei": 1, "date": "yesterday"}}, "livepeer_wei_per_usd.date"),
        ({"wei_per_usd": "5e14"}, "livepeer_wei_per_usd"),
        ({"exchange_rates": [{"currency": "E2R", "wei": 1}]}, "livepeer_exchange_rates[0].currency"),
        ({"gateway_reserve_eth": "-1"}, "livepeer_gateway_reserve_eth"),
        ({"gateway_select_price_weight": 0.5}, "livepeer_gateway_select_price_weight"),
    ],
)
def test_amounts_that_cannot_be_read_are_refused_where_they_stand(variables: dict[str, object], path: str) -> None:
    assert [(finding.code, finding.variable) for finding in parsed(**variables)[1]] == [("LPF504", path)]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("https://signer.example.com", RemoteSigner(url="https://signer.example.com", endpoint="https://signer.example.com:443")),
        ("signer1", RemoteSigner(host="signer1")),
        (
            {"url": "https://signer.example.com", "max_price_per_unit": 1300},
            RemoteSigner(url="https://signer.example.com", max_price_per_unit="1300", endpoint="https://signer.example.com:443"),
        ),
    ],
)
def test_a_signer_is_named_with_what_is_known_of_its_cap(written: object, expected: RemoteSigner) -> None:
    assert settings(gateway_payment="clearinghouse", gateway_remote_signer=written).remote_signer == expected


def test_a_signer_is_a_host_or_a_url() -> None:
    _node, findings = parsed(gateway_payment="clearinghouse", gateway_remote_signer={"host": "a", "url": "https://b"})
    assert [(finding.code, finding.variable) for finding in findings] == [("LPF504", "livepeer_gateway_remote_signer")]


def test_funds_and_weights_stay_text() -> None:
    found = settings(gateway_reserve_eth="0.36", gateway_deposit_eth=2, gateway_select_price_weight="0.25")
    assert (found.reserve_eth, found.deposit_eth, found.select_price_weight) == ("0.36", "2", "0.25")


@pytest.mark.parametrize(
    ("workloads", "hint"),
    [
        (["video"], "remove livepeer_gateway_remote_signer: a signer pays for live AI alone"),
        (["live_video", "ai"], "remove livepeer_gateway_remote_signer: a signer pays for live AI alone"),
        (["live_video"], "livepeer_gateway_payment: remote_signer, or remove livepeer_gateway_remote_signer"),
    ],
)
def test_a_signer_beside_an_account_is_proposed_for_what_it_can_pay(workloads: list[str], hint: str) -> None:
    given = {"gateway_payment": "onchain", "network": "arbitrum-one-mainnet", "gateway_remote_signer": "https://s.example.com"}
    _node, findings = parsed(**given, gateway_workloads=workloads)
    assert [one.hint for one in findings if one.code == "LPF303"] == [hint]
