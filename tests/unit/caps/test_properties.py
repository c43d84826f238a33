# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds of caps whatever is written: they are the binary's, ``auto`` leaves nothing to say, the document is exact."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils import rules
from ansible_collections.livepeer.fleet.plugins.plugin_utils.asks import Ask, State
from ansible_collections.livepeer.fleet.plugins.plugin_utils.caps import Asked, Cap, Caps, NoCap, caps
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import ExchangeRate
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.settings import gateway_settings
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices import Offer, PriceError, Rate, band, enforce_headroom, flag_text
from ansible_collections.livepeer.fleet.plugins.plugin_utils.render import Surroundings, render_node
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.survey import Survey
from ansible_collections.livepeer.fleet.plugins.plugin_utils.templating import Templates
from ansible_collections.livepeer.fleet.plugins.plugin_utils.workloads import VIDEO, Workload
from ansible_collections.livepeer.fleet.tests.unit.render.fleets import TEMPLATES
from ansible_collections.livepeer.fleet.tests.unit.rules.fleets import Host, asker, fleet, payer
from hypothesis import given, settings
from hypothesis import strategies as st

MODELS = [(pipeline, model) for pipeline in ("text-to-image", "audio-to-text", "live-video-to-video") for model in ("a", "b")]
AMOUNTS = st.sampled_from(["0", "-1", "5", "0.125", "1e3", "7.5E-2", "12"])
CURRENCIES = st.sampled_from(["", "wei", "eth", "USD"])
ENTRIES = st.lists(
    st.builds(
        lambda model, price, pixels, currency: {
            "pipeline": model[0],
            **({"model_id": model[1]} if model[1] else {}),
            "price_per_unit": price,
            **({"pixels_per_unit": pixels} if pixels else {}),
            **({"currency": currency} if currency else {}),
        },
        st.sampled_from([*MODELS, ("text-to-image", ""), ("audio-to-text", "")]),
        AMOUNTS,
        st.sampled_from(["", "0", "-3", "1.5", "4"]),
        CURRENCIES,
    ),
    max_size=5,
)
FLAGS = st.sampled_from(["", "0", "9", "2.5", "3USD", "0x10"])
PRICES = st.fractions(min_value=Fraction(1, 100), max_value=10**6, max_denominator=1000)


def stated(price: Fraction, adjusts: bool = True) -> Ask:
    text, pixels = flag_text(price)
    written = {"price_per_unit": text, "pixels_per_unit": str(pixels), "auto_adjust_price": adjusts}
    return Ask(Rate(price, "wei"), adjusts, State.STATED, "v", written)


PAYER = fleet(g=payer()).nodes[0]
FILES = Templates(TEMPLATES)


def of(asked: Mapping[Workload, Sequence[Ask]], overheads: Mapping[Workload, Fraction] | None = None, **values: object) -> Caps:
    """The caps of a payer with these settings, as the parser would give them."""
    settings = replace(PAYER.settings, **values)  # type: ignore[arg-type]
    return caps(replace(PAYER, settings=settings), Asked(settings.workloads, asked, overheads or {}))


def binary(flag: str, pixels: int, entries: list[dict[str, str]]) -> dict[tuple[str, str], tuple[Fraction, str] | None]:
    """``starter.go:StartLivepeer`` and ``broadcast.go:GetCapabilitiesMaxPrice`` in slow motion: amount and currency for each model."""
    number = Fraction({"": "0", "0": "0", "9": "9", "2.5": "2.5", "3USD": "3", "0x10": "0"}[flag])
    set_caps: dict[tuple[str, str], tuple[Fraction, str]] = {}
    for entry in entries:
        units = Fraction(entry.get("pixels_per_unit", "0"))
        units = units if units > 0 else Fraction(pixels)
        price = Fraction(entry["price_per_unit"])
        if price <= 0:
            if number <= 0:
                continue
            price = number
        set_caps[entry["pipeline"], entry.get("model_id", "default")] = (price / units, entry.get("currency", ""))
    everything = (number / pixels, "USD" if flag.endswith("USD") else "") if number > 0 else None
    return {model: set_caps.get(model, set_caps.get((model[0], "default"), everything)) for model in MODELS}


