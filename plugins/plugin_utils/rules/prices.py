# SPDX-License-Identifier: GPL-3.0-or-later
"""Prices and caps of video: LPF201 to LPF205 and LPF208."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

from ansible_collections.livepeer.fleet.plugins.plugin_utils.asks import Ask, State
from ansible_collections.livepeer.fleet.plugins.plugin_utils.caps import ANY, AUTO, Cap
from ansible_collections.livepeer.fleet.plugins.plugin_utils.caps import GLOBAL_CAP as CAP
from ansible_collections.livepeer.fleet.plugins.plugin_utils.edges import NO_CAP, above_band
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Node, Payment, Role
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.settings import gateway_settings, orchestrator_settings
from ansible_collections.livepeer.fleet.plugins.plugin_utils.payments import PAYS, pays
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices import (
    SMALLEST,
    WEI,
    Band,
    Offer,
    PriceError,
    Rate,
    amount_text,
    decimal_text,
    lowest_cap,
    parse_pixels,
    percent,
    rate,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.routes import ROUTED, Route, discovers
from ansible_collections.livepeer.fleet.plugins.plugin_utils.routing import Candidate
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.survey import Rule, Survey, finding, setting, some
from ansible_collections.livepeer.fleet.plugins.plugin_utils.workloads import VIDEO, Workload

WORK = Workload(VIDEO)

FEED_CURRENCIES = (WEI, "USD")
"""Currencies of a node whose ``priceFeedAddr`` is go-livepeer's own, ETH in wei (``starter.go:defaultPriceFeedAddr``)."""


def below_band(survey: Survey) -> Iterator[Finding]:
    """LPF201: the gateway refuses an orchestrator that it is there to use, now or when gas rises."""
    for found in survey.routes:
        cap, fits = _cap(found), _band(found)
        if cap is None or fits is None or cap.amount >= fits.low:
            continue
        minimum = percent(found.gateway.headroom_min)
        short = [pair for pair in _priced(found) if cap.amount < lowest_cap(_offer(pair[1]), minimum)]
        worst, asked = max(short, key=lambda pair: lowest_cap(_offer(pair[1]), minimum))
        price = _amount(found, _offer(asked).price)
        reason = (
            f"the cap is below the price of {worst.name} ({price})"
            if cap.amount < _offer(asked).price
            else f"the cap leaves less than {found.gateway.headroom_min} % over the price of {worst.name} ({price}), which rises with gas"
        )
        yield finding(
            "LPF201",
            found.gateway,
            reason + (f"; it is too low for {len(short)} orchestrators" if len(short) > 1 else ""),
            field="max_price_per_unit",
            got=_written_cap(found.gateway),
            limit=_band_text(found),
            hint=_right_cap(found),
            others=[worst.name] if worst.node else [],
            level=Level.WARNING if discovers(found.gateway) else Level.ERROR,
        )


def over_band(survey: Survey) -> Iterator[Finding]:
    """LPF202: the gateway would pay more than any of its orchestrators needs."""
    for found in survey.routes:
        if above_band(found, WORK):
            yield finding(
                "LPF202",
                found.gateway,
                f"the cap is more than {found.gateway.headroom_max} % over the highest price of its orchestrators",
                field="max_price_per_unit",
                got=_written_cap(found.gateway),
                limit=_band_text(found),
                hint=_right_cap(found),
                level=Level.WARNING,
            )


def no_cap(survey: Survey) -> Iterator[Finding]:
    """LPF203: a gateway that pays any price."""
    for found in survey.routes:
        settings = gateway_settings(found.gateway)
        if not _needs_cap(found) or _no_cap_code(found) != "LPF203" or _cap(found) is not None or not _cap_known(found):
            continue
        text = settings.max_price_per_unit
        message = {"": "there is no cap, so that any price is paid", AUTO: _why_not_auto(found)}.get(
            text, f'a cap of "{text}" means any price'
        )
        yield finding(
            "LPF203",
            found.gateway,
            message,
            field="max_price_per_unit",
            got=text or "(not set)",
            limit=_band_text(found) if text != AUTO else "",
            hint=_right_cap(found),
        )


