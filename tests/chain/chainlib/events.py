# SPDX-License-Identifier: GPL-3.0-or-later
"""Things that happen on the chain, with the log records that watchers wake up for."""

from __future__ import annotations

from . import abi, contracts
from .document import Chain, Document

OF_A_SENDER = ("deposit_eth", "reserve_eth", "withdraw_round", "claimed_eth")
LATER_BLOCKS = 2
"""A record lies in a block that no watcher has read yet."""


def happen(chain: Chain, event: Document) -> None:
    """{"event": "new_round"}, or {"event": "sender", "address": …, "deposit_eth": …, …}."""
    if event["event"] == "new_round":
        _new_round(chain)
    elif event["event"] == "sender":
        _sender_changed(chain, event)
    else:
        raise KeyError(f"the chain knows the events new_round and sender, not {event['event']}")


def _new_round(chain: Chain) -> None:
    start = chain.l1(chain.head())
    chain.document["round"] += 1
    chain.document["round_start"] = start
    number = chain.document["round"]
    _emit(chain, "RoundsManager", ["NewRound(uint256,bytes32)", f"0x{number:064x}"], abi.keccak(f"round {number}"))


def _sender_changed(chain: Chain, event: Document) -> None:
    """The records say 1 wei: they wake watchers, which then move their cached balance by that and not to the new one."""
    address = event["address"].lower()
    chain.document["senders"].setdefault(address, {}).update({name: event[name] for name in OF_A_SENDER if name in event})
    for name in ("DepositFunded(address,uint256)", "ReserveFunded(address,uint256)"):
        _emit(chain, "TicketBroker", [name, "0x" + "0" * 24 + address[2:]], abi.encode(["uint256"], [1]))


def _emit(chain: Chain, contract: str, topics: list[str], data: bytes) -> None:
    block = chain.head() + LATER_BLOCKS
    chain.logs.append(
        {
            "address": contracts.ADDRESSES[contract],
            "topics": ["0x" + abi.keccak(topics[0]).hex(), *topics[1:]],
            "data": "0x" + data.hex(),
            "blockNumber": hex(block),
            "blockHash": chain.hash_of(block),
            "transactionHash": "0x" + abi.keccak(f"log {len(chain.logs)}").hex(),
            "transactionIndex": "0x0",
            "logIndex": hex(len(chain.logs)),
            "removed": False,
        }
    )
