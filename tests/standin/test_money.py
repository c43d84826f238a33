# SPDX-License-Identifier: GPL-3.0-or-later
"""Prices, caps and tickets between an orchestrator and a gateway on the stand-in chain, to the last digit as recorded.

LIVEPEER_BINARY=/path/livepeer holds a real binary to what does not look into the stand-in.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hostlib.tools import free_port
from node import money
from node.account import signature
from node.ethereum import checksummed
from node.money import Funds, InsufficientReserve, Terms
from node.prices import WEI_PER_ETHER
from standin_bench import TestChain
from standin_fleet import Answer, Fleet, request
from test_ai import BINARY, HERE, Gateway

STANDIN = (HERE / "livepeer").resolve() == BINARY
ONLY_STANDIN = pytest.mark.skipif(not STANDIN, reason="asks the stand-in what a real orchestrator is asked over gRPC")
RECORDED = json.loads((HERE / "recorded" / "prices-0.9.1.json").read_text("utf-8"))
RUN_TIME = json.loads((HERE / "recorded" / "run-time-0.9.1.json").read_text("utf-8"))
SEGMENT = (HERE.parent / "hosts" / "hostlib" / "segment.ts").read_bytes()
NETWORK = "arbitrum-one-mainnet"
POOL = 100
EV = 8_000_000_000
SECONDS = 20.0


def wei(amount: object, unit: int) -> int:
    """An amount of the recordings."""
    return int(Fraction(str(amount)) * unit)


class SteeredChain(TestChain):
    """A chain that a test changes while nodes run."""

    def change(self, **changes: Any) -> None:
        """What POST /ctl does."""
        with self._endpoint.lock:
            self._chain.change(changes)

    def fund(self, name: str, **funds: Any) -> None:
        """What a gateway has put down; nodes read that once, at first sight."""
        self.change(senders={self.address(name): funds})


class Orchestrator:
    """One that transcodes itself for 1000 wei a pixel."""

    def __init__(
        self, fleet: Fleet, chain: SteeredChain, *more: str, base: str = "1000", name: str = "orchestrator", port: int = 0
    ) -> None:
        self.port, self.cli = port or free_port(), free_port()
        self.address = f"127.0.0.1:{self.port}"
        chain.register(name, self.address)
        flags = ["-orchestrator", "-transcoder", "-serviceAddr", self.address, "-cliAddr", f"127.0.0.1:{self.cli}", "-monitor", "-v", "6"]
        flags += ["-pricePerUnit", base, "-pixelsPerUnit", "1", "-maxSessions", "100"]
        self.process = fleet.start(*flags, *chain.flags(name), *more, wait_for=self.port)

    def offer(self, sender: str) -> Answer:
        """What it says to a gateway with this address."""
        asked = {"address": sender, "signature": signature(sender, checksummed(sender)), "capabilities": []}
        return request(self.port, "POST", "/standin/orchestrator-info", json.dumps(asked).encode(), tls=True)

    def set(self, route: str, **form: str) -> Answer:
        """A change at run time."""
        return steer(self.cli, route, **form)

    def metric(self, name: str) -> float | None:
        """A gauge that has no labels of its own."""
        return metric(self.cli, name)


class Payer(Gateway):
    """A gateway that pushes video."""

    def push(self, stream: str, number: int = 0) -> int | None:
        """One segment of two seconds."""
        path = f"/live/{stream}/{number}.ts"
        return request(self.http, "PUT", path, SEGMENT, Accept="multipart/mixed", Content_Duration="2000").status

    def set_cap(self, price: str) -> None:
        """/setBroadcastConfig"""
        assert steer(self.cli, "setBroadcastConfig", maxPricePerUnit=price, pixelsPerUnit="1").status == 200


def steer(cli: int, route: str, **form: str) -> Answer:
    """A form to a route of a CLI port."""
    body = "&".join(f"{name}={value}" for name, value in form.items()).encode()
    return request(cli, "POST", f"/{route}", body, Content_Type="application/x-www-form-urlencoded")


def metric(cli: int, name: str) -> float | None:
    """The value of a series that carries only what all do."""
    match = re.search(rf"^{name}\{{node_id=\"[^\"]*\",node_type=\"\w+\"\}} (\S+)$", request(cli, "GET", "/metrics").body, re.MULTILINE)
    return float(match[1]) if match else None


def wait_for(condition: Callable[[], bool]) -> None:
    """Nodes look at the chain each second."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("it never came to that")


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[SteeredChain]:
    one = SteeredChain(tmp_path)
    yield one
    one.stop()


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    nodes = Fleet(tmp_path, BINARY)
    yield nodes
    nodes.stop()


