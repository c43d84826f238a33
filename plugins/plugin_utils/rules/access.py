# SPDX-License-Identifier: GPL-3.0-or-later
"""Who gets at what a gateway or a signer does: routes that are not there (LPF107), and routes that ask nobody who he is (LPF108)."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.livepeer.fleet.plugins.plugin_utils.addresses import Exposure, Listener, listeners
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Node, RemoteSignerSettings, Role
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.settings import gateway_settings
from ansible_collections.livepeer.fleet.plugins.plugin_utils.payments import PAYS, pays, signs
from ansible_collections.livepeer.fleet.plugins.plugin_utils.routes import INGEST, takes_http
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.ports import written
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.survey import Rule, Survey, finding, setting

JOBS = "AI jobs and containers of his own (no webhook is asked about these)"
LIVE_AI = "live AI"
STREAMS = "streams under /live/"

WEBRTC = ("whip_addr", "whep_addr")


def no_ingest(survey: Survey) -> Iterator[Finding]:
    """LPF107: without HTTP ingest a gateway has no routes but playback."""
    for found in survey.routes:
        for gateway in found.gateways:
            if found.unrouted:
                yield _unrouted(survey, gateway, found.unrouted)
            if not takes_http(gateway):
                yield from (_no_webrtc(gateway, field) for field in WEBRTC if getattr(gateway.settings, field))


def _unrouted(survey: Survey, gateway: Node, kinds: tuple[str, ...]) -> Finding:
    listener = next(one for one in listeners(gateway) if one.purpose == "http")
    ingest, webhook = (gateway.sources[field].variable for field in INGEST)
    if listener.exposure is Exposure.LOOPBACK:
        message = f"a gateway with {ingest}: false has no route for {', '.join(kinds)}, on loopback either"
        return finding("LPF107", gateway, message, field="http_ingest", got="false", hint=f"remove {ingest}")
    return finding(
        "LPF107",
        gateway,
        f"a gateway on a public HTTP address has no route for {', '.join(kinds)} without {ingest} or {webhook}",
        field="http_addr",
        got=written(survey, listener),
        limit="a loopback address, behind a proxy that authenticates",
        hint=setting(listener.variable, f"127.0.0.1:{listener.port}"),
    )


def _no_webrtc(gateway: Node, field: str) -> Finding:
    ingest = gateway.sources["http_ingest"].variable
    message = "without HTTP ingest a gateway opens no port for WebRTC, nor has it a route to begin with"
    hint = f"{ingest}: true, or an HTTP address on loopback behind a proxy that authenticates"
    return finding("LPF107", gateway, message, field=field, got=str(getattr(gateway.settings, field)), hint=hint)


def open_routes(survey: Survey) -> Iterator[Finding]:
    """LPF108: whoever reaches a listener has jobs done, and perhaps paid, without being asked who he is."""
    for found in survey.routes:
        for gateway in found.gateways if found.gateway.knows(*PAYS, *INGEST, "live_ai_auth_webhook_url") else ():
            for listener in listeners(gateway):
                if listener.purpose == "http":
                    yield from _open_http(survey, gateway, listener)
                if listener.purpose == "rtmp" and not gateway_settings(gateway).auth_webhook_url:
                    yield from _open_rtmp(survey, gateway, listener)


def _level(listener: Listener, costs: bool) -> Level | None:
    """How bad it is; a private network is somebody's own affair where nothing is paid."""
    levels = {
        (Exposure.PUBLIC, True): Level.ERROR,
        (Exposure.PUBLIC, False): Level.WARNING,
        (Exposure.PRIVATE, True): Level.WARNING,
    }
    return levels.get((listener.exposure, costs))


def _open_http(survey: Survey, gateway: Node, listener: Listener) -> Iterator[Finding]:
    settings = gateway_settings(gateway)
    unasked = {
        # An orchestrator of the chain refuses all but live AI of a gateway with a signer (facts/payment.json).
        JOBS: not signs(gateway),
        LIVE_AI: not settings.live_ai_auth_webhook_url,
        STREAMS: not settings.auth_webhook_url and not signs(gateway),
    }
    routes = [name for name, here in unasked.items() if here]
    level = _level(listener, pays(gateway) or (signs(gateway) and LIVE_AI in routes))
    if not routes or level is None or not takes_http(gateway):
        return
    told = "; and each caller is sent the password of MediaMTX" if settings.media_mtx_api_password else ""
    yield finding(
        "LPF108",
        gateway,
        f"whoever reaches port {listener.port} gets {_and(routes)}{_paid_by(gateway)}, and nobody asks who he is{told}",
        field="http_addr",
        got=written(survey, listener),
        limit="a loopback address, behind a proxy that authenticates",
        hint=f"{setting(listener.variable, f'127.0.0.1:{listener.port}')} behind a proxy, or a private address and a firewall",
        level=level,
    )


