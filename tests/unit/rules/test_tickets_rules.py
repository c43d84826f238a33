# SPDX-License-Identifier: GPL-3.0-or-later
"""LPF209, LPF210 and LPF211: what they say, of whom, and that what they propose is the end of it."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils import price_plan, rules
from ansible_collections.livepeer.fleet.plugins.plugin_utils.edges import Verdict
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.inventory import Present
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan import plan_fleet, plan_from_dict
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.survey import Survey
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets import Deal, Limits, Terms, cases, overhead
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets.cases import AMPLE, Cases
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets.terms import OF_ORCHESTRATORS
from hypothesis import given
from hypothesis import strategies as st

from .fleets import ARBITRUM, Host, asker, combined, fleet, gateway, orchestrator, payer

TEMPLATES = Path(__file__).parents[3] / "roles" / "node" / "templates"
MONEY: Host = {"expected_gas_gwei": ["0.05", "2"], "pool_size": 100, "gateway_reserve_eth": 1, "gateway_deposit_eth": "0.02"}
TICKETS = ("LPF209", "LPF210", "LPF211")
REFUSED = 'o refuses the gateway, whatever the cap ("insufficient sender reserve"): '
LIVE: Host = {
    "orchestrator_ai_worker": True,
    "orchestrator_ai_models": [{"pipeline": "live-video-to-video", "model_id": "m", "price_per_unit": "1000"}],
}


def found(**hosts: Host) -> list[Finding]:
    """What is said about tickets."""
    return [one for one in rules.check(Survey(fleet(**hosts))) if one.code in TICKETS]


def paying(cap: object = 1250, **variables: object) -> Host:
    """A gateway that pays, at 0.05 to 2 gwei and with a reserve of 1 ETH, unless something else is said."""
    return payer(cap, **{**MONEY, **variables})


def signed(by: str = "remote_signer", **variables: object) -> Host:
    """A gateway for live video that pays through a signer outside the fleet."""
    signer = {"url": "https://signer.example.com", "max_price_per_unit": 1300}
    return gateway(gateway_payment=by, gateway_remote_signer=signer, gateway_workloads=["live_video"], **variables)


PASSING: dict[str, list[dict[str, Host]]] = {
    "LPF209": [
        {"g": paying(1250), "o": asker(1000)},
        {"g": paying("auto"), "o": asker(1000)},
        {"g": paying("auto", expected_gas_gwei=10), "o": asker(1000)},
        {"g": paying(1000), "o": asker(1000, adjusts=False)},
        {"g": paying("any"), "o": asker(1000)},
        {"g": payer(1), "o": asker(0)},
        {"g": gateway(), "o": orchestrator()},
        # What is below the band already is LPF201's.
        {"g": paying(900), "o": asker(1000)},
        {"g": payer(1250, gateway_workloads=["ai"]), "o": asker(1000)},
    ],
    "LPF210": [
        {"g": paying(1250), "o": asker(1000)},
        {"g": paying(gateway_reserve_eth="0.36", expected_gas_gwei=1, gateway_deposit_eth="0.0036"), "o": asker(1000)},
        {"g": paying(1, gateway_reserve_eth=0, gateway_deposit_eth=0), "o": asker(0)},
        {"g": paying(gateway_deposit_eth="0.005"), "o": asker(1000, orchestrator_flags={"maxFaceValue": "4000000000000000"})},
    ],
    "LPF211": [
        {"g": paying(1250), "o": asker(1000)},
        {"g": paying(gateway_flags={"maxTicketEV": "3000000000001"}), "o": asker(1000, orchestrator_flags={"ticketEV": "3000000000000"})},
        {
            "g": signed(),
            "o": asker(482, **LIVE | {"orchestrator_ai_models": [LIVE["orchestrator_ai_models"][0] | {"price_per_unit": "470"}]}),
        },  # type: ignore[index]
        {"g": signed(), "o": asker(1000, orchestrator_flags={"ticketEV": "17000000000"}, **LIVE)},
    ],
}


FAILING: dict[str, list[dict[str, Host]]] = {
    "LPF209": [{"g": paying(1200), "o": asker(1000)}, {"g": payer(1250), "o": asker(1000)}],
    "LPF210": [
        {"g": paying(gateway_deposit_eth="0.005"), "o": asker(1000)},
        {"g": paying(gateway_deposit_eth="0.009"), "o": asker(1000)},
        {"g": paying(gateway_deposit_eth="0.005", gateway_discovery="onchain"), "o": asker(1000)},
    ],
    "LPF211": [
        {"g": signed(), "o": asker(1000, **LIVE)},
        {"g": signed("clearinghouse"), "o": asker(1000, **LIVE)},
        {"g": payer(1250, gateway_discovery="onchain"), "o": asker(1000, orchestrator_flags={"ticketEV": "3000000000000"})},
    ],
}


@pytest.mark.parametrize(("code", "hosts"), [(code, hosts) for code, each in FAILING.items() for hosts in each])
def test_something_is_said_where_it_is_not(code: str, hosts: dict[str, Host]) -> None:
    assert [one for one in found(**hosts) if one.code == code]


@pytest.mark.parametrize(("code", "hosts"), [(code, hosts) for code, each in PASSING.items() for hosts in each])
def test_nothing_is_said_where_all_is_well(code: str, hosts: dict[str, Host]) -> None:
    assert not [one for one in found(**hosts) if one.code == code and one.level is not Level.INFO]


def test_a_cap_that_does_not_survive() -> None:
    (one,) = found(g=paying(1200), o=asker(1000), p=asker(990))
    assert (one.code, one.level, one.hosts, one.variable) == ("LPF209", Level.WARNING, ("g", "o"), "livepeer_gateway_max_price_per_unit")
    assert one.message == (
        "the cap does not survive the stated gas price: at 2 gwei o asks 1240 wei per pixel (and 1 more);"
        " it survives 1.666674999 gwei and no more"
    )
    assert (one.got, one.limit) == ("1200", "1240 wei per pixel")
    assert one.hint == 'livepeer_gateway_reserve_eth: "1.2", or livepeer_gateway_max_price_per_unit: 1240, or auto'
    assert not found(g=paying(1200, gateway_reserve_eth="1.2"), o=asker(1000), p=asker(990))
    assert not found(g=paying(1240), o=asker(1000), p=asker(990))


def test_reserve_and_deposit_are_said_together() -> None:
    """A larger reserve makes larger tickets, which a deposit that was enough before does not cover."""
    (one,) = found(g=paying(1200, gateway_deposit_eth="0.01"), o=asker(1000))
    funds = 'livepeer_gateway_reserve_eth: "1.2" and livepeer_gateway_deposit_eth: "0.012"'
    assert one.hint == f"{funds}, or livepeer_gateway_max_price_per_unit: 1240, or auto"
    (other,) = found(g=paying(1200, gateway_deposit_eth="0.01", gateway_reserve_eth="1.2"), o=asker(1000))
    assert (other.code, other.level, other.limit) == ("LPF210", Level.WARNING, "at least, for one ticket, 0.012 ETH")


def test_caps_of_ai_are_looked_at_too() -> None:
    model = {"pipeline": "text-to-image", "model_id": "m", "price_per_unit": 1000}
    caps = [{"pipeline": "text-to-image", "model_id": "m", "price_per_unit": 1200}]
    host = paying(gateway_workloads=["ai"], gateway_max_price_per_capability=caps)
    (one,) = found(g=host, o=asker(1000, orchestrator_ai_worker=True, orchestrator_ai_models=[model]))
    assert (one.code, one.variable) == ("LPF209", "livepeer_gateway_max_price_per_capability[0].price_per_unit")


def test_without_inputs_one_line_a_gateway() -> None:
    model = {"pipeline": "text-to-image", "model_id": "m", "price_per_unit": 1000}
    host = payer("auto", gateway_workloads=["video", "ai"], gateway_max_price_per_capability="auto")
    ask = asker(1000, orchestrator_transcoder=True, orchestrator_ai_worker=True, orchestrator_ai_models=[model])
    (one,) = found(g1=host, g2=host, o=ask, p=asker(1100))
    assert (one.code, one.level, one.hosts) == ("LPF209", Level.INFO, ("g1", "g2"))
    assert one.hint == "say livepeer_expected_gas_gwei, livepeer_pool_size, livepeer_gateway_reserve_eth and livepeer_gateway_deposit_eth"


def test_only_the_deposit_was_not_said() -> None:
    host = {key: value for key, value in paying().items() if key != "gateway_deposit_eth"}
    (one,) = found(g=host, o=asker(1000))
    assert (one.level, one.variable, one.hint) == (Level.INFO, "livepeer_gateway_deposit_eth", "say livepeer_gateway_deposit_eth")
    assert one.message == "whether the deposit covers the tickets cannot be told"


def test_a_refused_input_is_a_finding_of_its_own() -> None:
    (one,) = found(g=paying(gateway_reserve_eth="much"), o=asker(1000))[:1] or [None]
    assert one is None or one.level is Level.INFO


@pytest.mark.parametrize(
    ("variables", "level", "message"),
    [
        (
            {"gateway_reserve_eth": "0.2"},
            Level.WARNING,
            f"{REFUSED}its share of the reserve, 0.002 ETH, is too little at 2 gwei",
        ),
        (
            {"gateway_reserve_eth": "0.001", "gateway_deposit_eth": 1},
            Level.ERROR,
            f"{REFUSED}its share of the reserve, 0.00001 ETH, is too little at 0.05 gwei",
        ),
        ({"gateway_deposit_eth": "0.005"}, Level.ERROR, "the deposit does not cover a ticket of o at 0.05 gwei, so that no job is paid"),
        ({"gateway_deposit_eth": "0.009"}, Level.WARNING, "the deposit does not cover a ticket of o at 2 gwei, so that no job is paid"),
        (
            {"gateway_deposit_eth": "0.005", "gateway_discovery": "onchain"},
            Level.WARNING,
            "the deposit does not cover a ticket of o at 0.05 gwei, so that no job is paid",
        ),
    ],
)
def test_funds_that_are_too_small(variables: Host, level: Level, message: str) -> None:
    (one,) = found(g=paying(**variables), o=asker(1000))
    assert (one.code, one.level, one.message, one.hosts) == ("LPF210", level, message, ("g", "o"))
    lines = dict(re.findall(r'livepeer_(gateway_\w+_eth): "([\d.]+)"', one.hint))
    assert lines
    assert not found(g=paying(**variables | lines), o=asker(1000))


def test_a_ticket_that_the_deposit_covers_is_another_way() -> None:
    (one,) = found(g=paying("auto", gateway_deposit_eth="0.009"), o=asker(1000))
    assert one.hint.endswith('livepeer_gateway_deposit_eth: "0.01", or livepeer_orchestrator_flags: {maxFaceValue: "9000000000000000"}')
    assert not found(g=paying("auto", gateway_deposit_eth="0.009"), o=asker(1000, orchestrator_flags={"maxFaceValue": "9000000000000000"}))


def test_a_cap_of_an_entry_is_proposed_for_the_units_of_the_entry() -> None:
    for price, entry, after in (
        ("900000", {"price_per_unit": "11e11", "pixels_per_unit": "1e6"}, "1440000000000"),
        ("0.0000004", {"price_per_unit": "0.5", "currency": "USD", "pixels_per_unit": 1000000}, "0.64"),
    ):
        named = {"pipeline": "text-to-image", "model_id": "m"}
        model = named | {"price_per_unit": price} | ({"currency": "USD"} if "currency" in entry else {})
        seller = asker(1000, orchestrator_ai_worker=True, orchestrator_ai_models=[model])
        money = {"expected_gas_gwei": ["0.1", "5"], "gateway_deposit_eth": 1, "gateway_workloads": ["ai"]}
        (one,) = found(g=paying(gateway_max_price_per_capability=[named | entry], **money), o=seller)
        assert one.code == "LPF209"
        (line,) = re.findall(r'\[0\]\.price_per_unit: "?([\d.]+)"?, or auto$', one.hint)
        assert line == after
        cured = [named | entry | {"price_per_unit": line}]
        assert not found(g=paying(gateway_max_price_per_capability=cured, **money), o=seller)


def test_a_limit_on_tickets_and_a_reserve_that_are_both_too_little() -> None:
    flags = {"maxFaceValue": "100000000000000"}
    poor, low = found(g=paying(gateway_reserve_eth=0, expected_gas_gwei="0.3"), o=asker(1000, orchestrator_flags=flags))
    assert (low.variable, low.limit) == ("livepeer_orchestrator_flags.maxFaceValue", "at least 360000000000000")
    assert (poor.variable, poor.hint) == ("livepeer_gateway_reserve_eth", 'livepeer_gateway_reserve_eth: "0.036"')


def test_one_value_to_write_is_said_once() -> None:
    """Video and a model at one deposit: the orchestrators that it is about differ, what to do does not."""
    model = {"pipeline": "text-to-image", "model_id": "m", "price_per_unit": 500}
    host = paying("auto", gateway_deposit_eth="0.003", gateway_workloads=["video", "ai"], gateway_max_price_per_capability="auto")
    (one,) = found(g=host, o=asker(1000, orchestrator_ai_worker=True, orchestrator_ai_models=[model]), p=asker(1000))
    assert (one.code, one.hosts, one.limit) == ("LPF210", ("g", "o", "p"), "at least, for one ticket, 0.006 ETH")


def test_a_limit_of_the_orchestrator_on_its_tickets() -> None:
    (one,) = found(g=paying(), o=asker(1000, orchestrator_flags={"maxFaceValue": "1000"}))
    assert (one.code, one.level, one.variable) == ("LPF210", Level.ERROR, "livepeer_orchestrator_flags.maxFaceValue")
    assert (one.hosts, one.node) == (("o", "g"), "orchestrator")
    assert (one.got, one.limit) == ("1000", "at least 2400000000000000")
    assert {other.code for other in found(g=paying(), o=asker(1000, orchestrator_flags={"maxFaceValue": "2400000000000000"}))} == {"LPF209"}


def test_tickets_of_too_high_a_value() -> None:
    (one,) = found(g=payer(1250), o=asker(1000, orchestrator_flags={"ticketEV": "3000000000000"}))[:1]
    assert (one.code, one.level, one.variable) == ("LPF211", Level.ERROR, "livepeer_gateway_flags.maxTicketEV")
    assert (one.got, one.limit) == ("3000000000000 (default)", "ticketEV 3000000000000")
    assert one.hint == 'livepeer_orchestrator_flags: {ticketEV: "2999999999999"}, or maxTicketEV 3000000000001 at the gateway'


def test_a_segment_that_one_payment_does_not_cover() -> None:
    (one,) = found(g=paying("auto"), o=asker(1_200_000))
    assert one.message == "the gateway does not pay o: a segment at 1488000 wei per pixel costs more than one payment may"
    most = one.limit.removeprefix("at least ")
    assert one.hint == f'livepeer_gateway_flags: {{maxTotalEV: "{most}"}}'
    assert not found(g=paying("auto", gateway_flags={"maxTotalEV": most}), o=asker(1_200_000))


@pytest.mark.parametrize(("by", "level"), [("remote_signer", Level.ERROR), ("clearinghouse", Level.WARNING)])
def test_the_first_payment_of_a_signer(by: str, level: Level) -> None:
    (one, *_info) = found(g=signed(by), o=asker(1000, **LIVE))
    assert (one.code, one.level, one.variable, one.got) == ("LPF211", level, "livepeer_orchestrator_flags.ticketEV", "8000000000")
    assert (one.hosts, one.node) == (("o", "g"), "orchestrator")
    assert one.hint == 'livepeer_orchestrator_flags: {ticketEV: "16588800000"}'
    assert all(
        other.level is Level.INFO for other in found(g=signed(by), o=asker(1000, orchestrator_flags={"ticketEV": "16588800000"}, **LIVE))
    )


def test_with_gas_the_advertised_price_counts() -> None:
    (one,) = found(g=signed(**MONEY), o=asker(1000, **LIVE))
    assert "60 s at 1240 wei per pixel of 720p30 take more than 100 tickets of o" in one.message
    assert one.limit == f"at least {1240 * 16588800}"


def test_a_signer_that_has_to_take_more() -> None:
    """Above about 12056 wei per pixel the payment is more than a signer's default maxTotalEV."""
    dear = LIVE | {"orchestrator_ai_models": [{"pipeline": "live-video-to-video", "model_id": "m", "price_per_unit": 200_000}]}
    said = {one.variable: one for one in found(g=signed(), o=asker(1000, **dear)) if one.level is Level.ERROR}
    one, other = said["livepeer_orchestrator_flags.ticketEV"], said["livepeer_gateway_remote_signer"]
    assert (other.code, other.got) == ("LPF211", "maxTotalEV 20000000000000 (default)")
    ticket_ev = 200_000 * 16_588_800
    limits = {"maxTicketEV": str(ticket_ev + 1), "maxTotalEV": str(100 * (ticket_ev + 1))}
    also = f"and on the signer maxTicketEV {limits['maxTicketEV']} and maxTotalEV {limits['maxTotalEV']}"
    assert one.hint == f'livepeer_orchestrator_flags: {{ticketEV: "{ticket_ev}"}}, {also}'
    terms = Terms.read(ARBITRUM, {"ticketEV": str(ticket_ev)})
    assert Deal(Fraction(200_000), False, terms, Limits.read(limits), AMPLE, signed=True).refusals(0) == ()


