# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses as go-livepeer reads them. The results for odd input were seen on Go's net package and on the real 0.9.1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.addresses import (
    AddressError,
    Exposure,
    Listener,
    canonical_host,
    conflicts,
    default_addr,
    describe_all,
    enforce_ports,
    exposure,
    home_port,
    hosts_overlap,
    is_loopback,
    join_host_port,
    listen_address,
    orchestrator_url,
    overlaps,
    read_listener,
    rpc_address,
    service_uri,
)
from hypothesis import given
from hypothesis import strategies as st

HOSTS = st.sampled_from(
    ["", "127.0.0.1", "127.0.0.2", "::1", "10.0.0.1", "192.0.2.7", "fd00::1", "fe80::1%eth0", "localhost", "gw1", "orch1.example.com"]
)


def listener(address: str = "127.0.0.1", port: int = 9935, **other: object) -> Listener:
    made = Listener("m", "gw1", "gateway", "http", "tcp", address, port, exposure(address), "livepeer_gateway_http_addr", True)
    return replace(made, **other)


LISTENERS = st.builds(
    listener,
    address=HOSTS,
    port=st.integers(8000, 8003),
    machine=st.sampled_from(["a", "b"]),
    protocol=st.sampled_from(["tcp", "udp"]),
    default=st.booleans(),
)


@pytest.mark.parametrize(
    ("text", "host", "expected"),
    [
        ("", "127.0.0.1", "127.0.0.1:9935"),
        (":9936", "127.0.0.1", "127.0.0.1:9936"),
        (":9936", "", ":9936"),
        ("0.0.0.0", "127.0.0.1", "0.0.0.0:9935"),
        ("10.0.0.1:80", "127.0.0.1", "10.0.0.1:80"),
        ("::1", "127.0.0.1", "127.0.0.1::1"),
    ],
)
def test_go_livepeers_own_completion(text: str, host: str, expected: str) -> None:
    assert default_addr(text, host, "9935") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ("127.0.0.1", 9935)),
        (":7935", ("127.0.0.1", 7935)),
        ("0.0.0.0", ("", 9935)),
        ("0.0.0.0:7935", ("", 7935)),
        ("[::]:7935", ("", 7935)),
        ("[::ffff:0.0.0.0]:7935", ("", 7935)),
        ("[::1]:7935", ("::1", 7935)),
        ("[0:0:0:0:0:0:0:1]:7935", ("::1", 7935)),
        ("[::1%lo]:7935", ("::1", 7935)),
        ("[fe80::1%eth0]:7935", ("fe80::1%eth0", 7935)),
        ("[::ffff:127.0.0.1]:7935", ("127.0.0.1", 7935)),
        ("[localhost]:7935", ("localhost", 7935)),
        ("LOCALHOST:7935", ("localhost", 7935)),
        ("gw1.Example.com.:7935", ("gw1.example.com", 7935)),
        ("gw1", ("gw1", 9935)),
        ("127.0.0.1:07935", ("127.0.0.1", 7935)),
    ],
)
def test_listen_addresses(text: str, expected: tuple[str, int]) -> None:
    assert listen_address(text, "127.0.0.1", 9935) == expected


