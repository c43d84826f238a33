# SPDX-License-Identifier: GPL-3.0-or-later
"""What a start on a chain settles for its role: prices, caps, tickets (starter.go:StartLivepeer, between client and blocks)."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from fractions import Fraction

from . import golog, money, prices
from .aimodels import CAPABILITY_NAMES
from .ethereum import RPCFailed, checksummed
from .gourl import default_address
from .lifecycle import Ended
from .money import Funds, Limits, Terms
from .node import Node, Role
from .onchain import Chain
from .prices import CapabilityPrice, CurrencyError

REDEEMER_PORT = "8935"
REDEEMER_SECONDS = 3.0
NIL = "runtime error: invalid memory address or nil pointer dereference"
ANY_PRICE = "currently set to accept ANY price.\n"
_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)


def settle(node: Node, chain: Chain) -> None:
    """In the order of the real start, which ends or panics at the first thing that it does not like."""
    if node.settings.on("orchestrator"):
        _settle_orchestrator(node, chain)
    if node.role in (Role.GATEWAY, Role.REMOTE_SIGNER):
        _settle_sender(node, chain)
    if node.role is Role.REDEEMER:
        _look_up(chain, chain.recipient)
    if not node.settings.given("reward"):
        _answered(lambda: chain.orchestrator(chain.account.address), "")


def _answered(step: Callable[[], object], what: str) -> None:
    try:
        step()
    except (RPCFailed, ValueError) as error:
        raise Ended(f"{what}{error}") from error


def _look_up(chain: Chain, recipient: str) -> None:
    """starter.go:setupOrchestrator"""
    try:
        known = chain.orchestrator(recipient)
    except (RPCFailed, ValueError) as error:
        raise Ended(f"Error setting up orchestrator: {error}") from error
    chain.active_from, chain.active_until = known.activation_round, known.deactivation_round
    golog.info(f"Orchestrator {checksummed(recipient)} is {'active' if known.active else 'inactive'}")


def _settle_orchestrator(node: Node, chain: Chain) -> None:
    settings = node.settings
    pixels = prices.pixels_per_unit(settings.text("pixelsPerUnit"))
    _set_default_price(node, chain, pixels)
    _set_gateway_prices(node, chain)
    ev = whole(settings.text("ticketEV"))
    again = "Restart the node with a different valid value for -ticketEV"
    if ev is None:
        raise Ended(f"-ticketEV must be a valid integer, but {settings.text('ticketEV')} provided. {again}")
    if ev < 0:
        raise Ended(f"-ticketEV must be greater than 0, but {ev} provided. {again}")
    _look_up(chain, chain.recipient)
    _dial_redeemer(settings.text("redeemerAddr"))
    largest = whole(settings.text("maxFaceValue"))
    if largest is None:
        given = settings.text("maxFaceValue")
        golog.panic(f"-maxFaceValue must be a valid integer, but {given} provided. Restart the node with a different valid value")
    node.terms = Terms(ev, money.redeem_gas(settings.text("network")), largest)


def _set_default_price(node: Node, chain: Chain, pixels: Fraction) -> None:
    """Nobody works for nothing without having said so."""
    settings = node.settings
    if not settings.given("pricePerUnit"):
        if not settings.on("aiWorker"):
            golog.panic("-pricePerUnit must be set")
        return
    read = prices.per_unit(settings.text("pricePerUnit"))
    if read is None:
        golog.panic(f"-pricePerUnit must be a valid integer with an optional currency, provided {settings.text('pricePerUnit')}")
    price, currency = read
    node.prices["default"] = _converted(price / pixels, currency, chain, "Error converting price")
    unit = "compute unit" if settings.on("aiWorker") else "pixel"
    golog.info(f"Price: {prices.three_places(node.prices['default'])} wei per {unit}\n")


def _set_gateway_prices(node: Node, chain: Chain) -> None:
    option = node.settings.text("pricePerGateway")
    if node.settings.text("pricePerBroadcaster"):
        golog.warning("-PricePerBroadcaster flag is deprecated. Please use -PricePerGateway instead")
        option = node.settings.text("pricePerBroadcaster")
    if not option:
        return
    try:
        entries = prices.gateway_prices(option)
    except prices.NilPrice:
        golog.panic(NIL)
    for entry in entries:
        value = _converted(entry.price, entry.currency, chain, f"Error converting price for gateway {entry.address}")
        golog.info(f"Price: {prices.three_places(value)} wei per pixel for gateway {entry.address}")
        node.prices[entry.address.lower()] = value


def _converted(price: Fraction, currency: str, chain: Chain, what: str) -> Fraction:
    try:
        return prices.in_wei(price, currency, chain.feed)
    except CurrencyError as error:
        golog.panic(f"{what}: {error}")


def _dial_redeemer(option: str) -> None:
    """server/redeemer.go:NewRedeemerClient: a connection has to come up, nothing is said over it."""
    if not option:
        return
    where = default_address(option, "127.0.0.1", REDEEMER_PORT)
    host, _, port = where.rpartition(":")
    try:
        socket.create_connection((host, int(port)), REDEEMER_SECONDS).close()
    except (OSError, ValueError, OverflowError) as error:
        reason = f'Did not connect to redeemer={where} err="context deadline exceeded"'
        raise Ended(f"Unable to start redeemer client: {reason}") from error


def whole(text: str) -> int | None:
    """big.Int.SetString with base 10"""
    return int(text) if _INTEGER.fullmatch(text) else None


def _settle_sender(node: Node, chain: Chain) -> None:
    """A gateway or a signer: limits of tickets, funds, caps."""
    node.limits = _limits(node)
    try:
        funds = chain.funds(chain.account.address)
    except (RPCFailed, ValueError) as error:
        raise Ended(f"Failed to get broadcaster on-chain info: {error}") from error
    golog.info(f"Broadcaster Deposit: {_in_ether(funds.deposit)} ETH")
    golog.info(f"Broadcaster Reserve: {_in_ether(funds.reserve)} ETH")
    _measure_funds(node, funds)
    pixels = prices.pixels_per_unit(node.settings.text("pixelsPerUnit"))
    given = node.settings.text("maxPricePerUnit")
    read = prices.per_unit(given)
    if read is None:
        golog.panic(f"The maximum price per unit must be a valid integer with an optional currency, provided {given} instead\n")
    price, currency = read
    if price > 0:
        set_max_price(node, _converted(price / pixels, currency, chain, "Error converting price"))
    else:
        golog.info(f"Maximum transcoding price per pixel is not greater than 0: {given}, broadcaster is {ANY_PRICE}")
    if node.settings.text("maxPricePerCapability"):
        for entry in prices.capability_prices(node.settings.text("maxPricePerCapability")):
            _set_capability_cap(node, chain, entry, price, pixels)


def _limits(node: Node) -> Limits:
    settings = node.settings
    largest, total = prices.rational(settings.text("maxTicketEV")), prices.rational(settings.text("maxTotalEV"))
    again = "Restart the node with a valid value for"
    if largest is None:
        golog.panic(f"-maxTicketEV must be a valid rational number, but {settings.text('maxTicketEV')} provided. {again} -maxTicketEV")
    if largest < 0:
        golog.panic(f"-maxTicketEV must not be negative, but {settings.text('maxTicketEV')} provided. {again} -maxTicketEV")
    if total is None:
        golog.panic(NIL)
    if total < 0:
        golog.panic(f"-maxTotalEV must not be negative, but {settings.text('maxTotalEV')} provided. {again} -maxTotalEV")
    multiplier = settings.number("depositMultiplier")
    if multiplier <= 0:
        golog.panic(f"-depositMultiplier must be greater than 0, but {multiplier} provided. {again} -depositMultiplier")
    return Limits(largest, total, multiplier)


def _in_ether(amount: int) -> str:
    """eth.FormatUnits"""
    shown = prices.places(Fraction(amount, prices.WEI_PER_ETHER), 18).rstrip("0")
    return shown.rstrip(".")


def _measure_funds(node: Node, funds: Funds) -> None:
    """monitor.Deposit, Reserve: in gwei, under the old name as well."""
    for name in ("gateway", "broadcaster"):
        node.metrics.set(f"livepeer_{name}_deposit", funds.deposit / money.GWEI)
        node.metrics.set(f"livepeer_{name}_reserve", funds.reserve / money.GWEI)


def set_max_price(node: Node, cap: Fraction) -> None:
    """server.BroadcastCfg.SetMaxPrice with a price above 0."""
    with node.lock:
        node.max_price = cap
    node.metrics.set("livepeer_transcoding_price", float(cap))
    golog.info(f"Maximum transcoding price: {prices.three_places(cap)} wei per pixel\n ")


def _set_capability_cap(node: Node, chain: Chain, entry: CapabilityPrice, base: Fraction, base_pixels: Fraction) -> None:
    """A price that is missing or 0 is the global one; a global one of 0 is none."""
    where = f"capability={entry.pipeline} model_id={entry.model}"
    pixels, price = entry.pixels, entry.price
    if pixels is None or pixels <= 0:
        pixels = base_pixels
    if price is None or price <= 0:
        if base <= 0:
            golog.warning(
                f"Maximum price per unit for {where} is not greater than 0, and 'maxPricePerUnit' not set, gateway is {ANY_PRICE}"
            )
            return
        given = node.settings.text("maxPricePerUnit")
        golog.info(f"Maximum price per unit not set for {where} in 'maxPricePerCapability' config, using maxPricePerUnit={given}.\n")
        price = base
    if capability_name(entry.pipeline) is None:
        golog.panic(f"Pipeline in 'maxPricePerCapability' config is not valid capability: {entry.pipeline}\n")
    set_capability_cap(node, entry.pipeline, entry.model, _converted(price / pixels, entry.currency, chain, "Error converting price"))


def capability_name(pipeline: str) -> str | None:
    """core/ai.go:PipelineToCapability: "text-to-image" is "Text to image"."""
    name = pipeline[:1].upper() + pipeline[1:].replace("-", " ")
    return name if name in CAPABILITY_NAMES.values() else None


def set_capability_cap(node: Node, pipeline: str, model: str, cap: Fraction) -> None:
    """server.BroadcastCfg.SetCapabilityMaxPrice, and the gauge that proves it."""
    label = (capability_name(pipeline) or pipeline).replace(" ", "-").lower()
    with node.lock:
        node.capability_caps[label, model] = cap
    node.metrics.set("livepeer_price_per_capability", float(cap), pipeline=label, model_name=model)
    golog.info(f"Maximum price per unit set to {prices.three_places(cap)} wei for capability={pipeline} model_id={model}")


def set_model_prices(node: Node, models: list[dict[str, object]]) -> None:
    """Prices of AI models: an entry without one has the base price, which must not be 0 then."""
    if node.chain is None:
        return
    settings = node.settings
    base_pixels = prices.pixels_per_unit(settings.text("pixelsPerUnit"))
    base = prices.per_unit(settings.text("pricePerUnit")) if settings.given("pricePerUnit") else (Fraction(0), "")
    if base is None:
        golog.panic(f"-pricePerUnit must be a valid positive integer with an optional currency, provided {settings.text('pricePerUnit')}")
    for model in models:
        price = _model_price(model, base, base_pixels, node.chain)
        gateway, name = str(model.get("gateway") or "default").lower(), str(model.get("model_id", ""))
        label = (capability_name(str(model.get("pipeline", ""))) or "").replace(" ", "-").lower()
        node.model_prices[gateway, label, name] = price


def _model_price(model: dict[str, object], base: tuple[Fraction, str], base_pixels: Fraction, chain: Chain) -> Fraction:
    where = f"model '{model.get('model_id', '')}' in pipeline '{model.get('pipeline', '')}'"
    pixels, price = _number(model, "pixels_per_unit"), _number(model, "price_per_unit")
    currency = str(model.get("currency", ""))
    if pixels is None:
        pixels = base_pixels
    elif pixels.denominator != 1 or pixels <= 0:
        golog.panic(f"'pixelsPerUnit' value specified for {where} must be a valid positive integer, provided {prices.places(pixels, 2)}")
    if price is None:
        if base[0] == 0:
            golog.panic(f"'pricePerUnit' must be set for {where}")
        golog.warning(f"No 'pricePerUnit' specified for {where}. Using default value from `-pricePerUnit`")
        price, currency = base
    elif price < 0:
        golog.panic(f"'pricePerUnit' value specified for {where} must be a valid positive number, provided {prices.places(price, 2)}")
    return _converted(price / pixels, currency, chain, "error converting price")


def _number(model: dict[str, object], name: str) -> Fraction | None:
    return prices.rational(str(model[name])) if name in model else None
