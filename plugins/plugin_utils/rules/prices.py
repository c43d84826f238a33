# SPDX-License-Identifier: GPL-3.0-or-later
"""Amounts: what go-livepeer makes of each price and cap as it is written (LPF205), and prices that nobody stated (LPF213)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from fractions import Fraction

from ansible_collections.livepeer.fleet.plugins.plugin_utils.asks import State
from ansible_collections.livepeer.fleet.plugins.plugin_utils.edges import unpriced, unsigned, workloads
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.feeds import FEED, FEED_NETWORK
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Node, Role
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.settings import orchestrator_settings
from ansible_collections.livepeer.fleet.plugins.plugin_utils.payments import unfed
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices import (
    SMALLEST,
    WEI,
    Place,
    Rate,
    advertised,
    amount_text,
    complaint,
    decimal_text,
    in_wei,
    read,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.survey import Rule, Survey, finding, of_each, setting, some
from ansible_collections.livepeer.fleet.plugins.plugin_utils.workloads import NAMES, VIDEO
from ansible_collections.livepeer.fleet.plugins.plugin_utils.written_amounts import Written, for_one_pixel, too_much, written

MANY_PIXELS = "1000000000000"
"""Pixels that prices in dollars are usually for."""

_GROUPED = re.compile(r"[1-9][0-9]{0,2}(,[0-9]{3})+(?![0-9,])")


def unread(survey: Survey) -> Iterator[Finding]:
    """LPF205: an amount that stops the node, means something else than was written, or cannot be meant."""
    for node in survey.fleet.nodes:
        for one in written(node):
            yield from _misread(node, *one.pixels)
            yield from _misread(node, *one.price)
            if (rate := one.rate) is not None:
                yield from _meant(one, rate)
        if node.role is Role.ORCHESTRATOR and node.onchain:
            yield from _listed_as_free(node)
            yield from _unpriced_models(node)


def _misread(node: Node, variable: str, text: str, place: Place) -> Iterator[Finding]:
    """What is wrong with one text; a cap of 0 is no cap (LPF203), and off-chain prices count only in that they have to be read."""
    found = read(place, text)
    unpriced = node.role is Role.ORCHESTRATOR and not node.onchain
    harmless = found.effect in ("any_price", "flag_pixels") or (unpriced and found.price is not None)
    free = found.effect == "base_price" and _video_is_free(node)
    if not text or harmless or free or not complaint(place, text):
        return
    a_number = found.price is not None and found.price.amount <= 0 and not found.price.currency
    instead = {"flag_price": f"{variable}: auto, or any on purpose", "base_price": f"remove {variable}, or give video no price"}
    yield finding(
        "LPF205",
        node,
        f'"{text}": {complaint(place, text)}',
        variable=variable,
        got=text,
        limit="a number above 0" if a_number else place.wants,
        hint=instead.get(found.effect, "") or ("" if a_number else _spelled_out(variable, text, place)),
        level=Level.WARNING if found.effect == "base_price" else Level.ERROR,
    )


def _video_is_free(node: Node) -> bool:
    """True where nobody is charged for video, so that a model of price 0 is free as well."""
    settings = orchestrator_settings(node)
    base = read(Place.PRICE, settings.price_per_unit).price
    return not settings.price_per_gateway and (not settings.price_per_unit or (base is not None and not base.amount))


def _meant(one: Written, rate: Rate) -> Iterator[Finding]:
    node, (variable, text, _place) = one.node, one.price
    if unfed(node, rate.currency):
        own = node.network == FEED_NETWORK
        yield finding(
            "LPF205",
            node,
            f"the price feed knows no {rate.currency}, so that go-livepeer does not start"
            if own
            else f"go-livepeer's own price feed is on {FEED_NETWORK}: on {node.network} it does not start with a currency",
            variable=variable,
            got=text,
            limit="wei, ETH or USD" if own else "wei or ETH",
            hint=f"an amount in wei, or the address of a feed with that currency as {FEED}",
        )
        return
    wei = in_wei(rate, node.exchange_rates)
    if node.onchain and one.adjusts is not None and wei is not None:
        yield from _free(one, rate, wei)
    if (one.adjusts is None or node.onchain) and too_much(one, rate):
        yield _too_much(one, rate)


def _free(one: Written, rate: Rate, wei: Rate) -> Iterator[Finding]:
    if wei.amount and advertised(wei.amount, Fraction(1) if one.adjusts else None) == 0:
        least = SMALLEST if one.adjusts else Fraction(1)
        variable, text, _place = one.price
        pixels = read(one.pixels[2], one.pixels[1]).amount or Fraction(1)
        hint = setting(variable, amount_text(Rate(least, WEI), pixels)) if rate.currency == WEI else f"more than {text}"
        yield finding(
            "LPF205",
            one.node,
            f"a price below {decimal_text(least)} wei per {_name(one.unit)} is advertised as 0: the work is free",
            variable=variable,
            got=amount_text(rate),
            limit=f"{decimal_text(least)} wei per {_name(one.unit)}",
            hint=f"{variable}: what it really asks" if one.foreign else hint,
            level=Level.WARNING if one.foreign else Level.ERROR,
        )


def _too_much(one: Written, rate: Rate) -> Finding:
    """What is merely high is somebody's own affair; an amount of a currency for a single pixel of video is no price at all."""
    (variable, text, _place), (units, count, _units) = one.price, one.pixels
    name = _name(one.unit)
    return finding(
        "LPF205",
        one.node,
        f"{amount_text(rate)} for one {name} is far more than anybody asks or pays: is the number of {name}s missing?",
        variable=variable,
        got=f"{text} for {count}",
        limit=f"{amount_text(Rate(rate.amount / 10**12, rate.currency))} for one {name}, if it is for {MANY_PIXELS}",
        hint=setting(units, MANY_PIXELS) if count == "1" else f"the amount for {count} {name}s",
        level=Level.ERROR if for_one_pixel(one) else Level.WARNING,
    )


