# SPDX-License-Identifier: GPL-3.0-or-later
"""Known versions of go-livepeer and where their archives are (``.github/workflows`` at tag v0.9.1)."""

from __future__ import annotations

from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.data import load


def versions() -> tuple[str, ...]:
    """Every known version, oldest first, without a leading v."""
    return tuple(load("releases")["versions"])


def deployable() -> tuple[str, ...]:
    """The versions that the collection deploys, oldest first."""
    return tuple(load("releases")["deployable"])


def why_not_deployable() -> str:
    """Why the older known versions are not deployed, as half a sentence."""
    return str(load("releases")["not_deployable"])


def newest() -> str:
    """The newest known version."""
    return versions()[-1]


def order(version: str) -> int:
    """Place of a known version in time; raises ValueError for an unknown one."""
    return versions().index(version)


def archive_file(flavor: str) -> str:
    """File name of the official archive of a flavor (``cpu``, ``gpu``) for amd64 Linux."""
    return str(load("releases")["archives"][flavor])


def archive_url(version: str, flavor: str) -> str:
    """URL of the official archive."""
    return str(load("releases")["base_url"]).format(version=version) + archive_file(flavor)


def checksums_url(version: str) -> str:
    """URL of the file in which a release states the SHA-256 of its archives."""
    return (str(load("releases")["base_url"]) + str(load("releases")["checksums"])).format(version=version)
