# SPDX-License-Identifier: GPL-3.0-or-later
"""What the chain says of a live node, held against the plan: LPF604, LPF605, LPF606, LPF608. Read on its CLI port, never written.

Facts: server/handlers.go:senderInfoHandler (a sender without any funds is all zeros), orchestratorInfoHandler (the node's own account),
eth/types/contracts.go:Transcoder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, Protocol

from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.onchain import WEI_PER_ETH, OnChain

ACCOUNT = "LPF606"
"""How the problem of a node begins that runs with another account; ``read_back`` of the modules writes it."""


class ChainNode(Protocol):
    """What is read of a node of the plan."""

    @property
    def name(self) -> str:
        """Node name."""

    @property
    def unit(self) -> str:
        """Unit, without ``.service``."""

    @property
    def role(self) -> Any:
        """What it is."""

    @property
    def chain(self) -> OnChain | None:
        """What its chain is expected to say."""


def wrong_account(host: str, node: ChainNode, problems: list[str]) -> Iterator[Finding]:
    """LPF606, of the problems of a node."""
    for problem in problems:
        if problem.startswith(ACCOUNT):
            message = problem.partition(": ")[2]
            hint = f"stop {node.unit} and look which key it has: whatever it did so far was done by the other account"
            limit = node.chain.account if node.chain else ""
            yield Finding(ACCOUNT, Level.ERROR, message, (host,), node.name, _variable(node, "eth_acct_addr"), message, limit, hint)


def on_the_chain(host: str, node: ChainNode, seen: Mapping[str, Any] | None) -> Iterator[Finding]:
    """LPF604, LPF605 and LPF608 of one node.

    Args:
        host: inventory host.
        node: as planned.
        seen: ``chain`` of the observation; None where it was not asked for, or is not up.
    """
    if node.chain is None or not seen:
        return
    if node.chain.pays:
        yield from _funds(host, node, node.chain, seen)
    if node.chain.service_uri:
        yield from _registration(host, node, node.chain, seen)


def _funds(host: str, node: ChainNode, chain: OnChain, seen: Mapping[str, Any]) -> Iterator[Finding]:
    sender = seen.get("sender")
    if not sender:
        yield _warning("LPF604", host, node, "deposit and reserve of its account cannot be read", got="no answer to /senderInfo")
        return
    for what, wanted in (("deposit", chain.deposit), ("reserve", chain.reserve)):
        there, variable = int(sender[what]), _variable(node, f"{what}_eth")
        if there == 0:
            hint = "fund it with livepeer_cli, or with the wallet of the account; the collection moves no money"
            message = f"the {what} of its account is 0 ETH: it can pay nobody"
            yield _warning("LPF604", host, node, message, got="0 ETH", limit=f"{_eth(wanted)} ETH" if wanted else "more than 0", hint=hint)
        elif wanted and there < int(wanted):
            message = f"the {what} of its account is {_eth(there)} ETH, the plan reckons with {_eth(wanted)} ETH"
            hint = f'fund it, or {variable}: "{_eth(there)}", and make the plan again: prices may be over caps then'
            yield _warning(
                "LPF604", host, node, message, variable=variable, got=f"{_eth(there)} ETH", limit=f"{_eth(wanted)} ETH", hint=hint
            )
    if int(sender["withdraw_round"]) > 0:
        message = f"the funds of its account are being unlocked, to be withdrawn from round {sender['withdraw_round']} on"
        hint = "cancel it with livepeer_cli if nobody means to withdraw: tickets of an account that unlocks are refused"
        yield _warning("LPF604", host, node, message, got=f"withdraw round {sender['withdraw_round']}", limit="0", hint=hint)


def _registration(host: str, node: ChainNode, chain: OnChain, seen: Mapping[str, Any]) -> Iterator[Finding]:
    info = seen.get("orchestrator")
    if not info:
        yield _warning("LPF605", host, node, "its registration cannot be read", got="no answer to /orchestratorInfo")
        return
    variable = _variable(node, "service_addr")
    if not info["active"]:
        message = f"its account is not an active orchestrator on the chain ({info['status'] or 'no status'}): gateways give it no jobs"
        yield _warning("LPF605", host, node, message, got=info["status"] or "not active", limit="active")
    uri, planned = info["service_uri"], (chain.service_uri, *chain.elsewhere)
    if uri and uri.rstrip("/") not in {one.rstrip("/") for one in planned}:
        message = f"the chain says that its service address is {uri}, planned is {' or '.join(planned)}"
        hint = "register the planned one with livepeer_cli, or plan the registered one: on-chain discovery follows the chain"
        yield _warning("LPF605", host, node, message, variable=variable, got=uri, limit=" or ".join(planned), hint=hint)
    if chain.reward and info["active"] and seen.get("round"):
        yield from _reward(host, node, info, int(seen["round"]))


def _reward(host: str, node: ChainNode, info: Mapping[str, Any], current: int) -> Iterator[Finding]:
    """LPF608. The current round's own call may still be on its way; one before it that was not made never will be."""
    last = max(int(info["last_reward_round"]), int(info["activation_round"]) - 1)
    missed = current - 1 - last
    if missed > 0:
        rounds = "1 round" if missed == 1 else f"{missed} rounds"
        message = f"it called reward in round {info['last_reward_round']} last, and missed {rounds} before the current one, {current}"
        hint = f"go-livepeer tries once a round: look for reward in journalctl -u {node.unit}, and at the ETH of the account"
        yield _warning("LPF608", host, node, message, got=f"round {info['last_reward_round']}", limit=f"round {current - 1}", hint=hint)


def _warning(code: str, host: str, node: ChainNode, message: str, **more: str) -> Finding:
    return Finding(code, Level.WARNING, f"{node.name}: {message}", (host,), node.name, **more)


def _variable(node: ChainNode, name: str) -> str:
    return f"livepeer_{node.role.value}_{name}"


def _eth(wei: int | str) -> str:
    """Wei as exact ETH."""
    amount = Fraction(int(wei), WEI_PER_ETH)
    whole, rest = divmod(amount, 1)
    digits = str(int(rest * WEI_PER_ETH)).zfill(18).rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)
