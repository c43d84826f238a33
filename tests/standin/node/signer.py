# SPDX-License-Identifier: GPL-3.0-or-later
"""The remote signer (server/remote_signer.go): signs for gateways without an account, and pays for live AI.

Between stand-ins an orchestrator's offer is JSON where the real ones have protobuf; everything else is as it is there.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any
from urllib.parse import parse_qs

from . import golog, httpd, money, prices, transport
from .ai_caps import cap_of
from .ethereum import checksummed
from .gourl import parse
from .httpd import Request, Response, Routes
from .money import TicketRefused
from .node import Node
from .payer import Payer, Payment, Purse
from .public_routes import add_shared
from .recipient import ticket_of
from .webhook_pool import headers_of

REFRESH_STATUS, PRICE_STATUS, NO_TICKETS_STATUS = 480, 481, 482
MOST_TICKETS = 100
WEBHOOK_SECONDS = 5.0
PIXELS_A_SECOND = 1280 * 720 * 30
FIRST_SECONDS = {"lv2v": 60.0, "live": 10.0}
UNITS = {"live": "seconds", "lv2v": "720p-pixel-seconds", "fixed": "fixed"}


class Refused(Exception):
    """An answer with this status."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class State:
    """RemotePaymentState: what the gateway carries from one payment to the next, signed by the signer."""

    document: dict[str, Any]
    is_new: bool

    @property
    def first_price(self) -> Fraction:
        """The price of the session's first payment, which no later one may exceed."""
        try:
            return Fraction(self.document["InitialPricePerUnit"], self.document["InitialPixelsPerUnit"])
        except (KeyError, TypeError, ZeroDivisionError):
            raise Refused("invalid initial price in state") from None