def test_what_a_signer_takes_is_not_what_the_gateway_says() -> None:
    host = signed(gateway_flags={"maxTicketEV": "1"})
    assert all(one.level is Level.INFO for one in found(g=host, o=asker(1000, orchestrator_flags={"ticketEV": "17000000000"}, **LIVE)))


def test_a_payment_of_a_signer_that_is_too_large() -> None:
    dear = LIVE | {"orchestrator_ai_models": [{"pipeline": "live-video-to-video", "model_id": "m", "price_per_unit": 13_000}]}
    (one, *_info) = found(g=signed(), o=asker(1000, orchestrator_flags={"ticketEV": "300000000000"}, **dear))
    assert one.message == "the signer does not pay o: 60 s of live video at 13000 wei per pixel of 720p30 costs more than one payment may"
    assert (one.variable, one.got) == ("livepeer_gateway_remote_signer", "maxTotalEV 20000000000000 (default)")
    assert re.fullmatch(r"on the signer maxTotalEV \d+", one.hint)


def test_tickets_worth_what_is_expected_of_them() -> None:
    limited = {"ticketEV": "5000", "maxFaceValue": "5000"}
    (one,) = [one for one in found(g=paying(expected_gas_gwei=0), o=asker(1000, orchestrator_flags=limited)) if one.code == "LPF211"]
    assert (one.variable, one.got, one.limit) == ("livepeer_orchestrator_flags.maxFaceValue", "maxFaceValue 5000", "above 5000")
    assert (one.hosts, one.node) == (("o", "g"), "orchestrator")