def in_one_unit(amount: Fraction, currency: str) -> Rate:
    return Rate(amount * 10**18, "wei") if currency == "eth" else Rate(amount, "USD" if currency == "USD" else "wei")


@given(FLAGS, st.sampled_from([1, 3, 1000]), ENTRIES)
def test_caps_are_those_of_the_binary(flag: str, pixels: int, entries: list[dict[str, str]]) -> None:
    asked = {Workload.of_model(*model): [stated(Fraction(1))] for model in MODELS}
    found = of(asked, max_price_per_unit=flag, pixels_per_unit=str(pixels), max_price_per_capability=tuple(entries), workloads=("ai",))
    for model, expected in binary(flag, pixels, entries).items():
        workload = Workload.of_model(*model)
        cap = found.by_workload.get(workload)
        if expected is None:
            assert cap is None and found.missing[workload] in (NoCap.UNSET, NoCap.ZERO)
        elif cap is None:
            # What falls through to the cap for a pixel is no cap for a millisecond.
            assert (workload.pipeline, found.missing[workload]) == ("audio-to-text", NoCap.OTHER_UNIT)
        else:
            assert Rate(cap.amount, cap.currency) == in_one_unit(*expected)


@given(st.dictionaries(st.sampled_from(MODELS), st.lists(st.tuples(PRICES, st.booleans()), min_size=1, max_size=3)), PRICES)
def test_auto_is_the_upper_edge_of_every_band_and_passes_its_guard(
    prices: dict[tuple[str, str], list[tuple[Fraction, bool]]], video: Fraction
) -> None:
    asked = {Workload.of_model(*model): [stated(*one) for one in each] for model, each in prices.items()}
    asked[Workload(VIDEO)] = [stated(video)]
    found = of(asked, max_price_per_unit="auto", max_price_per_capability="auto", workloads=("video", "ai", "live_video"))
    for workload, asks in asked.items():
        offers = [Offer(ask.rate.amount, ask.adjusts) for ask in asks if ask.rate]
        assert found.by_workload[workload].amount == band(offers, Fraction(20), Fraction(30)).high
    for entry in found.entries:
        assert enforce_headroom(entry.written, list(entry.prices), entry.headroom_min, entry.headroom_max) == entry.written


def written(found: Caps) -> str:
    """What a node's livepeer.conf has for ``-maxPricePerCapability``; "" for no flag."""
    text = render_node(PAYER, Surroundings((), caps=found), FILES).files["livepeer.conf"]
    lines = dict(line.split(" ", 1) for line in text.splitlines() if " " in line)
    assert ("maxPricePerUnit" in lines) is (found.flag is not None)
    return lines.get("maxPricePerCapability", "")


@settings(max_examples=50)
@given(ENTRIES, FLAGS)
def test_the_document_is_json_with_exact_numbers(entries: list[dict[str, str]], flag: str) -> None:
    found = of({}, max_price_per_unit=flag, max_price_per_capability=tuple(entries), workloads=("ai",))
    text = written(found)
    assert bool(text) is bool(found.entries)
    document = json.loads(text, parse_float=Fraction, parse_int=Fraction) if text else {"capabilities_prices": []}
    assert len(document["capabilities_prices"]) == len({(one["pipeline"], one["model_id"]) for one in document["capabilities_prices"]})
    for entry, one in zip(document["capabilities_prices"], found.entries, strict=True):
        assert entry["price_per_unit"] == Fraction(str(one.written["price_per_unit"])) > 0
        assert entry["pixels_per_unit"].denominator == 1


