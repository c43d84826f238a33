# SPDX-License-Identifier: GPL-3.0-or-later
"""One host's part of a plan, read from the plan directory for the modules that run on that host."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.livepeer.fleet.plugins.plugin_utils.checksums import sha256_of_file
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import SecretSource
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan import HOSTS_FOLDER, SCHEMA, PlanError, host_file
from ansible_collections.livepeer.fleet.plugins.plugin_utils.render import sha256_of
from ansible_collections.livepeer.fleet.plugins.plugin_utils.secret_values import (
    ETH_URL,
    SecretFault,
    check_keys,
    check_passwords,
    check_urls,
    read_values,
)


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
        PlanError: one that go-livepeer could not use (LPF403, LPF404); the plan sees that only where it opens them.
    """
    try:
        return {node["name"]: _of_node(node, value_of) for node in part["nodes"]}
    except SecretFault as fault:
        raise PlanError(f"{fault}. Nothing was changed on this host") from None


def check_passwords_of(part: Mapping[str, Any], secrets: Mapping[str, Mapping[str, str]], names: Collection[str]) -> None:
    """Try the passwords of some nodes on their keystores.

    Raises:
        PlanError: one does not open its keystore (LPF403).
    """
    try:
        for node in part["nodes"]:
            if node["name"] in names:
                check_passwords(_sources(node), secrets[node["name"]])
    except SecretFault as fault:
        raise PlanError(f"{fault}. Nothing was changed on this host") from None


def _of_node(node: Mapping[str, Any], value_of: Callable[[str, str], object]) -> dict[str, str]:
    sources = _sources(node)
    values = read_values(sources, value_of)
    check_keys(sources, values, (node.get("chain") or {}).get("account", ""))
    check_urls(sources, values, [name for one in node["companions"] for name in one["urls"]])
    if "\n" in values.get(ETH_URL, "") and not any(one["eth"] for one in node["companions"]):
        message = "a list of RPC endpoints needs the proxy that chooses among them: livepeer_eth_proxy: true, or write one"
        raise SecretFault("LPF404", sources[ETH_URL].variable, message)
    return values


def _sources(node: Mapping[str, Any]) -> dict[str, SecretSource]:
    return {name: SecretSource(secret["variable"], secret["host"]) for name, secret in node["secrets"].items()}


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