def test_without_a_host_an_orchestrator_binds_every_address() -> None:
    assert listen_address(":8935", "", 8935) == ("", 8935)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("::1", "[::1]:9935"),
        ("::", "[::]:9935"),
        ("fd00::1", "[fd00::1]:9935"),
        ("7935", "127.0.0.1:7935"),
        ("99999", "127.0.0.1:9935"),
        ("127.0.0.1:", "127.0.0.1:9935"),
        ("127.0.0.1:0", "127.0.0.1:9935"),
        ("127.0.0.1:65536", "127.0.0.1:9935"),
        ("127.0.0.1:http", "127.0.0.1:9935"),
        ("127.0.0.1:+80", "127.0.0.1:9935"),
        ("127.0.0.1:٨٠", "127.0.0.1:9935"),
        ("127.0.0.01:9935", "127.0.0.1:9935"),
        ("127.1:9935", "127.0.0.1:9935"),
        ("1.2.3.4:80:90", "127.0.0.1:9935"),
        ("[::1:9935", "127.0.0.1:9935"),
        ("a b:9935", "127.0.0.1:9935"),
        ("http://127.0.0.1:9935", "127.0.0.1:9935"),
        ("-x:9935", "127.0.0.1:9935"),
    ],
)
def test_addresses_that_are_none(text: str, hint: str) -> None:
    with pytest.raises(AddressError) as caught:
        listen_address(text, "127.0.0.1", 9935)
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("orch1:8935", "https://orch1:8935"),
        ("https://orch1:8935", "https://orch1:8935"),
        ("https://ORCH1:8935/", "https://orch1:8935"),
        ("http://orch1:8935", "http://orch1:8935"),
        ("[2001:db8::1]:8935", "https://[2001:db8::1]:8935"),
        ("127.0.0.1:8935", "https://127.0.0.1:8935"),
    ],
)
def test_service_addresses(text: str, url: str) -> None:
    assert service_uri(text).url == url


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("orch1", "orch1:8935"),
        ("https://orch1", "https://orch1:8935"),
        ("[2001:db8::1]", "[2001:db8::1]:8935"),
        ("2001:db8::1", "[2001:db8::1]:8935"),
        (":8935", "orch.example.com:8935"),
        ("0.0.0.0:8935", "orch.example.com:8935"),
        ("[::]:8936", "orch.example.com:8936"),
        ("none", "orch.example.com:8935"),
        ("", "orch.example.com:8935"),
        ("https://orch1:8935/path", "orch1:8935"),
        ("https://user@orch1:8935", "orch1:8935"),
        ("https://user:pass/word@orch1:8935", "orch.example.com:8935"),
        ("2001:db8::1:8936", "[2001:db8::1]:8936"),
        ("orch1:8935?x=1", "orch1:8935"),
        ("orch1:", "orch.example.com:8935"),
        ("ftp://orch1:8935", "orch.example.com:8935"),
    ],
)
def test_service_addresses_that_nobody_can_dial(text: str, hint: str) -> None:
    with pytest.raises(AddressError) as caught:
        service_uri(text)
    assert caught.value.hint == hint
    assert "user" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("orch1", "https://orch1:8935"),
        (":8935", "https://127.0.0.1:8935"),
        ("orch1:443", "https://orch1:443"),
        ("http://orch1:8935", "http://orch1:8935"),
    ],
)
def test_entries_of_orch_addr(text: str, url: str) -> None:
    assert orchestrator_url(text).url == url


@pytest.mark.parametrize("text", ["", "https://orch1", "httpd1:8935", "0.0.0.0:8935", "::1"])
def test_entries_of_orch_addr_that_lead_nowhere(text: str) -> None:
    with pytest.raises(AddressError):
        orchestrator_url(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (":8936", ("", 8936)),
        ("10.0.0.1", ("10.0.0.1", 8935)),
        ("http://127.0.0.1:8936", ("127.0.0.1", 8936)),
        ("https://:8936", ("", 8936)),
    ],
)
def test_an_orchestrators_http_addr_may_have_a_scheme(text: str, expected: tuple[str, int]) -> None:
    assert rpc_address(text, 8935) == expected


def test_a_scheme_switches_the_completion_off() -> None:
    with pytest.raises(AddressError, match="no port"):
        rpc_address("http://127.0.0.1", 8935)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", Exposure.LOOPBACK),
        ("127.8.8.8", Exposure.LOOPBACK),
        ("::1", Exposure.LOOPBACK),
        ("localhost", Exposure.LOOPBACK),
        ("10.1.2.3", Exposure.PRIVATE),
        ("172.31.0.1", Exposure.PRIVATE),
        ("100.64.0.1", Exposure.PRIVATE),
        ("fd00::1", Exposure.PRIVATE),
        ("fe80::1%eth0", Exposure.PRIVATE),
        ("172.32.0.1", Exposure.PUBLIC),
        ("192.0.2.7", Exposure.PUBLIC),
        ("2001:db8::1", Exposure.PUBLIC),
        ("", Exposure.PUBLIC),
        ("gw1", Exposure.PUBLIC),
        ("localhost.example.com", Exposure.PUBLIC),
    ],
)
def test_exposure(host: str, expected: Exposure) -> None:
    assert exposure(host) is expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        # Go binds 0.0.0.0 and [::] dual stack; each pair was bound on Linux, in both orders.
        ("", "", True),
        ("", "127.0.0.1", True),
        ("", "::1", True),
        ("", "gw1", True),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.2", False),
        ("127.0.0.1", "::1", False),
        ("127.0.0.1", "localhost", True),
        ("::1", "localhost", False),
        ("10.0.0.1", "127.0.0.1", False),
        ("fe80::1%eth0", "fe80::1%eth1", False),
        # A name may be any address but a loopback one.
        ("gw1", "10.0.0.1", True),
        ("gw1", "gw1", True),
        ("gw1", "orch1", True),
        ("gw1", "127.0.0.1", False),
        ("gw1", "localhost", False),
    ],
)
def test_which_hosts_overlap(one: str, other: str, expected: bool) -> None:
    assert hosts_overlap(one, other) is expected


