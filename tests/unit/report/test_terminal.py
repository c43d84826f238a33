# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator reads of a plan."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.edges import End
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan import Plan, plan_fleet
from ansible_collections.livepeer.fleet.plugins.plugin_utils.report.table import Cell, Screen, table
from ansible_collections.livepeer.fleet.plugins.plugin_utils.report.terminal import findings, report
from ansible_collections.livepeer.fleet.plugins.plugin_utils.report.texts import exact_text, percent_text
from ansible_collections.livepeer.fleet.plugins.plugin_utils.workloads import Workload
from ansible_collections.livepeer.fleet.tests.unit.render.fleets import ARBITRUM, TEMPLATES, fleet, gateway, orchestrator
from hypothesis import given
from hypothesis import strategies as st

WIDE = Screen(100)

BELOW = Finding(
    code="LPF201",
    level=Level.ERROR,
    message="the cap is below the price of orch1 with its least headroom",
    hosts=("gw1", "orch1"),
    node="gateway",
    variable="livepeer_gateway_max_price_per_unit",
    got="1000",
    limit="1200 to 1300",
    hint="livepeer_gateway_max_price_per_unit: 1200",
)


def unknown(host: str) -> Finding:
    return Finding("LPF503", Level.WARNING, "an unknown variable", hosts=(host,), variable="livepeer_x")


def small(*more: Finding) -> Plan:
    of = fleet(
        gateway("gw1", network=ARBITRUM),
        gateway("gw2", machine="192.0.2.7", http_addr="0.0.0.0:9936"),
        orchestrator("orch1", network=ARBITRUM),
        orchestrator("orch2", network=ARBITRUM, price_per_unit="1010.5"),
        orchestrator("orch3"),
    )
    plan = plan_fleet(of, (), TEMPLATES)
    return replace(plan, findings=more)


def large(hosts: int) -> Plan:
    nodes = [node for number in range(hosts) for node in (gateway(f"h{number}"), orchestrator(f"h{number}"))]
    return replace(plan_fleet(fleet(*nodes), (), TEMPLATES), findings=())


def test_a_small_fleet_is_shown_row_by_row() -> None:
    assert report(small(), WIDE) == SMALL


SMALL = """\
Nodes
HOST             NODE          VERSION  NETWORK               UNIT
───────────────  ────────────  ───────  ────────────────────  ─────────────────────
gw1              gateway       0.9.1    arbitrum-one-mainnet  livepeer-gateway
gw2 (192.0.2.7)  gateway       0.9.1    offchain              livepeer-gateway
orch1            orchestrator  0.9.1    arbitrum-one-mainnet  livepeer-orchestrator
orch2            orchestrator  0.9.1    arbitrum-one-mainnet  livepeer-orchestrator
orch3            orchestrator  0.9.1    offchain              livepeer-orchestrator

Listeners
HOST   ADDRESS         NODE          PURPOSE  REACHED BY  VALUE
─────  ──────────────  ────────────  ───────  ──────────  ───────
gw1    127.0.0.1:1935  gateway       rtmp     loopback    default
gw1    127.0.0.1:5935  gateway       cli      loopback    default
gw1    127.0.0.1:9935  gateway       http     loopback    default
gw2    127.0.0.1:1935  gateway       rtmp     loopback    default
gw2    127.0.0.1:5935  gateway       cli      loopback    default
gw2    0.0.0.0:9936    gateway       http     public      default
orch1  127.0.0.1:7935  orchestrator  cli      loopback    default
orch1  0.0.0.0:8935    orchestrator  rpc      public      default
orch2  127.0.0.1:7935  orchestrator  cli      loopback    default
orch2  0.0.0.0:8935    orchestrator  rpc      public      default
orch3  127.0.0.1:7935  orchestrator  cli      loopback    default
orch3  0.0.0.0:8935    orchestrator  rpc      public      default

Who gives jobs to whom (in wei per pixel)
GATEWAY  ORCHESTRATOR  WORKLOAD  PRICE   CAP   HEADROOM  ENFORCED BY  VERDICT
───────  ────────────  ────────  ──────  ────  ────────  ───────────  ────────────────
gw1      → orch1       video     1000    1250  25 %      gateway      good
gw1      → orch2       video     1010.5  1250  ~23.7 %   gateway      good
gw2      → orch3       video                             nobody       free (off-chain)

What gas makes of the prices (in wei per pixel; gas in gwei)
GATEWAY  WORKLOAD  PRICE           ADVERTISED       CAP   GAS STATED  SURVIVES
───────  ────────  ──────────────  ───────────────  ────  ──────────  ───────────
gw1      video     1000 to 1010.5  1010 to ~1020.6  1250  0.05 to 1   ~23.7 (cap)

5 nodes on 5 hosts: no findings. Plan DIGEST.
"""
SMALL = SMALL.replace("DIGEST", small().digest[:12])


