# SPDX-License-Identifier: GPL-3.0-or-later
"""Every rule with cases that pass and cases that fail, and the texts that an operator gets."""

from __future__ import annotations

import re

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils import rules
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Fleet
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules import hosts as live
from ansible_collections.livepeer.fleet.tests.unit.rules import test_operations, test_workers
from ansible_collections.livepeer.fleet.tests.unit.rules.fleets import (
    ARBITRUM,
    Host,
    ai_worker,
    asker,
    check,
    codes,
    combined,
    gateway,
    met,
    only,
    orchestrator,
    payer,
    signer,
    transcoder,
)

Hosts = dict[str, Host]
SIGNER = {"gateway_payment": "remote_signer", "gateway_remote_signer": "https://signer:8935", "gateway_workloads": ["live_video"]}
IMAGES = [{"pipeline": "text-to-image", "model_id": "m"}]
LIVE = [{"pipeline": "live-video-to-video", "model_id": "l"}]
AUDIO = [{"pipeline": "audio-to-text", "model_id": "w"}]
MODEL = IMAGES[0]
FREE_IMAGE = MODEL | {"price_per_unit": 0}
CAPS_AUTO: dict[str, object] = {"gateway_max_price_per_capability": "auto"}
SIGNED_AT_100 = SIGNER | {"gateway_remote_signer": {"url": "https://signer:8935", "max_price_per_unit": 100}}
ALIAS: dict[str, object] = {"ansible_host": "o", "orchestrator_name": "second", "orchestrator_cli_addr": ":7936"}
ALIAS["orchestrator_service_addr"] = "o:9936"
OTHER_REGISTRY: dict[str, dict[str, object]] = {
    "g": {"gateway_flags": {"aiServiceRegistry": True}},
    "o": {"orchestrator_flags": {"aiServiceRegistry": True}},
}
RUNNERS = {"liveRunnerConfig": "/etc/runners.json"}
PAGE = {"gateway_http_addr": ":7935"}


def caps_of(**entry: object) -> dict[str, object]:
    """A gateway's variable with one cap."""
    return {"gateway_max_price_per_capability": [entry]}


MONEY: Host = {"expected_gas_gwei": ["0.05", "2"], "pool_size": 100, "gateway_reserve_eth": 1, "gateway_deposit_eth": "0.02"}

CALLER = {**asker(1000), "orchestrator_eth_acct_addr": "0x" + "1" * 40, "orchestrator_reward": True}
"""An orchestrator that calls reward for its own account."""

SIPHONED = {**CALLER, "orchestrator_eth_acct_addr": "0x" + "2" * 40, "orchestrator_eth_orch_addr": "0x" + "1" * 40}
"""Another node for the same orchestrator, which calls reward too."""

