# SPDX-License-Identifier: GPL-3.0-or-later
"""Edges: candidates by discovery, verdicts, the cap that a gateway gets."""

from __future__ import annotations

from fractions import Fraction

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.accounts import checksummed
from ansible_collections.livepeer.fleet.plugins.plugin_utils.edges import Edge, End, Verdict, edges
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.settings import gateway_settings, orchestrator_settings
from ansible_collections.livepeer.fleet.plugins.plugin_utils.routes import routes
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


@pytest.mark.parametrize(
    ("price", "cap"), [("0.5USD", "0.65USD"), ("0.5USD", "any"), ("0.0005ETH", "auto"), ("0.000000000002USD", "0.5USD")]
)
def test_an_amount_of_a_currency_for_one_pixel_is_no_good_edge(price: str, cap: str) -> None:
    edge = only_edge(gw1=payer(cap), orch1=asker(price))
    assert edge.verdict is Verdict.REFUSED and "LPF205" in edge.codes


def test_a_cap_of_0_in_the_document_is_no_good_edge() -> None:
    model = {"pipeline": "text-to-image", "model_id": "sd", "price_per_unit": 1000, "pixels_per_unit": 1}
    caps = [{"pipeline": "text-to-image", "model_id": "sd", "price_per_unit": 0, "pixels_per_unit": 1}]
    payer_of_ai = payer(1250, gateway_workloads=["ai"], gateway_max_price_per_capability=caps)
    edge = only_edge(gw1=payer_of_ai, orch1=asker(1000, orchestrator_ai_models=[model]))
    assert (edge.verdict, edge.codes) == (Verdict.REFUSED, ("LPF205",))


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
        ("1250USD", Verdict.REFUSED, ("LPF205", "LPF208")),
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
    [("x", Verdict.REFUSED, ("LPF205",)), ("", Verdict.UNKNOWN, ()), (0, Verdict.WARNING, ("LPF202",))],
)
def test_verdicts_of_prices(price: object, verdict: Verdict, codes: tuple[str, ...]) -> None:
    edges_of = {edge.orchestrators[0].host: edge for edge in all_edges(gw1=payer(1400), orch1=asker(price), orch2=asker(1000))}
    assert (edges_of["orch1"].verdict, edges_of["orch1"].codes) == (verdict, codes)


def test_the_limits_of_the_cap_are_those_of_the_fleet() -> None:
    edge = only_edge(gw1=payer(1060, headroom_min=5, headroom_max=10), orch1=asker(1000))
    assert (edge.lowest_cap, edge.highest_cap, edge.verdict) == (1050, 1100, Verdict.GOOD)


def test_a_price_of_0_has_no_headroom() -> None:
    edge = only_edge(gw1=payer(5), orch1=asker(0))
    assert (edge.verdict, edge.price, edge.headroom) == (Verdict.GOOD, 0, None)


def test_only_what_is_too_dear_is_refused() -> None:
    found = all_edges(gw1=payer(1150), orch1=asker(1100, adjusts=False), orch2=asker(1000))
    assert [edge.verdict for edge in found] == [Verdict.GOOD, Verdict.REFUSED]


MODELS = [
    {"pipeline": "text-to-image", "model_id": "m", "price_per_unit": 40},
    {"pipeline": "live-video-to-video", "model_id": "l", "price_per_unit": 7},
]
IMAGES, LIVE = Workload("ai", "text-to-image", "m"), Workload("live_video", "live-video-to-video", "l")


def test_one_edge_for_each_workload_that_is_asked_for_and_served() -> None:
    models = {"orchestrator_ai_models": MODELS}
    found = all_edges(gw1=gateway(gateway_workloads=["video", "ai"]), orch1=orchestrator(**models), orch2=orchestrator())
    assert [(edge.orchestrators[0].host, edge.workload, edge.verdict) for edge in found] == [
        ("orch1", Workload("video"), Verdict.FREE),
        ("orch1", IMAGES, Verdict.FREE),
        ("orch2", Workload("video"), Verdict.FREE),
    ]


def test_each_model_has_its_own_price_and_cap() -> None:
    capped = [
        {"pipeline": "text-to-image", "model_id": "m", "price_per_unit": 50},
        {"pipeline": "live-video-to-video", "price_per_unit": 7},
    ]
    gw = payer(1250, gateway_workloads=["video", "ai", "live_video"], gateway_max_price_per_capability=capped)
    found = {edge.workload: edge for edge in all_edges(gw1=gw, o=asker(1000, orchestrator_ai_models=MODELS))}
    assert {workload: (edge.price, edge.cap, edge.headroom, edge.codes) for workload, edge in found.items()} == {
        Workload("video"): (1000, 1250, 25, ()),
        IMAGES: (40, 50, 25, ()),
        LIVE: (7, 7, 0, ("LPF201",)),
    }
    assert {edge.unit for edge in found.values()} == {"pixel", "pixel of 720p30"}


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


