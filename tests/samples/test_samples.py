# SPDX-License-Identifier: GPL-3.0-or-later
"""Each file of samples/ on real hosts as it stands: Molecule's sequence, a job of each kind it promises, faults, planted secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from hostlib import planted
from hostlib.tools import CHECKOUT, wait_until
from hostlib.unit import Unit
from hostlib.video import SEGMENT, Gateway
from sample_hosts import BAD, ROLES, Sample, Strangers, Values

FILES = sorted((CHECKOUT / "samples").glob("*.yml"))
CHANGED = re.compile(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)", re.MULTILINE)

AT_ONCE = 3
"""A run waits for its hosts most of the time: three samples at once take half the time on two cores."""


class Story:
    """What happens to one sample, in this order; everything that is said is kept."""

    def __init__(self, sample: Sample, overlay: Path) -> None:
        self.sample, self.overlay = sample, overlay
        self.said: dict[str, str] = {}

    def play(self, playbook: str, *options: str | Path) -> tuple[int, str]:
        done = self.sample.run(playbook, self.overlay, *options, "-vvv")
        text = done.stdout + done.stderr
        self.said[f"run {len(self.said) + 1}: {playbook} {options}"] = text
        assert "Traceback" not in text, text
        return done.returncode, text

    def done(self, playbook: str, *options: str | Path) -> dict[str, int]:
        """A run that ends well, and how many tasks changed something, by host."""
        status, text = self.play(playbook, *options)
        assert status == 0, f"{playbook} {options}\n{text}"
        return {host: int(count) for host, count in CHANGED.findall(text)}

    def tell(self) -> None:
        self.molecules_sequence()
        for gateway in self.sample.hosts_of("gateway"):
            do_jobs(self.sample, gateway)
        self.a_bad_change_is_taken_back()
        self.what_was_done_by_hand_is_undone()
        self.no_secret_is_anywhere()

    def molecules_sequence(self) -> None:
        self.done("site", "--check", "--diff")
        assert self.sample.runs() == {}
        self.done("site")
        assert not any(self.done("site", "--diff").values())
        assert not any(self.done("site", "--check", "--diff").values())
        self.done("verify")

    def a_bad_change_is_taken_back(self) -> None:
        """One that no plan can see: the run names host, node and reason, and everything runs as before."""
        before = self.sample.runs()
        host, role = self.sample.victim()
        node = self.sample.node(host, role)
        status, text = self.play("site", self.sample.bad_change(host, role, self.overlay))
        assert status != 0, text
        missing = [one for one in (host, role, BAD[role].reason, BAD[role].ends) if one not in text]
        assert not missing, f"{missing} not in\n{text}"
        after = self.sample.runs()
        assert {one: at for one, at in after.items() if one != node} == {one: at for one, at in before.items() if one != node}
        assert (after[node].revision, after[node].state) == (before[node].revision, "active")
        assert not any(self.done("site").values())

    def what_was_done_by_hand_is_undone(self) -> None:
        """A unit is stopped and another one edited; nothing else is touched."""
        before = self.sample.runs()
        stopped = self.sample.node(self.sample.hosts_of("gateway")[0], "gateway")
        edited = self.sample.node(self.sample.hosts_of("orchestrator")[-1], "orchestrator")
        self.sample.fleet.execute(stopped[0], "systemctl", "stop", f"livepeer-{stopped[1]}")
        self.sample.fleet.execute(edited[0], "sh", "-c", f"echo '# mine' >> /etc/systemd/system/livepeer-{edited[1]}.service")
        self.done("site", "-e", "livepeer_restart_busy=true")
        after = self.sample.runs()
        assert {one for one in before if before[one] != after[one]} == {stopped, edited}
        assert {one.state for one in after.values()} == {"active"}

    def no_secret_is_anywhere(self) -> None:
        written = [path for path in (self.overlay.parent / "plan").rglob("*") if path.is_file()]
        assert written
        said = self.said | {str(path): path.read_text("utf-8") for path in written}
        assert planted.found(self.sample.fleet, self.sample.all_planted(), said) == []


def converge(file: Path, folder: Path) -> None:
    """The story of one sample on hosts of its own."""
    sample, strangers = Sample(file), Strangers(folder)
    try:
        # A run that was cut off may have left some.
        sample.fleet.down()
        sample.up(folder)
        host = sample.fleet.gateway_address()
        clearinghouse = strangers.start_clearinghouse(sample, host) if "clearinghouse" in file.stem else ""
        Story(sample, sample.overlay(folder, clearinghouse, strangers.start_webhook(host))).tell()
    finally:
        strangers.stop()
        sample.fleet.down()


@pytest.fixture(scope="session")
def stories(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Path, Future[None]]]:
    """Of all samples that were asked for, some at once."""
    asked = [one.callspec.params for one in request.session.items if isinstance(one, pytest.Function) and hasattr(one, "callspec")]
    wanted = [Path(str(one["file"])) for one in asked]
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        yield {file: pool.submit(converge, file, tmp_path_factory.mktemp(file.stem)) for file in wanted}
    finally:
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_sample_converges(file: Path, stories: dict[Path, Future[None]]) -> None:
    stories[file].result()


JOB = """
import json, sys, urllib.request as url
job = json.dumps({"model_id": sys.argv[2], "prompt": "a boat"}).encode()
asked = url.Request(f"http://{sys.argv[1]}/text-to-image", job, {"Content-Type": "application/json"})
print(url.urlopen(asked, timeout=60).status)
"""

# MediaMTX's hook, called on the gateway's host: a stream has begun.
ANNOUNCE = """
import sys, urllib.parse, urllib.request
form = {"source_id": "one", "source_type": "rtmpConn", "query": "pipeline=comfystream"}
url = f"http://{sys.argv[1]}/live/video-to-video/one/start"
print(urllib.request.urlopen(url, urllib.parse.urlencode(form).encode(), timeout=60).status)
"""


def do_jobs(one: Sample, gateway: str) -> None:
    """One of each kind that the sample says of this gateway."""
    values, machine = one.hosts[gateway], one.machine(gateway)
    http = values.get("livepeer_gateway_http_addr", "127.0.0.1:9935")
    workloads = values.get("livepeer_gateway_workloads", ["video"])
    if "video" in workloads:
        push(one, gateway)
    if "ai" in workloads:
        assert one.fleet.execute(machine, "python3", "-c", JOB, http, model(one)).strip() == "200"
    if "live_video" in workloads:
        assert one.fleet.execute(machine, "python3", "-c", ANNOUNCE, http).strip() == "200"
        runners = [Unit(one.fleet, where, "surroundings", 0) for where in one.fleet.hosts()]
        wait_until("a runner's job", lambda: any(each.says("9000 POST /live-video-to-video 200") for each in runners), seconds=60)


def model(one: Sample) -> str:
    """That makes images, as the sample's first orchestrator with one says."""
    served: list[Values] = [entry for values in one.hosts.values() for entry in values.get("livepeer_orchestrator_ai_models", [])]
    return str(next(entry["model_id"] for entry in served if entry["pipeline"] == "text-to-image"))


def push(one: Sample, gateway: str) -> None:
    """A segment of video, through the gateway's HTTP port."""
    values = one.hosts[gateway]
    http, cli = (values.get(f"livepeer_gateway_{name}_addr", f"127.0.0.1:{port}") for name, port in (("http", 9935), ("cli", 5935)))
    with Gateway(one.fleet.ssh_config, one.machine(gateway), *(int(address.rpartition(":")[2]) for address in (http, cli))) as opened:
        assert re.fullmatch(r"[1-9]\d* renditions", opened.put("sample", 0, SEGMENT.read_bytes()))


def test_every_role_stands_in_a_sample_and_is_broken_in_one() -> None:
    files = "".join(file.read_text("utf-8") for file in FILES)
    assert not [role for role in ROLES if f"livepeer_{role}_" not in files]
    assert {Sample(file).victim()[1] for file in FILES} == set(BAD)
