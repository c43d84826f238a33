# SPDX-License-Identifier: GPL-3.0-or-later
"""What every edge should be, slowly and pair by pair: from the text of the issue and the measured table, not from the code.

It knows inventories as the strategies of ``test_reference.py`` write them: prices in wei, exact models, no gas, no refused value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ansible_collections.livepeer.fleet.tests.unit.rules.fleets import Host

FREE, PAID, REFUSED = "free", "paid", "refused"

TABLE = {
    ("offchain", "offchain"): {"video": FREE, "ai": FREE, "live_video": FREE, "live_runner": FREE},
    ("offchain", "onchain"): {"video": REFUSED, "ai": REFUSED, "live_video": REFUSED, "live_runner": REFUSED},
    ("signer", "offchain"): {"video": FREE, "ai": FREE, "live_video": REFUSED, "live_runner": FREE},
    ("signer", "onchain"): {"video": REFUSED, "ai": REFUSED, "live_video": PAID, "live_runner": PAID},
    ("onchain", "offchain"): {"video": REFUSED, "ai": REFUSED, "live_video": REFUSED, "live_runner": FREE},
    ("onchain", "onchain"): {"video": PAID, "ai": PAID, "live_video": PAID, "live_runner": REFUSED},
}
"""Who can pay whom: the issue's table, with what was measured where it asks for that."""

PIXELS = {"text-to-image", "live-video-to-video", ""}
"""Pipelines that are paid by the pixel, video among them."""

Pair = tuple[str, str, tuple[str, str, str]]
"""Gateway, orchestrator, and kind, pipeline and model."""


@dataclass(frozen=True)
class Expected:
    """The fields of an edge under their own names."""

    reachable: bool
    payable: str
    enforced_by: str = "nobody"
    price: Fraction | None = None
    cap: Fraction | None = None
    headroom: Fraction | None = None
    most: Fraction | None = None
    verdict: str = "good"
    codes: tuple[str, ...] = ()


def expected(hosts: dict[str, Host]) -> dict[Pair, Expected]:
    """Every edge of an inventory."""
    return {
        (gateway, orchestrator, workload): _edge(hosts, gateway, orchestrator, workload)
        for gateway in hosts
        if _is(hosts[gateway], "gateways")
        for orchestrator in _candidates(hosts, gateway)
        for workload in _both(hosts, gateway, orchestrator)
    }


def _is(host: Host, role: str) -> bool:
    return host["group"] in (f"livepeer_{role}", "livepeer_combined")


def _network(host: Host, role: str) -> str:
    if role == "gateway" and host.get("gateway_payment") in ("none", "remote_signer", "clearinghouse"):
        return "offchain"
    return str(host.get(f"{role}_network", host.get("network", "offchain")))


def _mode(gateway: Host) -> str:
    if gateway.get("gateway_payment") in ("remote_signer", "clearinghouse"):
        return "signer"
    return "offchain" if _network(gateway, "gateway") == "offchain" else "onchain"


def _asked(gateway: Host) -> list[str]:
    return list(gateway.get("gateway_workloads", ["video"]))  # type: ignore[call-overload]


def _models(orchestrator: Host) -> list[dict[str, Any]]:
    return list(orchestrator.get("orchestrator_ai_models", []))  # type: ignore[call-overload]


def _served(orchestrator: Host) -> list[tuple[str, str, str]]:
    transcodes = orchestrator.get("orchestrator_transcoder", True) or not orchestrator.get("orchestrator_ai_worker")
    found = [("video", "", "")] if transcodes else []
    for model in _models(orchestrator):
        kind = "live_video" if model["pipeline"] == "live-video-to-video" else "ai"
        found.append((kind, model["pipeline"], model["model_id"]))
    return found + ([("live_runner", "", "")] if "orchestrator_flags" in orchestrator else [])


def _both(hosts: dict[str, Host], gateway: str, orchestrator: str) -> list[tuple[str, str, str]]:
    return [workload for workload in _served(hosts[orchestrator]) if workload[0] in _asked(hosts[gateway])]


def _outcome(gateway: Host, orchestrator: Host, kind: str) -> str:
    one, other = _network(gateway, "gateway"), _network(orchestrator, "orchestrator")
    if "offchain" not in (one, other) and one != other:
        return REFUSED
    return TABLE[_mode(gateway), "offchain" if other == "offchain" else "onchain"][kind]


