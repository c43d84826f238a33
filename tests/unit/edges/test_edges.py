# SPDX-License-Identifier: GPL-3.0-or-later
"""Edges: candidates by discovery, verdicts, the cap that a gateway gets."""

from __future__ import annotations

from fractions import Fraction

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.edges import Edge, End, Verdict, edges, routes
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices import enforce_headroom, rate
from ansible_collections.livepeer.fleet.plugins.plugin_utils.routing import gateway_settings, orchestrator_settings
from ansible_collections.livepeer.fleet.plugins.plugin_utils.workloads import Workload
from ansible_collections.livepeer.fleet.tests.unit.rules.fleets import (
    Host,
    asker,
    combined,
    fleet,
    gateway,
    orchestrator,
    payer,
    route,
)
from hypothesis import given
from hypothesis import strategies as st


def all_edges(**hosts: Host) -> tuple[Edge, ...]:
    found = [one for edge in edges(routes(fleet(**hosts))) for one in edge.each()]
    return tuple(sorted(found, key=lambda one: (one.gateways, one.orchestrators)))


def only_edge(**hosts: Host) -> Edge:
    (edge,) = all_edges(**hosts)
    return edge


def urls(**hosts: Host) -> tuple[str, ...]:
    return route(**hosts).urls


def test_off_chain_is_free() -> None:
    edge = only_edge(gw1=gateway(), orch1=orchestrator())
    assert (edge.verdict, edge.price, edge.cap, edge.headroom, edge.codes) == (Verdict.FREE, None, None, None, ())
    assert (edge.gateways, edge.orchestrators) == ((End("gw1", "gateway"),), (End("orch1", "orchestrator", "https://orch1:8935"),))
    assert (edge.workload, edge.discovery, edge.if_selected) == (Workload("video"), "inventory", False)


def test_on_chain_has_a_headroom() -> None:
    edge = only_edge(gw1=payer(1250), orch1=asker(1000))
    assert (edge.verdict, edge.price, edge.cap, edge.currency, edge.headroom) == (Verdict.GOOD, 1000, 1250, "wei", 25)


def test_prices_are_per_pixel_whatever_they_are_written_for() -> None:
    edge = only_edge(gw1=payer("1.25"), orch1=asker(1000, orchestrator_pixels_per_unit=1000))
    assert (edge.price, edge.cap, edge.headroom) == (1, Fraction(5, 4), 25)


@pytest.mark.parametrize(
    ("cap", "verdict", "codes"),
    [
        (1000, Verdict.REFUSED, ("LPF201",)),
        (1200, Verdict.GOOD, ()),
        (1300, Verdict.GOOD, ()),
        (1301, Verdict.WARNING, ("LPF202",)),
        ("1250USD", Verdict.REFUSED, ("LPF208",)),
        ("any", Verdict.GOOD, ()),
        (None, Verdict.REFUSED, ("LPF203",)),
        (0, Verdict.REFUSED, ("LPF203",)),
        ("0EUR", Verdict.REFUSED, ("LPF203",)),
        ("1e3", Verdict.REFUSED, ("LPF205",)),
        ("x", Verdict.REFUSED, ("LPF205",)),
        ("auto", Verdict.GOOD, ()),
    ],
)
def test_verdicts_of_caps(cap: object, verdict: Verdict, codes: tuple[str, ...]) -> None:
    edge = only_edge(gw1=payer(cap), orch1=asker(1000))
    assert (edge.verdict, edge.codes) == (verdict, codes)


@pytest.mark.parametrize(
    ("price", "verdict", "codes"),
    [("x", Verdict.REFUSED, ("LPF205",)), ("", Verdict.REFUSED, ("LPF504",)), (0, Verdict.WARNING, ("LPF202",))],
)
def test_verdicts_of_prices(price: object, verdict: Verdict, codes: tuple[str, ...]) -> None:
    edges_of = {edge.orchestrators[0].host: edge for edge in all_edges(gw1=payer(1400), orch1=asker(price), orch2=asker(1000))}
    assert (edges_of["orch1"].verdict, edges_of["orch1"].codes) == (verdict, codes)


