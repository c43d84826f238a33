# SPDX-License-Identifier: GPL-3.0-or-later
"""One host's part of a plan, read from the plan directory for the modules that run on that host."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.livepeer.fleet.plugins.plugin_utils.checksums import sha256_of_file
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.values import LEAST_SECRET
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan import HOSTS_FOLDER, SCHEMA, PlanError, host_file
from ansible_collections.livepeer.fleet.plugins.plugin_utils.render import sha256_of


def read_part(folder: Path, host: str) -> dict[str, Any]:
    """The part of a host, as JSON.

    Raises:
        PlanError: the plan has no such host, or its file cannot be read or was changed since it was made.
    """
    path = folder / HOSTS_FOLDER / host_file(host)
    try:
        part = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PlanError(
            f"the plan in {folder} has no host {host} ({error.strerror}): make it with the playbook livepeer.fleet.plan"
        ) from error
    except ValueError as error:
        raise PlanError(f"{path} is not JSON ({error}): make the plan again") from error
    if not isinstance(part, dict) or part.get("schema") != SCHEMA or part.get("host") != host:
        raise PlanError(f"{path} is not the part of {host} in a plan of this release of livepeer.fleet: make the plan again")
    for node in part["nodes"]:
        if node["digest"] != sha256_of({"files": node["files"], "secrets": sorted(node["secrets"])}):
            raise PlanError(f"{path}: node {node['name']} was changed since the plan was made: make the plan again, do not edit it")
    return part


def read_secrets(part: Mapping[str, Any], value_of: Callable[[str, str], object]) -> dict[str, dict[str, str]]:
    """For each node the values of its secrets; those that the host makes for itself are not among them.

    Args:
        part: of ``read_part``.
        value_of: value of an inventory variable by its path and its host ("" for the part's own).

    Raises:
        PlanError: one is too short to be hidden (LPF404); the plan sees that only of those that no vault or template holds.
    """
    return {
        node["name"]: {
            name: _secret(secret["variable"], value_of(secret["variable"], secret["host"]))
            for name, secret in node["secrets"].items()
            if secret["variable"]
        }
        for node in part["nodes"]
    }


def check_archive(release: Mapping[str, Any]) -> Path:
    """The archive of a release on the controller, after a look at its checksum: a wrong one is not sent to every host.

    Raises:
        PlanError: it is not there, or it is another one than planned.
    """
    path = Path(release["archive"])
    try:
        checksum = f"sha256:{sha256_of_file(path)}"
    except OSError as error:
        raise PlanError(f"the archive {path} of release {release['name']} cannot be read: {error.strerror}") from error
    if checksum != release["checksum"]:
        raise PlanError(f"the archive {path} has {checksum}, planned is {release['checksum']}: make the plan again")
    return path


def _secret(variable: str, value: object) -> str:
    """A keystore may be a mapping, where a template made one; everything else is text."""
    text = json.dumps(value) if isinstance(value, Mapping) else str(value)
    if len(text) < LEAST_SECRET:
        message = f"LPF404: the secret {variable} has {len(text)} characters"
        raise PlanError(f"{message}: {LEAST_SECRET} are needed, because hiding a shorter one would hide half of every message")
    return text
