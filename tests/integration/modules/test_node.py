# SPDX-License-Identifier: GPL-3.0-or-later
"""The module node as an operator meets it: what it does, what it refuses, and that it tells the truth before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import GATEWAY, ORCHESTRATOR, Lab

SECRET = "planted-orch-secret-4711"
STRANGER = """
cp /usr/bin/python3 /usr/local/bin/stranger
echo 'import socket, time; s = socket.create_server(("{address}", {port})); time.sleep(600)' > /run/stranger.py
/usr/local/bin/stranger /run/stranger.py --password=hunter22 > /dev/null 2>&1 &
"""
HOLDER = """
import time
from ansible_collections.livepeer.fleet.plugins.module_utils import lock, paths
with lock.exclusive(paths.Paths()):
    time.sleep(600)
"""
# A stream starts with its first segment; what is in it does not matter for being busy.
SEGMENT = """
import contextlib, urllib.request
request = urllib.request.Request("http://127.0.0.1:9935/live/busy/0.ts", data=b"G" * 1880, method="PUT")
request.add_header("Content-Duration", "2000")
with contextlib.suppress(OSError):
    urllib.request.urlopen(request).read()
"""


def test_new_then_nothing_then_changed(lab: Lab) -> None:
    lab.plan()
    first = lab.apply().done
    assert [(node["node"], node["action"]) for node in first["nodes"]] == [("orchestrator", "new"), ("gateway", "new")]
    running = (lab.pid("orchestrator"), lab.pid("gateway"))
    second = lab.module("node", "-vvv")
    assert not second.done["changed"] and [node["action"] for node in second.done["nodes"]] == ["nothing", "nothing"]
    assert second.output.count("Using module file") == 1, "one round trip for all nodes"
    assert lab.module("node_info", "-vvv").output.count("Using module file") == 1
    assert (lab.pid("orchestrator"), lab.pid("gateway")) == running
    lab.plan(livepeer_gateway_transcoding_options="P144p30fps16x9")
    third = lab.module("node", "--diff")
    assert [(node["action"], node["restarted"]) for node in third.done["nodes"]] == [("nothing", False), ("restart", True)]
    assert "+transcodingOptions P144p30fps16x9" in third.output
    assert lab.pid("orchestrator") == running[0] and lab.pid("gateway") != running[1]


def test_check_mode_tells_the_same_and_does_nothing(lab: Lab) -> None:
    lab.group = GATEWAY
    lab.plan()
    assert lab.module("release").done["changed"]
    before = lab.snapshot()
    told = lab.module("node", "--check", "--diff")
    assert lab.snapshot() == before
    done = lab.module("node", "--diff")
    assert told.done["changed"]
    assert told.diffs == done.diffs and "+cliAddr 127.0.0.1:5935" in told.diffs
    assert [node["action"] for node in told.data["nodes"]] == [node["action"] for node in done.data["nodes"]]
    assert not lab.module("node", "--check").done["changed"]


def test_check_mode_before_the_release_is_there(lab: Lab) -> None:
    lab.plan()
    assert lab.module("node", "--check").done["changed"]
    assert "is not on this host: install it first" in lab.module("node").failed


@pytest.mark.parametrize(("address", "port"), [("127.0.0.1", 5935), ("0.0.0.0", 9935)])
def test_a_port_held_by_a_stranger_is_named_before_anything_is_touched(lab: Lab, address: str, port: int) -> None:
    lab.plan()
    assert lab.module("release").done["changed"]
    lab.shell(STRANGER.format(address=address, port=port))
    lab.until("the stranger", f"ss -Hltn 'sport = :{port}' | grep -q .")
    before = lab.snapshot()
    why = lab.module("node", "-vvv")
    pid = lab.shell("pgrep -x stranger").strip()
    assert "LPF601" in why.failed and f"stranger (pid {pid}" in why.failed and "Nothing was changed" in why.failed
    found = lab.observation()
    assert [(held["node"], held["port"], held["command"]) for held in found["foreign"]] == [("gateway", port, "stranger")]
    assert "hunter22" not in str(found) + why.output, "arguments of strangers are none of our business"
    assert lab.snapshot() == before


def test_a_second_run_at_the_same_time_is_refused_at_once(lab: Lab) -> None:
    lab.group = GATEWAY
    lab.plan()
    assert lab.module("release").done["changed"]
    lab.put("/run/holder.py", HOLDER)
    lab.shell("PYTHONPATH=/opt/under-test python3 -B /run/holder.py > /dev/null 2>&1 &")
    lab.until("the other run", "test -s /run/livepeer-fleet.lock")
    try:
        why = lab.module("node").failed
        assert f"process {lab.shell('cat /run/livepeer-fleet.lock').strip()} holds" in why
    finally:
        lab.shell("kill $(cat /run/livepeer-fleet.lock)")
    assert lab.module("node").done["changed"]


def test_two_runs_started_together(lab: Lab) -> None:
    """One of them does it, the other one is refused or finds nothing to do; never both."""
    lab.group = GATEWAY
    lab.plan()
    assert lab.module("release").done["changed"]
    results = lab.together("node", 2)
    assert sum(bool(result.data.get("changed")) for result in results) == 1
    assert all("another run of livepeer.fleet" in result.failed for result in results if result.data["failed"])
    assert lab.observation()["nodes"]["gateway"]["decision"]["action"] == "nothing"


def test_what_was_changed_by_hand_is_put_right(lab: Lab) -> None:
    lab.group = ORCHESTRATOR
    lab.plan()
    assert lab.apply().done["changed"]
    tampered = {
        "echo '# mine' >> /etc/livepeer/orchestrator/current/livepeer.conf": "livepeer.conf changes",
        "echo '# mine' >> /etc/systemd/system/livepeer-orchestrator.service": "its unit file was changed or removed on the host",
        "echo other >> /etc/livepeer/orchestrator/current/secrets/orch_secret.cred": "secret orch_secret changes",
    }
    lab.shell("systemctl stop livepeer-orchestrator")
    assert "the unit is inactive (dead)" in lab.observation()["nodes"]["orchestrator"]["decision"]["reasons"]
    for script in tampered:
        lab.shell(script)
    assert not {*tampered.values()} - {*lab.observation()["nodes"]["orchestrator"]["decision"]["reasons"]}
    assert lab.module("node").done["nodes"][0]["restarted"]
    running = lab.pid("orchestrator")
    lab.shell("systemctl disable -q livepeer-orchestrator")
    result = lab.module("node").done
    assert result["changed"] and not result["nodes"][0]["restarted"]
    assert lab.pid("orchestrator") == running
    assert not lab.module("node").done["changed"]


def test_the_secret_that_the_host_made_is_kept(lab: Lab) -> None:
    lab.group = ORCHESTRATOR
    lab.plan()
    assert lab.apply().done["changed"]
    read = "systemd-creds decrypt --newline=no --name=orch_secret /etc/livepeer/orchestrator/current/secrets/orch_secret.cred - 2>/dev/null"
    secret = lab.shell(read)
    assert len(secret) == 64
    lab.plan(livepeer_log_level=4)
    assert lab.module("node").done["changed"]
    assert lab.shell(read) == secret
    lab.plan(livepeer_orchestrator_orch_secret=SECRET)
    told = lab.module("node", "--check", "--diff")
    assert "+orch_secret: changed" in told.output and SECRET not in told.output
    assert lab.module("node").done["changed"]
    assert lab.shell(read) == SECRET


def test_secrets_are_shown_nowhere(lab: Lab, faulty: Callable[..., Path]) -> None:
    lab.group = ORCHESTRATOR
    lab.use(faulty("exit-at-once")).plan(livepeer_orchestrator_orch_secret=SECRET)
    outputs = [lab.module("release", "-vvv").output]
    for pipelining in ({"ANSIBLE_PIPELINING": "True"}, {"ANSIBLE_PIPELINING": "False"}):
        for options in (["--check", "--diff"], ["--diff"]):
            outputs += [lab.module("node", *options, "-vvvvv", environment=pipelining).output]
        outputs += [lab.module("node_info", "-vvvvv", environment=pipelining).output]
    assert "it ended with status 0" in "".join(outputs)
    assert not [output for output in outputs if SECRET in output]
    lab.shell(f"! grep -rqs {SECRET} /root/.ansible /tmp /var/tmp /var/log /etc /var/lib")


def test_a_busy_node_is_not_restarted_unless_that_was_said(lab: Lab) -> None:
    lab.group = GATEWAY
    lab.plan()
    assert lab.apply().done["changed"]
    running = lab.pid("gateway")
    lab.put("/run/segment.py", SEGMENT)
    lab.shell("python3 /run/segment.py")
    if not lab.observation()["nodes"]["gateway"]["busy"]:
        pytest.skip("this node does not take a segment without a picture for a stream")
    lab.plan(livepeer_gateway_transcoding_options="P144p30fps16x9")
    why = lab.module("node").failed
    assert "would cut running sessions of gateway (1)" in why and "livepeer_restart_busy" in why
    assert lab.pid("gateway") == running
    assert lab.module("node", restart_busy=True).done["changed"]


def test_arguments_that_are_not_given_by_hand(lab: Lab) -> None:
    lab.plan()
    assert "cannot be given by hand" in lab.module("node", secrets={"gateway": {}}).failed