PASSING: dict[str, list[Hosts]] = {
    "LPF401": [{"a": CALLER, "b": SIPHONED}],
    "LPF402": [{"a": CALLER, "b": {**SIPHONED, "orchestrator_reward": False}}],
    "LPF101": [
        {"h": combined()},
        {"h": combined(gateway_http_addr="0.0.0.0:7935", gateway_rtmp_addr="0.0.0.0:1935", orchestrator_cli_addr="127.0.0.1:7936")},
        {"h": combined(gateway_http_addr="127.0.0.2:7935")},
        {"h": combined(gateway_http_addr="[::1]:7935")},
        {"a": combined(), "b": combined()},
        {"a": combined(), "b": combined(ansible_host="a", ansible_port=2222) | {"gateway_name": "gateway2", "orchestrator_name": "o2"}},
    ],
    "LPF102": [
        {"h": combined(gateway_cli_addr="localhost:5935", orchestrator_cli_addr="[::1]:7935")},
        {"h": combined(gateway_cli_addr=":7000")},
    ],
    "LPF104": [
        {"h": combined(orchestrator_service_addr="127.0.0.1:8935")},
        {"h": combined(orchestrator_service_addr="127.0.0.1:8935"), "gw": gateway(gateway_discovery="list", gateway_orch_addr=["o"])}
        | {"o": orchestrator()},
        {"o": orchestrator(orchestrator_service_addr="http://o:8935", orchestrator_http_addr="http://:8935")},
        {"o": orchestrator(orchestrator_service_addr="[2001:db8::1]:8935")},
    ],
    "LPF105": [
        {"a": orchestrator(), "b": orchestrator()},
        {"a": orchestrator(orchestrator_service_addr="x:8935"), "b": orchestrator(orchestrator_service_addr="x:8936")},
        {"a": combined(orchestrator_service_addr="127.0.0.1:8935"), "b": combined(orchestrator_service_addr="127.0.0.1:8935")},
    ],
    "LPF106": [
        {"h": combined()},
        {"a": orchestrator(ansible_host="m"), "b": orchestrator(ansible_host="m", orchestrator_name="two", orchestrator_cli_addr=":7936")},
    ],
    "LPF103": [
        {"o": orchestrator(orchestrator_ai_worker=True, orchestrator_ai_models=IMAGES, orchestrator_cli_addr=":8001")},
        {"o": orchestrator(orchestrator_ai_models=IMAGES, orchestrator_cli_addr=":8000")},
    ],
    "LPF109": [
        {"o": orchestrator(orchestrator_nvidia="0"), "p": orchestrator(orchestrator_nvidia="0")},
        {"o": orchestrator(orchestrator_nvidia="0,1"), "p": orchestrator(orchestrator_nvidia="2", **ALIAS)},
        {"o": orchestrator(), "p": orchestrator(orchestrator_nvidia="all", **ALIAS)},
    ],
    "LPF305": [
        {"g": payer(1250, **OTHER_REGISTRY["g"]), "o": asker(1000, **OTHER_REGISTRY["o"])},
        {"g": gateway(**OTHER_REGISTRY["g"]), "o": orchestrator()},
    ],
    "LPF107": [
        {"h": combined(gateway_http_addr="0.0.0.0:9935")},
        {"h": combined(gateway_http_addr="127.0.0.1:9935", gateway_workloads=["ai"])},
        {"h": combined(gateway_http_addr="0.0.0.0:9935", gateway_workloads=["ai"], gateway_http_ingest=True)},
        {"h": combined(gateway_http_addr="0.0.0.0:9935", gateway_workloads=["ai"], gateway_auth_webhook_url="https://a.example/")},
    ],
    "LPF108": [
        {"h": combined()},
        # Without ingest there are no routes.
        {"h": combined(gateway_http_addr="0.0.0.0:9935")},
        {"g": gateway(gateway_http_addr="10.0.0.1:9935", gateway_http_ingest=True, gateway_rtmp_addr="10.0.0.1:1935"), "o": orchestrator()},
        {"g": payer(1250, gateway_rtmp_addr="0.0.0.0:1935", gateway_auth_webhook_url="{{ vault_hook }}"), "o": asker(1000)},
        {
            "g": gateway(
                **SIGNER,
                gateway_http_addr="0.0.0.0:9935",
                gateway_http_ingest=True,
                gateway_live_ai_auth_webhook_url="{{ vault_hook }}",
            ),
            "o": asker(100, orchestrator_ai_models=LIVE),
        },
        {"s": signer(500, remote_signer_http_addr="0.0.0.0:9936", remote_signer_webhook_url="{{ vault_hook }}")},
    ],
    "LPF201": [
        {"g": payer(1200), "o": asker(1000)},
        {"g": payer(1000), "o": asker(1000, adjusts=False)},
        {"g": payer(1200), "o": asker(1100, adjusts=False), "p": asker(1000)},
        {"g": payer("any"), "o": asker(1000)},
        {"g": payer(1), "o": asker(0)},
        {"g": payer(1100, headroom_min=10), "o": asker(1000)},
    ],
    "LPF202": [
        {"g": payer(1300), "o": asker(1000)},
        {"g": payer("auto"), "o": asker(1000)},
        {"g": payer(9999, gateway_discovery="onchain"), "o": asker(1000)},
        {"g": payer(9999, gateway_discovery="list", gateway_orch_addr=["o", "https://far:8935"]), "o": asker(1000)},
        {"g": payer(5), "o": asker(0)},
    ],
    "LPF203": [
        {"g": payer("any"), "o": asker(1000)},
        {"g": payer("auto"), "o": asker(1000), "p": asker(0)},
        {"g": payer(gateway_workloads=["live_video"]), "o": asker(1000)},
        {"g": gateway(), "o": orchestrator()},
        {"g": gateway(**SIGNED_AT_100), "o": asker(80, orchestrator_ai_models=LIVE)},
        {"g": payer("auto", gateway_workloads=["live_video"], **CAPS_AUTO), "o": asker(80, orchestrator_ai_models=LIVE)},
    ],
    "LPF204": [
        {"g": gateway(gateway_max_price_per_unit="auto"), "o": orchestrator()},
        {"g": gateway(gateway_max_price_per_unit="any"), "o": orchestrator()},
        {"g": payer(1250), "o": asker(1000)},
    ],
    "LPF205": [
        {"g": payer("0.00125"), "o": asker("0.001")},
        {"g": payer("0.0001"), "o": asker("0.0001", adjusts=False)},
        {"g": payer("0.0000000000025USD"), "o": asker("0.000000000002usd")},
        {"g": payer("any"), "o": asker("2EUR", orchestrator_flags={"priceFeedAddr": "0x1"})},
        {"g": gateway(), "o": orchestrator(orchestrator_price_per_unit="1e3")},
    ],
    "LPF206": [
        {
            "g": payer("any", gateway_workloads=["ai"], **caps_of(pipeline="text-to-image", price_per_unit=7)),
            "o": asker(1, orchestrator_ai_models=IMAGES),
        },
        {"g": payer("any", gateway_workloads=["ai"], **caps_of(**MODEL, price_per_unit=7)), "o": asker(1, orchestrator_ai_models=IMAGES)},
        {"g": payer("any", gateway_discovery="onchain", **caps_of(pipeline="llm", price_per_unit=7)), "o": asker(1)},
        {"g": payer("any", gateway_discovery="list", gateway_orch_addr=["https://far:8935"], **caps_of(pipeline="llm", price_per_unit=7))},
    ],
    "LPF207": [
        {"g": payer("any", gateway_workloads=["ai"]), "o": asker(5, orchestrator_ai_models=IMAGES)},
        {"g": payer(6, gateway_workloads=["ai"]), "o": asker(5, orchestrator_ai_models=IMAGES)},
        {"g": payer(6, gateway_workloads=["ai"], **CAPS_AUTO), "o": asker(5, orchestrator_ai_models=AUDIO)},
        {"g": payer(6, gateway_workloads=["ai"], gateway_max_price_per_capability="any"), "o": asker(5, orchestrator_ai_models=AUDIO)},
        {"g": gateway(**SIGNER | {"gateway_workloads": ["live_runner"]}), "o": asker(1000, orchestrator_flags=RUNNERS)},
    ],
    "LPF208": [
        {"g": payer("0.0000000000025USD"), "o": asker("0.000000000002usd")},
        {"g": payer("0.00000000000000125ETH"), "o": asker(1000)},
    ],
    "LPF213": [
        {"g": payer("any", gateway_discovery="list", gateway_orch_addr=[{"url": "https://far:8935", "price_per_unit": 5}])},
        {"g": gateway(gateway_discovery="list", gateway_orch_addr=["https://far:8935"])},
        {"g": payer("any", gateway_discovery="onchain")},
    ],
    "LPF209": [{"g": payer(1250, **MONEY), "o": asker(1000)}],
    "LPF210": [{"g": payer(1250, **MONEY), "o": asker(1000)}],
    "LPF211": [{"g": payer(1250, **MONEY), "o": asker(1000)}],
    "LPF301": [
        {"g": gateway(), "o": orchestrator(), "p": asker(1000)},
        {"g": gateway(**SIGNER), "o": asker(1000, orchestrator_ai_models=LIVE)},
        {"g": gateway(**SIGNER | {"gateway_workloads": ["video", "ai"]}), "o": orchestrator(orchestrator_ai_models=IMAGES)},
        {"g": gateway(**SIGNER | {"gateway_workloads": ["live_runner"]}), "o": asker(1000, orchestrator_flags=RUNNERS)},
        {"g": payer(1250), "o": orchestrator(), "p": asker(1000)},
        # What could not be paid is not asked for, or not served there.
        {"g": gateway(**SIGNER), "o": orchestrator(orchestrator_ai_models=IMAGES), "p": asker(1, orchestrator_ai_models=LIVE)},
        {"g": payer(1250, gateway_payment="onchain", gateway_remote_signer="https://signer:8935"), "o": asker(1000)},
    ],
    "LPF302": [
        {"h": combined()},
        {"g": gateway(gateway_workloads=["video", "ai"]), "o": orchestrator(), "p": orchestrator(orchestrator_ai_models=IMAGES)},
        {"g": gateway(gateway_workloads=["ai"], gateway_discovery="list", gateway_orch_addr=["https://far:8935"])},
        {"g": payer(1250, gateway_discovery="onchain", gateway_workloads=["ai"]), "o": asker(1000)},
        # It is served, by one that cannot be paid (LPF301).
        {"g": gateway(gateway_workloads=["video", "ai"]), "o": orchestrator(), "p": asker(1, orchestrator_ai_models=IMAGES)},
        {"g": payer(1250, gateway_discovery="onchain")},
        {"g": gateway(gateway_discovery="list", gateway_orch_addr=["https://far:8935"])},
    ],
    "LPF303": [{"g": payer(1250, gateway_discovery="onchain")}],
    "LPF304": [
        {"g": gateway(gateway_discovery="list", gateway_orch_addr=["o"]), "o": orchestrator()},
        {"g": gateway(**SIGNER), "o": asker(1000)},
    ],
    "LPF504": [
        {"g": payer(1250, gateway_select_stake_weight="0.5", gateway_select_price_weight="0.2"), "o": asker(1000)},
        {"g": payer(1250, gateway_select_stake_weight="0.6999"), "o": asker(1000)},
        {"g": gateway(gateway_select_stake_weight="0.5"), "o": orchestrator()},
        {"g": payer(1250, gateway_discovery="list", gateway_orch_addr=["o", {"host": "o"}]), "o": asker(1000)},
    ],
    "LPF506": [{"g": payer(1250), "o": asker(1000)}, {"g": payer(1250, gateway_flags={"blockPollingInterval": 5}), "o": asker(1000)}],
    "LPF501": [
        {"g": payer(1250, gateway_flags={"depositMultiplier": "2"}), "o": asker(1000, orchestrator_flags={"ticketEV": "1"})},
    ],
}

