# SPDX-License-Identifier: GPL-3.0-or-later
"""Caps that are not there, that nothing enforces or that nobody needs: LPF203, LPF204, LPF206 and LPF207."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

from ansible_collections.livepeer.fleet.plugins.plugin_utils.asks import serves
from ansible_collections.livepeer.fleet.plugins.plugin_utils.caps import (
    ANY,
    AUTO,
    CAPABILITY_CAPS,
    DEFAULT,
    IGNORE_CAP,
    NoCap,
    entry_key,
    undone,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.pipelines import unit
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.releases import order
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Node
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.settings import gateway_settings, payer_settings
from ansible_collections.livepeer.fleet.plugins.plugin_utils.nearest import nearest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.payments import PAYS, paying, pays, signs
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices import Band, Rate, amount_text
from ansible_collections.livepeer.fleet.plugins.plugin_utils.routes import ROUTED, Route, Signer, discovers
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.held import FLAG_CAP, missing, of, own_cap
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.survey import Rule, Survey, finding, of_each, some
from ansible_collections.livepeer.fleet.plugins.plugin_utils.workloads import AI, LIVE_RUNNER, VIDEO, Workload

BYOC_SINCE = "0.8.6"
"""First release with jobs of one's own containers (ai.json:byoc)."""


def uncapped(survey: Survey) -> Iterator[Finding]:
    """LPF203: any price is paid, or may be."""
    for found in survey.routes:
        yield from (each for one in _no_cap(found) for each in of_each(found.payers, one))
        for one in (*_ignored(found), *_byoc(found), *_undeclared(found)):
            yield from of_each(found.gateways, one)
    yield from (one for signer in survey.signers if not signer.asked for one in _unasked(signer))


def _unasked(signer: Signer) -> Iterator[Finding]:
    """A signer that pays for others than the gateways of this inventory: it signs for whoever reaches it."""
    node, settings = signer.node, payer_settings(signer.node)
    text = settings.max_price_per_unit
    if signer.caps.flag is None and not signer.caps.entries and text != ANY and node.knows(FLAG_CAP, CAPABILITY_CAPS, "network"):
        message = "no gateway of this inventory has it pay for anything, so that no cap can be worked out" if text == AUTO else ""
        message = message or "there is no cap, so that it pays any price to whoever asks"
        hint = f"{node.sources[FLAG_CAP].variable}: the most you would pay, or any on purpose"
        yield finding("LPF203", node, message, field=FLAG_CAP, got=text or "(not set)", hint=hint)


def _no_cap(found: Route) -> Iterator[Finding]:
    for why, workloads in missing(found, "LPF203").items():
        payer, workload = found.payer, workloads[0]
        settings = payer_settings(payer)
        text = settings.max_price_per_unit
        if why is NoCap.DECLARED_ZERO:
            yield _declared_as_none(payer)
            continue
        messages = {
            NoCap.UNSET: "there is no cap, so that any price is paid",
            NoCap.ZERO: f'a cap of "{text}" means any price',
            NoCap.PRICE_ZERO: f"no cap can be worked out{of(workload)}: the price is 0, and a cap of 0 means any price",
            NoCap.UNKNOWN_PRICE: f"no cap can be worked out{of(workload)}, because no price is known of the orchestrators",
        }
        fits = found.caps.bands.get(workload)
        limit = "" if fits is None or fits.high == 0 else f"{_per_unit(fits.low, fits)} to {_per_unit(fits.high, fits)}"
        by_flag = workload.kind == VIDEO or (payer is not found.gateway and not settings.max_price_per_capability)
        variable = payer.sources[FLAG_CAP if by_flag else CAPABILITY_CAPS].variable
        yield finding(
            "LPF203",
            payer,
            messages[why],
            variable=variable,
            got=text or "(not set)" if by_flag else AUTO,
            limit=limit,
            hint=_any_or(variable, why, limit),
        )


