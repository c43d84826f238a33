# SPDX-License-Identifier: GPL-3.0-or-later
"""The roles in a playbook of one's own: no way in skips the plan, and no way is more dangerous than site.yml."""

from __future__ import annotations

from .conftest import Site, units


def test_a_playbook_of_ones_own(site: Site) -> None:
    site.hosts = {"orchestrator1": {}, "orchestrator2": {}, "gateway1": {}}
    the_internal_role_refuses_a_direct_call(site)
    a_role_on_a_host_of_another_kind_is_refused(site)
    a_bad_plan_stops_the_role(site)
    batches_share_one_plan(site)
    more_restarts_at_once_than_the_first_wave_need_serial(site)


def the_internal_role_refuses_a_direct_call(site: Site) -> None:
    site.play(site.own_playbook(["node"], "orchestrator1")).refused("livepeer.fleet.node is internal")


def a_role_on_a_host_of_another_kind_is_refused(site: Site) -> None:
    site.play(site.own_playbook(["gateway"], "orchestrator1")).refused("orchestrator1", "livepeer_gateways")


def a_bad_plan_stops_the_role(site: Site) -> None:
    for host in site.hosts:
        site.modules(host)
    site.hosts["gateway1"] = {"livepeer_gateway_http_addr": "127.0.0.1:1935"}
    site.play(site.own_playbook(["orchestrator"], "orchestrator1")).refused("LPF101")
    assert site.modules("orchestrator1") == []
    site.hosts["gateway1"] = {}


def batches_share_one_plan(site: Site) -> None:
    run = site.play(site.own_playbook(["orchestrator"], "livepeer_orchestrators", serial=1), ANSIBLE_INJECT_FACT_VARS="false").done()
    assert run.output.count("Written to") == 1, "the plan is computed once for any number of batches"
    for host in ("orchestrator1", "orchestrator2"):
        assert sorted(site.running(host)) == units("orchestrator")
    assert site.running("gateway1") == {}
    site.play(site.own_playbook(["gateway"], "gateway1")).done()
    assert not any(site.play("site").done().changed.values()), "the same as site.yml would have done"


def more_restarts_at_once_than_the_first_wave_need_serial(site: Site) -> None:
    site.variables["livepeer_orchestrator_max_sessions"] = 7
    before = {host: site.running(host) for host in site.hosts}
    site.play(site.own_playbook(["orchestrator"], "livepeer_orchestrators")).refused("serial", "livepeer_rollout")
    assert {host: site.running(host) for host in site.hosts} == before
    site.play(site.own_playbook(["orchestrator"], "livepeer_orchestrators", serial=1)).done()
