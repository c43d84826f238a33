# SPDX-License-Identifier: GPL-3.0-or-later
"""A start on a chain (starter.go:StartLivepeer, from the selection weights to the block watcher)."""

from __future__ import annotations

import json
import math
import os
import socket
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from . import account, golog, terms
from .account import Account
from .datadir import Database, read_from_file
from .ethereum import Endpoint, RPCFailed, address, checksummed, price_feed, word
from .gourl import URLError, parse
from .keccak import keccak256
from .lifecycle import Ended, Lifecycle
from .money import GWEI
from .node import Node
from .onchain import AI_SERVICE_REGISTRY, CONTRACTS, Chain
from .settings import Settings

Result = TypeVar("Result")

SMALLEST_ERROR = 0.0001
NO_ADDRESS = "0" * 40
WEBSOCKET_PORTS = {"ws": 80, "wss": 443}
MINIMUM_GAS_PRICE_OF_MAINNET = GWEI
UNSUPPORTED_CHAINS = (1, 4, 42161, 421611)
"""build/chains.go:ChainSupported without the build tags, as in the binary that was recorded; releases have `mainnet`."""

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
    where = f"{network} network: {_controller(settings)}" if network in CONTROLLERS else f"{network} network"
    golog.info(f"***Livepeer is running on the {where}***")


def _controller(settings: Settings) -> str:
    return settings.text("ethController") or CONTROLLERS.get(settings.text("network"), "")


def connect(node: Node, database: Database) -> None:
    """Everything up to the backfilled blocks, or one of the ways in which that fails."""
    settings = node.settings
    _check_weights(settings)
    directory, wanted = _keystore(settings, node.directory)
    if not settings.text("ethUrl"):
        golog.exit_one("Need to specify an Ethereum node JSON-RPC URL using -ethUrl")
    chain_id = _chain_id(settings.text("ethUrl"), node.lifecycle)
    if chain_id in UNSUPPORTED_CHAINS:
        raise Ended(f"node does not support chainID = {chain_id} right now")
    database.check_or_store_chain(chain_id)
    endpoint = Endpoint(settings.text("ethUrl"))
    if settings.number("blockPollingInterval") <= 0:
        golog.panic("non-positive interval for NewTicker")
    gas_price = _tried("Error starting gas price monitor", lambda: endpoint.number("eth_gasPrice"))
    owner = account.open_account(directory, f"0x{wanted}", settings.text("ethPassword"))
    node.chain = _view(settings, endpoint, chain_id, owner, gas_price)
    measure_gas(node)
    terms.settle(node, node.chain)
    golog.info("Backfilling block events (this can take a while)...\n")
    golog.info("Done backfilling block events")
    node.chain.watch(settings.number("blockPollingInterval"), lambda: measure_gas(node))


def measure_gas(node: Node) -> None:
    """monitor.SuggestedGasPrice, MinGasPrice, MaxGasPrice: in gwei."""
    if node.chain is None:
        return
    node.metrics.set("livepeer_suggested_gas_price", node.chain.suggested_gas_price / GWEI)
    node.metrics.set("livepeer_min_gas_price", node.chain.min_gas_price / GWEI)
    if node.chain.max_gas_price is not None:
        node.metrics.set("livepeer_max_gas_price", node.chain.max_gas_price / GWEI)


def _tried(what: str, step: Callable[[], Result]) -> Result:
    """A step of the start: an endpoint that fails is logged, and the start ends with status 0."""
    try:
        return step()
    except (RPCFailed, ValueError, KeyError, TypeError) as error:
        raise Ended(f"{what}: {error}") from error


