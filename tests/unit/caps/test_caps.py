# SPDX-License-Identifier: GPL-3.0-or-later
"""Caps: what go-livepeer holds the price of each workload against, ``auto``, and the bands."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.asks import Ask, State
from ansible_collections.livepeer.fleet.plugins.plugin_utils.caps import Asked, Cap, Caps, CapSource, NoCap, caps
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Discovery
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.settings import gateway_settings
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices import Band, Rate, flag_text
from ansible_collections.livepeer.fleet.plugins.plugin_utils.workloads import AI, LIVE_RUNNER, LIVE_VIDEO, VIDEO, Workload
from ansible_collections.livepeer.fleet.tests.unit.rules.fleets import Host, fleet, gateway, payer

WORK = Workload(VIDEO)
IMAGE = Workload.of_model("text-to-image", "sd")
IMAGE_2 = Workload.of_model("text-to-image", "xl")
AUDIO = Workload.of_model("audio-to-text", "whisper")
CAPABILITIES = "gateway_max_price_per_capability"


def ask(amount: object, currency: str = "wei", *, adjusts: bool = True) -> Ask:
    value = Rate(Fraction(str(amount)), currency)
    text, pixels = flag_text(value.amount)
    written = {
        "price_per_unit": text + ("" if currency == "wei" else currency),
        "pixels_per_unit": str(pixels),
        "auto_adjust_price": adjusts,
    }
    return Ask(value, adjusts, State.STATED, "livepeer_orchestrator_price_per_unit", written)


def of(host: Host, asked: Mapping[Workload, list[Ask]], overheads: Mapping[Workload, Fraction] | None = None) -> Caps:
    (node,) = fleet(g=host).nodes
    settings = gateway_settings(node)
    return caps(node, Asked(settings.workloads, asked, overheads or {}, settings.discovery is Discovery.ONCHAIN))


def test_the_cap_of_video() -> None:
    found = of(payer("1250"), {WORK: [ask(1000)]})
    assert found.by_workload[WORK] == Cap(
        "1250", 1, Fraction(1250), "wei", (ask(1000).written,), "20", "30", WORK, "livepeer_gateway_max_price_per_unit", CapSource.WRITTEN
    )
    assert found.flag == found.by_workload[WORK]
    assert (found.bands[WORK], found.entries) == (Band(Fraction(1200), Fraction(1300)), ())


def test_auto_takes_the_largest_upper_edge_and_what_gas_needs() -> None:
    asked = {WORK: [ask(1000), ask(1100, adjusts=False)], IMAGE: [ask("0.5")]}
    wanted = payer("auto", **{CAPABILITIES: "auto"}, gateway_workloads=["video", "ai"])
    found = of(wanted, asked, {WORK: Fraction(3, 2)})
    assert (found.by_workload[WORK].text, found.by_workload[WORK].headroom_max) == ("1500", None)
    assert found.by_workload[IMAGE].amount == Fraction("0.65")
    assert [entry.written for entry in found.entries] == [
        {"pipeline": "text-to-image", "model_id": "sd", "price_per_unit": "0.65", "pixels_per_unit": "1"}
    ]


def test_a_model_is_looked_up_exactly_then_by_default_then_by_the_flag() -> None:
    entries = [{"pipeline": "text-to-image", "model_id": "sd", "price_per_unit": 20}, {"pipeline": "text-to-image", "price_per_unit": 10}]
    asked = {IMAGE: [ask(15)], IMAGE_2: [ask(8)], AUDIO: [ask(1)], Workload.of_model("upscale", "x4"): [ask(900)]}
    found = of(payer("1250", **{CAPABILITIES: entries}, gateway_workloads=["ai"]), asked)
    assert {one.model_id: (cap.amount, cap.source) for one, cap in found.by_workload.items() if one.pipeline} == {
        "sd": (20, CapSource.WRITTEN),
        "xl": (10, CapSource.DEFAULT),
        "x4": (1250, CapSource.GLOBAL),
    }
    assert found.missing[AUDIO] is NoCap.OTHER_UNIT
    assert [entry.prices for entry in found.entries] == [(ask(15).written,), (ask(8).written,)]


@pytest.mark.parametrize(
    ("cap", "why"), [(None, NoCap.UNSET), ("any", NoCap.ANY), ("0EUR", NoCap.ZERO), ("0x10", NoCap.ZERO), ("1e3", NoCap.UNREADABLE)]
)
def test_no_cap(cap: object, why: NoCap) -> None:
    found = of(payer(cap), {WORK: [ask(1000)]})
    assert (found.missing, found.by_workload, found.flag) == ({WORK: why}, {}, None)
    assert found.bands[WORK].high == 1300


def test_the_cap_of_a_signer_is_what_is_declared_of_it() -> None:
    signer = {"url": "https://s.example", "max_price_per_unit": 100}
    host = gateway(gateway_payment="clearinghouse", gateway_remote_signer=signer, gateway_workloads=["live_video", "live_runner"])
    live = Workload.of_model("live-video-to-video", "noop")
    found = of(host, {live: [ask(80)]})
    assert (found.by_workload[live].amount, found.by_workload[live].source, found.flag) == (100, CapSource.DECLARED, None)
    assert found.missing == {Workload(LIVE_RUNNER): NoCap.OTHER_UNIT}
    assert live.kind == LIVE_VIDEO and IMAGE.kind == AI


def test_nothing_is_capped_off_chain() -> None:
    assert of(gateway(), {WORK: [ask(1)]}) == Caps()


def unknown(state: State) -> Ask:
    return Ask(None, True, state, "v")


@pytest.mark.parametrize(
    ("asks", "why"),
    [
        ([], NoCap.UNKNOWN_PRICE),
        ([unknown(State.UNSTATED)], NoCap.UNKNOWN_PRICE),
        ([unknown(State.UNREADABLE)], NoCap.UNREADABLE),
        ([unknown(State.REFUSED), unknown(State.UNREADABLE)], NoCap.REFUSED),
        ([ask(0)], NoCap.PRICE_ZERO),
        ([ask(1), ask(1, "USD")], NoCap.CURRENCIES),
    ],
)
def test_why_no_cap_can_be_worked_out(asks: list[Ask], why: NoCap) -> None:
    found = of(payer("auto", **{CAPABILITIES: "auto"}, gateway_workloads=["video", "ai"]), {WORK: asks, IMAGE: asks})
    assert (found.missing[WORK], found.missing[IMAGE]) == (why, why)
    assert (found.flag, found.entries) == (None, ())


def test_any_price_for_one_model_under_a_cap_of_video() -> None:
    entries = [{"pipeline": "text-to-image", "model_id": "sd", "price_per_unit": "any"}]
    found = of(payer(1250, **{CAPABILITIES: entries}, gateway_workloads=["ai"]), {IMAGE: [ask(10**12)]})
    assert found.missing[IMAGE] is NoCap.ANY
    assert [entry.written for entry in found.entries] == [
        {"pipeline": "text-to-image", "model_id": "sd", "price_per_unit": "9223372036854775807", "pixels_per_unit": "1"}
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"gateway_max_price_per_unit": 0.5, CAPABILITIES: [{"pipeline": "llm", "price_per_unit": 0.5}]},
        {"gateway_max_price_per_unit": "auto", CAPABILITIES: "auto", "headroom_min": "x"},
    ],
)
def test_what_hangs_on_a_refused_value_is_refused(wrong: Host) -> None:
    found = of(payer(**wrong, gateway_workloads=["video", "ai"]), {WORK: [ask(1)], IMAGE: [ask(1)]})
    assert (found.missing[WORK], found.missing[IMAGE]) == (NoCap.REFUSED, NoCap.REFUSED)
