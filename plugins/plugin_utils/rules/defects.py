# SPDX-License-Identifier: GPL-3.0-or-later
"""LPF506: what the release of a node does wrong, where this fleet would meet it. The defects are data: ``facts/defects.json``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from ansible_collections.livepeer.fleet.plugins.plugin_utils.ai import key_of, known_version, worker
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.defects import Defect, defects
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.releases import archive_url
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import (
    WORKERS,
    GatewaySettings,
    Node,
    OrchestratorSettings,
    RemoteSignerSettings,
    Role,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.payments import pays, signs
from ansible_collections.livepeer.fleet.plugins.plugin_utils.peers import peer_of
from ansible_collections.livepeer.fleet.plugins.plugin_utils.routing import service_endpoint
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.models import where_it_stands
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.survey import Rule, Survey, finding
from ansible_collections.livepeer.fleet.plugins.plugin_utils.workloads import AI, LIVE_PIPELINE, LIVE_VIDEO, VIDEO

AUTO = "auto"
INTERVAL = "liveAICapReportInterval"
MAINNETS = ("mainnet", "arbitrum-one-mainnet")

ARCHIVE = "livepeer_archive"
OF_ALL_ROLES = (ARCHIVE, "livepeer_version")

Place = tuple[str, str]
"""Variable and value by which a node meets a defect."""

Predicate = Callable[[Survey, Node, Mapping[str, str]], Place | None]


def known_defects(survey: Survey) -> Iterator[Finding]:
    """LPF506: every defect of its release that a node meets."""
    for node in survey.fleet.nodes:
        for defect in defects():
            if defect.known_in(known_version(node)):
                place = PREDICATES[defect.condition](survey, node, defect.options)
                if place is not None:
                    yield where_it_stands(survey, node, _finding(node, defect, place))


def _finding(node: Node, defect: Defect, place: Place) -> Finding:
    variable, got = place
    sure = "" if defect.certainty == "seen" else " (read in its source, not seen)"
    one = finding(
        "LPF506",
        node,
        f"{defect.effect}{sure}",
        variable=variable,
        got=got,
        limit=defect.versions,
        hint=defect.way_around,
        level=Level(defect.level),
    )
    # What is the release's affair and no single node's is said once.
    return replace(one, node="") if variable in OF_ALL_ROLES else one


def _place(node: Node, field: str, got: object = None) -> Place:
    value = getattr(node.settings, field, "") if got is None else got
    return node.sources[field].variable, str(value)


def _release(node: Node) -> Place:
    return node.sources["release"].variable, node.release.version


def any_node(_survey: Survey, node: Node, _options: Mapping[str, str]) -> Place | None:
    """Every node."""
    return _release(node)


def node_on_chain(_survey: Survey, node: Node, _options: Mapping[str, str]) -> Place | None:
    """A node with a password."""
    return _release(node) if node.onchain else None


def rtmp_without_sender(survey: Survey, node: Node, _options: Mapping[str, str]) -> Place | None:
    """A gateway for video that does not pay by itself. Where a signer is to pay for video, LPF301 says the same and more."""
    settings = node.settings
    if not isinstance(settings, GatewaySettings) or VIDEO not in settings.workloads or pays(node):
        return None
    if not node.knows("network", "payment", "workloads") or _refused_at_the_first_segment(survey, node):
        return None
    return _place(node, "rtmp_addr", f"{settings.rtmp_addr}{' (default)' if node.sources['rtmp_addr'].default else ''}")


def _refused_at_the_first_segment(survey: Survey, gateway: Node) -> bool:
    return signs(gateway) and any(node.onchain for node in survey.directory.orchestrators)


def remote_live_video(_survey: Survey, node: Node, _options: Mapping[str, str]) -> Place | None:
    """A worker of its own with live video."""
    found = worker(node) if node.role is Role.AI_WORKER and node.knows("ai_models") else None
    live = [(place, model) for place, model in found.models if key_of(model)[0] == LIVE_PIPELINE] if found else []
    return (found.path(live[0][0]), " ".join(key_of(live[0][1]))) if found and live else None


def two_ai_nodes(survey: Survey, node: Node, _options: Mapping[str, str]) -> Place | None:
    """One of several nodes of a machine that have containers, or would remove some."""
    neighbours = (other for host in survey.machines[node.machine] for other in host.nodes if other is not node)
    return _release(node) if worker(node) and any(worker(other) for other in neighbours) else None


def managed_models(_survey: Survey, node: Node, _options: Mapping[str, str]) -> Place | None:
    """A node with containers."""
    found = worker(node)
    return _release(node) if found and found.managed else None


def own_build_on_mainnet(_survey: Survey, node: Node, _options: Mapping[str, str]) -> Place | None:
    """An archive that is not the official one, on a network that only some builds know."""
    official = archive_url(node.release.version, node.release.flavor)
    if node.network not in MAINNETS or not node.release.archive or node.release.archive == official:
        return None
    return ARCHIVE, "an archive that is not the official one"


def signed_live_video(_survey: Survey, node: Node, _options: Mapping[str, str]) -> Place | None:
    """A gateway whose live video a signer pays for."""
    settings = node.settings
    if not isinstance(settings, GatewaySettings) or not signs(node) or LIVE_VIDEO not in settings.workloads:
        return None
    return _place(node, "payment", settings.payment.value)


def list_of_a_signer(_survey: Survey, node: Node, _options: Mapping[str, str]) -> Place | None:
    """A signer that tells gateways which orchestrators there are, and asks these as seldom as it does by itself."""
    settings = node.settings
    if not isinstance(settings, RemoteSignerSettings) or not settings.remote_discovery or INTERVAL in settings.flags:
        return None
    return _place(node, "remote_discovery", "true")


def ai_gateway(_survey: Survey, node: Node, _options: Mapping[str, str]) -> Place | None:
    """A gateway for AI jobs."""
    settings = node.settings
    if not isinstance(settings, GatewaySettings) or AI not in settings.workloads:
        return None
    return _place(node, "workloads", ", ".join(settings.workloads))


def auto_sessions_without_transcoders(survey: Survey, node: Node, _options: Mapping[str, str]) -> Place | None:
    """An orchestrator that counts on transcoders which the fleet does not have; one for video may have some outside of it."""
    settings = node.settings
    if not isinstance(settings, OrchestratorSettings) or settings.max_sessions != AUTO or settings.transcoder:
        return None
    if not settings.ai_worker or (node.host, Role.TRANSCODER) in survey.helped:
        return None
    return _place(node, "max_sessions")


def auto_sessions_with_own_transcoder(_survey: Survey, node: Node, _options: Mapping[str, str]) -> Place | None:
    """An orchestrator that transcodes itself and counts on others."""
    settings = node.settings
    refused = isinstance(settings, OrchestratorSettings) and settings.max_sessions == AUTO and settings.transcoder
    return _place(node, "max_sessions") if refused else None


def worker_of_plain_http(survey: Survey, node: Node, _options: Mapping[str, str]) -> Place | None:
    """A worker of an orchestrator that speaks plain HTTP."""
    orchestrator = peer_of(survey.fleet, node) if node.role in WORKERS else None
    endpoint = service_endpoint(orchestrator) if orchestrator else None
    if orchestrator is None or endpoint is None or endpoint.scheme != "http":
        return None
    return _place(node, "orchestrator", orchestrator.host)


def flag_not_positive(_survey: Survey, node: Node, options: Mapping[str, str]) -> Place | None:
    """A flag of 0 or less on a chain."""
    value = node.settings.flags.get(options["flag"], "")
    zero = value.startswith("-") or (value != "" and not any(digit in value for digit in "123456789"))
    if not zero or not node.onchain:
        return None
    return f"{node.sources['flags'].variable}.{options['flag']}", value


PREDICATES: Mapping[str, Predicate] = {
    one.__name__: one
    for one in (
        any_node,
        node_on_chain,
        rtmp_without_sender,
        remote_live_video,
        two_ai_nodes,
        managed_models,
        own_build_on_mainnet,
        signed_live_video,
        list_of_a_signer,
        ai_gateway,
        auto_sessions_without_transcoders,
        auto_sessions_with_own_transcoder,
        worker_of_plain_http,
        flag_not_positive,
    )
}
"""Conditions of the data by name: the place by which a node meets a defect, or None."""

RULES = (
    Rule(
        "LPF506",
        "error; warning or info, as the defect is",
        "A known defect of the pinned version that this fleet would meet ([all of them](defects.md)).",
        "Each has its way around.",
        known_defects,
    ),
)
