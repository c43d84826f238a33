# SPDX-License-Identifier: GPL-3.0-or-later
"""The JSON-RPC methods that go-livepeer calls."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from . import abi, contracts
from .document import FIRST_BLOCK, Chain, Document, gwei, wei

GAS_OF_A_TRANSACTION = 300_000
NO_ADDRESS = "0x" + "0" * 40
NO_HASH = "0x" + "0" * 64
NO_BLOOM = "0x" + "0" * 512
OF_A_BLOCK: Document = {
    "nonce": "0x0000000000000000", "sha3Uncles": NO_HASH, "logsBloom": NO_BLOOM, "transactionsRoot": NO_HASH, "stateRoot": NO_HASH,
    "receiptsRoot": NO_HASH, "miner": NO_ADDRESS, "difficulty": "0x1", "totalDifficulty": "0x1", "extraData": "0x", "size": "0x1",
    "gasLimit": hex(30_000_000), "gasUsed": "0x0", "mixHash": NO_HASH, "transactions": [], "uncles": [],
}  # fmt: skip


class RPCError(Exception):
    """An error object of JSON-RPC."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def answer(chain: Chain, request: Document) -> Document:
    """One request; a fault of the stand-in is counted and answered, never silent."""
    given: Document = {"jsonrpc": "2.0", "id": request.get("id")}
    try:
        given["result"] = call(chain, str(request["method"]), request.get("params") or [])
    except RPCError as error:
        given["error"] = {"code": error.code, "message": str(error)}
    except Exception as error:
        chain.calls[f"FAULT {request.get('method')} {error!r}"] += 1
        given["error"] = {"code": -32603, "message": repr(error)}
    return given


def call(chain: Chain, method: str, parameters: list[Any]) -> Any:
    """The result of one method."""
    chain.calls[method] += 1
    _refuse(chain, method)
    known = METHODS.get(method)
    if known is None:
        chain.calls[f"UNSUPPORTED {method}"] += 1
        raise RPCError(-32601, f"the method {method} does not exist/is not available")
    return known(chain, parameters)


def _refuse(chain: Chain, what: str) -> None:
    late = chain.document["fail_after_seconds"]
    if what in chain.document["fail_methods"] or (late is not None and time.time() - chain.started >= late):
        raise RPCError(-32000, "stand-in chain: switched off")


def _gas(chain: Chain) -> str:
    return hex(gwei(chain.document["gas_gwei"]))


def _number(chain: Chain, tag: str | None) -> int:
    return chain.head() if tag in (None, "latest", "pending", "safe", "finalized") else int(str(tag), 16)


def _block(chain: Chain, number: int | None) -> Document | None:
    if number is None or number > chain.head():
        return None
    fee = chain.document["base_fee_gwei"]
    return {
        **OF_A_BLOCK,
        "number": hex(number),
        "hash": chain.hash_of(number),
        "parentHash": chain.hash_of(number - 1),
        "l1BlockNumber": hex(chain.l1(number)),
        "timestamp": hex(int(chain.started + (number - FIRST_BLOCK) * chain.document["block_time"])),
        "baseFeePerGas": _gas(chain) if fee is None else hex(gwei(fee)),
    }


def _fee_history(chain: Chain, _parameters: list[Any]) -> Document:
    return {"oldestBlock": hex(chain.head()), "baseFeePerGas": [_gas(chain)] * 2, "gasUsedRatio": [0.5], "reward": [["0x0"]]}


def _logs(chain: Chain, parameters: list[Any]) -> list[Document]:
    wanted = parameters[0]
    if "blockHash" in wanted:
        return [log for log in chain.logs if log["blockHash"] == wanted["blockHash"]]
    first, last = _number(chain, wanted.get("fromBlock")), _number(chain, wanted.get("toBlock"))
    return [log for log in chain.logs if first <= int(log["blockNumber"], 16) <= last]


