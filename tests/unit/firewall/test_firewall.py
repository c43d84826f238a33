# SPDX-License-Identifier: GPL-3.0-or-later
"""The nftables table of a machine: what is let in, what is closed, and that nothing else is named."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.addresses import FOREIGN, Exposure, Listener, exposure
from ansible_collections.livepeer.fleet.plugins.plugin_utils.firewall import Allowed, rules, unreachable
from hypothesis import given
from hypothesis import strategies as st

ALLOWED = Allowed(sources=("10.0.0.0/8", "fd00::/8"), metrics=("127.0.0.0/8", "192.0.2.9/32"))


def listener(address: str = "", port: int = 8935, purpose: str = "rpc", **other: object) -> Listener:
    made = Listener("m", "orch1", "orchestrator", purpose, "tcp", address, port, exposure(address), "livepeer_x", True)
    return replace(made, **other)


LISTENERS = st.lists(
    st.builds(
        listener,
        address=st.sampled_from(["", "127.0.0.1", "::1", "10.0.0.1", "192.0.2.7", "fd00::1", "fe80::1%eth0", "2001:db8::1", "gw1"]),
        port=st.integers(8000, 8003),
        purpose=st.sampled_from(["rpc", "http", "cli", "metrics"]),
        protocol=st.sampled_from(["tcp", "udp"]),
    ),
    max_size=6,
)


def lines(*listeners: Listener, allowed: Allowed = ALLOWED) -> list[str]:
    return [f"{rule.match} {rule.verdict}" for rule in rules(listeners, allowed)]


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        pytest.param(listener(), ["tcp dport 8935 accept"], id="every address"),
        pytest.param(listener("192.0.2.7"), ["ip daddr 192.0.2.7 tcp dport 8935 accept"], id="a public address"),
        pytest.param(listener("orch1.example.com"), ["tcp dport 8935 accept"], id="a name may be any address"),
        pytest.param(listener("127.0.0.1", 7935, "cli"), ["tcp dport 7935 drop"], id="loopback is closed"),
        pytest.param(
            listener("10.0.0.1"),
            ["ip saddr { 10.0.0.0/8 } ip daddr 10.0.0.1 tcp dport 8935 accept", "ip daddr 10.0.0.1 tcp dport 8935 drop"],
            id="a private address",
        ),
        pytest.param(
            listener("fe80::1%eth0", protocol="udp"),
            ["ip6 saddr { fd00::/8 } ip6 daddr fe80::1 udp dport 8935 accept", "ip6 daddr fe80::1 udp dport 8935 drop"],
            id="IPv6 with a zone",
        ),
        pytest.param(
            listener("", 17935, "metrics"),
            ["ip saddr { 192.0.2.9/32 } tcp dport 17935 accept", "tcp dport 17935 drop"],
            id="metrics are for those who scrape, whatever the address",
        ),
    ],
)
def test_one_listener(one: Listener, expected: list[str]) -> None:
    assert lines(one) == expected


def test_what_is_let_in_stands_before_what_is_closed() -> None:
    http = listener("127.0.0.1", 9935, "http", node="gateway")
    assert lines(http, listener("192.0.2.7", 9935)) == ["ip daddr 192.0.2.7 tcp dport 9935 accept", "tcp dport 9935 drop"]


def test_a_foreign_service_is_left_alone() -> None:
    foreign = listener("192.0.2.7", 9935, FOREIGN, node="mediamtx")
    assert lines(foreign) == []
    assert lines(listener("127.0.0.1", 9935, "http"), foreign) == []
    assert lines(listener("127.0.0.1", 9936, "http"), foreign) == ["tcp dport 9936 drop"]


def test_overlapping_sources_become_one() -> None:
    allowed = Allowed(sources=("10.1.0.0/16", "10.0.0.0/8", "10.0.0.0/8"))
    assert lines(listener("10.0.0.1"), allowed=allowed)[0].startswith("ip saddr { 10.0.0.0/8 } ")


def test_a_listener_that_nobody_could_reach_is_told() -> None:
    private, metrics, cli = listener("10.0.0.1"), listener("", 17935, "metrics"), listener("127.0.0.1", 7935, "cli")
    assert unreachable([private, metrics, cli, listener()], Allowed()) == (private, metrics)
    assert unreachable([private, metrics, cli, listener()], ALLOWED) == ()


@given(LISTENERS)
def test_only_planned_ports_are_named_and_none_of_loopback_is_let_in(made: list[Listener]) -> None:
    planned = {f"{one.protocol} dport {one.port}" for one in made}
    reached = {f"{one.protocol} dport {one.port}" for one in made if one.exposure is not Exposure.LOOPBACK}
    for rule in rules(made, ALLOWED):
        (port,) = re.findall(r"(?:tcp|udp) dport \d+", rule.match)
        assert port in (reached if rule.verdict == "accept" else planned)


@given(LISTENERS)
def test_the_order_of_listeners_does_not_matter(made: list[Listener]) -> None:
    assert rules(made, ALLOWED) == rules(reversed(made), ALLOWED)
