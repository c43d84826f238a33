# SPDX-License-Identifier: GPL-3.0-or-later
"""URLs that are secrets and that go-livepeer itself would write to its journal: a proxy beside the node asks them in its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Node


@dataclass(frozen=True)
class SecretUrl:
    """One of them, as a node has it.

    Attributes:
        flag: that takes it.
        path: under which the proxy asks it; ``/`` where go-livepeer puts paths of its own behind its host.
        secret: name of it among the node's secrets.
    """

    flag: str
    path: str
    secret: str


_KNOWN: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "authWebhookUrl": ("/auth", ("auth_webhook_url", "flag_authWebhookUrl")),
    "liveAIAuthWebhookUrl": ("/live-ai-auth", ("live_ai_auth_webhook_url",)),
    "liveAIHeartbeatURL": ("/heartbeat", ("flag_liveAIHeartbeatURL",)),
    "remoteSignerWebhookUrl": ("/signer-auth", ("webhook_url",)),
    "remoteSignerUrl": ("/", ("flag_remoteSignerUrl",)),
}
"""Flag to path, and to the secrets that may hold it. What the daemon writes: the webhooks at its start, all but a password
(``starter.go:StartLivepeer``), and whole with each stream (``server/auth.go``); the signer's with its password at the start; the
heartbeat's when it fails (``ai_mediaserver.go:sendHeartbeat``)."""


def secret_urls(node: Node) -> tuple[SecretUrl, ...]:
    """Those of a node, in the order of their flags."""
    return tuple(
        SecretUrl(flag, path, secret) for flag, (path, names) in sorted(_KNOWN.items()) for secret in names if secret in node.secrets
    )