def _name(unit_name: str) -> str:
    return "pixel" if unit_name == VIDEO else unit_name


def _listed_as_free(node: Node) -> Iterator[Finding]:
    """The advertised list of models is floored to whole wei (``core/orchestrator.go:GetCapabilitiesPrices``)."""
    for one in written(node):
        rate = one.rate
        if one.price[2] is Place.MODEL_PRICE and rate is not None and rate.currency == WEI and SMALLEST <= rate.amount < 1:
            yield finding(
                "LPF205",
                node,
                f"the list of models that it advertises names the price 0, because it holds whole wei per {one.unit} only;"
                " jobs are charged as written, but a remote signer that discovers by this list lets it pass under any cap",
                variable=one.price[0],
                got=amount_text(rate),
                limit=f"1 wei per {one.unit}",
                level=Level.INFO,
            )


def _unpriced_models(node: Node) -> Iterator[Finding]:
    settings = orchestrator_settings(node)
    base = read(Place.PRICE, settings.price_per_unit).price
    # Without a base price the parser lets pass only a node that prices by model.
    if not node.knows("price_per_unit") or (settings.price_per_unit and (base is None or base.amount)):
        return
    variable = node.sources["ai_models"].variable
    for place, model in enumerate(settings.ai_models):
        if "price_per_unit" not in model:
            yield finding(
                "LPF205",
                node,
                "neither the model nor video has a price above 0: go-livepeer stops with exit status 2",
                variable=f"{variable}[{place}].price_per_unit",
                got="(not set)",
                hint=f"{variable}[{place}].price_per_unit: 0, where the work is to be free",
            )


def _spelled_out(variable: str, text: str, place: Place) -> str:
    """The amount that was probably meant; both, where a comma may be one of a fraction or between thousands."""
    plain = re.sub(r"[_$\s]", "", text) + ("USD" if "$" in text and not re.search("[A-Za-z]", text) else "")
    meant = [each for one in _without_commas(plain, place) for each in _meant_by(one, place)]
    lines = dict.fromkeys(_line(variable, digits, name, place) for digits, name in meant)
    return ", or ".join(filter(None, lines)).replace(f", or {variable}: ", ", or ")


def _without_commas(text: str, place: Place) -> list[str]:
    """A text as Go's grammars have it: groups of three are thousands, one comma is a point, 1,250 may be both, the rest is nothing."""
    if "," not in text:
        return [text]
    grouped = [text.replace(",", "")] if _GROUPED.match(text) else []
    # Nobody writes 1 as 1,000, and units are counted in whole ones.
    may_be_point = text.count(",") == 1 and "." not in text and place.row["wants"] != "whole" and not re.search(",000(?![0-9])", text)
    return [*grouped, *([text.replace(",", ".")] if may_be_point else [])]


def _meant_by(text: str, place: Place) -> Iterator[tuple[str, str]]:
    """Digits and currency of the first reading of a text that go-livepeer takes at a place."""
    number = re.sub(r"[A-Za-z]+$", "", text)
    readers: list[Callable[[], tuple[Fraction, str]]] = [
        lambda: (Fraction(text), ""),
        lambda: (Fraction(int(text, 0)), ""),
        lambda: (Fraction(number), text.removeprefix(number)),
    ]
    for reader in readers:
        try:
            meant, name = reader()
        except (ValueError, ZeroDivisionError, OverflowError):
            continue
        digits = decimal_text(meant)
        if digits is not None and len(digits) <= 40 and read(place, digits).amount is not None:
            yield digits, name
            return


