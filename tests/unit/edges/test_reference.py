# SPDX-License-Identifier: GPL-3.0-or-later
"""Edges of random fleets against the slow model, and what must hold of them whatever the fleet."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils import plan_json, rules
from ansible_collections.livepeer.fleet.plugins.plugin_utils.edges import Edge, Verdict
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan_json import edges_from_list, edges_to_list
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices import decimal_text
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.survey import Survey
from ansible_collections.livepeer.fleet.tests.unit.edges.reference import Expected, Pair, expected
from ansible_collections.livepeer.fleet.tests.unit.rules.fleets import ARBITRUM, Host, fleet, parsed
from hypothesis import given, settings
from hypothesis import strategies as st

PRICES = st.sampled_from([10, 20, 30])
CAPS = st.sampled_from([10, 12, 13, 20, 24, 26, 36, 39, 50])
"""Many of them on an edge of a band, or just beside one."""

ACCOUNTS = tuple("0x" + digit * 40 for digit in "ab")
SIGNERS = tuple({"url": f"https://s{cap}:8935", "max_price_per_unit": cap} for cap in (30, "any"))
MODELS = (("text-to-image", "a"), ("text-to-image", "b"), ("llm", "c"), ("live-video-to-video", "d"))
KINDS = st.lists(st.sampled_from(["video", "ai", "live_video", "live_runner"]), min_size=1, max_size=3, unique=True)
NETWORKS = st.sampled_from(["offchain", ARBITRUM, ARBITRUM, "mainnet"])

EDGE_CODES = {"LPF104", "LPF107", "LPF201", "LPF202", "LPF203", "LPF207", "LPF301"}
"""Codes that these fleets can get for an edge."""


def optional(**values: st.SearchStrategy[object]) -> st.SearchStrategy[Host]:
    """Some of these variables."""
    return st.fixed_dictionaries({}, optional=values)


MODEL_CAPS = st.lists(
    st.tuples(st.sampled_from([*MODELS, ("text-to-image", "default"), ("llm", "default")]), CAPS),
    max_size=4,
    unique_by=lambda entry: entry[0],
).map(lambda entries: [{"pipeline": one[0], "model_id": one[1], "price_per_unit": price} for one, price in entries])

ASKERS = st.builds(
    lambda base, more, models, group: {
        "group": group,
        "orchestrator_auto_adjust_price": True,
        "orchestrator_reward": False,
        "orchestrator_ai_models": [{"pipeline": one[0], "model_id": one[1], "price_per_unit": price} for one, price in models],
        **base,
        **more,
    },
    st.fixed_dictionaries({"orchestrator_price_per_unit": PRICES, "orchestrator_network": NETWORKS}),
    optional(
        orchestrator_auto_adjust_price=st.just(False),
        orchestrator_transcoder=st.just(False),
        orchestrator_ai_worker=st.just(True),
        orchestrator_service_addr=st.sampled_from(["127.0.0.1:8935", "localhost:8935"]),
        orchestrator_flags=st.just({"liveRunnerConfig": "/etc/runners.json"}),
        orchestrator_price_per_gateway=st.builds(
            lambda account, price: [{"ethaddress": account, "priceperunit": price, "pixelsperunit": 1}], st.sampled_from(ACCOUNTS), PRICES
        ),
    ),
    st.lists(st.tuples(st.sampled_from(MODELS), PRICES), max_size=3, unique_by=lambda entry: entry[0]),
    st.sampled_from(["livepeer_orchestrators", "livepeer_orchestrators", "livepeer_combined"]),
)

PAYMENTS = st.one_of(
    st.fixed_dictionaries({"gateway_network": NETWORKS}),
    st.fixed_dictionaries({"gateway_payment": st.just("remote_signer"), "gateway_remote_signer": st.sampled_from(SIGNERS)}),
)
PAYERS = st.builds(
    lambda payment, more: {**payment, **more},
    PAYMENTS,
    optional(
        gateway_workloads=KINDS,
        gateway_http_addr=st.just("0.0.0.0:9935"),
        gateway_eth_acct_addr=st.sampled_from(ACCOUNTS),
        gateway_max_price_per_unit=st.one_of(CAPS, st.just("any"), st.just("auto")),
        gateway_max_price_per_capability=st.one_of(MODEL_CAPS, st.just("any"), st.just("auto")),
        gateway_discovery=st.sampled_from(["local", "inventory", "onchain", "list"]),
    ),
)


@st.composite
def fleets(draw: st.DrawFn, *, auto: bool = True) -> dict[str, Host]:
    """Inventories of a few gateways and orchestrators, some of them on one host."""
    askers = {f"o{place}": asker for place, asker in enumerate(draw(st.lists(ASKERS, min_size=1, max_size=4)))}
    payers = enumerate(draw(st.lists(PAYERS, min_size=1, max_size=3)))
    gateways = {f"g{place}": {"group": "livepeer_gateways", **payer} for place, payer in payers}
    hosts: dict[str, Host] = {**gateways, **askers}
    for name, host in hosts.items():
        if host["group"] == "livepeer_combined":
            hosts[name] = {**draw(PAYERS), **host}
    for host in hosts.values():
        if host.get("gateway_discovery") == "list":
            host["gateway_orch_addr"] = draw(st.lists(st.sampled_from(sorted(askers)), min_size=1, max_size=4))
        if host.get("gateway_discovery") == "onchain" and (host.get("gateway_payment") or host.get("gateway_network") == "offchain"):
            del host["gateway_discovery"]
        if not auto:
            for name in ("gateway_max_price_per_unit", "gateway_max_price_per_capability"):
                if host.get(name) == "auto":
                    del host[name]
    return hosts


def survey(hosts: dict[str, Host]) -> Survey:
    return Survey(fleet(**hosts))


def pairs(found: Survey) -> Iterator[tuple[Pair, Edge]]:
    for edge in found.edges:
        for one in edge.each():
            workload = (one.workload.kind, one.workload.pipeline, one.workload.model_id)
            yield (one.gateways[0].host, one.orchestrators[0].host, workload), one


def as_expected(edge: Edge) -> Expected:
    fields = (edge.reachable, edge.payable.value, edge.enforced_by.value, edge.price, edge.cap, edge.headroom, edge.most)
    return Expected(*fields, edge.verdict.value, edge.codes)


@settings(max_examples=150, deadline=None)
@given(fleets())
def test_edges_are_those_of_the_slow_model(hosts: dict[str, Host]) -> None:
    found = [(pair, as_expected(edge)) for pair, edge in pairs(survey(hosts))]
    assert len(found) == len(dict(found))
    assert dict(found) == expected(hosts)


@settings(max_examples=60, deadline=None)
@given(fleets())
def test_findings_and_edges_name_the_same_codes(hosts: dict[str, Host]) -> None:
    found = survey(hosts)
    told = {(finding.code, finding.hosts[0]) for finding in found_by_rules(found)}
    told |= {(finding.code, host) for finding in found_by_rules(found) for host in finding.hosts}
    for (gateway, orchestrator, _workload), edge in pairs(found):
        assert all({(code, gateway), (code, orchestrator)} & told for code in edge.codes)
    on_edges = {code for _pair, edge in pairs(found) for code in edge.codes}
    assert {code for code, _host in told} & EDGE_CODES - on_edges <= without_edges(found)


WILD_AMOUNTS = st.sampled_from(
    [
        0,
        10,
        "0.0005",
        "0.0009",
        "12.5",
        "1e3",
        "0x10",
        "x",
        "",
        "-1",
        "9223372036854775807",
        10**19,
        "10ETH",
        "0.02USD",
        "0.00000000000002USD",
        "7EUR",
    ]
)
"""Forms of an amount: free, tiny, huge, in other currencies, misread, and refused by the parser."""

FOREIGN = st.lists(
    st.builds(lambda price: {"url": "https://f:8935"} | ({} if price == "" else {"price_per_unit": price}), WILD_AMOUNTS), max_size=2
)


@st.composite
def wild_fleets(draw: st.DrawFn) -> dict[str, Host]:
    """The same with amounts of any form, orchestrators outside of the fleet, rates and gas."""
    hosts = draw(fleets())
    for host in hosts.values():
        if "orchestrator_price_per_unit" in host:
            host.update(
                draw(optional(orchestrator_price_per_unit=WILD_AMOUNTS, orchestrator_auto_adjust_price=st.sampled_from([True, False, "x"])))
            )
            for model in host["orchestrator_ai_models"]:  # type: ignore[attr-defined]
                model.update(draw(optional(price_per_unit=WILD_AMOUNTS, currency=st.sampled_from(["USD", "EUR"]))))
        if "gateway_network" in host or "gateway_payment" in host:
            host.update(
                draw(
                    optional(
                        gateway_max_price_per_unit=WILD_AMOUNTS,
                        gateway_reserve_eth=st.sampled_from(["0", "1"]),
                        gateway_payment=st.sampled_from(["none", "onchain"]),
                    )
                )
            )
            host.update(draw(optional(gateway_orch_addr=FOREIGN)) if host.get("gateway_discovery") == "list" else {})
        host.update(
            draw(optional(wei_per_usd=st.sampled_from([10**15, "x"]), expected_gas_gwei=st.just(["0.05", "5"]), pool_size=st.just(100)))
        )
    return hosts


@settings(max_examples=300, deadline=None)
@given(wild_fleets())
def test_no_edge_has_a_code_without_a_finding(hosts: dict[str, Host]) -> None:
    """Of all codes; and no edge is refused in a plan that is not."""
    read, refused = parsed(**hosts)
    found = Survey(read)
    findings = [*rules.check(found), *refused]
    told = {(one.code, host) for one in findings for host in one.hosts}
    for (gateway, orchestrator, _workload), edge in pairs(found):
        assert all({(code, gateway), (code, orchestrator)} & told for code in edge.codes), edge
        if edge.verdict is Verdict.REFUSED:
            assert any(one.level is Level.ERROR and {gateway, orchestrator} & set(one.hosts) for one in findings), edge


def found_by_rules(found: Survey) -> list[Finding]:
    every = (finding for rule in rules.RULES for finding in rule.find(found))
    return [finding for finding in every if finding.code in EDGE_CODES and finding.level is not Level.INFO]


def without_edges(found: Survey) -> set[str]:
    """Codes that are about what has no edge: left out of an inventory, or to be found on the chain."""
    codes = {"LPF301"} if any(one.routing.unfit for one in found.routes) else set()
    codes |= {"LPF203", "LPF207"} if any(not one.routing.closed for one in found.routes) else set()
    return codes | ({"LPF107"} if any(one.unrouted for one in found.routes) else set())


@settings(max_examples=60, deadline=None)
@given(fleets(auto=False), ASKERS)
def test_another_orchestrator_removes_no_error_from_an_edge(hosts: dict[str, Host], more: Host) -> None:
    """An ``auto`` cap is worked out of all prices, and may rise from nothing."""
    before = dict(pairs(survey(hosts)))
    after = dict(pairs(survey(hosts | {"o9": {**more, "group": "livepeer_orchestrators"}})))
    for pair, edge in before.items():
        if pair in after and edge.verdict is Verdict.REFUSED:
            assert after[pair].verdict is Verdict.REFUSED
            assert set(edge.codes) - {"LPF202"} <= set(after[pair].codes)


@settings(max_examples=50, deadline=None)
@given(fleets(), st.sampled_from([Fraction(2), Fraction(1, 4), Fraction(7, 2)]))
def test_prices_and_caps_scaled_together_change_nothing(hosts: dict[str, Host], factor: Fraction) -> None:
    before, after = dict(pairs(survey(hosts))), dict(pairs(survey(scaled(hosts, factor))))
    assert before.keys() == after.keys()
    for pair, edge in before.items():
        other = after[pair]
        assert (edge.verdict, edge.codes, edge.headroom) == (other.verdict, other.codes, other.headroom)
        for one, two in ((edge.price, other.price), (edge.cap, other.cap), (edge.most, other.most)):
            assert (None if one is None else one * factor) == two


AMOUNTS = frozenset({"orchestrator_price_per_unit", "gateway_max_price_per_unit", "price_per_unit", "priceperunit", "max_price_per_unit"})


def scaled(value: object, factor: Fraction, name: str = "") -> object:
    """An inventory with every amount of money times a factor."""
    if isinstance(value, dict):
        return {key: scaled(item, factor, key) for key, item in value.items()}
    if isinstance(value, list):
        return [scaled(item, factor) for item in value]
    return decimal_text(value * factor) if name in AMOUNTS and isinstance(value, int) else value


@settings(max_examples=50, deadline=None)
@given(fleets())
def test_a_plan_of_many_edges_names_all_of_each_group(hosts: dict[str, Host]) -> None:
    found = survey(hosts).edges
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan_json, "MOST_SINGLE", 0)
        entries = edges_to_list(found)
        assert edges_from_list(entries) == found
    assert [len(entry["gateways"]) * len(entry["orchestrators"]) for entry in entries] == [edge.count for edge in found]  # type: ignore[arg-type]


@settings(max_examples=50, deadline=None)
@given(fleets())
def test_a_plan_holds_every_edge_once(hosts: dict[str, Host]) -> None:
    found = survey(hosts)
    entries = edges_to_list(found.edges)
    assert len(entries) == sum(edge.count for edge in found.edges) == len(list(pairs(found)))
    again = edges_from_list(entries)
    assert edges_to_list(again) == entries
    assert {edge.verdict for edge in again} == {edge.verdict for edge in found.edges}
