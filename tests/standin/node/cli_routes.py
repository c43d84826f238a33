# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes of the CLI port (server/webserver.go, server/handlers.go, recorded/http-*.json)."""

from __future__ import annotations

import re
from fractions import Fraction

from . import chain_routes, golog, httpd, prices, terms
from .aimodels import CAPABILITY_NAMES
from .govalues import ParseError, atoi
from .httpd import Dropped, Handler, Request, Response, Routes
from .node import GO_VERSION, Node, Role
from .profiles import HEIGHTS, wanted_names
from .streams import Streams
from .transcoders import Transcoders

ETH_ADDRESS = re.compile(r"^0x[0-9a-fA-F]{40}|default$")
"""As loose as in handlers.go:setOrchestratorPriceInfo: any end behind an address, any start before `default`."""

NIL = "runtime error: invalid memory address or nil pointer dereference"
NO_SNIFFING = {"X-Content-Type-Options": "nosniff"}

NEEDS_CHAIN = (
    "orchestratorInfo currentRound initializeRound roundInitialized setOrchestratorConfig unbondingLocks withdrawFees "
    "claimEarnings delegatorInfo orchestratorEarningPoolsForRound registeredOrchestrators reward protocolParameters "
    "contractAddresses ethAddr tokenBalance ethBalance requestTokens maxGasPrice minGasPrice unlock cancelUnlock "
    "withdraw senderInfo ticketBrokerParams"
).split()

NEEDS_FORM_AND_CHAIN = {
    "activateOrchestrator": ("blockRewardCut", "feeShare", "pricePerUnit", "pixelsPerUnit", "serviceURI"),
    "bond": ("amount", "toAddr"),
    "rebond": ("unbondingLockId",),
    "unbond": ("amount",),
    "withdrawStake": ("unbondingLockId",),
    "transferTokens": ("to", "amount"),
    "signMessage": ("message",),
    "vote": ("poll", "choiceID"),
    "voteOnProposal": ("proposalID", "support"),
    "setMaxGasPrice": ("amount",),
    "setMinGasPrice": ("minGasPrice",),
    "fundDepositAndReserve": ("depositAmount", "reserveAmount"),
    "fundDeposit": ("amount",),
}


def refused(message: str, status: int = 400) -> Response:
    """handlers.go:respondWithError"""
    golog.error(f"HTTP Response Error statusCode={status} err={message}")
    return httpd.error(message, status)


def with_form(handler: Handler, *names: str) -> Handler:
    """handlers.go:mustHaveFormParams"""

    def checked(request: Request) -> Response:
        form = request.form()
        for name in names:
            if not form.get(name):
                return refused(f"missing form param: {name}")
        return handler(request)

    return checked


class BadPrice(ValueError):
    """A price in a form that cannot be used: status 400."""