def test_a_finding_is_about_the_node_whose_variable_it_names() -> None:
    """The host that comes first is the one to change something on; the gateways stand behind it, all of them."""
    hosts = {"a": paying(), "b": paying(gateway_reserve_eth=2), "o": asker(1000, orchestrator_flags={"maxFaceValue": "1"})}
    said = found(**hosts)
    assert [(one.code, one.hosts, one.node) for one in said] == [("LPF210", ("o", "a", "b"), "orchestrator")]
    for one in said:
        assert one.variable.startswith(f"livepeer_{one.node}_")


def test_an_orchestrator_outside_of_the_fleet() -> None:
    listed = [{"url": "https://far.example.com:8935", "price_per_unit": 1000}]
    (one,) = found(g=paying(1200, gateway_discovery="list", gateway_orch_addr=listed))
    assert one.message.startswith("the cap does not survive the stated gas price: at 2 gwei https://far.example.com:8935 asks 1240 wei")
    assert one.hosts == ("g",)


def test_a_small_deposit_says_nothing_while_gas_is_not_stated() -> None:
    """What a ticket is worth hangs on gas, and below it nothing is certain."""
    assert [one.level for one in found(g=payer(1250, gateway_deposit_eth="0.0000000001"), o=asker(1000))] == [Level.INFO]


