# SPDX-License-Identifier: GPL-3.0-or-later
"""A node that serves: addresses, sockets, self-check, and the end (second half of starter.go:StartLivepeer)."""

from __future__ import annotations

import os
import secrets
import socket
import ssl
import threading
import time
from dataclasses import replace

from . import certificate, discovery, golog, httpd, listeners, live_runners, profiles, transport, urls, worker
from .cli_routes import CliRoutes
from .gateway import Gateway
from .gourl import URL, URLError, default_address, is_local_url, parse, parse_request_uri
from .govalues import ParseError, atoi
from .ingest import Ingest
from .lifecycle import Ended
from .listeners import ListenError
from .node import Node, Role
from .orchestrator import Orchestrator
from .signer import Signer
from .streams import Streams
from .transcoders import Transcoders
from .webhook_pool import WebhookPool

LOOPBACK = "127.0.0.1"
CLI_PORTS = {
    Role.GATEWAY: "5935",
    Role.ORCHESTRATOR: "7935",
    Role.TRANSCODER: "6935",
    Role.AI_WORKER: "4935",
    Role.REMOTE_SIGNER: "3935",
}
"""Roles that are not here have no default: an empty address is port 80 everywhere."""

GATEWAY_RTMP_PORT = "1935"
GATEWAY_HTTP_PORT = "9935"
CHECK_AFTER_SECONDS = 2.0
CHECK_TIMEOUT = 8.0
GRPC_GIVES_UP_AFTER = 3.0
"""server/rpc.go: a gRPC connection is tried for this long before the self-check fails"""

SIGNER_PORT = REDEEMER_PORT = "8935"
SIGNER_SECONDS = 30.0
BROKER_SECONDS = 30.0
BROKER_PORTS = {"amqp": 5672, "amqps": 5671}
MODE_LINES = {
    Role.ORCHESTRATOR: "***Livepeer Running in Orchestrator Mode***",
    Role.GATEWAY: "***Livepeer Running in Gateway Mode***",
    Role.TRANSCODER: "**Liveepeer Running in Transcoder Mode***",
    Role.AI_WORKER: "**Livepeer Running in AI Worker Mode**",
    Role.REDEEMER: "**Livepeer Running in Redeemer Mode**",
}
LOOKUP = "https://api.ipify.org?format=text"