class CliRoutes:
    """Reads and changes one node at run time; nothing survives a restart."""

    def __init__(self, node: Node, streams: Streams, transcoders: Transcoders) -> None:
        self._node = node
        self._streams = streams
        self._transcoders = transcoders

    def routes(self) -> Routes:
        """The mux of the CLI port."""
        routes = Routes()
        for name in NEEDS_CHAIN:
            routes.add(f"/{name}", self._of_chain(name))
        for name, parameters in NEEDS_FORM_AND_CHAIN.items():
            routes.add(f"/{name}", with_form(self._of_chain(name), *parameters))
        self._add_reading(routes)
        self._add_changing(routes)
        if self._node.metrics.enabled:
            routes.add("/metrics", self._metrics)
        return routes

    def _of_chain(self, name: str) -> Handler:
        """handlers.go:mustHaveClient"""
        node = self._node
        if name == "setOrchestratorConfig" and node.chain is not None:
            return self._set_orchestrator_config

        def handler(request: Request) -> Response:
            return refused("missing ETH client", 500) if node.chain is None else chain_routes.answer(node, node.chain, name, request)

        return handler

    def _add_reading(self, routes: Routes) -> None:
        role = self._node.role
        routes.add("/status", self._status)
        routes.add("/streamID", lambda _request: httpd.text("/"))
        routes.add("/manifestID", lambda _request: httpd.text(self._streams.last_stream))
        routes.add("/localStreams", lambda _request: httpd.as_json([]))
        routes.add("/EthChainID", lambda _request: httpd.text(str(self._node.chain.chain_id if self._node.chain else 0)))
        routes.add("/currentBlock", self._current_block)
        routes.add("/IsOrchestrator", lambda _request: httpd.text(_word(role is Role.ORCHESTRATOR)))
        routes.add("/IsRedeemer", lambda _request: httpd.text(_word(role is Role.REDEEMER)))
        routes.add("/getBroadcastConfig", self._broadcast_config)
        routes.add("/getAvailableTranscodingOptions", lambda _request: httpd.as_json(list(HEIGHTS)))
        routes.add("/getAISessionPoolsInfo", lambda _request: httpd.as_json({}))
        routes.add("/getNetworkCapabilities", self._network_capabilities)
        routes.add("/registerLiveRunners", self._register_live_runners)
        routes.add("/getLogLevel", lambda _request: httpd.text(str(golog.verbosity())))
        routes.add("/debug", lambda _request: httpd.text("\n\nLatestPlaylist: <nil>"))
        routes.add("GET /debug/pprof/", _profiles)
        routes.add("GET /debug/pprof/cmdline", lambda _request: Response(200, _command_line(), httpd.TEXT, NO_SNIFFING))

    def _add_changing(self, routes: Routes) -> None:
        routes.add("/setBroadcastConfig", with_form(self._set_broadcast_config))
        routes.add(
            "/setMaxPriceForCapability",
            with_form(self._set_capability_price, "maxPricePerUnit", "pixelsPerUnit", "currency", "pipeline", "modelID"),
        )
        routes.add("/setMaxFaceValue", with_form(self._set_max_face_value, "maxfacevalue"))
        routes.add(
            "/setPriceForBroadcaster",
            with_form(self._set_gateway_price, "pricePerUnit", "pixelsPerUnit", "broadcasterEthAddr"),
        )
        routes.add("/setMaxSessions", with_form(self._set_max_sessions, "maxSessions"))
        routes.add("/setLogLevel", with_form(self._set_log_level, "loglevel"))

    def _status(self, _request: Request) -> Response:
        """server/mediaserver.go:GetNodeStatus"""
        node = self._node
        pool = [{"Url": str(url), "Score": score, "Latency": None} for url, score in (node.scored if node.role is Role.GATEWAY else ())]
        transcoders = self._transcoders.describe()
        with node.lock:
            streams = {
                name: {"SourceBytes": info.source_bytes, "TranscodedBytes": info.transcoded_bytes} for name, info in node.streams.items()
            }
            base_prices = {address: prices.as_text(price) for address, price in node.prices.items()}
        return httpd.as_json(
            {
                "Manifests": {name: self._streams.playlist(name) for name in streams},
                "InternalManifests": {},
                "StreamInfo": streams,
                "OrchestratorPool": [entry["Url"] for entry in pool],
                "OrchestratorPoolInfos": pool if node.role is Role.GATEWAY and pool else None,
                "Version": node.version,
                "GolangRuntimeVersion": f"{GO_VERSION} (stand-in)",
                "GOArch": "amd64",
                "GOOS": "linux",
                "RegisteredTranscodersNumber": len(transcoders),
                "RegisteredTranscoders": transcoders,
                "LocalTranscoding": node.transcodes_itself,
                "BroadcasterPrices": base_prices,
            }
        )

    def _current_block(self, _request: Request) -> Response:
        if self._node.chain is None:
            raise Dropped(NIL)
        return chain_routes.current_block(self._node.chain)

    def _metrics(self, _request: Request) -> Response:
        return httpd.Response(200, self._node.metrics.scrape().encode(), "text/plain; version=0.0.4; charset=utf-8")

    def _broadcast_config(self, _request: Request) -> Response:
        with self._node.lock:
            price = self._node.max_price
            names = ",".join(profile.name for profile in self._node.profiles)
        return httpd.as_json({"MaxPrice": None if price is None else prices.as_text(price), "TranscodingOptions": names})

    def _network_capabilities(self, _request: Request) -> Response:
        """handlers.go:getNetworkCapabilitiesHandler: off-chain the error is followed by the document."""
        if self._node.role is not Role.GATEWAY:
            return refused("Node must be gateway node to get network capabilities")
        names = {str(number): name for number, name in sorted(CAPABILITY_NAMES.items(), key=lambda item: str(item[0]))}
        if self._node.chain is not None:
            return httpd.as_json({"capabilities_names": names, "orchestrators": chain_routes.network_capabilities(self._node)})
        document = httpd.as_json({"capabilities_names": names, "orchestrators": None})
        failed = refused("network capabilities not available", 500)
        return Response(500, failed.body + document.body, failed.content_type, failed.headers)

    def _register_live_runners(self, request: Request) -> Response:
        if request.method != "POST":
            return httpd.error("Method not allowed", 405)
        return httpd.error("live runners are not supported", 404)

    def _set_broadcast_config(self, request: Request) -> Response:
        form = request.form()
        price, pixels, options = (form.get(key, "") for key in ("maxPricePerUnit", "pixelsPerUnit", "transcodingOptions"))
        if not (price and pixels) and not options:
            return refused("missing form params (maxPricePerUnit AND pixelsPerUnit) or transcodingOptions")
        if price and pixels:
            try:
                cap = self._price_per_pixel(price, pixels, form.get("currency", ""))
            except BadPrice as error:
                return refused(str(error))
            if cap > 0:
                terms.set_max_price(self._node, cap)
            else:
                with self._node.lock:
                    self._node.max_price = None
        if options:
            chosen = wanted_names(options)
            if not chosen:
                return refused(f"invalid transcoding options: {options}")
            with self._node.lock:
                self._node.profiles = chosen
        return httpd.text("")

    def _set_capability_price(self, request: Request) -> Response:
        if self._node.role is not Role.GATEWAY:
            return refused("Node must be gateway node to set max price per capability")
        form = request.form()
        pipeline, model = form["pipeline"], form["modelID"]
        if terms.capability_name(pipeline) is None:
            return refused("pipeline not supported")
        try:
            cap = self._price_per_pixel(form["maxPricePerUnit"], form["pixelsPerUnit"], form["currency"])
        except BadPrice as error:
            return refused(str(error))
        if cap <= 0:
            return refused(f"pricePerPixel needs to be > 0: {prices.three_places(cap)}")
        terms.set_capability_cap(self._node, pipeline, model, cap)
        return httpd.text("")

    def _set_max_face_value(self, request: Request) -> Response:
        if self._node.role is not Role.ORCHESTRATOR:
            return refused("node must be orchestrator node to set maxfacevalue")
        value = request.form()["maxfacevalue"]
        number = terms.whole(value)
        if number is None:
            return refused("maxfacevalue not set to number")
        if self._node.terms is None:
            raise Dropped(NIL)  # without a chain there is no recipient of tickets
        return chain_routes.set_max_face_value(self._node, number)

    def _set_gateway_price(self, request: Request) -> Response:
        """handlers.go:setPriceForBroadcaster, setOrchestratorPriceInfo"""
        if self._node.role is not Role.ORCHESTRATOR:
            return refused("Node must be orchestrator node to set price for broadcaster")
        form = request.form()
        price, pixels, address = (form[key] for key in ("pricePerUnit", "pixelsPerUnit", "broadcasterEthAddr"))
        try:
            self._set_base_price(address, price, pixels, form.get("currency", ""))
        except BadPrice as error:
            return refused(str(error))
        return httpd.text(f"Price per pixel set to {price} wei for {pixels} pixels for broadcaster {address}\n")

    def _set_orchestrator_config(self, request: Request) -> Response:
        """One of the two fields alone changes nothing; what would send a transaction is not looked at."""
        form = request.form()
        price, pixels = form.get("pricePerUnit", ""), form.get("pixelsPerUnit", "")
        if price and pixels:
            try:
                self._set_base_price("default", price, pixels, form.get("currency", ""))
            except BadPrice as error:
                return refused(str(error))
        return httpd.text("")

    def _set_base_price(self, address: str, price: str, pixels: str, currency: str) -> None:
        """handlers.go:setOrchestratorPriceInfo"""
        if ETH_ADDRESS.search(address) is None:
            raise BadPrice(f"broadcasterEthAddr is not a valid eth address, provided {address}")
        per_unit = prices.rational(price)
        if per_unit is None:
            raise BadPrice(f"error parsing pricePerUnit value: {price}")
        if per_unit < 0:
            raise BadPrice(f"price unit must be greater than or equal to 0, provided {price}")
        units = prices.rational(pixels)
        if units is None:
            raise BadPrice(f"error parsing pixelsPerUnit value: {pixels}")
        if units <= 0:
            raise BadPrice(f"pixels per unit must be greater than 0, provided {pixels}")
        value = self._in_wei(per_unit / units, currency)
        with self._node.lock:
            self._node.prices[address.lower()] = value
        whose = "" if address == "default" else f" for broadcaster {address}"
        golog.info(f"Price: {prices.three_places(value)} wei per pixel{whose}\n")

    def _price_per_pixel(self, price: str, pixels: str, currency: str) -> Fraction:
        """A cap; one that means none is never converted."""
        per_unit, units = prices.rational(price), prices.rational(pixels)
        if per_unit is None:
            raise BadPrice(f"Error parsing pricePerUnit value: {price}")
        if units is None:
            raise BadPrice(f"Error parsing pixelsPerUnit value: {pixels}")
        if units <= 0:
            raise BadPrice(f"pixels per unit must be greater than 0, provided {pixels}")
        return self._in_wei(per_unit / units, currency) if per_unit > 0 else per_unit / units

    def _in_wei(self, price: Fraction, currency: str) -> Fraction:
        try:
            return prices.in_wei(price, currency, self._node.chain.feed if self._node.chain else None)
        except prices.CurrencyError as error:
            raise BadPrice(f"error converting price: {error}") from error

    def _set_max_sessions(self, request: Request) -> Response:
        value = request.form()["maxSessions"]
        if value == "auto":
            if self._node.transcodes_itself:
                raise Dropped(NIL)
            self._node.auto_sessions = True
            self._change_max_sessions(self._transcoders.capacity())
            return httpd.text("Max sessions set to auto\n")
        try:
            number = atoi(value)
        except ParseError as error:
            return refused(f'strconv.Atoi: parsing "{value}": {error}')
        if number <= 0:
            return refused("Max Sessions must be 'auto' or greater than zero")
        self._node.auto_sessions = False
        self._change_max_sessions(number)
        return httpd.text(f"Max sessions set to {number}\n")

    def _change_max_sessions(self, number: int) -> None:
        self._node.max_sessions = number
        self._node.metrics.set("livepeer_max_sessions_total", number)

    def _set_log_level(self, request: Request) -> Response:
        if not golog.set_verbosity(request.form()["loglevel"]):
            return refused("parameter 'logLevel' not defined")
        return httpd.text("")


def _profiles(request: Request) -> Response:
    """net/http/pprof: the page is there, no profile is."""
    if request.path != "/debug/pprof/":
        return httpd.error("Unknown profile", 404)
    return Response(200, b"<html>stand-in: no profiles</html>\n", "text/html; charset=utf-8", NO_SNIFFING)


def _word(value: bool) -> str:
    return "true" if value else "false"


def _command_line() -> bytes:
    with open("/proc/self/cmdline", "rb") as file:
        return file.read().rstrip(b"\0")