def _declared_as_none(gateway: Node) -> Finding:
    variable = f"{gateway.sources['remote_signer'].variable}.max_price_per_unit"
    got = gateway_settings(gateway).remote_signer.max_price_per_unit
    hint = f"{variable}: the cap that the signer has, or any where it has none"
    return finding("LPF203", gateway, f'a signer with a cap of "{got}" pays any price', variable=variable, got=got, hint=hint)


def _per_unit(amount: Fraction, fits: Band) -> str:
    return amount_text(Rate(amount, fits.currency))


def _any_or(variable: str, why: NoCap, limit: str) -> str:
    if why is NoCap.PRICE_ZERO:
        return f"{variable}: the most you would pay, such as 1, or any on purpose"
    if not limit or "/" in limit:
        return f"{variable}: the most you would pay, or any on purpose"
    return f"{variable}: {limit}, or auto"


def _ignored(found: Route) -> Iterator[Finding]:
    gateway = found.gateway
    kinds = {workload.kind for workload in found.caps.by_workload if undone(gateway, workload)}
    if kinds:
        variable = f"{gateway.sources['flags'].variable}.{IGNORE_CAP}"
        message = f"where every orchestrator is above the cap, any price is paid for {' and '.join(sorted(kinds))} all the same"
        hint = f"remove {variable}, or write any where no cap is meant"
        yield finding("LPF203", gateway, message, variable=variable, got="true", hint=hint, level=Level.WARNING)


def _byoc(found: Route) -> Iterator[Finding]:
    gateway = found.gateway
    if pays(gateway) and AI in gateway_settings(gateway).workloads and order(gateway.release.behaves_like) >= order(BYOC_SINCE):
        message = "no cap counts for jobs in containers of one's own (BYOC, /process/request): what the orchestrator asks is paid"
        hint = "let nobody reach these routes whose jobs you would not pay for"
        yield finding("LPF203", gateway, message, field="workloads", got=AI, hint=hint, level=Level.INFO)


def _undeclared(found: Route) -> Iterator[Finding]:
    unknown = {workload for workload, why in found.caps.missing.items() if why is NoCap.UNDECLARED}
    # One named by its host is no node of the fleet (LPF304).
    if gateway_settings(found.gateway).remote_signer.url and any(workload in unknown for _alike, workload, _ask in found.payable()):
        gateway = found.gateway
        variable = gateway.sources["remote_signer"].variable
        name = gateway_settings(gateway).remote_signer.name
        message = f"nobody said what the signer ({name}) pays at most, so that nothing can be said of its headroom"
        hint = f"{variable}: {{url: the same, max_price_per_unit: the cap that the signer has, or any}}"
        where = f"{variable}.max_price_per_unit"
        yield finding("LPF203", gateway, message, variable=where, got="(not set)", hint=hint, level=Level.INFO)


def idle_cap(survey: Survey) -> Iterator[Finding]:
    """LPF204: go-livepeer reads no cap off-chain, not even a wrong one; of several caps of one signer one is enforced."""
    for found in survey.routes:
        for field in (FLAG_CAP, CAPABILITY_CAPS):
            yield from of_each(found.gateways, idle) if (idle := _idle(found.gateway, field)) else ()
        for one in _instead_of_signer(found):
            yield from of_each(found.gateways, one)
    yield from _contradicted(survey)


def _instead_of_signer(found: Route) -> Iterator[Finding]:
    """What is said at a gateway of the caps and funds of a signer of the fleet, which says them itself."""
    gateway, signer, settings = found.gateway, found.payer, gateway_settings(found.gateway)
    if signer is gateway or not gateway.knows(*PAYS):
        return
    written = {field: (gateway.sources[field].variable, str(getattr(settings, field))) for field in ("reserve_eth", "deposit_eth")}
    written[FLAG_CAP] = (f"{gateway.sources['remote_signer'].variable}.{FLAG_CAP}", settings.remote_signer.max_price_per_unit)
    for field, (variable, text) in written.items():
        if text:
            message = f"nothing reads this: {signer.host} pays, and what counts is what stands there"
            hint = f"{signer.sources[field].variable} on {signer.host} instead"
            yield finding("LPF204", gateway, message, variable=variable, got=text, hint=hint, others=[signer.host], level=Level.WARNING)