def gateway(fleet: Fleet, chain: SteeredChain, orchestrator: Orchestrator, *more: str, name: str = "gateway") -> Payer:
    """A gateway that pays this orchestrator."""
    return Payer(fleet, orchestrator.address, *chain.flags(name), *more)


def log_of(fleet_folder: Path, number: int) -> str:
    """What a node has logged, counted from 1."""
    return (fleet_folder / f"node{number}.log").read_text("utf-8", "replace")


@pytest.mark.parametrize("seen", RECORDED["base_1000"], ids=lambda seen: f"{seen['reserve_eth']}-{seen['gas_gwei']}-{seen['advertised']}")
def test_what_is_reckoned(seen: dict[str, str]) -> None:
    funds = Funds(deposit=WEI_PER_ETHER, reserve=wei(seen["reserve_eth"], WEI_PER_ETHER), claimed=0, withdraw_round=0)
    terms = Terms(EV, money.redeem_gas(NETWORK), int(seen.get("maxFaceValue", 0)))
    arguments = (Fraction(1000), terms, wei(seen["gas_gwei"], money.GWEI), money.max_float(funds, POOL))
    if seen["advertised"] == "error":
        with pytest.raises(InsufficientReserve):
            money.advertised(*arguments)
    else:
        assert money.advertised(*arguments) == Fraction(seen["advertised"])


@ONLY_STANDIN
def test_what_is_advertised(fleet: Fleet, chain: SteeredChain) -> None:
    orchestrator = Orchestrator(fleet, chain)
    differing = []
    for number, seen in enumerate(sorted(RECORDED["base_1000"], key=lambda one: Fraction(one["gas_gwei"]))):
        chain.fund(f"sender{number}", reserve_eth=seen["reserve_eth"])
        chain.change(gas_gwei=seen["gas_gwei"])
        wait_for(lambda seen=seen: orchestrator.metric("livepeer_suggested_gas_price") == float(seen["gas_gwei"]))
        orchestrator.set("setMaxFaceValue", maxfacevalue=seen.get("maxFaceValue", "0"))
        answer = orchestrator.offer(chain.address(f"sender{number}"))
        got = json.loads(answer.body)["price"] if answer.status == 200 else answer.body.strip()
        want = "insufficient sender reserve" if seen["advertised"] == "error" else str(Fraction(seen["advertised"]))
        if got != want:
            differing.append(f"{seen}: {got}")
    assert not differing, "\n".join(differing)


@pytest.mark.parametrize("adjusts", [True, False])
def test_caps(fleet: Fleet, chain: SteeredChain, adjusts: bool) -> None:
    orchestrator = Orchestrator(fleet, chain, f"-autoAdjustPrice={str(adjusts).lower()}")
    pays = gateway(fleet, chain, orchestrator)
    differing = []
    rows = sorted((row for row in RECORDED["caps"] if row["adjusts"] is adjusts), key=lambda row: Fraction(row["gas_gwei"]))
    for number, row in enumerate(rows):
        chain.change(gas_gwei=row["gas_gwei"])
        wait_for(lambda row=row: orchestrator.metric("livepeer_suggested_gas_price") == float(row["gas_gwei"]))
        if row["cap"]:
            pays.set_cap(row["cap"])
        answered = pays.push(f"stream{number}")
        if answered != (200 if row["transcoded"] else 503):
            differing.append(f"{row}: {answered}")
    assert not differing, "\n".join(differing)


def test_how_a_refusal_by_the_cap_looks(fleet: Fleet, chain: SteeredChain, tmp_path: Path) -> None:
    orchestrator = Orchestrator(fleet, chain)
    pays = gateway(fleet, chain, orchestrator, "-maxPricePerUnit", "1011", "-pixelsPerUnit", "1")
    assert pays.push("one") == 503
    own = checksummed(chain.address("orchestrator"))
    assert f"Orchestrator {own} is above max price 1011.000, price=1012.000" in log_of(tmp_path, 2)
    assert list(pays.series("livepeer_segment_transcode_failed_total").values()) == [1.0]
    assert 'error_code="NoOrchestrators"' in next(iter(pays.series("livepeer_segment_transcode_failed_total")))
    assert not pays.series("livepeer_tickets_sent")