def _view(settings: Settings, endpoint: Endpoint, chain_id: int, owner: Account, gas_price: int) -> Chain:
    """The contracts, and the first look at rounds and blocks."""
    controller = f"0x{plain_address(_controller(settings))}"
    contracts = _tried("Failed to set gas info on Livepeer Ethereum Client", lambda: _contracts(settings, endpoint, controller))
    maximum = settings.number("maxGasPrice")
    chain = Chain(
        endpoint=endpoint,
        chain_id=chain_id,
        controller=controller,
        account=owner,
        contracts=contracts,
        feed=partial(price_feed, endpoint, f"0x{plain_address(settings.text('priceFeedAddr'))}"),
        min_gas_price=_minimum_gas_price(settings),
        max_gas_price=maximum if maximum > 0 else None,
        suggested_gas_price=gas_price,
        recipient=f"0x{plain_address(settings.text('ethOrchAddr'))}" if settings.text("ethOrchAddr") else owner.address,
    )
    _tried("Failed to setup roundswatcher", chain.refresh_block)
    return chain


def _contracts(settings: Settings, endpoint: Endpoint, controller: str) -> dict[str, str]:
    """eth/client.go:setContracts"""
    golog.info(f"Controller: {checksummed(controller)}")
    found = {}
    for name in CONTRACTS:
        if name == "ServiceRegistry" and settings.on("aiServiceRegistry"):
            found[name] = AI_SERVICE_REGISTRY
        else:
            found[name] = address(endpoint.read(controller, "getContract(bytes32)", keccak256(name.encode("ascii"))))
        golog.info(f"{name}: {checksummed(found[name])}")
    word(endpoint.read(found["BondingManager"], "getTranscoderPoolSize()"))
    return found


def _minimum_gas_price(settings: Settings) -> int:
    """starter.go: only the network of this name has a default of its own."""
    if settings.given("minGasPrice"):
        return settings.number("minGasPrice")
    return MINIMUM_GAS_PRICE_OF_MAINNET if settings.text("network") == "mainnet" else 0


def _check_weights(settings: Settings) -> None:
    """createSelectionAlgorithm"""
    weights = {name: settings.fraction(name) for name in ("selectStakeWeight", "selectPriceWeight", "selectRandFreq")}
    total = sum(weights.values())
    if math.fabs(total - 1.0) > SMALLEST_ERROR:
        golog.exit_two(
            "Incorrect parameters for selection algorithm, err=sum of selection algorithm weights must be 1.0, "
            + ", ".join(f"{name}={value}" for name, value in weights.items())
        )


def _keystore(settings: Settings, data_directory: str) -> tuple[Path, str]:
    """parseEthKeystorePath: a folder is the keystore, a file only says which address is meant."""
    directory, wanted = Path(data_directory, "keystore"), plain_address(settings.text("ethAcctAddr"))
    path = settings.text("ethKeystorePath")
    if not path:
        return directory, wanted
    path = path[:-1] if path.endswith("/") else path
    if not os.path.exists(path):
        golog.exit_one("provided -ethKeystorePath was not found")
    if os.path.isdir(path):
        return Path(path), wanted
    text = read_from_file(path)
    if text == path:
        golog.exit_one("error opening keystore")
    found = _address_of_key(text)
    if found == NO_ADDRESS:
        return directory, wanted
    if wanted not in (NO_ADDRESS, found):
        golog.exit_one("-ethKeystorePath and -ethAcctAddr were both provided, but ethAcctAddr does not match the address found in keystore")
    return directory, found


def _address_of_key(text: str) -> str:
    """common/util.go:ParseEthAddr"""
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict) or not isinstance(document.get("address"), str):
        golog.exit_one("error parsing address from keyfile")
    return plain_address(document["address"])


def plain_address(text: str) -> str:
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
            answers.append(_ask(address))
        except (OSError, RPCFailed, URLError, ValueError, KeyError, TypeError) as error:
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


def _ask(address: str) -> int:
    url = parse(address)
    if url.scheme in WEBSOCKET_PORTS:
        with socket.create_connection((url.hostname, int(url.port or WEBSOCKET_PORTS[url.scheme]))) as dialled:
            dialled.recv(1)
        raise ValueError("the stand-in speaks no websocket")
    if url.scheme not in ("http", "https"):
        raise ValueError(f'no known transport for URL scheme "{url.scheme}"')
    return int(Endpoint(address).ask("eth_chainId", timeout=None), 16)
