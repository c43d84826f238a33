# SPDX-License-Identifier: GPL-3.0-or-later
"""Who can be reached and paid: LPF301 to LPF304."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.livepeer.fleet.plugins.plugin_utils.edges import PAYS, ROUTED, Route, discovers, why_unpayable
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Discovery, Node, Payment
from ansible_collections.livepeer.fleet.plugins.plugin_utils.routing import SIGNING, gateway_settings
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.survey import Rule, Survey, finding, setting, some
from ansible_collections.livepeer.fleet.plugins.plugin_utils.workloads import VIDEO


def unpayable(survey: Survey) -> Iterator[Finding]:
    """LPF301: video asked of a gateway that the orchestrator refuses, or that refuses the orchestrator."""
    for found in survey.routes:
        if not found.gateway.knows(*ROUTED, "workloads"):
            continue
        known = all(candidate.node is None or candidate.node.knows("network") for candidate in found.routing.candidates)
        if not found.routing.fits and known:
            yield _none_fits(found)
        elif found.routing.fits and VIDEO in gateway_settings(found.gateway).workloads:
            yield from _unpayable(found)


def _none_fits(found: Route) -> Finding:
    nodes = [candidate.node for candidate in found.routing.candidates if candidate.node is not None]
    networks = sorted({node.network for node in nodes})
    return finding(
        "LPF301",
        found.gateway,
        f"no orchestrator of the inventory fits a gateway with payment {_payment(found.gateway)}: {_place(len(nodes), networks)}",
        field="payment",
        got=f"{_payment(found.gateway)} (network {found.gateway.network})",
        limit=f"network {', '.join(networks)}",
        hint=_way_out(found.gateway, nodes[0]),
        others=[node.host for node in nodes[:3]],
    )


def _place(count: int, networks: list[str]) -> str:
    return f"{'the only one is' if count == 1 else f'all {count} are'} on {', '.join(networks)}"


def _unpayable(found: Route) -> Iterator[Finding]:
    reasons: dict[str, list[Node]] = {}
    for candidate in found.routing.candidates:
        reason = why_unpayable(found.gateway, candidate.node) if candidate.node and candidate.node.knows("network") else ""
        if reason and candidate.node:
            reasons.setdefault(reason, []).append(candidate.node)
    for reason, nodes in reasons.items():
        hosts = list(dict.fromkeys(node.host for node in nodes))
        yield finding(
            "LPF301",
            found.gateway,
            f"no video to {some(hosts)}: {reason}",
            field="payment",
            got=f"{_payment(found.gateway)} (network {found.gateway.network})",
            limit=f"network {', '.join(sorted({node.network for node in nodes}))}",
            hint=_way_out(found.gateway, nodes[0]),
            others=hosts[:3],
        )


def _payment(gateway: Node) -> str:
    return gateway_settings(gateway).payment.value


def _way_out(gateway: Node, orchestrator: Node) -> str:
    payment = gateway_settings(gateway).payment
    variable = gateway.sources["payment"].variable
    if payment in SIGNING and orchestrator.onchain:
        return f"take video out of {gateway.sources['workloads'].variable}, or {variable}: onchain"
    if not orchestrator.onchain:
        return f"{variable}: none"
    if payment is Payment.NONE:
        return f"{variable}: onchain, with {_network(gateway)}: {orchestrator.network}"
    return f"{_network(gateway)}: {orchestrator.network}"


def _network(gateway: Node) -> str:
    """The variable of the network; where the payment settled it, the one that is free to say another."""
    variable = gateway.sources["network"].variable
    return "livepeer_gateway_network" if variable == gateway.sources["payment"].variable else variable


def no_orchestrator(survey: Survey) -> Iterator[Finding]:
    """LPF302: a gateway that can give its jobs to nobody."""
    for found in survey.routes:
        if found.routing.candidates or found.routing.faults or discovers(found.gateway) or not found.gateway.knows(*ROUTED):
            continue
        discovery = gateway_settings(found.gateway).discovery
        message, hint = {
            Discovery.LOCAL: ("its host has no orchestrator", f"{_discovery(found)}: inventory, or make the host a combined one"),
            Discovery.LIST: ("its list of orchestrators is empty", f"{found.gateway.sources['orch_addr'].variable}: [a host or a URL]"),
        }.get(discovery, ("the inventory has no orchestrator", "put a host into the group livepeer_orchestrators"))
        yield finding(
            "LPF302",
            found.gateway,
            f"the gateway has no orchestrator: {message}",
            field="discovery",
            got=discovery.value,
            hint=hint,
        )


def _discovery(found: Route) -> str:
    return found.gateway.sources["discovery"].variable


def discovery_offchain(survey: Survey) -> Iterator[Finding]:
    """LPF303: off-chain there is no registry to discover orchestrators from."""
    for found in survey.routes:
        if found.gateway.knows(*PAYS) and discovers(found.gateway) and not found.gateway.onchain:
            yield finding(
                "LPF303",
                found.gateway,
                "an off-chain gateway cannot discover orchestrators on the chain",
                field="discovery",
                got=Discovery.ONCHAIN.value,
                limit=f"network {found.gateway.network}, payment {_payment(found.gateway)}",
                hint=f"{_discovery(found)}: inventory",
            )


def not_there(survey: Survey) -> Iterator[Finding]:
    """LPF304: a host is named that does not do what it is named for, or a URL that cannot be dialled (LPF104)."""
    for found in survey.routes:
        variable = found.gateway.sources["orch_addr"].variable
        for fault in found.routing.faults:
            path = f"{variable}[{fault.place}]"
            yield finding(
                "LPF304" if fault.missing else "LPF104",
                found.gateway,
                fault.message,
                variable=path,
                got=fault.got,
                limit="an inventory host with an orchestrator, or a URL" if fault.missing else "https://host:port",
                hint=setting(path, fault.hint) if fault.hint else "",
            )
        yield from _signer(found.gateway)


def _signer(gateway: Node) -> Iterator[Finding]:
    settings = gateway_settings(gateway)
    signer = settings.remote_signer.name
    if not gateway.knows(*PAYS) or not signer or settings.payment not in SIGNING or signer.startswith(("http://", "https://")):
        return
    variable = gateway.sources["remote_signer"].variable
    yield finding(
        "LPF304",
        gateway,
        f'"{signer}" is no URL, and remote signers are no nodes of the fleet yet' if signer else "no signer is named",
        field="remote_signer",
        got=signer or "(not set)",
        limit="a URL",
        hint=setting(variable, f"http://{signer or 'signer.example.com'}:8935"),
    )


RULES = (
    Rule(
        "LPF301",
        "error",
        "A workload asked for that this gateway cannot pay for there; so far the sure cases of video.",
        "Put gateway and orchestrators on the same network, or take the workload from the gateway.",
        unpayable,
    ),
    Rule(
        "LPF302",
        "error",
        "A gateway without any orchestrator.",
        "Add an orchestrator, or choose another discovery.",
        no_orchestrator,
    ),
    Rule(
        "LPF303",
        "error",
        "On-chain discovery on an off-chain gateway.",
        "Choose another discovery, or pay on-chain.",
        discovery_offchain,
    ),
    Rule(
        "LPF304",
        "error",
        "A signer, orchestrator or other node named that is not there.",
        "Name an inventory host that has it, or a URL.",
        not_there,
    ),
)
