# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan costs, step by step, for fleets of growing size: ``python tests/benchmarks/plan.py [HOSTS …]``."""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / ".cache" / "collections"))

from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.inventory import Inventory  # noqa: E402
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.parser import parse_fleet  # noqa: E402
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan import plan_fleet, read_plan, write_plan  # noqa: E402
from ansible_collections.livepeer.fleet.plugins.plugin_utils.report.junit import junit  # noqa: E402
from ansible_collections.livepeer.fleet.plugins.plugin_utils.report.page import page  # noqa: E402
from ansible_collections.livepeer.fleet.plugins.plugin_utils.report.table import Screen  # noqa: E402
from ansible_collections.livepeer.fleet.plugins.plugin_utils.report.terminal import report  # noqa: E402

SIZES = (10, 100, 1_000, 10_000)
KEYSTORE = '{"version": 3}'
TEMPLATES = ROOT / "roles" / "node" / "templates"
RELEASE = {"livepeer_version": "0.9.1", "livepeer_archive": "/srv/livepeer-linux-amd64.tar.gz"}

T = TypeVar("T")


def combined(hosts: int) -> Inventory:
    """Every host has both roles and uses its own orchestrator."""
    names = [f"host{number}" for number in range(hosts)]
    variables = {name: {**RELEASE, "livepeer_orchestrator_service_addr": f"{name}.example.com:8935"} for name in names}
    return Inventory({"livepeer_combined": names}, variables)


PAYING_GATEWAY = {"livepeer_gateway_keystore": KEYSTORE, "livepeer_gateway_eth_password": "long enough"}
PAID_ORCHESTRATOR = {
    "livepeer_orchestrator_keystore": KEYSTORE,
    "livepeer_orchestrator_eth_password": "long enough",
    "livepeer_orchestrator_auto_adjust_price": True,
    "livepeer_orchestrator_reward": False,
}


