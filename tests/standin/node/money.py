# SPDX-License-Identifier: GPL-3.0-or-later
"""Prices and tickets as the protocol reckons them: pure, exact, wei and wei per pixel throughout.

Sources: pm/recipient.go, pm/sender.go, pm/sendermonitor.go, core/orchestrator.go:priceInfo, server/segment_rpc.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from .prices import places
from .profiles import Profile

GWEI = 10**9
LARGEST_INT64 = 2**63 - 1
LARGEST_WIN_PROBABILITY = 2**256 - 1

REDEEM_GAS_L1, REDEEM_GAS_L2 = 350_000, 1_200_000
L2_NETWORKS = ("arbitrum-one-mainnet", "arbitrum-one-rinkeby")
"""starter.go: the name of the network decides; the chain id plays no role."""

FACE_VALUE_IN_REDEMPTIONS = 100
FACE_VALUE_IN_EVS = 100
USUAL_GAS_PRICE = 3 * GWEI
"""pm/recipient.go: txCostMultiplier, evMultiplier, avgGasPrice"""

LIFETIME_BLOCKS, LAST_BLOCKS = 40, 1
"""pm/recipient.go: L1 blocks for which ticket parameters hold, and the last of them in which nobody uses them any more."""

SCALE = 1000
"""common/util.go:priceScalingFactor"""

ESTIMATE = Fraction(1.02)
"""server/segment_rpc.go:pixelEstimateMultiplier, which is the float nearest to 1.02"""

UNKNOWN_FRAMERATE = 60
"""segment_rpc.go:estimateFee, for profiles that pass the source's frame rate through"""

TOLERATED_RISE = 2
"""server/segment_rpc.go:priceIncreaseThreshold"""


class InsufficientReserve(Exception):
    """pm/recipient.go:errInsufficientSenderReserve"""

    def __init__(self) -> None:
        super().__init__("insufficient sender reserve")


class TicketRefused(Exception):
    """A gateway that does not send such tickets."""


class SenderRefused(TicketRefused):
    """pm.ErrSenderValidation: the gateway's own funds are at fault; the stream is stopped."""


class Expired(TicketRefused):
    """pm.ErrTicketParamsExpired: new parameters are asked for."""


@dataclass(frozen=True)
class Funds:
    """What a gateway has put down: deposit, reserve, what others claimed of the reserve in this round."""

    deposit: int
    reserve: int
    claimed: int
    withdraw_round: int


@dataclass(frozen=True)
class Terms:
    """What an orchestrator wants of tickets."""

    ev: int
    redeem_gas: int
    max_face_value: int = 0


@dataclass(frozen=True)
class Ticket:
    """Ticket parameters as an orchestrator sends them."""

    face_value: int
    win_probability: int
    expires: int

    @property
    def ev(self) -> Fraction:
        """pm/ticket.go:ticketEV: a trifle above the value that the orchestrator was told."""
        return Fraction(self.face_value * self.win_probability, LARGEST_WIN_PROBABILITY)


@dataclass(frozen=True)
class Limits:
    """-maxTicketEV, -maxTotalEV, -depositMultiplier"""

    max_ev: Fraction
    max_total_ev: Fraction
    deposit_multiplier: int


def redeem_gas(network: str) -> int:
    """Gas that one redemption is taken to cost."""
    return REDEEM_GAS_L2 if network in L2_NETWORKS else REDEEM_GAS_L1


def max_float(funds: Funds, pool_size: int, claimed_by_self: int = 0) -> int:
    """sendermonitor.go:reserveAlloc: this orchestrator's share of the reserve."""
    if pool_size == 0:
        return 0
    return (funds.reserve + funds.claimed) // pool_size - claimed_by_self


def face_value(terms: Terms, gas_price: int, most: int) -> int:
    """recipient.go:faceValue"""
    cost = terms.redeem_gas * gas_price
    value = cost * FACE_VALUE_IN_REDEMPTIONS
    if value < terms.ev:
        value = terms.ev * FACE_VALUE_IN_EVS
    value = min(value, most)
    if terms.max_face_value > 0:
        value = min(value, terms.max_face_value)
    if value < terms.ev or (value < cost and value < terms.redeem_gas * USUAL_GAS_PRICE):
        raise InsufficientReserve
    return value