SIGNED = {"gateway_remote_signer": {"url": "https://s:8935", "max_price_per_unit": 10}}


@pytest.mark.parametrize("payment", ["remote_signer", "clearinghouse"])
def test_what_goes_through_a_signer(payment: str) -> None:
    signer = gateway(gateway_payment=payment, gateway_workloads=["video", "live_video"], **SIGNED)
    found = all_edges(gw1=signer, orch1=asker(1000, orchestrator_ai_models=MODELS), orch2=orchestrator(orchestrator_ai_models=MODELS))
    assert [(edge.orchestrators[0].host, edge.workload, edge.payable, edge.enforced_by, edge.codes) for edge in found] == [
        ("orch1", Workload("video"), "refused", "nobody", ("LPF301",)),
        ("orch1", LIVE, "paid", "signer", ("LPF202",)),
        ("orch2", Workload("video"), "free", "nobody", ()),
        ("orch2", LIVE, "refused", "nobody", ("LPF301",)),
    ]


def test_a_signer_lets_no_price_rise_and_a_gateway_pays_twice_the_first_one() -> None:
    signer = gateway(gateway_payment="remote_signer", gateway_workloads=["live_video"], **SIGNED)
    own = payer("any", gateway_workloads=["live_video"], gateway_max_price_per_capability=[MODELS[1] | {"price_per_unit": 9}])
    orch = asker(1000, orchestrator_ai_models=MODELS)
    assert (only_edge(gw1=signer, o=orch).cap, only_edge(gw1=signer, o=orch).most) == (10, 10)
    assert (only_edge(gw1=own, o=orch).cap, only_edge(gw1=own, o=orch).most) == (9, 18)


def test_a_signer_holds_the_prices_of_all_its_gateways_against_one_cap() -> None:
    listed = {"gateway_payment": "remote_signer", "gateway_workloads": ["live_video"], "gateway_discovery": "list", **SIGNED}
    dear = [MODELS[1] | {"price_per_unit": 8}]
    hosts = {"o1": asker(1, orchestrator_ai_models=MODELS), "o2": asker(1, orchestrator_ai_models=dear)}
    one = {"gw1": gateway(gateway_orch_addr=["o1"], **listed), **hosts}
    assert only_edge(**one).codes == ("LPF202",)
    assert {edge.codes for edge in all_edges(gw2=gateway(gateway_orch_addr=["o2"], **listed), **one)} == {()}


def test_an_on_chain_gateway_with_a_signer_is_refused() -> None:
    edge = only_edge(gw1=payer(1250, gateway_payment="onchain", gateway_remote_signer="https://s:8935"), o=asker(1000))
    assert (edge.verdict, edge.codes) == (Verdict.REFUSED, ("LPF303",))


def test_without_a_cap_nobody_enforces_anything() -> None:
    edge = only_edge(gw1=payer("any"), o=asker(1000))
    assert (edge.verdict, edge.enforced_by, edge.cap, edge.most) == (Verdict.GOOD, "nobody", None, None)


def test_an_address_that_leads_nowhere() -> None:
    loopback = {"orchestrator_service_addr": "localhost:8935"}
    hosts = {"gw1": gateway(), "gw2": gateway(ansible_host="o"), "o": orchestrator(**loopback), "p": orchestrator()}
    found = {(edge.gateways[0].host, edge.orchestrators[0].host): (edge.reachable, edge.codes) for edge in all_edges(**hosts)}
    assert found == {
        ("gw1", "o"): (False, ("LPF104",)),
        ("gw2", "o"): (True, ()),
        ("gw1", "p"): (True, ()),
        ("gw2", "p"): (True, ()),
    }


def test_a_listener_without_a_route() -> None:
    public = gateway(gateway_http_addr="0.0.0.0:9935", gateway_workloads=["video", "ai"])
    found = all_edges(gw1=public, o=orchestrator(orchestrator_ai_models=MODELS))
    assert [(edge.workload.kind, edge.reachable, edge.codes) for edge in found] == [("video", True, ()), ("ai", False, ("LPF107",))]


