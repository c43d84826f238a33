# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inventory says of the money behind a gateway, and of an orchestrator's tickets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts import tickets as facts
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import (
    OFFCHAIN,
    GatewaySettings,
    Node,
    OrchestratorSettings,
    RemoteSignerSettings,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.settings import payer_settings
from ansible_collections.livepeer.fleet.plugins.plugin_utils.payments import paying, signs
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets.terms import Limits, Terms, TicketError, eth_wei, gas_wei, share_of

MONEY = ("expected_gas_gwei", "pool_size", "reserve_eth", "deposit_eth")
"""Settings of a payer that prices under gas are worked out from."""


@dataclass(frozen=True)
class Payer:
    """Who pays for a gateway's jobs, and with what.

    Attributes:
        gas: lowest and highest gas price that is expected, in wei; empty where nobody said it.
        pool: orchestrators that share the reserve; None where nobody said it.
        reserve, deposit: of the account that pays, in wei; None where nobody said it.
        limits: what it takes; those of a signer outside of the fleet are go-livepeer's defaults. None where a flag cannot be read.
        signed: True if a remote signer or clearinghouse pays.
        lacks: variables that would tell more.
    """

    gas: tuple[int, ...]
    pool: int | None
    reserve: int | None
    deposit: int | None
    limits: Limits | None
    signed: bool
    lacks: tuple[str, ...]

    @property
    def share(self) -> int | None:
        """What one orchestrator can count on, in wei; None where it cannot be told."""
        return None if self.reserve is None or self.pool is None else share_of(self.reserve, self.pool)


def payer(gateway: Node) -> Payer:
    """The payer of a gateway's jobs."""
    account = paying(gateway)
    settings = payer_settings(account)
    said = {
        "expected_gas_gwei": account.expected_gas_gwei,
        "pool_size": account.pool_size,
        "reserve_eth": settings.reserve_eth,
        "deposit_eth": settings.deposit_eth,
    }
    outside = signs(gateway) and account is gateway
    return Payer(
        gas=tuple(map(gas_wei, account.expected_gas_gwei)),
        pool=account.pool_size,
        reserve=eth_wei(settings.reserve_eth) if settings.reserve_eth else None,
        deposit=eth_wei(settings.deposit_eth) if settings.deposit_eth else None,
        limits=Limits.read({}) if outside else _limits(settings),
        signed=signs(gateway),
        lacks=tuple(account.sources[name].variable for name in MONEY if said[name] in ((), None, "") and account.knows(name)),
    )


def _limits(settings: GatewaySettings | RemoteSignerSettings) -> Limits | None:
    try:
        return Limits.read(settings.flags)
    except TicketError:
        return None


def terms(gateway: Node, orchestrator: Node | None) -> Terms | None:
    """How an orchestrator makes tickets; None where a flag or, for a foreign one of a signer, the network cannot be told.

    Args:
        orchestrator: None for one outside of the fleet, of which go-livepeer's defaults are assumed.
    """
    network = paying(gateway).network if orchestrator is None else orchestrator.network
    flags = orchestrator.settings.flags if orchestrator is not None else {}
    if network == OFFCHAIN or (orchestrator is not None and not orchestrator.knows("flags")):
        return None
    try:
        return Terms.read(network, flags)
    except TicketError:
        return None


def overhead(gateway: Node, orchestrator: Node | None) -> Fraction | None:
    """Factor on a price at the highest gas price that is expected; None where the inputs lack.

    A payer that is refused there is taken to have cured it by what LPF210 asks for, so that its cap need not be changed once more.

    Args:
        orchestrator: None for one outside of the fleet, which is taken to adjust its price.
    """
    if orchestrator is not None and adjusts(orchestrator) is False:
        return Fraction(1)
    paying, made = payer(gateway), terms(gateway, orchestrator)
    if made is None or paying.share is None or not paying.gas:
        return None
    highest = paying.gas[-1]
    if made.refuses(paying.share, highest):
        enough = max(made.ceiling(paying.share), made.least_face_value(highest))
        return replace(made, max_face_value=0).overhead(enough, highest)
    return made.overhead(paying.share, highest)


def adjusts(orchestrator: Node) -> bool:
    """Whether an orchestrator adjusts its price, as go-livepeer does by default."""
    settings = orchestrator.settings
    return not isinstance(settings, OrchestratorSettings) or settings.adjusts


def job(gateway: Node) -> int | None:
    """Pixels of the shortest segment of video that a gateway pays for; None where its renditions cannot be told."""
    settings = gateway.settings
    options = settings.transcoding_options if isinstance(settings, GatewaySettings) else ""
    return facts.segment_pixels(options or facts.default("transcodingOptions"))