class Signer:
    """Signing, paying, health, and a list of orchestrators where it is asked for."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._payer = Payer(node)

    def routes(self) -> Routes:
        """StartRemoteSignerServer"""
        routes = Routes()
        add_shared(routes)
        routes.add("POST /sign-orchestrator-info", self._sign)
        routes.add("POST /generate-live-payment", self._pay)
        if self._node.settings.on("remoteDiscovery"):
            routes.add("GET /discover-orchestrators", self._discover)
        return routes

    def _discover(self, request: Request) -> Response:
        """GetOrchestrators: whoever has a model within the cap."""
        golog.info(f"Get orchestrators request ip={request.client}")
        with self._node.lock:
            offers = list(self._node.offers.values())
        known = [(offer["transcoder"], self._affordable(offer)) for offer in offers]
        if not any(capabilities for _, capabilities in known):
            golog.error("Error with API code=503 err=cache empty")
            return httpd.as_json({"error": {"message": "Service Unavailable Error"}}, 503)
        wanted = set(parse_qs(request.query).get("caps", ()))
        return httpd.as_json(
            [
                {"address": address, "score": 1, "capabilities": sorted(capabilities)}
                for address, capabilities in known
                if capabilities and (not wanted or wanted & capabilities)
            ]
        )

    def _affordable(self, offer: dict[str, Any]) -> set[str]:
        listed = {(one["pipeline"], one["model"]): Fraction(one["price"]) for one in offer.get("model_prices") or ()}
        found = set()
        for pipeline, model, _ in offer["models"]:
            price = listed.get((pipeline, model), Fraction(offer["price"] or 0))
            cap = cap_of(self._node, [(pipeline, model)])
            if model and (cap is None or price <= cap):
                found.add(f"{pipeline}/{model}")
        return found

    def _sign(self, request: Request) -> Response:
        golog.info(f"Orch info signature request ip={request.client}")
        address, signature = self._node.identity
        answer = httpd.as_json({"address": checksummed(address), "signature": signature})
        return Response(200, answer.body + b"\n", answer.content_type)

    def _pay(self, request: Request) -> Response:
        """GenerateLivePayment"""
        golog.info(f"Live payment request ip={request.client}")
        try:
            answer = httpd.as_json(self._payment(_decoded(request.body), request.headers))
        except Refused as error:
            golog.error(f"Error with API code={error.status} err={error}")
            message = "Internal Server Error" if error.status == 500 else str(error)
            answer = httpd.as_json({"error": {"message": message}}, error.status)
        return Response(answer.status, answer.body + b"\n", answer.content_type)

    def _payment(self, asked: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
        offer = _offer(asked)
        kind, price = str(asked.get("type") or ""), Fraction(offer["price"])
        state = self._state(asked, offer, price)
        if not state.is_new and not asked.get("ManifestID"):
            raise Refused("missing manifestID")
        purse = Purse(price, state.first_price, ticket_of(offer["ticket"]), offer["ticket"]["recipient"])
        purse.credit = prices.rational(state.document["Balance"]) or Fraction(0)
        self._check_freshness(offer, purse)
        units = _units(asked, kind, state.document["LastUpdate"])
        self._check_price(asked, kind, price, state)
        fee = units * state.first_price
        payment = self._tickets(purse, fee)
        purse.credit += payment.credit + payment.fresh - fee
        state.document.update(Balance=str(purse.credit), LastUpdate=str(time.time()), PMSessionID=offer["session"])
        self._authorise(headers, state, kind, price)
        golog.info(f"Signed numTickets={payment.number} fee={prices.places(fee, 0)} sessionId={offer['session']}")
        return {
            "payment": transport.packed(payment.document),
            "segCreds": transport.packed({"token": offer["token"], "signature": self._signature(offer["token"])}),
            "state": self._signed(state),
        }

    def _authorise(self, headers: dict[str, str], state: State, kind: str, price: Fraction) -> None:
        """authLivePayment: whoever the webhook belongs to has the last word, for as long as it says; raises Refused."""
        url = self._node.settings.text("remoteSignerWebhookUrl")
        if not url or time.time() <= int(state.document.get("AuthExpiry") or 0):
            return
        said = _asked_for_leave(url, self._node.settings.text("remoteSignerWebhookHeaders"), headers, state.document)
        status = said.get("status")
        if not isinstance(status, int) or status <= 0:
            raise Refused("signer auth invalid status", 500)
        if status != 200:
            raise Refused(said.get("reason") or f"signer auth rejected request with status {status}", status)
        state.document["AuthExpiry"] = said.get("expiry", 0)
        ceiling = _request_ceiling(said.get("maxPrice"), kind)
        if ceiling is not None and price > ceiling:
            shown = f"orchestrator price {prices.three_places(price)} exceeds auth webhook maxPrice ceiling {prices.three_places(ceiling)}"
            golog.warning(f"Rejecting payment request: {shown}")
            raise Refused(shown, PRICE_STATUS)

    def _state(self, asked: dict[str, Any], offer: dict[str, Any], price: Fraction) -> State:
        given = asked.get("state") or {}
        text, signature = _plain(given.get("State")), _plain(given.get("Sig"))
        if not text and not signature:
            fresh = {
                "StateID": secrets.token_hex(4),
                "PMSessionID": "",
                "LastUpdate": "",
                "OrchestratorAddress": offer["address"],
                "App": asked.get("app") or "",
                "Balance": "0",
                "InitialPricePerUnit": price.numerator,
                "InitialPixelsPerUnit": price.denominator,
                "Type": asked.get("type") or "",
                "SequenceNumber": 0,
            }
            return State(fresh, is_new=True)
        if signature != self._signature(text):
            raise Refused("invalid sig")
        try:
            known = dict(json.loads(text))
        except ValueError:
            raise Refused("invalid state") from None
        for name, value, what in (
            ("OrchestratorAddress", offer["address"], "orchestratorAddress"),
            ("App", asked.get("app") or "", "app"),
            ("Type", asked.get("type") or "", "job type"),
        ):
            if known.get(name) != value and not (name == "Type" and not known.get(name)):
                raise Refused(f"{what} mismatch")
        known["SequenceNumber"] += 1
        return State(known, is_new=False)

    def _check_freshness(self, offer: dict[str, Any], purse: Purse) -> None:
        """A gateway has to get a new session of the orchestrator itself."""
        try:
            if self._payer.needs_refresh(purse):
                raise Refused("refresh session for remote signer", REFRESH_STATUS)
        except TicketRefused as error:
            raise Refused(f"remote signer could not check whether to refresh session: {error}") from error

    def _check_price(self, asked: dict[str, Any], kind: str, price: Fraction, state: State) -> None:
        """The lowest of all ceilings: the signer's own cap, the request's, the price of the session's first payment."""
        ceilings: Iterable[tuple[str, Fraction | None]] = (
            ("configured maximum price", cap_of(self._node, [tuple(one) for one in asked.get("capabilities") or ()])),
            ("request maxPrice", _request_ceiling(asked.get("maxPrice"), kind)),
            ("initial session price", None if state.is_new else state.first_price),
        )
        known = [(ceiling, source) for source, ceiling in ceilings if ceiling is not None]
        if known and price > min(known)[0]:
            ceiling, source = min(known, key=lambda one: one[0])
            shown = f"orchestrator price {prices.three_places(price)} exceeds {source} ceiling {prices.three_places(ceiling)}"
            golog.warning(f"Rejecting payment request: {shown}")
            raise Refused(shown, PRICE_STATUS)

    def _tickets(self, purse: Purse, fee: Fraction) -> Payment:
        number = money.tickets_for(purse.credit, fee, purse.ticket.ev)
        if number <= 0:
            raise Refused("no tickets", NO_TICKETS_STATUS)
        if number > MOST_TICKETS:
            raise Refused(f"numTickets {number} exceeds maximum of {MOST_TICKETS}")
        try:
            return self._payer.pay_fee(purse, fee, "remote signer")
        except TicketRefused as error:
            raise Refused(str(error), PRICE_STATUS if "more than doubled" in str(error) else 500) from error

    def _signature(self, message: str) -> str:
        chain = self._node.chain
        assert chain is not None
        return chain.sign(message)

    def _signed(self, state: State) -> dict[str, str]:
        text = json.dumps(state.document, separators=(",", ":"))
        return {"State": _coded(text), "Sig": _coded(self._signature(text))}