def _discovery(host: Host) -> str:
    return str(host.get("gateway_discovery", "local" if host["group"] == "livepeer_combined" else "inventory"))


def _candidates(hosts: dict[str, Host], gateway: str) -> list[str]:
    every = [name for name in hosts if _is(hosts[name], "orchestrators")]
    host = hosts[gateway]
    if _discovery(host) == "local":
        return [gateway] if gateway in every else []
    if _discovery(host) == "list":
        return [name for name in dict.fromkeys(host["gateway_orch_addr"]) if name in every]  # type: ignore[call-overload]
    if _discovery(host) == "onchain":
        mine = _network(host, "gateway")
        return [name for name in every if mine != "offchain" and _network(hosts[name], "orchestrator") == mine]
    fitting = [name for name in every if any(_outcome(host, hosts[name], kind) != REFUSED for kind, _p, _m in _both(hosts, gateway, name))]
    return fitting or every


def _price(hosts: dict[str, Host], gateway: str, orchestrator: str, workload: tuple[str, str, str]) -> Fraction | None:
    """The base price; an entry of the gateway's own account before the common one."""
    host = hosts[orchestrator]
    kind, pipeline, model_id = workload
    if kind == "live_runner":
        return None
    if kind != "video":
        (model,) = (model for model in _models(host) if (model["pipeline"], model["model_id"]) == (pipeline, model_id))
        return Fraction(model["price_per_unit"])
    account = hosts[gateway].get("gateway_eth_acct_addr") if _mode(hosts[gateway]) == "onchain" else None
    for entry in host.get("orchestrator_price_per_gateway", []):  # type: ignore[attr-defined]
        if entry["ethaddress"] == account:
            return Fraction(entry["priceperunit"])
    return Fraction(str(host["orchestrator_price_per_unit"]))


def _paid(hosts: dict[str, Host], gateway: str) -> Iterator[tuple[str, tuple[str, str, str], Fraction]]:
    """Everything that a gateway, or whoever shares its signer, is asked to pay."""
    signer = hosts[gateway].get("gateway_remote_signer")
    among = [name for name, host in hosts.items() if _is(host, "gateways") and signer and host.get("gateway_remote_signer") == signer]
    for name in among or [gateway]:
        for orchestrator in _candidates(hosts, name):
            for workload in _both(hosts, name, orchestrator):
                paid = _outcome(hosts[name], hosts[orchestrator], workload[0]) == PAID
                price = _price(hosts, name, orchestrator, workload) if paid else None
                if price is not None:
                    yield orchestrator, workload, price


def _cap(hosts: dict[str, Host], gateway: str, workload: tuple[str, str, str]) -> tuple[str, Fraction | None]:
    """Where the cap of a workload stands, and the cap; without one the code that says so ("" if that is meant)."""
    if _mode(hosts[gateway]) == "signer":
        return _declared(hosts[gateway], workload)
    flag = _flag(hosts, gateway)
    if workload[0] == "video":
        return flag
    own = _own(hosts, gateway, workload)
    if own is not None:
        return own
    code, cap = flag
    if cap is None:
        return (code and "LPF207"), None
    return ("fallen through", cap) if workload[1] in PIXELS else ("LPF207", None)


def _declared(host: Host, workload: tuple[str, str, str]) -> tuple[str, Fraction | None]:
    """A signer's one cap; runners are not paid by the pixel, and any cap blocks them all."""
    declared = host["gateway_remote_signer"]["max_price_per_unit"]  # type: ignore[index]
    if declared == "any":
        return "", None
    return ("LPF207", None) if workload[0] == "live_runner" else ("signer", Fraction(declared))


def _flag(hosts: dict[str, Host], gateway: str) -> tuple[str, Fraction | None]:
    written = hosts[gateway].get("gateway_max_price_per_unit", "")
    if written in ("", "any"):
        return ("" if written else "LPF203"), None
    cap = _highest(hosts, gateway, [("video", "", "")]) if written == "auto" else Fraction(str(written))
    return ("LPF203", None) if cap is None else ("flag", cap)


