# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports and images of AI runners: the formula against what the real functions returned, and who is in whose way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.ai import as_written, runner_ports
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts import runners
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.pipelines import pipelines
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Level
from ansible_collections.livepeer.fleet.tests.unit.model.inventories import orchestrator as parsed
from ansible_collections.livepeer.fleet.tests.unit.rules.fleets import Host, asker, check, fleet, orchestrator, payer

RECORDED = json.loads((Path(__file__).parent / "recorded" / "runner-ports-0.9.1.json").read_text(encoding="utf-8"))
LAST_PORT = 65535
IMAGES = {"pipeline": "text-to-image", "model_id": "m"}
LIVE = {"pipeline": "live-video-to-video", "model_id": "noop"}


def worker(*models: dict[str, object], **variables: object) -> Host:
    """A host whose orchestrator runs these models itself."""
    return orchestrator(orchestrator_ai_worker=True, orchestrator_ai_models=list(models) or [IMAGES], **variables)


def slots(count: int) -> dict[str, object]:
    """As many containers on a GPU."""
    return {"orchestrator_containers_per_gpu": count}


@pytest.mark.parametrize("pipeline", pipelines())
def test_the_formula_is_the_recorded_one(pipeline: str) -> None:
    for gpu, port in RECORDED["single"][pipeline].items():
        if int(gpu) < runners.gpus():
            assert runners.port("0.9.1", pipeline, 0, int(gpu)) == int(port)
    for slot, gpus in RECORDED["colocated"][pipeline].items():
        for gpu, port in gpus.items():
            if int(gpu) < runners.gpus() and int(slot) < runners.slots("0.9.1"):
                assert runners.port("0.9.1", pipeline, int(slot), int(gpu)) == int(port)
    # A node without a GPU emulates one, which has the ports of GPU 0.
    assert runners.port("0.9.1", pipeline, 3, 0) == int(RECORDED["emulated_cpu"][pipeline]["3"])


@pytest.mark.parametrize("pipeline", pipelines())
def test_the_limits_are_where_the_recorded_ports_end(pipeline: str) -> None:
    recorded = RECORDED["colocated"][pipeline]
    assert int(recorded["0"]["9"]) <= LAST_PORT < int(recorded["0"]["10"])
    assert recorded["10"] == recorded["1"]
    for slot, gpu in ((0, 10), (10, 0), (-1, 0), (0, -1)):
        with pytest.raises(LookupError):
            runners.port("0.9.1", pipeline, slot, gpu)


def test_no_two_containers_share_a_port() -> None:
    ports = [
        runners.port("0.9.1", name, slot, gpu)
        for name in pipelines()
        for slot in range(runners.slots("0.9.1"))
        for gpu in range(runners.gpus())
    ]
    assert len(set(ports)) == len(ports) == 1000
    assert (min(ports), max(ports)) == (8000, 8999)


def test_older_versions_have_one_container_on_a_gpu_and_show_it_to_everybody() -> None:
    assert (runners.slots("0.8.4"), runners.port("0.8.4", "llm", 0, 3)) == (1, 8503)
    assert (runners.slots("0.8.5"), runners.port("0.8.5", "llm", 2, 1)) == (10, 8521)
    assert (runners.host("0.8.5"), runners.host("0.8.6")) == ("", "127.0.0.1")


@pytest.mark.parametrize(
    ("nvidia", "per_gpu", "ranges"),
    [
        ({}, 1, ((8000, 8000),)),
        ({"orchestrator_nvidia": "0,1,3"}, 1, ((8000, 8001), (8003, 8003))),
        ({"orchestrator_nvidia": "0,1"}, 2, ((8000, 8001), (8010, 8011))),
        ({"orchestrator_nvidia": "all"}, 1, ((8000, 8009),)),
        ({"orchestrator_nvidia": "9,10"}, 1, ((8009, 8009),)),
    ],
)
def test_the_ports_of_a_node(nvidia: dict[str, object], per_gpu: int, ranges: tuple[tuple[int, int], ...]) -> None:
    (node,) = fleet(o=worker(**nvidia, **slots(per_gpu))).nodes
    (ports,) = runner_ports(node)
    assert (ports.ranges, ports.address, ports.exposure.value) == (ranges, "127.0.0.1", "loopback")


def test_what_runs_elsewhere_takes_no_port() -> None:
    assert not list(runner_ports(fleet(o=worker(IMAGES | {"url": "http://10.0.0.5:9000"})).nodes[0]))
    assert not list(runner_ports(fleet(o=orchestrator(orchestrator_ai_models=[IMAGES])).nodes[0]))


def found(code: str, **hosts: Host) -> list[str]:
    """Messages of one code."""
    return [finding.message for finding in check(**hosts) if finding.code == code]


def test_the_service_address_in_the_way_of_the_fourth_live_container() -> None:
    variables: dict[str, object] = {"orchestrator_nvidia": "4,5"}
    (one,) = [finding for finding in check(o=worker(LIVE, **variables, **slots(4))) if finding.code == "LPF103"]
    assert one.message == (
        "orchestrator rpc (0.0.0.0:8935) lies on a port that a live-video-to-video runner of orchestrator can take: slot 3 on GPU 5"
    )
    assert (one.variable, one.level, one.got) == ("livepeer_orchestrator_service_addr", Level.ERROR, "0.0.0.0:8935")
    assert one.hint == (
        'livepeer_orchestrator_service_addr: "o:9000", or at most 3 containers on a GPU (livepeer_orchestrator_containers_per_gpu)'
    )
    assert one.limit == "any port but 8904 to 8905, 8914 to 8915, 8924 to 8925, 8934 to 8935"
    assert not found("LPF103", o=worker(LIVE, **variables, **slots(3)))
    assert not found("LPF103", o=worker(LIVE, orchestrator_nvidia="0,1,2,3,4", **slots(4)))
    # Nobody knows how many GPUs there are.
    assert found("LPF103", o=worker(LIVE, orchestrator_nvidia="all", **slots(4)))