@pytest.mark.parametrize(
    ("gateway_host", "asking", "factor"),
    [
        (paying(), asker(1000), Fraction("1.24")),
        (paying(expected_gas_gwei=10), asker(1000), Fraction("2.2")),
        (paying(), asker(1000, adjusts=False), Fraction(1)),
        # Refused there: what it is with the least reserve, or maxFaceValue, that LPF210 names.
        (paying(gateway_reserve_eth="0.001"), asker(1000), Fraction(2)),
        (paying(expected_gas_gwei=6, gateway_reserve_eth=0), asker(1000), Fraction(3)),
        (payer(1250), asker(1000), None),
    ],
)
def test_the_overhead_that_bands_are_raised_by(gateway_host: Host, asking: Host, factor: Fraction | None) -> None:
    nodes = {node.host: node for node in fleet(g=gateway_host, o=asking).nodes}
    assert overhead(nodes["g"], nodes["o"]) == factor
    if asking["orchestrator_auto_adjust_price"]:
        assert overhead(nodes["g"], None) == factor


HUGE = str(10**19)
UNSENT = "the price is too large to be sent, so that it answers every gateway with an error"


@pytest.mark.parametrize(
    ("variables", "variable"),
    [
        ({"orchestrator_price_per_unit": HUGE}, "livepeer_orchestrator_price_per_unit"),
        ({"orchestrator_price_per_unit": "10ETH"}, "livepeer_orchestrator_price_per_unit"),
        (
            {"orchestrator_price_per_gateway": [{"ethaddress": "0x" + "1" * 40, "priceperunit": HUGE, "pixelsperunit": "1"}]},
            "livepeer_orchestrator_price_per_gateway[0].priceperunit",
        ),
        (
            {
                "orchestrator_ai_worker": True,
                "orchestrator_ai_models": [{"pipeline": "text-to-image", "model_id": "m", "price_per_unit": HUGE}],
            },
            "livepeer_orchestrator_ai_models[0].price_per_unit",
        ),
    ],
)
def test_a_price_that_cannot_be_sent(variables: Host, variable: str) -> None:
    """Whoever asks, and whether anybody does."""
    host = asker(1000, adjusts=False) | variables
    (one,) = [one for one in rules.check(Survey(fleet(o=host))) if one.message == UNSENT]
    assert (one.code, one.level, one.hosts, one.node, one.variable) == ("LPF205", Level.ERROR, ("o",), "orchestrator", variable)
    assert (one.got, one.limit) == (f"{HUGE} wei for one", "at most 9223372036854775807 wei for one")
    adjusting = host | {"orchestrator_auto_adjust_price": True}
    assert UNSENT not in {one.message for one in rules.check(Survey(fleet(o=adjusting)))}


