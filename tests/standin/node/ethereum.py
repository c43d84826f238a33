# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to an Ethereum endpoint, and to Livepeer's contracts behind it."""

from __future__ import annotations

import base64
import http.client
import json
from fractions import Fraction
from functools import cache
from typing import Any
from urllib.parse import unquote

from .gourl import URL, parse
from .keccak import keccak256
from .prices import CurrencyError, Feed
from .transport import unverified

RPC_SECONDS = 20.0
"""starter.go:ethRPCTimeout"""

WORD = 32
NO_ADDRESS = "0x" + "0" * 40


class RPCFailed(Exception):
    """The endpoint answered an error, nonsense, or not at all."""


@cache
def _selector(signature: str) -> str:
    return keccak256(signature.encode("ascii"))[:4].hex()


class Endpoint:
    """One -ethUrl."""

    def __init__(self, address: str) -> None:
        self._url: URL = parse(address)

    def ask(self, method: str, *parameters: Any, timeout: float | None = RPC_SECONDS) -> Any:
        """The result of one call; without a timeout it waits for as long as the other side likes."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters)})
        opened = self._connection(timeout)
        try:
            opened.request("POST", self._path(), body, self._headers())
            response = opened.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise RPCFailed(f'Post "{self._url}": {error or type(error).__name__}') from error
        finally:
            opened.close()
        if response.status != 200:
            raise RPCFailed(f"{response.status} {response.reason}")
        return _result(content)

    def _connection(self, timeout: float | None) -> http.client.HTTPConnection:
        host, port = self._url.hostname, self._url.port
        if self._url.scheme == "http":
            return http.client.HTTPConnection(host, int(port or http.client.HTTP_PORT), timeout=timeout)
        return http.client.HTTPSConnection(host, int(port or http.client.HTTPS_PORT), timeout=timeout, context=unverified())

    def _path(self) -> str:
        return (self._url.path or "/") + (f"?{self._url.query}" if self._url.query else "")

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json"}
        if self._url.user:
            headers["Authorization"] = "Basic " + base64.b64encode(unquote(self._url.user).encode("utf-8")).decode("ascii")
        return headers

    def number(self, method: str, *parameters: Any) -> int:
        """A result that is a number."""
        return int(self.ask(method, *parameters), 16)

    def read(self, contract: str, signature: str, *arguments: str | int | bytes) -> bytes:
        """A contract read: what comes back is not decoded; no contract there gives nothing."""
        data = _selector(signature) + "".join(_argument(argument) for argument in arguments)
        answer = self.ask("eth_call", {"to": contract, "data": f"0x{data}"}, "latest")
        return bytes.fromhex(str(answer)[2:])


def _result(content: bytes) -> Any:
    try:
        answer = json.loads(content)
        if "error" in answer:
            raise RPCFailed(str(answer["error"]["message"]))
        return answer["result"]
    except (ValueError, KeyError, TypeError) as error:
        raise RPCFailed(f"invalid answer: {error}") from error


def _argument(value: str | int | bytes) -> str:
    if isinstance(value, bytes):
        return value.hex().ljust(2 * WORD, "0")
    return f"{int(value, 16) if isinstance(value, str) else value:064x}"


def word(data: bytes, place: int = 0) -> int:
    """A number out of a contract's answer."""
    found = data[WORD * place : WORD * (place + 1)]
    if len(found) < WORD:
        raise RPCFailed("abi: attempting to unmarshal an empty string while arguments are expected")
    return int.from_bytes(found, "big")


def address(data: bytes) -> str:
    """An address out of a contract's answer."""
    return f"0x{word(data) % (1 << 160):040x}"


def text(data: bytes) -> str:
    """A string out of a contract's answer."""
    start = word(data)
    size = word(data, start // WORD)
    return data[start + WORD : start + WORD + size].decode("utf-8", "replace")


def checksummed(plain: str) -> str:
    """An address with the capitals of EIP-55, as go-ethereum prints it."""
    digits = plain.lower().removeprefix("0x")
    check = keccak256(digits.encode("ascii")).hex()
    return "0x" + "".join(digit.upper() if int(bit, 16) >= 8 else digit for digit, bit in zip(digits, check, strict=False))


def price_feed(endpoint: Endpoint, contract: str) -> Feed:
    """eth/pricefeed.go: description, decimals and the latest answer of a Chainlink aggregator."""
    try:
        description = text(endpoint.read(contract, "description()"))
    except RPCFailed as error:
        raise CurrencyError(f"error getting price feed currencies: failed to get description: {error}") from error
    base, slash, quote = description.partition("/")
    if not slash:
        wanted = "aggregator description must be in the format of {base}/{quote} but got:"
        raise CurrencyError(f"error getting price feed currencies: {wanted} {description}")
    try:
        decimals = word(endpoint.read(contract, "decimals()"))
        answer = word(endpoint.read(contract, "latestRoundData()"), 1)
    except RPCFailed as error:
        raise CurrencyError(f"error getting current price data: {error}") from error
    signed = answer - (1 << 256) if answer >> 255 else answer
    return Feed(base.strip().upper(), quote.strip().upper(), Fraction(signed, 10**decimals))