def test_a_neighbour_in_the_way() -> None:
    gateway: Host = {"group": "livepeer_gateways", "ansible_host": "o", "gateway_http_addr": "127.0.0.1:8000"}
    assert found("LPF103", o=worker(), g=gateway) == [
        "gateway http (127.0.0.1:8000) lies on a port that a text-to-image runner of orchestrator on o can take: on GPU 0"
    ]
    assert not found("LPF103", o=worker(), g=gateway | {"gateway_http_addr": "10.0.0.1:8000"})
    assert not found("LPF103", o=worker(orchestrator_nvidia="1"), g=gateway)


def test_containers_of_two_nodes_on_one_port() -> None:
    second: dict[str, object] = {"ansible_host": "o", "orchestrator_name": "o2", "orchestrator_cli_addr": ":7936"}
    second["orchestrator_service_addr"] = "o:9936"
    both = {"o": worker(orchestrator_nvidia="0,1"), "p": worker(orchestrator_nvidia="1,2", **second)}
    assert found("LPF103", **both) == ["its text-to-image runners can take the ports of those of orchestrator on o: 8001"]
    assert found("LPF109", **both) == ["orchestrator and o2 claim GPU 1 of one machine"]
    apart = both | {"p": worker(orchestrator_nvidia="2,3", **second)}
    assert not found("LPF103", **apart)
    assert not found("LPF109", **apart)
    assert found("LPF109", **both | {"p": worker(orchestrator_nvidia="all", **second)}) == [
        "orchestrator and o2 claim GPU 0,1 of one machine"
    ]


def test_gpus_and_slots_without_a_port() -> None:
    (one,) = [finding for finding in check(o=worker(orchestrator_nvidia="9,10")) if finding.code == "LPF504"]
    assert one.message == ("no AI runner can run on GPU 10: its port would be 80010, because the index of the GPU is put behind it as text")
    assert (one.variable, one.hint) == ("livepeer_orchestrator_nvidia", 'livepeer_orchestrator_nvidia: "9"')
    # Transcoding has no ports.
    assert not found("LPF504", o=orchestrator(orchestrator_nvidia="10"))
    assert not found("LPF504", o=worker(IMAGES | {"url": "http://r:9000"}, orchestrator_nvidia="10"))
    assert not found("LPF504", o=worker(**slots(10)))
    _node, findings = parsed(orchestrator_containers_per_gpu=11)
    assert [one.limit for one in findings] == [f"1 to {runners.slots('0.9.1')}"]


def test_a_gpu_by_its_uuid_is_refused_with_the_reason() -> None:
    _node, findings = parsed(orchestrator_nvidia="GPU-3a1b2c3d-0000-0000-0000-000000000000")
    (one,) = findings
    assert one.code == "LPF504"
    assert "its index, not its UUID" in one.limit


def test_registries() -> None:
    ai = {"aiServiceRegistry": True}
    by_list = check(g=payer(1250, gateway_flags=ai), o=asker(1000))
    assert [(one.code, one.level) for one in by_list] == [("LPF305", Level.WARNING)]
    discovers = check(g=payer(1250, gateway_discovery="onchain"), o=asker(1000, orchestrator_flags=ai))
    assert [(one.code, one.level) for one in discovers] == [("LPF305", Level.ERROR)]
    assert not check(g=payer(1250, gateway_flags=ai), o=asker(1000, orchestrator_flags=ai))


def test_a_batch_model_is_written_once_for_each_job() -> None:
    batch, url, live = IMAGES | {"capacity": 2, "warm": True}, IMAGES | {"url": "http://r", "capacity": 4}, LIVE | {"capacity": 3}
    assert as_written((batch, url, live)) == (IMAGES | {"warm": True}, IMAGES | {"warm": True}, url, live)


def test_images() -> None:
    own = runners.overrides('{"default": "mine", "batch": {"llm": "my-llm"}, "live": {"noop": "my-noop"}}')
    assert runners.image("text-to-image", "m", own) == "mine"
    # The default reaches no pipeline that has an image of its own.
    assert runners.image("audio-to-text", "m", own) == "livepeer/ai-runner:audio-to-text"
    assert (runners.image("llm", "m", own), runners.image(*LIVE.values(), own)) == ("my-llm", "my-noop")
    assert runners.image("text-to-image", "m", runners.overrides("", "old")) == "old"
    assert runners.image("text-to-image", "m", runners.overrides("")) == "livepeer/ai-runner:latest"
    assert runners.image("live-video-to-video", "unknown", own) == ""
    for text in ("[]", '{"default": 5}', '{"batch": {"llm": 5}}', '{"live": ["x"]}', "x"):
        with pytest.raises(ValueError, match=r"."):
            runners.overrides(text)


def test_a_service_of_somebody_else_in_the_way() -> None:
    service = {"name": "app", "addr": "0.0.0.0:8900"}
    (one,) = [finding for finding in check(o=worker(LIVE, services=[service])) if finding.code == "LPF103"]
    assert (one.variable, one.hint) == ("livepeer_services[0].addr", "move app to 9000, or livepeer_orchestrator_nvidia without GPU 0")
    assert not found("LPF103", o=worker(LIVE, services=[service | {"protocol": "udp"}]))