@pytest.mark.parametrize("cap", ["any", "auto", 1250])
def test_a_plan_with_a_price_that_cannot_be_sent(cap: object) -> None:
    """It is a plan like any other: refused, and nobody sees a traceback."""
    hosts = {"g": paying(cap), "o": asker(HUGE, adjusts=False)}
    made = plan_fleet(fleet(**hosts), (), TEMPLATES)
    (edge,) = made.edges
    assert "LPF205" in edge.codes
    assert edge.verdict is Verdict.REFUSED
    assert [one.hosts for one in made.findings if one.message == UNSENT] == [("o",)]
    assert [(figures.ends_by, figures.survives_gwei) for figures in made.pricing] == [("price", None)]
    assert {row.refused for figures in made.pricing for row in figures.table} == {("price",)}
    assert plan_from_dict(made.to_dict()) == made


def test_no_refusal_hides_another() -> None:
    """In one run: the deposit, the value of a ticket, that of a payment."""
    host = paying(gateway_deposit_eth="0.0001", gateway_flags={"maxTicketEV": "0", "maxTotalEV": "0"})
    assert {(one.code, one.variable) for one in found(g=host, o=asker(1000))} == {
        ("LPF210", "livepeer_gateway_deposit_eth"),
        ("LPF211", "livepeer_gateway_flags.maxTicketEV"),
        ("LPF211", "livepeer_gateway_flags.maxTotalEV"),
    }
    (edge,) = Survey(fleet(g=host, o=asker(1000))).edges
    assert edge.codes == ("LPF210", "LPF211")


