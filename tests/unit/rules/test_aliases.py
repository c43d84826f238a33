# SPDX-License-Identifier: GPL-3.0-or-later
"""Several nodes of one kind on a machine, by inventory aliases: names and ports of each role."""

from __future__ import annotations

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding
from ansible_collections.livepeer.fleet.tests.unit.rules.fleets import (
    Host,
    ai_worker,
    check,
    gateway,
    orchestrator,
    redeemer,
    signer,
    transcoder,
)

SECRET = {"orchestrator_orch_secret": "a long secret"}
PORTS = {
    "transcoder": {"cli_addr"},
    "ai_worker": {"cli_addr"},
    "orchestrator": {"cli_addr", "service_addr"},
    "gateway": {"cli_addr", "http_addr", "rtmp_addr"},
    "remote_signer": {"cli_addr", "http_addr"},
    "redeemer": {"cli_addr", "http_addr"},
}
MADE = {
    "transcoder": transcoder,
    "ai_worker": ai_worker,
    "orchestrator": orchestrator,
    "gateway": lambda **variables: gateway(gateway_discovery="onchain", **variables),
    "remote_signer": signer,
    "redeemer": redeemer,
}


def of(code: str, **hosts: Host) -> list[Finding]:
    return [found for found in check(o=orchestrator(**SECRET), **hosts) if found.code == code]


def pair(role: str, **second: object) -> dict[str, Host]:
    """Two inventory hosts on one machine, each with a node of a role."""
    own = {f"{role}_{name}": value for name, value in second.items()}
    return {"a": MADE[role](ansible_host="m"), "b": MADE[role](ansible_host="m", **own)}


@pytest.mark.parametrize("role", PORTS)
def test_two_of_a_role_on_a_machine_need_two_names(role: str) -> None:
    (found,) = of("LPF106", **pair(role))
    assert (found.hosts, found.variable, found.hint) == (("b", "a"), f"livepeer_{role}_name", f"livepeer_{role}_name: {role}2")


@pytest.mark.parametrize("role", PORTS)
def test_and_two_sets_of_ports_each_of_which_is_proposed(role: str) -> None:
    found = of("LPF101", **pair(role, name="second"))
    assert PORTS[role] <= {one.variable.removeprefix(f"livepeer_{role}_") for one in found}
    moved = {one.hint.partition(": ")[0].removeprefix(f"livepeer_{role}_"): one.hint.partition(": ")[2].strip('"') for one in found}
    assert of("LPF101", **pair(role, name="second", **moved)) == [], "what was proposed is free"


@pytest.mark.parametrize(("name", "count"), [("transcoder-proxy", 1), ("proxy", 0), ("other-proxy", 0)])
def test_no_node_has_the_name_of_a_proxy(name: str, count: int) -> None:
    found = of("LPF106", **pair("transcoder", name=name))
    assert len(found) == count
    if count:
        assert found[0].message == 'the unit of "transcoder-proxy" would be that of the proxy in front of "transcoder" on the same machine'
        assert found[0].hosts == ("b", "a")
