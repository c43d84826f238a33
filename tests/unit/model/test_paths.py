# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths into variables lead back to the value that a finding or a secret is about."""

from __future__ import annotations

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.paths import split_path, value_at


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("livepeer_eth_url", ("livepeer_eth_url", ())),
        ("livepeer_gateway_flags.authWebhookUrl", ("livepeer_gateway_flags", ("authWebhookUrl",))),
        ("livepeer_orchestrator_ai_models[10].token", ("livepeer_orchestrator_ai_models", (10, "token"))),
    ],
)
def test_a_path_in_its_parts(path: str, parts: tuple[str, tuple[object, ...]]) -> None:
    assert split_path(path) == parts


@pytest.mark.parametrize("path", ["", "a b", "a[", "a[x]", "a..b", ".a"])
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(ValueError, match="no path"):
        split_path(path)


def test_the_value_at_a_path() -> None:
    assert value_at([{"token": "x"}], (0, "token")) == "x"
    assert value_at("x", ()) == "x"


@pytest.mark.parametrize(("value", "keys"), [({}, ("a",)), ([], (0,)), ({"a": 1}, (0,)), ([1], ("a",)), ("text", (0,))])
def test_nothing_at_a_path(value: object, keys: tuple[int | str, ...]) -> None:
    with pytest.raises(LookupError):
        value_at(value, keys)
