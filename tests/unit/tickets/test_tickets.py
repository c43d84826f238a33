# SPDX-License-Identifier: GPL-3.0-or-later
"""Prices under gas, reserve, deposit and ticket limits: what was seen on the running 0.9.1, and the formulas against plain search."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts import tickets as facts
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices import LARGEST, advertised
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets import (
    Bound,
    Deal,
    GasLimit,
    Limits,
    Refusal,
    Terms,
    TicketError,
    eth_wei,
    gas_wei,
    share_of,
)
from hypothesis import assume, given
from hypothesis import strategies as st

ARBITRUM = "arbitrum-one-mainnet"
POOL = 100
GWEI = 10**9


def deal(base: str = "1000", reserve: str = "1", *, pool: int = POOL, network: str = ARBITRUM, **given: object) -> Deal:
    """A price at a payer with this reserve in ETH; ``flags`` are those of both sides."""
    flags = dict(given.pop("flags", {}))  # type: ignore[call-overload]
    deposit = given.pop("deposit", None)
    return Deal(
        base=Fraction(base),
        adjusts=bool(given.pop("adjusts", True)),
        terms=Terms.read(network, flags),
        limits=Limits.read(flags),
        share=share_of(eth_wei(reserve), pool),
        deposit=None if deposit is None else eth_wei(str(deposit)),
        **given,  # type: ignore[arg-type]
    )


SEEN = [
    ("1", "0.01", {}, "1010"),
    ("1", "0.1", {}, "1012"),
    ("1", "1", {}, "1120"),
    ("1", "5", {}, "1600"),
    ("1", "10", {}, "2200"),
    ("1", "50", {}, "7000"),
    ("12", "1", {}, "1010"),
    ("1.1", "0.1", {}, "1010.909"),
    ("0.5", "0.1", {}, "1024"),
    ("0.36", "0.1", {}, "1033.333"),
    ("0.36", "5", {}, "2666.666"),
    ("0.35", "2.8", {}, "1960"),
    ("0.35", "2.95", {}, None),
    ("0.01", "0.01", {}, "1120"),
    ("0.0012", "0.01", {}, "2000"),
    ("0.0011", "0.01", {}, None),
    ("0", "0.1", {}, None),
    ("1", "0", {}, "1000"),
    ("12", "0.1", {"maxFaceValue": "1200000000000000"}, "1100"),
    ("12", "0.1", {"maxFaceValue": "120000000000000"}, "2000"),
    ("12", "0.1", {"maxFaceValue": "100000000000000"}, None),
    ("1", "0.1", {"minGasPrice": "1000000000"}, "1120"),
]
"""pricing.json:auto_adjust.base_1000_examples, and the one of minGasPrice: reserve in ETH, gas in gwei, flags, what was advertised."""


@pytest.mark.parametrize(("reserve", "gas", "flags", "seen"), SEEN)
def test_what_was_seen_advertised_to_the_last_digit(reserve: str, gas: str, flags: dict[str, str], seen: str | None) -> None:
    found = deal(reserve=reserve, flags=flags)
    assert found.advertised(gas_wei(gas)) == (None if seen is None else Fraction(seen))
    assert (found.refusals(gas_wei(gas)) == (Refusal.RESERVE,)) is (seen is None)


@pytest.mark.parametrize(
    ("adjusts", "gas", "cap", "transcoded"),
    [
        *((True, "0.1", cap, False) for cap in ("999", "1000", "1011")),
        *((True, "0.1", cap, True) for cap in ("1012", "1200", "1300")),
        (False, "0.1", "999", False),
        (False, "0.1", "1000", True),
        (True, "1", "1300", True),
        (True, "5", "1300", False),
    ],
)
def test_the_caps_that_were_seen_to_do(adjusts: bool, gas: str, cap: str, transcoded: bool) -> None:
    """pricing.json:caps.video_examples."""
    found = deal(adjusts=adjusts)
    price = found.advertised(gas_wei(gas))
    assert price is not None
    assert (price <= Fraction(cap)) is transcoded
    limit = found.highest_gas(Fraction(cap))
    survives = limit == GasLimit(None, Bound.NONE) or (limit.wei is not None and limit.wei >= gas_wei(gas))
    assert survives is transcoded


@pytest.mark.parametrize(
    ("base", "reserve", "seen"),
    [
        ("1200", "1", "6072/5"),
        ("1000.7", "1", "1012.708"),
        ("0.5", "1", "0.506"),
        ("0.001", "1", "0.001"),
        ("0.0039", "1", "0.003"),
        ("0.0009", "1", "0"),
    ],
)
def test_a_price_is_cut_to_three_decimals(base: str, reserve: str, seen: str) -> None:
    """pricing.json:auto_adjust.rounding and int64_limits.advertised_capability_list, at 0.1 gwei."""
    assert deal(base, reserve).advertised(GWEI // 10) == Fraction(seen)


def test_with_adjustment_a_price_ends_at_the_largest_number() -> None:
    assert deal("1e17", "12").advertised(GWEI) == Fraction(LARGEST, 1000) == Fraction("9223372036854775.807")


def test_without_adjustment_a_price_that_is_no_pair_of_int64_is_floored() -> None:
    """pricing.json:int64_limits, which gateways meet, because they ask with capabilities."""
    assert advertised(Fraction("39297.516000000000000000001"), None) == 39297
    assert advertised(Fraction("0.1590000000000000000000001"), None) == 0
    assert advertised(Fraction("0.159"), None) == Fraction("0.159")
    assert advertised(Fraction(2**63 - 1), None) == 2**63 - 1


def test_a_price_that_cannot_be_sent_is_refused_whatever_gas_and_reserve_are() -> None:
    """``core/orchestrator.go:PriceInfoForCaps``: "price cannot be converted to int64"."""
    found = deal(str(2**63), adjusts=False)
    assert advertised(Fraction(2**63), None) is None
    assert (found.advertised(GWEI), found.refusals(GWEI), found.covered(GWEI)) == (None, (Refusal.PRICE,), None)
    assert found.highest_gas(None) == found.highest_gas(Fraction(1)) == GasLimit(None, Bound.PRICE)
    assert deal(str(2**63)).refusals(GWEI) == ()
    assert deal(str(2**63), adjusts=False, in_wei=False).refusals(GWEI) == ()


@pytest.mark.parametrize(
    ("network", "gas", "least"),
    [(ARBITRUM, 1_200_000, 0), ("arbitrum-one-rinkeby", 1_200_000, 0), ("mainnet", 350_000, GWEI), ("mine", 350_000, 0)],
)
def test_the_name_of_a_network_decides(network: str, gas: int, least: int) -> None:
    terms = Terms.read(network, {})
    assert (terms.redeem_gas, terms.min_gas_price) == (gas, least)


def test_a_least_gas_price_of_nothing_can_be_said() -> None:
    assert Terms.read("mainnet", {"minGasPrice": "0"}).min_gas_price == 0


@pytest.mark.parametrize(
    ("reader", "flags", "message"),
    [
        (lambda flags: Terms.read(ARBITRUM, flags), {"ticketEV": "8e9"}, 'ticketEV is "8e9"'),
        (lambda flags: Terms.read(ARBITRUM, flags), {"ticketEV": "0"}, 'ticketEV is "0": its tickets are worth nothing'),
        (lambda flags: Terms.read(ARBITRUM, flags), {"maxFaceValue": "much"}, 'maxFaceValue is "much"'),
        (Limits.read, {"maxTicketEV": "-1"}, 'maxTicketEV is "-1"'),
        (Limits.read, {"depositMultiplier": "0"}, 'depositMultiplier is "0": go-livepeer panics'),
    ],
)
def test_what_stops_a_node(reader: object, flags: dict[str, str], message: str) -> None:
    with pytest.raises(TicketError, match=message):
        reader(flags)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("name", "text", "read"),
    [
        ("maxTicketEV", "1/3", Fraction(1, 3)),
        ("maxTicketEV", ".5", Fraction(1, 2)),
        ("maxTicketEV", "+3e12", Fraction(3 * 10**12)),
        ("depositMultiplier", "0x10", 16),
        ("depositMultiplier", "010", 8),
    ],
)
def test_numbers_that_go_reads_are_read(name: str, text: str, read: Fraction) -> None:
    limits = Limits.read({name: text})
    assert read == (limits.max_ticket_ev if name == "maxTicketEV" else limits.deposit_multiplier)


def test_terms_that_go_reads_are_read() -> None:
    terms = Terms.read(ARBITRUM, {"ticketEV": "+5", "maxFaceValue": "-1", "minGasPrice": "1_000"})
    assert (terms.ticket_ev, terms.max_face_value, terms.min_gas_price) == (5, 0, 1000)


# -- tickets ---------------------------------------------------------------------------------------------------------------------------


def test_a_deposit_below_the_face_value_stops_all_work() -> None:
    """pricing.json:gateway_ticket_checks.depositMultiplier: 0.012 ETH at 0.1 gwei, 0.12 ETH at 1 gwei."""
    for gas, face in (("0.1", "0.012"), ("1", "0.12")):
        assert deal(reserve="12", deposit=face).refusals(gas_wei(gas)) == ()
        assert deal(reserve="12", deposit=Fraction(face) - Fraction(1, 10**18)).refusals(gas_wei(gas)) == (Refusal.DEPOSIT,)
    assert deal(reserve="12", deposit="0.024", flags={"depositMultiplier": "2"}).refusals(gas_wei("0.1")) == ()
    assert deal(reserve="12", deposit="0.0239", flags={"depositMultiplier": "2"}).refusals(gas_wei("0.1")) == (Refusal.DEPOSIT,)


def test_a_ticket_is_worth_a_hair_more_than_its_expected_value() -> None:
    """The probability is rounded up, so that a ticketEV equal to maxTicketEV is refused: "EV 3e12 > max ticket EV 3e12"."""
    value = Terms.read(ARBITRUM, {}).value(eth_wei("0.01"))
    assert 8 * 10**9 < value < 8 * 10**9 + Fraction(1, 10**40)
    assert deal(flags={"ticketEV": "3000000000000"}).refusals(GWEI) == (Refusal.TICKET_EV,)
    assert deal(flags={"ticketEV": "2999999999999"}).refusals(GWEI) == ()


def test_a_ticket_that_is_worth_its_face_value_is_refused() -> None:
    flags = {"maxFaceValue": "8000000000"}
    assert deal(flags=flags).refusals(0) == (Refusal.FACE_VALUE,)
    assert deal(flags={"maxFaceValue": "8000000001"}).refusals(0) == ()


def test_all_that_stands_against_a_payment_in_the_order_of_the_source() -> None:
    """``pm/sender.go:validateTicketParams``; a price that is missing stands alone, because nothing is asked after it."""
    flags = {"maxTicketEV": "0", "maxTotalEV": "0", "maxFaceValue": "8000000000"}
    held = deal(deposit="0.000000001", signed=True, flags=flags).refusals(0)
    assert held == (Refusal.SIGNER, Refusal.FACE_VALUE, Refusal.TICKET_EV, Refusal.TOTAL_EV, Refusal.DEPOSIT)
    assert deal(reserve="0.0001", deposit="0", flags=flags).refusals(GWEI) == (Refusal.RESERVE,)
    assert deal(str(2**63), reserve="0", adjusts=False).refusals(GWEI) == (Refusal.PRICE, Refusal.RESERVE)


def test_free_work_needs_no_ticket() -> None:
    assert deal("0", "0", deposit="0").refusals(GWEI) == ()
    assert deal("0", "0").highest_gas(Fraction(1)) == GasLimit(None, Bound.NONE)
    assert deal("0.0009", "1", deposit="0").refusals(GWEI // 10) == ()


@pytest.mark.parametrize(("price", "refused"), [("482", False), ("482.25", False), ("482.26", True), ("1012", True)])
def test_the_first_payment_of_a_signer(price: str, refused: bool) -> None:
    """pricing.json:remote_signer.first_lv2v_payment_limit: about 482 wei per pixel at the default ticketEV."""
    found = deal(price, adjusts=False, signed=True)
    assert (found.refusals(GWEI // 10) == (Refusal.SIGNER,)) is refused


def test_the_tickets_that_a_signer_counted() -> None:
    """The same place: at 1012 wei 210 tickets were needed."""
    found = deal("1000", signed=True)
    price = found.advertised(GWEI // 10)
    assert price == 1012
    assert found.tickets(price, found.terms.value(found.terms.face_value(found.share, GWEI // 10))) == 210


def test_a_signer_is_bound_by_its_total_too() -> None:
    """Whatever ticketEV: 60 s of live video are charged at once, and maxTotalEV is for one payment."""
    flags = {"ticketEV": "400000000000"}
    assert deal("11800", adjusts=False, signed=True, flags=flags).refusals(GWEI) == ()
    assert deal("12060", adjusts=False, signed=True, flags=flags).refusals(GWEI) == (Refusal.TOTAL_EV,)


def test_what_one_payment_covers() -> None:
    """2499 tickets of 8e9 wei, because 2500 of them are worth a hair more than maxTotalEV."""
    assert deal("1000", "12").covered(GWEI) == 2499 * 8 * 10**9 // 1010
    assert deal("0", "12").covered(GWEI) is None


def test_a_segment_that_one_payment_does_not_cover() -> None:
    pixels = facts.segment_pixels("P240p30fps16x9,P360p30fps16x9")
    assert pixels == 2 * 30 * (426 * 240 + 640 * 360)
    assert deal("900000", "12", job=pixels, ahead=facts.estimate()).refusals(GWEI) == ()
    assert deal("980000", "12", job=pixels, ahead=facts.estimate()).refusals(GWEI) == (Refusal.TOTAL_EV,)
    assert deal("980000", "12", job=pixels).refusals(GWEI) == ()


@pytest.mark.parametrize("options", ["", "/etc/profiles.json", "P1080p30fps16x9", "P240p30fps16x9,x"])
def test_a_segment_of_other_profiles_is_not_known(options: str) -> None:
    assert facts.segment_pixels(options) is None


# -- limits against search -------------------------------------------------------------------------------------------------------------

SMALL = st.builds(
    Deal,
    base=st.fractions(min_value=Fraction(1, 1000), max_value=50, max_denominator=1000),
    adjusts=st.booleans(),
    terms=st.builds(
        Terms,
        redeem_gas=st.integers(1, 5),
        min_gas_price=st.integers(0, 3),
        ticket_ev=st.integers(1, 3000),
        max_face_value=st.one_of(st.just(0), st.integers(1, 5000)),
    ),
    limits=st.just(Limits(Fraction(10**30), Fraction(10**40), 1)),
    share=st.integers(0, 10_000),
    deposit=st.one_of(st.none(), st.integers(0, 10_000)),
    in_wei=st.booleans(),
)
"""Numbers so small that every gas price can be tried."""

CAPS = st.one_of(st.none(), st.fractions(min_value=Fraction(1, 1000), max_value=200, max_denominator=1000))


def test_a_cap_at_the_price_leaves_room_for_nothing_but_gas_that_costs_nothing() -> None:
    found = deal("2", in_wei=False)
    assert found.least_share(Fraction(2), 0) == found.terms.ticket_ev + 1
    assert found.least_share(Fraction(2), 1) is None


def works(found: Deal, cap: Fraction | None, gas: int) -> bool:
    """The obvious way: ask at this gas price."""
    price = found.advertised(gas)
    if price is None or (cap is not None and price > cap):
        return False
    return not found.refusals(gas)


@pytest.mark.parametrize(
    ("base", "given", "limit"),
    [
        # 482.253 wei of 60 s are 100 tickets: the cap is not what ends it.
        ("400", {"signed": True}, GasLimit(1713624999, Bound.SIGNER)),
        ("483", {"signed": True}, GasLimit(None, Bound.SIGNER)),
        ("400", {"flags": {"maxTicketEV": "8000000000"}}, GasLimit(None, Bound.TICKET_EV)),
        ("400", {"flags": {"maxTotalEV": "1/2"}}, GasLimit(None, Bound.TOTAL_EV)),
        ("1000", {"reserve": "0"}, GasLimit(None, Bound.RESERVE)),
    ],
)
def test_what_ends_before_the_cap(base: str, given: dict[str, Any], limit: GasLimit) -> None:
    found = deal(base, **given)
    assert found.highest_gas(Fraction(base) * Fraction(5, 4)) == limit
    assert limit.wei is None or (not found.refusals(limit.wei) and found.refusals(limit.wei + 1))


@given(SMALL, CAPS)
def test_the_highest_gas_is_the_highest(found: Deal, cap: Fraction | None) -> None:
    limit = found.highest_gas(cap)
    # There, and neither below nor above, a ticket is worth what is expected of it.
    assume(limit.wei is None or found.terms.start(limit.wei) != found.terms.ticket_ev)
    tried = [
        gas
        for gas in range(found.terms.min_gas_price, 12_000, 1 if limit.wei is None or limit.wei > 11_000 else 7)
        if works(found, cap, gas)
    ]
    if limit == GasLimit(None, Bound.NONE):
        assert works(found, cap, 10**15)
    elif limit.wei is None:
        assert not tried
    else:
        assert works(found, cap, limit.wei)
        assert not works(found, cap, limit.wei + 1)
        assert all(gas <= limit.wei for gas in tried)


@given(SMALL, CAPS, st.integers(0, 3000))
def test_the_least_share_is_the_least(found: Deal, cap: Fraction | None, gas: int) -> None:
    found = replace(found, deposit=None)
    least = found.least_share(cap, gas)

    def does(share: int) -> bool:
        one = replace(found, share=share)
        return works(one, cap, gas) and one.terms.face_value(share, gas) > one.terms.ticket_ev

    assume(found.terms.start(gas) > found.terms.ticket_ev)
    if least is None:
        assert not does(10**15)
    else:
        assert does(least)
        assert does(least + 1)
        assert not does(least - 1)


REAL = st.builds(
    Deal,
    base=st.fractions(min_value=Fraction(1, 100), max_value=10**6, max_denominator=1000),
    adjusts=st.just(True),
    terms=st.just(Terms.read(ARBITRUM, {})),
    limits=st.just(Limits.read({})),
    share=st.integers(10**12, 10**18),
)
GAS = st.integers(0, 10**12)


def at_most(one: Fraction | None, other: Fraction | None) -> bool:
    """A refusal is above every price."""
    return other is None or (one is not None and one <= other)


@given(REAL, GAS, GAS)
def test_a_price_never_falls_when_gas_rises(found: Deal, one: int, other: int) -> None:
    assert at_most(found.advertised(min(one, other)), found.advertised(max(one, other)))


@given(REAL, GAS, st.integers(0, 10**18))
def test_a_price_never_rises_with_the_reserve(found: Deal, gas: int, more: int) -> None:
    assert at_most(replace(found, share=found.share + more).advertised(gas), found.advertised(gas))


@given(st.integers(0, 10**21), st.integers(1, 1000), st.integers(1, 1000), GAS)
def test_a_price_never_falls_with_the_pool(reserve: int, one: int, other: int, gas: int) -> None:
    terms, limits = Terms.read(ARBITRUM, {}), Limits.read({})
    small, large = (Deal(Fraction(1000), True, terms, limits, share_of(reserve, pool)) for pool in (min(one, other), max(one, other)))
    assert at_most(small.advertised(gas), large.advertised(gas))


@given(REAL, GAS)
def test_the_rule_of_the_facts(found: Deal, gas: int) -> None:
    """pricing.json:alignment_order.head_room: max(0.01, 0.0012 x g x N / R), wherever a ticket is dear enough for it."""
    assume(gas * 1_200_000 * 100 >= found.terms.ticket_ev)
    overhead = found.terms.overhead(found.share, gas)
    assume(overhead is not None)
    reserve = Fraction(found.share * POOL, 10**18)
    assert overhead == 1 + max(Fraction(1, 100), Fraction(12, 10_000) * Fraction(gas, GWEI) * POOL / reserve)


@given(st.integers(1, 2**70), st.integers(1, 2**70))
def test_the_division_of_the_binary_never_rounds_up(numerator: int, denominator: int) -> None:
    """``common/util.go:ratToFixed``: big.Float's quotient, rounded to nearest even at max(64, bits), then cut to an int64."""
    scaled = Fraction(numerator, denominator) * 1000
    bits = max(64, scaled.numerator.bit_length(), scaled.denominator.bit_length())
    exponent = bits - scaled.numerator.bit_length() + scaled.denominator.bit_length()  # leaves bits or one more before the point
    exponent -= scaled * Fraction(2) ** exponent >= 2**bits
    mantissa = round(scaled * Fraction(2) ** exponent)
    quotient = mantissa / Fraction(2) ** exponent
    assert advertised(Fraction(numerator, denominator), Fraction(1)) == Fraction(min(int(quotient), LARGEST), 1000)
