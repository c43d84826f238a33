# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet's life: blank hosts, a first run, nothing to do, a change in waves, and what each of them costs."""

from __future__ import annotations

import re

import pytest

from .conftest import HOSTS, Site, units

# Modules that a run may bring to a host: issue 3, section 8.
MOST_ON_A_NEW_HOST = 6
MOST_ON_AN_UNCHANGED_HOST = 2
UNITS = {
    "combined1": units("gateway", "orchestrator"),
    "gateway1": units("gateway"),
    "orchestrator1": units("orchestrator"),
    "orchestrator2": units("orchestrator"),
}


def test_from_blank_hosts_to_a_change_in_waves(site: Site) -> None:
    check_of_blank_hosts_changes_nothing(site)
    first_run_within_its_budget(site)
    second_run_changes_nothing_within_its_budget(site)
    a_change_goes_in_waves(site)
    verify_holds(site)


def check_of_blank_hosts_changes_nothing(site: Site) -> None:
    before = {host: site.snapshot(host) for host in HOSTS}
    run = site.play("site", "--check", "--diff").done()
    assert {host: site.snapshot(host) for host in HOSTS} == before
    assert all(run.changed[host] for host in HOSTS), "what a first run would change is told"
    assert "+ExecStart=/opt/livepeer/releases/" in run.output, "the files are shown"


def first_run_within_its_budget(site: Site) -> None:
    for host in HOSTS:
        site.modules(host)
    run = site.play("site").done()
    for host in HOSTS:
        assert sorted(site.running(host)) == UNITS[host]
        assert len(site.modules(host)) <= MOST_ON_A_NEW_HOST
    assert "journalctl -u livepeer-gateway -f" in run.output


def second_run_changes_nothing_within_its_budget(site: Site) -> None:
    before = {host: site.snapshot(host) for host in HOSTS}
    connections = {host: site.connections(host) for host in HOSTS}
    # Without shared connections each round trip is one, so that they can be counted.
    each_counts = {"ANSIBLE_PIPELINING": "true", "ANSIBLE_SSH_ARGS": "-o ControlMaster=no -o ControlPath=none"}
    for arguments in ((), ("--check", "--diff")):
        run = site.play("site", *arguments, **each_counts).done()
        assert not any(run.changed.values()), run.output
        assert "Nothing to do" in run.output
        for host in HOSTS:
            assert 1 <= len(site.modules(host)) <= MOST_ON_AN_UNCHANGED_HOST
            now = site.connections(host)
            assert 1 <= now - connections[host] <= MOST_ON_AN_UNCHANGED_HOST
            connections[host] = now
    assert {host: site.snapshot(host) for host in HOSTS} == before


def a_change_goes_in_waves(site: Site) -> None:
    before = {host: site.running(host) for host in HOSTS}
    site.hosts["orchestrator1"] = site.hosts["orchestrator2"] = {"livepeer_orchestrator_max_sessions": 7}
    checked = site.play("site", "--check", "--diff").done()
    assert "+maxSessions 7" in checked.output
    assert {host: site.running(host) for host in HOSTS} == before
    run = site.play("site").done()
    assert re.search(r"wave 1\s+orchestrator1\n.*wave 2\s+orchestrator2\n", run.output), run.output
    after = {host: site.running(host) for host in HOSTS}
    assert [host for host in HOSTS if before[host] != after[host]] == ["orchestrator1", "orchestrator2"]


def verify_holds(site: Site) -> None:
    before = {host: site.snapshot(host) for host in HOSTS}
    assert "as planned" in site.play("verify").done().output
    assert {host: site.snapshot(host) for host in HOSTS} == before


@pytest.mark.parametrize("tag", ["plan", "verify"])
def test_tags_on_blank_hosts(site: Site, tag: str) -> None:
    for host in HOSTS:
        site.modules(host)
    run = site.play("site", "--tags", tag)
    assert (run.status == 0) == (tag == "plan"), run.output
    assert [len(site.modules(host)) for host in HOSTS] == [0 if tag == "plan" else 1] * len(HOSTS)


def test_limit_leaves_the_others_alone_and_plans_them_all_the_same(site: Site) -> None:
    # As a user that has to become root, which the roles do by themselves.
    run = site.play("site", "--limit", "orchestrator1", "-e", "ansible_user=admin").done()
    assert sorted(site.running("orchestrator1")) == UNITS["orchestrator1"]
    assert all(host in run.output for host in HOSTS), "the plan is of the whole fleet"
    assert [site.modules(host) for host in HOSTS if host != "orchestrator1"] == [[], [], []]