def _contract_call(chain: Chain, parameters: list[Any]) -> str:
    asked = parameters[0]
    to, data = asked["to"].lower(), bytes.fromhex((asked.get("data") or asked.get("input"))[2:])
    contract = contracts.CONTRACT_AT.get(to)
    function = contracts.function_of(contract, data) if contract else None
    if contract is None or function is None:
        chain.calls[f"call to unknown {contract or to} {data[:4].hex()}"] += 1
        return "0x"
    name = f"{contract}.{function.name}"
    chain.calls[name] += 1
    _refuse(chain, name)
    values = contracts.read(chain, contract, function, abi.decode(function.inputs, data[4:]))
    return "0x" + abi.encode(function.outputs, values).hex()


def _send(chain: Chain, parameters: list[Any]) -> str:
    if chain.document["tx_mode"] == "reject":
        raise RPCError(-32000, "insufficient funds for gas * price + value")
    raw = bytes.fromhex(parameters[0][2:])
    typed = raw[0] < 0x80
    items = abi.rlp_items(raw[1:] if typed else raw)
    to, data = (items[5], items[7]) if raw[0] == 2 else (items[3], items[5])
    contract = contracts.CONTRACT_AT.get("0x" + to.hex(), "")
    function = contracts.function_of(contract, data)
    name = function.name if function else "?"
    given = "0x" + abi.keccak(raw).hex()
    chain.transactions[given] = {
        "to": contract, "fn": name, "block": chain.head() + 1, "mode": chain.document["tx_mode"], "t": time.time(),
    }  # fmt: skip
    chain.calls[f"tx {contract}.{name}"] += 1
    return given


def _receipt(chain: Chain, parameters: list[Any]) -> Document | None:
    known = chain.transactions.get(parameters[0])
    if known is None or known["mode"] == "pending" or chain.head() < known["block"]:
        return None
    used = hex(GAS_OF_A_TRANSACTION)
    return {
        "transactionHash": parameters[0], "transactionIndex": "0x0", "blockHash": chain.hash_of(known["block"]),
        "blockNumber": hex(known["block"]), "cumulativeGasUsed": used, "gasUsed": used, "effectiveGasPrice": _gas(chain),
        "contractAddress": None, "logs": [], "logsBloom": NO_BLOOM, "status": "0x0" if known["mode"] == "revert" else "0x1",
        "type": "0x2", "from": NO_ADDRESS, "to": contracts.ADDRESSES["TicketBroker"],
    }  # fmt: skip


METHODS: dict[str, Callable[[Chain, list[Any]], Any]] = {
    "eth_chainId": lambda chain, _: hex(chain.document["chain_id"]),
    "net_version": lambda chain, _: str(chain.document["chain_id"]),
    "web3_clientVersion": lambda _chain, _: "stand-in/1",
    "eth_blockNumber": lambda chain, _: hex(chain.head()),
    "eth_syncing": lambda _chain, _: False,
    "eth_getBlockByNumber": lambda chain, parameters: _block(chain, _number(chain, parameters[0])),
    "eth_getBlockByHash": lambda chain, parameters: _block(chain, chain.blocks.get(parameters[0])),
    "eth_gasPrice": lambda chain, _: _gas(chain),
    "eth_maxPriorityFeePerGas": lambda _chain, _: "0x0",
    "eth_feeHistory": _fee_history,
    "eth_getBalance": lambda chain, _: hex(wei(chain.document["balance_eth"])),
    "eth_getTransactionCount": lambda chain, _: hex(len(chain.transactions)),
    "eth_getCode": lambda _chain, parameters: "0x6001" if parameters[0].lower() in contracts.CONTRACT_AT else "0x",
    "eth_estimateGas": lambda _chain, _: hex(GAS_OF_A_TRANSACTION),
    "eth_getLogs": _logs,
    "eth_call": _contract_call,
    "eth_sendRawTransaction": _send,
    "eth_getTransactionByHash": lambda _chain, _: None,
    "eth_getTransactionReceipt": _receipt,
}
