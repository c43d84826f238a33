# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's part of the plan, as the actions hand it to the modules."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.host_part import check_archive, read_part, read_secrets
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan import PlanError, host_file
from ansible_collections.livepeer.fleet.plugins.plugin_utils.render import sha256_of


def part(**changes: Any) -> dict[str, Any]:
    secrets = {"eth_url": {"variable": "x", "host": "o"}, "orch_secret": {"variable": "", "host": ""}}
    node: dict[str, Any] = {"name": "gateway", "files": {"livepeer.conf": "v 3\n"}, "secrets": secrets, "companions": []}
    node["digest"] = sha256_of({"files": node["files"], "secrets": sorted(node["secrets"])})
    return {"schema": 1, "host": "gw/1", "nodes": [node], **changes}


def written(folder: Path, content: object) -> Path:
    path = folder / "hosts" / host_file("gw/1")
    path.parent.mkdir()
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def test_read(tmp_path: Path) -> None:
    assert read_part(written(tmp_path, part()), "gw/1") == part()


def test_no_such_host(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"has no host gw2 \(No such file or directory\): make it"):
        read_part(tmp_path, "gw2")


def test_changed_by_hand(tmp_path: Path) -> None:
    changed = part()
    changed["nodes"][0]["files"]["livepeer.conf"] = "v 6\n"
    with pytest.raises(PlanError, match="node gateway was changed since the plan was made"):
        read_part(written(tmp_path, changed), "gw/1")


@pytest.mark.parametrize("content", ["{", [], part(schema=2), part(host="other")])
def test_no_part_of_a_plan(tmp_path: Path, content: object) -> None:
    with pytest.raises(PlanError, match="make the plan again"):
        read_part(written(tmp_path, content), "gw/1")


def test_a_secret_that_should_be_a_url_and_is_none() -> None:
    fronted = part()
    fronted["nodes"][0]["companions"] = [{"urls": ["eth_url"]}]
    with pytest.raises(PlanError, match=r"LPF404: x: the secret is no URL: it does not start with https:// or http://\. Nothing"):
        read_secrets(fronted, lambda variable, host: "planted-4711")
    assert read_secrets(fronted, lambda variable, host: "https://hooks.example/4711")


def test_secrets_by_node() -> None:
    assert read_secrets(part(), lambda variable, host: f"value of {variable} of {host}") == {"gateway": {"eth_url": "value of x of o"}}
    assert read_secrets(part(), lambda variable, host: {"version": 3}) == {"gateway": {"eth_url": '{"version": 3}'}}


@pytest.mark.parametrize("value", ["", "7 chars", 1234567, " " * 9, "7 chars  \n"])
def test_a_secret_that_is_too_short_to_be_hidden(value: object) -> None:
    with pytest.raises(PlanError, match=r"LPF404: x: the secret has \d characters: 8 are needed") as error:
        read_secrets(part(), lambda variable, host: value)
    assert str(value) not in str(error.value) or not str(value).strip()


def test_archive(tmp_path: Path) -> None:
    path = tmp_path / "a.tar.gz"
    path.write_bytes(b"archive")
    release = {"name": "0.9.1-x", "archive": str(path), "checksum": "sha256:" + hashlib.sha256(b"archive").hexdigest()}
    assert check_archive(release) == path
    with pytest.raises(PlanError, match="planned is sha256:0: make the plan again"):
        check_archive({**release, "checksum": "sha256:0"})
    with pytest.raises(PlanError, match="cannot be read: No such file"):
        check_archive({**release, "archive": str(tmp_path / "gone")})
