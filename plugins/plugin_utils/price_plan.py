# SPDX-License-Identifier: GPL-3.0-or-later
"""Price plan: what each gateway may be asked, by workload, and the figures that follow from gas, reserve and deposit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from ansible_collections.livepeer.fleet.plugins.plugin_utils.edges import Edge, End, Payable
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Node, Role
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.settings import gateway_settings
from ansible_collections.livepeer.fleet.plugins.plugin_utils.payments import paying
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan_json import end_name
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices import WEI_PER_ETH, Rate
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets.cases import Cases
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets.figures import Figures, Sale, work_out
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets.payers import Payer, adjusts, terms
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets.terms import Terms
from ansible_collections.livepeer.fleet.plugins.plugin_utils.workloads import Workload


@dataclass(frozen=True)
class Purchase:
    """What gateways with equal purses may be asked for one workload.

    Attributes:
        gateways: at least one; the first speaks for all.
        payer: with what they pay.
        workload: for what.
        currency, unit: of the prices.
        sales: every price with its cap, at least one.
        if_selected: True with on-chain discovery, where the gateways may take others instead.
    """

    gateways: tuple[Node, ...]
    payer: Payer
    workload: Workload
    currency: str
    unit: str
    sales: tuple[Sale, ...]
    if_selected: bool

    @property
    def gateway(self) -> Node:
        """The one that speaks for all."""
        return self.gateways[0]

    @property
    def account(self) -> Node:
        """The node whose reserve and deposit count: of the gateways, or a signer of the fleet."""
        return paying(self.gateway)

    @property
    def outside(self) -> bool:
        """True if somebody pays who is no node of the fleet."""
        return self.payer.signed and self.account is self.gateway

    @property
    def accounts(self) -> tuple[Node, ...]:
        """All nodes of which the same is to be said as of the account."""
        return self.gateways if self.account is self.gateway else (self.account,)

    @cached_property
    def figures(self) -> Figures:
        """What follows for the gateways."""
        return _figures(self)


def _figures(found: Purchase) -> Figures:
    bases = [sale.case.deal.base for sale in found.sales]
    caps = [sale.cap for sale in found.sales if sale.cap is not None]
    stated = Figures(
        gateways=tuple(end_name(End(node.host, node.name), Role.GATEWAY) for node in found.gateways),
        workload=found.workload,
        currency=found.currency,
        unit=found.unit,
        orchestrators=sum(len(sale.orchestrators) for sale in found.sales),
        base_lowest=min(bases),
        base_highest=max(bases),
        cap=min(caps, default=None),
        gas_gwei=tuple(map(Fraction, found.account.expected_gas_gwei)),
        pool_size=found.payer.pool,
        reserve_eth=_eth(found.payer.reserve),
        deposit_eth=_eth(found.payer.deposit),
        signer=gateway_settings(found.gateway).remote_signer.name if found.payer.signed else "",
        lacks=found.payer.lacks if any(sale.case.deal.base for sale in found.sales) else (),
    )
    return work_out(stated, found.payer, found.sales)


def _eth(wei: int | None) -> Fraction | None:
    return None if wei is None else Fraction(wei, WEI_PER_ETH)


def purchases(found: Iterable[Edge], by_name: Mapping[tuple[str, str], Node], cases: Cases) -> Iterator[Purchase]:
    """Every purchase of some edges that tickets play a part in, in the order of the edges.

    Args:
        by_name: nodes by inventory host and node name.
        cases: those of the fleet.
    """
    groups: dict[tuple[tuple[End, ...], Workload, str], list[Edge]] = {}
    for edge in found:
        if edge.payable in (Payable.PAID, Payable.UNKNOWN) and edge.price is not None:
            groups.setdefault((edge.gateways, edge.workload, edge.currency), []).append(edge)
    made = _Terms(by_name, cases)
    for (gateways, workload, currency), edges in groups.items():
        for alike, purse in _by_purse((by_name[end.host, end.node] for end in gateways), cases):
            sales = tuple(sale for edge in edges for sale in made.sales(alike[0], edge))
            if sales:
                yield Purchase(alike, purse, workload, currency, edges[0].unit, sales, edges[0].if_selected)


def _by_purse(gateways: Iterable[Node], cases: Cases) -> Iterator[tuple[tuple[Node, ...], Payer]]:
    """Gateways that differ by nothing that tickets hang on."""
    alike: dict[tuple[Payer, str, int | None], list[Node]] = {}
    for node in gateways:
        purse, pixels = cases.payer(node)
        alike.setdefault((purse, node.network, pixels), []).append(node)
    return ((tuple(nodes), key[0]) for key, nodes in alike.items())


class _Terms:
    """The sales of edges: their orchestrators by how they make tickets, which many gateways ask about."""

    def __init__(self, by_name: Mapping[tuple[str, str], Node], cases: Cases) -> None:
        self.by_name = by_name
        self.cases = cases
        self.known: dict[tuple[tuple[End, ...], str], dict[tuple[Terms | None, bool], list[End]]] = {}

    def sales(self, gateway: Node, edge: Edge) -> Iterator[Sale]:
        """What one edge asks of one payer; nothing where that cannot be told."""
        if edge.price is None:
            return
        rate = Rate(edge.price, edge.currency)
        for (made, adjusting), ends in self._alike(gateway, edge).items():
            found = None if made is None else self.cases.make(gateway, made, rate, edge.workload.kind, adjusting=adjusting)
            if found is not None:
                yield Sale(tuple(end.host for end in ends), found, edge.cap, self.by_name.get((ends[0].host, ends[0].node)))

    def _alike(self, gateway: Node, edge: Edge) -> dict[tuple[Terms | None, bool], list[End]]:
        key = (edge.orchestrators, gateway.network)
        if key not in self.known:
            groups: dict[tuple[Terms | None, bool], list[End]] = {}
            for end in edge.orchestrators:
                node = self.by_name.get((end.host, end.node))
                groups.setdefault((terms(gateway, node), node is None or adjusts(node)), []).append(end)
            self.known[key] = groups
        return self.known[key]