@given(st.lists(st.tuples(PRICES, st.booleans()), min_size=1, max_size=4), PRICES, st.fractions(min_value=Fraction(1, 50), max_value=50))
def test_scaling_prices_and_caps_together_changes_nothing(asks: list[tuple[Fraction, bool]], cap: Fraction, factor: Fraction) -> None:
    def scaled(by: Fraction) -> Caps:
        text, pixels = flag_text(cap * by)
        asked = {Workload(VIDEO): [stated(price * by, adjusts) for price, adjusts in asks]}
        return of(asked, max_price_per_unit=text, pixels_per_unit=str(pixels))

    one, other = scaled(Fraction(1)), scaled(factor)
    before, after = one.by_workload[Workload(VIDEO)], other.by_workload[Workload(VIDEO)]
    assert after.amount == before.amount * factor
    assert (after.headroom_min, after.headroom_max) == (before.headroom_min, before.headroom_max)
    assert (other.bands[Workload(VIDEO)].low, other.bands[Workload(VIDEO)].high) == tuple(
        edge * factor for edge in (one.bands[Workload(VIDEO)].low, one.bands[Workload(VIDEO)].high)
    )


ASKERS = st.builds(
    lambda price, adjusts, models: asker(
        price,
        adjusts=adjusts,
        orchestrator_pixels_per_unit=7,
        orchestrator_ai_models=[{"pipeline": one[0], "model_id": one[1], "price_per_unit": each} for one, each in models],
    ),
    st.integers(1, 10**6),
    st.booleans(),
    st.lists(st.tuples(st.sampled_from(MODELS), st.sampled_from(["5", "0.5", "1e3", "12.75"])), max_size=3, unique_by=lambda one: one[0]),
)


@settings(max_examples=50)
@given(
    st.lists(ASKERS, min_size=1, max_size=4),
    st.sampled_from([{}, {"expected_gas_gwei": ["0.05", "5"], "pool_size": 100, "gateway_reserve_eth": "1", "gateway_deposit_eth": "1"}]),
)
def test_auto_leaves_nothing_to_say_of_caps(askers: list[Host], gas: Host) -> None:
    hosts = {f"o{place}": one | {key: gas[key] for key in gas if not key.startswith("gateway")} for place, one in enumerate(askers)}
    wanted = {"gateway_max_price_per_capability": "auto", "gateway_workloads": ["video", "ai", "live_video"]}
    found = rules.check(Survey(fleet(g=payer("auto", **wanted, **gas), **hosts)))
    told = {one.code for one in found if one.level is not Level.INFO}
    assert not told & {"LPF201", "LPF202", "LPF203", "LPF207"}


def test_every_cap_passes_the_guard() -> None:
    no_price = of({}, max_price_per_unit="7", max_price_per_capability=({"pipeline": "llm", "price_per_unit": "3"},))
    assert written(no_price) == '{"capabilities_prices":[{"pipeline":"llm","model_id":"default","price_per_unit":3,"pixels_per_unit":1}]}'
    assert no_price.flag is not None
    with pytest.raises(PriceError, match="means any price"):
        written(replace(no_price, flag=replace(no_price.flag, text="0")))
    entry = replace(no_price.entries[0], written={**no_price.entries[0].written, "price_per_unit": "0"})
    with pytest.raises(PriceError, match="means any price"):
        written(replace(no_price, entries=(entry,)))


def test_a_price_that_only_a_rate_compares_is_not_guarded() -> None:
    dollar = Ask(Rate(Fraction(1), "USD"), True, State.STATED, "v", {"price_per_unit": "1USD", "pixels_per_unit": "1"})
    node = replace(PAYER, exchange_rates=(ExchangeRate("USD", "100", ""),), settings=replace(PAYER.settings, max_price_per_unit="1"))  # type: ignore[type-var]
    (cap,) = caps(node, Asked(gateway_settings(node).workloads, {Workload(VIDEO): [dollar]}, {})).by_workload.values()
    assert (cap.prices, cap.headroom_min, cap.headroom_max) == ((), None, None)


def test_a_cap_is_none_or_above_nothing() -> None:
    for text in ("0", "0USD", "0x10"):
        found = of({Workload(VIDEO): [stated(Fraction(1))]}, max_price_per_unit=text)
        assert found.missing == {Workload(VIDEO): NoCap.ZERO}
    assert isinstance(of({Workload(VIDEO): [stated(Fraction(1))]}, max_price_per_unit="0.001").flag, Cap)
