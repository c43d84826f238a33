# SPDX-License-Identifier: GPL-3.0-or-later
"""A start on a chain, as far as the stand-in goes: everything up to the chain id (starter.go:StartLivepeer).

A later on-chain mode begins where `connect` ends today; prices and caps are compared in streams.py already.
"""

from __future__ import annotations

import http.client
import json
import math
import os
import socket
import threading

from . import golog
from .datadir import Database, read_from_file
from .gourl import URL, URLError, parse
from .lifecycle import Ended, Lifecycle
from .settings import Settings

SMALLEST_ERROR = 0.0001
NO_ADDRESS = "0" * 40
CALL = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
RINKEBY = ("rinkeby", "arbitrum-one-rinkeby")
CONTROLLERS = {
    "rinkeby": "0x9a9827455911a858E55f07911904fACC0D66027E",
    "arbitrum-one-rinkeby": "0x9ceC649179e2C7Ab91688271bcD09fb707b3E574",
    "mainnet": "0xf96d54e490317c557a967abfa5d6e33006be69b3",
    "arbitrum-one-mainnet": "0xD8E8328501E9645d16Cf49539efC04f734606ee4",
}


def announce(settings: Settings) -> None:
    """The log line with the network."""
    network = settings.text("network")
    if network in RINKEBY:
        golog.warning("The Rinkeby/ArbRinkeby networks are deprecated")
    controller = settings.text("ethController") or CONTROLLERS.get(network, "")
    where = f"{network} network: {controller}" if network in CONTROLLERS else f"{network} network"
    golog.info(f"***Livepeer is running on the {where}***")


def connect(settings: Settings, database: Database, lifecycle: Lifecycle) -> None:
    """Ends the start in one of the ways in which a start on a chain fails."""
    _check_weights(settings)
    _check_keystore(settings)
    if not settings.text("ethUrl"):
        golog.exit_one("Need to specify an Ethereum node JSON-RPC URL using -ethUrl")
    chain_id = _chain_id(settings.text("ethUrl"), lifecycle)
    database.check_or_store_chain(chain_id)
    raise Ended(f"the stand-in has no on-chain mode (chain {chain_id} answered)")


def _check_weights(settings: Settings) -> None:
    """createSelectionAlgorithm"""
    weights = {name: settings.fraction(name) for name in ("selectStakeWeight", "selectPriceWeight", "selectRandFreq")}
    total = sum(weights.values())
    if math.fabs(total - 1.0) > SMALLEST_ERROR:
        golog.exit_two(
            "Incorrect parameters for selection algorithm, err=sum of selection algorithm weights must be 1.0, "
            + ", ".join(f"{name}={value}" for name, value in weights.items())
        )


def _check_keystore(settings: Settings) -> None:
    """parseEthKeystorePath"""
    path = settings.text("ethKeystorePath")
    if not path:
        return
    path = path[:-1] if path.endswith("/") else path
    if not os.path.exists(path):
        golog.exit_one("provided -ethKeystorePath was not found")
    if os.path.isdir(path):
        return
    text = read_from_file(path)
    if text == path:
        golog.exit_one("error opening keystore")
    address = _address_of_key(text)
    wanted = _plain_address(settings.text("ethAcctAddr"))
    if wanted not in (NO_ADDRESS, address) and address != NO_ADDRESS:
        golog.exit_one("-ethKeystorePath and -ethAcctAddr were both provided, but ethAcctAddr does not match the address found in keystore")


def _address_of_key(text: str) -> str:
    """common/util.go:ParseEthAddr"""
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict) or not isinstance(document.get("address"), str):
        golog.exit_one("error parsing address from keyfile")
    return _plain_address(document["address"])


def _plain_address(text: str) -> str:
    """ethcommon.HexToAddress: no error, the last 40 digits, zeros where there is no hex."""
    digits = text[2:] if text[:2] in ("0x", "0X") else text
    try:
        int(digits or "0", 16)
    except ValueError:
        return NO_ADDRESS
    return digits.lower().rjust(40, "0")[-40:]


def _chain_id(address: str, lifecycle: Lifecycle) -> int:
    """ethclient.Dial and ChainID: every failure is logged, status 0; a signal ends the wait for an answer, but no dial."""
    can_be_cancelled = not address.startswith(("ws:", "wss:"))
    answers: list[int] = []
    problems: list[str] = []

    def ask() -> None:
        try:
            answers.append(_ask(parse(address)))
        except (OSError, http.client.HTTPException, URLError, ValueError, KeyError, TypeError) as error:
            problems.append(str(error) or type(error).__name__)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    while asking.is_alive():
        asking.join(0.1)
        if can_be_cancelled and lifecycle.cancelled.is_set():
            raise Ended("failed to get chain ID from remote ethereum node: context canceled")
    if problems:
        raise Ended(f"failed to get chain ID from remote ethereum node: {problems[0]}")
    return answers[0]


def _ask(url: URL) -> int:
    if url.scheme in ("ws", "wss"):
        with socket.create_connection((url.hostname, int(url.port or PORTS[url.scheme]))) as dialled:
            dialled.recv(1)
        raise ValueError("the stand-in speaks no websocket")
    if url.scheme not in ("http", "https"):
        raise ValueError(f'no known transport for URL scheme "{url.scheme}"')
    kind = http.client.HTTPConnection if url.scheme == "http" else http.client.HTTPSConnection
    opened = kind(url.hostname, int(url.port or PORTS[url.scheme]))
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    opened.request("POST", path, json.dumps(CALL), {"Content-Type": "application/json"})
    response = opened.getresponse()
    if response.status != 200:
        raise ValueError(f"{response.status} {response.reason}")
    return int(json.loads(response.read())["result"], 16)