def test_an_arrow_is_alone_on_no_line() -> None:
    of = fleet(gateway("gw1", network=ARBITRUM), orchestrator("orch2", network=ARBITRUM, name="orchestrator-of-a-long-name"))
    for width in range(40, 130):
        text = report(plan_fleet(of, (), TEMPLATES), Screen(width))
        assert "→ orch2/orchestrator-of-a-long-name" in text, width


def test_names_are_sorted_as_people_count() -> None:
    of = fleet(*(gateway(f"gw{place}", network=ARBITRUM) for place in (10, 9, 1)), orchestrator("orch1", network=ARBITRUM))
    text = report(replace(plan_fleet(of, (), TEMPLATES), findings=()), WIDE)
    for part in text.split("\n\n")[:3]:
        names = [line.split()[0] for line in part.splitlines() if line.startswith("gw")]
        assert list(dict.fromkeys(names)) == ["gw1", "gw9", "gw10"], part


def test_a_finding_reads_like_one_of_a_compiler() -> None:
    assert findings([BELOW], WIDE) == (
        "error[LPF201] the cap is below the price of orch1 with its least headroom\n"
        "  --> gw1 (gateway): livepeer_gateway_max_price_per_unit = 1000\n"
        "   │                                              against: 1200 to 1300\n"
        "  also: orch1\n"
        "  help: livepeer_gateway_max_price_per_unit: 1200"
    )


def test_a_finding_about_nothing_in_particular_is_one_line() -> None:
    assert findings([Finding("LPF505", Level.ERROR, "no version")], WIDE) == "error[LPF505] no version"


def test_a_value_without_a_variable_is_shown() -> None:
    assert findings([Finding("LPF101", Level.ERROR, "taken", hosts=("a",), got="x")], WIDE).endswith("--> a: x")


def test_a_hint_of_several_lines_keeps_them() -> None:
    text = findings([replace(BELOW, hint="first\nsecond")], WIDE)
    assert text.endswith("  help: first\n        second")


def test_the_same_finding_of_many_hosts_stands_once_with_all_of_them() -> None:
    text = findings([unknown("gw1"), BELOW, unknown("gw2")], WIDE)
    assert text.count("LPF503") == 1
    assert "--> gw1, gw2: livepeer_x" in text


def test_every_finding_of_a_large_fleet_is_printed() -> None:
    found = [replace(unknown(f"h{number}"), got=str(number)) for number in range(100)]
    assert report(replace(large(50), findings=tuple(found)), WIDE).count("warning[LPF503]") == 100


def test_the_last_line_counts_and_says_whether_it_can_be_applied() -> None:
    last = report(small(BELOW, unknown("a"), unknown("b")), WIDE).splitlines()[-1]
    assert last == "5 nodes on 5 hosts: 1 error, 2 warnings. Nothing of this plan can be applied."
    info = Finding("LPF209", Level.INFO, "no gas price is stated")
    assert report(small(info), WIDE).splitlines()[-1].startswith("5 nodes on 5 hosts: 1 info. Plan ")


def test_an_empty_fleet_is_said() -> None:
    assert report(plan_fleet(fleet(), (), TEMPLATES), WIDE).startswith("0 nodes on 0 hosts: no findings. Plan ")


def test_a_large_fleet_is_summed_up() -> None:
    text = report(large(50), WIDE)
    assert "Nodes (100, summed up; each one stands in plan.json)" in text
    assert re.search(r"^50 +gateway +0\.9\.1 +offchain$", text, re.MULTILINE)
    assert re.search(r"^50 +http +9935/tcp +loopback$", text, re.MULTILINE)
    assert "Who gives jobs to whom (2,500, summed up; each one stands in plan.json)" in text
    assert re.search(r"^h0 \+49 +→ h0 \+49 +video +nobody +free \(off-chain\)$", text, re.MULTILINE)
    assert len(text.splitlines()) < 40


def test_many_different_ports_are_summed_up_too() -> None:
    plan = large(20)
    moved = tuple(replace(listener, port=20000 + number) for number, listener in enumerate(plan.listeners))
    assert "various" in report(replace(plan, listeners=moved), WIDE)


def test_more_terms_than_fit_are_summed_up_by_verdict() -> None:
    plan = small()
    paid = plan.edges[0]
    many = tuple(replace(paid, headroom=Fraction(20 + number % 11), most=Fraction(number)) for number in range(60))
    text = report(replace(plan, edges=(*many, *plan.edges)), WIDE)
    assert re.search(r"^62 +video +20 % to 30 % +good$", text, re.MULTILINE)
    assert re.search(r"^1 +video +free \(off-chain\)$", text, re.MULTILINE)
    same = tuple(replace(edge, headroom=Fraction(25)) for edge in many)
    assert re.search(r"^60 +video +25 % +good$", report(replace(plan, edges=same), WIDE), re.MULTILINE)


def test_codes_stand_beside_the_verdict_and_other_names_beside_the_host() -> None:
    plan = small()
    edge = replace(plan.edges[0], codes=("LPF202",), gateways=(End("gw1", "eu"),))
    text = report(replace(plan, edges=(edge,)), WIDE)
    assert "good LPF202" in text and "gw1/eu" in text