FAILING: dict[str, list[Hosts]] = {
    "LPF401": [{"a": CALLER, "b": CALLER}],
    "LPF402": [{"a": CALLER, "b": SIPHONED}],
    "LPF101": [
        {"h": combined(**PAGE)},
        {"h": combined(gateway_http_addr="127.0.0.1:8935")},
        {"h": combined(gateway_http_addr="0.0.0.0:7000", gateway_rtmp_addr="0.0.0.0:7000")},
        {"h": combined(gateway_http_addr="[::1]:8935")},
        {"h": combined(gateway_http_addr="[::]:7935")},
        {"h": combined(gateway_http_addr="0.0.0.0:5935")},
        {"h": combined(orchestrator_http_addr=":1935")},
        {"a": gateway(ansible_host="m"), "b": orchestrator(ansible_host="m", orchestrator_service_addr="b:9935")},
        {"a": gateway(gateway_discovery="local", ansible_host="b"), "b": orchestrator(orchestrator_service_addr="b:9935")},
    ],
    "LPF102": [
        {"h": combined(gateway_cli_addr="0.0.0.0:5935")},
        {"h": combined(orchestrator_cli_addr="10.0.0.1:7935")},
        {"h": combined(orchestrator_cli_addr="h:7935")},
        {"h": combined(orchestrator_cli_addr="[::]:7935")},
    ],
    "LPF104": [
        {"h": combined(gateway_http_addr="::1")},
        {"h": combined(gateway_http_addr="9935")},
        {"h": combined(orchestrator_service_addr="h")},
        {"h": combined(orchestrator_service_addr=":8935")},
        {"h": combined(orchestrator_service_addr="0.0.0.0:8935")},
        {"h": combined(orchestrator_service_addr="h", orchestrator_http_addr=":8935")},
        {"h": combined(orchestrator_http_addr="h:port")},
        {"h": combined(orchestrator_service_addr="http://h:8935")},
        {"h": combined(orchestrator_http_addr="http://:8935")},
        {"g": gateway(), "o": orchestrator(orchestrator_service_addr="127.0.0.1:8935")},
        {"g": gateway(), "o": orchestrator(orchestrator_service_addr="localhost:8935")},
        {"g": gateway(gateway_discovery="list", gateway_orch_addr=["https://far"])},
    ],
    "LPF105": [
        {"a": orchestrator(orchestrator_service_addr="x:8935"), "b": orchestrator(orchestrator_service_addr="https://X:8935")},
        {"a": orchestrator(orchestrator_service_addr="10.0.0.1:8935"), "b": orchestrator(orchestrator_service_addr="10.0.0.1:8935")},
    ],
    "LPF106": [
        {"h": combined(gateway_name="node", orchestrator_name="node")},
        {
            "a": gateway(ansible_host="o"),
            "b": gateway(ansible_host="o", gateway_http_addr=":1", gateway_rtmp_addr=":2", gateway_cli_addr=":3"),
        }
        | {"o": orchestrator()},
    ],
    "LPF103": [
        {"o": orchestrator(orchestrator_ai_worker=True, orchestrator_ai_models=IMAGES, orchestrator_cli_addr=":8000")},
        {
            "o": orchestrator(orchestrator_ai_worker=True, orchestrator_ai_models=IMAGES, orchestrator_nvidia="all"),
            "g": gateway(ansible_host="o", gateway_http_addr="0.0.0.0:8009"),
        },
    ],
    "LPF109": [
        {"o": orchestrator(orchestrator_nvidia="0,1"), "p": orchestrator(orchestrator_nvidia="1,2", **ALIAS)},
        {"o": orchestrator(orchestrator_nvidia="all"), "p": orchestrator(orchestrator_nvidia="7", **ALIAS)},
    ],
    "LPF305": [{"g": payer(1250, **OTHER_REGISTRY["g"]), "o": asker(1000)}, {"g": payer(1250), "o": asker(1000, **OTHER_REGISTRY["o"])}],
    "LPF107": [
        {"h": combined(gateway_http_addr="0.0.0.0:9935", gateway_workloads=["ai"])},
        {"h": combined(gateway_http_ingest=False, gateway_workloads=["ai"])},
        {"h": combined(gateway_http_addr="0.0.0.0:9935", gateway_whip_addr=":7280")},
        {"h": combined(gateway_http_addr="h:9935", gateway_workloads=["video", "live_video"], gateway_http_ingest=False)},
    ],
    "LPF108": [
        {"g": payer(1250, gateway_http_addr="0.0.0.0:9935", gateway_http_ingest=True), "o": asker(1000)},
        {"g": payer(1250, gateway_http_addr="0.0.0.0:9935", gateway_auth_webhook_url="{{ vault_hook }}"), "o": asker(1000)},
        {"g": payer(1250, gateway_rtmp_addr="0.0.0.0:1935"), "o": asker(1000)},
        {"g": gateway(**SIGNER, gateway_http_addr="0.0.0.0:9935", gateway_http_ingest=True), "o": asker(100, orchestrator_ai_models=LIVE)},
        {"s": signer(500, remote_signer_http_addr="0.0.0.0:9936")},
        {"s": signer(500, remote_signer_http_addr="0.0.0.0:9936", remote_signer_allow_no_auth=True)},
        {"s": signer(500, remote_signer_http_addr="10.0.0.1:9936")},
    ],
    "LPF201": [
        {"g": payer(1000), "o": asker(1000)},
        {"g": payer("1199.999"), "o": asker(1000)},
        {"g": payer(999), "o": asker(1000, adjusts=False)},
        {"g": payer(1150), "o": asker(1100, adjusts=False), "p": asker(1000)},
        {"g": payer(1000, gateway_discovery="onchain"), "o": asker(1000)},
        {
            "h": combined(
                network=ARBITRUM, gateway_max_price_per_unit=1000, orchestrator_price_per_unit=1000, orchestrator_auto_adjust_price=True
            )
        },
    ],
    "LPF202": [{"g": payer(1301), "o": asker(1000)}, {"g": payer(1301), "o": asker(1000), "p": asker(1)}],
    "LPF203": [
        {"g": payer(), "o": asker(1000)},
        {"g": payer(0), "o": asker(1000)},
        {"g": payer("0EUR"), "o": asker(1000)},
        {"g": payer("auto"), "o": asker(0)},
        {"g": payer("auto", gateway_discovery="onchain")},
        {"g": payer(gateway_discovery="onchain")},
        {"g": payer("auto", gateway_discovery="list", gateway_orch_addr=["https://far:8935"])},
        {"g": payer("0x10"), "o": asker(1000)},
        {"g": payer("any", gateway_workloads=["ai"], **CAPS_AUTO), "o": asker(0, orchestrator_ai_models=[FREE_IMAGE])},
    ],
    "LPF204": [
        {"g": gateway(gateway_max_price_per_unit=1250), "o": orchestrator()},
        {"g": gateway(gateway_max_price_per_unit=1250, **SIGNER), "o": asker(1000)},
        {"g": gateway(gateway_max_price_per_capability=[{"pipeline": "llm", "price_per_unit": 1}]), "o": orchestrator()},
    ],
    "LPF205": [
        {"g": payer("any"), "o": asker("1e3")},
        {"g": payer("any"), "o": asker("0x10")},
        {"g": payer("any"), "o": asker("1,000")},
        {"g": payer("any"), "o": asker("2EUR")},
        {"g": payer("any"), "o": asker("0EUR")},
        {"g": payer("any"), "o": asker("0.0009")},
        {"g": payer("any"), "o": asker(1, orchestrator_pixels_per_unit="0.5")},
        {"g": payer("any"), "o": asker(1, orchestrator_pixels_per_unit=100000)},
        {"g": payer("1e3"), "o": asker(1000)},
        {"g": payer("5EUR"), "o": asker("4EUR", orchestrator_flags={"priceFeedAddr": "0x1"})},
        {"g": payer(1, gateway_pixels_per_unit=0), "o": asker(1000)},
        {"g": payer("any", gateway_discovery="list", gateway_orch_addr=[{"url": "https://far:8935", "price_per_unit": "x"}])},
    ],
    "LPF206": [
        {
            "g": payer("any", gateway_workloads=["ai"], **caps_of(pipeline="llm", price_per_unit=7)),
            "o": asker(1, orchestrator_ai_models=IMAGES),
        },
        {
            "g": payer("any", gateway_workloads=["ai"], **caps_of(**MODEL | {"model_id": "s"}, price_per_unit=7)),
            "o": asker(1, orchestrator_ai_models=IMAGES),
        },
        {"g": payer("any", **caps_of(**MODEL, price_per_unit=7)), "o": asker(1, orchestrator_ai_models=IMAGES)},
    ],
    "LPF207": [
        {"g": payer(gateway_workloads=["ai"]), "o": asker(5, orchestrator_ai_models=IMAGES)},
        {"g": payer(0, gateway_workloads=["ai"]), "o": asker(5, orchestrator_ai_models=IMAGES)},
        {"g": payer(6, gateway_workloads=["ai"]), "o": asker(5, orchestrator_ai_models=AUDIO)},
        {
            "g": payer(6, gateway_workloads=["ai"], **caps_of(**MODEL, price_per_unit=6)),
            "o": asker(5, orchestrator_ai_models=IMAGES + AUDIO),
        },
        {"g": payer("any", gateway_discovery="onchain", gateway_workloads=["ai"], **CAPS_AUTO) | {"gateway_max_price_per_unit": 0}},
        {"g": gateway(**SIGNED_AT_100 | {"gateway_workloads": ["live_runner"]}), "o": asker(1000, orchestrator_flags=RUNNERS)},
    ],
    "LPF208": [
        {"g": payer(1250), "o": asker("0.000000000002USD")},
        {"g": payer("0.000000000001USD"), "o": asker(1000)},
        {"g": payer("auto"), "o": asker(1000), "p": asker("0.000000000001USD")},
        {"g": payer(1250), "o": asker(1000), "p": asker("0.000000000001USD")},
    ],
    "LPF213": [
        {"g": payer("any", gateway_discovery="list", gateway_orch_addr=["https://far:8935"])},
        {"g": payer(1250, gateway_discovery="list", gateway_orch_addr=["o", "https://far:8935"]), "o": asker(1000)},
    ],
    "LPF209": [{"g": payer(1200, **MONEY), "o": asker(1000)}],
    "LPF210": [{"g": payer(1250, **MONEY | {"gateway_deposit_eth": "0.005"}), "o": asker(1000)}],
    "LPF211": [{"g": payer(1250, **MONEY), "o": asker(1000, orchestrator_flags={"ticketEV": "3000000000000"})}],
    "LPF301": [
        {"g": gateway(), "o": asker(1000)},
        {"g": payer(1250), "o": orchestrator()},
        {"g": payer(1250, gateway_discovery="list", gateway_orch_addr=["o", "p"]), "o": orchestrator(), "p": asker(1000)},
        {"g": gateway(**SIGNER | {"gateway_workloads": ["video"]}), "o": asker(1000)},
        {"g": payer(1250), "o": asker(1000) | {"network": "rinkeby"}},
        {"h": combined(gateway_payment="none", gateway_network="offchain", orchestrator_network=ARBITRUM, orchestrator_price_per_unit=1)},
        {"g": gateway(gateway_workloads=["ai"]), "o": asker(1000, orchestrator_ai_models=IMAGES)},
        {"g": gateway(gateway_workloads=["video", "ai"]), "o": orchestrator(), "p": asker(1, orchestrator_ai_models=IMAGES)},
        {"g": gateway(**SIGNER), "o": orchestrator(orchestrator_ai_models=LIVE)},
        {"g": gateway(**SIGNER | {"gateway_workloads": ["video", "live_video"]}), "p": asker(1, orchestrator_ai_models=LIVE)},
        {"g": payer(1250, gateway_workloads=["live_runner"]), "o": asker(1000, orchestrator_flags=RUNNERS)},
    ],
    "LPF302": [
        {"g": gateway(gateway_workloads=["ai"]), "o": asker(1000)},
        {"g": gateway(gateway_workloads=["video", "ai", "live_video"]), "o": orchestrator(orchestrator_ai_models=LIVE)},
        {"g": gateway(gateway_workloads=["video"]), "o": orchestrator(orchestrator_transcoder=False, orchestrator_ai_worker=True)},
        {"g": gateway()},
        {"g": gateway(gateway_discovery="local"), "o": orchestrator()},
        {"g": gateway(gateway_discovery="list"), "o": orchestrator()},
    ],
    "LPF303": [{"g": gateway(gateway_discovery="onchain"), "o": orchestrator()}, {"g": gateway(**SIGNER, gateway_discovery="onchain")}],
    "LPF304": [
        {"g": gateway(gateway_discovery="list", gateway_orch_addr=["o", "p"]), "o": orchestrator()},
        {"g": gateway(gateway_discovery="list", gateway_orch_addr=["h"]), "h": gateway(gateway_discovery="list", gateway_orch_addr=["o"])}
        | {"o": orchestrator()},
        {"g": gateway(**SIGNER | {"gateway_remote_signer": "signer1"}), "o": asker(1000)},
        {"g": gateway(**SIGNER | {"gateway_remote_signer": "https://o:8935"}), "o": asker(1000)},
        {
            "g": gateway(**SIGNER | {"gateway_remote_signer": "http://127.0.0.1:8935"}, ansible_host="10.0.0.1"),
            "o": asker(1000, ansible_host="10.0.0.1"),
        },
    ],
    "LPF504": [
        {"g": payer(1250, gateway_select_stake_weight="0.5"), "o": asker(1000)},
        {"g": payer(1250, gateway_select_price_weight="0.001"), "o": asker(1000)},
        {"g": payer(1250, gateway_select_stake_weight="0.6", gateway_select_price_weight="0.6"), "o": asker(1000)},
        {"g": payer(1250, gateway_discovery="list", gateway_orch_addr=[{"host": "o", "price_per_unit": 5}]), "o": asker(1000)},
        {"g": payer(1250, gateway_discovery="list", gateway_orch_addr=[{"url": "https://o:8935", "price_per_unit": 5}]), "o": asker(1000)},
        {
            "g": payer("any", gateway_discovery="list", gateway_orch_addr=[{"url": "https://f:1", "price_per_unit": n} for n in (1, 2)]),
        },
    ],
    "LPF506": [
        {"g": payer(1250, gateway_flags={"blockPollingInterval": 0}), "o": asker(1000)},
        {"o": orchestrator(orchestrator_max_sessions="auto")},
    ],
    "LPF501": [
        {"g": payer(1250, gateway_flags={"depositMultiplier": "0"})},
        {"o": asker(1000, orchestrator_flags={"ticketEV": "0"})},
    ],
}

