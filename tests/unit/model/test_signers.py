# SPDX-License-Identifier: GPL-3.0-or-later
"""Who signs for a gateway: what its URL has to be, and that a credential in one stays where it is."""

from __future__ import annotations

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import GatewaySettings, RemoteSigner, placeholder
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.inventory import Present
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.signers import SECRET

from .inventories import brief, gateway

VARIABLE = "livepeer_gateway_remote_signer"
PASSWORD = "hunter2secret"


def signer(written: object) -> tuple[RemoteSigner, dict[str, str], list[tuple[str, str]]]:
    """The signer, the secrets of its gateway, and what is found of it."""
    node, findings = gateway(gateway_payment="clearinghouse", gateway_remote_signer=written)
    assert isinstance(node.settings, GatewaySettings)
    return node.settings.remote_signer, {name: source.variable for name, source in node.secrets.items()}, brief(findings)


@pytest.mark.parametrize(
    ("written", "endpoint"),
    [
        ("http://s:8935", "http://s:8935"),
        ("http://s:8935/", "http://s:8935"),
        ("HTTP://S:8935", "http://s:8935"),
        ("https://s.example", "https://s.example:443"),
        ("http://[::1]:8935", "http://[::1]:8935"),
        ("http://[fd00::1]", "http://[fd00::1]:80"),
    ],
)
def test_a_plain_url_has_one_endpoint_and_is_no_secret(written: str, endpoint: str) -> None:
    for value in (written, {"url": written}):
        found, secrets, findings = signer(value)
        assert (found.url, found.endpoint, found.name, secrets, findings) == (written, endpoint, endpoint, {}, [])


@pytest.mark.parametrize(
    ("written", "message", "hint"),
    [
        ("s.example:8935", "no scheme", "http://s.example:8935"),
        ("10.0.0.1:8935", "no scheme", "http://10.0.0.1:8935"),
        ("http://", "no host", "http://signer.example.com:8935"),
        ("http:/s", "no scheme", "http://signer.example.com:8935"),
        ("http://:8935", "no host", "http://signer.example.com:8935"),
        ("ws://s:8935", "over http or https", "http://s:8935"),
        ("http://s:99999", "99999", "http://signer.example.com:8935"),
        (f"https://s/{PASSWORD}", "paths of its own", "https://s; a key goes into livepeer_gateway_flags: {remoteSignerHeaders: ...}"),
        (
            f"https://s:1?key={PASSWORD}",
            "paths of its own",
            "https://s:1; a key goes into livepeer_gateway_flags: {remoteSignerHeaders: ...}",
        ),
        (f"https://s/?u=http://{PASSWORD}", "paths of its own", "https://s; a key"),
        (f"u:{PASSWORD}@s:8935", "no scheme", "http://s:8935"),
        (f"https://u:{PASSWORD}/x@s:8935", "paths of its own", "http://signer.example.com:8935; a key"),
        (f"https://u:{PASSWORD}@", "no host", "http://signer.example.com:8935"),
        (f"https://{PASSWORD}@s #x", '" #"', ""),
    ],
)
def test_a_url_at_which_no_signer_would_be_asked(written: str, message: str, hint: str) -> None:
    for value, variable in ((written, VARIABLE), ({"url": written}, f"{VARIABLE}.url")):
        _node, (one,) = gateway(gateway_payment="clearinghouse", gateway_remote_signer=value)
        assert (one.code, one.variable, message in one.message, one.hint.startswith(hint)) == ("LPF504", variable, True, True), one
        assert PASSWORD not in str(one)


def test_a_key_of_a_url_needs_its_scheme_too() -> None:
    assert signer({"url": "s.example"})[2] == [("LPF504", f"{VARIABLE}.url")]
    assert signer("s.example")[0] == RemoteSigner(host="s.example")


@pytest.mark.parametrize(
    ("written", "endpoint"),
    [(f"https://u:{PASSWORD}@s.example", "https://s.example:443"), (Present(), ""), (Present(30), "")],
)
def test_credentials_and_what_was_not_opened_are_secrets(written: object, endpoint: str) -> None:
    for value, variable in ((written, VARIABLE), ({"url": written, "max_price_per_unit": 5}, f"{VARIABLE}.url")):
        found, secrets, findings = signer(value)
        assert (found.url, found.endpoint, secrets, findings) == (placeholder(SECRET), endpoint, {SECRET: variable}, [])
        assert found.name and PASSWORD not in str(found)


@pytest.mark.parametrize("written", [[f"https://u:{PASSWORD}@s"], {"url": [f"https://u:{PASSWORD}@s"]}, {"url": {PASSWORD: 1}}])
def test_what_is_no_text_is_not_shown(written: object) -> None:
    _node, findings = gateway(gateway_payment="clearinghouse", gateway_remote_signer=written)
    assert findings and PASSWORD not in str(findings)
