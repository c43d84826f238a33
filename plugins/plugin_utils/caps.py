# SPDX-License-Identifier: GPL-3.0-or-later
"""Caps: the most that a payer pays for each workload, as go-livepeer looks it up, and the band that each cap should lie in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fractions import Fraction

from ansible_collections.livepeer.fleet.plugins.plugin_utils.asks import Ask, State
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.flags import is_true
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.pipelines import per_pixel, pipelines
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import GatewaySettings, Node, Payment, RemoteSigner, Role
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.settings import payer_settings
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices import (
    LARGEST,
    WEI,
    Band,
    Offer,
    Place,
    Price,
    PriceError,
    Rate,
    band,
    flag_text,
    in_currency,
    parse_pixels,
    parse_price,
    percent,
    rate,
    read,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.workloads import AI, LIVE_RUNNER, VIDEO, Workload

AUTO = "auto"
ANY = "any"
IGNORE_CAP = "ignoreMaxPriceIfNeeded"
"""Flag of a gateway; live video does not look at it (``server/selection.go``)."""

DEFAULT = "default"
"""Model of an entry that is for all models of its pipeline (``server/broadcast.go:getCapabilityMaxPrice``)."""

TAKES_FLAG, TAKES_PIXELS = "flag_price", "flag_pixels"
"""Effects of what an entry leaves out, or has as 0 or less (facts/amounts.json)."""

Key = tuple[str, str]
"""Pipeline and model of an entry of the document, or one of:"""
FLAG: Key = ("", "")
SIGNER: Key = ("", "signer")

GLOBAL_CAP = ("max_price_per_unit", "pixels_per_unit")
CAPABILITY_CAPS = "max_price_per_capability"
PAYMENT = ("network", "payment")
LIMITS = ("headroom_min", "headroom_max")


class CapSource(StrEnum):
    """Where a cap comes from."""

    WRITTEN = "written"
    AUTO = "auto"
    DEFAULT = "default"
    GLOBAL = "global"
    DECLARED = "declared"


class NoCap(StrEnum):
    """Why there is no cap that a price could be compared with."""

    ANY = "any"
    UNSET = "unset"
    ZERO = "zero"
    DECLARED_ZERO = "declared_zero"
    UNREADABLE = "unreadable"
    CURRENCIES = "currencies"
    UNKNOWN_PRICE = "unknown_price"
    PRICE_ZERO = "price_zero"
    OTHER_UNIT = "other_unit"
    NONE_NEEDED = "none_needed"
    UNDECLARED = "undeclared"
    REFUSED = "refused"


_CODES = {
    NoCap.UNSET: "LPF203",
    NoCap.ZERO: "LPF203",
    NoCap.DECLARED_ZERO: "LPF203",
    NoCap.UNKNOWN_PRICE: "LPF203",
    NoCap.PRICE_ZERO: "LPF203",
    NoCap.UNREADABLE: "LPF205",
    NoCap.OTHER_UNIT: "LPF207",
    NoCap.CURRENCIES: "LPF208",
}
_FALLS_THROUGH = (NoCap.UNSET, NoCap.ZERO)


def no_cap_code(workload: Workload, why: NoCap) -> str:
    """Code of the finding about a cap that is not there; "" where that is meant, or nobody knows it (refused, or a signer's own)."""
    fell = workload.kind != VIDEO and why in _FALLS_THROUGH
    return "LPF207" if fell else _CODES.get(why, "")


def undone(payer: Node, workload: Workload) -> bool:
    """True if a flag of the gateway has any price paid where every orchestrator is above the cap (pricing.json:ignoreMaxPriceIfNeeded)."""
    return is_true(payer.settings.flags.get(IGNORE_CAP, "")) and workload.kind in (VIDEO, AI) and payer.onchain


@dataclass(frozen=True)
class Cap:
    """The most that is paid for a workload, as a flag or a document takes it.

    A template guards it with ``enforce_headroom(cap.prices, min=cap.headroom_min, max=cap.headroom_max, …)``: it refuses what is
    no cap, and what is below the band. Above the band the guard is open, because that is only worth a warning (LPF202), and so it
    is below where other orchestrators may be taken (on-chain discovery), or no price can be compared.

    Attributes:
        text: value of ``-maxPricePerUnit``, or the same amount in an entry of ``-maxPricePerCapability``; never 0.
        pixels_per_unit: units that it is for.
        amount: per unit, exact, in ``currency``.
        currency: ``wei`` or another one in upper case.
        prices: the different prices that it has to fit, as ``enforce_headroom`` takes them; may be empty.
        headroom_min, headroom_max: percent for the guard; None for a side on which the rules only warn.
        workload: what it is the cap of.
        variable: path of the variable that it comes from.
        source: see CapSource.
    """

    text: str
    pixels_per_unit: int
    amount: Fraction
    currency: str
    prices: tuple[Mapping[str, object], ...]
    headroom_min: str | None
    headroom_max: str | None
    workload: Workload
    variable: str
    source: CapSource


@dataclass(frozen=True)
class Entry:
    """One entry of the document that ``-maxPricePerCapability`` gets.

    Attributes:
        written: the entry, amounts as exact decimal text.
        prices, headroom_min, headroom_max: see Cap, over every workload that it is looked up for.
    """

    written: Mapping[str, object] = field(hash=False)
    prices: tuple[Mapping[str, object], ...] = ()
    headroom_min: str | None = None
    headroom_max: str | None = None


@dataclass(frozen=True)
class Caps:
    """What one payer pays at most.

    Attributes:
        by_workload: what the binary holds a price of that workload against. A workload of kind ``ai`` or ``live_video`` without
            pipeline stands for every model that nobody named.
        missing: workloads without such a cap, and why.
        bands: of the prices that a cap is held against, those of every workload that shares it (but video apart from the models
            that fall through to its cap); without a cap, of the prices of the workload alone. None where they are not known, or
            in several currencies without a rate.
        flag: what ``-maxPricePerUnit`` and ``-pixelsPerUnit`` get; None for no flag.
        entries: what ``-maxPricePerCapability`` gets; empty for no flag.
    """

    by_workload: Mapping[Workload, Cap] = field(default_factory=dict)
    missing: Mapping[Workload, NoCap] = field(default_factory=dict)
    bands: Mapping[Workload, Band] = field(default_factory=dict)
    flag: Cap | None = None
    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True)