def _cap_known(found: Route) -> bool:
    """True unless something was refused that the cap hangs on: its finding is enough."""
    gateway = found.gateway
    if gateway_settings(gateway).max_price_per_unit != AUTO:
        return gateway.knows(*CAP, *ROUTED, "workloads")
    stated = not any(ask.state is State.REFUSED for _one, ask in _asked(found))
    return stated and gateway.knows(*CAP, *ROUTED, "workloads", "headroom_min", "headroom_max")


def _why_not_auto(found: Route) -> str:
    if VIDEO not in gateway_settings(found.gateway).workloads:
        return "no cap can be worked out: so far that is done for video, which this gateway is not for"
    if _band(found) is not None:
        return "no cap can be worked out: the price is 0, and a cap of 0 means any price"
    return "no cap can be worked out, because no price is known of the orchestrators"


def idle_cap(survey: Survey) -> Iterator[Finding]:
    """LPF204: go-livepeer reads no cap off-chain, not even a wrong one."""
    for found in survey.routes:
        settings = gateway_settings(found.gateway)
        signs = settings.payment in (Payment.REMOTE_SIGNER, Payment.CLEARINGHOUSE)
        caps = {"max_price_per_unit": settings.max_price_per_unit, "max_price_per_capability": settings.max_price_per_capability}
        for field, cap in caps.items():
            if found.gateway.onchain or cap in ("", AUTO, ANY, ()) or not found.gateway.knows(*PAYS):
                continue
            yield finding(
                "LPF204",
                found.gateway,
                "nothing enforces this cap: "
                + ("the signer pays, and its own cap counts" if signs else "off-chain nothing is paid, and caps are not even read"),
                field=field,
                got=_written_cap(found.gateway) if field == "max_price_per_unit" else f"{len(settings.max_price_per_capability)} caps",
                hint="set it on the signer instead" if signs else f"remove {found.gateway.sources[field].variable}",
                level=Level.WARNING,
            )


def unread_price(survey: Survey) -> Iterator[Finding]:
    """LPF205: an amount that stops the node, or means another price than was written."""
    for node in survey.fleet.nodes:
        if node.role is Role.ORCHESTRATOR and node.onchain:
            yield from _unread_orchestrator(node)
        elif node.role is Role.GATEWAY and pays(node):
            yield from _unread_gateway(node)


def _unread_orchestrator(node: Node) -> Iterator[Finding]:
    settings = orchestrator_settings(node)
    adjusts = settings.auto_adjust_price is not False
    base = node.sources["price_per_unit"].variable
    yield from _pixels(node, node.sources["pixels_per_unit"].variable, settings.pixels_per_unit)
    floors = adjusts and node.knows("pixels_per_unit", "auto_adjust_price")
    yield from _price(node, base, settings.price_per_unit, settings.pixels_per_unit, adjusts=floors)
    own = node.sources["price_per_gateway"].variable
    for place, entry in enumerate(settings.price_per_gateway):
        pixels = str(entry.get("pixelsperunit", "1"))
        price = f"{entry.get('priceperunit', '')}{entry.get('currency') or ''}"
        yield from _pixels(node, f"{own}[{place}].pixelsperunit", pixels)
        yield from _price(node, f"{own}[{place}].priceperunit", price, pixels, adjusts=adjusts)


def _unread_gateway(node: Node) -> Iterator[Finding]:
    settings = gateway_settings(node)
    yield from _pixels(node, node.sources["pixels_per_unit"].variable, settings.pixels_per_unit)
    if settings.max_price_per_unit not in (AUTO, ANY):
        cap = node.sources["max_price_per_unit"].variable
        yield from _price(node, cap, settings.max_price_per_unit, settings.pixels_per_unit)
    known = node.sources["orch_addr"].variable
    for place, entry in enumerate(settings.orch_addr):
        yield from _pixels(node, f"{known}[{place}].pixels_per_unit", entry.pixels_per_unit)
        yield from _price(node, f"{known}[{place}].price_per_unit", entry.price_per_unit, entry.pixels_per_unit)


