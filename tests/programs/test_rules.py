# SPDX-License-Identifier: GPL-3.0-or-later
"""Every alert on recorded scrapes: after the failure that it is for, and never on a healthy fleet."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import pytest
import yaml
from scrapes import Run, State, Target

RULES = Path(__file__).parents[2] / "samples" / "prometheus" / "livepeer.rules.yml"
ALERTS = [
    rule["alert"] for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"] for rule in group["rules"] if "alert" in rule
]

DAY = 1440
ONCHAIN = "arbitrum-one-mainnet"
REMOTE = {"transcoders": "remote"}
OWN: Mapping[str, str] = MappingProxyType({"transcoders": "own"})
TICKETS = 'livepeer_ticket_redemption_errors{node_id="node",node_type="orch"}'
REWARD = 'livepeer_reward_call_errors{node_id="node",node_type="orch"}'
RECEIVED = 'livepeer_payment_recv_errors{error_code="Unknown",node_id="node",node_type="orch"}'
CREATED = 'livepeer_payment_create_errors{node_id="node",node_type="bctr"}'
DEPOSIT = 'livepeer_gateway_deposit{node_id="node",node_type="bctr"}'
RESERVE = 'livepeer_gateway_reserve{node_id="node",node_type="bctr"}'
SESSIONS = 'livepeer_current_sessions_total{node_id="gw-host",node_type="bctr"}'
BUSY = 'livepeer_segment_transcode_failed_total{error_code="OrchestratorBusy",node_id="gw-host",node_type="bctr"}'
CAPPED = 'livepeer_discovery_errors_total{error_code="OrchestratorCapped",node_id="gw-host",node_type="bctr",orchestrator_uri="x"}'
TRANSCODERS = 'livepeer_transcoders_number{node_id="or-host",node_type="orch"}'


def gateway(*states: State, network: str = "offchain") -> Target:
    return Target("gateway", states, network)


def orchestrator(*states: State, network: str = "offchain", labels: Mapping[str, str] = OWN) -> Target:
    return Target("orchestrator", states, network, labels)


def idle(minutes: int = 60, starts: int = 0) -> State:
    return State(minutes, "gateway-idle", starts=starts)


def idle_orchestrator(minutes: int = 60) -> State:
    return State(minutes, "orchestrator-combined-idle")


def paid(minutes: int, **also: str) -> State:
    return State(minutes, "onchain-orchestrator", also)


def paying(minutes: int, also: Mapping[str, str]) -> State:
    return State(minutes, "onchain-gateway", also)


@dataclass(frozen=True)
class Story:
    """What happens, and which alerts fire at a minute of it."""

    targets: Sequence[Target]
    at: int
    fires: Sequence[tuple[str, str]] = field(default=())


HEALTHY = {
    "idle and off-chain": Story(
        [
            gateway(idle(DAY)),
            orchestrator(idle_orchestrator(DAY)),
            Target("transcoder", [State(DAY, "transcoder-idle")]),
        ],
        at=1400,
    ),
    "an orchestrator with its remote transcoder": Story(
        [orchestrator(State(60, "orchestrator-remote-transcoder-idle"), labels=REMOTE)], at=50
    ),
    "a stream begins": Story(
        [gateway(idle(30), State(30, "gateway-stream")), orchestrator(idle_orchestrator(30), State(30, "orchestrator-combined-stream"))],
        at=35,
    ),
    "a stream begins on-chain": Story(
        [
            gateway(idle(30), paying(30, {}), network=ONCHAIN),
            orchestrator(idle_orchestrator(30), paid(30), network=ONCHAIN),
        ],
        at=45,
    ),
    "a node is restarted once": Story([gateway(idle(20), State(1), idle(20, starts=1))], at=22),
    "another orchestrator takes what a busy one refuses": Story(
        [gateway(idle(30), State(30, "gateway-stream", {BUSY: "1", CAPPED: "1"}))], at=35
    ),
    "an error of long ago": Story([gateway(State(60, "gateway-failover"))], at=50),
    "streams end": Story([gateway(State(30, "gateway-stream"), State(30, "gateway-stream", {SESSIONS: "0"}))], at=50),
}

NO_ORCHESTRATOR = [("LivepeerDiscoveryFails", "gateway"), ("LivepeerNoOrchestrators", "gateway"), ("LivepeerUploadsFail", "gateway")]

BROKEN = {
    "an idle gateway, a dead orchestrator": Story(
        [gateway(idle()), orchestrator(idle_orchestrator(30), State(30))], at=35, fires=[("LivepeerOrchestratorDown", "orchestrator")]
    ),
    "a dead gateway": Story(
        [gateway(idle(30), State(30)), orchestrator(idle_orchestrator())], at=35, fires=[("LivepeerNodeDown", "gateway")]
    ),
    "a target leaves the list": Story(
        [gateway(idle(120)), orchestrator(idle_orchestrator(60))], at=75, fires=[("LivepeerTargetGone", "orchestrator")]
    ),
    "no targets at all": Story([], at=10, fires=[("LivepeerNotWatched", "")]),
    "a crash loop": Story(
        [gateway(idle(30), *(state for start in range(1, 4) for state in (State(1), idle(2, starts=start))), idle(20, starts=4))],
        at=41,
        fires=[("LivepeerCrashLoop", "gateway")],
    ),
    "the only orchestrator stops under a stream": Story(
        [gateway(State(30, "gateway-stream"), State(30, "gateway-orchestrator-down"))],
        at=38,
        fires=[*NO_ORCHESTRATOR, ("LivepeerSuccessRateLow", "gateway")],
    ),
    "ten minutes later the born counters are old, the stream still fails": Story(
        [gateway(State(30, "gateway-stream"), State(30, "gateway-orchestrator-down"))], at=55, fires=[("LivepeerSuccessRateLow", "gateway")]
    ),
    "fail-over in the middle of a segment": Story(
        [gateway(idle(30), State(30, "gateway-failover"))],
        at=35,
        fires=[("LivepeerDiscoveryFails", "gateway"), ("LivepeerSegmentsFail", "gateway"), ("LivepeerUploadsFail", "gateway")],
    ),
    "sessions at the limit": Story(
        [gateway(idle(30), State(30, "gateway-stream", {SESSIONS: "10"}))], at=40, fires=[("LivepeerSessionsNearLimit", "gateway")]
    ),
    "the remote transcoder is gone": Story(
        [
            orchestrator(
                State(30, "orchestrator-remote-transcoder-idle"),
                State(30, "orchestrator-remote-transcoder-idle", {TRANSCODERS: "0"}),
                labels=REMOTE,
            )
        ],
        at=40,
        fires=[("LivepeerTranscodersLost", "orchestrator")],
    ),
    "AI requests fail": Story(
        [gateway(idle(30), State(30, "ai-gateway")), orchestrator(idle_orchestrator(30), State(30, "ai-orchestrator"))],
        at=35,
        fires=[("LivepeerAIRequestsFail", "gateway"), ("LivepeerAIRequestsFail", "orchestrator")],
    ),
    "deposit and reserve under their limits": Story(
        [gateway(paying(60, {DEPOSIT: "5e7", RESERVE: "3.5e8"}), network=ONCHAIN)],
        at=30,
        fires=[("LivepeerDepositLow", "gateway"), ("LivepeerReserveLow", "gateway")],
    ),
    "the deposit runs out": Story(
        [gateway(paying(720, {DEPOSIT: "2e9-1e6"}), network=ONCHAIN)], at=700, fires=[("LivepeerDepositRunsOut", "gateway")]
    ),
    "a payer's first failed ticket": Story(
        [gateway(paying(30, {}), paying(30, {CREATED: "1"}), network=ONCHAIN)], at=35, fires=[("LivepeerPaymentsFail", "gateway")]
    ),
    "a second one": Story(
        [gateway(paying(30, {CREATED: "1"}), paying(30, {CREATED: "2"}), network=ONCHAIN)],
        at=35,
        fires=[("LivepeerPaymentsFail", "gateway")],
    ),
    "the first refused payment": Story(
        [orchestrator(paid(30), paid(30, **{RECEIVED: "1"}), network=ONCHAIN)], at=35, fires=[("LivepeerPaymentsFail", "orchestrator")]
    ),
    "the first failed redemption": Story(
        [orchestrator(paid(120), paid(120, **{TICKETS: "1"}), network=ONCHAIN)], at=170, fires=[("LivepeerRedemptionFails", "orchestrator")]
    ),
    "the first failed reward call": Story(
        [orchestrator(paid(DAY), paid(DAY, **{REWARD: "1"}), network=ONCHAIN)],
        at=DAY + 1200,
        fires=[("LivepeerRewardFails", "orchestrator")],
    ),
    "an error after a restart": Story(
        [gateway(paying(30, {CREATED: "5"}), State(1), State(29, "onchain-gateway", {CREATED: "1"}, starts=1), network=ONCHAIN)],
        at=39,
        fires=[("LivepeerPaymentsFail", "gateway")],
    ),
}


def run(promtool: Run, folder: Path, stories: Mapping[str, Story], rules: Path = RULES) -> str:
    """What promtool has to say of stories, "" if they are so."""
    tests = [
        {
            "name": name,
            "interval": "1m",
            "input_series": [series for target in story.targets for series in target.series()],
            "promql_expr_test": [
                {
                    "expr": 'group by (alertname, node) (ALERTS{alertstate="firing"})',
                    "eval_time": f"{story.at}m",
                    "exp_samples": [
                        {"labels": "{" + f'alertname="{alert}"' + (f', node="{node}"' if node else "") + "}", "value": 1}
                        for alert, node in story.fires
                    ],
                }
            ],
        }
        for name, story in stories.items()
    ]
    path = folder / "test.yml"
    path.write_text(json.dumps({"rule_files": [str(rules)], "evaluation_interval": "1m", "tests": tests}), encoding="utf-8")
    done = promtool("test", "rules", str(path))
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_rules_are_rules(promtool: Run) -> None:
    done = promtool("check", "rules", str(RULES))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", HEALTHY)
def test_nothing_fires_on_a_healthy_fleet(name: str, promtool: Run, tmp_path: Path) -> None:
    assert run(promtool, tmp_path, {name: HEALTHY[name]}) == ""


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_said(name: str, promtool: Run, tmp_path: Path) -> None:
    assert run(promtool, tmp_path, {name: BROKEN[name]}) == ""


def test_every_alert_has_its_failure() -> None:
    assert {alert for story in BROKEN.values() for alert, _node in story.fires} == set(ALERTS)


def test_increase_alone_misses_the_first_error(promtool: Run, tmp_path: Path) -> None:
    """Why each counter is asked twice."""
    naive = tmp_path / "naive.yml"
    rule = {"alert": "LivepeerPaymentsFail", "expr": "increase(livepeer_payment_create_errors[10m]) > 0"}
    naive.write_text(json.dumps({"groups": [{"name": "naive", "rules": [rule]}]}), encoding="utf-8")
    story = {"first": BROKEN["a payer's first failed ticket"]}
    assert "LivepeerPaymentsFail" in run(promtool, tmp_path, story, naive)
    assert run(promtool, tmp_path, {"second": BROKEN["a second one"]}, naive) == ""