@pytest.mark.parametrize(
    ("flag", "text", "effect"),
    [
        ("maxTicketEV", "much", "go-livepeer panics at the start"),
        ("maxTicketEV", "-1", "go-livepeer panics at the start"),
        ("maxTotalEV", "much", "go-livepeer panics at the start"),
        ("depositMultiplier", "0", "go-livepeer panics at the start"),
        ("ticketEV", "8e9", "go-livepeer ends at the start"),
        ("ticketEV", "-1", "go-livepeer ends at the start"),
        ("ticketEV", "0", "its tickets are worth nothing, so that none is ever sent"),
        ("maxFaceValue", "0x10", "go-livepeer panics at the start"),
    ],
)
def test_flags_that_stop_a_node(flag: str, text: str, effect: str) -> None:
    """It is all that is said of tickets: there are none."""
    role = "orchestrator" if flag in OF_ORCHESTRATORS else "gateway"
    hosts = {"g": paying(), "o": asker(1000)}
    hosts[role[0]] |= {f"{role}_flags": {flag: text}}
    (one,) = [one for one in rules.check(Survey(fleet(**hosts))) if one.level is Level.ERROR]
    assert (one.code, one.hosts, one.node, one.variable) == ("LPF501", (role[0],), role, f"livepeer_{role}_flags.{flag}")
    assert one.message == f"{effect}: -{flag} takes {one.limit}"
    assert one.got == text
    assert not [other for other in found(**hosts) if other.level is not Level.INFO]


@pytest.mark.parametrize(
    ("text", "hint"), [("1e12", '.ticketEV: "1000000000000"'), ("abc", "own value counts"), ("-1", "own value counts")]
)
def test_the_number_that_was_meant_is_proposed(text: str, hint: str) -> None:
    hosts = {"g": paying(), "o": asker(1000, orchestrator_flags={"ticketEV": text})}
    (one,) = [one for one in rules.check(Survey(fleet(**hosts))) if one.code == "LPF501"]
    assert one.hint.endswith(hint)