def _line(variable: str, digits: str, currency: str, place: Place) -> str:
    """An amount for the inventory; in a document the currency has a key of its own, and a number of units has none."""
    if place.row["wants"] == "whole":
        return "" if currency else setting(variable, digits)
    if not currency or place.row["reads"] == "flag":
        return setting(variable, digits + currency)
    entry = variable.rpartition(".")[0]
    return f"{setting(variable, digits)} and {setting(entry + '.currency', currency)}"


def unstated(survey: Survey) -> Iterator[Finding]:
    """LPF213: orchestrators that are paid and of which nobody knows the price."""
    for found in survey.routes:
        unknown = [alike for alike, _workload, ask in found.payable() if ask.state is State.UNSTATED and alike.node is None]
        if not unknown:
            continue
        gateway, names = found.gateway, [one.name for alike in unknown for one in alike.candidates]
        first = unknown[0]
        variable = f"{gateway.sources['orch_addr'].variable}[{first.first.place}]"
        one = finding(
            "LPF213",
            gateway,
            f"nobody says what {some(names)} asks, so that nothing can be said of the cap over its price",
            variable=variable,
            got=names[0],
            hint=f'{variable}: {{url: "{names[0]}", price_per_unit: "what it asks", pixels_per_unit: "1"}}',
            level=Level.WARNING,
        )
        yield from of_each(found.gateways, one)


def unstated_models(survey: Survey) -> Iterator[Finding]:
    """LPF213: AI at orchestrators outside of the fleet."""
    for found in survey.routes:
        pairs = [
            (alike, workload) for alike in found.asked for workload in workloads(found, alike) if unpriced(found.gateway, alike, workload)
        ]
        if not pairs:
            continue
        gateway, names = found.gateway, list(dict.fromkeys(one.name for alike, _workload in pairs for one in alike.candidates))
        kinds = " and ".join(dict.fromkeys(NAMES[workload.kind] for _alike, workload in pairs))
        one = finding(
            "LPF213",
            gateway,
            f"nobody says what {some(names)} asks for {kinds}, so that nothing can be said of the caps over its prices",
            variable=f"{gateway.sources['orch_addr'].variable}[{pairs[0][0].first.place}]",
            got=names[0],
            hint="here its caps alone decide what is paid, or the signer's where one pays",
            level=Level.WARNING,
        )
        yield from of_each(found.gateways, one)


def unsigned_prices(survey: Survey) -> Iterator[Finding]:
    """LPF301: work for nothing, which somebody else's key is to pay for."""
    for found in survey.routes:
        for alike, workload, ask in found.payable():
            if not unsigned(found, ask):
                continue
            for node in (one.node for one in alike.candidates if one.node):
                yield finding(
                    "LPF301",
                    node,
                    f"a signer pays for {workload} at {some([gateway.host for gateway in found.gateways])}, and refuses a price of 0",
                    variable=ask.variable,
                    got="0",
                    limit=f"{decimal_text(SMALLEST)} wei for one pixel, at least",
                    hint=setting(ask.variable, "1"),
                    others=[gateway.host for gateway in found.gateways[:3]],
                )


RULES = (
    Rule(
        "LPF301",
        "error",
        "A price of 0 for live video that a remote signer or clearinghouse pays for: it signs no payment of 0.",
        "Any price above 0; it may be as low as 1 wei per pixel.",
        unsigned_prices,
    ),
    Rule(
        "LPF205",
        "error; warning where an amount is merely beyond what is plausible, info where only a list shows it as 0",
        "A price or a cap that go-livepeer cannot read, reads as something else, or floors to 0; each flag and document has its grammar.",
        "Flags: digits, at most one point, a currency directly behind them (1200, 0.5, 0.5USD). Documents: a number, the currency apart.",
        unread,
    ),
    Rule(
        "LPF213",
        "warning",
        "A price that nobody stated, of an orchestrator outside of the fleet that is paid.",
        "Write the price that you know of it beside its URL.",
        unstated,
    ),
    Rule(
        "LPF213",
        "warning",
        "AI jobs at an orchestrator outside of the fleet that is paid: an inventory cannot say what it asks for a model.",
        "Have a cap for every model that jobs are sent for; the cap alone decides.",
        unstated_models,
    ),
)