WARNINGS = {"LPF109", "LPF202", "LPF204", "LPF206", "LPF209", "LPF213", "LPF305"}


def cases(table: dict[str, list[Hosts]]) -> list[tuple[str, Hosts]]:
    return [(code, hosts) for code, fleets in table.items() for hosts in fleets]


@pytest.mark.parametrize(("code", "hosts"), cases(PASSING))
def test_passing(code: str, hosts: Hosts) -> None:
    assert code not in [one.code for one in (*check(**hosts), *met(**hosts))]


@pytest.mark.parametrize(("code", "hosts"), cases(FAILING))
def test_failing(code: str, hosts: Hosts) -> None:
    found = [finding for finding in (*check(**hosts), *met(**hosts)) if finding.code == code and finding.level is not Level.INFO]
    assert found
    for finding in found:
        assert finding.hosts
        assert "\n" not in finding.message
        assert finding.variable.startswith("livepeer_")
        assert finding.got
        assert finding.level is (Level.WARNING if code in WARNINGS or hosts_discover(hosts) else Level.ERROR)


def hosts_discover(hosts: Hosts) -> bool:
    """LPF201 is a warning where nobody knows which orchestrators there are, and so is LPF207 of their models beside other caps."""
    return any(
        host.get("gateway_discovery") == "onchain"
        and (host.get("gateway_max_price_per_unit") == 1000 or "gateway_max_price_per_capability" in host)
        for host in hosts.values()
    )


