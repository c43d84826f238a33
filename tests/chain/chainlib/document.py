# SPDX-License-Identifier: GPL-3.0-or-later
"""The document that the chain answers from, and its clock; tests read and change it while nodes run."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from .abi import keccak

ETHER = 10**18
GWEI = 10**9
FIRST_BLOCK = 20_000_000
FIRST_L1_BLOCK = 18_000_000

Document = dict[str, Any]


def fresh_document() -> Document:
    """The start: 100 orchestrators in the pool, 1 ETH of deposit and reserve for everybody, 0.1 gwei gas."""
    return {
        "chain_id": 31337,
        "gas_gwei": 0.1,
        "base_fee_gwei": None,  # None: the same as gas_gwei
        "down": "",  # "", "401", "429", "503", "hang" or "error": how every call answers
        "fail_methods": [],  # JSON-RPC methods, or Contract.function, that answer an error; "eth_call" fails all reads
        "fail_after_seconds": None,  # every call fails from this second of the chain's life on
        "block_time": 1.0,
        "l1_per_block": 0.1,
        "round": 3000,
        "round_start": FIRST_L1_BLOCK,
        "pool_size": 100,
        "deposit_eth": 1.0,
        "reserve_eth": 1.0,
        "senders": {},  # address: {deposit_eth, reserve_eth, withdraw_round, claimed_eth}
        "orchestrators": [],  # {"address", "uri", "active", "stake_eth"} in the order of the pool
        "balance_eth": 10.0,
        "feed": {"description": "ETH / USD", "decimals": 8, "answer": 2000 * 10**8, "updated_at": None, "round_id": 1},
        "paused": False,
        "tx_mode": "mine",  # mine, revert, pending, reject
    }


def wei(ether: object) -> int:
    """An amount of the document in wei; a float means the decimal number that was written."""
    return int(Fraction(str(ether)) * ETHER)


def gwei(amount: object) -> int:
    """A gas price of the document in wei."""
    return int(Fraction(str(amount)) * GWEI)


@dataclass
class Chain:
    """Document, clock, and what has happened."""

    document: Document = field(default_factory=fresh_document)
    calls: Counter[str] = field(default_factory=Counter)
    transactions: dict[str, Document] = field(default_factory=dict)
    logs: list[Document] = field(default_factory=list)
    started: float = field(default_factory=time.time)
    blocks: dict[str, int] = field(default_factory=dict)

    def head(self) -> int:
        """The number of the newest block."""
        return FIRST_BLOCK + int((time.time() - self.started) / self.document["block_time"])

    def l1(self, block: int) -> int:
        """The L1 block that an L2 block saw."""
        start: int = self.document["round_start"]
        return start + 100 + int((block - FIRST_BLOCK) * self.document["l1_per_block"])

    def hash_of(self, block: int) -> str:
        """The hash of a block; whoever asks for a block by its hash was told the hash before."""
        text = "0x" + keccak(f"block {block}").hex()
        self.blocks[text] = block
        return text

    def sender(self, address: str) -> Document:
        """What one gateway has put down."""
        own = self.document["senders"].get(address.lower(), {})
        general = {name: self.document[name] for name in ("deposit_eth", "reserve_eth")}
        return {"withdraw_round": 0, "claimed_eth": 0, **general, **own}

    def orchestrator(self, address: str) -> Document | None:
        """An orchestrator of the pool."""
        found = (one for one in self.document["orchestrators"] if one["address"].lower() == address.lower())
        return next(found, None)

    def change(self, changes: Document) -> None:
        """Objects of the document are merged, everything else is replaced; an unknown name is an error."""
        unknown = sorted(set(changes) - set(self.document))
        if unknown:
            raise KeyError(f"the chain knows no {', '.join(unknown)}; it knows {', '.join(sorted(self.document))}")
        for name, given in changes.items():
            value = {address.lower(): what for address, what in given.items()} if name == "senders" else given
            if isinstance(self.document[name], dict) and isinstance(value, dict):
                self.document[name].update(value)
            else:
                self.document[name] = value