def test_a_refused_stream_stays_refused_until_the_cap_is_raised(fleet: Fleet, chain: SteeredChain) -> None:
    orchestrator = Orchestrator(fleet, chain)
    pays = gateway(fleet, chain, orchestrator, "-maxPricePerUnit", "1000", "-pixelsPerUnit", "1")
    assert pays.push("old", 0) == 503
    assert orchestrator.set("setOrchestratorConfig", pricePerUnit="900", pixelsPerUnit="1").status == 200
    assert [pays.push("old", number) for number in (1, 2, 3)] == [503, 503, 503]
    assert pays.push("new") == 200
    pays.set_cap("1012")
    assert pays.push("old", 4) == 200


def test_a_running_stream_keeps_its_price(fleet: Fleet, chain: SteeredChain, tmp_path: Path) -> None:
    orchestrator = Orchestrator(fleet, chain)
    pays = gateway(fleet, chain, orchestrator, "-maxPricePerUnit", "1300", "-pixelsPerUnit", "1")
    assert [pays.push("old", number) for number in (0, 1)] == [200, 200]
    orchestrator.set("setOrchestratorConfig", pricePerUnit="2000", pixelsPerUnit="1")
    pays.set_cap("500")
    assert [pays.push("old", number) for number in (2, 3)] == [200, 200]
    assert set(re.findall(r"price[=:]\"?([\d.]+) wei/pixel", log_of(tmp_path, 2))) == {"1012.000"}
    pays.set_cap("1300")
    assert pays.push("new") == 503


def test_the_first_payment_of_an_unknown_gateway_fixes_no_price(fleet: Fleet, chain: SteeredChain, tmp_path: Path) -> None:
    orchestrator = Orchestrator(fleet, chain)
    pays = gateway(fleet, chain, orchestrator)
    assert pays.push("one", 0) == 200
    orchestrator.set("setOrchestratorConfig", pricePerUnit="1500", pixelsPerUnit="1")
    assert [pays.push("one", number) for number in (1, 2, 3, 4)] == [200, 200, 200, 200]
    paid = re.findall(r"price[=:]\"?([\d.]+) wei/pixel", log_of(tmp_path, 2))
    assert paid == ["1012.000", "1012.000", "1518.000", "1012.000", "1012.000"]


def test_at_a_refresh_twice_the_first_price_is_paid_whatever_the_cap(fleet: Fleet, chain: SteeredChain, tmp_path: Path) -> None:
    orchestrator = Orchestrator(fleet, chain)
    pays = gateway(fleet, chain, orchestrator, "-maxPricePerUnit", "1300", "-pixelsPerUnit", "1")
    assert pays.push("one", 0) == 200
    orchestrator.set("setOrchestratorConfig", pricePerUnit="1900", pixelsPerUnit="1")
    _outlive_ticket_parameters(chain, pays)
    assert pays.push("one", 1) == 200
    assert "1922.800 wei/pixel" in log_of(tmp_path, 2)
    orchestrator.set("setOrchestratorConfig", pricePerUnit="2300", pixelsPerUnit="1")
    _outlive_ticket_parameters(chain, pays)
    assert pays.push("one", 2) == 503
    assert "price has more than doubled" in log_of(tmp_path, 2)
    assert list(pays.series("livepeer_payment_create_errors").values()) == [1.0]
    wait_for(lambda: pays.push("one", 3) == 503 and "above max price 1300.000, price=2327.600" in log_of(tmp_path, 2))


def _outlive_ticket_parameters(chain: SteeredChain, pays: Payer) -> None:
    """More than 40 L1 blocks without a segment; the nodes have to see them."""
    with chain._endpoint.lock:
        start = chain._chain.document["round_start"]
    chain.change(round_start=start + 50)
    before = request(pays.cli, "GET", "/currentBlock").body
    wait_for(lambda: request(pays.cli, "GET", "/currentBlock").body != before)
    again = request(pays.cli, "GET", "/currentBlock").body
    wait_for(lambda: request(pays.cli, "GET", "/currentBlock").body != again)


def test_above_the_cap_if_needed(fleet: Fleet, chain: SteeredChain, tmp_path: Path) -> None:
    orchestrator = Orchestrator(fleet, chain)
    pays = gateway(fleet, chain, orchestrator, "-maxPricePerUnit", "1000", "-pixelsPerUnit", "1", "-ignoreMaxPriceIfNeeded")
    assert pays.push("one") == 200
    assert "No Orchestrators passed max price filter, not using the filter" in log_of(tmp_path, 2)


