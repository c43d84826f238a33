# SPDX-License-Identifier: GPL-3.0-or-later
"""Known defects: the data, and for each of them a fleet that meets it and one that does not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils import rules
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.defects import defects
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.releases import newest, versions
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Fleet
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.defects import PREDICATES
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.survey import Survey
from ansible_collections.livepeer.fleet.tests.unit.rules.fleets import (
    Host,
    ai_worker,
    asker,
    combined,
    fleet,
    gateway,
    met,
    orchestrator,
    payer,
    signer,
    worked,
)

Hosts = dict[str, Host]
IMAGES = {"pipeline": "text-to-image", "model_id": "m"}
LIVE = {"pipeline": "live-video-to-video", "model_id": "noop"}
SIGNER: dict[str, object] = {"gateway_payment": "clearinghouse", "gateway_remote_signer": "https://signer:8935"}
OWN = {"archive": "/srv/own.tar.gz"}


def worker(role: str = "ai_worker", **variables: object) -> Host:
    """A host with a worker of the orchestrator on ``o``."""
    return {"group": f"livepeer_{role}s", f"{role}_orchestrator": "o", **variables}


def own(*models: object, **variables: object) -> Host:
    """A host whose orchestrator runs AI jobs itself."""
    return orchestrator(orchestrator_ai_worker=True, orchestrator_ai_models=list(models), **variables)


SECRET: dict[str, object] = {"orchestrator_orch_secret": "a long secret"}
ALIAS: dict[str, object] = {"ansible_host": "o", "orchestrator_name": "second", "orchestrator_cli_addr": ":7936"}
ALIAS["orchestrator_service_addr"] = "o:9936"

MEETS: dict[str, tuple[str, Hosts]] = {
    "rtmp-segment-ends-gateway": ("0.9.1", {"h": combined()}),
    "remote-live-video-ends-orchestrator": (
        "0.9.1",
        {"o": orchestrator(**SECRET, orchestrator_ai_models=[IMAGES, LIVE]), "w": worker()},
    ),
    "workers-remove-each-others-containers": ("0.8.8", {"o": own(IMAGES), "p": own(LIVE, **ALIAS)}),
    "runner-ports-public": ("0.8.5", {"o": own(IMAGES)}),
    "sigterm-unclean": ("0.8.8", {"o": orchestrator()}),
    "passwords-in-log": ("0.8.8", {"o": asker(1)}),
    "build-without-mainnet-tag": ("0.9.1", {"o": asker(1, **OWN)}),
    "signer-nonce-of-second-stream": ("0.9.1", {"g": gateway(**SIGNER, gateway_workloads=["live_video"])}),
    "signer-list-empty-after-start": ("0.9.1", {"s": signer(500, remote_signer_remote_discovery=True)}),
    "max-sessions-auto-without-transcoders": (
        "0.9.1",
        {"o": own(IMAGES, orchestrator_transcoder=False, orchestrator_max_sessions="auto")},
    ),
    "max-sessions-auto-combined": ("0.9.1", {"o": orchestrator(orchestrator_max_sessions="auto")}),
    "worker-at-plain-http": (
        "0.9.1",
        {
            "o": orchestrator(**SECRET, orchestrator_service_addr="http://o:8935", orchestrator_http_addr="http://:8935"),
            "w": worker("transcoder"),
        },
    ),
    "block-polling-panic": ("0.9.1", {"o": asker(1, orchestrator_flags={"blockPollingInterval": 0})}),
    "cap-report-panic": ("0.9.1", {"g": payer("any", gateway_flags={"liveAICapReportInterval": "0s"})}),
    "prompts-in-log": ("0.9.1", {"g": payer("any", gateway_workloads=["ai"])}),
}
AVOIDS: dict[str, tuple[str, Hosts]] = {
    # It pays by itself; it is not for video; LPF301 says the same of it.
    "rtmp-segment-ends-gateway": (
        "0.9.1",
        {"g": payer("any"), "h": gateway(gateway_workloads=["ai"]), "i": gateway(**SIGNER), "o": asker(1)},
    ),
    "remote-live-video-ends-orchestrator": (
        "0.9.1",
        {"o": own(LIVE, **SECRET), "w": worker(ai_worker_ai_models=[IMAGES]), "p": own(LIVE)},
    ),
    "workers-remove-each-others-containers": ("0.8.9", {"o": own(IMAGES), "p": own(LIVE, **ALIAS)}),
    "runner-ports-public": ("0.8.5", {"o": own(IMAGES | {"url": "http://r:9000"})}),
    "sigterm-unclean": ("0.8.9", {"o": orchestrator()}),
    "passwords-in-log": ("0.8.8", {"o": orchestrator()}),
    "build-without-mainnet-tag": ("0.9.1", {"o": asker(1), "p": orchestrator(**OWN), "q": asker(1, **OWN) | {"network": "rinkeby"}}),
    "signer-nonce-of-second-stream": ("0.9.1", {"g": payer("any", gateway_workloads=["live_video"])}),
    "signer-list-empty-after-start": (
        "0.9.1",
        {
            "s": signer(500),
            "t": signer(500, remote_signer_remote_discovery=True, remote_signer_flags={"liveAICapReportInterval": "1m"}),
        },
    ),
    "max-sessions-auto-without-transcoders": (
        "0.9.1",
        {"o": own(IMAGES, orchestrator_max_sessions="auto", **SECRET), "t": worker("transcoder")},
    ),
    "max-sessions-auto-combined": ("0.9.1", {"o": orchestrator(orchestrator_max_sessions=5)}),
    "worker-at-plain-http": ("0.9.1", {"o": orchestrator(**SECRET), "w": worker("transcoder")}),
    "block-polling-panic": ("0.9.1", {"o": asker(1, orchestrator_flags={"blockPollingInterval": 10})}),
    "cap-report-panic": ("0.9.1", {"g": payer("any", gateway_flags={"liveAICapReportInterval": "25m0s"})}),
    "prompts-in-log": ("0.9.1", {"g": payer("any")}),
}


def of(version: str, hosts: Hosts) -> list[Finding]:
    """The defects that a fleet would meet with another version."""
    found = fleet(**hosts)
    older = {
        name: replace(host, nodes=tuple(replace(node, release=replace(node.release, behaves_like=version)) for node in host.nodes))
        for name, host in found.hosts.items()
    }
    return [one for one in rules.check(Survey(Fleet(older))) if one.code == "LPF506"]


def test_the_data_is_whole() -> None:
    known = defects()
    assert len({one.id for one in known}) == len(known)
    assert {one.condition for one in known} == set(PREDICATES)
    for one in known:
        assert one.since in versions() and (one.until is None or one.until in versions())
        assert one.level in {level.value for level in Level}
        assert one.certainty in {"seen", "read"}
        assert one.known_in(one.since) and one.known_in(one.until or newest())
        assert all(text and not text.endswith(".") for text in (one.effect, one.way_around, one.source))


def test_every_defect_has_a_fleet_that_meets_it_and_one_that_does_not() -> None:
    assert set(MEETS) == set(AVOIDS) == {one.id for one in defects()}


@pytest.mark.parametrize("name", MEETS)
def test_met(name: str) -> None:
    defect = next(one for one in defects() if one.id == name)
    version, hosts = MEETS[name]
    (one,) = [one for one in of(version, hosts) if one.message.startswith(defect.effect)]
    assert (one.level.value, one.hint, one.limit) == (defect.level, defect.way_around, defect.versions)
    assert one.variable.startswith("livepeer_")
    assert one.got
    if defect.until and versions().index(defect.until) + 1 < len(versions()):
        later = versions()[versions().index(defect.until) + 1]
        assert not [one for one in of(later, hosts) if one.message.startswith(defect.effect)]


@pytest.mark.parametrize("name", AVOIDS)
def test_avoided(name: str) -> None:
    defect = next(one for one in defects() if one.id == name)
    assert not [one for one in of(*AVOIDS[name]) if one.message.startswith(defect.effect)]


def test_gateways_alike_make_one_finding() -> None:
    (one,) = met(**{f"h{number}": combined() for number in range(20)})
    assert (len(one.hosts), one.level, one.got) == (20, Level.WARNING, "127.0.0.1:1935 (default)")


def test_what_is_said_of_an_archive_is_said_once() -> None:
    found = met(a=asker(1, **OWN), b=asker(1, **OWN), g=payer("any", **OWN))
    assert [(one.hosts, one.node) for one in found] == [(("a", "b", "g"), "")]


def test_a_list_that_a_worker_inherits_is_mended_at_its_orchestrator() -> None:
    live = [{"pipeline": "live-video-to-video", "model_id": "noop"}]
    (one,) = [one for one in met(o=worked(orchestrator_ai_models=live), w=ai_worker()) if one.variable.endswith("[0]")]
    assert (one.hosts, one.node, one.variable) == (("o", "w"), "orchestrator", "livepeer_orchestrator_ai_models[0]")
    (one,) = [one for one in met(o=worked(), w=ai_worker(ai_worker_ai_models=live)) if one.variable.endswith("[0]")]
    assert (one.hosts, one.node, one.variable) == (("w",), "ai_worker", "livepeer_ai_worker_ai_models[0]")
