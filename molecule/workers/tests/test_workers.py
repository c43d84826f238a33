# SPDX-License-Identifier: GPL-3.0-or-later
"""An orchestrator whose work is done elsewhere: two transcoders and an AI worker of another machine, and what their secret is."""

from __future__ import annotations

import json

import pytest
from hostlib import unit
from hostlib.story import Story
from hostlib.tools import HostsError, wait_until
from hostlib.unit import Unit

STORY = Story.of(__file__)
FLEET = STORY.fleet
GATEWAY, ORCHESTRATOR = unit.gateway(FLEET, "hub1"), unit.orchestrator(FLEET, "hub1")
TRANSCODERS = [Unit(FLEET, "farm1", "livepeer-transcoder", 6935), Unit(FLEET, "farm1", "livepeer-second", 6936)]
AI_WORKER = Unit(FLEET, "farm1", "livepeer-ai_worker", 4935)
RUNNER = Unit(FLEET, "farm1", "surroundings", 0)

JOB = """
import json, sys, urllib.request as url
job = json.dumps({"model_id": "some/model", "prompt": "a boat"}).encode()
asked = url.Request("http://127.0.0.1:9935/text-to-image", job, {"Content-Type": "application/json"})
print(url.urlopen(asked, timeout=60).status)
"""


def test_the_orchestrator_knows_both_transcoders_and_transcodes_nothing_itself() -> None:
    status = ORCHESTRATOR.status()
    assert [one["Capacity"] for one in status["RegisteredTranscoders"]] == [5, 5]
    assert status["LocalTranscoding"] is False
    assert ORCHESTRATOR.metric("livepeer_transcoders_number") == 2


def test_video_goes_through_the_transcoders_of_the_other_machine() -> None:
    assert STORY.push("hub1", "workers", 4) == ["2 renditions"] * 4
    # Counted once a result has been taken, when the gateway may have answered already.
    wait_until("4 segments", lambda: sum(one.metric("livepeer_segment_source_uploaded_total") for one in TRANSCODERS) == 4, seconds=20)


def test_a_job_goes_through_the_ai_worker_of_the_other_machine() -> None:
    assert FLEET.execute("hub1", "python3", "-c", JOB).strip() == "200"
    assert RUNNER.says("9000 POST /text-to-image 200")
    wait_until("the job to be counted", lambda: AI_WORKER.metric("livepeer_ai_result_uploaded_total") == 1, seconds=20)


def test_images_are_pulled_before_the_worker_is_started() -> None:
    said = FLEET.execute(
        "farm1", "journalctl", "-u", "surroundings", "-u", "livepeer-ai_worker", "-o", "short-unix", "--no-pager"
    ).splitlines()
    pulls = [place for place, line in enumerate(said) if "/images/create?fromImage=livepeer%2Fai-runner&tag=" in line]
    started = next(place for place, line in enumerate(said) if "livepeer-ai_worker" in line)
    # That of the model with a url is not needed, and go-livepeer pulls it all the same.
    assert [said[place].partition("tag=")[2] for place in pulls] == ["latest 200", "llm 200"]
    assert pulls[-1] < started


def test_a_marker_stays_in_the_streams_of_those_who_did_the_work() -> None:
    assert STORY.push("hub1", "marked-stream", 1) == ["2 renditions"]
    assert GATEWAY.says("marked-stream")
    assert not AI_WORKER.says("marked-stream")


@pytest.mark.parametrize("worker", [*TRANSCODERS, AI_WORKER], ids=lambda one: one.name)
def test_the_secret_of_a_worker_is_its_orchestrators_and_on_no_command_line(worker: Unit) -> None:
    process = FLEET.execute("farm1", "systemctl", "show", "-p", "MainPID", "--value", worker.name).strip()
    command = FLEET.execute("farm1", "cat", f"/proc/{process}/cmdline", f"/proc/{process}/environ")
    assert "the-workers-of-hub1" not in command


def test_workers_come_back_to_an_orchestrator_that_was_restarted() -> None:
    FLEET.execute("hub1", "systemctl", "restart", "livepeer-orchestrator")
    wait_until("both transcoders", lambda: len(_known()) == 2, seconds=60)


def _known() -> list[object]:
    try:
        known: list[object] = ORCHESTRATOR.status()["RegisteredTranscoders"]
    except HostsError:
        return []
    return known


def test_verify_finds_the_fleet_as_planned_and_once_more_changes_nothing() -> None:
    done = STORY.run("verify")
    assert done.returncode == 0, done.stdout + done.stderr
    plan = json.dumps(STORY.plan())
    assert "the-workers-of-hub1" not in plan + done.stdout