def test_a_price_of_0_has_no_headroom() -> None:
    edge = only_edge(gw1=payer(5), orch1=asker(0))
    assert (edge.verdict, edge.price, edge.headroom) == (Verdict.GOOD, 0, None)


def test_only_what_is_too_dear_is_refused() -> None:
    found = all_edges(gw1=payer(1150), orch1=asker(1100, adjusts=False), orch2=asker(1000))
    assert [edge.verdict for edge in found] == [Verdict.GOOD, Verdict.REFUSED]


@pytest.mark.parametrize("workload", ["ai", "live_video", "live_runner"])
def test_other_workloads_are_never_good(workload: str) -> None:
    for hosts in ({"gw1": gateway(), "o": orchestrator()}, {"gw1": payer(1250), "o": asker(1000)}):
        hosts["gw1"]["gateway_workloads"] = [workload]
        edge = only_edge(**hosts)
        assert (edge.verdict, edge.price, edge.cap, edge.codes) == (Verdict.UNKNOWN, None, None, ())


def test_one_edge_for_each_workload() -> None:
    found = all_edges(gw1=gateway(gateway_workloads=["video", "ai"]), orch1=orchestrator())
    assert [(edge.workload.kind, edge.verdict) for edge in found] == [("video", Verdict.FREE), ("ai", Verdict.UNKNOWN)]


def test_inventory_takes_what_fits() -> None:
    hosts = {"gw1": gateway(), "gw2": payer(1250), "orch1": orchestrator(), "orch2": asker(1000)}
    assert [(edge.gateways[0].host, edge.orchestrators[0].host) for edge in all_edges(**hosts)] == [("gw1", "orch1"), ("gw2", "orch2")]


def test_inventory_keeps_networks_apart() -> None:
    other = asker(1000) | {"network": "rinkeby"}
    assert urls(gw1=payer(1250), orch1=asker(1000), orch2=other) == ("https://orch1:8935",)


@pytest.mark.parametrize("hosts", [{"gw1": gateway(), "o": asker(1000)}, {"gw1": payer(1250), "o": orchestrator()}])
def test_what_does_not_fit_is_shown_as_refused(hosts: dict[str, Host]) -> None:
    edge = only_edge(**hosts)
    assert (edge.verdict, edge.codes) == (Verdict.REFUSED, ("LPF301",))


@pytest.mark.parametrize("payment", ["remote_signer", "clearinghouse"])
def test_video_does_not_go_through_a_signer(payment: str) -> None:
    signer = gateway(gateway_payment=payment, gateway_remote_signer="https://s:8935", gateway_workloads=["video", "live_video"])
    found = all_edges(gw1=signer, orch1=asker(1000), orch2=orchestrator())
    assert [(edge.orchestrators[0].host, edge.workload.kind, edge.verdict) for edge in found] == [
        ("orch1", "video", Verdict.REFUSED),
        ("orch1", "live_video", Verdict.UNKNOWN),
    ]


def test_a_signer_beside_off_chain_orchestrators_is_not_good() -> None:
    edge = only_edge(gw1=gateway(gateway_payment="remote_signer", gateway_remote_signer="https://s:8935"), orch1=orchestrator())
    assert edge.verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({}, "https://127.0.0.1:8935"),
        ({"orchestrator_service_addr": "h:9000"}, "https://127.0.0.1:9000"),
        ({"orchestrator_http_addr": "10.0.0.1:8000"}, "https://10.0.0.1:8000"),
        ({"orchestrator_http_addr": "[::1]:8000"}, "https://[::1]:8000"),
        ({"orchestrator_http_addr": "http://:8000", "orchestrator_service_addr": "http://h:8000"}, "http://127.0.0.1:8000"),
    ],
)
def test_local_dials_the_listener_of_the_same_host(variables: dict[str, object], url: str) -> None:
    assert urls(h=combined(**variables), other=orchestrator()) == (url,)