def _open_rtmp(survey: Survey, gateway: Node, listener: Listener) -> Iterator[Finding]:
    level = _level(listener, pays(gateway))
    if level is None:
        return
    webhook = gateway.sources["auth_webhook_url"].variable
    yield finding(
        "LPF108",
        gateway,
        f"whoever reaches port {listener.port} publishes streams{_paid_by(gateway)}, and nobody asks who he is",
        field="rtmp_addr",
        got=written(survey, listener),
        limit=f"a loopback address, or {webhook}",
        hint=f"{webhook}: a URL that is asked about each stream; or {setting(listener.variable, f'127.0.0.1:{listener.port}')}",
        level=level,
    )


def _paid_by(gateway: Node) -> str:
    if pays(gateway):
        return ", paid by its account"
    return ", paid by its signer" if signs(gateway) else ", done for nothing"


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def open_signers(survey: Survey) -> Iterator[Finding]:
    """LPF108: a signer that pays for whoever asks; from 0.9.0 on it does not start so, unless that is said."""
    for signer in survey.signers:
        node, settings = signer.node, signer.node.settings
        if not isinstance(settings, RemoteSignerSettings) or settings.webhook_url or not node.knows("webhook_url", "allow_no_auth"):
            continue
        listener = next((one for one in listeners(node) if one.purpose == "http"), None)
        if listener is None or listener.exposure is Exposure.LOOPBACK:
            continue
        webhook, allowed = (node.sources[field].variable for field in ("webhook_url", "allow_no_auth"))
        private = f"; on a private address that a firewall guards, {allowed}: true" if listener.exposure is Exposure.PRIVATE else ""
        yield finding(
            "LPF108",
            node,
            f"whoever reaches port {listener.port} has his jobs paid by this signer, and nobody asks who he is"
            + ("" if settings.allow_no_auth else "; go-livepeer does not start so"),
            field="http_addr",
            got=written(survey, listener),
            limit=f"a loopback address, or {webhook}",
            hint=f"{webhook}: a URL that is asked before each payment{private}",
            level=Level.WARNING if private and settings.allow_no_auth else Level.ERROR,
        )


def open_redeemers(survey: Survey) -> Iterator[Finding]:
    """LPF108: a redeemer queues whatever names its orchestrator (``server/redeemer.go:QueueTicket`` checks the recipient alone)."""
    for node in survey.fleet.nodes:
        for listener in listeners(node) if node.role is Role.REDEEMER else ():
            if listener.purpose == "rpc" and listener.exposure is Exposure.PUBLIC:
                yield finding(
                    "LPF108",
                    node,
                    f"whoever reaches port {listener.port} hands it tickets to redeem, and nobody asks who he is",
                    variable=listener.variable,
                    got=written(survey, listener),
                    limit="a loopback address, or a private one that its orchestrators reach",
                    hint=f"{listener.variable}: a private address of the host; loopback where its orchestrators run beside it",
                    level=Level.WARNING,
                )


RULES = (
    Rule(
        "LPF107",
        "error",
        "A workload asked of a gateway has no route on its listener, or WebRTC is to be taken there: there is no HTTP ingest.",
        "Bind the gateway to loopback behind a proxy that authenticates, or set livepeer_gateway_http_ingest or _auth_webhook_url.",
        no_ingest,
    ),
    Rule(
        "LPF108",
        "error; warning where nothing is paid, or the address is private; silent where both",
        "Routes for jobs are reachable without authentication. The webhook for streams covers RTMP and /live/, nothing covers AI jobs.",
        "Loopback behind a proxy that authenticates; for streams livepeer_gateway_auth_webhook_url.",
        open_routes,
    ),
    Rule(
        "LPF108",
        "error; warning on a private address where livepeer_remote_signer_allow_no_auth says that it is meant",
        "A remote signer that pays for whoever reaches it.",
        "livepeer_remote_signer_webhook_url, or loopback. The webhook guards payments; the signer's other routes cost nothing.",
        open_signers,
    ),
    Rule(
        "LPF108",
        "warning",
        "A redeemer that takes tickets of whoever reaches it.",
        "Loopback, or a private address and a firewall: its orchestrators alone are to reach it.",
        open_redeemers,
    ),
)
