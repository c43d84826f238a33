# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans to report on: made from fleets, and at random."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from ansible_collections.livepeer.fleet.plugins.plugin_utils.edges import Edge, End, Enforcer, Payable, Verdict
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Node
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan import Plan, plan_fleet
from ansible_collections.livepeer.fleet.plugins.plugin_utils.workloads import VIDEO, Workload
from ansible_collections.livepeer.fleet.tests.unit.render.fleets import ARBITRUM, TEMPLATES, fleet, gateway, orchestrator
from hypothesis import strategies as st

EMPTY = plan_fleet(fleet(), (), TEMPLATES)


def planned(*nodes: Node) -> Plan:
    """The plan of a fleet with these nodes; infos, which say what nobody stated, are left out."""
    plan = plan_fleet(fleet(*nodes), (), TEMPLATES)
    return replace(plan, findings=tuple(finding for finding in plan.findings if finding.level is not Level.INFO))


def three(cap: str = "1250") -> Plan:
    """A gateway that pays two orchestrators; good unless the cap is another one."""
    return planned(
        gateway("gw1", network=ARBITRUM, max_price_per_unit=cap),
        orchestrator("orch1", network=ARBITRUM),
        orchestrator("orch2", network=ARBITRUM, price_per_unit="1010.5"),
    )


def costly() -> Plan:
    """The gateway of ``three``, whose headroom does not survive the gas price that it states."""
    payer = gateway("gw1", network=ARBITRUM, max_price_per_unit="1250")
    return planned(
        replace(payer, expected_gas_gwei=("1", "200")),
        orchestrator("orch1", network=ARBITRUM),
        orchestrator("orch2", network=ARBITRUM, price_per_unit="1010.5"),
    )


def large(hosts: int, prices: int = 7, low: int | None = None) -> Plan:
    """A tenth of the hosts are gateways that pay all the others; ``low`` is one gateway whose cap is too low."""
    caps = ["1000" if place == low else "1300" for place in range(hosts // 10)]
    gateways = [
        gateway(f"gw{place}", network=ARBITRUM, max_price_per_unit=cap, eth_acct_addr=_account("a", place))
        for place, cap in enumerate(caps)
    ]
    asked = [str(1000 + place % prices) for place in range(hosts - len(gateways))]
    orchestrators = [
        orchestrator(f"orch{place}", network=ARBITRUM, price_per_unit=price, eth_acct_addr=_account("b", place))
        for place, price in enumerate(asked)
    ]
    return planned(*gateways, *orchestrators)


def _account(kind: str, place: int) -> str:
    return f"0x{kind * 10}{place:030d}"


_TEXT = st.text(max_size=12)
_NAMES = st.sampled_from(["gw1", "h2", "orch1", "orch2"])
_AMOUNTS = st.none() | st.fractions(min_value=0, max_value=5000, max_denominator=100)

random_findings = st.builds(
    Finding,
    code=st.sampled_from(["LPF101", "LPF201", "LPF503"]),
    level=st.sampled_from(Level),
    message=_TEXT,
    hosts=st.lists(_NAMES, max_size=3, unique=True).map(tuple),
    node=st.sampled_from(["", "gateway"]),
    variable=st.sampled_from(["", "livepeer_gateway_max_price_per_unit"]),
    got=_TEXT,
    limit=_TEXT,
    hint=_TEXT,
)

_terms = st.builds(
    Edge,
    gateways=st.just(()),
    orchestrators=st.just(()),
    workload=st.sampled_from([Workload(VIDEO), Workload.of_model("text-to-image", "a/b"), Workload.of_model("live-video-to-video", "c")]),
    discovery=st.sampled_from(["inventory", "onchain"]),
    if_selected=st.booleans(),
    reachable=st.booleans(),
    payable=st.sampled_from(Payable),
    enforced_by=st.sampled_from(Enforcer),
    price=_AMOUNTS,
    cap=_AMOUNTS,
    currency=st.sampled_from(["wei", "USD"]),
    unit=st.sampled_from(["pixel", "millisecond"]),
    headroom=st.none() | st.just(Fraction(25)),
    lowest_cap=_AMOUNTS,
    highest_cap=_AMOUNTS,
    most=_AMOUNTS,
    verdict=st.sampled_from(Verdict),
    codes=st.sampled_from([(), ("LPF201",)]),
)


@st.composite
def random_edges(draw: st.DrawFn) -> tuple[Edge, ...]:
    """Each pair of ends at most once for a workload, some of equal terms."""
    kinds = draw(st.lists(_terms, min_size=1, max_size=4))
    pairs = draw(st.lists(st.tuples(_NAMES, _NAMES, st.integers(0, len(kinds) - 1)), max_size=30, unique=True))
    return tuple(
        replace(kinds[kind], gateways=(End(gateway_, "gateway"),), orchestrators=(End(other, "orchestrator", f"https://{other}:8935"),))
        for gateway_, other, kind in {(a, b, str(kinds[kind].workload)): (a, b, kind) for a, b, kind in pairs}.values()
    )


random_plans = st.builds(
    lambda edges, findings: replace(EMPTY, edges=edges, findings=tuple(findings)), random_edges(), st.lists(random_findings, max_size=8)
)