class Service:
    """What a node opens and runs; `role` is what it was started as, whatever it pretends to be."""

    def __init__(self, node: Node, role: Role, orchestrators: list[URL]) -> None:
        self._node = node
        self._settings = node.settings
        self._role = role
        self._orchestrators = orchestrators
        self._streams = Streams(node)
        self._transcoders = Transcoders()
        self._http_address = self._settings.text("httpAddr")
        self._rtmp_address = self._settings.text("rtmpAddr")
        self._cli_address = self._settings.text("cliAddr")
        self._ingest = True
        self._webrtc: list[socket.socket] = []

    def run(self) -> None:
        """Until a part or a signal ends it."""
        if self._role in CLI_PORTS:
            self._cli_address = default_address(self._cli_address, LOOPBACK, CLI_PORTS[self._role])
        if self._role is Role.GATEWAY:
            self._prepare_gateway()
        elif self._role is Role.ORCHESTRATOR:
            self._prepare_orchestrator()
        self._check_common()
        if self._role is Role.GATEWAY:
            self._open_gateway()
        else:
            self._open_other()
        self._announce()
        reason = self._node.lifecycle.wait_until_stopped()
        if reason is None:
            golog.error("http: Server closed")
        else:
            golog.info(reason)

    def _prepare_gateway(self) -> None:
        self._rtmp_address = default_address(self._rtmp_address, LOOPBACK, GATEWAY_RTMP_PORT)
        self._http_address = default_address(self._http_address, LOOPBACK, GATEWAY_HTTP_PORT)
        if self._settings.text("remoteSignerUrl"):
            self._ask_signer(self._settings.text("remoteSignerUrl"))
        self._check_discovery()
        try:
            local = is_local_url(f"https://{self._http_address}")
        except URLError as error:
            raise Ended(f"Error checking for local -httpAddr: {error}") from error
        if self._settings.given("httpIngest"):
            self._ingest = self._settings.on("httpIngest")
        elif not local and not self._settings.text("authWebhookUrl"):
            golog.warning(
                "HTTP ingest is disabled because -httpAddr is publicly accessible. To enable, configure "
                "-authWebhookUrl or use the -httpIngest flag"
            )
            self._ingest = False
        self._check_verifier()

    def _ask_signer(self, address: str) -> None:
        """A gateway asks its signer once, and does without a chain then."""
        try:
            url = parse(address)
        except URLError as error:
            golog.exit_one(f"Invalid remote signer URL: {error}")
        if not url.scheme or not url.host:
            try:
                url = parse(f"https://{address}")
            except URLError as error:
                golog.exit_one(f"Adding HTTPS to remote signer URL failed: {error}")
        golog.info(f"Retrieving OrchestratorInfo fields from remote signer: {url}")
        try:
            answer = transport.call(url, "/sign-orchestrator-info", b"", SIGNER_SECONDS, self._node.signer_headers)
        except transport.TransportError as error:
            golog.exit_one(f"Unable to query remote signer: failed to call remote signer: {error}")
        if answer.status != 200:
            golog.exit_one(f"Unable to query remote signer: signer returned status {answer.status}")
        self._node.signer, self._node.signer_url = _signer(answer), url
        golog.info(f"Using Ethereum address from remote signer: {self._node.signer[0]}")

    def _check_discovery(self) -> None:
        webhook = self._settings.text("orchWebhookUrl")
        if webhook:
            callback = urls.checked(webhook, "orch webhook URL")
            golog.info(f"Using orchestrator webhook URL {callback}")
            self._node.webhook = WebhookPool(callback, {})
        elif not self._orchestrators and self._node.chain is not None:
            self._node.discovers_on_chain = True
        elif not self._orchestrators and self._node.signer_url is not None:
            callback = replace(self._node.signer_url, path="/discover-orchestrators")
            golog.info(f"Using remote signer orchestrator discovery endpoint {callback}")
            self._node.webhook = WebhookPool(callback, self._node.signer_headers)
        elif not self._orchestrators:
            golog.error("No orchestrator specified; transcoding will not happen")
        discovery.start(self._node)

    def _check_verifier(self) -> None:
        verifier = self._settings.text("verifierUrl")
        if verifier:
            urls.checked(verifier, "verifier URL")
            if not self._settings.text("objectStore") and not self._settings.text("verifierPath"):
                golog.exit_one(
                    "Requires a path to the verifier shared volume when local storage is in use; use -verifierPath or -objectStore"
                )

    def _prepare_orchestrator(self) -> None:
        address = self._settings.text("serviceAddr")
        try:
            uri = urls.service_uri(address, "" if address else self._public_ip())
        except URLError as error:
            golog.exit_one(f"Error getting service URI: {error}")
        if not str(uri) and not self._node.nodes:
            golog.exit_one("Empty service URI and no additional nodes specified; set -serviceAddr or -nodes")
        self._node.service_uri = uri
        self._http_address = default_address(self._http_address, "", uri.port)
        works_alone = not self._settings.on("transcoder") and not self._settings.on("aiWorker")
        if works_alone and not self._node.secret:
            if not self._settings.text("aiModels"):
                golog.exit_one(
                    "Running an orchestrator requires an -orchSecret for standalone mode or -transcoder for orchestrator+transcoder mode"
                )
            golog.info("Running an orchestrator in AI External Container mode")

    def _public_ip(self) -> str:
        """The stand-in looks nothing up: no test may depend on the internet."""
        golog.error('Could not look up public IP err="the stand-in looks nothing up"')
        golog.exit_one(f'Error getting service URI: Get "{LOOKUP}": the stand-in looks nothing up')

    def _check_common(self) -> None:
        self._check_queue(self._settings.text("metadataQueueUri"))
        urls.check_live_runner_address(self._settings.text("liveRunnerAddr"))
        if self._settings.text("liveAICapRefreshModels"):
            golog.warning("The -liveAICapRefreshModels flag is deprecated")
        if self._role is Role.GATEWAY:
            try:
                self._node.profiles = profiles.from_option(self._settings.text("transcodingOptions"))
            except profiles.ProfileError as error:
                golog.exit_two(f'Error creating Livepeer server: err="{error}"')

    def _check_queue(self, address: str) -> None:
        """livepeer/go-tools event/amqp.go: the start waits for the broker."""
        if not address:
            return
        try:
            url = parse_request_uri(address)
        except URLError as error:
            golog.exit_two(f'Error parsing -metadataQueueUri: err="{error}"')
        if url.scheme not in ("amqp", "amqps"):
            golog.exit_two(f"Unsupported scheme in -metadataUri: {url.scheme}")
        golog.exit_two(f'Error establishing AMQP connection: err="{_broker_problem(url)}"')

    def _open_gateway(self) -> None:
        """All sockets of a gateway, or none."""
        bound: list[tuple[socket.socket, str]] = []
        if self._ingest:
            self._check_heartbeats()
            self._open_webrtc()
        try:
            for address in (self._http_address, self._rtmp_address, self._cli_address or ":http"):
                taken = listeners.bind(address)
                bound.append((taken, address))
            for taken, address in bound:
                listeners.start_listening(taken, address)
        except ListenError as error:
            self._stop_for_listener(error, len(bound))
            return
        golog.info(f"HTTP Server listening on http://{self._http_address}")
        gateway = Gateway(self._node, self._streams, self._ingest)
        httpd.serve(bound[0][0], gateway.routes())
        threading.Thread(target=Ingest(self._node, self._streams).serve, args=(bound[1][0],), daemon=True).start()
        self._serve_cli(bound[2][0])

    def _stop_for_listener(self, error: ListenError, opened: int) -> None:
        if opened >= 2:
            golog.error(str(error))
            self._node.lifecycle.stop("CLI webserver shut down")
        else:
            golog.info(f"LPMS Server Error: {error}.  Quitting...")
            self._node.lifecycle.stop(f"Error from media server: {error}")

    def _check_heartbeats(self) -> None:
        """ai_mediaserver.go:startHearbeats: a ticker without an interval panics."""
        if self._settings.text("liveAIHeartbeatURL") and self._settings.number("liveAIHeartbeatInterval") <= 0:
            golog.panic("non-positive interval for NewTicker")

    def _open_webrtc(self) -> None:
        """media/whip_server.go, media/whep_server.go: UDP sockets that only the environment asks for."""
        for variable in ("LIVE_AI_WHIP_ADDR", "LIVE_AI_WHEP_ADDR"):
            address = os.environ.get(variable, "")
            if not address:
                continue
            try:
                self._webrtc.append(listeners.bind(address, socket.SOCK_DGRAM))
            except ListenError as error:
                golog.raw(f"could not set udp listener: {error}\n")
                golog.end(1)
        limit = os.environ.get("LIVE_AI_WHEP_MAX_SESSIONS", "")
        if os.environ.get("LIVE_AI_WHEP_ADDR") and limit not in ("", "unlimited"):
            try:
                good = atoi(limit) > 0
            except ParseError:
                good = False
            if not good:
                golog.raw("Invalid max WHEP sessions\n")
                golog.end(1)

    def _open_other(self) -> None:
        """A role with a CLI port, and whatever else it has."""
        if self._role in (Role.TRANSCODER, Role.AI_WORKER):
            self._check_worker()
        runners = live_runners.check(self._settings, self._node) if self._role is Role.ORCHESTRATOR else False
        try:
            cli = listeners.listen(self._cli_address)
        except ListenError as error:
            golog.error(str(error))
            self._node.lifecycle.stop("CLI webserver shut down")
            return
        self._serve_cli(cli)
        if self._role is Role.ORCHESTRATOR:
            self._open_orchestrator(runners)
        elif self._role is Role.REMOTE_SIGNER:
            self._open_signer()
        elif self._role is Role.REDEEMER and self._node.chain is not None:
            self._open_redeemer()
        elif self._role in (Role.TRANSCODER, Role.AI_WORKER):
            kind = worker.TRANSCODER if self._role is Role.TRANSCODER else worker.AI_WORKER
            arguments = (self._node, kind, self._orchestrators[0])
            threading.Thread(target=worker.run, args=arguments, daemon=True).start()

    def _check_worker(self) -> None:
        if not self._node.secret:
            golog.exit_one("Missing -orchSecret")
        if not self._orchestrators:
            golog.exit_one("Missing -orchAddr")

    def _serve_cli(self, listening: socket.socket) -> None:
        golog.info(f"CLI server listening on {self._cli_address}")
        httpd.serve(listening, CliRoutes(self._node, self._streams, self._transcoders).routes())

    def _open_orchestrator(self, runners: bool) -> None:
        """server/rpc.go:StartTranscodeServer; every failure is status 2."""
        try:
            address, tls = _service_bind(self._http_address)
            golog.info(f"Listening for RPC on {'https' if tls else 'http'}://{address}")
            context = self._tls_context() if tls else None
            listening = listeners.listen(address)
        except (ListenError, URLError, certificate.CertificateError) as error:
            golog.exit_two(f'Error starting Transcoder node: err="{error}"')
        httpd.serve(listening, Orchestrator(self._node, self._transcoders).routes(), context)
        if str(self._node.service_uri) == "":
            golog.info("Orchestrator is not performing work")
        elif self._settings.on("startupAvailabilityCheck"):
            threading.Thread(target=self._check_availability, args=(runners,), daemon=True).start()

    def _open_signer(self) -> None:
        """Discovery, then the server; every failure of it is status 2."""
        if self._settings.text("orchWebhookUrl"):
            callback = urls.checked(self._settings.text("orchWebhookUrl"), "orch webhook URL")
            golog.info(f"Using orchestrator webhook URL {callback}")
            self._node.webhook = WebhookPool(callback, {})
        elif not self._orchestrators:
            self._node.discovers_on_chain = True
        if self._settings.on("remoteDiscovery"):
            discovery.start(self._node)
        address = default_address(self._http_address, LOOPBACK, SIGNER_PORT)
        self._refuse_strangers(address)
        golog.info(f"Starting remote signer server on {address}")
        golog.info(f"Starting Remote Signer server on {address}")
        try:
            listening = listeners.listen(address)
        except ListenError as error:
            golog.exit_two(f'Error starting remote signer server: err="{error}"')
        httpd.serve(listening, Signer(self._node).routes())

    def _refuse_strangers(self, address: str) -> None:
        """Who can reach it can spend this node's deposit."""
        if self._settings.text("remoteSignerWebhookUrl") or not self._settings.knows("remoteSignerAllowNoAuth"):
            return
        try:
            local = is_local_url(f"https://{address}")
        except URLError as error:
            golog.exit_two(f"Error checking for local -httpAddr: {error}")
        if not local and not self._settings.on("remoteSignerAllowNoAuth"):
            golog.exit_two(
                f"Refusing to start: remote signer on public -httpAddr {address} with no -remoteSignerWebhookUrl signs payments "
                "from this node's deposit for any caller. Set the webhook, or pass -remoteSignerAllowNoAuth to override."
            )
        golog.warning(
            "WARNING: remote signer has no webhook auth. /generate-live-payment is UNAUTHENTICATED and signs payments from this "
            "node's deposit. Set -remoteSignerWebhookUrl."
        )

    def _open_redeemer(self) -> None:
        """server/redeemer.go:Start: gRPC, of which the stand-in has the socket."""
        address = default_address(self._http_address, LOOPBACK, REDEEMER_PORT)
        try:
            listening = listeners.listen(address)
        except ListenError as error:
            golog.exit_two(f"Error starting service: {error}")
        golog.info(f"Redeemer started on {address}")
        threading.Thread(target=_accept_and_wait, args=(listening,), daemon=True).start()

    def _tls_context(self) -> ssl.SSLContext:
        pair = certificate.write_pair(self._node.directory, self._node.service_uri.hostname)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*pair)
        return context

    def _check_availability(self, runners: bool) -> None:
        """server/rpc.go:CheckOrchestratorAvailability, two seconds after the start; failure ends with status 0."""
        time.sleep(CHECK_AFTER_SECONDS)
        name = "discovery" if runners else "grpc ping"
        started = time.monotonic()
        problem = self._discovery_problem() if runners else self._ping_problem()
        if problem is None:
            return
        golog.error(f"Was not able to submit {name}: {problem}")
        if not runners:
            time.sleep(max(0.0, GRPC_GIVES_UP_AFTER - (time.monotonic() - started)))
        uri = self._node.service_uri
        golog.info(f"Orchestrator not available at {uri} ({self._http_address}) via {name} check; shutting down")
        self._node.lifecycle.stop("Orchestrator server shut down")

    def _ping_problem(self) -> str | None:
        value = secrets.token_hex(16).encode("ascii")
        uri = self._node.service_uri
        try:
            answer = transport.call(uri, transport.PING, value, GRPC_GIVES_UP_AFTER)
        except transport.TransportError as error:
            return str(error)
        return None if answer.status == 200 and answer.body == value else "no answer of a stand-in"

    def _discovery_problem(self) -> str | None:
        if live_runners.swallows(self._settings.text("liveRunnerProxyUrl"), self._node.service_uri):
            return "status 404"
        try:
            answer = transport.call(self._node.service_uri, "/discovery", b"", CHECK_TIMEOUT, method="GET")
        except transport.TransportError as error:
            return str(error)
        return None if answer.status == 200 else f"status {answer.status}"

    def _announce(self) -> None:
        if self._role in MODE_LINES:
            golog.info(MODE_LINES[self._role])
        if self._role is Role.GATEWAY:
            golog.info(f"Video Ingest Endpoint - rtmp://{self._rtmp_address}")
        golog.info(f"Livepeer Node version: {self._node.version}")