def test_every_rule_has_both() -> None:
    others = (test_operations, test_workers)
    passing = {*PASSING, *(code for other in others for code in other.PASSING)}
    failing = {*FAILING, *(code for other in others for code in other.FAILING)}
    assert {rule.code for rule in rules.RULES} == passing == failing


def test_rules_say_what_they_are_about() -> None:
    for rule in (*rules.RULES, *live.RULES):
        assert re.split("[; ]", rule.level)[0] in {level.value for level in Level}
        assert rule.says.endswith(".")
        assert rule.advice.endswith(".")


def test_the_port_of_the_page_that_operators_follow() -> None:
    found = only("LPF101", h=combined(**PAGE))
    assert found.message == "gateway http (127.0.0.1:7935) wants the port of orchestrator cli (127.0.0.1:7935), which is its default"
    assert (found.hosts, found.node, found.variable) == (("h",), "gateway", "livepeer_gateway_http_addr")
    assert (found.got, found.limit) == (":7935", "livepeer_orchestrator_cli_addr: 127.0.0.1:7935 (default)")
    assert found.hint == 'livepeer_gateway_http_addr: "127.0.0.1:9935"'


@pytest.mark.parametrize(
    ("variables", "hint"),
    [
        ({"gateway_http_addr": "127.0.0.1:8935"}, 'livepeer_gateway_http_addr: "127.0.0.1:9935"'),
        ({"gateway_http_addr": "0.0.0.0:8935"}, 'livepeer_gateway_http_addr: "0.0.0.0:9935"'),
        ({"gateway_http_addr": "[::]:8935"}, 'livepeer_gateway_http_addr: "0.0.0.0:9935"'),
        ({"gateway_http_addr": "[::1]:8935"}, 'livepeer_gateway_http_addr: "[::1]:9935"'),
        # 9935 is taken, and what AI runners may take is not proposed.
        ({"gateway_http_addr": ":7935", "gateway_rtmp_addr": ":9935"}, 'livepeer_gateway_http_addr: "127.0.0.1:7936"'),
        ({"gateway_http_addr": ":7999", "gateway_rtmp_addr": ":9935", "orchestrator_cli_addr": ":7999"}, "9000"),
        ({"gateway_http_addr": ":65535", "gateway_rtmp_addr": ":9935", "orchestrator_cli_addr": ":65535"}, "1024"),
        ({"orchestrator_service_addr": "orch.example.com:9935"}, 'livepeer_orchestrator_service_addr: "orch.example.com:8935"'),
        ({"orchestrator_http_addr": "10.0.0.1:5935", "gateway_cli_addr": "0.0.0.0:5935"}, 'addr: "10.0.0.1:8935"'),
    ],
)
def test_proposed_ports(variables: dict[str, object], hint: str) -> None:
    found = [finding for finding in check(h=combined(**variables)) if finding.code == "LPF101"]
    assert len(found) == 1
    assert hint in found[0].hint


