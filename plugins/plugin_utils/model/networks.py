# SPDX-License-Identifier: GPL-3.0-or-later
"""Which network a node runs on, and who pays for a gateway: the one settles the other."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.collector import Collector
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import OFFCHAIN, Payment
from ansible_collections.livepeer.fleet.plugins.plugin_utils.nearest import nearest

CODE = "LPF303"
SHAPE = "LPF504"

KNOWN = (OFFCHAIN, "arbitrum-one-mainnet", "mainnet", "arbitrum-one-rinkeby", "rinkeby")
"""Networks whose contracts go-livepeer knows by name (``starter.go:configOptions``)."""

CHAIN_IDS = {"arbitrum-one-mainnet": 42161, "mainnet": 1, "arbitrum-one-rinkeby": 421611, "rinkeby": 4}
"""Their chain ids (EIP-155). go-livepeer itself takes any that its first endpoint says (``starter.go:checkOrStoreChainID``)."""

CONTROLLER = "ethController"


def stated_network(role: str, values: Mapping[str, object]) -> tuple[str, str]:
    """The network somebody wrote for a role, and the variable it stands in; without one the default and ``livepeer_network``."""
    own = values.get(f"{role}_network")
    return (str(own), f"livepeer_{role}_network") if own else (str(values["network"]), "livepeer_network")


def check_name(network: str, variable: str, role: str, flags: Mapping[str, str], collector: Collector) -> None:
    """A finding for a network that go-livepeer does not know, unless its contracts are given by flag."""
    if network in KNOWN or CONTROLLER in flags:
        return
    hint = nearest(network, KNOWN) or f"livepeer_{role}_flags: {{{CONTROLLER}: <address of the controller contract>}}"
    collector.add(SHAPE, f"go-livepeer knows no network {network}", variable, got=network, limit=", ".join(KNOWN), hint=hint)


def settle(payment: Payment | None, values: Mapping[str, object], collector: Collector) -> tuple[str, Payment, str]:
    """Network of a gateway, who pays, and the variable that settled the network.

    Without a word about payment the network decides: on a chain the gateway pays there, off-chain nobody does.
    """
    network, variable = stated_network("gateway", values)
    if payment is None:
        return network, (Payment.NONE if network == OFFCHAIN else Payment.ONCHAIN), variable
    if payment is Payment.ONCHAIN:
        if network == OFFCHAIN:
            message = "the gateway is to pay on-chain, but its network is offchain"
            hint = f"{variable}: arbitrum-one-mainnet, or livepeer_gateway_payment: none"
            collector.add(CODE, message, variable, got=OFFCHAIN, limit=f"livepeer_gateway_payment: {payment.value}", hint=hint)
        return network, payment, variable
    if network != OFFCHAIN and variable == "livepeer_gateway_network":
        message = f"with payment {payment.value} the gateway itself runs off-chain"
        hint = "remove livepeer_gateway_network, or write livepeer_gateway_payment: onchain"
        collector.add(CODE, message, variable, got=network, limit=f"livepeer_gateway_payment: {payment.value}", hint=hint)
    return OFFCHAIN, payment, "livepeer_gateway_payment"
