# SPDX-License-Identifier: GPL-3.0-or-later
"""What a chain is expected to say of a node, so that the live node can be held against it (LPF604, LPF605, LPF608)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from ansible_collections.livepeer.fleet.plugins.plugin_utils.accounts import same
from ansible_collections.livepeer.fleet.plugins.plugin_utils.addresses import AddressError, service_uri
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Node, OrchestratorSettings, RemoteSignerSettings
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.settings import gateway_settings
from ansible_collections.livepeer.fleet.plugins.plugin_utils.payments import pays

WEI_PER_ETH = 10**18


@dataclass(frozen=True)
class OnChain:
    """What the plan knows of the chain's side of a node.

    Attributes:
        account: of the node, "" where nobody said it.
        pays: True if jobs are paid from its deposit and reserve.
        deposit, reserve: least wei that the operator reckons with, exact text; "" where nobody said it.
        service_uri: what has to be registered for its account, "" where it is no orchestrator of its own account.
        elsewhere: service addresses of the others that work in the name of this account, any of which may be the registered one.
        reward: True if it is to call reward for that account.
    """

    account: str
    pays: bool = False
    deposit: str = ""
    reserve: str = ""
    service_uri: str = ""
    elsewhere: tuple[str, ...] = ()
    reward: bool = False


def in_the_name_of(nodes: Iterable[Node]) -> Mapping[str, tuple[str, ...]]:
    """Service addresses of orchestrators by the account that they name as the registered one (``-ethOrchAddr``), in small letters."""
    found: dict[str, tuple[str, ...]] = {}
    for node in nodes:
        settings = node.settings
        if node.onchain and isinstance(settings, OrchestratorSettings) and settings.eth_orch_addr:
            account, uri = settings.eth_orch_addr.lower(), _uri(settings.service_addr)
            found[account] = (*found.get(account, ()), *([uri] if uri else []))
    return found


def on_chain(node: Node, elsewhere: Sequence[str] = ()) -> OnChain | None:
    """Of a node, None off-chain; ``elsewhere`` is what ``in_the_name_of`` has of its account."""
    if not node.onchain:
        return None
    settings = node.settings
    account = str(getattr(settings, "eth_acct_addr", ""))
    if isinstance(settings, OrchestratorSettings):
        # go-livepeer tells of its own account only (server/handlers.go:orchestratorInfoHandler).
        if settings.eth_orch_addr and not (account and same(settings.eth_orch_addr, account)):
            return OnChain(account)
        uri = _uri(settings.service_addr)
        others = tuple(dict.fromkeys(one for one in elsewhere if one != uri))
        return OnChain(account, service_uri=uri, elsewhere=others, reward=settings.reward is True)
    if isinstance(settings, RemoteSignerSettings):
        return OnChain(account, pays=True, deposit=_wei(settings.deposit_eth), reserve=_wei(settings.reserve_eth))
    if pays(node):
        money = gateway_settings(node)
        return OnChain(account, pays=True, deposit=_wei(money.deposit_eth), reserve=_wei(money.reserve_eth))
    return OnChain(account)


def _uri(service_addr: str) -> str:
    try:
        return service_uri(service_addr).url
    except AddressError:  # LPF104 says so
        return ""


def _wei(eth: str) -> str:
    return str(int(Fraction(eth) * WEI_PER_ETH)) if eth else ""
