# SPDX-License-Identifier: GPL-3.0-or-later
"""What nodes need of their hosts: what the plan says, what a look finds (a folder as root, a Docker API played), what is made of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.livepeer.fleet.plugins.module_utils import equipment
from ansible_collections.livepeer.fleet.plugins.module_utils.docker_api import DockerApi, split_image
from ansible_collections.livepeer.fleet.plugins.module_utils.errors import HostError
from ansible_collections.livepeer.fleet.plugins.plugin_utils.equipment import Equipment, Runner, equipment_of, from_dict, to_dict
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding
from ansible_collections.livepeer.fleet.plugins.plugin_utils.found import read_found
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan import Plan, plan_fleet
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rollout import roll_out
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.equipment import lacking
from ansible_collections.livepeer.fleet.tests.standin.surroundings import Containers, Local, Web
from ansible_collections.livepeer.fleet.tests.standin.surroundings import Runner as PlayedRunner
from ansible_collections.livepeer.fleet.tests.unit.rules.fleets import Host, fleet, gateway, orchestrator

TEMPLATES = Path(__file__).parents[3] / "roles" / "node" / "templates"
IMAGES = {"pipeline": "text-to-image", "model_id": "m"}
LATEST = "livepeer/ai-runner:latest"
LLM = "livepeer/ai-runner:llm"


def own(*models: object, **variables: object) -> Host:
    """A host whose orchestrator runs AI jobs itself."""
    return orchestrator(orchestrator_ai_worker=True, orchestrator_ai_models=list(models), **variables)


def wanted(host: Host) -> Equipment | None:
    """What the one node of a host needs."""
    (node,) = fleet(o=host).nodes
    return equipment_of(node)


def test_what_the_plan_asks_for() -> None:
    assert wanted(orchestrator()) is None
    assert wanted(orchestrator(orchestrator_nvidia="0,1")) == Equipment(gpus=("0", "1"))
    found = wanted(
        own(
            IMAGES,
            {"pipeline": "llm", "model_id": "m", "url": "http://r:9000", "token": "a long token"},
            {"pipeline": "llm", "model_id": "n"},
            orchestrator_models_dir="/srv/models",
            orchestrator_environment={"DOCKER_HOST": "tcp://127.0.0.1:2375"},
            image_free_gb=7,
        )
    )
    assert found == Equipment(
        docker=True,
        docker_host="tcp://127.0.0.1:2375",
        images=(LATEST, LLM),
        models_dir="/srv/models",
        free_bytes=7 * 10**9,
        runners=(Runner("http://r:9000", "ai_models_1_token"),),
    )
    assert from_dict(to_dict(found)) == found
    assert from_dict(to_dict(None)) is None


def test_a_worker_whose_models_are_all_elsewhere_needs_docker_too_and_a_serverless_one_does_not() -> None:
    found = wanted(own(IMAGES | {"url": "http://r:9000"}))
    assert found is not None and found.docker and (found.images, found.spare_images) == ((), (LATEST,))
    scope = {"pipeline": "live-video-to-video", "model_id": "scope", "url": "wss://fal", "capacity": 1}
    assert wanted(own(scope, orchestrator_flags={"aiServerless": True})) is None


@pytest.fixture
def docker(tmp_path: Path) -> Iterator[tuple[Containers, str]]:
    """A Docker API on a socket, and its address."""
    played = Containers({LATEST})
    server = Local(played.answer, str(tmp_path / "docker.sock"))
    yield played, f"unix://{tmp_path}/docker.sock"
    server.shutdown()
    server.server_close()


def look(root: Path, need: Equipment, secrets: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What a host has of it."""
    raw = to_dict(need)
    assert raw is not None
    return equipment.look(root, raw, secrets or {})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A host with everything: two GPUs, toolkit, group, models."""
    top = tmp_path / "root"
    for folder in (
        "proc/driver/nvidia/gpus/0000:01:00.0",
        "proc/driver/nvidia/gpus/0000:02:00.0",
        "usr/bin",
        "usr/share/misc",
        "srv/models/m",
    ):
        (top / folder).mkdir(parents=True)
    for file in ("proc/driver/nvidia/version", "usr/bin/nvidia-container-runtime-hook", "usr/share/misc/pci.ids"):
        (top / file).touch()
    (top / "etc").mkdir()
    (top / "etc/group").write_text("root:x:0:\ndocker:x:999:\n", encoding="utf-8")
    return top


NEED = Equipment(gpus=("0", "1"), docker=True, images=(LATEST,), models_dir="/srv/models", free_bytes=1)


def judged(found: dict[str, Any], need: Equipment, action: str = "new", *, all_nodes: bool = False) -> list[Finding]:
    """What is made of a look."""
    plan = plan_fleet(fleet(o=orchestrator()), (), TEMPLATES)
    (node,) = plan.hosts["o"].nodes
    planned = replace(plan, hosts={"o": replace(plan.hosts["o"], nodes=(replace(node, equipment=need),))})
    seen = {"o": {"nodes": {"orchestrator": {"decision": {"action": action}, "equipment": found}}}}
    return list(lacking(planned, seen, all_nodes=all_nodes))


def test_a_host_with_everything(root: Path, docker: tuple[Containers, str]) -> None:
    need = replace(NEED, docker_host=docker[1])
    found = look(root, need)
    assert found["gpus"] == {"driver": True, "count": 2, "names": True}
    assert (found["docker"]["error"], found["docker"]["group"], found["docker"]["gpus"]) == ("", True, True)
    assert found["images"] == {LATEST: True}
    assert not judged(found, need)


@pytest.mark.parametrize(
    ("gone", "need", "message"),
    [
        ("proc/driver/nvidia/version", NEED, "no driver of Nvidia is loaded"),
        ("", replace(NEED, gpus=("1", "2")), "GPU 2 is not on this host"),
        ("usr/share/misc/pci.ids", replace(NEED, gpus=("all",)), "nvidia: all needs a list of PCI names"),
        ("usr/bin/nvidia-container-runtime-hook", NEED, "cannot give a GPU to a container"),
        ("etc/group", NEED, "there is no group docker"),
        ("", replace(NEED, images=(LATEST, LLM), free_bytes=10**18), "GB are to be free for an image that is missing"),
        ("srv/models/m", replace(NEED, free_bytes=10**18), "are to be free for models, of which it holds none yet"),
    ],
)
def test_what_is_not_there(root: Path, docker: tuple[Containers, str], gone: str, need: Equipment, message: str) -> None:
    need = replace(need, docker_host=docker[1])
    if gone:
        path = root / gone
        path.rmdir() if path.is_dir() else path.unlink()
    found = look(root, need)
    (one,) = judged(found, need)
    assert message in one.message
    assert (one.code, one.hosts, one.node) == ("LPF609", ("o",), "orchestrator")
    assert one.got and one.hint
    # What runs as it is stays as it is, and verify tells.
    assert not judged(found, need, "nothing")
    assert judged(found, need, "nothing", all_nodes=True)


def test_room_counts_only_where_something_is_to_come(root: Path, docker: tuple[Containers, str]) -> None:
    need = replace(NEED, docker_host=docker[1], free_bytes=10**18)
    assert not judged(look(root, need), need)


def test_docker_that_does_not_answer(root: Path, tmp_path: Path) -> None:
    for host in (f"unix://{tmp_path}/nobody.sock", "tcp://127.0.0.1:1", "ssh://x"):
        need = replace(NEED, docker_host=host)
        (one,) = judged(look(root, need), need)
        assert "it needs Docker, which does not answer" in one.message
    played = Web(lambda _method, _path, _body: (500, {"message": "no space left"}))
    with pytest.raises(HostError, match="no space left"):
        DockerApi(f"tcp://127.0.0.1:{played.server_address[1]}").info()


def test_runners_are_asked_as_the_node_will(root: Path) -> None:
    runner = PlayedRunner()
    broken = Web(lambda _method, _path, _body: (200, {"status": "ERROR"}))
    gone = Web(lambda _method, _path, _body: (503, {}))
    urls = [runner.url, *(f"http://127.0.0.1:{one.server_address[1]}/" for one in (broken, gone)), "http://127.0.0.1:1"]
    need = Equipment(runners=tuple(Runner(url, "token") for url in urls))
    found = look(root, need, {"token": "secret-token"})
    assert [bool(one["error"]) for one in found["runners"]] == [False, True, True, True]
    assert "secret-token" not in str(found)
    assert [one.message for one in judged(found, need)] == [f"the runner {url} is not ready" for url in urls[1:]]


def test_a_token_that_cannot_be_sent_is_not_repeated(root: Path) -> None:
    wanted_ = {"gpus": [], "docker": False, "runners": [{"url": "http://127.0.0.1:9", "token": "token"}]}
    (runner,) = equipment.look(root, wanted_, {"token": "planted\ntoken"})["runners"]
    assert "no request can hold" in runner["error"] and "planted" not in runner["error"]


def test_an_image_that_only_models_elsewhere_name_is_looked_for_and_asks_for_no_room(root: Path, docker: tuple[Containers, str]) -> None:
    need = replace(NEED, gpus=(), images=(), spare_images=(LLM,), free_bytes=10**18, docker_host=docker[1])
    found = look(root, need)
    assert found["images"] == {LLM: False}
    assert not judged(found, need)


def test_pulling(docker: tuple[Containers, str]) -> None:
    played, host = docker
    api = DockerApi(host)
    api.pull(LLM)
    assert played.images == {LATEST, LLM}
    assert api.has_image(LLM) and not api.has_image("other")
    for image, why in (("unknown/image:1", "manifest unknown"), ("broken/image", "unexpected EOF")):
        with pytest.raises(HostError, match=why):
            api.pull(image)


@pytest.mark.parametrize(
    ("image", "parts"),
    [
        ("a/b", ("a/b", "latest")),
        ("a/b:c", ("a/b", "c")),
        ("r:5000/a/b", ("r:5000/a/b", "latest")),
        ("r:5000/a/b:c", ("r:5000/a/b", "c")),
        ("a/b@sha256:00", ("a/b@sha256:00", "")),
    ],
)
def test_names_of_images(image: str, parts: tuple[str, str]) -> None:
    assert split_image(image) == parts


def planned(*hosts: str) -> Plan:
    """A plan of some hosts with an AI node each."""
    return plan_fleet(fleet(**{host: own(IMAGES) for host in hosts}, g=gateway()), (), TEMPLATES)


def found_on(plan: Plan, host: str, action: str, there: bool) -> Any:
    """What a look at one of them said."""
    node = {
        "planned": True,
        "running": action != "new",
        "busy": False,
        "version": "0.9.1",
        "decision": {"action": action, "reasons": [], "restarts": action != "nothing"},
        "equipment": {"images": {LATEST: there}},
    }
    return read_found(plan.hosts[host], {"observation": {"nodes": {"orchestrator": node}, "missing_releases": []}})


def test_images_are_pulled_where_a_node_will_change_and_lacks_one() -> None:
    plan = planned("a", "b", "c")
    looks = [found_on(plan, "a", "new", False), found_on(plan, "b", "nothing", False), found_on(plan, "c", "restart", True)]
    assert roll_out(looks, sizes=["100%"], restart_busy=()).images == {"a": (LATEST,)}
