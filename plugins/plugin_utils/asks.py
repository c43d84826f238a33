# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks: what an orchestrator asks of one gateway for each workload it serves, after go-livepeer's fallbacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fractions import Fraction

from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.flags import every_flag, is_true, live_runners
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Node, OrchAddr, OrchestratorSettings
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.settings import orchestrator_settings
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices import (
    WEI,
    Place,
    Price,
    PriceError,
    Rate,
    advertised,
    flag_text,
    parse_pixels,
    rate,
    read,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.workloads import LIVE_RUNNER, VIDEO, Workload

CHARGES_VIDEO = "base_price"
"""Effect of a model's price of 0 (facts/amounts.json)."""

DEFAULT = "default"
"""Gateway of an entry of aiModels that is for all of them (``starter.go:StartLivepeer``)."""

FOREIGN = "livepeer_gateway_orch_addr"
"""Variable that names orchestrators outside of the fleet."""

ADJUSTS = "auto_adjust_price"
VIDEO_PRICE = ("price_per_unit", "pixels_per_unit", ADJUSTS)
"""Settings that make the price of video; automatic adjustment is a part of every price."""


class State(StrEnum):
    """What is known of an ask."""

    STATED = "stated"
    FALLBACK = "fallback"
    FREE_BY_FLOOR = "free_by_floor"
    UNSTATED = "unstated"
    UNREADABLE = "unreadable"
    REFUSED = "refused"


@dataclass(frozen=True)
class Ask:
    """What one orchestrator asks of one gateway for one workload.

    Attributes:
        rate: base price per unit, exact, after go-livepeer's fallbacks; None where nobody stated it or it cannot be read.
        adjusts: whether it rises with the cost of redeeming tickets; True for foreign orchestrators, the safe guess.
        state: ``fallback`` is an AI price of 0 or none, for which the price of video is charged; ``free_by_floor`` one
            so small that 0 is advertised; ``refused`` that the parser said already why there is none.
        variable: path of the variable that the price comes from.
        written: the same as ``enforce_headroom`` takes it; empty without a rate.
    """

    rate: Rate | None
    adjusts: bool
    state: State
    variable: str
    written: Mapping[str, object] = field(default_factory=dict, hash=False)


def serves(orchestrator: Node) -> tuple[Workload, ...]:
    """The workloads of an orchestrator, video first, then models in the order of its list, then live runners."""
    settings = orchestrator_settings(orchestrator)
    found = [Workload(VIDEO)] if settings.transcoder or not settings.ai_worker else []
    found += [Workload.of_model(str(model["pipeline"]), str(model["model_id"])) for model in _models(settings)]
    found += [Workload(LIVE_RUNNER)] if _runners(settings) else []
    return tuple(dict.fromkeys(found))


def accounts(orchestrator: Node) -> frozenset[str]:
    """Accounts, in lower case, with a price of their own: in ``price_per_gateway``, or as ``gateway`` of a model."""
    settings = orchestrator_settings(orchestrator)
    own = {str(entry.get("ethaddress", "")).lower() for entry in settings.price_per_gateway}
    own |= {_gateway_of(model) for model in settings.ai_models}
    return frozenset(own - {"", DEFAULT})


def asks(orchestrator: Node, account: str) -> Mapping[Workload, Ask]:
    """What it asks for each workload that it serves, as its variables say it, on a chain or not.

    Args:
        account: of the gateway or signer that pays, in lower case; "" where nobody knows it.
    """
    settings = orchestrator_settings(orchestrator)
    video = _video(orchestrator, account)
    found: dict[Workload, Ask] = {}
    for workload in serves(orchestrator):
        if workload == Workload(VIDEO):
            found[workload] = video
        elif workload == Workload(LIVE_RUNNER):
            found[workload] = Ask(None, False, State.UNSTATED, f"{orchestrator.sources['flags'].variable}.{_runners(settings)}")
        else:
            found[workload] = _capability(orchestrator, settings, workload, account, video)
    return found


def foreign_ask(entry: OrchAddr, place: int) -> Ask:
    """What is known of an orchestrator outside of the fleet, for video.

    Args:
        place: index of the entry in ``livepeer_gateway_orch_addr``.
    """
    where = f"{FOREIGN}[{place}].price_per_unit"
    if not entry.price_per_unit:
        return Ask(None, True, State.UNSTATED, where)
    return _flags(entry.price_per_unit, entry.pixels_per_unit, True, where)


def _models(settings: OrchestratorSettings) -> Iterator[Mapping[str, object]]:
    """Models as far as they say what they are; the others are findings of the parser."""
    return (model for model in settings.ai_models if "pipeline" in model and "model_id" in model)


def _runners(settings: OrchestratorSettings) -> str:
    """The flag that makes it serve live runners, or ""."""
    return next((name for name in live_runners() if _set(name, settings.flags.get(name, ""))), "")


def _set(flag: str, text: str) -> bool:
    return is_true(text) if every_flag()[flag].type == "bool" else bool(text)


def _gateway_of(model: Mapping[str, object]) -> str:
    return str(model.get("gateway") or DEFAULT).lower()


def _video(node: Node, account: str) -> Ask:
    """The price of video: that of the account's own entry, else the base price (``core/orchestrator.go:priceInfo``)."""
    settings = orchestrator_settings(node)
    adjusts = settings.adjusts
    if account and not node.knows("price_per_gateway"):
        return Ask(None, adjusts, State.REFUSED, node.sources["price_per_gateway"].variable)
    # Equal accounts overwrite each other (core/livepeernode.go:SetBasePrice).
    for place, entry in reversed(tuple(enumerate(settings.price_per_gateway))):
        if account and str(entry.get("ethaddress", "")).lower() == account:
            where = f"{node.sources['price_per_gateway'].variable}[{place}].priceperunit"
            price, pixels, currency = (str(entry.get(key) or "") for key in ("priceperunit", "pixelsperunit", "currency"))
            amount, units = read(Place.GATEWAY_PRICE, price).amount, read(Place.GATEWAY_PIXELS, pixels).amount
            return _document(amount, units, currency, adjusts, where)
    variable = node.sources["price_per_unit"].variable
    unsaid = settings.auto_adjust_price is None or not (settings.price_per_unit or settings.ai_worker)
    if not node.knows(*VIDEO_PRICE) or (node.onchain and unsaid):
        return Ask(None, adjusts, State.REFUSED, variable)
    if node.onchain and not settings.price_per_unit:
        # With -aiWorker the node starts without it, and asks nothing for video (core/orchestrator.go:priceInfo).
        return _flags("0", settings.pixels_per_unit, adjusts, variable)
    if not settings.price_per_unit:
        return Ask(None, adjusts, State.UNSTATED, variable)
    return _flags(settings.price_per_unit, settings.pixels_per_unit, adjusts, variable)


def _capability(node: Node, settings: OrchestratorSettings, workload: Workload, account: str, video: Ask) -> Ask:
    """The price of a model: of the account's own entry, else of the default one, else that of video."""
    variable = node.sources["ai_models"].variable
    if not node.knows("ai_models", ADJUSTS):
        return Ask(None, video.adjusts, State.REFUSED, variable)
    place, model = _entry(settings, workload, account)
    if model is None:
        return _fallen_back(video)
    where = f"{variable}[{place}].price_per_unit"
    # What an entry leaves out is taken from the flags, not from the prices of single gateways (starter.go:StartLivepeer).
    pixels = str(model.get("pixels_per_unit") or settings.pixels_per_unit)
    if not model.get("price_per_unit"):
        return _unpriced(node, f"{variable}[{place}]", str(model.get("pixels_per_unit") or ""))
    price = read(Place.MODEL_PRICE, str(model["price_per_unit"]))
    if price.effect == CHARGES_VIDEO and video.state is not State.UNSTATED:
        return _fallen_back(video)
    amount = Fraction(0) if price.effect == CHARGES_VIDEO else price.amount
    units = read(Place.MODEL_PIXELS if "pixels_per_unit" in model else Place.PIXELS, pixels).amount
    return _document(amount, units, str(model.get("currency") or ""), video.adjusts, where)


def _unpriced(node: Node, where: str, pixels: str) -> Ask:
    """The price of a model that says none: that of the flag, for its own number of pixels or the flag's ("")."""
    base = _video(node, "")
    if node.onchain and base.rate is not None and not base.rate.amount:
        # go-livepeer does not start (LPF205).
        return Ask(None, base.adjusts, State.UNREADABLE, f"{where}.price_per_unit")
    if base.rate is None or not pixels:
        return _fallen_back(base)
    units = read(Place.MODEL_PIXELS, pixels).amount
    if units is None:
        return Ask(None, base.adjusts, State.UNREADABLE, f"{where}.pixels_per_unit")
    amount = base.rate.amount * parse_pixels(orchestrator_settings(node).pixels_per_unit)
    return _fallen_back(_document(amount, units, base.rate.currency, base.adjusts, base.variable))


def _entry(settings: OrchestratorSettings, workload: Workload, account: str) -> tuple[int, Mapping[str, object] | None]:
    """The entry that counts for an account: its own, else the default one, the last of equal ones."""
    own = [
        (place, model)
        for place, model in enumerate(settings.ai_models)
        if (str(model.get("pipeline")), str(model.get("model_id"))) == (workload.pipeline, workload.model_id)
    ]
    for gateway in (account, DEFAULT):
        for place, model in reversed(own):
            if gateway and _gateway_of(model) == gateway:
                return place, model
    return -1, None


def _fallen_back(video: Ask) -> Ask:
    return replace(video, state=State.FALLBACK) if video.state is State.STATED else video


def _flags(price: str, pixels: str, adjusts: bool, variable: str) -> Ask:
    """An amount in the grammar of the flags."""
    try:
        value = rate(price, pixels)
    except PriceError:
        return Ask(None, adjusts, State.UNREADABLE, variable)
    return _stated(value, parse_pixels(pixels), adjusts, variable)


def _document(amount: Fraction | None, units: Fraction | None, currency: str, adjusts: bool, variable: str) -> Ask:
    """An amount of a JSON document, as it was read."""
    if amount is None or units is None:
        return Ask(None, adjusts, State.UNREADABLE, variable)
    return _stated(Price(amount, currency, units).rate, units.numerator, adjusts, variable)


def _stated(value: Rate, pixels: int, adjusts: bool, variable: str) -> Ask:
    floored = value.currency == WEI and advertised(value.amount, Fraction(1) if adjusts else None) == 0 != value.amount
    text, units = flag_text(value.amount, pixels)
    written = {
        "price_per_unit": text + ("" if value.currency == WEI else value.currency),
        "pixels_per_unit": str(units),
        "auto_adjust_price": adjusts,
    }
    return Ask(value, adjusts, State.FREE_BY_FLOOR if floored else State.STATED, variable, written)
