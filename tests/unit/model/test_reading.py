# SPDX-License-Identifier: GPL-3.0-or-later
"""Leaf by leaf: what is resolved, what is hidden, what is left alone."""

from __future__ import annotations

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.definitions import definitions
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.inventory import Misread, Present, Unreadable
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.reading import (
    LONGEST_REASON,
    OMITTED,
    Omitted,
    Reader,
    ReadError,
    one_line,
)


class Vault(str):
    """Stands in for a value of a vault."""

    __slots__ = ()


class Values:
    """Stands in for Ansible: templates by their text, what was asked for is remembered."""

    def __init__(self, **templates: object) -> None:
        self.templates = templates
        self.asked: list[object] = []

    def encrypted(self, value: object) -> bool:
        return isinstance(value, Vault)

    def vaulted(self, value: object) -> bool:
        return isinstance(self.templates.get(str(value).strip("{} ")), Vault)

    def resolve(self, value: object) -> object:
        self.asked.append(value)
        name = str(value).strip("{} ")
        if name == "omit":
            raise Omitted
        if name not in self.templates:
            raise ReadError(f"'{name}' is\n undefined")
        return self.templates[name]

    def spelling(self, value: object) -> str:
        return {8: "010", 90: "1:30", 1000: "1_000", 5: "5", 0.5: "0.50"}.get(value, "")  # type: ignore[call-overload]


def read(name: str, raw: object, secrets: str = "presence", **templates: object) -> object:
    return Reader(Values(**templates), secrets).variable(definitions()[name], raw)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("x", "x"),
        (True, True),
        (None, None),
        (5, 5),
        (7, 7),
        (1000, 1000),
        (8, Misread("010", 8)),
        (90, Misread("1:30", 90)),
        (0.5, Misread("0.50", 0.5)),
        (0.25, 0.25),
        ("{{ x }}", "y"),
        ("{{ nowhere }}", Unreadable("'nowhere' is undefined")),
        (["a", "{{ nowhere }}", "{{ omit }}"], ["a", Unreadable("'nowhere' is undefined")]),
        ({"a": "{{ omit }}", "b": ["{{ x }}"]}, {"b": ["y"]}),
        ("{{ omit }}", OMITTED),
    ],
)
def test_values(raw: object, value: object) -> None:
    assert read("livepeer_gateway_max_price_per_unit", raw, x="y") == value


def test_a_literal_is_never_rendered() -> None:
    values = Values()
    Reader(values, "presence").variable(definitions()["livepeer_gateway_orch_addr"], ["o1", {"url": "https://o2:8935"}])
    assert values.asked == []


def test_what_a_template_yields_is_not_rendered_again() -> None:
    assert read("livepeer_gateway_http_addr", "{{ x }}", x="{{ y }}") == "{{ y }}"


@pytest.mark.parametrize("raw", ["{{ vault_secret }}", Vault("cipher")])
@pytest.mark.parametrize("secrets", ["presence", "skip"])
def test_hidden_secrets_stay_hidden(raw: str, secrets: str) -> None:
    values = Values()
    assert Reader(values, secrets).variable(definitions()["livepeer_eth_url"], raw) == Present()
    assert values.asked == []


@pytest.mark.parametrize(("secrets", "found"), [("presence", Present(9)), ("full", Present(9)), ("skip", Present())])
def test_a_secret_in_clear_text_is_its_length(secrets: str, found: object) -> None:
    assert read("livepeer_eth_url", "clear txt", secrets) == found


def test_blanks_around_a_secret_are_not_counted() -> None:
    """go-livepeer drops them, and of a secret that is blank takes the path of its file for the secret."""
    assert read("livepeer_orchestrator_orch_secret", "          ") == Present(0)
    assert read("livepeer_orchestrator_orch_secret", " clear txt ") == Present(9)


def test_full_opens_secrets_and_forgets_them() -> None:
    assert read("livepeer_eth_url", "{{ url }}", "full", url="0123456789") == Present(10)
    assert read("livepeer_eth_url", "{{ nowhere }}", "full") == Unreadable("'nowhere' is undefined")


