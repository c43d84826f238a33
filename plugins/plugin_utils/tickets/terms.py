# SPDX-License-Identifier: GPL-3.0-or-later
"""What a ticket is worth and what a payer takes, by the flags of both ends. Amounts are whole wei, as on the chain."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, lru_cache, partial
from math import floor

from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts import tickets as facts
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.extras import fits, go_int
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices import WEI_PER_ETH

WEI_PER_GWEI = 10**9

CERTAIN = 2**256 - 1
"""Win probability of a ticket that always wins (``pm/recipient.go:maxWinProb``)."""

OF_ORCHESTRATORS = ("ticketEV", "maxFaceValue", "minGasPrice")
OF_PAYERS = ("maxTicketEV", "maxTotalEV", "depositMultiplier")
"""Flags about tickets, by who has them."""

WHOLE = "a whole number of wei"
ENDS = "go-livepeer ends at the start"
PANICS = "go-livepeer panics at the start"

_WHOLE = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?|(?:0|[1-9][0-9]*)/[1-9][0-9]*)")


class TicketError(ValueError):
    """A flag about tickets with which nothing is paid. The text is for an operator.

    Attributes:
        flag: its name.
        got: its text.
        effect: what go-livepeer does with it.
        wanted: what to write instead.
    """

    def __init__(self, flag: str, got: str, effect: str, wanted: str) -> None:
        super().__init__(f'{flag} is "{got}": {effect}; write {wanted}')
        self.flag, self.got, self.effect, self.wanted = flag, got, effect, wanted


@dataclass(frozen=True)
class Terms:
    """How an orchestrator makes its tickets.

    Attributes:
        redeem_gas: gas that it reckons for one redemption.
        min_gas_price: wei that the gas price counts at least.
        ticket_ev: expected value of a ticket in wei.
        max_face_value: most that a ticket is worth when it wins, in wei; 0 for no limit.
    """

    redeem_gas: int
    min_gas_price: int
    ticket_ev: int
    max_face_value: int

    @classmethod
    def read(cls, network: str, flags: Mapping[str, str]) -> Terms:
        """The terms on a network with these flags.

        Raises:
            TicketError: nothing is paid with one of them.
        """
        return _terms(network, *(flags.get(name, "") for name in OF_ORCHESTRATORS))

    def tx_cost(self, gas: int) -> int:
        """Wei that a redemption costs (``pm/recipient.go:txCost``)."""
        return self.redeem_gas * max(gas, self.min_gas_price)

    def start(self, gas: int) -> int:
        """Face value that a payer with any reserve gets (``pm/recipient.go:faceValue``)."""
        wished = self.tx_cost(gas) * facts.tx_cost_multiplier()
        return self.ticket_ev * facts.ev_multiplier() if wished < self.ticket_ev else wished

    def ceiling(self, share: int) -> int:
        """The most that the face value can be, for a payer with this share of a reserve."""
        return min(share, self.max_face_value) if self.max_face_value else share

    def face_value(self, share: int, gas: int) -> int:
        """What a ticket is worth when it wins, be it refused or not."""
        return min(self.start(gas), self.ceiling(share))

    def least_face_value(self, gas: int) -> int:
        """The least face value that neither the orchestrator nor the payer refuses at this gas price."""
        return max(self.ticket_ev + 1, min(self.tx_cost(gas), self.redeem_gas * facts.average_gas_price()))

    def refuses(self, share: int, gas: int) -> bool:
        """True for "insufficient sender reserve" (``pm/recipient.go:faceValue``)."""
        face = self.face_value(share, gas)
        redemption = min(self.tx_cost(gas), self.redeem_gas * facts.average_gas_price())
        return face < self.ticket_ev or face < redemption

    @lru_cache(maxsize=4096)  # noqa: B019 - terms are few and small, and many prices are worked out with the same ones
    def overhead(self, share: int, gas: int) -> Fraction | None:
        """Factor on a price that is adjusted (``core/orchestrator.go:priceInfo``); None where the payer is refused."""
        if self.refuses(share, gas):
            return None
        return 1 + Fraction(self.tx_cost(gas), self.face_value(share, gas))

    @lru_cache(maxsize=4096)  # noqa: B019 - the same
    def value(self, face: int) -> Fraction:
        """Expected value of a ticket as a payer reckons it: a hair above ``ticket_ev``, because the probability is rounded up.

        ``pm/recipient.go:winProb``, whose test for a remainder looks at 64 bits only, and ``pm/ticket.go:ticketEV``.
        """
        if face == self.ticket_ev:
            return Fraction(face)
        each, remainder = divmod(CERTAIN, face)
        return Fraction(face * self.ticket_ev * (each + (1 if remainder % 2**64 else 0)), CERTAIN)


@dataclass(frozen=True)
class Limits:
    """What a payer takes.

    Attributes:
        max_ticket_ev, max_total_ev: most expected value of one ticket and of one payment, in wei.
        deposit_multiplier: times the face value that the deposit has to be.
    """

    max_ticket_ev: Fraction
    max_total_ev: Fraction
    deposit_multiplier: int

    @classmethod
    def read(cls, flags: Mapping[str, str]) -> Limits:
        """The limits with these flags.

        Raises:
            TicketError: nothing is paid with one of them.
        """
        return _limits(*(flags.get(name, "") for name in OF_PAYERS))

    @lru_cache(maxsize=4096)  # noqa: B019 - limits are few and small
    def tickets_at_once(self, value: Fraction) -> int:
        """The most tickets of this value in one payment."""
        return floor(self.max_total_ev / value)

    def best_payment(self, value: Fraction) -> Fraction:
        """Wei that one payment is at most, of tickets of this value."""
        return value * self.tickets_at_once(value)


def share_of(reserve: int, pool: int) -> int:
    """What each orchestrator of the active pool can count on of a reserve, in wei (``pm/sendermonitor.go:reserveAlloc``)."""
    return reserve // pool


@cache
def gas_wei(gwei: str | Fraction) -> int:
    """A gas price in whole wei, as ``eth_gasPrice`` gives it."""
    return floor(Fraction(gwei) * WEI_PER_GWEI)


@cache
def eth_wei(eth: str | Fraction) -> int:
    """An amount of ETH in whole wei."""
    return floor(Fraction(eth) * WEI_PER_ETH)


def faults(names: Iterable[str], flags: Mapping[str, str]) -> Iterator[TicketError]:
    """What is wrong with each of these flags by itself."""
    for name in names:
        try:
            _READERS[name](flags.get(name, ""))
        except TicketError as error:
            yield error


@cache
def _terms(network: str, ticket_ev: str, max_face_value: str, min_gas_price: str) -> Terms:
    least = _min_gas_price(min_gas_price) if min_gas_price else facts.min_gas_price(network)
    return Terms(facts.redeem_gas(network), max(least, 0), _ticket_ev(ticket_ev), max(_max_face_value(max_face_value), 0))


@cache
def _limits(max_ticket_ev: str, max_total_ev: str, deposit_multiplier: str) -> Limits:
    return Limits(_number("maxTicketEV", max_ticket_ev), _number("maxTotalEV", max_total_ev), _deposit_multiplier(deposit_multiplier))


def _ticket_ev(text: str) -> int:
    """``starter.go:StartLivepeer`` lets 0 pass; then no payment has a ticket (``core/accounting.go:StageUpdate``)."""
    expected = _whole("ticketEV", text, ENDS, f"{WHOLE} above 0")
    if expected < 0:
        raise TicketError("ticketEV", text, ENDS, f"{WHOLE} above 0")
    if expected == 0:
        raise TicketError("ticketEV", text, "its tickets are worth nothing, so that none is ever sent", f"{WHOLE} above 0")
    return expected


def _max_face_value(text: str) -> int:
    return _whole("maxFaceValue", text, PANICS, WHOLE)


def _min_gas_price(text: str) -> int:
    """Go's ``flag`` reads it, and with it the notations of Go."""
    if not fits("int64", text or "0"):
        raise TicketError("minGasPrice", text, ENDS, WHOLE)
    return go_int(text or "0")


