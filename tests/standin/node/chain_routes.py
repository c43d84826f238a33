# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes of the CLI port that ask or steer a chain (server/handlers.go); what would send a transaction answers 500."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

from . import golog, httpd, prices
from .chain import measure_gas
from .ethereum import RPCFailed, address, word
from .httpd import Request, Response
from .node import Node
from .onchain import Chain, Registered
from .terms import whole

NO_TRANSACTIONS = "the stand-in sends no transactions"
DELEGATOR_STATES = ("Pending", "Bonded", "Unbonded")
OCTETS = "application/octet-stream"

Answer = Callable[[Node, Chain, Request], Response]


def answer(node: Node, chain: Chain, name: str, request: Request) -> Response:
    """One route of a node on a chain."""
    known = ANSWERS.get(name)
    if known is None:
        return failed(NO_TRANSACTIONS)
    try:
        return known(node, chain, request)
    except (RPCFailed, ValueError) as error:
        return failed(f"could not query {name}: {error}")


def failed(message: str, status: int = 500) -> Response:
    """handlers.go:respondWithError"""
    golog.error(f"HTTP Response Error statusCode={status} err={message}")
    return httpd.error(message, status)


def current_block(chain: Chain) -> Response:
    """The bytes of the number, as they are."""
    return Response(200, chain.block.to_bytes((chain.block.bit_length() + 7) // 8, "big"), OCTETS)


def described(known: Registered, price: str | None) -> dict[str, Any]:
    """eth/types.Transcoder as JSON."""
    return {
        "Address": known.address,
        "ServiceURI": known.service_uri,
        "LastRewardRound": known.last_reward_round,
        "RewardCut": known.reward_cut,
        "FeeShare": known.fee_share,
        "DelegatedStake": known.stake,
        "ActivationRound": known.activation_round,
        "DeactivationRound": known.deactivation_round,
        "LastActiveStakeUpdateRound": 0,
        "Active": known.active,
        "Status": "Registered" if known.registered else "Not Registered",
        "PricePerPixel": price,
    }


def _orchestrator_info(node: Node, chain: Chain, _request: Request) -> Response:
    """The base price, without any overhead."""
    with node.lock:
        price = node.prices.get("default")
    shown = None if price is None else prices.as_text(price)
    return httpd.as_json({"Transcoder": described(chain.orchestrator(chain.account.address), None), "PriceInfo": shown})


def _registered(node: Node, chain: Chain, _request: Request) -> Response:
    """The prices are those of the start."""
    with node.lock:
        offers = dict(node.offers)
    shown = [described(one, str(offers.get(one.address, {}).get("price") or "0")) for one in chain.pool()]
    return httpd.as_json(shown)


def _sender_info(_node: Node, chain: Chain, _request: Request) -> Response:
    funds = chain.funds_now(chain.account.address)
    reserve = {"FundsRemaining": funds.reserve, "ClaimedInCurrentRound": funds.claimed}
    return httpd.as_json({"Deposit": funds.deposit, "WithdrawRound": funds.withdraw_round, "Reserve": reserve})


def _delegator(_node: Node, chain: Chain, _request: Request) -> Response:
    bonding, own = chain.contracts["BondingManager"], chain.account.address
    data = chain.endpoint.read(bonding, "getDelegator(address)", own)
    return httpd.as_json(
        {
            "Address": own,
            "BondedAmount": word(data, 0),
            "Fees": word(data, 1),
            "DelegateAddress": address(data[64:96]),
            "DelegatedAmount": word(data, 3),
            "StartRound": word(data, 4),
            "LastClaimRound": word(data, 5),
            "NextUnbondingLockId": word(data, 6),
            "PendingStake": word(chain.endpoint.read(bonding, "pendingStake(address,uint256)", own, chain.round)),
            "PendingFees": word(chain.endpoint.read(bonding, "pendingFees(address,uint256)", own, chain.round)),
            "Status": DELEGATOR_STATES[word(chain.endpoint.read(bonding, "delegatorStatus(address)", own))],
        }
    )


def _contract_addresses(_node: Node, chain: Chain, _request: Request) -> Response:
    shown = "BondingManager LivepeerToken LivepeerTokenFaucet Minter RoundsManager TicketBroker".split()
    return httpd.as_json(dict(sorted({"Controller": chain.controller, **{name: chain.contracts[name] for name in shown}}.items())))


def _protocol_parameters(_node: Node, chain: Chain, _request: Request) -> Response:
    def ask(contract: str, signature: str) -> int:
        return word(chain.endpoint.read(chain.contracts[contract], signature))

    missing = (
        "VerificationPeriod", "SlashingPeriod", "FailedVerificationSlashAmount", "MissedVerificationSlashAmount",
        "DoubleClaimSegmentSlashAmount", "FinderFee",
    )  # fmt: skip
    return httpd.as_json(
        {
            "NumActiveTranscoders": ask("BondingManager", "getTranscoderPoolMaxSize()"),
            "RoundLength": ask("RoundsManager", "roundLength()"),
            "RoundLockAmount": ask("RoundsManager", "roundLockAmount()"),
            "UnbondingPeriod": ask("BondingManager", "unbondingPeriod()"),
            "VerificationRate": 0,
            **dict.fromkeys(missing),
            "Inflation": ask("Minter", "inflation()"),
            "InflationChange": ask("Minter", "inflationChange()"),
            "TargetBondingRate": ask("Minter", "targetBondingRate()"),
            "VerificationCodeHash": "",
            "TotalBonded": ask("BondingManager", "getTotalBonded()"),
            "TotalSupply": ask("Minter", "getGlobalTotalSupply()"),
            "Paused": bool(word(chain.endpoint.read(chain.controller, "paused()"))),
        }
    )


def _read_number(contract: str, signature: str) -> Answer:
    """A contract read without arguments that is shown as a number."""
    return lambda _node, chain, _request: httpd.text(str(word(chain.endpoint.read(chain.contracts[contract], signature))))


def _token_balance(_node: Node, chain: Chain, _request: Request) -> Response:
    held = chain.endpoint.read(chain.contracts["LivepeerToken"], "balanceOf(address)", chain.account.address)
    return httpd.text(str(word(held)))


def _round_initialized(_node: Node, chain: Chain, _request: Request) -> Response:
    initialized = word(chain.endpoint.read(chain.contracts["RoundsManager"], "currentRoundInitialized()"))
    return httpd.text("true" if initialized else "false")


def _ticket_broker(_node: Node, chain: Chain, _request: Request) -> Response:
    return httpd.as_json({"UnlockPeriod": word(chain.endpoint.read(chain.contracts["TicketBroker"], "unlockPeriod()"))})


def _set_max_gas_price(node: Node, chain: Chain, request: Request) -> Response:
    amount = request.form().get("amount", "")
    price = whole(amount)
    if price is None:
        return failed("Parsing failed for price: failed to parse big integer", 400)
    chain.max_gas_price = None if amount == "0" else price
    measure_gas(node)
    return httpd.text("")


def _set_min_gas_price(node: Node, chain: Chain, request: Request) -> Response:
    price = whole(request.form().get("minGasPrice", ""))
    if price is None:
        return failed("invalid minGasPrice: failed to parse big integer", 400)
    chain.min_gas_price = price
    measure_gas(node)
    return httpd.text("")


def set_max_face_value(node: Node, value: int) -> Response:
    """handlers.go:setMaxFaceValueHandler: a negative one counts as none."""
    assert node.terms is not None
    node.terms = replace(node.terms, max_face_value=value)
    golog.info(f"Max ticket face value set to: {value}")
    return httpd.text("ticket max face value set")


def network_capabilities(node: Node) -> list[dict[str, Any]]:
    """common.OrchNetworkCapabilities, as the orchestrators offered them at the start."""
    with node.lock:
        return [_network_entry(offer) for offer in node.offers.values()]


def _network_entry(offer: dict[str, Any]) -> dict[str, Any]:
    price = Fraction(offer["price"] or 0)
    return {
        "address": offer["address"],
        "local_address": offer["address"],
        "orch_uri": offer["transcoder"],
        "capabilities": {"version": offer["version"]},
        "price_info": {"pricePerUnit": price.numerator, "pixelsPerUnit": price.denominator},
        "capabilities_prices": offer.get("capabilities_prices"),
        "hardware": None,
    }


ANSWERS: dict[str, Answer] = {
    "orchestratorInfo": _orchestrator_info,
    "registeredOrchestrators": _registered,
    "senderInfo": _sender_info,
    "delegatorInfo": _delegator,
    "unbondingLocks": lambda _node, _chain, _request: httpd.as_json([]),
    "currentRound": _read_number("RoundsManager", "currentRound()"),
    "roundInitialized": _round_initialized,
    "protocolParameters": _protocol_parameters,
    "contractAddresses": _contract_addresses,
    "ethAddr": lambda _node, chain, _request: httpd.text(chain.account.shown),
    "ethBalance": lambda _node, chain, _request: httpd.text(str(chain.endpoint.number("eth_getBalance", chain.account.address, "latest"))),
    "tokenBalance": _token_balance,
    "ticketBrokerParams": _ticket_broker,
    "maxGasPrice": lambda _node, chain, _request: httpd.text("" if chain.max_gas_price is None else str(chain.max_gas_price)),
    "minGasPrice": lambda _node, chain, _request: httpd.text(str(chain.min_gas_price)),
    "setMaxGasPrice": _set_max_gas_price,
    "setMinGasPrice": _set_min_gas_price,
}
"""Routes that a chain is needed for; the others of their kind send transactions."""
