# SPDX-License-Identifier: GPL-3.0-or-later
"""One price at one payer: what it rises to, who refuses it, and how far gas can rise. Exact; cut and divided where go-livepeer does it.

Nothing of a reserve is claimed and no winner is pending (``pm/sendermonitor.go:maxFloat``): a plan cannot know of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from math import ceil, floor

from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts import tickets as facts
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices import LARGEST, SMALLEST, advertised
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets.terms import Limits, Terms


class Refusal(StrEnum):
    """Why a job is not paid, whatever the cap."""

    PRICE = "price"
    RESERVE = "reserve"
    SIGNER = "first_payment"
    FACE_VALUE = "face_value"
    TICKET_EV = "maxTicketEV"
    TOTAL_EV = "maxTotalEV"
    DEPOSIT = "deposit"


class Bound(StrEnum):
    """What ends first when gas rises."""

    NONE = ""
    PRICE = "price"
    CAP = "cap"
    RESERVE = "reserve"
    SIGNER = "first_payment"
    FACE_VALUE = "face_value"
    TICKET_EV = "maxTicketEV"
    TOTAL_EV = "maxTotalEV"
    DEPOSIT = "deposit"


@dataclass(frozen=True)
class GasLimit:
    """The highest gas price at which an edge works.

    Attributes:
        wei: None where there is none: no limit if ``by`` is NONE, else it works at no gas price at all.
        by: what ends there.
    """

    wei: int | None
    by: Bound


@dataclass(frozen=True)
class Deal:
    """One price and all that decides whether it is paid.

    Attributes:
        base: per unit, before any overhead.
        adjusts: whether the orchestrator adjusts it.
        terms: how it makes tickets.
        limits: what the payer takes.
        share: of the payer's reserve, for one orchestrator, in wei.
        deposit: of the payer, in wei; None where nobody said it, so that nothing is refused for it.
        signed: True if a remote signer pays for live video, which charges 60 s at once.
        job: units of the smallest job; None where it cannot be told.
        ahead: factor on the units of a job that are paid before it is done.
        in_wei: False for another currency, whose price is cut only after it was converted: nothing is cut here then.
    """

    base: Fraction
    adjusts: bool
    terms: Terms
    limits: Limits
    share: int
    deposit: int | None = None
    signed: bool = False
    job: int | None = None
    ahead: Fraction = Fraction(1)
    in_wei: bool = True

    def advertised(self, gas: int) -> Fraction | None:
        """What the orchestrator asks of this payer; None where it answers with an error instead.

        The errors: "insufficient sender reserve", and a price that is too large to be sent.
        """
        if self.base == 0:
            return self.base
        overhead = self.terms.overhead(self.share, gas)
        if overhead is None:
            return None
        return advertised(self.base, overhead if self.adjusts else None) if self.in_wei else self.base * (overhead if self.adjusts else 1)

    def refusals(self, gas: int) -> tuple[Refusal, ...]:
        """All that stands against a payment at this gas price, whatever the cap, in the order in which it would come up.

        An orchestrator that names no price is not asked for more. Else a signer counts its tickets
        (``server/remote_signer.go:GenerateLivePayment``) before the sender looks at them (``pm/sender.go:validateTicketParams``).
        """
        if self.base == 0:
            return ()
        price = self.advertised(gas)
        if price is None:
            held = {Refusal.PRICE: self.too_large, Refusal.RESERVE: self.terms.refuses(self.share, gas)}
        elif price == 0:
            return ()
        else:
            held = self._held_against(price, self.terms.face_value(self.share, gas))
        return tuple(refusal for refusal, holds in held.items() if holds)

    @property
    def too_large(self) -> bool:
        """True if the price cannot be sent, whatever gas and reserve are."""
        return self.in_wei and not self.adjusts and advertised(self.base, None) is None

    def _held_against(self, price: Fraction, face: int) -> dict[Refusal, bool]:
        """What a payer may hold against a price and its tickets, and whether it does."""
        value = self.terms.value(face)
        tickets = self.tickets(price, value)
        return {
            Refusal.SIGNER: self.signed and tickets > facts.first_payment_tickets(),
            Refusal.FACE_VALUE: value >= face,
            Refusal.TICKET_EV: value > self.limits.max_ticket_ev,
            Refusal.TOTAL_EV: tickets > self.limits.tickets_at_once(value),
            Refusal.DEPOSIT: self.most_face_value is not None and face > self.most_face_value,
        }

    def tickets(self, price: Fraction, value: Fraction) -> int:
        """Tickets of a payment for the smallest job (``core/accounting.go:StageUpdate``), one at least."""
        units = self._units
        if not self.in_wei:
            return 1
        # The value is a fraction of 256 bits: divided as whole numbers it need not be reduced.
        fee = units * price
        return max(-(-fee.numerator * value.denominator // (fee.denominator * value.numerator)), 1)

    @property
    def _units(self) -> Fraction:
        """Units of the smallest payment; 0 where that cannot be told."""
        return Fraction(facts.first_payment_pixels()) if self.signed else (self.job or 0) * self.ahead

    @property
    def most_face_value(self) -> int | None:
        """The highest face value that the deposit stands for, in wei."""
        return None if self.deposit is None else self.deposit // self.limits.deposit_multiplier

    def covered(self, gas: int) -> int | None:
        """Units that one payment can be for; None where nothing is paid or the price is in another currency."""
        price = self.advertised(gas)
        if not price or not self.in_wei:
            return None
        value = self.terms.value(self.terms.face_value(self.share, gas))
        return floor(self.limits.best_payment(value) / (price * self.ahead))

    def highest_gas(self, cap: Fraction | None) -> GasLimit:
        """The highest gas price at which the price is advertised, under the cap, and its tickets are taken and covered."""
        if self.base == 0:
            return GasLimit(None, Bound.NONE)
        if self.too_large:
            return GasLimit(None, Bound.PRICE)
        limits = [self._by_reserve(), self._by_deposit()]
        # Where the reserve lets no ticket be made, there is none to be judged.
        if limits[0] != GasLimit(None, Bound.RESERVE):
            limits += [self._by_tickets()] if cap is None else [self._by_cap(cap), self._by_tickets()]
        bounding = [limit for limit in limits if limit.by is not Bound.NONE]
        least = min(bounding, key=lambda limit: -1 if limit.wei is None else limit.wei, default=GasLimit(None, Bound.NONE))
        # Where gas costs next to nothing a ticket is worth more again (``Terms.start``).
        return GasLimit(None, Bound.DEPOSIT) if least.wei is not None and not self._covers(least.wei) else least

    def _covers(self, gas: int) -> bool:
        """True if the deposit stands for a ticket."""
        return self.most_face_value is None or self.terms.face_value(self.share, gas) <= self.most_face_value

    def least_share(self, cap: Fraction | None, gas: int) -> int | None:
        """The least share of a reserve with which no gas price up to this one breaks the cap; None if no reserve does it."""
        cost = self.terms.tx_cost(gas)
        least = self.terms.least_face_value(gas)
        room = None if cap is None else self._room(cap)
        if room is not None:
            if not room.holds(Fraction(cost, self.terms.start(gas))):
                return None
            least = max(least, min(room.least_divisor(cost), self.terms.start(gas)))
        return None if self.terms.ceiling(least) < least else least

    def deposit_for(self, gas: int) -> int:
        """Wei that the deposit has to be at least at this gas price."""
        return self.deposit_with(self.share, (gas,))

    def deposit_with(self, share: int, gas: Iterable[int]) -> int:
        """Wei that the deposit has to be at least at each of these gas prices, with another share of a reserve."""
        return max(self.terms.face_value(share, price) for price in gas) * self.limits.deposit_multiplier

    def _room(self, cap: Fraction) -> Room | None:
        """How much overhead the cap leaves; None for any."""
        if not self.adjusts:
            still = advertised(self.base, None) if self.in_wei else self.base
            return Room(Fraction(-1), False) if still is None or still > cap else None
        if not self.in_wei:
            return Room(cap / self.base - 1, True)
        thousandths = floor(cap / SMALLEST)
        if thousandths >= LARGEST:
            return None
        return Room((thousandths + 1) * SMALLEST / self.base - 1, False)

    def _by_tickets(self) -> GasLimit:
        """What a payer takes is as many tickets for a price, whatever the gas price: it ends as a cap of its own."""
        face = self.terms.ceiling(self.share)
        value = self.terms.value(face)
        if value >= face:
            return GasLimit(None, Bound.FACE_VALUE)
        if value > self.limits.max_ticket_ev:
            return GasLimit(None, Bound.TICKET_EV)
        by, most = min(self._most_tickets(value), key=lambda one: one[1])
        if most < 1:
            return GasLimit(None, by)
        units = self._units
        return self._by_cap(most * value / units, by) if units and self.in_wei else GasLimit(None, Bound.NONE)

    def _most_tickets(self, value: Fraction) -> list[tuple[Bound, int]]:
        total = [(Bound.TOTAL_EV, self.limits.tickets_at_once(value))]
        return [(Bound.SIGNER, facts.first_payment_tickets()), *total] if self.signed else total

    def _by_cap(self, cap: Fraction, by: Bound = Bound.CAP) -> GasLimit:
        room = self._room(cap)
        if room is None:
            return GasLimit(None, Bound.NONE)
        if not room.holds(Fraction(0)):
            return GasLimit(None, by)
        expected, gas = self.terms.ticket_ev, self.terms.redeem_gas
        highest = room.most(self.terms.ceiling(self.share)) // gas
        if not room.holds(Fraction(1, facts.tx_cost_multiplier())):
            highest = min(highest, room.most(expected * facts.ev_multiplier()) // gas, (expected - 1) // (gas * facts.tx_cost_multiplier()))
        return self._limit(highest, by)

    def _by_reserve(self) -> GasLimit:
        ceiling = self.terms.ceiling(self.share)
        if ceiling < self.terms.ticket_ev:
            return GasLimit(None, Bound.RESERVE)
        if ceiling >= self.terms.redeem_gas * facts.average_gas_price():
            return GasLimit(None, Bound.NONE)
        return self._limit(ceiling // self.terms.redeem_gas, Bound.RESERVE)

    def _by_deposit(self) -> GasLimit:
        most = self.most_face_value
        if most is None or self.terms.ceiling(self.share) <= most:
            return GasLimit(None, Bound.NONE)
        if most <= self.terms.ticket_ev:
            return GasLimit(None, Bound.DEPOSIT)
        highest = most // (self.terms.redeem_gas * facts.tx_cost_multiplier())
        if self.terms.start(highest) > most:
            return GasLimit(None, Bound.DEPOSIT)
        return self._limit(highest, Bound.DEPOSIT)

    def _limit(self, highest: int, by: Bound) -> GasLimit:
        """A gas price below the least that counts is none at all."""
        return GasLimit(None if highest < self.terms.min_gas_price else highest, by)


@dataclass(frozen=True)
class Room:
    """Overhead that a cap leaves, as a part of the base price.

    Attributes:
        part: 0.2 for 20 %; below 0 where not even the base price fits.
        reached: whether exactly so much still fits.
    """

    part: Fraction
    reached: bool

    def holds(self, part: Fraction) -> bool:
        """True if this overhead fits."""
        return part < self.part or (self.reached and part == self.part)

    def most(self, divisor: int) -> int:
        """The highest cost that, divided by this face value, fits."""
        exact = self.part * divisor
        return floor(exact) if self.reached else ceil(exact) - 1

    def least_divisor(self, cost: int) -> int:
        """The least face value by which this cost can be divided and fits; where the cost is not 0, the part is above 0."""
        if cost == 0:
            return 0
        exact = cost / self.part
        return ceil(exact) if self.reached else floor(exact) + 1