def win_probability(value: int, ev: int) -> int:
    """recipient.go:winProb"""
    if value == 0:
        return 0
    if value == ev:
        return LARGEST_WIN_PROBABILITY
    share, rest = divmod(LARGEST_WIN_PROBABILITY, value)
    return ev * (share + 1 if rest else share)


def advertised(base: Fraction, terms: Terms, gas_price: int, most: int) -> Fraction:
    """orchestrator.go:priceInfo with automatic adjustment: cut to three decimals, and to what an int64 holds."""
    overhead = Fraction(1)
    if base > 0:
        value, cost = face_value(terms, gas_price, most), terms.redeem_gas * gas_price
        if cost > 0 and value > 0:
            overhead += Fraction(cost, value)
    return cut(base * overhead)


def cut(price: Fraction) -> Fraction:
    """common/util.go:PriceToFixed, FixedToPrice: towards zero."""
    scaled = price * SCALE
    whole = abs(scaled.numerator) // scaled.denominator * (1 if scaled >= 0 else -1)
    return Fraction(max(-LARGEST_INT64 - 1, min(whole, LARGEST_INT64)), SCALE)


def on_wire(price: Fraction) -> Fraction:
    """orchestrator.go:PriceInfoForCaps: what does not fit into two int64 is floored to whole wei."""
    if abs(price.numerator) <= LARGEST_INT64 and price.denominator <= LARGEST_INT64:
        return price
    return Fraction(price.numerator // price.denominator)


def ticket(terms: Terms, price: Fraction, gas_price: int, most: int, l1_block: int) -> Ticket:
    """recipient.go:TicketParams: no money for no price."""
    value = face_value(terms, gas_price, most) if price > 0 else 0
    return Ticket(value, win_probability(value, terms.ev), l1_block + LIFETIME_BLOCKS)


def check_ticket(offered: Ticket, limits: Limits, funds: Funds, current_round: int, l1_block: int, number: int = 1) -> None:
    """sender.go:validateTicketParams for this many tickets at once; raises what is wrong with them."""
    if offered.expires - l1_block <= LAST_BLOCKS:
        raise Expired("ticket params expired")
    ev = offered.ev
    if ev <= 0:
        return
    if ev >= offered.face_value:
        raise TicketRefused(f"ticket faceValue too low faceValue={offered.face_value}")
    if ev > limits.max_ev:
        raise TicketRefused(f"ticket EV {places(ev, 5)} > max ticket EV {places(limits.max_ev, 5)}")
    _check_sender(funds, current_round)
    total = ev * number
    if total > limits.max_total_ev:
        most = places(limits.max_total_ev, 5)
        raise TicketRefused(f"total ticket EV {places(total, 5)} for {number} tickets > max total ticket EV {most}")
    largest = funds.deposit // limits.deposit_multiplier
    if offered.face_value > largest:
        raise TicketRefused(f"ticket faceValue {offered.face_value} > max faceValue {largest}")


def _check_sender(funds: Funds, current_round: int) -> None:
    """sender.go:validateSender"""
    if funds.withdraw_round != 0 and funds.withdraw_round <= current_round + 1:
        raise SenderRefused("unable to validate sender: deposit and reserve is set to unlock soon")
    if funds.reserve == 0:
        raise SenderRefused("no sender reserve")
    if funds.deposit == 0:
        raise SenderRefused("no sender deposit")


def estimated_fee(profiles: Sequence[Profile], seconds: float, price: Fraction) -> Fraction:
    """segment_rpc.go:estimateFee: whole seconds, rounded up; a profile that passes the frame rate through counts as 60."""
    whole = -int(-seconds // 1)
    return sum(profile.pixels * (profile.framerate or UNKNOWN_FRAMERATE) * whole for profile in profiles) * ESTIMATE * price


def tickets_for(credit: Fraction, fee: Fraction, ev: Fraction) -> int:
    """accounting.go:StageUpdate: tickets that bring the credit up to the fee, at the least to one ticket's value."""
    least = max(fee, ev)
    if credit >= least or ev == 0:
        return 0
    wanted = (least - credit) / ev
    return -(-wanted.numerator // wanted.denominator)
