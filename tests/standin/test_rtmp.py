# SPDX-License-Identifier: GPL-3.0-or-later
"""Video by RTMP: counted like any other, and what a gateway dies of (README of the facts, items 7 and 27)."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hostlib.tools import free_port
from standin_bench import TestChain
from standin_fleet import Fleet, request
from standin_rtmp import Publisher
from test_answers import SERIES, scraped

SECONDS = 20.0
NIL_POINTER = "invalid memory address or nil pointer dereference"
DIED = 2
CAP = ("-maxPricePerUnit", "1300", "-pixelsPerUnit", "1")
SEGMENT = Path(__file__).resolve().parents[1] / "hosts" / "hostlib" / "segment.ts"


class Gateway:
    """A running gateway and its ports."""

    def __init__(self, fleet: Fleet, *arguments: str) -> None:
        self.cli, self.rtmp = free_port(), free_port()
        ports = ("-cliAddr", f":{self.cli}", "-httpAddr", f":{free_port()}", "-rtmpAddr", f":{self.rtmp}")
        self.process = fleet.start("-gateway", "-monitor", *ports, *arguments, wait_for=self.rtmp)

    def streams(self) -> dict[str, dict[str, int]]:
        """/status → StreamInfo"""
        return json.loads(request(self.cli, "GET", "/status").body)["StreamInfo"]

    def transcoded(self, name: str) -> int:
        """Bytes that came back for one stream."""
        return self.streams().get(name, {}).get("TranscodedBytes", 0)

    def metrics(self) -> str:
        """A scrape."""
        return request(self.cli, "GET", "/metrics").body


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[TestChain]:
    one = TestChain(tmp_path)
    yield one
    one.stop()


def orchestrator(fleet: Fleet, *arguments: str, port: int = 0) -> str:
    """One that transcodes itself; its address."""
    address = f"127.0.0.1:{port or free_port()}"
    flags = ("-orchestrator", "-transcoder", "-serviceAddr", address, "-cliAddr", f":{free_port()}")
    fleet.start(*flags, *arguments, wait_for=int(address.rpartition(":")[2]))
    return address


def paid(fleet: Fleet, chain: TestChain, *arguments: str) -> str:
    """An orchestrator on the chain."""
    port = free_port()
    chain.register("orchestrator", f"127.0.0.1:{port}")
    return orchestrator(fleet, *chain.flags("orchestrator"), "-pricePerUnit", "1000", "-pixelsPerUnit", "1", *arguments, port=port)


def signer(fleet: Fleet, chain: TestChain) -> str:
    """A remote signer's URL."""
    address = f"127.0.0.1:{free_port()}"
    flags = ("-remoteSigner", "-httpAddr", address, "-cliAddr", f"127.0.0.1:{free_port()}")
    fleet.start(*flags, *chain.flags("signer"), wait_for=int(address.rpartition(":")[2]))
    return f"http://{address}"


