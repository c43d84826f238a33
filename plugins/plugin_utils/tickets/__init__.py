# SPDX-License-Identifier: GPL-3.0-or-later
"""Tickets, exact: what gas, reserve, deposit and the limits on tickets make of a price."""

from __future__ import annotations

from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets.deals import Bound, Deal, GasLimit, Refusal
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets.payers import Payer, overhead, payer, terms
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets.terms import Limits, Terms, TicketError, eth_wei, gas_wei, share_of

__all__ = [
    "Bound",
    "Deal",
    "GasLimit",
    "Limits",
    "Payer",
    "Refusal",
    "Terms",
    "TicketError",
    "eth_wei",
    "gas_wei",
    "overhead",
    "payer",
    "share_of",
    "terms",
]
