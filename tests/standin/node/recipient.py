# SPDX-License-Identifier: GPL-3.0-or-later
"""What an orchestrator asks for its work, and what it takes for it (core/orchestrator.go, pm/recipient.go)."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from . import golog, money, prices
from .ethereum import NO_ADDRESS, checksummed
from .money import Terms, Ticket
from .node import Node
from .onchain import Chain

Capability = tuple[str, str]
"""Pipeline and model, as in `Node.model_prices`."""


class PaymentRefused(Exception):
    """Answered with status 400."""


@dataclass
class Account:
    """One gateway's session: what it has paid and not used yet, and the price that the first payment fixed."""

    credit: Fraction = Fraction(0)
    price: Fraction | None = None


@dataclass
class Recipient:
    """The till of one orchestrator; off-chain it offers no price and takes nothing."""

    node: Node
    _accounts: dict[tuple[str, str], Account] = field(default_factory=dict)
    _senders: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def offer(self, sender: str, session: str, capabilities: Sequence[Capability] | None) -> dict[str, Any]:
        """Price and ticket parameters for this gateway; raises InsufficientReserve, or RPCFailed for one never seen.

        None for the capabilities is what a segment's answer has: the session's price, which is measured as well.
        """
        chain, terms = self.node.chain, self.node.terms
        if chain is None or terms is None:
            return {"price": None, "ticket": None}
        price = self._price(chain, terms, sender, session, capabilities)
        if capabilities is None:
            self.node.metrics.set("livepeer_transcoding_price", float(price))
        return self._offer(chain, terms, sender, money.on_wire(price))

    def offer_at(self, sender: str, price: Fraction) -> dict[str, Any]:
        """The same for a price that is settled, such as a live runner's."""
        chain, terms = self.node.chain, self.node.terms
        assert chain is not None and terms is not None
        return self._offer(chain, terms, sender, price)

    def _offer(self, chain: Chain, terms: Terms, sender: str, price: Fraction) -> dict[str, Any]:
        most = self._max_float(chain, sender) if price > 0 else 0
        offered = money.ticket(terms, price, chain.gas_price, most, chain.l1_block)
        if price > 0:
            labels = {"sender": checksummed(sender)}
            self.node.metrics.set("livepeer_gateway_max_float", most / money.GWEI, **labels)
            self.node.metrics.set("livepeer_gateway_ticket_face_value", offered.face_value / money.GWEI, **labels)
        return {"price": prices.as_text(price), "ticket": _as_json(offered, chain)}

    def _price(self, chain: Chain, terms: Terms, sender: str, session: str, capabilities: Sequence[Capability] | None) -> Fraction:
        with self._lock:
            fixed = self._accounts.get((sender.lower(), session))
        if fixed is not None and fixed.price is not None:
            return fixed.price
        base = self.base_price(sender, capabilities or ())
        if not self.node.settings.on("autoAdjustPrice"):
            return base
        most = self._max_float(chain, sender) if base > 0 else 0
        return money.advertised(base, terms, chain.gas_price, most)

    def base_price(self, sender: str, capabilities: Sequence[Capability]) -> Fraction:
        """The sum of what the models cost; video's price where that is nothing."""
        who = sender.lower()
        with self.node.lock:
            video = self.node.prices.get(who, self.node.prices.get("default", Fraction(0)))
            models = self.node.model_prices
            priced = [models.get((who, *one), models.get(("default", *one), Fraction(0))) for one in capabilities]
        return sum(priced, Fraction(0)) or video

    def _max_float(self, chain: Chain, sender: str) -> int:
        return money.max_float(chain.funds(sender), chain.pool_size, chain.claimed_by(chain.recipient, sender))

    def receive(self, payment: dict[str, Any], sender: str, session: str) -> None:
        """orchestrator.go:ProcessPayment; no tickets mean that the price is 0."""
        chain = self.node.chain
        if chain is None:
            return
        with self._lock:
            account = self._accounts.setdefault((sender.lower(), session), Account())
        if not payment.get("ticket"):
            self._fix(account, sender, session, Fraction(0))
            return
        _check_active(chain)
        self._fix(account, sender, session, Fraction(payment["price"]))
        offered, number = ticket_of(payment["ticket"]), int(payment["tickets"])
        _check_sender(chain, sender)
        if offered.expires <= chain.l1_block:
            raise PaymentRefused("ticket params expired")
        total = offered.ev * number
        with self._lock:
            account.credit += total
            self._senders.add(sender.lower())
        golog.info(f"Payment tickets processed sessionID={session} totalTickets={number} totalEV={prices.places(total, 2)}")
        self.node.metrics.add("livepeer_ticket_value_recv", float(total / money.GWEI))
        self.node.metrics.add("livepeer_tickets_recv", number)

    def _fix(self, account: Account, sender: str, session: str, price: Fraction) -> None:
        """accounting.go:SetFixedPrice, which forgets the price of a gateway that has never had a balance here."""
        if account.price is not None:
            return
        golog.verbose(6, f"Setting fixed price={price} for session={session}")
        if sender.lower() in self._senders:
            account.price = price

    def is_sufficient(self, sender: str, session: str) -> bool:
        """orchestrator.go:SufficientBalance: at the least one ticket's value."""
        terms = self.node.terms
        with self._lock:
            account = self._accounts.get((sender.lower(), session))
        return terms is None or (account is not None and account.credit >= terms.ev)

    def credit(self, sender: str, session: str) -> Fraction:
        """orchestrator.go:Balance"""
        with self._lock:
            account = self._accounts.get((sender.lower(), session))
        return account.credit if account is not None else Fraction(0)

    def debit(self, sender: str, session: str, price: Fraction, pixels: int) -> None:
        """orchestrator.go:DebitFees"""
        with self._lock:
            self._senders.add(sender.lower())
            self._accounts.setdefault((sender.lower(), session), Account()).credit -= price * pixels


def _as_json(offered: Ticket, chain: Chain) -> dict[str, Any]:
    return {
        "recipient": chain.recipient,
        "face_value": str(offered.face_value),
        "win_probability": str(offered.win_probability),
        "expires": offered.expires,
    }


def ticket_of(document: dict[str, Any]) -> Ticket:
    """Ticket parameters as `Recipient.offer` sends them."""
    return Ticket(int(document["face_value"]), int(document["win_probability"]), int(document["expires"]))


def _check_active(chain: Chain) -> None:
    """orchestrator.go:isActive: as the database has it, which the start wrote."""
    if not chain.active_from <= chain.round < chain.active_until:
        shown = checksummed(chain.recipient)
        raise PaymentRefused(f"orchestrator {shown} is inactive in round {chain.round}, cannot process payments")


def _check_sender(chain: Chain, sender: str) -> None:
    """sendermonitor.go:ValidateSender"""
    if sender == NO_ADDRESS:
        raise PaymentRefused("Could not find Sender for payment")
    unlocks = chain.funds(sender).withdraw_round
    if unlocks != 0 and unlocks <= chain.round + 1:
        raise PaymentRefused(f"deposit and reserve for sender {checksummed(sender)} is set to unlock soon")