@pytest.mark.parametrize(
    ("funds", "flags", "answers", "said"),
    [
        ({"deposit_eth": 0}, (), [500, 503], "no sender deposit"),
        ({"deposit_eth": "0.009"}, (), [503, 503], "ticket faceValue 10000000000000000 > max faceValue 9000000000000000"),
        ({"deposit_eth": "0.01"}, (), [200, 200], ""),
        ({}, ("-depositMultiplier", "101"), [503, 503], "ticket faceValue 10000000000000000 > max faceValue 9900990099009900"),
        ({}, ("-maxTicketEV", "7999999999"), [503, 503], "ticket EV 8000000000.00000 > max ticket EV 7999999999.00000"),
        ({}, ("-maxTotalEV", "20000000000"), [503, 503], "total ticket EV 24000000000.00000 for 3 tickets > max total ticket EV"),
        ({"withdraw_round": 3001}, (), [500, 503], "deposit and reserve is set to unlock soon"),
        ({"withdraw_round": 3002}, (), [200, 200], ""),
        ({"reserve_eth": "0.35"}, (), [200, 200], ""),
    ],
)  # fmt: skip
def test_tickets_that_a_gateway_does_not_send(
    fleet: Fleet, chain: SteeredChain, tmp_path: Path, funds: dict[str, Any], flags: tuple[str, ...], answers: list[int], said: str
) -> None:
    chain.fund("gateway", **funds)
    orchestrator = Orchestrator(fleet, chain)
    pays = gateway(fleet, chain, orchestrator, *flags)
    assert [pays.push("one", number) for number in range(len(answers))] == answers
    assert said in log_of(tmp_path, 2)


def test_refused_for_want_of_reserve(fleet: Fleet, chain: SteeredChain, tmp_path: Path) -> None:
    chain.fund("gateway", reserve_eth="0.35")
    chain.change(gas_gwei="2.95")
    orchestrator = Orchestrator(fleet, chain)
    pays = gateway(fleet, chain, orchestrator)
    assert pays.push("one") == 503
    assert re.search(r"Discovery unsuccessful .*insufficient sender reserve", log_of(tmp_path, 2))
    assert any("insufficient sender reserve" in labels for labels in pays.series("livepeer_discovery_errors_total"))


def test_an_orchestrator_that_starts_again(fleet: Fleet, chain: SteeredChain) -> None:
    orchestrator = Orchestrator(fleet, chain)
    pays = gateway(fleet, chain, orchestrator)
    assert pays.push("one", 0) == 200
    fleet.end(1)
    assert pays.push("one", 1) == 503
    Orchestrator(fleet, chain, port=orchestrator.port)
    assert pays.process.poll() is None
    wait_for(lambda: pays.push("one", 2) == 200)


@pytest.mark.parametrize(
    ("base", "answered", "paid"), [("0.0039", "3/1000", True), ("0.001", "1/1000", True), ("0.0009", "0", False), ("0", "0", False)]
)
def test_small_prices_are_cut(fleet: Fleet, chain: SteeredChain, base: str, answered: str, paid: bool) -> None:
    orchestrator = Orchestrator(fleet, chain, base=base)
    pays = gateway(fleet, chain, orchestrator, "-maxPricePerUnit", "1", "-pixelsPerUnit", "1")
    assert pays.push("one") == 200
    assert orchestrator.metric("livepeer_transcoding_price") == float(Fraction(answered))
    assert bool(pays.series("livepeer_tickets_sent")) is paid


def test_a_price_of_its_own_for_a_gateway(fleet: Fleet, chain: SteeredChain, tmp_path: Path) -> None:
    document = {"gateways": [{"ethaddress": chain.address("friend").lower(), "priceperunit": 50, "pixelsperunit": 1}]}
    orchestrator = Orchestrator(fleet, chain, "-pricePerGateway", json.dumps(document))
    friend = gateway(fleet, chain, orchestrator, "-maxPricePerUnit", "51", "-pixelsPerUnit", "1", name="friend")
    stranger = gateway(fleet, chain, orchestrator, "-maxPricePerUnit", "51", "-pixelsPerUnit", "1", name="stranger")
    assert (friend.push("one"), stranger.push("two")) == (200, 503)
    shown = json.loads(request(orchestrator.cli, "GET", "/status").body)["BroadcasterPrices"]
    assert shown == {"default": "1000", chain.address("friend").lower(): "50"}


@pytest.mark.parametrize(
    "document", ['{"gateways":[{"ethaddress":"0x1","priceperunit":"50","pixelsperunit":1}]}', '{"gateways":[],}', "/nowhere.json", "{bad"]
)
def test_a_document_of_gateway_prices_that_is_dropped(fleet: Fleet, chain: SteeredChain, tmp_path: Path, document: str) -> None:
    orchestrator = Orchestrator(fleet, chain, "-pricePerGateway", document)
    assert "gateway prices could not be parsed" in log_of(tmp_path, 1)
    assert json.loads(request(orchestrator.cli, "GET", "/status").body)["BroadcasterPrices"] == {"default": "1000"}