def test_other_machines_protocols_and_ports_do_not_overlap() -> None:
    mine = listener()
    assert overlaps(mine, mine)
    assert not overlaps(mine, listener(machine="n"))
    assert not overlaps(mine, listener(protocol="udp"))
    assert not overlaps(mine, listener(port=9936))


@given(LISTENERS, LISTENERS)
def test_an_overlap_is_symmetric(one: Listener, other: Listener) -> None:
    assert len({overlaps(*pair) for pair in ((one, other), (other, one))}) == 1


@given(LISTENERS)
def test_a_listener_overlaps_itself(one: Listener) -> None:
    assert overlaps(one, one)


@given(st.lists(LISTENERS, max_size=8))
def test_exactly_the_listeners_that_overlap_are_refused(opened: list[Listener]) -> None:
    clash = any(overlaps(one, other) for place, one in enumerate(opened) for other in opened[:place])
    assert bool(conflicts(opened)) == clash
    if clash:
        with pytest.raises(AddressError):
            enforce_ports(opened)
    else:
        assert enforce_ports(opened) is opened


@given(st.lists(LISTENERS, max_size=8))
def test_moving_what_conflicts_name_leaves_no_conflict(opened: list[Listener]) -> None:
    moved = {id(conflict.listener) for conflict in conflicts(opened)}
    assert not conflicts([one for one in opened if id(one) not in moved])


@given(HOSTS, st.integers(1, 65535))
def test_an_address_printed_is_read_as_the_same(host: str, port: int) -> None:
    assert listen_address(join_host_port(host, port), "127.0.0.1", 1) == (host, port)


@given(HOSTS)
def test_a_canonical_host_is_its_own(host: str) -> None:
    assert canonical_host(host) == host
    assert is_loopback(host) == (exposure(host) is Exposure.LOOPBACK)


def test_a_default_stays_and_what_was_written_moves() -> None:
    written = listener(purpose="http", default=False)
    default = listener(purpose="cli", default=True)
    (conflict,) = conflicts([written, default])
    assert (conflict.listener, conflict.others) == (written, (default,))


def test_the_port_of_ones_own_stays() -> None:
    at_home = listener(purpose="rpc", port=8935, variable="livepeer_orchestrator_service_addr", default=False)
    guest = listener(purpose="http", port=8935, default=False)
    assert home_port(at_home) == 8935
    assert conflicts([guest, at_home])[0].listener is guest


def test_a_plan_lists_listeners_as_the_filters_take_them() -> None:
    item: Mapping[str, object] = {
        "machine": "m",
        "host": "gw1",
        "node": "gateway",
        "purpose": "cli",
        "protocol": "tcp",
        "address": "[::1]",
        "port": "5935",
        "exposure": "loopback",
    }
    found = read_listener(item)
    assert (found.machine, found.address, found.port, found.exposure) == ("m", "::1", 5935, Exposure.LOOPBACK)
    assert read_listener({"port": 80}).address == ""


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ("127.0.0.1:80", r"listener \[3\] is of type str"),
        ({"port": 80, "adress": ""}, r"listener \[3\] has the unknown key adress"),
        ({"address": "127.0.0.1"}, "no port"),
        ({"port": True}, "no port"),
        ({"port": 80.0}, "no port"),
        ({"port": "http"}, "no port number"),
        ({"port": 0}, "not between 1 and 65535"),
        ({"port": 80, "address": "a b"}, "neither an IP address nor a host name"),
        ({"port": 80, "machine": 7}, "machine is of type int"),
    ],
)
def test_what_is_no_listener(item: object, message: str) -> None:
    with pytest.raises(AddressError, match=message):
        read_listener(item, 3)


def test_many_owners_are_counted() -> None:
    assert describe_all([listener()] * 5).endswith("and 2 more")


def test_a_refusal_names_both_owners() -> None:
    with pytest.raises(AddressError, match=r"gateway http \(127.0.0.1:7935\) wants the port of orchestrator cli \(127.0.0.1:7935\)"):
        enforce_ports(
            [
                {"node": "orchestrator", "purpose": "cli", "address": "127.0.0.1", "port": 7935},
                {"node": "gateway", "purpose": "http", "address": "127.0.0.1", "port": 7935},
            ]
        )
