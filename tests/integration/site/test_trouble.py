# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run does when something is in the way: it ends before it harms, names the reason, and the next run repairs."""

from __future__ import annotations

import re

from hostlib.video import Gateway, push

from .conftest import HOSTS, Site, units

FOREIGN = (
    "cp /usr/bin/python3 /usr/local/bin/foreign-python; setsid foreign-python -m http.server {port} --bind 127.0.0.1 >/dev/null 2>&1 &"
)

# Its own unit holds the gateway's ports, but as a node of the other role.
SWAPPED = """
cd /etc/livepeer/gateway/current
sed -i 's/^gateway true/orchestrator true\\ntranscoder true\\nserviceAddr 127.0.0.1:9935/' livepeer.conf
systemctl restart livepeer-gateway
"""


def test_a_foreign_process_on_a_planned_port_stops_the_run_before_any_host_is_touched(site: Site) -> None:
    site.execute("orchestrator2", FOREIGN.format(port=7935))
    pid = site.execute("orchestrator2", "pgrep -x foreign-python").strip()
    before = {host: site.snapshot(host) for host in HOSTS}
    site.play("site").refused("LPF601", "7935", "orchestrator2", pid, "foreign-python")
    assert {host: site.snapshot(host) for host in HOSTS} == before


def test_a_host_that_does_not_answer_stops_the_run_unless_it_is_left_out(site: Site) -> None:
    site.execute("orchestrator2", "systemctl stop ssh; pkill -x sshd; true")
    before = {host: site.snapshot(host) for host in HOSTS}
    site.play("site").refused("orchestrator2", "--limit")
    assert {host: site.snapshot(host) for host in HOSTS} == before
    site.play("site", "--limit", "!orchestrator2,!combined1", "--skip-tags", "verify").done()
    assert sorted(site.running("orchestrator1")) == units("orchestrator")


def test_a_host_lost_in_the_first_wave_ends_the_run_and_the_next_run_repairs(site: Site) -> None:
    # Two hosts a wave: a lost host beside a healthy one is what Ansible alone goes on after.
    site.hosts = {host: {} for host in ("orchestrator1", "orchestrator2", "gateway1")}
    site.variables["livepeer_rollout"] = [2, 1]
    site.play("site").done()
    before = {host: site.running(host) for host in site.hosts}
    untouched = site.snapshot("gateway1")
    site.variables["livepeer_log_level"] = 5
    site.execute("orchestrator1", "echo node > /var/log/cut-at")
    site.play("site").refused("UNREACHABLE", "orchestrator1 failed or was lost")
    assert site.snapshot("gateway1") == untouched, "the next wave was not touched"
    neighbour = site.running("orchestrator2")
    assert neighbour.keys() == before["orchestrator2"].keys() and neighbour != before["orchestrator2"], "its neighbour is whole"
    site.execute("orchestrator1", "systemctl start ssh")
    site.play("site").done()
    assert site.running("orchestrator2") == neighbour
    assert all(before[host] != site.running(host) for host in site.hosts)
    assert not any(site.play("site").done().changed.values())


def test_verify_names_everything_that_is_not_as_planned(site: Site) -> None:
    site.play("site").done()
    site.execute("orchestrator1", "systemctl stop livepeer-orchestrator")
    site.execute("combined1", "systemctl stop livepeer-gateway")
    site.execute("combined1", FOREIGN.format(port=9935))
    site.execute("gateway1", SWAPPED)
    run = site.play("verify").refused("LPF601", "foreign-python", "LPF602", "LPF603", "orchestrator1:8935")
    assert re.search(r"--> gateway1 \(gateway\): orchestrator \S+ answers", run.output), run.output
    assert not any(run.changed.values())


def test_a_node_with_running_sessions_is_restarted_only_when_the_operator_says_so(site: Site) -> None:
    site.hosts = {"gateway1": {}, "orchestrator1": {}}
    site.play("site").done()
    before = site.running("orchestrator1"), site.running("gateway1")
    site.hosts["orchestrator1"] = {"livepeer_orchestrator_max_sessions": 7}
    publish(site)
    run = site.play("site").refused("Left alone, because sessions run there", "orchestrator1", "livepeer_restart_busy", "LPF602")
    assert not any(run.changed.values())
    publish(site)
    site.play(site.own_playbook(["orchestrator"], "orchestrator1")).refused("orchestrator1 was left as it was, because sessions run there")
    assert (site.running("orchestrator1"), site.running("gateway1")) == before
    publish(site)
    site.hosts["orchestrator1"]["livepeer_restart_busy"] = True
    site.play("site").done()
    assert site.running("orchestrator1") != before[0]
    assert site.running("gateway1") == before[1]


def publish(site: Site) -> None:
    """A segment; its session stays on both nodes for about a minute."""
    with Gateway(site.fleet.ssh_config, "gateway1") as gateway:
        push(gateway, "busy", 1)
