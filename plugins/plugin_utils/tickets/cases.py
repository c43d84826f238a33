# SPDX-License-Identifier: GPL-3.0-or-later
"""A price, its payer and the gas that is expected, judged: which of the codes about tickets apply."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts import tickets as facts
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Node
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices import WEI, Rate
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets.deals import Deal, Refusal
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets.payers import Payer, adjusts, job, payer, terms
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets.terms import Terms
from ansible_collections.livepeer.fleet.plugins.plugin_utils.workloads import LIVE_RUNNER, LIVE_VIDEO, VIDEO

UNSENT = "LPF205"
HEADROOM = "LPF209"
FUNDS = "LPF210"
LIMITS = "LPF211"

FOR_WANT_OF_FUNDS = (Refusal.RESERVE, Refusal.DEPOSIT)

AMPLE = 10**30
"""Wei of a share with which nothing is refused: what is refused even so is certain, whatever the reserve."""


@dataclass(frozen=True)
class Case:
    """A deal at the gas prices that are expected.

    Attributes:
        deal: the price and who pays it.
        gas: lowest and highest gas price in wei.
        complete: False where gas, pool size or reserve are not known: reserve and gas are then the best that can be.
    """

    deal: Deal
    gas: tuple[int, int]
    complete: bool

    @cached_property
    def refusals(self) -> tuple[tuple[Refusal, ...], tuple[Refusal, ...]]:
        """All that stands against a payment at the lowest and at the highest gas price."""
        return self.deal.refusals(self.gas[0]), self.deal.refusals(self.gas[1])

    @cached_property
    def highest(self) -> Fraction | None:
        """What is advertised at the highest gas price; None where the payer is refused."""
        return self.deal.advertised(self.gas[1])

    def breaks(self, cap: Fraction | None) -> bool:
        """True if the cap fits the base price and not what it rises to."""
        highest = self.highest
        return self.complete and cap is not None and highest is not None and self.deal.base <= cap < highest

    def codes(self, cap: Fraction | None) -> tuple[str, ...]:
        """Codes that apply."""
        refused = {*self.refusals[0], *self.refusals[1]}
        found = {
            UNSENT: Refusal.PRICE in refused,
            HEADROOM: self.breaks(cap),
            FUNDS: not refused.isdisjoint(FOR_WANT_OF_FUNDS),
            LIMITS: not refused <= {Refusal.PRICE, *FOR_WANT_OF_FUNDS},
        }
        return tuple(code for code, holds in found.items() if holds)


class Cases:
    """The cases of one fleet: what is equal is worked out once, whoever asks for it."""

    def __init__(self) -> None:
        self._payers: dict[tuple[str, str], tuple[Payer, int | None]] = {}
        self._alike: dict[Payer, Payer] = {}
        self._made: dict[tuple[object, ...], Case | None] = {}

    def of(self, gateway: Node, orchestrator: Node | None, price: Rate, kind: str) -> Case | None:
        """The case of one gateway, one orchestrator and a base price; None where tickets play no part, or nothing can be told of them.

        Args:
            orchestrator: None for one outside of the fleet.
            kind: of the workload.
        """
        made = terms(gateway, orchestrator)
        return None if made is None else self.make(gateway, made, price, kind, adjusting=orchestrator is None or adjusts(orchestrator))

    def make(self, gateway: Node, made: Terms, price: Rate, kind: str, *, adjusting: bool) -> Case | None:
        """The same for all orchestrators that make tickets in one way."""
        paying, pixels = self.payer(gateway)
        # By identity: equal payers are one here, equal terms are one everywhere, and both are slow to compare.
        key = (id(paying), id(made), price.amount, price.currency, kind, adjusting, pixels)
        if key not in self._made:
            self._made[key] = make_case(paying, made, price, kind, adjusting=adjusting, pixels=pixels)
        return self._made[key]

    def payer(self, gateway: Node) -> tuple[Payer, int | None]:
        """Who pays for a gateway's jobs, equal ones as one, and pixels of the smallest of them."""
        name = (gateway.host, gateway.name)
        if name not in self._payers:
            paying = payer(gateway)
            self._payers[name] = (self._alike.setdefault(paying, paying), job(gateway))
        return self._payers[name]


def make_case(  # noqa: PLR0913 - that many things decide
    paying: Payer, made: Terms, price: Rate, kind: str, *, adjusting: bool, pixels: int | None
) -> Case | None:
    """The case of a payer and a price; None where tickets play no part."""
    if paying.limits is None or kind == LIVE_RUNNER or (paying.signed and kind != LIVE_VIDEO):
        return None
    share = paying.share
    complete = share is not None and len(paying.gas) > 0
    found = Deal(
        base=price.amount,
        adjusts=adjusting,
        terms=made,
        limits=paying.limits,
        share=share if share is not None and complete else AMPLE,
        deposit=paying.deposit if complete else None,
        signed=paying.signed,
        job=pixels if kind == VIDEO else None,
        ahead=facts.estimate() if kind == VIDEO else Fraction(1),
        in_wei=price.currency == WEI,
    )
    return Case(found, (paying.gas[0], paying.gas[-1]) if complete else (0, 0), complete)


def powers_between(lowest: int, highest: int) -> Iterator[int]:
    """The powers of ten between two gas prices."""
    power = 1
    while power < highest:
        if power > lowest:
            yield power
        power *= 10