def separate(hosts: int) -> Inventory:
    """A tenth of the hosts are gateways, each of which may use every orchestrator; all of it is paid for."""
    paid = {
        **RELEASE,
        "livepeer_network": "arbitrum-one-mainnet",
        "livepeer_eth_url": "https://rpc.example.com/key",
    }
    gateways = [f"gateway{number}" for number in range(hosts // 10)]
    orchestrators = [f"orchestrator{number}" for number in range(hosts - len(gateways))]
    variables: dict[str, dict[str, object]] = {}
    for name in gateways:
        variables[name] = {**paid, **PAYING_GATEWAY, "livepeer_gateway_max_price_per_unit": "auto"}
    for number, name in enumerate(orchestrators):
        variables[name] = {
            **paid,
            **PAID_ORCHESTRATOR,
            "livepeer_orchestrator_service_addr": f"{name}.example.com:8935",
            "livepeer_orchestrator_price_per_unit": 1000 + number % 7,
        }
    return Inventory({"livepeer_gateways": gateways, "livepeer_orchestrators": orchestrators}, variables)


MODELS = (("text-to-image", "a/lightning"), ("text-to-image", "b/turbo"), ("llm", "c/chat"), ("live-video-to-video", "d/live"))


def several(hosts: int) -> Inventory:
    """The same with AI: each orchestrator serves two of four models, for which each gateway has its caps, its gas and its reserve."""
    inventory = separate(hosts)
    variables: dict[str, dict[str, object]] = {name: dict(values) for name, values in inventory.hostvars.items()}
    for number, name in enumerate(inventory.groups["livepeer_gateways"]):
        variables[name] |= {
            "livepeer_gateway_workloads": ["video", "ai", "live_video"],
            "livepeer_gateway_max_price_per_capability": "auto",
            "livepeer_gateway_reserve_eth": str(2 + number % 5),
            "livepeer_gateway_deposit_eth": "1",
            "livepeer_expected_gas_gwei": ["0.01", "0.1"],
            "livepeer_pool_size": 100,
        }
    for number, name in enumerate(inventory.groups["livepeer_orchestrators"]):
        models = (MODELS[number % 4], MODELS[(number + 1) % 4])
        variables[name]["livepeer_orchestrator_ai_models"] = [
            {"pipeline": pipeline, "model_id": model, "url": "http://runner:8000", "price_per_unit": 50 + number % 3}
            for pipeline, model in models
        ]
    return Inventory(inventory.groups, variables)


def different(hosts: int) -> Inventory:
    """All pays for video, and no two are alike: each gateway has a reserve of its own and each orchestrator a price."""
    inventory = separate(hosts)
    variables: dict[str, dict[str, object]] = {name: dict(values) for name, values in inventory.hostvars.items()}
    for number, name in enumerate(inventory.groups["livepeer_gateways"]):
        variables[name] |= {
            "livepeer_gateway_reserve_eth": f"{2 + number // 100}.{number % 100:02}",
            "livepeer_gateway_deposit_eth": "1",
            "livepeer_expected_gas_gwei": ["0.01", "0.1"],
            "livepeer_pool_size": 100,
        }
    for number, name in enumerate(inventory.groups["livepeer_orchestrators"]):
        variables[name]["livepeer_orchestrator_price_per_unit"] = 10_000 + number
    return Inventory(inventory.groups, variables)


def workers(hosts: int) -> Inventory:
    """A gateway and a tenth of orchestrators, whose work is done by transcoders and AI workers on all of the other hosts."""
    orchestrators = [f"orchestrator{number}" for number in range(hosts // 10)]
    others = [f"worker{number}" for number in range(hosts - len(orchestrators) - 1)]
    half = len(others) // 2
    variables: dict[str, dict[str, object]] = {"gateway": dict(RELEASE)}
    for name in orchestrators:
        variables[name] = {
            **RELEASE,
            "livepeer_orchestrator_service_addr": f"{name}.example.com:8935",
            "livepeer_orchestrator_orch_secret": "long enough",
            "livepeer_orchestrator_ai_models": [{"pipeline": "llm", "model_id": "c/chat", "url": "http://runner:8000"}],
        }
    for number, name in enumerate(others):
        role = "transcoder" if number < half else "ai_worker"
        variables[name] = {**RELEASE, f"livepeer_{role}_orchestrator": orchestrators[number % len(orchestrators)]}
    groups = {"livepeer_transcoders": others[:half], "livepeer_ai_workers": others[half:]}
    return Inventory({"livepeer_gateways": ["gateway"], "livepeer_orchestrators": orchestrators, **groups}, variables)


def timed(steps: dict[str, float], name: str, action: Callable[[], T]) -> T:
    """The action's result; its seconds go into ``steps``."""
    start = time.perf_counter()
    result = action()
    steps[name] = time.perf_counter() - start
    return result


def measure(inventory: Inventory) -> tuple[dict[str, float], str]:
    """Seconds of each step, and what came out."""
    steps: dict[str, float] = {}
    fleet, findings = timed(steps, "parse", lambda: parse_fleet(inventory, archive_checksum=lambda _archive: "ab" * 32))
    plan = timed(steps, "plan", lambda: plan_fleet(fleet, findings, TEMPLATES))
    timed(steps, "report", lambda: report(plan, Screen()))
    timed(steps, "page", lambda: page(plan))
    timed(steps, "junit", lambda: junit(plan))
    with tempfile.TemporaryDirectory() as folder:
        timed(steps, "write", lambda: write_plan(plan, Path(folder)))
        size = sum(path.stat().st_size for path in Path(folder).rglob("*.json"))
        timed(steps, "read", lambda: read_plan(Path(folder)))
    verdict = "refused" if plan.refused else "good"
    edges = sum(edge.count for edge in plan.edges)
    return steps, f"{edges:,} edges in {len(plan.edges):,} groups, {len(plan.findings)} findings, {size / 1e6:.1f} MB, {verdict}"


def main(sizes: tuple[int, ...]) -> None:
    """Print a line a size, and how the time grew since the one before."""
    kinds = {"combined": combined, "separate": separate, "several": several, "workers": workers, "different": different}
    for name, build in kinds.items():
        before = 0.0
        for hosts in sizes:
            steps, what = measure(build(hosts))
            total = sum(steps.values())
            growth = f"{total / before:6.1f} times the one before" if before else ""
            before = total
            shares = "  ".join(f"{step} {seconds:7.3f}" for step, seconds in steps.items())
            print(f"{name:9} {hosts:7,} hosts  {shares}  all {total:7.3f} s  {what}  {growth}")
            print(f"{'':9} most memory so far {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    print(f"most memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main(tuple(int(size.replace(",", "")) for size in sys.argv[1:]) or SIZES)