def test_ports_that_follow_from_the_cli_port_are_told_with_it() -> None:
    assert only("LPF101", h=combined(gateway_cli_addr="127.0.0.1:7935")).variable == "livepeer_gateway_cli_addr"
    apart = only("LPF101", h=combined(gateway_metrics_proxy_addr="127.0.0.1:17935"))
    assert apart.variable == "livepeer_gateway_metrics_proxy_addr"
    both = check(
        h=combined(gateway_cli_addr="127.0.0.1:7935", **{f"{role}_metrics_proxy_addr": ":9000" for role in ("gateway", "orchestrator")})
    )
    assert [one.code for one in both].count("LPF101") == 2


def test_the_scheme_of_an_orchestrator_is_kept() -> None:
    found = only(
        "LPF101",
        h=combined(orchestrator_service_addr="http://h:9935", orchestrator_http_addr="http://127.0.0.1:9935"),
    )
    assert found.hint == 'livepeer_orchestrator_http_addr: "http://127.0.0.1:8935"'


def test_proposals_do_not_clash_with_each_other() -> None:
    aliases = {f"o{n}": orchestrator(ansible_host="m", orchestrator_name=f"o{n}", orchestrator_service_addr=f"o{n}:8935") for n in range(4)}
    found = [finding.hint for finding in check(**aliases) if finding.code == "LPF101"]
    assert len(found) == len(set(found)) == 6


def test_many_owners_of_a_port_are_counted() -> None:
    aliases = {f"o{n}": orchestrator(ansible_host="m", orchestrator_name=f"o{n}", orchestrator_cli_addr=f":{7000 + n}") for n in range(6)}
    found = [finding for finding in check(**aliases) if finding.code == "LPF101"]
    assert len(found) == 5
    assert found[-1].message.endswith("and 2 more")
    assert "on o0" in found[-1].message


def test_the_same_mistake_on_many_hosts_is_one_finding() -> None:
    found = only("LPF101", **{f"h{n}": combined(**PAGE) for n in range(100)})
    assert set(found.hosts) == {f"h{n}" for n in range(100)}
    assert list(found.hosts) == sorted(found.hosts)


def test_a_cap_without_headroom() -> None:
    found = only("LPF201", g=payer(1000), o=asker(1000))
    assert found.message == "the cap leaves less than 20 % over the price of o (1000), which rises with gas"
    assert (found.hosts, found.got, found.limit) == (("g", "o"), "1000", "1200 to 1300")
    assert found.hint == "livepeer_gateway_max_price_per_unit: 1200 to 1300, or auto"


def test_a_cap_below_the_price_itself() -> None:
    assert only("LPF201", g=payer(900), o=asker(1000)).message == "the cap is below the price of o (1000)"


def test_the_second_orchestrator_refuses_a_cap() -> None:
    found = only("LPF201", g=payer(1150), o=asker(1100, adjusts=False), p=asker(1000))
    assert found.hosts == ("g", "p")
    assert found.limit == "1200 to 1430"


def test_too_low_for_several() -> None:
    found = only("LPF201", g=payer(1000), o=asker(1000), p=asker(1001), q=asker(900, adjusts=False))
    assert found.message.endswith("of p (1001); it is too low for 2 orchestrators")


def test_discovered_orchestrators_only_warn() -> None:
    assert only("LPF201", g=payer(1000, gateway_discovery="onchain"), o=asker(1000)).level is Level.WARNING


def test_amounts_are_in_the_unit_of_the_gateway() -> None:
    found = only("LPF201", g=payer(1, gateway_pixels_per_unit=1000), o=asker(1))
    assert (found.got, found.limit) == ("1 for 1000 pixels", "1200 to 1300")


def test_auto_is_proposed_where_the_band_has_no_decimals() -> None:
    found = only("LPF201", g=payer(1), o=asker(1000, orchestrator_pixels_per_unit=3))
    assert found.hint == "livepeer_gateway_max_price_per_unit: auto"


def test_a_cap_above_the_band() -> None:
    found = only("LPF202", g=payer(1301), o=asker(1000))
    assert (found.got, found.limit, found.level) == ("1301", "1200 to 1300", Level.WARNING)


@pytest.mark.parametrize(
    ("hosts", "message", "hint"),
    [
        ({"g": payer(), "o": asker(1000)}, "there is no cap, so that any price is paid", "1200 to 1300, or auto"),
        ({"g": payer(0), "o": asker(1000)}, 'a cap of "0" means any price', "1200 to 1300, or auto"),
        ({"g": payer("auto"), "o": asker(0)}, "the price is 0, and a cap of 0 means any price", "such as 1, or any on purpose"),
        ({"g": payer("auto", gateway_discovery="onchain")}, "no price is known", "the most you would pay, or any on purpose"),
    ],
)
def test_no_cap(hosts: Hosts, message: str, hint: str) -> None:
    found = only("LPF203", **hosts)
    assert message in found.message
    assert found.hint.endswith(hint)


@pytest.mark.parametrize(
    ("price", "hint"),
    [
        ("1e3", '"1000"'),
        ("0x10", '"16"'),
        ("1,250", '"1250", or "1.25"'),
        ("1,000", '"1000"'),
        ("1,000,000", '"1000000"'),
        ("1,250.5", '"1250.5"'),
        ("0,9", '"0.9"'),
        ("0,250", '"0.25"'),
        ("0,0015", '"0.0015"'),
        ("1430,5", '"1430.5"'),
        ("0,5 USD", '"0.5USD"'),
        ("1,25,000", ""),
        ("1.250,5", ""),
        ("$0.5", '"0.5USD"'),
        (".5", '"0.5"'),
        ("0.0005e-9USD", '"0.0000000000005USD"'),
        ("1 wei", '"1wei"'),
        ("1e400", ""),
        ("0.0009", '"0.001"'),
    ],
)
def test_what_was_meant_by_an_amount(price: str, hint: str) -> None:
    found = only("LPF205", g=payer("any"), o=asker(price))
    assert found.hint.removeprefix("livepeer_orchestrator_price_per_unit: ") == hint


def test_a_comma_in_a_number_of_units_is_no_point() -> None:
    found = only("LPF205", g=payer("any"), o=asker(1000, orchestrator_pixels_per_unit="1,000"))
    assert found.hint == 'livepeer_orchestrator_pixels_per_unit: "1000"'


def test_a_decimal_comma_in_a_document() -> None:
    caps = [{"pipeline": "text-to-image", "price_per_unit": "0,5 USD", "pixels_per_unit": 1000000}]
    gateway_of_ai = payer("any", gateway_workloads=["ai"], gateway_max_price_per_capability=caps)
    (found,) = (one for one in check(g=gateway_of_ai, o=asker(1)) if one.code == "LPF205")
    entry = "livepeer_gateway_max_price_per_capability[0]"
    assert found.hint == f'{entry}.price_per_unit: "0.5" and {entry}.currency: "USD"'