class Asked:
    """What one payer may be asked for, by all who have it pay.

    Attributes:
        kinds: of the workloads that it is there for.
        asks: the distinct asks of each workload.
        overheads: for each workload the factor (1 or more) that the highest stated gas makes of a price; empty where unknown.
        strangers: True if orchestrators that nobody knows may ask too.
    """

    kinds: tuple[str, ...]
    asks: Mapping[Workload, Sequence[Ask]]
    overheads: Mapping[Workload, Fraction]
    strangers: bool = False


def caps(payer: Node, asked: Asked) -> Caps:
    """Caps and bands of one payer.

    Args:
        payer: a gateway, or a signer of the fleet; the cap of a gateway that pays through another signer is what is declared of that.
        asked: of all its gateways.
    """
    return _Payer(payer, asked).caps()


class _Payer:
    """The caps of one payer, worked out once."""

    def __init__(self, payer: Node, asked: Asked) -> None:
        self.node = payer
        self.signs = payer.role is Role.REMOTE_SIGNER
        self.settings = payer_settings(payer)
        self.asked = {Workload(kind): () for kind in asked.kinds} | dict(asked.asks)
        self.overheads = asked.overheads
        self.strangers = asked.strangers
        self.limits = tuple(map(percent, (payer.headroom_min, payer.headroom_max))) if payer.knows(*LIMITS) else None

    def caps(self) -> Caps:
        """See ``caps``."""
        payment = self.settings.payment if isinstance(self.settings, GatewaySettings) else Payment.ONCHAIN
        if payment is Payment.NONE or not self.node.knows(*(PAYMENT if self.node.role is Role.GATEWAY else PAYMENT[:1])):
            return Caps()
        if isinstance(self.settings, GatewaySettings) and payment is not Payment.ONCHAIN:
            declared = self._declared(self.settings.remote_signer)
            return self._found({workload: (SIGNER, self._of_signer(workload, declared)) for workload in self.asked}, {})
        flag = self._global()
        document = self._document(flag)
        return self._found({workload: self._looked_up(workload, flag, document) for workload in self.asked}, {FLAG: flag} | document)

    def _found(self, each: Mapping[Workload, tuple[Key, Cap | NoCap]], written: Mapping[Key, Cap | NoCap]) -> Caps:
        """The result; a cap that several workloads are held against is judged by the prices of all of them.

        Args:
            each: what each workload is held against.
            written: what goes into the configuration, by the same keys.
        """
        users: dict[Key, list[Workload]] = {}
        for workload, (key, cap) in each.items():
            if isinstance(cap, Cap):
                users.setdefault(key, []).append(workload)
        guarded = {key: self._guarded(one, users.get(key, [])) for key, one in written.items() if isinstance(one, Cap)}
        found = {workload: (cap, users[key]) for workload, (key, cap) in each.items() if isinstance(cap, Cap)}
        bands = {workload: self._band([workload], "") for workload in each if workload not in found}
        for workload, (cap, sharing) in found.items():
            # What falls through to the cap of video says nothing of how high that should be.
            alike = [one for one in sharing if (found[one][0].source is CapSource.GLOBAL) is (cap.source is CapSource.GLOBAL)]
            bands[workload] = self._band(alike, cap.currency)
        in_document = (key for key, one in written.items() if key != FLAG and (key in guarded or one is NoCap.ANY))
        return Caps(
            by_workload={workload: self._guarded(cap, sharing) for workload, (cap, sharing) in found.items()},
            missing={workload: one for workload, (_key, one) in each.items() if isinstance(one, NoCap)},
            bands={workload: one for workload, one in bands.items() if one is not None},
            flag=guarded.get(FLAG),
            entries=tuple(_entry(key, guarded.get(key)) for key in in_document),
        )

    # What the operator wrote

    def _global(self) -> Cap | NoCap:
        """``-maxPricePerUnit`` (``starter.go:StartLivepeer``): an amount of 0 is no cap, whatever follows it."""
        variable = self.node.sources["max_price_per_unit"].variable
        if not self.node.knows(*GLOBAL_CAP):
            return NoCap.REFUSED
        if self.settings.max_price_per_unit == AUTO:
            of_flag = self._of_flag()
            return self._auto(of_flag, of_flag[0], variable, self.settings.pixels_per_unit) if of_flag else NoCap.UNSET
        return self._written(self.settings.max_price_per_unit, self.settings.pixels_per_unit, variable, CapSource.WRITTEN)

    def _of_flag(self) -> list[Workload]:
        """What the flag alone caps: video at a gateway, and at a signer, which pays for none, the models without a cap of their own."""
        if not self.signs:
            return [one for one in self.asked if one.kind == VIDEO]
        caps = self.settings.max_price_per_capability
        if isinstance(caps, str):
            return [] if caps else [one for one in sorted(self.asked) if one.pipeline]
        named = {entry_key(entry) for entry in caps}
        models = (one for one in sorted(self.asked) if one.pipeline)
        return [one for one in models if named.isdisjoint({(one.pipeline, one.model_id), (one.pipeline, DEFAULT)})]

    def _declared(self, signer: RemoteSigner) -> Cap | NoCap:
        """What is known of the ``-maxPricePerUnit`` of a signer that is no node of the fleet."""
        if not self.node.knows("remote_signer"):
            return NoCap.REFUSED
        if not signer.max_price_per_unit:
            return NoCap.UNDECLARED
        variable = f"{self.node.sources['remote_signer'].variable}.max_price_per_unit"
        declared = self._written(signer.max_price_per_unit, signer.pixels_per_unit, variable, CapSource.DECLARED)
        return NoCap.DECLARED_ZERO if declared is NoCap.ZERO else declared

    def _written(self, text: str, pixels: str, variable: str, source: CapSource) -> Cap | NoCap:
        if text in ("", ANY):
            return NoCap.ANY if text else NoCap.UNSET
        try:
            units = parse_pixels(pixels)
            if parse_price(text).amount == 0:
                return NoCap.ZERO
            value = rate(text, pixels)
        except PriceError:
            return NoCap.UNREADABLE
        return Cap(text, units, value.amount, value.currency, (), None, None, Workload(VIDEO), variable, source)

    def _document(self, flag: Cap | NoCap) -> dict[Key, Cap | NoCap]:
        """The entries by pipeline and model; of equal ones the last counts (``broadcast.go:SetCapabilityMaxPrice``)."""
        caps, variable = self.settings.max_price_per_capability, self.node.sources[CAPABILITY_CAPS].variable
        if not self.node.knows(CAPABILITY_CAPS):
            return {}
        if caps == AUTO:
            models = [workload for workload in self.asked if workload.pipeline]
            return {(one.pipeline, one.model_id): self._auto([one], one, variable, self.settings.pixels_per_unit) for one in sorted(models)}
        if caps == ANY:
            return {(pipeline, DEFAULT): NoCap.ANY for pipeline in pipelines()}
        entries = [entry for entry in caps if isinstance(entry, Mapping)]
        named = {entry_key(entry) for entry in entries}
        found: dict[Key, Cap | NoCap] = {}
        for place, entry in enumerate(entries):
            cap = self._capability(place, entry, named, flag)
            # One without a cap is left out, and so takes none away.
            if cap is not NoCap.ZERO or entry_key(entry) not in found:
                found[entry_key(entry)] = cap
        return found

    def _capability(self, place: int, entry: Mapping[str, object], named: set[Key], flag: Cap | NoCap) -> Cap | NoCap:
        """One entry: what it leaves out, or has as 0 or less, is taken from the flags, the number without its currency."""
        variable = f"{self.node.sources[CAPABILITY_CAPS].variable}[{place}].price_per_unit"
        key, price = entry_key(entry), str(entry.get("price_per_unit", ""))
        workload = Workload.of_model(*key)
        pixels = self._units(entry)
        if price == ANY:
            return NoCap.ANY
        if price == AUTO:
            return self._auto(self._looked_up_by(key, named), workload, variable, str(pixels))
        found = read(Place.CAPABILITY_CAP, price or "0")
        amount, source = found.amount, CapSource.WRITTEN
        if found.effect == TAKES_FLAG:
            if not isinstance(flag, Cap):
                return NoCap.ZERO
            amount, source = parse_price(flag.text).amount, CapSource.GLOBAL
        if amount is None or pixels is None:
            return NoCap.UNREADABLE
        value = Price(amount, str(entry.get("currency") or ""), pixels).rate
        text, units = _text(value, pixels)
        return Cap(text, units, value.amount, value.currency, (), None, None, workload, variable, source)

    def _units(self, entry: Mapping[str, object]) -> Fraction | None:
        """Units of an entry; ``-pixelsPerUnit`` where they are missing or not above 0. A fraction is taken as it is."""
        own = read(Place.CAPABILITY_PIXELS, str(entry.get("pixels_per_unit", "0")))
        if own.effect != TAKES_PIXELS:
            return own.amount
        return read(Place.PIXELS, self.settings.pixels_per_unit).amount

    def _looked_up_by(self, key: Key, named: set[Key]) -> list[Workload]:
        """The workloads whose price is held against an entry."""
        of_pipeline = [one for one in self.asked if one.pipeline == key[0]]
        if key[1] == DEFAULT:
            return [one for one in of_pipeline if (one.pipeline, one.model_id) not in named - {key}]
        return [one for one in of_pipeline if one.model_id == key[1]]

    # What the binary makes of it

    def _looked_up(self, workload: Workload, flag: Cap | NoCap, document: Mapping[Key, Cap | NoCap]) -> tuple[Key, Cap | NoCap]:
        """Exact model, else the pipeline's default, else the flag (``server/broadcast.go:GetCapabilitiesMaxPrice``)."""
        if workload.kind == VIDEO:
            return FLAG, flag
        if workload.kind == LIVE_RUNNER:
            # Held against the flag alone, and in another unit (recorded in facts/payment.json).
            return FLAG, NoCap.OTHER_UNIT if self.signs and isinstance(flag, Cap) else NoCap.NONE_NEEDED
        if not self.node.knows(CAPABILITY_CAPS):
            return FLAG, NoCap.REFUSED
        own, default = ((workload.pipeline, model) for model in (workload.model_id, DEFAULT))
        for key in (own, default):
            found = document.get(key)
            if isinstance(found, Cap):
                as_default = key == default != own and found.source is CapSource.WRITTEN
                return key, replace(found, workload=workload, source=CapSource.DEFAULT if as_default else found.source)
            # An entry without a cap is left out by the binary, so that the next one counts.
            if found is not None and found is not NoCap.ZERO:
                return key, found
        return FLAG, self._fallen_through(workload, flag)

    def _fallen_through(self, workload: Workload, flag: Cap | NoCap) -> Cap | NoCap:
        if not workload.pipeline and self.settings.max_price_per_capability == ANY:
            return NoCap.ANY
        if isinstance(flag, NoCap):
            # An auto of video without a price of video is no cap of models either, and their own prices are known.
            return NoCap.UNSET if flag is NoCap.UNKNOWN_PRICE and not self.signs else flag
        if not per_pixel(workload):
            return NoCap.OTHER_UNIT
        return replace(flag, workload=workload, source=flag.source if self.signs else CapSource.GLOBAL)

    def _of_signer(self, workload: Workload, declared: Cap | NoCap) -> Cap | NoCap:
        """A signer holds one number against the prices of all units (``server/remote_signer.go``)."""
        if workload.kind == LIVE_RUNNER:
            return NoCap.OTHER_UNIT if isinstance(declared, Cap) else NoCap.NONE_NEEDED
        if isinstance(declared, NoCap):
            return declared
        return replace(declared, workload=workload) if per_pixel(workload) else NoCap.OTHER_UNIT

    # What the prices make of it

    def _auto(self, workloads: Sequence[Workload], workload: Workload, variable: str, pixels: str) -> Cap | NoCap:
        """The upper edge of the band."""
        if self.limits is None:
            return NoCap.REFUSED
        fits = self._band(workloads, "")
        if fits is None:
            return self._why_not_auto(workloads)
        if fits.high == 0:
            return NoCap.PRICE_ZERO
        try:
            wished = Fraction(parse_pixels(pixels))
        except PriceError:
            return NoCap.UNREADABLE
        text, units = _text(Rate(fits.high, fits.currency), wished)
        return Cap(text, units, fits.high, fits.currency, (), None, None, workload, variable, CapSource.AUTO)

    def _why_not_auto(self, workloads: Iterable[Workload]) -> NoCap:
        states = {ask.state for workload in workloads for ask in self.asked.get(workload, ())}
        known = {State.REFUSED: NoCap.REFUSED, State.UNREADABLE: NoCap.UNREADABLE, State.STATED: NoCap.CURRENCIES}
        known |= dict.fromkeys((State.FALLBACK, State.FREE_BY_FLOOR), NoCap.CURRENCIES)
        return next((why for state, why in known.items() if state in states), NoCap.UNKNOWN_PRICE)

    def _band(self, workloads: Iterable[Workload], currency: str, *, raised: bool = True) -> Band | None:
        """The band over every known price of some workloads.

        Args:
            currency: of the cap it is for; "" for that of the prices, wei where they differ and rates are known.
            raised: whether the stated gas price may raise its upper edge.
        """
        known = [(one, ask.rate, ask.adjusts) for one in workloads for ask in self.asked.get(one, ()) if ask.rate is not None]
        own = {rate.currency for _one, rate, _adjusts in known}
        target = currency or (own.pop() if len(own) == 1 else WEI)
        bands = []
        for one, value, adjusts in known:
            price = in_currency(value, target, self.node.exchange_rates)
            if price is None and not currency:
                return None
            if price is not None and self.limits is not None:
                factor = self.overheads.get(one, Fraction(1)) if raised else Fraction(1)
                bands.append(band([Offer(price.amount, adjusts)], *self.limits, overhead=factor, currency=target))
        return Band(max(one.low for one in bands), max(one.high for one in bands), target) if bands else None

    def _guarded(self, cap: Cap, workloads: Sequence[Workload]) -> Cap:
        """The cap with the prices and limits that its template enforces: all that the rules refuse, and what they do not even warn of."""
        fits = self._band(workloads, cap.currency, raised=False)
        prices = self._prices(workloads, cap.currency)
        open_below = fits is None or not prices or self.strangers
        open_above = fits is None or not prices or cap.amount > fits.high
        return replace(
            cap,
            prices=prices,
            headroom_min=None if open_below else self.node.headroom_min,
            headroom_max=None if open_above else self.node.headroom_max,
        )

    def _prices(self, workloads: Iterable[Workload], currency: str) -> tuple[Mapping[str, object], ...]:
        """The different prices, in a fixed order; without those of which only a rate tells that they fit (LPF208)."""
        asks = [ask for one in workloads for ask in self.asked.get(one, ()) if ask.rate is not None]
        rates = self.node.exchange_rates
        kept = [ask for ask in asks if ask.rate and (ask.rate.currency == currency or in_currency(ask.rate, currency, rates) is None)]
        different = {str(sorted(ask.written.items())): ask.written for ask in kept}
        return tuple(different[key] for key in sorted(different))


def _entry(key: Key, cap: Cap | None) -> Entry:
    """An entry of the document; without a cap it is for any price."""
    named = {"pipeline": key[0], "model_id": key[1]}
    if cap is None:
        return Entry(named | {"price_per_unit": str(LARGEST), "pixels_per_unit": "1"})
    number, units = flag_text(cap.amount, cap.pixels_per_unit)
    written = named | {"price_per_unit": number, "pixels_per_unit": str(units)}
    written |= {} if cap.currency == WEI else {"currency": cap.currency}
    return Entry(written, cap.prices, cap.headroom_min, cap.headroom_max)


def entry_key(entry: Mapping[str, object]) -> Key:
    """Pipeline and model of an entry (``starter.go:getCapabilityPrices``)."""
    return str(entry.get("pipeline", "")), str(entry.get("model_id") or DEFAULT)


def _text(value: Rate, pixels: Fraction) -> tuple[str, int]:
    """A rate as text with its currency, and the whole number of units that it is for."""
    number, units = flag_text(value.amount, pixels.numerator)
    return number + ("" if value.currency == WEI else value.currency), units
