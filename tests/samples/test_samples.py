# SPDX-License-Identifier: GPL-3.0-or-later
"""Each file of samples/ converges on real hosts as it stands: check mode, site, site again, verify, and a job of each kind it promises."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hostlib.tools import CHECKOUT, wait_until
from hostlib.unit import Unit
from hostlib.video import SEGMENT, Gateway
from sample_hosts import ROLES, Sample, Strangers

FILES = sorted((CHECKOUT / "samples").glob("*.yml"))


@pytest.fixture(params=FILES, ids=lambda file: file.stem)
def sample(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Sample, Path]]:
    one, strangers = Sample(request.param), Strangers(tmp_path)
    try:
        one.up(tmp_path)
        host = one.gateway_ip()
        clearinghouse = strangers.start_clearinghouse(one, host) if "clearinghouse" in one.file.stem else ""
        yield one, one.overlay(tmp_path, clearinghouse, strangers.start_webhook(host))
    finally:
        strangers.stop()
        one.fleet.down()


def test_a_sample_converges(sample: tuple[Sample, Path]) -> None:
    one, overlay = sample
    said = []
    for playbook, options in (("site", ["--check"]), ("site", ["-v"]), ("site", ["-v", "--diff"]), ("verify", [])):
        done = one.run(playbook, overlay, *options)
        said.append(done.stdout + done.stderr)
        assert done.returncode == 0, f"{playbook} {options}\n{done.stdout}\n{done.stderr}"
    assert set(re.findall(r"changed=(\d+)", said[2].rpartition("PLAY RECAP")[2])) == {"0"}, said[2]
    for gateway in one.members("gateways") + one.members("combined"):
        do_jobs(one, gateway)
    said += [one.fleet.execute(machine, "journalctl", "--no-pager") for machine in one.fleet.hosts()]
    assert not [number for number, text in enumerate(said) for secret in one.planted if secret in text]


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
        model = "ByteDance/SDXL-Lightning" if "SDXL" in one.file.read_text("utf-8") else "stabilityai/sd-turbo"
        assert one.fleet.execute(machine, "python3", "-c", JOB, http, model).strip() == "200"
    if "live_video" in workloads:
        assert one.fleet.execute(machine, "python3", "-c", ANNOUNCE, http).strip() == "200"
        runners = [Unit(one.fleet, where, "surroundings", 0) for where in one.fleet.hosts()]
        wait_until("a runner's job", lambda: any(each.says("9000 POST /live-video-to-video 200") for each in runners), seconds=60)


def push(one: Sample, gateway: str) -> None:
    """A segment of video, through the gateway's HTTP port."""
    values = one.hosts[gateway]
    http, cli = (values.get(f"livepeer_gateway_{name}_addr", f"127.0.0.1:{port}") for name, port in (("http", 9935), ("cli", 5935)))
    with Gateway(one.fleet.ssh_config, one.machine(gateway), *(int(one.rpartition(":")[2]) for one in (http, cli))) as opened:
        assert opened.put("sample", 0, SEGMENT.read_bytes()).endswith(" renditions")


def test_every_role_stands_in_a_sample() -> None:
    files = "".join(file.read_text("utf-8") for file in FILES)
    assert not [role for role in ROLES if f"livepeer_{role}_" not in files]
