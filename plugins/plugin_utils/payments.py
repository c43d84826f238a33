# SPDX-License-Identifier: GPL-3.0-or-later
"""Who can pay whom in this fleet: nodes in the words of the measured table, and what it cannot know (networks that differ)."""

from __future__ import annotations

from functools import cache

from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.feeds import FEED, FEED_CURRENCIES, FEED_NETWORK
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.payment import Combination, combination
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import OFFCHAIN, GatewaySettings, Node, Payment
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.settings import gateway_settings
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices import WEI

SIGNING = (Payment.REMOTE_SIGNER, Payment.CLEARINGHOUSE)
"""Payments by somebody else's key; the gateway's own process is off-chain with them."""

PAYS = ("network", "payment", "remote_signer")
"""Settings of a gateway that tell who pays for its jobs, and where."""

FREE = "free"
PAID = "paid"
REFUSED = "refused"

ONCHAIN = "onchain"


def pays(gateway: Node) -> bool:
    """True if a node is a gateway that itself pays, so that go-livepeer reads its caps at all."""
    return gateway.onchain and _payment(gateway) is Payment.ONCHAIN


def signs(gateway: Node) -> bool:
    """True if a node is a gateway whose jobs somebody else's key pays for."""
    return _payment(gateway) in SIGNING


def _payment(node: Node) -> Payment:
    return node.settings.payment if isinstance(node.settings, GatewaySettings) else Payment.NONE


def paying(gateway: Node) -> Node:
    """The node whose caps and funds count for the jobs of a gateway: the signer of the fleet that pays for it, else itself."""
    signer = gateway_settings(gateway).remote_signer.node if signs(gateway) else None
    return signer or gateway


def both(gateway: Node) -> bool:
    """True for an on-chain gateway with a signer, which go-livepeer starts with and which gets no video (LPF303)."""
    return pays(gateway) and bool(gateway_settings(gateway).remote_signer.name)


def unfed(node: Node, currency: str) -> bool:
    """True for a currency that a node's price feed cannot tell, so that go-livepeer does not start with it (LPF205)."""
    if not node.onchain or node.settings.flags.get(FEED):
        return False
    return currency not in ((WEI, *FEED_CURRENCIES) if node.network == FEED_NETWORK else (WEI,))


def mode(gateway: Node) -> str:
    """A gateway in the words of ``facts.payment.GATEWAY_MODES``."""
    if both(gateway):
        return "onchain_signer"
    return ONCHAIN if pays(gateway) else "offchain_signer" if signs(gateway) else OFFCHAIN


def between(gateway: Node, network: str, kind: str) -> Combination:
    """What becomes of a kind of workload between a gateway and an orchestrator on a network."""
    return _between(mode(gateway), paying(gateway).network, network, kind)


@cache
def _between(gateway_mode: str, payer_network: str, network: str, kind: str) -> Combination:
    if OFFCHAIN not in (payer_network, network) and payer_network != network:
        who = "the gateway" if gateway_mode == ONCHAIN else "the signer"
        why = f"{who} pays on {payer_network}, the orchestrator is paid on {network}"
        return Combination(REFUSED, "nobody", why, "", "")
    return combination(gateway_mode, OFFCHAIN if network == OFFCHAIN else ONCHAIN, kind)