def _pixels(node: Node, variable: str, text: str) -> Iterator[Finding]:
    try:
        parse_pixels(text)
    except PriceError as error:
        yield finding("LPF205", node, str(error), variable=variable, got=text, hint=setting(variable, "1"))


def _price(node: Node, variable: str, text: str, pixels: str, *, adjusts: bool = False) -> Iterator[Finding]:
    """What is wrong with an amount; one that is not there is a finding of the parser or of LPF203."""
    if not text:
        return
    try:
        value = rate(text, _pixels_or_one(pixels))
    except PriceError as error:
        yield finding("LPF205", node, str(error), variable=variable, got=text, hint=_spelled_out(variable, text))
        return
    own_feed = bool(node.settings.flags.get("priceFeedAddr"))
    # A cap of 0 is no cap, and its currency is never looked at (LPF203).
    if (value.amount or node.role is Role.ORCHESTRATOR) and value.currency not in FEED_CURRENCIES and not own_feed:
        yield finding(
            "LPF205",
            node,
            f"the price feed knows no {value.currency}, so that go-livepeer does not start",
            variable=variable,
            got=text,
            limit="wei, ETH or USD",
            hint="an amount in wei, or the address of a feed with that currency as priceFeedAddr",
        )
    elif adjusts and value.currency == WEI and 0 < value.amount < SMALLEST:
        yield finding(
            "LPF205",
            node,
            "a price below 0.001 wei per pixel is advertised as 0: the work is free",
            variable=variable,
            got=amount_text(value, 1),
            limit=f"{decimal_text(SMALLEST)} wei per pixel",
            hint=setting(variable, amount_text(Rate(SMALLEST, WEI), int(_pixels_or_one(pixels)))),
        )


def _pixels_or_one(text: str) -> str:
    """The pixels, or 1 where they are a finding of their own."""
    try:
        return str(parse_pixels(text))
    except PriceError:
        return "1"


def _spelled_out(variable: str, text: str) -> str:
    """The amount that was probably meant."""
    spelled: list[Callable[[], Fraction]] = [
        lambda: Fraction(text.replace(",", "").replace("_", "").strip()),
        lambda: Fraction(int(text, 0)),
    ]
    for read in spelled:
        try:
            meant = decimal_text(read())
        except (ValueError, ZeroDivisionError, OverflowError):
            continue
        if meant is not None and len(meant) <= 40:
            return setting(variable, meant)
    return ""


def currencies(survey: Survey) -> Iterator[Finding]:
    """LPF208: a cap and a price that move apart with the exchange rate."""
    for found in survey.routes:
        settings = gateway_settings(found.gateway)
        own = _cap(found).currency if _cap(found) else ""
        if _cap(found) is None and (settings.max_price_per_unit != AUTO or _no_cap_code(found) != "LPF208"):
            continue
        others: dict[str, list[str]] = {}
        for candidate, asked in _priced(found):
            if _rate(asked).currency != own:
                others.setdefault(_rate(asked).currency, []).append(candidate.name)
        if not others:
            continue
        asks = "; ".join(f"{currency}: {some(names)}" for currency, names in sorted(others.items()))
        yield finding(
            "LPF208",
            found.gateway,
            f"the cap is in {own}, but there are prices in other currencies ({asks})"
            if own
            else f"no cap can be worked out from prices in several currencies ({asks})",
            field="max_price_per_unit",
            got=_written_cap(found.gateway),
            limit=", ".join(sorted(others)),
            hint=_in_one_currency(found, own, others),
            others=[candidate.name for candidate, asked in _priced(found) if candidate.node and _rate(asked).currency != own][:3],
        )


def _in_one_currency(found: Route, own: str, others: dict[str, list[str]]) -> str:
    text = "write cap and prices in the same currency"
    return f"{text}: the cap in {next(iter(others))}, or the prices in {own}" if own and len(others) == 1 else text