def test_each_flag_that_stops_a_node_is_said() -> None:
    flags = {"maxTicketEV": "x", "maxTotalEV": "y", "depositMultiplier": "-1"}
    hosts = {"g": paying(gateway_flags=flags), "o": asker(1000)}
    said = [one.variable for one in rules.check(Survey(fleet(**hosts))) if one.code == "LPF501"]
    assert said == [f"livepeer_gateway_flags.{name}" for name in sorted(flags)]


@pytest.mark.parametrize(
    "hosts",
    [
        {"g": gateway(gateway_flags={"maxTicketEV": "much"})},
        {"g": signed(gateway_flags={"depositMultiplier": "0"})},
        {"o": orchestrator(orchestrator_flags={"ticketEV": "0"})},
    ],
)
def test_flags_that_nothing_reads_stop_nothing(hosts: dict[str, Host]) -> None:
    """Off-chain go-livepeer does not look at them (``starter.go:StartLivepeer``)."""
    assert "LPF501" not in {one.code for one in rules.check(Survey(fleet(**hosts)))}


def test_a_secret_is_not_judged() -> None:
    hosts = {"g": paying(gateway_flags={"maxTicketEV": Present(4)}), "o": asker(1000)}
    assert "LPF501" not in {one.code for one in rules.check(Survey(fleet(**hosts)))}


def test_no_ticket_ev_is_proposed_that_stops_an_orchestrator() -> None:
    for most, proposed in (("0", False), ("1", False), ("1.5", True), ("2", True)):
        (one,) = [one for one in found(g=payer(1250, gateway_flags={"maxTicketEV": most}), o=asker(1000)) if "maxTicketEV" in one.variable]
        assert ("ticketEV: " in one.hint) is proposed
        assert 'ticketEV: "0"' not in one.hint
        assert one.hint.endswith("maxTicketEV 8000000001 at the gateway")


def test_one_host_on_a_chain() -> None:
    host = combined(
        network=ARBITRUM,
        orchestrator_price_per_unit=1000,
        orchestrator_auto_adjust_price=True,
        orchestrator_reward=False,
        gateway_max_price_per_unit=1200,
        **MONEY,
    )
    assert [one.code for one in found(h=host)] == ["LPF209"]


def test_gateways_with_other_funds_are_told_apart() -> None:
    hosts = {
        f"g{place}": paying(1200, gateway_reserve_eth=reserve, gateway_deposit_eth=1)
        for place, reserve in enumerate(["1", "1", "1.1", "12"])
    }
    assert [one.hosts for one in found(**hosts, o=asker(1000)) if one.code == "LPF209"] == [("g0", "g1", "o"), ("g2", "o")]
    figures = [one.figures for one in Survey(fleet(**hosts, o=asker(1000))).purchases]
    assert [one.gateways for one in figures] == [("g0", "g1"), ("g2",), ("g3",)]
    assert [one.survives_gwei for one in figures] == [Fraction("1.666674999"), Fraction("1.833342499"), Fraction("20.000099999")]


@given(
    cap=st.integers(900, 4000),
    gas=st.integers(1, 200).map(lambda tenths: f"{tenths // 10}.{tenths % 10}"),
    reserve=st.integers(1, 300).map(lambda tenths: f"{tenths // 10}.{tenths % 10}"),
    prices=st.lists(st.integers(900, 1000), min_size=1, max_size=3, unique=True),
)
def test_two_rules_never_contradict_each_other(cap: int, gas: str, reserve: str, prices: list[int]) -> None:
    """LPF202 says "too high" only above what LPF209 needs, and what LPF209 proposes is enough for LPF201."""
    money = {"expected_gas_gwei": gas, "gateway_reserve_eth": reserve, "gateway_deposit_eth": 1}
    hosts: dict[str, Host] = {f"o{place}": asker(price) for place, price in enumerate(prices)}
    codes = {one.code for one in rules.check(Survey(fleet(g=paying(cap, **money), **hosts)))}
    assert not {"LPF202", "LPF209"} <= codes
    hints = [one.hint for one in found(g=paying(cap, **money), **hosts) if one.code == "LPF209"]
    needed = re.search(r'max_price_per_unit: "?([\d.]+)"?, or auto$', hints[0]) if hints else None
    if needed:
        after = {one.code for one in rules.check(Survey(fleet(g=paying(needed[1], **money), **hosts)))}
        assert not {"LPF201", "LPF202", "LPF209"} & after
    auto = {one.code for one in rules.check(Survey(fleet(g=paying("auto", **money), **hosts)))}
    assert not {"LPF201", "LPF202", "LPF203", "LPF207", "LPF209"} & auto