def test_currencies_with_a_rate_are_compared_and_told() -> None:
    rate = {"wei_per_usd": 10**15}
    edge = only_edge(gw1=payer("0.0000000125USD", **rate), o=asker(10**7))
    assert (edge.price, edge.cap, edge.currency, edge.headroom) == (Fraction(1, 10**8), Fraction(1, 8 * 10**7), "USD", 25)
    assert (edge.verdict, edge.codes) == (Verdict.WARNING, ("LPF208",))


def test_gateways_and_orchestrators_alike_are_one_edge() -> None:
    hosts = {f"g{n}": payer("auto") for n in range(3)} | {f"o{n}": asker(1000 + n % 2) for n in range(6)}
    found = edges(routes(fleet(**hosts)))
    assert [(len(edge.gateways), len(edge.orchestrators), edge.price) for edge in found] == [(3, 3, 1000), (3, 3, 1001)]
    assert sum(edge.count for edge in found) == len(all_edges(**hosts)) == 18


def test_what_an_edge_depends_on_keeps_gateways_apart() -> None:
    account = "0x" + "ab" * 20
    own = [{"ethaddress": account, "priceperunit": 500, "pixelsperunit": 1}]
    differ: list[Host] = [
        payer(1250),
        payer(1251),
        payer(1250, headroom_min=10),
        payer(1250, gateway_eth_acct_addr=account),
        payer(1250, gateway_workloads=["video", "ai"], gateway_http_addr="0.0.0.0:9935"),
        payer(1250, gateway_workloads=["video", "ai"]),
        payer(1250, wei_per_usd=5),
    ]
    alike = [payer(1250, gateway_cli_addr=":7000"), payer(1250, gateway_eth_acct_addr="0x" + "cd" * 20)]
    hosts = {f"g{n}": host for n, host in enumerate([*differ, *alike])}
    found = routes(fleet(**hosts, o=asker(1000, orchestrator_price_per_gateway=own)))
    assert sorted(len(one.gateways) for one in found) == [1] * (len(differ) - 1) + [3]


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


def test_an_orchestrator_that_is_listed_twice_is_one() -> None:
    listed = ["orch1", "https://orch1:8935", {"url": "https://far:8935", "price_per_unit": 5}, "https://far:8935"]
    found = route(gw1=gateway(gateway_discovery="list", gateway_orch_addr=listed), orch1=orchestrator())
    assert found.urls == ("https://orch1:8935", "https://far:8935")
    assert not found.routing.faults


def test_a_list_keeps_its_order_and_knows_the_fleet() -> None:
    listed = ["https://far:8935", "orch2", "https://orch1:8935", "https://orch1:8935"]
    found = route(
        gw1=gateway(gateway_discovery="list", gateway_orch_addr=listed), orch1=orchestrator(), orch2=orchestrator(), orch3=orchestrator()
    )
    assert found.urls == ("https://far:8935", "https://orch2:8935", "https://orch1:8935")
    assert [candidate.node and candidate.node.host for candidate in found.routing.candidates] == [None, "orch2", "orch1"]
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
        {"url": "https://d:8935", "price_per_unit": "0.0009"},
    ]
    paying = all_edges(gw1=payer(1250, gateway_discovery="list", gateway_orch_addr=listed))
    assert [(edge.orchestrators[0].host, edge.verdict, edge.codes) for edge in paying] == [
        ("https://a:8935", Verdict.GOOD, ()),
        ("https://b:8935", Verdict.UNKNOWN, ("LPF213",)),
        ("https://c:8935", Verdict.REFUSED, ("LPF205",)),
        ("https://d:8935", Verdict.WARNING, ("LPF205",)),
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
    account = checksummed("0x" + "ab" * 20)
    own = [{"ethaddress": account.lower(), "priceperunit": 500, "pixelsperunit": 1, "currency": "wei"}]
    hosts = {"gw1": payer("auto", gateway_eth_acct_addr=account), "orch1": asker(1000, orchestrator_price_per_gateway=own)}
    assert only_edge(**hosts).price == 500
    hosts["gw1"]["gateway_eth_acct_addr"] = "0x" + "cd" * 20
    assert only_edge(**hosts).price == 1000


def test_settings_of_the_wrong_role_are_a_mistake_in_the_code() -> None:
    gw, orch = sorted(fleet(gw1=gateway(), orch1=orchestrator()).nodes, key=lambda node: node.host)
    with pytest.raises(TypeError, match="no orchestrator"):
        orchestrator_settings(gw)
    with pytest.raises(TypeError, match="no gateway"):
        gateway_settings(orch)
