# SPDX-License-Identifier: GPL-3.0-or-later
"""LPF110, LPF111 and LPF507: each fires and is silent where it should be."""

from __future__ import annotations

import pytest
from ansible_collections.livepeer.fleet.tests.unit.rules.fleets import Host, codes, only, orchestrator, parsed

PRIVATE = {"orchestrator_http_addr": "10.0.0.5:8935"}


def _alias(number: int, **variables: object) -> Host:
    return orchestrator(
        ansible_host="192.0.2.1",
        orchestrator_name=f"orch{number}",
        orchestrator_service_addr=f"orch{number}.example.com:{8900 + number}",
        orchestrator_cli_addr=f"127.0.0.1:{7900 + number}",
        orchestrator_metrics_proxy_addr=f"127.0.0.1:{17900 + number}",
        **variables,
    )


PASSING: dict[str, list[dict[str, Host]]] = {
    "LPF110": [
        {"o": orchestrator(**PRIVATE)},
        {"o": orchestrator(firewall=True)},
        {"o": orchestrator(firewall=True, firewall_sources=["10.0.0.0/8"], **PRIVATE)},
        # What one alias names counts for the machine.
        {
            "a": _alias(1, firewall=True, firewall_sources=["10.0.0.0/8"]),
            "b": _alias(2, firewall=True, orchestrator_http_addr="10.0.0.5:8935"),
        },
    ],
    "LPF111": [{"a": _alias(1, firewall=True), "b": _alias(2, firewall=True)}, {"a": _alias(1), "b": _alias(2)}],
    "LPF507": [
        {"o": orchestrator()},
        {"o": orchestrator(log_namespace=True, log_max_size="500M", log_retention="14day")},
    ],
}

FAILING: dict[str, list[dict[str, Host]]] = {
    "LPF110": [
        {"o": orchestrator(firewall=True, **PRIVATE)},
        {"o": orchestrator(firewall=True, firewall_sources=["fd00::/8"], **PRIVATE)},
    ],
    "LPF111": [{"a": _alias(1, firewall=True), "b": _alias(2)}],
    "LPF507": [{"o": orchestrator(log_retention="14day")}, {"o": orchestrator(log_max_size="1G")}],
}


@pytest.mark.parametrize("hosts", [hosts for table in PASSING.values() for hosts in table])
def test_silent(hosts: dict[str, Host]) -> None:
    assert codes(**hosts) == []


@pytest.mark.parametrize(("code", "hosts"), [(code, hosts) for code, table in FAILING.items() for hosts in table])
def test_fires(code: str, hosts: dict[str, Host]) -> None:
    assert codes(**hosts) == [code]


def test_a_firewall_that_closes_a_listener_to_everybody() -> None:
    found = only("LPF110", orch1=orchestrator(firewall=True, **PRIVATE))
    assert (found.hosts, found.node, found.variable) == (("orch1",), "orchestrator", "livepeer_firewall_sources")
    assert "orchestrator rpc (10.0.0.5:8935)" in found.message
    assert "livepeer_orchestrator_http_addr on loopback" in found.hint


def test_aliases_of_one_machine_have_one_firewall() -> None:
    found = only("LPF111", one=_alias(1, firewall=True), two=_alias(2))
    assert (found.got, found.limit) == ("two: false", "one: true")


def test_journals_that_are_kept_nowhere() -> None:
    assert only("LPF507", orch1=orchestrator(log_retention="14day")).variable == "livepeer_log_retention"


@pytest.mark.parametrize(("raw", "hint"), [("10.0.0.5/8", "10.0.0.0/8"), ("gw1", ""), ("10.0.0.0/40", ""), ("fd00::1/8", "fd00::/8")])
def test_a_source_that_is_no_network(raw: str, hint: str) -> None:
    _fleet, findings = parsed(orch1=orchestrator(firewall_sources=[raw]))
    assert [(one.code, one.variable, one.hint) for one in findings if "firewall" in one.variable] == [
        ("LPF504", "livepeer_firewall_sources[0]", hint)
    ]


def test_an_address_is_the_network_of_itself() -> None:
    fleet, _findings = parsed(orch1=orchestrator(firewall_sources=["10.0.0.5", "fd00::1"]))
    assert fleet.hosts["orch1"].firewall_sources == ("10.0.0.5/32", "fd00::1/128")