def _needs_cap(found: Route) -> bool:
    """True if the gateway pays for video that it can get, or was promised a cap."""
    settings = gateway_settings(found.gateway)
    possible = not found.routing.closed or bool(_priced(found))
    wanted = settings.max_price_per_unit == AUTO or VIDEO in settings.workloads
    return pays(found.gateway) and possible and wanted


def _asked(found: Route) -> list[tuple[Candidate, Ask]]:
    return [(one, ask) for alike, workload, ask in found.payable() if workload == WORK for one in alike.candidates]


def _priced(found: Route) -> list[tuple[Candidate, Ask]]:
    return [(one, ask) for one, ask in _asked(found) if ask.rate is not None]


def _rate(ask: Ask) -> Rate:
    return ask.rate or Rate(Fraction(0), WEI)


def _offer(ask: Ask) -> Offer:
    return Offer(_rate(ask).amount, ask.adjusts)


def _cap(found: Route) -> Cap | None:
    return found.caps.by_workload.get(WORK)


def _band(found: Route) -> Band | None:
    return found.caps.bands.get(WORK)


def _currency(found: Route) -> str:
    cap, fits = _cap(found), _band(found)
    return cap.currency if cap else fits.currency if fits else ""


def _no_cap_code(found: Route) -> str:
    why = found.caps.missing.get(WORK)
    return NO_CAP.get(why, "") if why else ""


def _pixel_count(node: Node) -> int:
    return int(_pixels_or_one(gateway_settings(node).pixels_per_unit))


def _amount(found: Route, amount: Fraction) -> str:
    """An amount per pixel in the gateway's own unit."""
    return amount_text(Rate(amount, _currency(found)), _pixel_count(found.gateway))


def _written_cap(node: Node) -> str:
    settings = gateway_settings(node)
    pixels = f" for {settings.pixels_per_unit} pixels" if settings.pixels_per_unit != "1" else ""
    return settings.max_price_per_unit + pixels


def _band_text(found: Route) -> str:
    if _band(found) is None or _band(found).high == 0:
        return ""
    return f"{_amount(found, _band(found).low)} to {_amount(found, _band(found).high)}"


def _right_cap(found: Route) -> str:
    variable = found.gateway.sources["max_price_per_unit"].variable
    auto = gateway_settings(found.gateway).max_price_per_unit == AUTO
    if _band(found) is None or (auto and _band(found).high != 0):
        return f"{variable}: the most you would pay, or any on purpose"
    if _band(found).high == 0:
        return f"{variable}: the most you would pay, such as 1, or any on purpose"
    if "/" in _band_text(found):  # in the gateway's unit an edge is no finite decimal
        return f"{variable}: auto"
    return f"{variable}: {_band_text(found)}, or auto"


RULES = (
    Rule(
        "LPF201",
        "error; warning with on-chain discovery",
        "A cap below the band: the price, and the least headroom over it where the orchestrator adjusts its price.",
        "Write a cap between the two values, or auto.",
        below_band,
    ),
    Rule(
        "LPF202",
        "warning",
        "A cap above the band. Silent where the gateway may use orchestrators that are not in the inventory.",
        "Write a cap between the two values, or auto.",
        over_band,
    ),
    Rule(
        "LPF203",
        "error",
        "No cap, or one that means any price, on a gateway that pays.",
        "Write a cap, auto, or any where that is meant.",
        no_cap,
    ),
    Rule(
        "LPF204",
        "warning",
        "A cap where nothing enforces it: off-chain, or on a gateway for which a signer pays.",
        "Remove it; with a signer set it there.",
        idle_cap,
    ),
    Rule(
        "LPF205",
        "error",
        "A price or a cap that go-livepeer cannot read, reads as something else, or floors to 0.",
        "Write digits, at most one point, and at most one currency directly behind them: 1200, 0.5, 0.002USD.",
        unread_price,
    ),
    Rule(
        "LPF208",
        "error",
        "A price and a cap in different currencies.",
        "Write both in the same currency.",
        currencies,
    ),
)
