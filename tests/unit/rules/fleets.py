# SPDX-License-Identifier: GPL-3.0-or-later
"""Fleets of short inventories: what an operator writes, without ``livepeer_`` in front, through the parser."""

from __future__ import annotations

from ansible_collections.livepeer.fleet.plugins.plugin_utils import rules
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Fleet
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.inventory import Inventory
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.parser import parse_fleet
from ansible_collections.livepeer.fleet.plugins.plugin_utils.routes import Route, routes
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.survey import Survey

ARBITRUM = "arbitrum-one-mainnet"
Host = dict[str, object]


def gateway(**variables: object) -> Host:
    """A host with a gateway."""
    return {"group": "livepeer_gateways", **variables}


def orchestrator(**variables: object) -> Host:
    """A host with an orchestrator."""
    return {"group": "livepeer_orchestrators", **variables}


def combined(**variables: object) -> Host:
    """A host with both."""
    return {"group": "livepeer_combined", **variables}


def worked(**variables: object) -> Host:
    """A host with an orchestrator that has a secret for its workers."""
    return orchestrator(orchestrator_orch_secret="correct horse", **variables)


def served(**variables: object) -> Host:
    """The same with a model."""
    return worked(orchestrator_ai_models=[{"pipeline": "llm", "model_id": "m"}], **variables)


def transcoder(orchestrator_host: str = "o", **variables: object) -> Host:
    """A host with a transcoder of this orchestrator."""
    return {"group": "livepeer_transcoders", "transcoder_orchestrator": orchestrator_host, **variables}


def ai_worker(orchestrator_host: str = "o", **variables: object) -> Host:
    """A host with an AI worker of this orchestrator, whose models it has."""
    return {"group": "livepeer_ai_workers", "ai_worker_orchestrator": orchestrator_host, **variables}


def redeemer(**variables: object) -> Host:
    """A host with a redeemer on-chain, reachable from others."""
    return {"group": "livepeer_redeemers", "redeemer_network": ARBITRUM, "redeemer_http_addr": "10.0.0.9:9937", **variables}


def keys(role: str) -> Host:
    """What a node of a role needs on a chain beside its network."""
    return {"eth_url": "https://rpc.example/", f"{role}_keystore": '{"version": 3}', f"{role}_eth_password": "correct horse"}


def payer(cap: object = None, **variables: object) -> Host:
    """A host with a gateway that pays on-chain, with this cap if it is not None."""
    return gateway(network=ARBITRUM, **({} if cap is None else {"gateway_max_price_per_unit": cap}), **variables)


def asker(price: object, *, adjusts: bool = True, **variables: object) -> Host:
    """A host with an orchestrator that is paid on-chain."""
    return orchestrator(
        network=ARBITRUM, orchestrator_price_per_unit=price, orchestrator_auto_adjust_price=adjusts, orchestrator_reward=False, **variables
    )


def signer(cap: object = None, **variables: object) -> Host:
    """A host with a remote signer, with this cap if it is not None."""
    own = {} if cap is None else {"remote_signer_max_price_per_unit": cap}
    return {"group": "livepeer_remote_signers", "network": ARBITRUM, **own, **variables}


def fleet(**hosts: Host) -> Fleet:
    """The fleet of an inventory, see ``parsed``."""
    return parsed(**hosts)[0]


def parsed(**hosts: Host) -> tuple[Fleet, tuple[Finding, ...]]:
    """The fleet of an inventory and what the parser says of it.

    Version 0.9.1; an orchestrator's service address is its host at port 8935 unless it says another.
    """
    groups: dict[str, list[str]] = {"all": list(hosts)}
    hostvars: dict[str, dict[str, object]] = {}
    for name, variables in hosts.items():
        group = str(variables["group"])
        groups.setdefault(group, []).append(name)
        rest = {key: value for key, value in variables.items() if key != "group"}
        if group in ("livepeer_orchestrators", "livepeer_combined"):
            rest.setdefault("orchestrator_service_addr", f"{name}:8935")
        written = {key if key.startswith("ansible_") else f"livepeer_{key}": value for key, value in rest.items()}
        hostvars[name] = {"livepeer_version": "0.9.1", **written}
    return parse_fleet(Inventory(groups, hostvars), archive_checksum=lambda _path: "")


DEFECT = "LPF506"


def check(**hosts: Host) -> tuple[Finding, ...]:
    """What the rules say of an inventory, without the infos: fleets of a test state neither gas nor funds.

    Without known defects too: every gateway off-chain has one.
    """
    return tuple(one for one in rules.check(Survey(fleet(**hosts))) if one.level is not Level.INFO and one.code != DEFECT)


def met(**hosts: Host) -> tuple[Finding, ...]:
    """The known defects that an inventory meets."""
    return tuple(one for one in rules.check(Survey(fleet(**hosts))) if one.code == DEFECT)


def codes(**hosts: Host) -> list[str]:
    """Codes of what the rules say of an inventory."""
    return [finding.code for finding in check(**hosts)]


def only(code: str, **hosts: Host) -> Finding:
    """The one finding that there is, which has this code."""
    found = check(**hosts)
    assert [finding.code for finding in found] == [code], found
    return found[0]


def route(**hosts: Host) -> Route:
    """The route of the one gateway of an inventory."""
    (found,) = routes(fleet(**hosts))
    return found