def _asked_for_leave(url: str, own: str, headers: dict[str, str], state: dict[str, Any]) -> dict[str, Any]:
    """The webhook's answer; everything but a 200 with JSON is the signer's own failure."""
    where = parse(url)
    body = json.dumps({"headers": {name.title(): [value] for name, value in headers.items()}, "state": state}).encode("utf-8")
    try:
        path = where.path + (f"?{where.query}" if where.query else "")
        given = {"Content-Type": "application/json", **headers_of(own)}
        answer = transport.call(where, path or "/", body, WEBHOOK_SECONDS, given)
        if answer.status != 200:
            raise Refused(f"signer auth error status {answer.status}", 500)
        return dict(answer.json())
    except (transport.TransportError, ValueError, TypeError) as error:
        raise Refused(f"failed to call remote signer webhook: {error}", 500) from error


def _decoded(body: bytes) -> dict[str, Any]:
    if not body:
        raise Refused("EOF")
    try:
        asked = json.loads(body)
    except ValueError as error:
        raise Refused(f"invalid character: {error}") from error
    if not isinstance(asked, dict):
        raise Refused("json: cannot unmarshal into Go value of type server.RemotePaymentRequest")
    return asked


def _offer(asked: dict[str, Any]) -> dict[str, Any]:
    """The orchestrator's answer, as the gateway got it."""
    text = _plain(asked.get("orchestrator"))
    if not text:
        raise Refused("missing orchestrator")
    try:
        offer = dict(json.loads(text))
    except ValueError as error:
        raise Refused(f"proto: cannot parse invalid wire-format data: {error}") from error
    if not offer.get("price") or Fraction(offer["price"]) == 0:
        raise Refused("missing or zero priceInfo")
    if not offer.get("ticket"):
        raise Refused("missing ticketParams in OrchestratorInfo")
    return offer


def _units(asked: dict[str, Any], kind: str, last: str) -> int:
    """What is charged: seconds since the last payment, or what the first one pays ahead; pixels for live video to video."""
    if kind in FIRST_SECONDS:
        passed = time.time() - float(last) if last else 0.0
        seconds = passed if passed > 0 else FIRST_SECONDS[kind]
        units = int(PIXELS_A_SECOND * seconds) if kind == "lv2v" else math.ceil(seconds)
    elif kind == "fixed":
        units = 1
    elif kind:
        raise Refused("invalid job type")
    else:
        units = int(asked.get("inPixels") or 0)
    if units <= 0:
        raise Refused("missing billable unit or job type")
    return units


def _request_ceiling(given: dict[str, Any] | None, kind: str) -> Fraction | None:
    """parseRemotePaymentMaxPrice"""
    if given is None:
        return None
    price = prices.rational(str(given.get("price", "")).strip())
    if price is None or price <= 0:
        raise Refused("maxPrice.price must be a positive decimal")
    if str(given.get("currency", "")).strip().lower() != "wei":
        raise Refused("maxPrice.currency must be wei")
    if kind not in UNITS:
        raise Refused("maxPrice requires payment type live, lv2v, or fixed")
    if str(given.get("unit", "")).strip().lower() != UNITS[kind]:
        raise Refused(f"maxPrice.unit must be {UNITS[kind]} for payment type {kind}")
    return price


def _plain(coded: object) -> str:
    """[]byte in JSON: base64"""
    try:
        return base64.b64decode(str(coded or ""), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Refused(f"illegal base64 data: {error}") from error


def _coded(text: str) -> str:
    return base64.b64encode(text.encode("utf-8")).decode("ascii")