def _own(hosts: dict[str, Host], gateway: str, workload: tuple[str, str, str]) -> tuple[str, Fraction | None] | None:
    """The cap of a model: its own entry, else that of its pipeline; None where there is neither."""
    entries: Any = hosts[gateway].get("gateway_max_price_per_capability", [])
    if entries == "any":
        return "", None
    if entries == "auto":
        return f"auto {workload}", _highest(hosts, gateway, [workload])
    for wanted in (workload[2], "default"):
        for place, entry in enumerate(entries):
            if (entry["pipeline"], entry["model_id"]) == (workload[1], wanted):
                return f"entry {place}", Fraction(entry["price_per_unit"])
    return None


def _highest(hosts: dict[str, Host], gateway: str, workloads: list[tuple[str, str, str]]) -> Fraction | None:
    """The upper edge of the band: 30 % over the highest price."""
    prices = [price for _orchestrator, workload, price in _paid(hosts, gateway) if workload in workloads]
    return max(prices) * Fraction(130, 100) if prices else None


def _edge(hosts: dict[str, Host], gateway: str, orchestrator: str, workload: tuple[str, str, str]) -> Expected:
    routed = workload[0] == "video" or not str(hosts[gateway].get("gateway_http_addr", "")).startswith("0.0.0.0")
    address = str(hosts[orchestrator].get("orchestrator_service_addr", orchestrator))
    led = gateway == orchestrator or not address.startswith(("127.", "localhost"))
    lost = {*(() if led else ("LPF104",)), *(() if routed else ("LPF107",))}
    outcome = _outcome(hosts[gateway], hosts[orchestrator], workload[0])
    discovered = _discovery(hosts[gateway]) == "onchain"
    if outcome == REFUSED:
        codes = lost | {"LPF301"}
        return Expected(led and routed, outcome, verdict=_verdict(codes, outcome, discovered), codes=tuple(sorted(codes)))
    if outcome == FREE:
        return Expected(led and routed, outcome, verdict=_verdict(lost, outcome, discovered), codes=tuple(sorted(lost)))
    return _capped(hosts, gateway, orchestrator, workload, lost)


def _capped(hosts: dict[str, Host], gateway: str, orchestrator: str, workload: tuple[str, str, str], lost: set[str]) -> Expected:
    signed, discovered = _mode(hosts[gateway]) == "signer", _discovery(hosts[gateway]) == "onchain"
    price = _price(hosts, gateway, orchestrator, workload)
    where, cap = _cap(hosts, gateway, workload)
    enforced_by = "signer" if signed else "nobody" if cap is None else "gateway"
    if cap is None or price is None:
        codes = lost | ({where} if where.startswith("LPF") else set())
        verdict = _verdict(codes, PAID, discovered, known=price is not None)
        return Expected(not lost, PAID, enforced_by, price, verdict=verdict, codes=tuple(sorted(codes)))
    adjusts = hosts[orchestrator]["orchestrator_auto_adjust_price"]
    codes = set(lost)
    if cap < (price * Fraction(120, 100) if adjusts else price):
        codes.add("LPF201")
    elif not discovered and _above(hosts, gateway, where, cap):
        codes.add("LPF202")
    return Expected(
        reachable=not lost,
        payable=PAID,
        enforced_by=enforced_by,
        price=price,
        cap=cap,
        headroom=(cap - price) * 100 / price,
        most=cap if signed else 2 * cap,
        verdict=_verdict(codes, PAID, discovered),
        codes=tuple(sorted(codes)),
    )


def _above(hosts: dict[str, Host], gateway: str, where: str, cap: Fraction) -> bool:
    """More than 30 % over the dearest of all that this cap is for."""
    shared = {workload for _o, workload, _price in _paid(hosts, gateway) if _cap(hosts, gateway, workload)[0] == where}
    highest = _highest(hosts, gateway, sorted(shared))
    return highest is not None and cap > highest


def _verdict(codes: set[str], outcome: str, discovered: bool, *, known: bool = True) -> str:
    mild = {"LPF202"} | ({"LPF201", "LPF301"} if discovered else set())
    if codes - mild:
        return "refused"
    if not known:
        return "unknown"
    return "warning" if codes else "free (off-chain)" if outcome == FREE else "good"
