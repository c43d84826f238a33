# SPDX-License-Identifier: GPL-3.0-or-later
"""The chain of a node as its host sees it: behind the RPC proxy, and the endpoints in front of which that stands."""

from __future__ import annotations

import http.client
import json

from ansible_collections.livepeer.fleet.plugins.module_utils import upstream_watch
from ansible_collections.livepeer.fleet.plugins.module_utils.upstream_watch import EndpointError, Report

_SECONDS = 30.0
_MOST_BYTES = 1 << 16


def problem(address: str, chain_id: int) -> str:
    """What is wrong with the chain that answers at the proxy's ``host:port``, "" if it is the planned one (0: any)."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []})
    connection = http.client.HTTPConnection(address, timeout=_SECONDS)
    try:
        connection.request("POST", "/", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        text = response.read(_MOST_BYTES)
        answered = int(json.loads(text)["result"], 16) if response.status == http.client.OK else 0
    except (OSError, ValueError, KeyError, TypeError, http.client.HTTPException):
        return f"no chain answers at the RPC proxy {address}"
    finally:
        connection.close()
    if response.status != http.client.OK:
        return f"the RPC proxy {address} has no endpoint that it can use (status {response.status})"
    if chain_id and answered != chain_id:
        return f"chain {answered} answers at the RPC proxy {address}, planned is {chain_id}"
    return ""


def look(urls: str, chain_id: int) -> tuple[Report, ...]:
    """Ask RPC endpoints from this host, one URL a line, as the proxy does. A text that is no endpoint is told, not raised."""
    try:
        endpoints = upstream_watch.read_endpoints(urls)
    except EndpointError as error:
        return (Report(number=0, host="", problem=str(error)),)
    return upstream_watch.check(endpoints, chain_id, {})
