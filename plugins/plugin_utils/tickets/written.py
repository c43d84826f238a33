# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures from values that somebody wrote in YAML or Jinja: what the filter ``price_plan`` calls."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction

from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import OFFCHAIN
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.networks import KNOWN
from ansible_collections.livepeer.fleet.plugins.plugin_utils.nearest import nearest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices import PriceError, Rate, decimal_text, plain_decimal, rate
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices.written import written_amount, written_offers
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets.cases import make_case
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets.figures import Figures, Sale, to_dict, work_out
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets.payers import Payer
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets.terms import (
    OF_ORCHESTRATORS,
    OF_PAYERS,
    Limits,
    Terms,
    TicketError,
    eth_wei,
    gas_wei,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.workloads import AI, LIVE_VIDEO, VIDEO, Workload

KINDS = (VIDEO, AI, LIVE_VIDEO)
FLAGS = (*OF_ORCHESTRATORS, *OF_PAYERS)
OF_A_FLEET = ("gateways", "pipeline", "model_id", "unit", "orchestrators", "lacks")
"""Figures that only a fleet has."""

_EXACT = re.compile(r"-?[0-9]+(?:/[0-9]+)?")


def price_plan(  # noqa: PLR0913 - the filter's options
    price: object,
    *,
    gas_gwei: object,
    reserve_eth: object,
    deposit_eth: object = None,
    pool_size: object = 100,
    cap: object = None,
    network: str = "arbitrum-one-mainnet",
    pixels_per_unit: object = 1,
    adjusting: bool = True,
    remote_signer: bool = False,
    workload: str = VIDEO,
    flags: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """What gas makes of a price or several at one payer; the figures of ``plan.json``, amounts as exact decimal text where there is one.

    Args:
        price: an amount for ``pixels_per_unit`` units, or a list of amounts or of dictionaries, as ``enforce_headroom`` takes them.
        gas_gwei: one amount, or the lowest and the highest.
        reserve_eth, deposit_eth: of the payer; no deposit is looked at where it is None.
        pool_size: orchestrators that share the reserve.
        cap: for ``pixels_per_unit`` units; None for none.
        network: its name, which decides the gas of a redemption.
        adjusting: whether the orchestrators of bare amounts adjust them.
        remote_signer: whether a remote signer pays.
        workload: ``video``, ``ai`` or ``live_video``.
        flags: of gateway and orchestrator, by go-livepeer's names, where they differ from its defaults.

    Raises:
        PriceError: a value that cannot be read. The text names it.
    """
    if workload not in KINDS:
        raise PriceError(f'there is no workload "{workload}" that tickets are paid for; write one of {", ".join(KINDS)}')
    if price in ([], ()):
        raise PriceError("there is no price in the list; write one at least")
    _known(network)
    prices = [(Rate(offer.price, currency), offer.adjusts) for offer, currency in written_offers(price, adjusting, pixels_per_unit)]
    limit = None if cap is None else rate(written_amount(cap, "the cap"), written_amount(pixels_per_unit, "pixels_per_unit"))
    currency = _one_currency([*(value for value, _adjusts in prices), *([limit] if limit else [])])
    if limit is not None and limit.amount == 0:
        raise PriceError(f'a cap of "{cap}" means any price; leave it out')
    gas = _gas(gas_gwei)
    funds = _amount(reserve_eth, "reserve_eth"), None if deposit_eth is None else _amount(deposit_eth, "deposit_eth")
    pool = _pool(pool_size)
    stated = Figures(
        gateways=(),
        workload=Workload(workload),
        currency=currency,
        unit="",
        orchestrators=0,
        base_lowest=min(value.amount for value, _adjusts in prices),
        base_highest=max(value.amount for value, _adjusts in prices),
        cap=limit.amount if limit else None,
        gas_gwei=gas,
        pool_size=pool,
        reserve_eth=funds[0],
        deposit_eth=funds[1],
        lacks=(),
    )
    try:
        terms, limits = _terms(network, flags or {})
        wei = eth_wei(funds[0]), None if funds[1] is None else eth_wei(funds[1])
        paying = Payer(tuple(map(gas_wei, gas)), pool, wei[0], wei[1], limits, remote_signer, ())
        sales = tuple(_sale(paying, terms, one, workload, stated.cap) for one in prices)
        figures = to_dict(work_out(stated, paying, sales))
    except TicketError as error:
        raise PriceError(str(error)) from error
    return {key: _readable(value) for key, value in figures.items() if key not in OF_A_FLEET}


def _sale(paying: Payer, terms: Terms, price: tuple[Rate, bool], workload: str, cap: Fraction | None) -> Sale:
    found = make_case(paying, terms, price[0], workload, adjusting=price[1], pixels=None)
    if found is None:
        raise PriceError(f"a remote signer pays for live video only; write workload='{LIVE_VIDEO}' instead of '{workload}'")
    if found.deal.too_large:
        raise PriceError("the price is too large to be sent: an orchestrator that does not adjust it answers with an error")
    return Sale((), found, cap)


def _known(network: str) -> None:
    if network == OFFCHAIN:
        raise PriceError("off-chain nothing is paid, so that there is nothing to work out")
    if network not in KNOWN:
        best = nearest(network, set(KNOWN) - {OFFCHAIN}) or ", ".join(one for one in KNOWN if one != OFFCHAIN)
        raise PriceError(f'go-livepeer knows no network "{network}"; write {best}, or rinkeby for one of your own, it is reckoned alike')


def _one_currency(amounts: list[Rate]) -> str:
    currencies = sorted({one.currency for one in amounts})
    if len(currencies) > 1:
        raise PriceError(f"prices and cap are in different currencies ({', '.join(currencies)}); write all of them in one")
    return currencies[0]


def _terms(network: str, flags: Mapping[str, object]) -> tuple[Terms, Limits]:
    unknown = sorted(set(map(str, flags)) - set(FLAGS))
    if unknown:
        raise PriceError(f"flags has no {', '.join(unknown)}; it takes {', '.join(FLAGS)}")
    texts = {name: written_amount(value, name) for name, value in flags.items()}
    return Terms.read(network, texts), Limits.read(texts)


def _gas(value: object) -> tuple[Fraction, ...]:
    items = list(value) if isinstance(value, list | tuple) else [value, value]
    amounts = [_amount(item, "gas_gwei") for item in items]
    if len(amounts) != 2 or amounts[0] > amounts[1]:
        raise PriceError("gas_gwei is one amount, or a list of the lowest and the highest, such as ['0.05', '2']")
    return tuple(amounts)


def _pool(value: object) -> int:
    size = _amount(value, "pool_size")
    if size.denominator != 1 or size == 0:
        raise PriceError(f"pool_size is {written_amount(value, 'pool_size')}; write a whole number above 0")
    return size.numerator


def _amount(value: object, what: str) -> Fraction:
    text = written_amount(value, what)
    number = plain_decimal(text)
    if number is None:
        raise PriceError(f'{what} is "{text}"; write a whole number, or one with a decimal point in quotes, such as "0.36"')
    return number


def _readable(value: object) -> object:
    """Amounts as decimal text where they have one."""
    if isinstance(value, Mapping):
        return {key: _readable(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_readable(one) for one in value]
    return readable(Fraction(value)) if isinstance(value, str) and _EXACT.fullmatch(value) else value


def readable(amount: Fraction) -> str:
    """An exact amount as decimal text, or as a fraction where it has none."""
    text = decimal_text(abs(amount))
    return str(amount) if text is None else f"{'-' if amount < 0 else ''}{text}"
