# SPDX-License-Identifier: GPL-3.0-or-later
"""What a running node is asked for, so that what it loaded is proved, and not that it started."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.livepeer.fleet.plugins.plugin_utils.caps import Cap
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import (
    GatewaySettings,
    Node,
    OrchestratorSettings,
    RemoteSignerSettings,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices import WEI, Price, PriceError, json_number, rate

SERIES = ("livepeer_price_per_capability", "pipeline", "model_name")
"""The metric with one series for each entry of ``-maxPricePerCapability`` that was loaded, and the labels that tell them apart.
The daemon writes it before its CLI port listens (starter.go:StartLivepeer; seen on 0.9.1: the first answer of ``/metrics`` has all
of them), with ``-monitor`` only, which is always set."""

_LONGEST_LABEL = 255
"""Bytes of the longest label; one that is longer, or not of printable ASCII, has no series although its cap holds
(go.opencensus.io/tag: checkValue; seen on 0.9.1 with a model of another alphabet)."""


@dataclass(frozen=True)
class ReadBack:
    """One effective setting that the running node can be asked for on its CLI port, and the answer that the plan expects.

    Attributes:
        path: what to GET, ``/getBroadcastConfig``.
        json: keys down into the JSON answer; None for an answer that is plain text (compared without blanks around it). With
            ``series`` the name of the metric and the labels that tell its series apart.
        equals: the expected value.
        compare: ``exact``; ``set`` (two lists in any order); ``address`` (text in any case, as ETH addresses are); ``entries``
            (names with their amounts, None for whatever amount; no others); ``series`` (lists of the values of the labels and the
            amount as an exact fraction, None for whatever amount; no others).
        flag: flag of the binary that made it, to name it; "" where the path says enough.
    """

    path: str
    json: tuple[str, ...] | None
    equals: object
    compare: str = "exact"
    flag: str = ""


def read_backs(
    node: Node, orchestrator_urls: Sequence[str], cap: Cap | None, capabilities: Sequence[Mapping[str, object]]
) -> tuple[ReadBack, ...]:
    """What the node is asked for once it runs (server/webserver.go; recorded, and seen on 0.9.1).

    Prices of ``aiModels`` are not among it: no route tells them. They need no proof of their own, as a file that cannot be read
    ends the start (starter.go: "Error parsing -aiModels").

    Args:
        node: as planned.
        orchestrator_urls: what a gateway dials; empty with on-chain discovery.
        cap: a gateway's cap as its flags take it.
        capabilities: entries of the document that a gateway's ``-maxPricePerCapability`` gets.
    """
    level = ReadBack("/getLogLevel", None, str(node.log_level))
    if isinstance(node.settings, GatewaySettings):
        return (level, *_account(node), *_gateway(node.settings, orchestrator_urls), *_caps(node, cap, capabilities))
    if isinstance(node.settings, RemoteSignerSettings):
        return (level, *_account(node), *_caps(node, cap, capabilities))
    if isinstance(node.settings, OrchestratorSettings):
        return (level, *_account(node), *_orchestrator(node, node.settings))
    return (level, *_account(node))


def _account(node: Node) -> list[ReadBack]:
    """Off-chain is chain 0 (common/db.go); on-chain the account must be the planned one, not one made at the start."""
    if not node.onchain:
        return [ReadBack("/EthChainID", None, "0")]
    address = getattr(node.settings, "eth_acct_addr", "")
    return [ReadBack("/ethAddr", None, address, "address")] if address else []


def _gateway(settings: GatewaySettings, orchestrator_urls: Sequence[str]) -> list[ReadBack]:
    found = []
    if orchestrator_urls:
        found.append(ReadBack("/status", ("OrchestratorPool",), list(orchestrator_urls), "set"))
    if settings.transcoding_options and "/" not in settings.transcoding_options:
        found.append(ReadBack("/getBroadcastConfig", ("TranscodingOptions",), settings.transcoding_options))
    return found


def _caps(node: Node, cap: Cap | None, capabilities: Sequence[Mapping[str, object]]) -> list[ReadBack]:
    """Off-chain caps are not even read."""
    if not node.onchain:
        return []
    found = []
    if cap is None:
        found.append(ReadBack("/getBroadcastConfig", ("MaxPrice",), None))
    elif cap.currency == WEI:
        found.append(ReadBack("/getBroadcastConfig", ("MaxPrice",), str(cap.amount)))
    # Without entries no series may be there either: somebody may have set a cap on the running node.
    series = loaded_caps(capabilities)
    return [*found, ReadBack("/metrics", SERIES, [list(row) for row in series], "series", "maxPricePerCapability")]


def loaded_caps(entries: Sequence[Mapping[str, object]]) -> list[tuple[str, str, str | None]]:
    """Pipeline, model and amount in wei of each series that go-livepeer shows for entries of ``-maxPricePerCapability``.

    Args:
        entries: ``capabilities_prices`` of the document, each with its model and its pixels; of two for one model the later one
            counts.

    Returns:
        In the order of their names; None for the amount in a currency that follows its rate.
    """
    found = {}
    for entry in entries:
        names = (_pipeline(str(entry["pipeline"])), str(entry["model_id"]))
        if all(len(name) <= _LONGEST_LABEL and name.isascii() and name.isprintable() for name in names):
            found[names] = _wei(entry["price_per_unit"], entry["pixels_per_unit"], entry.get("currency"))
    return [(*names, amount) for names, amount in sorted(found.items())]


def _pipeline(name: str) -> str:
    """A pipeline as the metric spells it (monitor/census.go:ToPipeline of the capability's name)."""
    return name.lower().replace(" ", "-")


def _orchestrator(node: Node, settings: OrchestratorSettings) -> list[ReadBack]:
    """The base prices, the default one and one for each gateway with its own; accounts are in lower case there.

    One that prices by model only has no default one (``starter.go:StartLivepeer``).
    """
    if not node.onchain:
        return []
    prices: dict[str, str | None] = {}
    if settings.price_per_unit:
        price = rate(settings.price_per_unit, settings.pixels_per_unit)
        prices["default"] = str(price.amount) if price.currency == WEI else None
    for entry in settings.price_per_gateway:
        prices[str(entry["ethaddress"]).lower()] = _wei(entry["priceperunit"], entry["pixelsperunit"], entry.get("currency"))
    return [
        ReadBack("/status", ("BroadcasterPrices",), prices, "entries", "pricePerGateway" if settings.price_per_gateway else "pricePerUnit")
    ]


def _wei(price: object, pixels: object, currency: object) -> str | None:
    """Wei for one unit as an exact fraction, as ``big.Rat`` writes it; None for a currency that follows its rate."""
    amount, units = json_number(str(price)), json_number(str(pixels))
    if amount is None or not units:
        # The rules refuse such an entry before anything is rendered.
        raise PriceError(f"{price} for {pixels} is no price")
    value = Price(amount, str(currency or ""), units).rate
    return str(value.amount) if value.currency == WEI else None
