# SPDX-License-Identifier: GPL-3.0-or-later
"""URLs of remote signers and clearinghouses: what go-livepeer makes of one, and what of it may be shown."""

from __future__ import annotations

import re

from ansible_collections.livepeer.fleet.plugins.plugin_utils.addresses import (
    ORCHESTRATOR_PORT,
    AddressError,
    Endpoint,
    orchestrator_url,
    without_user,
)

FORMAT = "remote_signer"
"""Format of a variable that names a signer, by an inventory host or a URL."""

URL_FORMAT = "signer_url"
"""Format of its key that holds a URL."""

FORMATS = frozenset({FORMAT, URL_FORMAT})
URL_KEY = "url"

SECRET = "flag_remoteSignerUrl"  # noqa: S105 - the name of a secret
"""Name of the URL among the secrets of a node, as other flags that are secret have one."""

EXAMPLE = "http://signer.example.com:8935"

_PORTS = {"http": 80, "https": 443}
_URL = re.compile(r"(?:([a-z][a-z0-9+.-]*)://)?([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)


def is_url(text: str) -> bool:
    """True for what can be no inventory host: with a port, a scheme or a path."""
    return ":" in text or "/" in text


def signer_url(text: str) -> tuple[Endpoint, bool]:
    """Where the signer of a URL listens, and whether the URL holds credentials (``starter.go:StartLivepeer``).

    go-livepeer keeps a name and a password of the URL and asks with them; path and query it replaces by its own
    (``live_payment.go``, ``remote_signer.go``: ResolveReference).

    Raises:
        AddressError: the signer would not be asked there. Neither text nor hint holds a credential.
    """
    found = _URL.fullmatch(text)
    scheme, authority, rest = (found[1] or "", found[2], found[3]) if found else ("", "", text)
    host = authority.rpartition("@")[2]
    # An @ behind the host: who knows where a password ends.
    host = "" if "@" in rest else host
    if not scheme:
        raise AddressError("this URL has no scheme: go-livepeer takes https, and a signer speaks http", _offered(host))
    if scheme.lower() not in _PORTS:
        raise AddressError("a signer is asked over http or https only", _offered(host))
    full = host if ":" in host.rpartition("]")[2] else f"{host}:{_PORTS[scheme.lower()]}"
    if rest not in ("", "/"):
        message = "go-livepeer puts paths of its own in the place of the path and the query, so that the signer does not see these"
        way = "; a key goes into livepeer_gateway_flags: {remoteSignerHeaders: ...}"
        raise AddressError(message, _offered(host, scheme.lower()) + way)
    if not host:
        raise AddressError("there is no host in this URL", EXAMPLE)
    try:
        endpoint = orchestrator_url(f"{scheme.lower()}://{full}")
    except AddressError as error:
        raise AddressError(str(error), EXAMPLE) from error
    return endpoint, "@" in authority


def _offered(host: str, scheme: str = "http") -> str:
    """A URL to write instead."""
    url = f"{scheme}://{host}"
    try:
        orchestrator_url(url if ":" in host else f"{url}:{ORCHESTRATOR_PORT}")
    except AddressError:
        return EXAMPLE
    return url if host else EXAMPLE


def bare(text: str) -> str:
    """A URL as it may be shown: without a name and a password, a path and a query."""
    found = _URL.fullmatch(without_user(text))
    return (f"{found[1]}://" if found[1] else "") + found[2] if found else ""