def wait_for(condition: Callable[[], bool]) -> None:
    """Segments are done in the background."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it never came to that")


def test_a_publisher_is_transcoded_and_gone_at_once_when_it_leaves(fleet: Fleet) -> None:
    gateway = Gateway(fleet, "-orchAddr", orchestrator(fleet), "-metricsPerStream")
    publisher = Publisher(gateway.rtmp, "one")
    publisher.video(0, 1000, 2000, 3000, 4000)
    wait_for(lambda: gateway.transcoded("one") > 0)
    assert "livepeer_stream_created_total" in gateway.metrics()
    assert 'livepeer_segment_source_emerged_total{manifest_id="",' in gateway.metrics()
    publisher.leave()
    wait_for(lambda: not gateway.streams())


def test_a_second_publisher_of_the_same_name_is_refused(fleet: Fleet) -> None:
    gateway = Gateway(fleet, "-orchAddr", orchestrator(fleet))
    first = Publisher(gateway.rtmp, "one")
    wait_for(lambda: "one" in gateway.streams())
    second = Publisher(gateway.rtmp, "one")
    assert first.is_connected() and not second.is_connected()


def test_without_an_orchestrator_a_publisher_sees_nothing(fleet: Fleet) -> None:
    gateway = Gateway(fleet, "-orchAddr", f"127.0.0.1:{free_port()}")
    publisher = Publisher(gateway.rtmp, "one")
    publisher.video(0, 2000, 4000)
    wait_for(lambda: 'error_code="NoOrchestrators"' in gateway.metrics())
    assert publisher.is_connected() and gateway.process.poll() is None


def test_an_off_chain_gateway_dies_with_its_orchestrator(fleet: Fleet) -> None:
    addresses = [orchestrator(fleet), orchestrator(fleet)]
    gateway = Gateway(fleet, "-orchAddr", ",".join(addresses))
    publisher = Publisher(gateway.rtmp, "one")
    publisher.video(0, 2000)
    wait_for(lambda: gateway.transcoded("one") > 0)
    fleet.end(1)
    fleet.end(2)
    publisher.video(4000)
    assert gateway.process.wait(SECONDS) == DIED
    assert NIL_POINTER in fleet.log(3)


def test_an_off_chain_gateway_is_refused_by_an_orchestrator_on_the_chain_and_lives(fleet: Fleet, chain: TestChain) -> None:
    gateway = Gateway(fleet, "-orchAddr", paid(fleet, chain))
    publisher = Publisher(gateway.rtmp, "one")
    publisher.video(0, 2000)
    wait_for(lambda: "orchestrator req sig check failed" in gateway.metrics())
    assert publisher.is_connected() and gateway.process.poll() is None


def test_a_gateway_with_a_signer_dies_of_the_first_segment(fleet: Fleet, chain: TestChain) -> None:
    gateway = Gateway(fleet, "-orchAddr", paid(fleet, chain), "-remoteSignerUrl", signer(fleet, chain))
    publisher = Publisher(gateway.rtmp, "one")
    publisher.video(0, 2000)
    assert gateway.process.wait(SECONDS) == DIED
    assert "ErrSegSig" in fleet.log(3) and NIL_POINTER in fleet.log(3)


def test_series_of_a_paid_stream(fleet: Fleet, chain: TestChain) -> None:
    cli = free_port()
    gateway = Gateway(fleet, "-orchAddr", paid(fleet, chain, "-monitor", "-cliAddr", f":{cli}"), *chain.flags("gateway"), *CAP)
    publisher = Publisher(gateway.rtmp, "one")
    publisher.video(0, 2000)
    wait_for(lambda: gateway.transcoded("one") > 0)
    for port, role in ((gateway.cli, "gateway"), (cli, "orchestrator")):
        shown = {re.sub(r"(sender|orchestrator_address)=0x\w{40}", r"\1=*", one) for one in scraped(port)}
        assert shown == set(SERIES[f"{role}-paid-rtmp"])


def test_a_gateway_on_the_chain_pays_and_outlives_its_orchestrator(fleet: Fleet, chain: TestChain) -> None:
    gateway = Gateway(fleet, "-orchAddr", paid(fleet, chain), *chain.flags("gateway"))
    publisher = Publisher(gateway.rtmp, "one")
    publisher.video(0, 2000)
    wait_for(lambda: "livepeer_tickets_sent" in gateway.metrics())
    fleet.end(1)
    publisher.video(4000, 6000)
    wait_for(lambda: 'error_code="NoOrchestrators"' in gateway.metrics())
    assert publisher.is_connected() and gateway.process.poll() is None


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg on this machine")
def test_what_ffmpeg_publishes(fleet: Fleet) -> None:
    gateway = Gateway(fleet, "-orchAddr", orchestrator(fleet))
    video = ["-re", "-stream_loop", "-1", "-i", str(SEGMENT), "-an", "-c", "copy", "-f", "flv", f"rtmp://127.0.0.1:{gateway.rtmp}/live/one"]
    publishing = subprocess.Popen(["ffmpeg", "-loglevel", "error", *video])
    try:
        wait_for(lambda: gateway.transcoded("one") > 0)
    finally:
        publishing.terminate()
        publishing.wait()
