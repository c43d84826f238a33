# SPDX-License-Identifier: GPL-3.0-or-later
"""What is held against what: each cap of a route with the prices that it has to fit, and the workloads without one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from ansible_collections.livepeer.fleet.plugins.plugin_utils.asks import Ask
from ansible_collections.livepeer.fleet.plugins.plugin_utils.caps import CAPABILITY_CAPS, Cap, CapSource, NoCap, no_cap_code
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.pipelines import unit
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Node
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.settings import payer_settings
from ansible_collections.livepeer.fleet.plugins.plugin_utils.payments import pays
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices import SMALLEST, WEI, Band, Rate, amount_text, in_currency
from ansible_collections.livepeer.fleet.plugins.plugin_utils.routes import ROUTED, Alike, Route
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets import overhead
from ansible_collections.livepeer.fleet.plugins.plugin_utils.workloads import VIDEO, Workload

FLAG_CAP = "max_price_per_unit"


@dataclass(frozen=True)
class Held:
    """One cap of a route, and the prices that are held against it.

    Attributes:
        route: whose.
        cap: as written or worked out.
        band: that it should lie in; None where that is not known.
        asks: who asks what for which workload; each with a price.
    """

    route: Route
    cap: Cap
    band: Band | None
    asks: tuple[tuple[Alike, Workload, Ask], ...]

    @property
    def payer(self) -> Node:
        """Whose cap it is."""
        return self.route.payer

    def amount(self, amount: Fraction) -> str:
        """An amount per unit, for as many units as the cap is written for."""
        return amount_text(Rate(amount, self.cap.currency), self.cap.pixels_per_unit)

    def price(self, ask: Ask) -> Fraction | None:
        """A price in the currency of the cap; None where no rate tells."""
        if ask.rate is None:
            return None
        same = in_currency(ask.rate, self.cap.currency, self.payer.exchange_rates)
        return None if same is None else same.amount

    @property
    def band_text(self) -> str:
        """The caps that fit as they can be written, with the stated gas price too; "" where there is nothing to say."""
        if self.band is None or self.band.high == 0:
            return ""
        return self._between(self.amount)

    def _between(self, write: Callable[[Fraction], str]) -> str:
        """The caps that fit, each as ``write`` has it; only where there is a band."""
        if self.band is None:
            return ""
        under_gas = self._under_gas
        low, high = write(max(self.band.low, under_gas)), write(self.band.high)
        # The upper edge is what gas needs before it is cut.
        return low if under_gas and under_gas + SMALLEST > self.band.high else f"{low} to {high}"

    @property
    def _under_gas(self) -> Fraction:
        """The highest of the prices at the highest stated gas price, cut as it is sent; 0 where that is not known."""
        under = [Fraction(0)]
        for alike, _workload, ask in self.asks:
            price, factor = self.price(ask), overhead(self.route.gateway, alike.node)
            if price is not None and factor is not None and ask.adjusts:
                under.append(price * factor // SMALLEST * SMALLEST if self.cap.currency == WEI else price * factor)
        return max(under)

    @property
    def got(self) -> str:
        """The cap as written."""
        units, name = self.cap.pixels_per_unit, unit(self.cap.workload)
        return self.cap.text if units == 1 else f"{self.cap.text} for {units} {name}s"

    @property
    def right(self) -> str:
        """The line to write instead."""
        return self._line(self._between)

    def right_with(self, amount: Fraction) -> str:
        """The same with one cap per unit that fits."""
        return self._line(lambda write: write(amount))

    def _line(self, between: Callable[[Callable[[Fraction], str]], str]) -> str:
        text = between(self.amount)
        if self.cap.source is CapSource.DECLARED:
            return f"on the signer maxPricePerUnit: {text}, and the same in {self.cap.variable}"
        if self.cap.source is CapSource.GLOBAL:
            return own_cap(self.payer, self.asks[0][1], self.cap.variable)
        if "/" in text:  # for so many units an edge is no finite decimal
            return f"{self.cap.variable}: auto"
        apart = self.cap.variable.startswith(self.payer.sources[CAPABILITY_CAPS].variable)
        bare = between(lambda amount: _scalar(amount_text(Rate(amount, WEI), self.cap.pixels_per_unit)))
        if apart and self._in_eth:
            return f"{self.cap.variable}: {bare}, and currency: wei; or auto"
        right = bare if apart else between(lambda amount: _scalar(self.amount(amount)))
        return f"{self.cap.variable}: {right}, or auto"

    @property
    def _in_eth(self) -> bool:
        """True for a cap of the document that is written in ETH; here it is in wei."""
        entries, variable = payer_settings(self.payer).max_price_per_capability, self.payer.sources[CAPABILITY_CAPS].variable
        named = () if isinstance(entries, str) else enumerate(entries)
        own = (entry for place, entry in named if self.cap.variable.startswith(f"{variable}[{place}]."))
        return any(str(entry.get("currency", "")).lower() == "eth" for entry in own)


def _scalar(text: str) -> str:
    """An amount as a value of YAML: what would be a float there is quoted."""
    return f'"{text}"' if text.replace(".", "", 1).isdigit() and "." in text else text


def own_cap(payer: Node, workload: Workload, written: str = "") -> str:
    """The line that gives a model a cap of its own: a higher cap of video would be one for video too.

    Args:
        written: where the cap comes from that it falls through to, if that is an entry that takes the number of video's.
    """
    variable = payer.sources[CAPABILITY_CAPS].variable
    if written.startswith(variable):
        return f"{written}: auto"
    if not workload.pipeline:  # what strangers ask for a model is in no auto
        return f"{payer.sources[FLAG_CAP].variable}: the most you would pay for a pixel of any model, or {variable}: any on purpose"
    if not payer_settings(payer).max_price_per_capability:
        return f"{variable}: auto"
    return f"{variable}: add {{pipeline: {workload.pipeline}, model_id: {workload.model_id}, price_per_unit: auto}}"


def held(found: Route) -> Iterator[Held]:
    """The caps of a route with the prices they are held against."""
    groups: dict[tuple[object, ...], list[tuple[Alike, Workload, Ask]]] = {}
    for alike, workload, ask in found.payable():
        cap = found.caps.by_workload.get(workload)
        if cap is not None and ask.rate is not None:
            groups.setdefault((cap.variable, cap.source, cap.amount, cap.currency), []).append((alike, workload, ask))
    for asks in groups.values():
        workload = asks[0][1]
        yield Held(found, found.caps.by_workload[workload], found.caps.bands.get(workload), tuple(asks))


def of(workload: Workload) -> str:
    """What a price is for, behind whose it is; video goes without saying."""
    return "" if workload.kind == VIDEO else f" for {workload}"


def missing(found: Route, code: str) -> dict[NoCap, list[Workload]]:
    """Workloads that the gateway may pay for without a cap, by the reason, as far as nothing was refused that this hangs on."""
    paid = {workload for _alike, workload, _ask in found.payable()}
    groups: dict[NoCap, list[Workload]] = {}
    if found.gateway.knows(*ROUTED, "workloads"):
        for workload, why in sorted(found.caps.missing.items()):
            unnamed = not found.routing.closed and not workload.pipeline and pays(found.gateway)
            if no_cap_code(workload, why) == code and (workload in paid or (unnamed and why is not NoCap.OTHER_UNIT)):
                groups.setdefault(why, []).append(workload)
    return groups