def test_secrets_inside_other_variables() -> None:
    flags = {"authWebhookUrl": "https://hook", "maxAttempts": 3, "kafkaPassword": "{{ vault_password }}"}
    assert read("livepeer_gateway_flags", flags) == {"authWebhookUrl": Present(12), "maxAttempts": 3, "kafkaPassword": Present()}
    assert read("livepeer_gateway_flags", "{{ all }}", all=flags)["kafkaPassword"] == Present(20)  # type: ignore[index]
    models = [{"model_id": "m", "token": "{{ t }}"}]
    assert read("livepeer_orchestrator_ai_models", models) == [{"model_id": "m", "token": Present()}]
    assert read("livepeer_orchestrator_environment", {"FAL_API_KEY": "k", "A": "b"}) == {"FAL_API_KEY": Present(1), "A": "b"}


def test_a_variable_that_is_none_of_ours_is_not_read() -> None:
    values = Values()
    assert Reader(values, "full").variable(None, "{{ nowhere }}") is None
    assert values.asked == []


def test_a_connection_variable() -> None:
    assert Reader(Values(ip="192.0.2.1"), "presence").plain("{{ ip }}") == "192.0.2.1"


def test_a_reason_is_one_line_of_bearable_length() -> None:
    assert one_line("a\n  b") == "a b"
    assert len(one_line("x" * 5000)) == LONGEST_REASON


@pytest.mark.parametrize("name", ["livepeer_gateway_environment", "livepeer_gateway_flags"])
def test_what_a_vault_encrypts_among_the_daemons_own_names_is_not_opened(name: str) -> None:
    assert read(name, {"HTTPS_PROXY": Vault("hidden"), "NO_PROXY": "x"}) == {"HTTPS_PROXY": Present(), "NO_PROXY": "x"}
    assert read(name, {"HTTPS_PROXY": Vault("hidden")}, "full", hidden="proxy with a password") == {"HTTPS_PROXY": Present(21)}


def test_a_template_may_hold_a_vaults_value_too() -> None:
    raw = {"HTTPS_PROXY": "{{ vaulted }}", "NO_PROXY": "{{ plain }}"}
    templates = {"vaulted": Vault("hidden"), "plain": "x"}
    assert read("livepeer_gateway_flags", raw, **templates) == {"HTTPS_PROXY": Present(), "NO_PROXY": "x"}
    # Texts of an environment mean anything: one that is put together may hold a password in its middle.
    assert read("livepeer_gateway_environment", raw, **templates) == {"HTTPS_PROXY": Present(), "NO_PROXY": Present()}


@pytest.mark.parametrize("raw", [Vault("cipher"), "{{ vaulted }}", "http://{{ ip }}:8935", "https://{{ vaulted }}@s"])
def test_a_signer_that_is_a_vaults_or_a_template_of_a_url_is_not_opened(raw: str) -> None:
    values = Values(vaulted=Vault("hidden"), ip="192.0.2.1")
    assert Reader(values, "presence").variable(definitions()["livepeer_gateway_remote_signer"], raw) == Present()
    inside = Reader(values, "presence").variable(
        definitions()["livepeer_gateway_remote_signer"], {"url": raw, "max_price_per_unit": "{{ ip }}"}
    )
    assert inside == {"url": Present(), "max_price_per_unit": "192.0.2.1"}
    assert set(values.asked) <= {"{{ ip }}"}


def test_a_signer_of_a_template_may_be_a_host_or_a_dictionary() -> None:
    written = {"url": "http://s:1"}
    assert read("livepeer_gateway_remote_signer", "{{ x }}", x="signer1") == "signer1"
    assert read("livepeer_gateway_remote_signer", "{{ x }}", x=written) == written
    assert read("livepeer_gateway_remote_signer", {"url": "{{ x }}"}, x="http://s:1") == {"url": Present()}