def test_local_takes_the_same_machine_where_the_host_has_none() -> None:
    hosts = {"gw1": gateway(gateway_discovery="local", ansible_host="m"), "orch1": orchestrator(ansible_host="m"), "orch2": orchestrator()}
    assert urls(**hosts) == ("https://127.0.0.1:8935",)


def test_no_url_without_an_address() -> None:
    assert urls(h=combined(orchestrator_service_addr="h")) == ()
    assert urls(gw1=gateway(), orch1=orchestrator(orchestrator_service_addr="h")) == ()


def test_a_list_keeps_its_order_and_knows_the_fleet() -> None:
    listed = ["https://far:8935", "orch2", "https://orch1:8935", "https://orch1:8935"]
    found = route(
        gw1=gateway(gateway_discovery="list", gateway_orch_addr=listed), orch1=orchestrator(), orch2=orchestrator(), orch3=orchestrator()
    )
    assert found.urls == ("https://far:8935", "https://orch2:8935", "https://orch1:8935")
    assert [candidate.node and candidate.node.host for candidate in found.routing.candidates] == [None, "orch2", "orch1", "orch1"]
    assert not found.routing.closed


def test_a_loopback_url_is_the_orchestrator_of_the_same_machine() -> None:
    listed = {"gateway_discovery": "list", "gateway_orch_addr": ["https://127.0.0.1:8935", "https://127.0.0.1:9000"]}
    found = route(gw1=combined(**listed), orch1=orchestrator())
    assert [candidate.node and candidate.node.host for candidate in found.routing.candidates] == ["gw1", None]


def test_foreign_orchestrators() -> None:
    listed = [
        {"url": "https://a:8935", "price_per_unit": 1000},
        {"url": "https://b:8935"},
        {"url": "https://c:8935", "price_per_unit": "x"},
    ]
    paying = all_edges(gw1=payer(1250, gateway_discovery="list", gateway_orch_addr=listed))
    assert [(edge.orchestrators[0].host, edge.verdict, edge.codes) for edge in paying] == [
        ("https://a:8935", Verdict.GOOD, ()),
        ("https://b:8935", Verdict.UNKNOWN, ()),
        ("https://c:8935", Verdict.REFUSED, ("LPF205",)),
    ]
    free = all_edges(gw1=gateway(gateway_discovery="list", gateway_orch_addr=listed))
    assert {edge.verdict for edge in free} == {Verdict.UNKNOWN}


def test_what_the_chain_finds_is_looked_at_and_not_listed() -> None:
    found = route(gw1=payer(1000, gateway_discovery="onchain"), orch1=asker(1000), orch2=orchestrator())
    assert found.urls == ()
    assert not found.routing.closed
    edge = only_edge(gw1=payer(1000, gateway_discovery="onchain"), orch1=asker(1000))
    assert (edge.verdict, edge.codes) == (Verdict.WARNING, ("LPF201",))


def test_a_gateway_with_its_own_price() -> None:
    account = "0x" + "aB" * 20
    own = [{"ethaddress": account.lower(), "priceperunit": 500, "pixelsperunit": 1, "currency": "wei"}]
    hosts = {"gw1": payer("auto", gateway_eth_acct_addr=account), "orch1": asker(1000, orchestrator_price_per_gateway=own)}
    assert only_edge(**hosts).price == 500
    hosts["gw1"]["gateway_eth_acct_addr"] = "0x" + "cd" * 20
    assert only_edge(**hosts).price == 1000


def test_auto_is_the_upper_edge_of_the_band() -> None:
    cap = route(gw1=payer("auto"), orch1=asker(1100, adjusts=False), orch2=asker(1000)).cap
    assert cap is not None
    assert (cap.text, cap.pixels_per_unit, cap.amount, cap.currency) == ("1430", 1, 1430, "wei")


