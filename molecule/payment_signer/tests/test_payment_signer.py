# SPDX-License-Identifier: GPL-3.0-or-later
"""Gateways with a remote signer, of somebody else and of the fleet: video is free or refused, live AI is paid, within the signer's cap."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from hostlib import unit
from hostlib.story import Story, tenths_around
from hostlib.tools import wait_until
from hostlib.unit import Unit

STORY = Story.of(__file__)
FLEET = STORY.fleet
SIGNER = Unit(FLEET, "priced1", "livepeer-remote_signer", 3935)
FOR_VIDEO, FREE = unit.gateway(FLEET, "free1"), unit.orchestrator(FLEET, "free1")
FOR_LIVE, PRICED = unit.gateway(FLEET, "priced1"), unit.orchestrator(FLEET, "priced1")

# MediaMTX's hook, called on the gateway's host: a stream has begun.
ANNOUNCE = """
import sys, urllib.parse, urllib.request
form = {"source_id": sys.argv[1], "source_type": "rtmpConn", "query": "pipeline=noop"}
url = f"http://127.0.0.1:9935/live/video-to-video/{sys.argv[1]}/start"
print(urllib.request.urlopen(url, urllib.parse.urlencode(form).encode(), timeout=60).status)
"""
KICK = "import sys, urllib.request; urllib.request.urlopen(sys.argv[1], b'')"


@contextmanager
def live_stream(host: str) -> Iterator[str]:
    """Announce a stream, and let MediaMTX know nothing of it in the end; gives its name."""
    name = f"live-{secrets.token_hex(4)}"
    assert FLEET.execute(host, "python3", "-c", ANNOUNCE, name).strip() == "200"
    try:
        yield name
    finally:
        FLEET.execute(host, "python3", "-c", KICK, f"http://127.0.0.1:9997/v3/rtmpconns/kick/{name}")


def beside(host: str) -> Unit:
    """Runner and MediaMTX of a host."""
    return Unit(FLEET, host, "surroundings", 0)


def is_kicked(host: str, stream: str) -> bool:
    return beside(host).says(rf"9997 POST /v3/rtmpconns/kick/{stream} ")


def test_what_the_plan_calls_free_is_done_and_nobody_pays() -> None:
    edge = STORY.edge("free1")
    assert (edge["orchestrator"], edge["payable"], edge["enforced_by"]) == ("free1", "free", "nobody")
    assert STORY.push("free1", "free") == ["2 renditions"] * 2
    assert FOR_VIDEO.metric("livepeer_segment_transcoded_total") >= 2
    assert FOR_VIDEO.metric("livepeer_tickets_sent") == 0
    assert "tickets processed" not in FREE.log()


# The first of the live streams: 0.9.1 kicks each second one that a signer pays for. It takes the session of the one before, whose
# tickets the orchestrator has "already seen".
def test_above_the_cap_of_the_signer_the_publisher_is_kicked() -> None:
    processes = FOR_LIVE.process(), PRICED.process(), SIGNER.process()
    _below, above = tenths_around(STORY.figures("priced1", "live_video")["survives_gwei"])
    with STORY.gas(above, PRICED), live_stream("priced1") as stream:
        wait_until("the publisher to be kicked", lambda: is_kicked("priced1", stream), seconds=60)
    assert FOR_LIVE.says("remote signer returned status 481.*price 393.600 exceeds configured maximum price ceiling 390.000")
    assert (FOR_LIVE.process(), PRICED.process(), SIGNER.process()) == processes


def test_live_ai_that_the_plan_calls_good_is_done_and_paid_by_the_signer() -> None:
    edge = STORY.edge("priced1", "live_video")
    assert (edge["verdict"], edge["payable"], edge["enforced_by"]) == ("good", "paid", "signer")
    assert (edge["price"], edge["cap"], edge["headroom"]) == ("300", "390", "30")
    assert SIGNER.metric("livepeer_price_per_capability") == 0
    assert json.loads(SIGNER.ask("/getBroadcastConfig"))["MaxPrice"] == "390"
    with live_stream("priced1") as stream:
        wait_until("the runner's job", lambda: beside("priced1").says("9000 POST /live-video-to-video 200"), seconds=30)
        wait_until("the signer to sign", lambda: SIGNER.says("Signed numTickets"), seconds=30)
        wait_until("the payment", lambda: PRICED.says("Payment tickets processed"), seconds=30)
        assert not is_kicked("priced1", stream)


def test_live_ai_finds_no_price_at_an_off_chain_orchestrator() -> None:
    processes = FOR_VIDEO.process(), FREE.process()
    with live_stream("free1") as stream:
        wait_until("the publisher to be kicked", lambda: is_kicked("free1", stream), seconds=60)
    assert FOR_VIDEO.says("missing session or OrchestratorInfo")
    assert not beside("free1").says("POST /live-video-to-video")
    assert (FOR_VIDEO.process(), FREE.process()) == processes


def test_on_chain_orchestrator_refuses_video_that_the_gateway_signed_with_no_key() -> None:
    processes = FOR_LIVE.process(), PRICED.process(), SIGNER.process()
    assert STORY.push("priced1", "video", 1) == ["connection closed without an answer"]
    assert FOR_LIVE.says("ErrSegSig")
    assert PRICED.says("Sig check failed")
    assert (FOR_LIVE.process(), PRICED.process(), SIGNER.process()) == processes


def test_the_plan_refuses_video_as_soon_as_it_is_asked_for() -> None:
    refused = STORY.refusals("video_too.yml")
    assert set(refused) == {"LPF301"}
    assert "livepeer_gateway_payment: onchain" in refused["LPF301"]


def test_once_more_changes_nothing_and_no_secret_is_anywhere() -> None:
    STORY.assert_converged_without_a_trace()
