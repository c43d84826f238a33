# SPDX-License-Identifier: GPL-3.0-or-later
"""Every amount of a node as it is written, and which of them are refused (LPF205) though go-livepeer reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from ansible_collections.livepeer.fleet.plugins.plugin_utils.caps import ANY, AUTO, CAPABILITY_CAPS, TAKES_FLAG
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.pipelines import unit
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import ExchangeRate, GatewaySettings, Node, Role
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.settings import gateway_settings, orchestrator_settings, payer_settings
from ansible_collections.livepeer.fleet.plugins.plugin_utils.payments import pays, signs
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices import WEI, Place, Rate, implausible, in_wei, least_worth, read
from ansible_collections.livepeer.fleet.plugins.plugin_utils.workloads import VIDEO, Workload


@dataclass(frozen=True)
class Written:
    """One amount of a node, with the units that it is for.

    Attributes:
        node: whose.
        price, pixels: where each is written, its text, and how it is read there.
        currency: text of a key of its own, "" where there is none.
        unit: what it is for, ``video`` or a unit of the facts.
        adjusts: whether what is advertised is cut to thousandths; None for a cap, which is not advertised.
        foreign: True for the price of an orchestrator outside of the fleet.
    """

    node: Node
    price: tuple[str, str, Place]
    pixels: tuple[str, str, Place]
    currency: str = ""
    unit: str = VIDEO
    adjusts: bool | None = None
    foreign: bool = False

    @property
    def in_currency(self) -> bool:
        """True if it is written in a currency, ETH among them."""
        price = read(self.price[2], self.price[1]).price
        written = self.currency or (price.currency if price else "")
        return written.lower() not in ("", WEI)

    @property
    def rate(self) -> Rate | None:
        """The amount per unit; None where it, or the units, are findings of their own."""
        (_where, text, place), (_variable, count, units) = self.price, self.pixels
        price, pixels = read(place, text), read(units, count).amount
        if price.amount is None or price.price is None or not pixels:
            return None
        return replace(price.price, currency=self.currency or price.price.currency, pixels=pixels).rate


def written(node: Node) -> Iterator[Written]:
    """Every amount of a node that go-livepeer reads; one that is not there is a finding of the parser, or of LPF203."""
    if node.role is Role.ORCHESTRATOR:
        yield from _of_orchestrator(node)
    elif pays(node) or node.role is Role.REMOTE_SIGNER:
        yield from _of_payer(node)
    elif (
        signs(node)
        and not gateway_settings(node).remote_signer.node
        and gateway_settings(node).remote_signer.max_price_per_unit not in ("", ANY)
    ):
        signer, variable = gateway_settings(node).remote_signer, node.sources["remote_signer"].variable
        price = (f"{variable}.max_price_per_unit", signer.max_price_per_unit, Place.CAP)
        yield Written(node, price, (f"{variable}.pixels_per_unit", signer.pixels_per_unit, Place.PIXELS))


def _of_orchestrator(node: Node) -> Iterator[Written]:
    settings = orchestrator_settings(node)
    adjusts = settings.adjusts
    pixels = (node.sources["pixels_per_unit"].variable, settings.pixels_per_unit, Place.PIXELS)
    if node.onchain:
        price = (node.sources["price_per_unit"].variable, settings.price_per_unit, Place.PRICE)
        yield Written(node, price, pixels, adjusts=adjusts)
        own = node.sources["price_per_gateway"].variable
        for place, entry in enumerate(settings.price_per_gateway):
            price = (f"{own}[{place}].priceperunit", _text(entry, "priceperunit"), Place.GATEWAY_PRICE)
            units = (f"{own}[{place}].pixelsperunit", _text(entry, "pixelsperunit"), Place.GATEWAY_PIXELS)
            yield Written(node, price, units, _text(entry, "currency"), adjusts=adjusts)
    models = node.sources["ai_models"].variable
    for place, model in enumerate(settings.ai_models):
        if {"price_per_unit", "pixels_per_unit"} & set(model):
            price = (f"{models}[{place}].price_per_unit", _text(model, "price_per_unit"), Place.MODEL_PRICE)
            own_units = (f"{models}[{place}].pixels_per_unit", _text(model, "pixels_per_unit"), Place.MODEL_PIXELS)
            workload = Workload.of_model(_text(model, "pipeline"), _text(model, "model_id"))
            yield Written(node, price, own_units if own_units[1] else pixels, _text(model, "currency"), unit(workload), adjusts)


def _of_payer(node: Node) -> Iterator[Written]:
    settings = payer_settings(node)
    pixels = (node.sources["pixels_per_unit"].variable, settings.pixels_per_unit, Place.PIXELS)
    cap = "" if settings.max_price_per_unit in (AUTO, ANY) else settings.max_price_per_unit
    yield Written(node, (node.sources["max_price_per_unit"].variable, cap, Place.CAP), pixels)
    caps, variable = settings.max_price_per_capability, node.sources[CAPABILITY_CAPS].variable
    for place, entry in enumerate(() if isinstance(caps, str) else caps):
        text = "" if _text(entry, "price_per_unit") in (AUTO, ANY) else _text(entry, "price_per_unit")
        own_units = (f"{variable}[{place}].pixels_per_unit", _text(entry, "pixels_per_unit"), Place.CAPABILITY_PIXELS)
        price = (f"{variable}[{place}].price_per_unit", text, Place.CAPABILITY_CAP)
        workload = Workload.of_model(_text(entry, "pipeline"), _text(entry, "model_id"))
        yield Written(node, price, own_units if own_units[1] else pixels, _text(entry, "currency"), unit(workload))
    listed = settings.orch_addr if isinstance(settings, GatewaySettings) else ()
    known = node.sources["orch_addr"].variable if listed else ""
    for place, foreign in enumerate(listed):
        price = (f"{known}[{place}].price_per_unit", foreign.price_per_unit, Place.PRICE)
        # Whether it adjusts that price nobody knows: the safe guess is that it does.
        yield Written(node, price, (f"{known}[{place}].pixels_per_unit", foreign.pixels_per_unit, Place.PIXELS), adjusts=True, foreign=True)


def _text(entry: Mapping[str, object], key: str) -> str:
    return str(entry.get(key) or "") if entry.get(key) != 0 else "0"


def too_much(one: Written, rate: Rate) -> bool:
    """True for an amount that nobody asks or pays, by orders of magnitude."""
    return beyond(rate, one.unit, one.node.exchange_rates)


def beyond(rate: Rate, unit_name: str, rates: Iterable[ExchangeRate]) -> bool:
    """The same of a rate per unit; without an exchange rate at the least that a dollar is worth."""
    wei = in_wei(rate, rates)
    if wei is None and rate.currency == "USD":
        wei = Rate(rate.amount * least_worth(), WEI)
    return wei is not None and implausible(wei.amount, unit_name)


def for_one_pixel(one: Written) -> bool:
    """True for an amount of a currency for a single pixel: far too much is no price there at all."""
    return one.unit == VIDEO and one.pixels[1] == "1" and one.in_currency


def mistaken(node: Node, variable: str) -> bool:
    """True if an amount counts for go-livepeer in some way, and is an error all the same (LPF205)."""
    return any(_mistaken(one) for one in written(node) if one.price[0] == variable)


def _mistaken(one: Written) -> bool:
    if one.price[1] and read(one.price[2], one.price[1]).effect == TAKES_FLAG:
        return True
    return for_one_pixel(one) and one.rate is not None and too_much(one, one.rate)