def test_prices_of_single_gateways_are_read_too() -> None:
    own = [{"ethaddress": "0x" + "ab" * 20, "priceperunit": "1", "pixelsperunit": "0"}]
    found = only("LPF205", g=payer("any"), o=asker(1, orchestrator_price_per_gateway=own))
    assert found.variable == "livepeer_orchestrator_price_per_gateway[0].pixelsperunit"


def test_currencies() -> None:
    found = only("LPF208", g=payer(1250), o=asker(1000), p=asker("0.000000000002USD"))
    assert found.message == "the cap is in wei, but there are prices in other currencies (USD: p); without a rate they cannot be compared"
    other_way = "; or say what one is worth, then it is a warning: livepeer_wei_per_usd: {wei: …, date: …}"
    assert found.hint == "write cap and prices in the same currency: the cap in USD, or the prices in wei" + other_way
    found = only("LPF208", g=payer("auto"), o=asker(1000), p=asker("0.000000000002USD"))
    assert found.message == "no cap can be worked out from prices in several currencies (USD: p; wei: o)"


OFFCHAIN_BESIDE = "a second, off-chain orchestrator beside, on another port, with livepeer_orchestrator_network: offchain"
PAID = f"livepeer_gateway_payment: onchain, with livepeer_network: {ARBITRUM}"


@pytest.mark.parametrize(
    ("hosts", "message", "hints"),
    [
        (
            {"g": gateway(), "o": asker(1)},
            "no video to o: an on-chain orchestrator refuses the request of an off-chain gateway",
            (PAID, "livepeer_gateway_discovery: list", "a price of 0 for its account", OFFCHAIN_BESIDE),
        ),
        (
            {"g": gateway(gateway_payment="none"), "o": asker(1)},
            "no video to o",
            (f"livepeer_gateway_payment: onchain, with livepeer_gateway_network: {ARBITRUM}",),
        ),
        (
            {"g": payer(1), "o": orchestrator()},
            "no video to o: an on-chain gateway drops an off-chain orchestrator",
            ("livepeer_gateway_payment: none", f"an orchestrator on {ARBITRUM} beside"),
        ),
        (
            {"g": gateway(**SIGNER), "o": orchestrator(orchestrator_ai_models=LIVE), "p": orchestrator(orchestrator_ai_models=LIVE)},
            "no live video to o, p: a gateway with a remote signer gives up",
            ("livepeer_gateway_payment: none, on a gateway of its own, without a signer",),
        ),
        (
            {"g": payer(1), "o": asker(1) | {"network": "rinkeby"}},
            f"no video to o: the gateway pays on {ARBITRUM}, the orchestrator is paid on rinkeby",
            ("livepeer_network: rinkeby",),
        ),
        (
            {"g": gateway(**SIGNER | {"gateway_workloads": ["video"]}), "o": asker(1)},
            "no video to o: a remote signer signs the question for the price but not the job",
            ("take video out of livepeer_gateway_workloads; or livepeer_gateway_payment: onchain", OFFCHAIN_BESIDE),
        ),
        (
            {"g": payer(1, gateway_workloads=["live_runner"]), "o": asker(1, orchestrator_flags=RUNNERS)},
            "no live runners to o: live runners are paid by a remote signer alone",
            ("livepeer_gateway_payment: remote_signer",),
        ),
        (
            {"g": gateway(gateway_workloads=["video", "ai"]), "o": asker(1, orchestrator_ai_models=IMAGES)},
            "no video and AI jobs to o",
            (),
        ),
    ],
)
def test_who_cannot_be_paid(hosts: Hosts, message: str, hints: tuple[str, ...]) -> None:
    found = only("LPF301", **hosts)
    assert message in found.message
    assert all(hint in found.hint for hint in hints), found.hint
    assert found.hosts[:2] == ("g", "o")


@pytest.mark.parametrize(("workload", "dies"), [("video", True), ("ai", False)])
def test_a_stream_that_ends_the_gateway_is_told(workload: str, dies: bool) -> None:
    found = only("LPF301", g=gateway(**SIGNER | {"gateway_workloads": [workload]}), o=asker(1, orchestrator_ai_models=IMAGES))
    assert ("the first segment of an RTMP stream ends the gateway's process" in found.message) is dies


def test_what_nobody_serves_is_said_once_for_all_of_it() -> None:
    found = only("LPF302", g=gateway(gateway_workloads=["video", "ai", "live_video"]), o=orchestrator(), p=orchestrator())
    assert found.message == "nobody that it may use serves AI jobs and live video: o, p"
    assert (found.variable, found.got, found.limit) == ("livepeer_gateway_workloads", "video, ai, live_video", "video")
    assert found.hint.startswith("take ai, live_video out of livepeer_gateway_workloads, or ")


def test_payment_on_a_chain_that_is_found_there_is_a_warning() -> None:
    runners = payer(1250, gateway_workloads=["live_runner"], gateway_discovery="onchain")
    found = only("LPF301", g=runners, o=asker(1, orchestrator_flags=RUNNERS))
    assert found.level is Level.WARNING


def test_weights_that_do_not_add_up() -> None:
    found = only("LPF504", g=payer("auto", gateway_select_price_weight="0.25"), o=asker(1))
    assert found.message == "the weights by which it chooses add up to 1.25 and not to 1, so that go-livepeer does not start"
    assert found.limit == (
        "livepeer_gateway_select_stake_weight: 0.7; livepeer_gateway_select_price_weight: 0.25; livepeer_gateway_select_rand_freq: 0.3"
    )
    assert found.hint == 'livepeer_gateway_select_stake_weight: "0.525" and livepeer_gateway_select_rand_freq: "0.225"'


@pytest.mark.parametrize(
    ("stake", "price", "chance", "hint"),
    [
        ("", "0.5", "", 'livepeer_gateway_select_stake_weight: "0.35" and livepeer_gateway_select_rand_freq: "0.15"'),
        ("0.5", "", "", 'livepeer_gateway_select_rand_freq: "0.5"'),
        ("0.5", "", "0.2", 'livepeer_gateway_select_price_weight: "0.3"'),
        ("0.5", "0.2", "0.2", 'livepeer_gateway_select_stake_weight: "0.6"'),
        ("0", "0.2", "0.2", 'livepeer_gateway_select_stake_weight: "0.6"'),
        ("0.9", "0.2", "", ""),
    ],
)
def test_weights_that_are_written_are_kept_and_the_others_fill_up(stake: str, price: str, chance: str, hint: str) -> None:
    weights = {"stake_weight": stake, "price_weight": price, "rand_freq": chance}
    written = {f"gateway_select_{name}": text for name, text in weights.items() if text}
    assert only("LPF504", g=payer("auto", **written), o=asker(1)).hint == hint