def test_auto_in_another_currency() -> None:
    cap = route(gw1=payer("auto"), orch1=asker("0.002USD"), orch2=asker("0.001usd")).cap
    assert cap is not None
    assert (cap.text, cap.currency) == ("0.0026USD", "USD")


def test_auto_for_the_pixels_of_the_gateway() -> None:
    cap = route(gw1=payer("auto", gateway_pixels_per_unit="1e6"), orch1=asker(1000, orchestrator_pixels_per_unit=3)).cap
    assert cap is not None
    assert (cap.text, cap.pixels_per_unit, cap.amount) == ("1300000000", 3 * 10**6, Fraction(1300, 3))


@pytest.mark.parametrize(
    "hosts",
    [
        {"gw1": payer("auto"), "orch1": asker(0)},
        {"gw1": payer("auto"), "orch1": asker(1), "orch2": asker("1USD")},
        {"gw1": payer("auto", gateway_discovery="onchain")},
        {"gw1": payer("auto", gateway_workloads=["ai"]), "orch1": asker(1)},
        {"gw1": payer("auto", gateway_pixels_per_unit="x"), "orch1": asker(1)},
        {"gw1": payer("auto", headroom_min="x"), "orch1": asker(1)},
        {"gw1": payer("1", gateway_pixels_per_unit="x"), "orch1": asker(1)},
        {"gw1": payer("any"), "orch1": asker(1)},
        {"gw1": gateway(gateway_max_price_per_unit=1), "orch1": orchestrator()},
    ],
)
def test_no_cap(hosts: dict[str, Host]) -> None:
    assert route(**hosts).cap is None


WEI = st.integers(1, 10**18)


@given(st.lists(st.tuples(WEI, st.integers(1, 10**6), st.booleans()), min_size=1, max_size=4), st.integers(1, 10**6))
def test_auto_passes_every_rule_and_the_guard_of_its_template(asked: list[tuple[int, int, bool]], pixels: int) -> None:
    askers = {
        f"o{place}": asker(price, adjusts=adjusts, orchestrator_pixels_per_unit=units)
        for place, (price, units, adjusts) in enumerate(asked)
    }
    found = route(gw1=payer("auto", gateway_pixels_per_unit=pixels), **askers)
    cap = found.cap
    assert cap is not None
    assert rate(cap.text, str(cap.pixels_per_unit)).amount == cap.amount > 0
    guard = {"min": cap.headroom_min, "max": cap.headroom_max, "pixels_per_unit": cap.pixels_per_unit}
    assert enforce_headroom(cap.text, list(cap.prices), **guard) == cap.text
    assert (cap.headroom_min, cap.headroom_max) == ("20", "30")


@pytest.mark.parametrize(
    ("cap", "discovery", "limits"),
    [
        (1250, "inventory", ("20", "30")),
        (1301, "inventory", ("20", None)),
        (1000, "onchain", (None, "30")),
        (5000, "onchain", (None, None)),
    ],
)
def test_the_guard_enforces_what_is_not_only_warned_of(cap: int, discovery: str, limits: tuple[str | None, str | None]) -> None:
    found = route(gw1=payer(cap, gateway_discovery=discovery), orch1=asker(1000)).cap
    assert found is not None
    assert (found.headroom_min, found.headroom_max) == limits


def test_equal_prices_are_guarded_once() -> None:
    found = route(gw1=payer("auto"), orch1=asker(1000), orch2=asker(1000), orch3=asker(1000, adjusts=False)).cap
    assert found is not None
    assert len(found.prices) == 2


def test_settings_of_the_wrong_role_are_a_mistake_in_the_code() -> None:
    gw, orch = sorted(fleet(gw1=gateway(), orch1=orchestrator()).nodes, key=lambda node: node.host)
    with pytest.raises(TypeError, match="no orchestrator"):
        orchestrator_settings(gw)
    with pytest.raises(TypeError, match="no gateway"):
        gateway_settings(orch)
