# SPDX-License-Identifier: GPL-3.0-or-later
"""How a gateway on a chain chooses among offers and pays (server/selection.go, selection_algorithm.go, segment_rpc.go, pm/sender.go)."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from . import golog, money, prices
from .ethereum import RPCFailed, checksummed
from .money import Expired, Ticket, TicketRefused
from .node import Node
from .profiles import Profile


@dataclass
class Purse:
    """What one session costs, and what has been paid ahead for it."""

    price: Fraction
    first_price: Fraction
    ticket: Ticket
    recipient: str
    credit: Fraction = Fraction(0)


@dataclass(frozen=True)
class Payment:
    """What goes along with a segment; until it is settled its credit is out of the purse."""

    document: dict[str, Any]
    number: int
    credit: Fraction
    fresh: Fraction


@dataclass
class Payer:
    """The wallet of one gateway; `limits` of the node say that there is one."""

    node: Node

    def choose(self, purses: Sequence[Purse | None], cap: Fraction | None) -> int | None:
        """The place of the offer that is taken; None when all are above the cap, or have no tickets."""
        offers = [(at, purse) for at, purse in enumerate(purses) if purse is not None]
        affordable = self._within_cap(offers, cap)
        if offers and not affordable and self.node.settings.on("ignoreMaxPriceIfNeeded"):
            golog.warning(f"No Orchestrators passed max price filter, not using the filter, numAddrs={len(offers)}")
            affordable = offers
        if not affordable:
            return None
        weights = self._weights([purse for _, purse in affordable])
        return random.choices([at for at, _ in affordable], weights)[0] if sum(weights) else affordable[0][0]

    def choose_first(self, purses: Sequence[Purse | None], cap: Fraction | None) -> int | None:
        """LiveSelectionAlgorithm: the first one within the cap, whatever -ignoreMaxPriceIfNeeded says."""
        affordable = self._within_cap([(at, purse) for at, purse in enumerate(purses) if purse is not None], cap)
        return affordable[0][0] if affordable else None

    def _within_cap(self, offers: list[tuple[int, Purse]], cap: Fraction | None) -> list[tuple[int, Purse]]:
        """Equal to the cap passes; no cap, any price."""
        if cap is None:
            return offers
        kept = []
        for at, purse in offers:
            if purse.price <= cap:
                kept.append((at, purse))
            else:
                above = f"above max price {prices.three_places(cap)}, price={prices.three_places(purse.price)}"
                golog.warning(f"Orchestrator {checksummed(purse.recipient)} is {above}")
        return kept

    def _weights(self, purses: list[Purse]) -> list[float]:
        """selection_algorithm.go:calculateProbabilities"""
        settings = self.node.settings
        factor = settings.fraction("selectPriceExpFactor") or 1.0
        by_price = [math.exp(-float(purse.price) / factor) for purse in purses]
        with self.node.lock:
            stakes = {one.address: one.stake for one in self.node.pool}
        by_stake = [float(stakes.get(purse.recipient.lower(), 0)) for purse in purses]
        shares = (
            (settings.fraction("selectPriceWeight"), _shares(by_price)),
            (settings.fraction("selectStakeWeight"), _shares(by_stake)),
            (settings.fraction("selectRandFreq"), [1 / len(purses)] * len(purses)),
        )
        return [sum(weight * share[at] for weight, share in shares) for at in range(len(purses))]

    def needs_refresh(self, purse: Purse) -> bool:
        """broadcast.go:shouldRefreshSession: expired parameters; raises for tickets that are not sent at all."""
        try:
            self.check(purse.ticket, 1)
        except Expired:
            return True
        return False

    def check(self, offered: Ticket, number: int) -> None:
        """pm/sender.go:validateTicketParams with this gateway's own limits and funds."""
        chain, limits = self.node.chain, self.node.limits
        assert chain is not None and limits is not None
        try:
            funds = chain.funds(chain.account.address)
        except RPCFailed as error:
            raise TicketRefused(str(error)) from error
        money.check_ticket(offered, limits, funds, chain.round, chain.l1_block, number)

    def pay(self, purse: Purse, profiles: Sequence[Profile], seconds: float, context: str) -> Payment:
        """What a segment is estimated to cost; as `pay_fee`."""
        return self.pay_fee(purse, money.estimated_fee(profiles, seconds, purse.price), context)

    def pay_fee(self, purse: Purse, fee: Fraction, context: str) -> Payment:
        """segment_rpc.go:newBalanceUpdate, genPayment; raises what keeps the gateway from it, and leaves the credit then."""
        number = money.tickets_for(purse.credit, fee, purse.ticket.ev)
        try:
            if purse.price > purse.first_price * money.TOLERATED_RISE:
                seen = f"Orchestrator price: {purse.price}, Orchestrator initial price: {purse.first_price}"
                raise TicketRefused(f"Orchestrator price has more than doubled, {seen}")
            if number:
                self.check(purse.ticket, number)
        except TicketRefused as error:
            golog.error(f'{context} Could not create payment err="{error}"')
            self.node.metrics.add("livepeer_payment_create_errors")
            raise
        if number:
            price = prices.three_places(purse.price)
            face = prices.places(Fraction(purse.ticket.face_value, prices.WEI_PER_ETHER), 18).rstrip("0").rstrip(".")
            golog.info(
                f"{context} Created new payment recipient={checksummed(purse.recipient)} faceValue={face} ETH "
                f"price={price} wei/pixel numTickets={number}"
            )
        payment = Payment(self._document(purse, number), number, purse.credit, purse.ticket.ev * number)
        purse.credit = Fraction(0)
        return payment

    def _document(self, purse: Purse, number: int) -> dict[str, Any]:
        paid: dict[str, Any] = {"sender": self.node.identity[0], "price": prices.as_text(purse.price)}
        if number:
            ticket = {
                "face_value": str(purse.ticket.face_value),
                "win_probability": str(purse.ticket.win_probability),
                "expires": purse.ticket.expires,
            }
            paid.update(tickets=number, ticket=ticket)
        return paid

    def sent(self, payment: Payment) -> None:
        """The segment went out, and the tickets with it, whatever comes back."""
        if payment.number:
            self.node.metrics.add("livepeer_ticket_value_sent", float(payment.fresh / money.GWEI))
            self.node.metrics.add("livepeer_tickets_sent", payment.number)

    def settle(self, purse: Purse, payment: Payment, pixels: int) -> None:
        """segment_rpc.go:completeBalanceUpdate after a result: the rest stays in the purse."""
        purse.credit += payment.credit + payment.fresh - pixels * purse.price


def take_back(purse: Purse, payment: Payment) -> None:
    """Nothing was sent: the credit of before is there again."""
    purse.credit += payment.credit


def _shares(values: list[float]) -> list[float]:
    total = sum(values)
    return [value / total if total else 1.0 for value in values]