def test_a_plain_screen_gets_plain_characters() -> None:
    text = report(small(BELOW), Screen(100, colour=False, unicode=False))
    assert text.isascii()
    assert "-> orch1" in text


def test_colours_change_no_character() -> None:
    plan = small(BELOW, unknown("gw1"))
    coloured = report(plan, Screen(100, colour=True))
    assert "\x1b[1;31merror[LPF201]\x1b[0m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == report(plan, WIDE)


@pytest.mark.parametrize("width", [40, 60, 72, 80, 100, 200])
def test_no_line_of_a_table_is_wider_than_the_screen(width: int) -> None:
    assert max(map(len, report(small(), Screen(width)).splitlines()[:-1])) <= width


@pytest.mark.parametrize("width", [40, 60, 80])
def test_no_word_is_cut(width: int) -> None:
    words = set(report(small(), Screen(width)).split())
    assert {"orchestrator", "arbitrum-one-mainnet", "127.0.0.1:5935", "(off-chain)", "orch2", "~23.7"} <= words


def test_a_narrow_screen_does_without_the_unit() -> None:
    assert "UNIT" not in report(small(), Screen(72))


def test_a_narrow_screen_says_once_who_enforces() -> None:
    text = report(small(), Screen(80))
    assert "Who gives jobs to whom (in wei per pixel; enforced by gateway)" in text
    assert "ENFORCED BY" not in text


def test_prices_in_different_units_carry_them() -> None:
    plan = small()
    live = replace(plan.edges[0], workload=Workload.of_model("live-video-to-video", "comfyui"), unit="millisecond", price=Fraction(1, 2))
    text = report(replace(plan, edges=(*plan.edges, live)), Screen(160))
    assert "0.5 wei per millisecond" in text and "1000 wei " in text
    assert "live-video-to-video comfyui" in text


def test_what_a_gateway_may_or_may_not_take_is_marked() -> None:
    plan = small()
    assert "good (if selected)" in report(replace(plan, edges=(replace(plan.edges[0], if_selected=True),)), WIDE)


def test_two_values_that_do_not_fit_below_each_other_follow_each_other() -> None:
    text = findings([replace(BELOW, limit="a rather long description of the limit that is meant")], Screen(80))
    assert "\n   │ against: a rather long description of the limit that is meant\n" in text


def test_a_finding_wraps_but_what_is_to_be_copied_stays_whole() -> None:
    text = findings([replace(BELOW, hint="livepeer_gateway_orch_addr: https://orchestrator-with-a-long-name.example.com:8935")], Screen(40))
    assert "https://orchestrator-with-a-long-name.example.com:8935" in text
    assert all(len(line) <= 40 for line in text.splitlines() if "livepeer_" not in line and "https" not in line)


@given(st.lists(st.lists(st.text(st.characters(codec="ascii", categories=["L", "N"]), max_size=30), min_size=3, max_size=3), min_size=1))
def test_a_table_loses_nothing(rows: list[list[str]]) -> None:
    printed = "".join(table(["A", "B", "C"], [[Cell(text) for text in row] for row in rows], Screen(60)))
    for row in rows:
        for text in row:
            assert text in printed


@pytest.mark.parametrize(
    ("amount", "text"), [(Fraction(1200), "1200"), (Fraction(6072, 5), "1214.4"), (Fraction(1300, 3), "1300/3"), (Fraction(0), "0")]
)
def test_amounts_are_exact(amount: Fraction, text: str) -> None:
    assert exact_text(amount) == text


@pytest.mark.parametrize(
    ("percent", "text"),
    [
        (Fraction(25), "25 %"),
        (Fraction(51, 2), "25.5 %"),
        (Fraction(0), "0 %"),
        (Fraction(-20), "-20 %"),
        (Fraction(100, 3), "~33.3 %"),
        (Fraction(30) - Fraction(1, 1000), "~29.9 %"),
        (Fraction(20) - Fraction(1, 1000), "~19.9 %"),
        (Fraction(-1, 1000), "~-0.1 %"),
    ],
)
def test_a_headroom_is_never_rounded_into_the_band(percent: Fraction, text: str) -> None:
    assert percent_text(percent) == text


def test_a_wrong_name_is_not_shown_as_a_value() -> None:
    for variable, got in {"livepeer_x": "livepeer_x", "livepeer_gateway_flags.maxx": "maxx", "livepeer_a[0].hst": "hst"}.items():
        text = findings([Finding("LPF501", Level.ERROR, "no such name", hosts=("gw1",), variable=variable, got=got)], WIDE)
        assert text.splitlines()[1] == f"  --> gw1: {variable}"


def test_no_cap_on_purpose_is_shown_as_one() -> None:
    of = fleet(gateway(network=ARBITRUM, max_price_per_unit="any"), orchestrator(network=ARBITRUM))
    row = next(line for line in report(plan_fleet(of, (), TEMPLATES), WIDE).splitlines() if "video" in line)
    assert row.split()[-4:] == ["1000", "any", "nobody", "good"]