CAPABILITY_DOCUMENTS = [
    ('{"capabilities_prices":[{"pipeline":"text-to-image","model_id":"m","price_per_unit":3,"pixels_per_unit":2},'
     '{"pipeline":"llm","price_per_unit":1e3}]}', {("text-to-image", "m"): 1.5, ("llm", "default"): 1000.0}, ""),
    ('{"capabilities_prices":[{"pipeline":"text-to-image","model_id":"m"}]}', {("text-to-image", "m"): 7.0}, "using maxPricePerUnit=7"),
    ('{"capabilities_prices":[{"pipeline":"text-to-image","model_id":"m","price_per_unit":0.5,"pixels_per_unit":0}]}',
     {("text-to-image", "m"): 0.5}, ""),
    ('{"capability_prices":[{"pipeline":"text-to-image","model_id":"m","price_per_unit":3}]}', {}, ""),
    ('{"capabilities_prices":[{"pipeline":"text-to-image","model_id":"m","price_per_unit":"3"}]}', {}, "model prices could not be parsed"),
    ('[{"pipeline":"text-to-image"}]', {}, "model prices could not be parsed"),
    ("/nowhere.json", {}, "model prices could not be parsed"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "gauges", "said"), CAPABILITY_DOCUMENTS)
def test_caps_of_capabilities(
    fleet: Fleet, chain: SteeredChain, tmp_path: Path, document: str, gauges: dict[tuple[str, str], float], said: str
) -> None:
    flags = [*chain.flags("gateway"), "-maxPricePerUnit", "7", "-pixelsPerUnit", "1", "-maxPricePerCapability", document]
    pays = Payer(fleet, "127.0.0.1:1", *flags)
    found = {}
    for labels, value in pays.series("livepeer_price_per_capability").items():
        named = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        found[named["pipeline"], named["model_name"]] = value
    assert found == gauges
    assert said in log_of(tmp_path, 1)
    assert json.loads(request(pays.cli, "GET", "/getBroadcastConfig").body)["MaxPrice"] == "7"


def test_changes_at_run_time(fleet: Fleet, chain: SteeredChain) -> None:
    orchestrator = Orchestrator(fleet, chain)
    nodes = {"orchestrator": orchestrator.cli, "gateway": gateway(fleet, chain, orchestrator).cli}
    differing = []
    for row in RUN_TIME:
        got = steer(nodes[row["role"]], row["route"], **row["form"])
        if (got.status, got.body) != (row["status"], row["body"]):
            differing.append(f"{row}: {got.status} {got.body!r}")
    assert not differing, "\n".join(differing)
    shown = json.loads(request(orchestrator.cli, "GET", "/status").body)["BroadcasterPrices"]
    assert shown == {"default": "500000000000000", "xdefault": "1/3"}
    assert json.loads(request(nodes["gateway"], "GET", "/getBroadcastConfig").body)["MaxPrice"] is None
    assert request(orchestrator.cli, "GET", "/minGasPrice").body == "1000000000"


def test_orchestrators_found_on_the_chain(fleet: Fleet, chain: SteeredChain) -> None:
    orchestrator = Orchestrator(fleet, chain)
    ports = [
        "-httpAddr",
        f"127.0.0.1:{(http := free_port())}",
        "-rtmpAddr",
        f"127.0.0.1:{free_port()}",
        "-cliAddr",
        f"127.0.0.1:{(cli := free_port())}",
    ]
    fleet.start("-gateway", *ports, *chain.flags("gateway"), wait_for=http)
    answer = request(http, "PUT", "/live/one/0.ts", SEGMENT, Accept="multipart/mixed", Content_Duration="2000")
    assert answer.status == 200
    wait_for(lambda: '"PricePerPixel":"1012"' in request(cli, "GET", "/registeredOrchestrators").body)
    assert f'"orch_uri":"https://{orchestrator.address}"' in request(cli, "GET", "/getNetworkCapabilities").body


def test_an_endpoint_that_fails_later(fleet: Fleet, chain: SteeredChain) -> None:
    orchestrator = Orchestrator(fleet, chain)
    pays = gateway(fleet, chain, orchestrator)
    assert pays.push("one", 0) == 200
    chain.change(down="503")
    wait_for(lambda: "error getting gas price" in fleet.log(1))
    assert [pays.push("one", 1), pays.push("two", 0)] == [200, 200]
    assert pays.process.poll() is None and orchestrator.process.poll() is None