def _idle(gateway: Node, field: str) -> Finding | None:
    cap = getattr(gateway_settings(gateway), field)
    if gateway.onchain or cap in ("", AUTO, ANY, ()) or not gateway.knows(*PAYS):
        return None
    variable = gateway.sources[field].variable
    return finding(
        "LPF204",
        gateway,
        "nothing enforces this cap: "
        + ("the signer pays, and its own cap counts" if signs(gateway) else "off-chain nothing is paid, and caps are not even read"),
        variable=variable,
        got=cap if isinstance(cap, str) else f"{len(cap)} caps",
        hint=_set_there(gateway, field) if signs(gateway) else f"remove {variable}",
        level=Level.WARNING,
    )


def _set_there(gateway: Node, field: str) -> str:
    signer = paying(gateway)
    return "set it on the signer instead" if signer is gateway else f"{signer.sources[field].variable} on {signer.host} instead"


def _contradicted(survey: Survey) -> Iterator[Finding]:
    """A signer has one cap, whatever each gateway says of it."""
    said: dict[str, dict[tuple[str, str], list[Node]]] = {}
    for found in survey.routes:
        signer = gateway_settings(found.gateway).remote_signer
        if signs(found.gateway) and not signer.node and signer.known and signer.max_price_per_unit and found.gateway.knows("remote_signer"):
            what = (signer.max_price_per_unit, signer.pixels_per_unit)
            said.setdefault(signer.known, {}).setdefault(what, []).extend(found.gateways)
    for name, caps in said.items():
        if len(caps) > 1:
            ((first, pixels), gateways), *rest = caps.items()
            others = [f"{_for_pixels(text, units)} at {nodes[0].host}" for (text, units), nodes in rest]
            yield finding(
                "LPF204",
                gateways[0],
                f"the signer {name} has one cap for all of its gateways, but several are said of it",
                variable=f"{gateways[0].sources['remote_signer'].variable}.max_price_per_unit",
                got=_for_pixels(first, pixels),
                limit="; ".join(others),
                hint="write the cap that the signer has, in one place for all of them",
                others=[nodes[0].host for nodes in list(caps.values())[1:]],
                level=Level.WARNING,
            )


def _for_pixels(text: str, pixels: str) -> str:
    return f"{text} for {pixels} pixel{'' if pixels == '1' else 's'}"


def unserved(survey: Survey) -> Iterator[Finding]:
    """LPF206: a cap that no job is ever held against."""
    for found in survey.routes:
        entries = gateway_settings(found.gateway).max_price_per_capability
        if isinstance(entries, str) or not found.routing.closed or not pays(found.gateway) or not found.gateway.knows(*ROUTED):
            continue
        nodes = [alike.node for alike in found.asked if alike.node is not None]
        if all(node.knows("ai_models") for node in nodes):
            served = {workload for node in nodes for workload in serves(node) if workload.pipeline}
            # Without a pipeline the parser has refused it.
            for place, entry in ((place, entry) for place, entry in enumerate(entries) if entry.get("pipeline")):
                yield from of_each(found.gateways, idle) if (idle := _unserved(found.gateway, place, entry, served)) else ()


def _unserved(gateway: Node, place: int, entry: Mapping[str, object], served: set[Workload]) -> Finding | None:
    pipeline, model = entry_key(entry)
    meant = [workload for workload in served if workload.pipeline == pipeline and model in (DEFAULT, workload.model_id)]
    wanted = gateway_settings(gateway).workloads
    if any(workload.kind in wanted for workload in meant):
        return None
    variable = f"{gateway.sources[CAPABILITY_CAPS].variable}[{place}]"
    models = {workload.model_id for workload in served if workload.pipeline == pipeline}
    best = nearest(model, models) if model != DEFAULT else nearest(pipeline, {workload.pipeline for workload in served})
    kinds = f"{gateway.sources['workloads'].variable}: [{', '.join((*wanted, meant[0].kind))}]" if meant else ""
    return finding(
        "LPF206",
        gateway,
        f"this gateway is not for {meant[0].kind}" if meant else "none of the orchestrators of this gateway serves this",
        variable=variable,
        got=pipeline if model == DEFAULT else f"{pipeline} {model}",
        limit=some(sorted(map(str, served))) if not meant else ", ".join(wanted),
        hint=kinds or (f"{best}, or remove the entry" if best else "remove the entry"),
        level=Level.WARNING,
    )