def _signer(answer: transport.Answer) -> tuple[str, str]:
    """server/remote_signer.go:GetOrchInfoSig"""
    try:
        given = answer.json()
        return str(given["address"]), str(given["signature"])
    except (transport.TransportError, KeyError, TypeError) as error:
        golog.exit_one(f"Unable to query remote signer: failed to decode signer response: {error}")


def _broker_problem(url: URL) -> str:
    """The first step of AMQP, which the stand-in speaks no further."""
    try:
        with socket.create_connection((url.hostname, int(url.port or BROKER_PORTS[url.scheme])), BROKER_SECONDS) as opened:
            opened.sendall(b"AMQP\x00\x00\x09\x01")
            opened.recv(1)
    except (OSError, OverflowError, UnicodeError) as error:
        return str(error)
    return "the stand-in has no use for a broker"


def _service_bind(address: str) -> tuple[str, bool]:
    """server/rpc.go:parseHTTPAddr: where to listen, and whether with TLS."""
    if "://" not in address:
        return address, True
    url = parse(address)
    if url.scheme not in ("http", "https"):
        raise URLError(f'unsupported -httpAddr scheme "{url.scheme}"')
    if url.path not in ("", "/"):
        raise URLError("-httpAddr must not include a path")
    return url.host, url.scheme != "http"


def _accept_and_wait(listening: socket.socket) -> None:
    """Takes a connection and waits until the other side leaves."""
    while True:
        connection, _ = listening.accept()
        threading.Thread(target=_drain, args=(connection,), daemon=True).start()


def _drain(connection: socket.socket) -> None:
    with connection:
        try:
            while connection.recv(65536):
                continue
        except OSError:
            return
