# SPDX-License-Identifier: GPL-3.0-or-later
"""A gateway that pays on the chain and names a remote signer as well: go-livepeer starts it, and no orchestrator does its video."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hostlib import unit
from hostlib.story import Story
from hostlib.tools import wait_until
from hostlib.unit import Unit

STORY = Story.of(__file__)
FLEET = STORY.fleet


@contextmanager
def gateway_for(orchestrator: str) -> Iterator[Unit]:
    gateway = unit.gateway(FLEET, "signer1", f"gateway@{orchestrator}.service")
    FLEET.execute("signer1", "systemctl", "start", gateway.name)
    try:
        wait_until("the gateway to serve", lambda: gateway.says("Livepeer Node version"), seconds=60)
        yield gateway
    finally:
        FLEET.execute("signer1", "systemctl", "stop", gateway.name)


def test_on_chain_orchestrator_refuses_the_other_signature_though_tickets_were_sent() -> None:
    orchestrator = unit.orchestrator(FLEET, "priced1")
    with gateway_for("priced1") as gateway:
        processes = gateway.process(), orchestrator.process()
        assert STORY.push("signer1", "two-keys", 3) == ["HTTP 503 No sessions available"] * 3
        assert gateway.says("ErrSegSig")
        assert gateway.metric("livepeer_tickets_sent") > 0
        assert (gateway.process(), orchestrator.process()) == processes
    assert orchestrator.says("Sig check failed")
    assert "tickets processed" not in orchestrator.log()


def test_off_chain_orchestrator_names_nothing_to_pay_with() -> None:
    orchestrator = unit.orchestrator(FLEET, "free1")
    with gateway_for("free1") as gateway:
        processes = gateway.process(), orchestrator.process()
        assert STORY.push("signer1", "free") == ["HTTP 503 No sessions available"] * 2
        assert gateway.says("Missing ticket params")
        assert gateway.metric("livepeer_tickets_sent") == 0
        assert (gateway.process(), orchestrator.process()) == processes


def test_the_plan_refuses_such_a_gateway() -> None:
    refused = STORY.refusals("honest.yml")
    assert set(refused) == {"LPF303"}
    assert "livepeer_gateway_payment" in refused["LPF303"]


def test_once_more_changes_nothing_and_no_secret_is_anywhere() -> None:
    STORY.assert_converged_without_a_trace()