def fallen_through(survey: Survey) -> Iterator[Finding]:
    """LPF207: a model without a cap, or held against the cap of another unit."""
    for found in survey.routes:
        for why, workloads in missing(found, "LPF207").items():
            runners = [workload for workload in workloads if workload.kind == LIVE_RUNNER]
            strangers = [workload for workload in workloads if workload.kind != LIVE_RUNNER and not workload.pipeline]
            models = [workload for workload in workloads if workload.pipeline]
            for alike in filter(None, (models, strangers)):
                yield from of_each(found.payers, _models_without(found, why, alike))
            if runners:
                yield from of_each(found.payers, _blocked(found))


def _models_without(found: Route, why: NoCap, models: list[Workload]) -> Finding:
    payer, cap = found.payer, found.caps.flag
    names = some([str(workload) if workload.pipeline else f"every model that is not named ({workload.kind})" for workload in models])
    units = ", ".join(sorted({unit(workload) for workload in models}))
    variable, entries = payer.sources[CAPABILITY_CAPS].variable, payer_settings(payer).max_price_per_capability
    got = entries if isinstance(entries, str) and entries else f"{len(entries)} caps" if entries else "(not set)"
    message, limit = f"{names}: no cap, so that any price is paid", ""
    if why is NoCap.OTHER_UNIT and cap is not None:
        got, limit = _for_pixels(cap.text, str(cap.pixels_per_unit)), f"a cap for a {units}"
        message = f"{names}: paid by the {units}, but held against the cap for a pixel"
    # Whoever caps the models of the fleet has thought of caps; strangers of the chain may be chosen or not.
    level = Level.WARNING if discovers(found.gateway) and entries and not models[0].pipeline else Level.ERROR
    return finding("LPF207", payer, message, variable=variable, got=got, limit=limit, hint=own_cap(payer, models[0]), level=level)


def _blocked(found: Route) -> Finding:
    payer = found.payer
    message = (
        "a signer holds its cap for a pixel against the prices of live runners, which are for a second or a job: it pays for none of them"
    )
    if payer is found.gateway:
        variable = f"{payer.sources['remote_signer'].variable}.max_price_per_unit"
        got = gateway_settings(payer).remote_signer.max_price_per_unit
        hint = f"a signer without a cap for live runners, and {variable}: any"
    else:
        variable, got = payer.sources[FLAG_CAP].variable, payer_settings(payer).max_price_per_unit
        hint = f"{variable}: any, and {payer.sources[CAPABILITY_CAPS].variable}: auto; or a signer of its own for live runners"
    return finding("LPF207", payer, message, variable=variable, got=got, hint=hint)


RULES = (
    Rule(
        "LPF203",
        "error; warning where a flag undoes the cap, info where none can be set or nobody said it",
        "No cap, or one that means any price, on a gateway that pays; a cap that ignoreMaxPriceIfNeeded undoes; jobs that have none.",
        "Write a cap, auto, or any where that is meant.",
        uncapped,
    ),
    Rule(
        "LPF204",
        "warning",
        "A cap where nothing enforces it: off-chain, or where a signer pays (its funds too); or said otherwise of the same signer.",
        "Remove it; with a signer set it there.",
        idle_cap,
    ),
    Rule(
        "LPF206",
        "warning",
        "A cap for a pipeline and model that none of the gateway's orchestrators serves. Silent where it may use others.",
        "Correct the name, or remove the entry.",
        unserved,
    ),
    Rule(
        "LPF207",
        "error; warning about models of strangers of the chain, where those of the fleet are capped",
        "A model that falls through to no cap, or to the cap for a pixel while it is paid by another unit; live runners under a cap.",
        "Give each model a cap of its own: livepeer_gateway_max_price_per_capability: auto.",
        fallen_through,
    ),
)