def _deposit_multiplier(text: str) -> int:
    """The same; 0 and less are refused by ``starter.go:StartLivepeer``."""
    text = text or facts.default("depositMultiplier")
    if not fits("int", text):
        raise TicketError("depositMultiplier", text, ENDS, "a whole number above 0")
    multiplier = go_int(text)
    if multiplier <= 0:
        raise TicketError("depositMultiplier", text, PANICS, "a whole number above 0")
    return multiplier


def _whole(name: str, text: str, effect: str, wanted: str) -> int:
    """The whole number of a flag, or go-livepeer's default where it is not set (``big.Int.SetString`` with base 10)."""
    text = text or facts.default(name)
    if _WHOLE.fullmatch(text) is None:
        raise TicketError(name, text, effect, wanted)
    return int(text)


def _number(name: str, text: str) -> Fraction:
    """The same of a rational number; those that Go reads in other bases are not taken here (``big.Rat.SetString``)."""
    text = text or facts.default(name)
    wanted = "a number of wei, not below 0, in decimal digits"
    if _NUMBER.fullmatch(text) is None or Fraction(text) < 0:
        raise TicketError(name, text, PANICS, wanted)
    return Fraction(text)


_READERS: Mapping[str, Callable[[str], object]] = {
    "ticketEV": _ticket_ev,
    "maxFaceValue": _max_face_value,
    "minGasPrice": _min_gas_price,
    "maxTicketEV": partial(_number, "maxTicketEV"),
    "maxTotalEV": partial(_number, "maxTotalEV"),
    "depositMultiplier": _deposit_multiplier,
}