@pytest.mark.parametrize(
    ("cap", "variables", "flags"),
    [
        (2000, {"gateway_reserve_eth": "0.35", "expected_gas_gwei": ["0.1", "2.95"], "gateway_deposit_eth": 1}, {}),
        (2000, {"expected_gas_gwei": "0.1", "gateway_deposit_eth": 1}, {"maxFaceValue": "100000000000000"}),
    ],
)
def test_where_gas_is_refused_no_cap_is_too_high_that_the_cure_needs(cap: int, variables: Host, flags: dict[str, str]) -> None:
    (one,) = rules.check(Survey(fleet(g=paying(cap, **variables), o=asker(1000, orchestrator_flags=flags))))
    assert one.code == "LPF210"
    (reserve,) = re.findall(r'gateway_reserve_eth: "([\d.]+)"', one.hint) or [variables.get("gateway_reserve_eth", 1)]
    flags = dict(re.findall(r'(maxFaceValue): "(\d+)"', one.hint))
    cured = paying(cap, **variables | {"gateway_reserve_eth": reserve})
    assert not rules.check(Survey(fleet(g=cured, o=asker(1000, orchestrator_flags=flags))))


def test_a_case_for_one_edge() -> None:
    """What edges ask: gateway, orchestrator, price and workload."""
    survey = Survey(fleet(g=paying(1200), o=asker(1000)))
    nodes: dict[str, Any] = {node.host: node for node in survey.fleet.nodes}
    (edge,) = survey.edges
    made = Cases().of(nodes["g"], nodes["o"], price_plan.Rate(edge.price or Fraction(0), edge.currency), edge.workload.kind)
    assert made is not None
    assert made.codes(edge.cap) == ("LPF209",)


def test_a_case_is_worked_out_once() -> None:
    """Edges, purchases and rules share it: in a fleet of different prices and reserves each pair has one."""
    hosts = {f"g{place}": paying(gateway_reserve_eth=place + 1) for place in range(3)}
    hosts |= {f"o{place}": asker(1000 + place) for place in range(4)}
    with mock.patch.object(cases, "make_case", wraps=cases.make_case) as made:
        survey = Survey(fleet(**hosts))
        rules.check(survey)
        assert sum(len(found.sales) for found in survey.purchases) == made.call_count == 12


ASKERS = st.builds(
    lambda price, adjusts, flags: asker(price, adjusts=adjusts, orchestrator_flags=flags),
    st.integers(900, 1100),
    st.booleans(),
    st.sampled_from([{}, {"ticketEV": "3000000000000"}, {"maxFaceValue": "5000000000000000"}, {"maxFaceValue": "1"}]),
)
PAYERS = st.builds(
    lambda cap, gas, reserve, deposit, discovery: paying(
        cap, expected_gas_gwei=gas, gateway_reserve_eth=reserve, gateway_deposit_eth=deposit, gateway_discovery=discovery
    ),
    st.sampled_from([1000, 1250, 1400, "auto"]),
    st.sampled_from([["0.05", "2"], "1", ["2", "20"]]),
    st.sampled_from(["0.001", "0.2", "1", "12"]),
    st.sampled_from(["0.001", "0.01", "1"]),
    st.sampled_from(["inventory", "onchain"]),
)


@given(payers=st.lists(PAYERS, min_size=1, max_size=2), askers=st.lists(ASKERS, min_size=1, max_size=3))
def test_edges_and_findings_say_the_same(payers: list[Host], askers: list[Host]) -> None:
    hosts = {f"g{place}": one for place, one in enumerate(payers)} | {f"o{place}": one for place, one in enumerate(askers)}
    survey = Survey(fleet(**hosts))
    for name in (name for name in hosts if name.startswith("g")):
        said = {
            one.code: one.level for one in rules.check(survey) if one.code in TICKETS and one.level is not Level.INFO and name in one.hosts
        }
        edges = [edge for edge in survey.edges if name in {end.host for end in edge.gateways}]
        assert set(said) == {code for edge in edges for code in edge.codes if code in TICKETS}
        if Level.ERROR in said.values():
            assert Verdict.REFUSED in {edge.verdict for edge in edges}
    assert [code for found in survey.purchases for code in found.figures.codes if code not in TICKETS] == []
