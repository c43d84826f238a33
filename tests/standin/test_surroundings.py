# SPDX-License-Identifier: GPL-3.0-or-later
"""The Docker API that stands in for a real one: images, pulls that fail, containers, on TCP and on a socket in the file system."""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path
from typing import Any

import pytest
from standin_fleet import request
from surroundings import Containers, Local, Web

IMAGE = "livepeer/ai-runner:latest"


def lines(port: int, path: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in request(port, "POST", path).body.splitlines()]


def test_an_image_is_pulled_with_progress_and_is_there_then() -> None:
    web = Web(Containers().answer)
    port = web.server_address[1]
    assert request(port, "GET", f"/v1.43/images/{IMAGE}/json").status == 404
    said = lines(port, "/v1.43/images/create?fromImage=livepeer%2Fai-runner&tag=latest")
    assert [one["progressDetail"]["current"] for one in said if "progressDetail" in one] == [1000, 2000, 3000, 4000]
    assert json.loads(request(port, "GET", f"/images/{IMAGE}/json").body)["RepoTags"] == [IMAGE]
    assert [one["RepoTags"] for one in json.loads(request(port, "GET", "/images/json").body)] == [[IMAGE]]
    assert request(port, "DELETE", f"/images/{IMAGE}").status == 200
    assert json.loads(request(port, "GET", "/images/json").body) == []
    web.shutdown()


@pytest.mark.parametrize(("name", "status", "last"), [("unknown", 404, "message"), ("broken", 200, "error")])
def test_a_pull_that_fails(name: str, status: int, last: str) -> None:
    images: set[str] = set()
    web = Web(Containers(images).answer)
    answer = request(web.server_address[1], "POST", f"/images/create?fromImage=x/{name}&tag=1")
    assert answer.status == status
    assert last in json.loads(answer.body.splitlines()[-1])
    assert not images
    web.shutdown()


def test_a_container_publishes_a_runner_while_it_runs() -> None:
    web = Web(Containers({IMAGE}).answer)
    port = web.server_address[1]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        published = taken.getsockname()[1]
    labels = {"creator": "ai-worker"}
    host = {"PortBindings": {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(published)}]}}
    asked = json.dumps({"Image": IMAGE, "Labels": labels, "HostConfig": host}).encode()
    assert request(port, "POST", "/containers/create?name=one", asked).status == 201
    assert request(port, "POST", "/containers/create?name=one", asked).status == 409
    assert request(port, "POST", "/containers/one/start").status == 204
    assert json.loads(request(port, "GET", "/containers/one/json").body)["State"]["Running"]
    assert request(published, "GET", "/health").status == 200
    ours = "filters=%7B%22label%22%3A%7B%22creator%3Dai-worker%22%3Atrue%7D%7D"
    assert [one["Names"] for one in json.loads(request(port, "GET", f"/containers/json?all=1&{ours}").body)] == [["/one"]]
    assert request(port, "POST", "/containers/one/stop?t=8").status == 204
    assert request(port, "DELETE", "/containers/one").status == 204
    with pytest.raises(ConnectionRefusedError):
        request(published, "GET", "/health")
    web.shutdown()


def test_the_same_on_a_socket_in_the_file_system(tmp_path: Path) -> None:
    local = Local(Containers(runtimes=("runc", "nvidia")).answer, str(tmp_path / "docker.sock"))
    opened = http.client.HTTPConnection("docker")
    opened.sock = socket.socket(socket.AF_UNIX)
    opened.sock.connect(str(tmp_path / "docker.sock"))
    opened.request("GET", "/info")
    assert set(json.loads(opened.getresponse().read())["Runtimes"]) == {"runc", "nvidia"}
    opened.close()
    local.shutdown()