def test_more_orchestrators_than_a_line_holds() -> None:
    many = [f"https://orchestrator{n}.example.com:8935" for n in range(2000)]
    found = only("LPF504", g=gateway(gateway_discovery="list", gateway_orch_addr=many))
    assert found.message == "its 2,000 orchestrators make a line of 82,898 bytes, and go-livepeer stops reading at 65,535"
    assert found.limit == "about 1,581 orchestrators"


def test_the_inventory_knows_the_price_of_its_own() -> None:
    listed = payer("auto", gateway_discovery="list", gateway_orch_addr=[{"host": "o", "price_per_unit": 5, "pixels_per_unit": 2}])
    found = only("LPF504", g=listed, o=asker(1))
    assert (found.variable, found.got) == ("livepeer_gateway_orch_addr[0]", "5 for 2 pixels")
    assert found.limit == "the price in livepeer_orchestrator_price_per_unit of o"


def test_gateways_alike_are_one_finding() -> None:
    found = only("LPF301", g1=gateway(), g2=gateway(), g3=gateway(), o=asker(1))
    assert found.hosts == ("g1", "g2", "g3", "o")


def test_an_off_chain_orchestrator_on_a_list_of_a_payer() -> None:
    found = only("LPF301", g=payer(1250, gateway_discovery="list", gateway_orch_addr=["o", "p"]), o=orchestrator(), p=asker(1000))
    assert found.message.startswith("no video to o: an on-chain gateway drops an off-chain orchestrator")


def test_what_is_not_there_is_said_once() -> None:
    found = only("LPF304", g=gateway(gateway_discovery="list", gateway_orch_addr=["nobody"]), o=orchestrator())
    assert (found.variable, found.got) == ("livepeer_gateway_orch_addr[0]", "nobody")


def test_the_host_that_was_probably_meant() -> None:
    found = only("LPF304", g=gateway(gateway_discovery="list", gateway_orch_addr=["orch_1"]), orch1=orchestrator())
    assert found.hint == 'livepeer_gateway_orch_addr[0]: "orch1"'


def test_passwords_in_addresses_are_not_shown() -> None:
    url = "https://user:pass@orch1:8935"
    told = check(g=gateway(gateway_discovery="list", gateway_orch_addr=[url]), o=orchestrator(orchestrator_service_addr=url))
    assert [(one.code, one.got) for one in told] == [("LPF104", "https://...@orch1:8935")] * 2
    assert "pass" not in repr(told)


def test_an_address_is_shown_as_it_was_written() -> None:
    assert only("LPF102", h=combined(gateway_cli_addr="[::]:5935")).got == "[::]:5935"
    found = only("LPF101", h=combined(gateway_http_addr="[::]:8935", orchestrator_service_addr="192.0.2.1:8935"))
    assert (found.got, found.limit) == ("[::]:8935", "livepeer_orchestrator_service_addr: 192.0.2.1:8935")


def test_a_service_address_that_others_reach() -> None:
    loopback = {"orchestrator_service_addr": "127.0.0.1:8935"}
    for host, hint in {"192.0.2.7": "192.0.2.7:8935", "127.0.0.1": "o:8935"}.items():
        found = only("LPF104", g=gateway(), o=orchestrator(ansible_host=host, **loopback))
        assert found.hint == f'livepeer_orchestrator_service_addr: "{hint}"'


def test_a_free_node_name() -> None:
    aliases = {name: gateway(ansible_host="m", gateway_discovery="onchain") for name in ("a", "b", "c")}
    found = [finding for finding in check(**aliases) if finding.code == "LPF106"]
    assert [(finding.hosts, finding.hint) for finding in found] == [
        (("b", "a"), "livepeer_gateway_name: gateway2"),
        (("c", "a"), "livepeer_gateway_name: gateway3"),
    ]


def test_whoever_uses_a_loopback_address_is_named() -> None:
    found = only("LPF104", a=gateway(), b=gateway(), o=orchestrator(orchestrator_service_addr="127.0.0.1:8935"))
    assert found.hosts == ("o", "a", "b")
    assert found.message.endswith("gateways of other hosts use this orchestrator: a, b")
    assert found.hint == 'livepeer_orchestrator_service_addr: "o:8935"'


def test_the_whole_list_in_a_fixed_order() -> None:
    hosts = {
        "b": combined(**PAGE, gateway_cli_addr="0.0.0.0:5935"),
        "a": payer(1301, gateway_discovery="list", gateway_orch_addr=["p"]),
        "p": asker(1000),
        "c": gateway(gateway_discovery="onchain", gateway_max_price_per_unit=1),
    }
    found = check(**hosts)
    assert [finding.code for finding in found] == ["LPF101", "LPF102", "LPF303", "LPF202", "LPF204"]
    assert check(**dict(reversed(hosts.items()))) == found


def test_findings_of_one_host_are_not_merged_away() -> None:
    one = Finding("LPF101", Level.ERROR, "x", ("a", "z"))
    other = Finding("LPF101", Level.ERROR, "x", ("b", "z"))
    assert rules.merged([other, one]) == [Finding("LPF101", Level.ERROR, "x", ("a", "b", "z"))]
    assert rules.merged([Finding("LPF505", Level.ERROR, "no host")])[0].hosts == ()


@pytest.mark.parametrize(
    "hosts",
    [
        {"o": orchestrator(orchestrator_service_addr=8935)},
        {"g": payer(None, gateway_max_price_per_unit=1250), "o": asker(None)},
    ],
)
def test_what_the_parser_misses_is_not_a_second_finding(hosts: Hosts) -> None:
    assert codes(**hosts) == []


def test_an_empty_fleet_has_nothing_to_say() -> None:
    assert check() == ()


def test_no_rule_goes_through_the_fleet_for_each_of_its_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    """10,000 hosts would take ten minutes."""
    looked: list[int] = []
    whole = Fleet.nodes
    monkeypatch.setattr(Fleet, "nodes", property(lambda self: looked.append(1) or whole.fget(self)))  # type: ignore[attr-defined, func-returns-value]

    def looks(hosts: int) -> int:
        names = range(hosts)
        nodes = {f"c{name}": combined(orchestrator_ai_models=IMAGES, orchestrator_orch_secret="correct horse") for name in names}
        nodes |= {f"w{name}": ai_worker(f"c{name}") for name in names}
        nodes |= {f"t{name}": transcoder(f"c{name}", transcoder_max_sessions="auto") for name in names}
        own = {"orchestrator_max_sessions": "auto", "orchestrator_ai_worker": True, "orchestrator_transcoder": False}
        nodes |= {f"o{name}": orchestrator(orchestrator_ai_models=IMAGES, **own) for name in names}
        looked.clear()
        check(**nodes)
        return len(looked)

    assert looks(3) == looks(9)
