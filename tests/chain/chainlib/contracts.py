# SPDX-License-Identifier: GPL-3.0-or-later
"""What Livepeer's contracts answer (names and types from the public contracts' ABI, `functions.json`)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import abi
from .document import ETHER, Chain, Document, wei

NAMES = (
    "Controller", "LivepeerToken", "ServiceRegistry", "BondingManager", "TicketBroker", "RoundsManager", "Minter",
    "LivepeerTokenFaucet", "LivepeerGovernor",
)  # fmt: skip
ADDRESSES = {name: f"0x{0xC0DE0000 + number:040x}" for number, name in enumerate(NAMES)}
NAME_OF_HASH = {abi.keccak(name): name for name in NAMES}

CONTROLLERS = ("0xd8e8328501e9645d16cf49539efc04f734606ee4", "0x1111111111111111111111111111111111111111")
"""-network arbitrum-one-mainnet needs no -ethController; the second one is that of the recorded starts."""

PRICE_FEED = "0x639fe6ab55c921f74e7fac1ee960c0b6293ba612"
AI_SERVICE_REGISTRY = "0x04c0b249740175999e5bf5c9ac1da92431ef34c5"
CONTRACT_AT = {
    **{address: name for name, address in ADDRESSES.items()},
    **dict.fromkeys(CONTROLLERS, "Controller"),
    PRICE_FEED: "AggregatorV3Interface",
    AI_SERVICE_REGISTRY: "ServiceRegistry",
}
LARGEST = 2**256 - 1
ROUND_LENGTH = 6377
NEVER = LARGEST

Values = list[object] | None


@dataclass(frozen=True)
class Function:
    """One function of a contract."""

    name: str
    inputs: list[str]
    outputs: list[str]


def _table() -> dict[str, dict[bytes, Function]]:
    document = json.loads((Path(__file__).parent / "functions.json").read_text("utf-8"))
    return {
        contract: {
            abi.selector(signature): Function(signature.partition("(")[0], abi.components(f"({signature.partition('(')[2]}"), outputs)
            for signature, outputs in functions.items()
        }
        for contract, functions in document.items()
    }


TABLE = _table()


def function_of(contract: str, call: bytes) -> Function | None:
    """The function that a call names; the bonding manager of L1 has some that the other one lacks."""
    found = TABLE.get(contract, {}).get(call[:4])
    return found or (TABLE["L1BondingManager"].get(call[:4]) if contract == "BondingManager" else None)


def read(chain: Chain, contract: str, function: Function, arguments: list[object]) -> list[object]:
    """The values of one read; zeros of the declared types where the stand-in knows nothing."""
    answer = ANSWERS.get(contract)
    values = answer(chain, function, arguments) if answer else None
    return [abi.zero(kind) for kind in function.outputs] if values is None else values


def _controller(chain: Chain, function: Function, arguments: list[object]) -> Values:
    if function.name == "getContract":
        name = NAME_OF_HASH.get(arguments[0] if isinstance(arguments[0], bytes) else b"")
        return [ADDRESSES[name]] if name else None
    return [chain.document["paused"]] if function.name == "paused" else None


def _rounds(chain: Chain, function: Function, arguments: list[object]) -> Values:
    number = chain.document["round"]
    known: dict[str, object] = {
        "currentRound": number,
        "lastInitializedRound": number,
        "currentRoundInitialized": True,
        "currentRoundStartBlock": chain.document["round_start"],
        "roundLength": ROUND_LENGTH,
        "blockNum": chain.l1(chain.head()),
    }
    if function.name == "blockHashForRound":
        return [abi.keccak(f"round {arguments[0]}")]
    return [known[function.name]] if function.name in known else None


def _broker(chain: Chain, function: Function, arguments: list[object]) -> Values:
    if function.name == "getSenderInfo":
        sender = chain.sender(str(arguments[0]))
        return [[wei(sender["deposit_eth"]), sender["withdraw_round"]], [wei(sender["reserve_eth"]), wei(sender["claimed_eth"])]]
    known = {"unlockPeriod": 15, "ticketValidityPeriod": 2}
    return [known[function.name]] if function.name in known else None


def _bonding(chain: Chain, function: Function, arguments: list[object]) -> Values:
    pool = [str(one["address"]).lower() for one in chain.document["orchestrators"]]
    if function.name in ("getTranscoderPoolSize", "getTranscoderPoolMaxSize"):
        return [chain.document["pool_size"]]
    if function.name == "getFirstTranscoderInPool":
        return [pool[0]] if pool else None
    if function.name == "getNextTranscoderInPool":
        place = pool.index(str(arguments[0])) if str(arguments[0]) in pool else len(pool)
        return [pool[place + 1]] if place + 1 < len(pool) else None
    known = chain.orchestrator(str(arguments[0])) if arguments else None
    return _of_orchestrator(chain, function, known) if known is not None else None


def _of_orchestrator(chain: Chain, function: Function, known: Document) -> Values:
    stake = wei(known.get("stake_eth", 1000))
    if function.name in ("transcoderStatus", "isRegisteredTranscoder"):
        return [1]
    if function.name == "isActiveTranscoder":
        return [bool(known.get("active", True))]
    if function.name == "transcoderTotalStake":
        return [stake]
    values = [abi.zero(kind) for kind in function.outputs]
    if function.name == "getTranscoder":
        last_reward, activation, deactivation = chain.document["round"] - 1, 10, NEVER
        values[0], values[1], values[2], values[4], values[5] = last_reward, 100_000, 500_000, activation, deactivation
        return values
    if function.name == "getTranscoderEarningsPoolForRound":
        return [stake, *values[1:]]
    return None


def _registry(chain: Chain, function: Function, arguments: list[object]) -> Values:
    if function.name != "getServiceURI":
        return None
    known = chain.orchestrator(str(arguments[0]))
    return [known["uri"] if known else ""]


def _token(_chain: Chain, function: Function, _arguments: list[object]) -> Values:
    return [1000 * ETHER] if function.name in ("balanceOf", "totalSupply") else None


def _minter(_chain: Chain, function: Function, _arguments: list[object]) -> Values:
    return [1000] if function.name in ("inflation", "inflationChange", "targetBondingRate") else None


def _feed(chain: Chain, function: Function, _arguments: list[object]) -> Values:
    feed = chain.document["feed"]
    if function.name in ("description", "decimals"):
        return [feed[function.name]]
    if function.name == "latestRoundData":
        moment = feed["updated_at"] or int(time.time())
        return [feed["round_id"], feed["answer"], moment, moment, feed["round_id"]]
    return None


ANSWERS: dict[str, Callable[[Chain, Function, list[object]], Values]] = {
    "Controller": _controller,
    "RoundsManager": _rounds,
    "TicketBroker": _broker,
    "BondingManager": _bonding,
    "ServiceRegistry": _registry,
    "LivepeerToken": _token,
    "Minter": _minter,
    "AggregatorV3Interface": _feed,
}
