# SPDX-License-Identifier: GPL-3.0-or-later
"""Two orchestrators on one machine and two transcoders on another, by aliases: order, secrets, registration."""

from __future__ import annotations

import json

import pytest

from .conftest import Run, Site

ORCHESTRATORS, TRANSCODERS = "orchestrator1", "orchestrator2"
"""The machines that carry two nodes of one kind each."""


def alias(site: Site, machine: str, **variables: object) -> dict[str, object]:
    """Another inventory host on a machine."""
    known = json.loads(site.fleet.inventory_file.read_text())["all"]["hosts"][machine]
    return {"ansible_host": machine, "ansible_port": known["ansible_port"], **variables}


@pytest.fixture
def workers(site: Site) -> Site:
    """Each orchestrator with a transcoder and a secret of its own."""
    second = {"service_addr": f"{ORCHESTRATORS}:8945", "cli_addr": "127.0.0.1:7945", "metrics_proxy_addr": "127.0.0.1:17945"}
    other = {"cli_addr": "127.0.0.1:6945", "metrics_proxy_addr": "127.0.0.1:16945", "orchestrator": "orchestrator3"}
    site.hosts = {
        "orchestrator1": {"livepeer_orchestrator_orch_secret": "first secret of one"},
        "orchestrator3": alias(
            site,
            ORCHESTRATORS,
            livepeer_orchestrator_name="second",
            livepeer_orchestrator_orch_secret="secret of the other",
            **{f"livepeer_orchestrator_{name}": value for name, value in second.items()},
        ),
        "transcoder1": alias(site, TRANSCODERS, livepeer_transcoder_orchestrator="orchestrator1"),
        "transcoder2": alias(
            site,
            TRANSCODERS,
            livepeer_transcoder_name="other",
            **{f"livepeer_transcoder_{name}": value for name, value in other.items()},
        ),
    }
    site.variables["livepeer_orchestrator_transcoder"] = False
    return site


def order(run: Run) -> list[str]:
    """What a run said of its order."""
    lines = run.output.partition("In this order\n")[2].splitlines()
    return [" ".join(line.split()) for line in lines[: lines.index("")] if line.startswith("  ")]


def test_orchestrators_and_their_workers(workers: Site) -> None:
    first = workers.play("site").done()
    assert order(first) == [
        "together orchestrator1",
        "together orchestrator3",
        "together transcoder1 a worker registers at an orchestrator that runs",
        "together transcoder2 a worker registers at an orchestrator that runs",
    ]
    assert not any(workers.play("site").done().changed.values())
    before = {machine: workers.running(machine) for machine in (ORCHESTRATORS, TRANSCODERS)}

    workers.hosts["orchestrator1"]["livepeer_orchestrator_orch_secret"] = "second secret of one"
    workers.play("site", "--limit", "orchestrator1").refused("transcoder on transcoder1, which is not part of this run", "--limit")
    assert {machine: workers.running(machine) for machine in before} == before

    # The orchestrator has its new secret, and the run is lost before its worker has it.
    workers.execute(TRANSCODERS, "echo node > /var/log/cut-at")
    cut = workers.play("site").refused("UNREACHABLE", "secret orch_secret changes")
    assert order(cut) == ["wave 1 orchestrator1", "wave 1 transcoder1 its workers register with the new secret"]
    workers.execute(TRANSCODERS, "systemctl start ssh")
    assert workers.running(TRANSCODERS) == before[TRANSCODERS], "it is up, and idle"
    workers.play("verify").refused("LPF607", "transcoder is up, but not registered at orchestrator1", "invalid secret")

    workers.play("site").done()
    changed = {
        machine: {unit for unit, process in workers.running(machine).items() if before[machine][unit] != process} for machine in before
    }
    assert changed == {ORCHESTRATORS: {"livepeer-orchestrator.service"}, TRANSCODERS: {"livepeer-transcoder.service"}}
    workers.play("verify").done()


def test_a_worker_whose_orchestrator_is_away(workers: Site) -> None:
    workers.hosts = {host: workers.hosts[host] for host in ("orchestrator1", "transcoder1")}
    workers.play("site", "--limit", "orchestrator1").done()
    workers.execute(ORCHESTRATORS, "systemctl stop livepeer-orchestrator")
    workers.variables["livepeer_start_timeout"] = 10
    run = workers.play("site", "--limit", "transcoder1").refused(
        "LPF607", "orchestrator1:8935", "it does not answer", "the host is as before"
    )
    assert "Traceback" not in run.output
    assert workers.running(TRANSCODERS) == {}
