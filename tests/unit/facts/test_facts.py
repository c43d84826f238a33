# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts by version: what is there, what is not, and that the collection's defaults are the binary's own."""

from __future__ import annotations

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts import flags, listeners, releases
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.definitions import definitions, managed_flags
from ansible_collections.livepeer.fleet.plugins.plugin_utils.nearest import distance, nearest
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("version", "name", "there"),
    [
        ("0.9.1", "maxAttempts", True),
        ("0.9.1", "maxattempts", False),
        ("0.8.11", "useLiveRunners", False),
        ("0.9.0", "useLiveRunners", True),
        ("0.7.1", "detectContent", True),
        ("0.7.2", "detectContent", False),
        ("0.7.0", "httpAddr", True),
    ],
)
def test_a_flag_belongs_to_its_versions(version: str, name: str, there: bool) -> None:
    assert (flags.flag(version, name) is not None) is there


def test_the_newest_version_has_all_flags_that_its_binary_lists() -> None:
    assert len(flags.flags("0.9.1")) == 124


def test_an_unknown_version_is_an_error() -> None:
    with pytest.raises(ValueError, match="not in"):
        flags.flags("0.9.2")


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("maxAtempts", "maxAttempts"),
        ("http_addr", "httpAddr"),
        ("max-price-per-unit", "maxPricePerUnit"),
        ("completelyElse", ""),
        ("maxSesions", "maxSessions"),
    ],
)
def test_the_nearest_flag(wrong: str, right: str) -> None:
    assert flags.nearest("0.9.1", wrong) == right


@given(st.text(max_size=12), st.text(max_size=12))
def test_a_distance_is_symmetric_and_zero_for_equal_words(left: str, right: str) -> None:
    assert len({distance(*pair) for pair in ((left, right), (right, left))}) == 1
    assert (distance(left, right) == 0) is (left == right)
    assert distance(left, right) <= max(len(left), len(right))


def test_swapped_letters_are_one_edit() -> None:
    assert distance("prcie", "price") == 1
    assert nearest("sesions", ["sessions", "versions"]) == "sessions"


def test_secrets_are_known_as_such() -> None:
    secret = {name for name, flag in flags.flags("0.9.1").items() if flag.secret}
    assert {"ethUrl", "orchSecret", "authWebhookUrl", "kafkaPassword", "remoteSignerHeaders"} <= secret
    assert "maxAttempts" not in secret
    assert flags.secret_settings() == {"FAL_API_KEY"}


def test_environment_only_settings_by_version() -> None:
    assert "LIVE_AI_WHEP_ADDR" not in flags.settings("0.8.8")
    assert "LIVE_AI_WHEP_ADDR" in flags.settings("0.8.9")


def test_the_signer_got_its_own_cli_port_in_0_9_0() -> None:
    def cli(version: str) -> list[str]:
        return [one.address for one in listeners.listeners(version, "remote_signer") if one.purpose == "cli"]

    assert cli("0.8.9") == []
    assert cli("0.8.11") == [":80"]
    assert cli("0.9.0") == ["127.0.0.1:3935"]


@pytest.mark.parametrize("version", releases.deployable())
@pytest.mark.parametrize("role", ["gateway", "orchestrator"])
def test_default_addresses_are_go_livepeers_own(version: str, role: str) -> None:
    facts = {one.flag: one.address for one in listeners.listeners(version, role)}
    ours = {
        one.flag: one.default
        for one in definitions().values()
        if one.flag and role in one.roles and one.format == "address" and one.default
    }
    assert ours
    assert ours == {flag: facts[flag] for flag in ours}


def test_the_places_of_a_release() -> None:
    assert releases.archive_url("0.9.1", "gpu").endswith("/v0.9.1/livepeer-linux-gpu-amd64.tar.gz")
    assert releases.checksums_url("0.9.1").endswith("/v0.9.1/v0.9.1_checksums.txt")
    assert releases.newest() == "0.9.1"
    assert set(releases.deployable()) <= set(releases.versions())


@pytest.mark.parametrize("version", releases.deployable())
@pytest.mark.parametrize("role", ["gateway", "orchestrator"])
def test_every_flag_that_a_variable_sets_exists(version: str, role: str) -> None:
    ours = {one.flag for one in definitions().values() if one.flag and role in one.roles}
    assert ours <= set(flags.flags(version))
    assert set(managed_flags(role)) <= set(flags.every_flag())


@pytest.mark.parametrize(
    ("text", "true"), [("1", True), ("t", True), ("TRUE", True), ("True", True), ("tRUE", False), ("f", False), ("", False)]
)
def test_booleans_are_those_of_go(text: str, true: bool) -> None:
    """strconv.ParseBool: six spellings of each."""
    assert flags.is_true(text) is true
    assert not flags.TRUE & flags.FALSE
    assert len(flags.TRUE) == len(flags.FALSE) == 6


def test_flags_that_other_facts_name_are_there() -> None:
    assert {*flags.live_runners(), *flags.selection_weights()} <= set(flags.flags("0.9.1"))
    assert sum(flags.selection_weights().values()) == 1
