# SPDX-License-Identifier: GPL-3.0-or-later
"""Who can be reached and paid: LPF301 to LPF304, and the weights by which an on-chain gateway chooses (LPF504)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from ansible_collections.livepeer.fleet.plugins.plugin_utils.addresses import join_host_port, orchestrator_url, reached_at
from ansible_collections.livepeer.fleet.plugins.plugin_utils.edges import workloads
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.flags import selection_tolerance, selection_weights
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.definitions import of_role
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import OFFCHAIN, Discovery, Node, RemoteSignerSettings
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.settings import gateway_settings, orchestrator_settings
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.signing import http_listener
from ansible_collections.livepeer.fleet.plugins.plugin_utils.nearest import nearest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.payments import PAYS, REFUSED, between, both, pays, signs
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices import decimal_text
from ansible_collections.livepeer.fleet.plugins.plugin_utils.routes import ROUTED, Route, discovers
from ansible_collections.livepeer.fleet.plugins.plugin_utils.routing import Candidate, asked_and_served
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.survey import Rule, Survey, finding, of_each, setting, some
from ansible_collections.livepeer.fleet.plugins.plugin_utils.templating import MAX_LINE
from ansible_collections.livepeer.fleet.plugins.plugin_utils.workloads import AI, LIVE_RUNNER, LIVE_VIDEO, NAMES, VIDEO

SERVED_BY = {
    VIDEO: "livepeer_orchestrator_transcoder",
    AI: "livepeer_orchestrator_ai_models",
    LIVE_VIDEO: "livepeer_orchestrator_ai_models",
    LIVE_RUNNER: "livepeer_orchestrator_flags",
}
"""Variables that make an orchestrator serve a kind of workload."""

WEIGHTS = ("select_stake_weight", "select_price_weight", "select_rand_freq")
"""Settings of the weights of the choice among orchestrators."""


@dataclass
class Refusal:
    """Workloads that are refused for one reason, and who refuses them."""

    kinds: dict[str, None] = field(default_factory=dict)
    nodes: dict[tuple[str, str], Node] = field(default_factory=dict)


def unpayable(survey: Survey) -> Iterator[Finding]:
    """LPF301: what is asked of a gateway, and an orchestrator refuses it, or the gateway refuses the orchestrator."""
    for found in survey.routes:
        # With a signer beside its own account a gateway has that to get rid of first (LPF303).
        if not found.gateway.knows(*ROUTED, "workloads") or both(found.gateway):
            continue
        for why, refusal in _refusals(found).items():
            yield from of_each(found.gateways, _unpayable(found, why, refusal))


def _refusals(found: Route) -> dict[str, Refusal]:
    """What is refused by whom, by reason; by those that are left out of the inventory only what nobody else serves."""
    refusals: dict[str, Refusal] = {}
    served = {workload.kind for alike in found.asked for workload in workloads(found, alike)}
    _add(refusals, found, (alike.candidates for alike in found.asked), frozenset())
    _add(refusals, found, found.routing.unfit, served)
    return refusals


def _add(refusals: dict[str, Refusal], found: Route, groups: Iterable[tuple[Candidate, ...]], spared: Iterable[str]) -> None:
    for group in groups:
        node = group[0].node
        if node is None or not node.knows("network"):
            continue
        for kind in dict.fromkeys(workload.kind for workload in asked_and_served(found.gateway, node)):
            pair = between(found.gateway, node.network, kind)
            if kind not in spared and pair.outcome == REFUSED:
                refusal = refusals.setdefault(pair.why, Refusal())
                refusal.kinds[kind] = None
                refusal.nodes |= {(one.node.host, one.node.name): one.node for one in group if one.node}


def _unpayable(found: Route, why: str, refusal: Refusal) -> Finding:
    nodes = list(refusal.nodes.values())
    hosts = list(dict.fromkeys(node.host for node in nodes))
    return finding(
        "LPF301",
        found.gateway,
        f"no {_named(refusal.kinds)} to {some(hosts)}: {why}{_danger(found.gateway, refusal)}",
        field="payment",
        got=f"{_payment(found.gateway)} (network {found.gateway.network})",
        limit=f"network {', '.join(sorted({node.network for node in nodes}))}",
        hint=_way_out(found.gateway, nodes[0], list(refusal.kinds)),
        others=hosts[:3],
        level=Level.WARNING if discovers(found.gateway) else Level.ERROR,
    )


def _danger(gateway: Node, refusal: Refusal) -> str:
    """What is worse than a refusal (payment.json: the gateway's process ends with status 2)."""
    dies = VIDEO in refusal.kinds and signs(gateway) and any(node.onchain for node in refusal.nodes.values())
    return "; the first segment of an RTMP stream ends the gateway's process" if dies else ""


def _named(kinds: Iterable[str]) -> str:
    return " and ".join(NAMES[kind] for kind in kinds)


def _payment(gateway: Node) -> str:
    return gateway_settings(gateway).payment.value


def _way_out(gateway: Node, orchestrator: Node, kinds: list[str]) -> str:
    """What to write, and what else there is."""
    payment = gateway.sources["payment"].variable
    offchain = f"{_network(orchestrator, 'livepeer_orchestrator_network')}: {OFFCHAIN}"
    if kinds == [LIVE_RUNNER]:
        return f"{payment}: remote_signer, or a second orchestrator beside with {offchain}"
    signer = gateway_settings(gateway).remote_signer.node
    if signer is not None and signs(gateway) and orchestrator.onchain and signer.network != orchestrator.network:
        return f"{_network(signer, 'livepeer_remote_signer_network')}: {orchestrator.network} on {signer.host}"
    if not orchestrator.onchain:
        paid = f"or an orchestrator on {gateway.network} beside" if pays(gateway) else "on a gateway of its own, without a signer"
        return f"{payment}: none, {paid}"
    if pays(gateway):
        return f"{_network(gateway)}: {orchestrator.network}"
    spared = f"take {', '.join(kinds)} out of {gateway.sources['workloads'].variable}; or " if signs(gateway) else ""
    listed = f"{gateway.sources['discovery'].variable}: list keeps it to your own orchestrators"
    own = orchestrator.sources["price_per_gateway"].variable
    free = f"a price of 0 for its account in {own} makes that free, with a cap of 1"
    paid = f"{payment}: onchain, with {_network(gateway)}: {orchestrator.network} ({listed}, {free})"
    return f"{spared}{paid}; or a second, off-chain orchestrator beside, on another port, with {offchain}"


def _network(node: Node, own: str = "livepeer_gateway_network") -> str:
    """The variable of a node's network; where something else settled it, the one that is free to say another."""
    variable = node.sources["network"].variable
    settled = variable == node.sources.get("payment", node.sources["name"]).variable
    return own if settled or (variable == "livepeer_network" and own != "livepeer_gateway_network") else variable


def no_orchestrator(survey: Survey) -> Iterator[Finding]:
    """LPF302: a gateway that can give its jobs, or those of one workload, to nobody."""
    for found in survey.routes:
        if found.routing.faults or discovers(found.gateway) or not found.gateway.knows(*ROUTED):
            continue
        if not found.routing.candidates:
            yield from of_each(found.gateways, _nobody(found))
        elif found.gateway.knows("workloads") and found.routing.closed:
            for one in _unserved(found):
                yield from of_each(found.gateways, one)


def _nobody(found: Route) -> Finding:
    discovery = gateway_settings(found.gateway).discovery
    variable = found.gateway.sources["discovery"].variable
    message, hint = {
        Discovery.LOCAL: ("its host has no orchestrator", f"{variable}: inventory, or make the host a combined one"),
        Discovery.LIST: ("its list of orchestrators is empty", f"{found.gateway.sources['orch_addr'].variable}: [a host or a URL]"),
    }.get(discovery, ("the inventory has no orchestrator", "put a host into the group livepeer_orchestrators"))
    return finding(
        "LPF302",
        found.gateway,
        f"the gateway has no orchestrator: {message}",
        field="discovery",
        got=discovery.value,
        hint=hint,
    )


def _unserved(found: Route) -> Iterator[Finding]:
    """One finding for all that nobody serves; what is served and cannot be paid is LPF301."""
    groups = (*(alike.candidates for alike in found.asked), *found.routing.unfit)
    nodes = [group[0].node for group in groups]
    if not all(node is None or node.knows("ai_models", "flags", "transcoder", "ai_worker") for node in nodes):
        return
    served = {workload.kind for node in nodes if node for workload in asked_and_served(found.gateway, node)}
    asked = gateway_settings(found.gateway).workloads
    lost = [kind for kind in asked if kind not in served]
    if not lost:
        return
    hosts = list(dict.fromkeys(one.name for alike in found.asked for one in alike.candidates))
    variables = " or ".join(dict.fromkeys(SERVED_BY[kind] for kind in lost))
    yield finding(
        "LPF302",
        found.gateway,
        f"nobody that it may use serves {_named(lost)}: {some(hosts)}",
        field="workloads",
        got=", ".join(asked),
        limit=", ".join(kind for kind in asked if kind in served) or "(none of them)",
        hint=f"take {', '.join(lost)} out of {found.gateway.sources['workloads'].variable}, or let an orchestrator serve it ({variables})",
    )


def unlisted(survey: Survey) -> Iterator[Finding]:
    """LPF302: the gateway asks its signer for orchestrators, and that answers 404 (``server/remote_signer.go``)."""
    for found in survey.routes:
        settings, signer = gateway_settings(found.gateway), found.payer
        if settings.discovery is not Discovery.REMOTE_SIGNER or not isinstance(signer.settings, RemoteSignerSettings):
            continue
        if found.gateway.knows(*ROUTED) and signer.knows("remote_discovery") and not signer.settings.remote_discovery:
            one = finding(
                "LPF302",
                found.gateway,
                f"the gateway has no orchestrator: its signer on {signer.host} tells nobody which there are",
                field="discovery",
                got=settings.discovery.value,
                limit=f"{signer.sources['remote_discovery'].variable}: false",
                hint=f"{signer.sources['remote_discovery'].variable}: true on {signer.host}",
                others=[signer.host],
            )
            yield from of_each(found.gateways, one)


def discovery_offchain(survey: Survey) -> Iterator[Finding]:
    """LPF303: off-chain there is no registry to discover orchestrators from, and only a signer has a list of its own."""
    for found in survey.routes:
        discovery = gateway_settings(found.gateway).discovery
        wrong = {
            Discovery.ONCHAIN: "" if found.gateway.onchain else "an off-chain gateway cannot discover orchestrators on the chain",
            Discovery.REMOTE_SIGNER: ""
            if signs(found.gateway)
            else "no signer pays for this gateway, so that none lists orchestrators for it",
        }.get(discovery)
        if found.gateway.knows(*PAYS) and wrong:
            one = finding(
                "LPF303",
                found.gateway,
                wrong,
                field="discovery",
                got=discovery.value,
                limit=f"network {found.gateway.network}, payment {_payment(found.gateway)}",
                hint=f"{found.gateway.sources['discovery'].variable}: inventory",
            )
            yield from of_each(found.gateways, one)


def not_there(survey: Survey) -> Iterator[Finding]:
    """LPF304: a host is named that does not do what it is named for; LPF104, LPF504: other entries that cannot stand so."""
    for found in survey.routes:
        variable = found.gateway.sources["orch_addr"].variable
        for fault in found.routing.faults:
            path = f"{variable}[{fault.place}]"
            one = finding(
                fault.code,
                found.gateway,
                fault.message,
                variable=path,
                got=fault.got,
                limit=fault.limit,
                hint=setting(path, fault.hint) if fault.hint else "",
            )
            yield from of_each(found.gateways, one)
        for gateway in found.gateways:
            yield from _signer(survey, gateway)
            yield from _no_signer(survey, gateway)


def _no_signer(survey: Survey, gateway: Node) -> Iterator[Finding]:
    """A signer's URL at which an orchestrator answers: both listen on 8935 where nobody says otherwise."""
    endpoint = gateway_settings(gateway).remote_signer.endpoint
    if not gateway.knows(*PAYS) or not signs(gateway) or not endpoint:
        return
    orchestrator = survey.directory.answering(orchestrator_url(endpoint), gateway.machine)
    if orchestrator is None:
        return
    variable = gateway.sources["remote_signer"].variable
    yield finding(
        "LPF304",
        gateway,
        f"at the signer's URL the orchestrator of {orchestrator.host} answers, which signs nothing",
        field="remote_signer",
        got=endpoint,
        limit=f"{orchestrator.sources['service_addr'].variable}: {orchestrator_settings(orchestrator).service_addr}",
        hint=f"{variable}: where the signer really listens; both listen on 8935 where nobody says otherwise",
        others=[orchestrator.host],
    )


def _signer(survey: Survey, gateway: Node) -> Iterator[Finding]:
    """A host that is no signer, or one that listens where the gateway does not get."""
    signer = gateway_settings(gateway).remote_signer
    if not gateway.knows(*PAYS) or not signer.host or not signs(gateway):
        return
    variable = gateway.sources["remote_signer"].variable
    node = signer.node
    if node is None:
        names = [one.node.host for one in survey.signers]
        instead = nearest(signer.host, names) or (names[0] if len(names) == 1 else f"http://{signer.host}:8935")
        yield finding(
            "LPF304",
            gateway,
            f'"{signer.host}" has no remote signer in this inventory',
            field="remote_signer",
            got=signer.host,
            limit="an inventory host with a remote signer, or a URL",
            hint=setting(variable, instead),
        )
    elif signer.endpoint.startswith("https://"):
        yield finding(
            "LPF304",
            gateway,
            f"the signer of {node.host} speaks plain HTTP at this port, so that an https URL leads nowhere",
            field="remote_signer",
            got=signer.endpoint,
            limit=f"http://, or {node.host}",
            hint=setting(variable, node.host),
            others=[node.host],
        )
    elif not signer.url and (listener := http_listener(node)):
        where = node.sources["http_addr"].variable
        yield finding(
            "LPF304",
            gateway,
            f"the signer of {node.host} listens on {join_host_port(listener.address, listener.port)}, which this gateway's machine does not"
            " reach",
            field="remote_signer",
            got=signer.host,
            limit="an address that the gateway can route to",
            hint=f"{setting(where, f'{reached_at(node)}:{listener.port}')} on {node.host}, and {node.sources['webhook_url'].variable}",
            others=[node.host],
        )


def long_list(survey: Survey) -> Iterator[Finding]:
    """LPF504: a list of orchestrators that go-livepeer would not read to its end, nor what stands behind it."""
    for found in survey.routes:
        length = len(f"orchAddr {','.join(found.urls)}".encode())
        if length > MAX_LINE:
            fitting = len(found.urls) * MAX_LINE // length
            one = finding(
                "LPF504",
                found.gateway,
                f"its {len(found.urls):,} orchestrators make a line of {length:,} bytes, and go-livepeer stops reading at {MAX_LINE:,}",
                field="discovery",
                got=gateway_settings(found.gateway).discovery.value,
                limit=f"about {fitting:,} orchestrators",
                hint=f"{found.gateway.sources['discovery'].variable}: list, with fewer of them for each gateway",
            )
            yield from of_each(found.gateways, one)


def weights(survey: Survey) -> Iterator[Finding]:
    """LPF504: weights with which an on-chain gateway does not start (exit status 2)."""
    for found in survey.routes:
        gateway = found.gateway
        if not gateway.onchain or not gateway.knows("network", *WEIGHTS):
            continue
        values = selection(gateway)
        total = sum(values.values(), Fraction(0))
        if abs(total - 1) > selection_tolerance():
            written = [name for name in WEIGHTS if getattr(gateway.settings, name)] or ["select_stake_weight"]
            one = finding(
                "LPF504",
                gateway,
                f"the weights by which it chooses add up to {_decimal(total)} and not to 1, so that go-livepeer does not start",
                field=written[0],
                got=_decimal(values[written[0]]),
                limit="; ".join(f"{gateway.sources[name].variable}: {_decimal(value)}" for name, value in values.items()),
                hint=" and ".join(setting(gateway.sources[name].variable, _decimal(value)) for name, value in _filled_up(values, written)),
            )
            yield from of_each(found.gateways, one)


def _filled_up(values: Mapping[str, Fraction], written: list[str]) -> list[tuple[str, Fraction]]:
    """The weights to write so that all add up to 1: those that nobody wrote, scaled; the first one where all are written."""
    free = [name for name in values if name not in written] or written[:1]
    rest = 1 - sum((value for name, value in values.items() if name not in free), Fraction(0))
    share = sum((values[name] for name in free), Fraction(0))
    if not 0 <= rest <= 1:
        return []
    if not share:
        return [(free[0], rest)]
    return [(name, values[name] * rest / share) for name in free if values[name]]


def selection(gateway: Node) -> dict[str, Fraction]:
    """How much stake, price and chance count when a gateway chooses among orchestrators under its cap."""
    stated = {name: str(getattr(gateway.settings, name)) for name in WEIGHTS}
    own = {name: selection_weights()[of_role("gateway")[name].flag] for name in WEIGHTS}
    return {name: Fraction(text) if text else own[name] for name, text in stated.items()}


def _decimal(value: Fraction) -> str:
    return decimal_text(value) or str(value)


RULES = (
    Rule(
        "LPF301",
        "error; warning with on-chain discovery",
        "A workload asked for that this gateway cannot pay for there.",
        "Take the workload from the gateway, pay on the orchestrator's network, or put a second, off-chain orchestrator beside.",
        unpayable,
    ),
    Rule(
        "LPF302",
        "error",
        "A gateway without any orchestrator, or without one that serves what it is asked for.",
        "Add an orchestrator, choose another discovery, or take the workload from the gateway.",
        no_orchestrator,
    ),
    Rule(
        "LPF302",
        "error",
        "A gateway that takes the orchestrators of its signer's list, where the signer of the fleet keeps none.",
        "Set livepeer_remote_signer_remote_discovery on the signer, or choose another discovery.",
        unlisted,
    ),
    Rule(
        "LPF303",
        "error",
        "On-chain discovery off-chain, a signer's list without a signer; payment and network contradict; a signer that nobody asked for.",
        "Choose another discovery or payment. An on-chain gateway with a signer gets no video: every segment is refused.",
        discovery_offchain,
    ),
    Rule(
        "LPF304",
        "error",
        "A signer, orchestrator or other node named that is not there, or a signer that listens where its gateway does not get.",
        "Name an inventory host that has it, or a URL.",
        not_there,
    ),
    Rule(
        "LPF504",
        "error",
        "Selection weights of an on-chain gateway that do not add up to 1.",
        "Write all three of stake, price and chance; go-livepeer's own are 0.7, 0 and 0.3.",
        weights,
    ),
    Rule(
        "LPF504",
        "error",
        "More orchestrators of one gateway than a line of its configuration holds.",
        "Give each gateway a list of its own.",
        long_list,
    ),
)
