# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node on a chain knows of it: gas price, rounds, funds and orchestrators, as its watchers keep them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from . import golog
from .account import Account, signature
from .ethereum import Endpoint, RPCFailed, address, text, word
from .money import Funds
from .prices import Feed

CONTRACTS = (
    "LivepeerToken", "ServiceRegistry", "BondingManager", "TicketBroker", "RoundsManager", "Minter", "LivepeerTokenFaucet",
    "LivepeerGovernor",
)  # fmt: skip
"""eth/client.go:setContracts, in its order"""

AI_SERVICE_REGISTRY = "0x04C0b249740175999E5BF5c9ac1dA92431EF34C5"
NO_ADDRESS_WORD = 0


@dataclass(frozen=True)
class Registered:
    """An orchestrator as the contracts know it (eth/types.Transcoder)."""

    address: str
    service_uri: str
    last_reward_round: int
    reward_cut: int
    fee_share: int
    stake: int
    activation_round: int
    deactivation_round: int
    active: bool
    registered: bool


@dataclass
class Chain:
    """One node's view; watchers refresh it each -blockPollingInterval, and keep what they have when the endpoint fails."""

    endpoint: Endpoint
    chain_id: int
    controller: str
    account: Account
    contracts: dict[str, str]
    feed: Callable[[], Feed]
    min_gas_price: int
    max_gas_price: int | None
    suggested_gas_price: int
    recipient: str
    round: int = -1
    l1_block: int = 0
    block: int = 0
    pool_size: int = 0
    active_from: int = 0
    active_until: int = 0
    """rounds in which the recipient may be paid, as the start found them"""

    senders: dict[str, Funds] = field(default_factory=dict)
    claims: dict[str, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def gas_price(self) -> int:
        """eth/gaspricemonitor.go:GasPrice: never below the minimum."""
        return max(self.suggested_gas_price, self.min_gas_price)

    def sign(self, message: str) -> str:
        """This node's signature."""
        return signature(self.account.address, message)

    def funds(self, sender: str) -> Funds:
        """watchers/senderwatcher.go:GetSenderInfo: read once, at first sight."""
        with self.lock:
            known = self.senders.get(sender.lower())
        if known is not None:
            return known
        fresh = self.funds_now(sender)
        with self.lock:
            return self.senders.setdefault(sender.lower(), fresh)

    def funds_now(self, sender: str) -> Funds:
        """What the contract says at this moment."""
        data = self.endpoint.read(self.contracts["TicketBroker"], "getSenderInfo(address)", sender)
        return Funds(deposit=word(data, 0), withdraw_round=word(data, 1), reserve=word(data, 2), claimed=word(data, 3))

    def claimed_by(self, claimant: str, sender: str) -> int:
        """What this orchestrator has claimed of a gateway's reserve: read once, at first sight."""
        with self.lock:
            known = self.claims.get(sender.lower())
        if known is not None:
            return known
        fresh = word(self.endpoint.read(self.contracts["TicketBroker"], "claimedReserve(address,address)", sender, claimant))
        with self.lock:
            return self.claims.setdefault(sender.lower(), fresh)

    def orchestrator(self, who: str) -> Registered:
        """eth/client.go:GetTranscoder"""
        bonding = self.contracts["BondingManager"]
        data = self.endpoint.read(bonding, "getTranscoder(address)", who)
        status = word(self.endpoint.read(bonding, "transcoderStatus(address)", who))
        return Registered(
            address=who.lower(),
            service_uri=text(self.endpoint.read(self.contracts["ServiceRegistry"], "getServiceURI(address)", who)),
            last_reward_round=word(data, 0),
            reward_cut=word(data, 1),
            fee_share=word(data, 2),
            stake=word(self.endpoint.read(bonding, "transcoderTotalStake(address)", who)),
            activation_round=word(data, 4),
            deactivation_round=word(data, 5),
            active=bool(word(self.endpoint.read(bonding, "isActiveTranscoder(address)", who))),
            registered=status == 1,
        )

    def pool(self) -> list[Registered]:
        """eth/client.go:TranscoderPool: from the first to the last."""
        bonding, found = self.contracts["BondingManager"], []
        who = address(self.endpoint.read(bonding, "getFirstTranscoderInPool()"))
        while int(who, 16) != NO_ADDRESS_WORD:
            found.append(self.orchestrator(who))
            who = address(self.endpoint.read(bonding, "getNextTranscoderInPool(address)", who))
        return found

    def refresh_block(self) -> None:
        """blockwatch: the newest block and the L1 block that it saw; a new round comes with its pool size."""
        latest = self.endpoint.ask("eth_getBlockByNumber", "latest", False)
        self.block, self.l1_block = int(latest["number"], 16), int(latest.get("l1BlockNumber", latest["number"]), 16)
        current = word(self.endpoint.read(self.contracts["RoundsManager"], "lastInitializedRound()"))
        if current != self.round:
            self.round = current
            self.pool_size = word(self.endpoint.read(self.contracts["BondingManager"], "getTranscoderPoolSize()"))

    def watch(self, seconds: float, seen: Callable[[], None]) -> None:
        """Follows the chain for as long as the process lives."""
        threading.Thread(target=self._watch, args=(seconds, seen), daemon=True).start()

    def _watch(self, seconds: float, seen: Callable[[], None]) -> None:
        while True:
            time.sleep(seconds)
            try:
                self.suggested_gas_price = self.endpoint.number("eth_gasPrice")
                seen()
            except (RPCFailed, ValueError, TypeError) as error:
                golog.error(f"error getting gas price: {error}")
            try:
                self.refresh_block()
            except (RPCFailed, ValueError, TypeError, KeyError) as error:
                golog.error(f'blockwatch.Watcher error encountered - trying again on next polling interval err="{error}"')
