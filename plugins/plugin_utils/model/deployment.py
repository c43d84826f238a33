# SPDX-License-Identifier: GPL-3.0-or-later
"""Which release a host runs, and where its archive comes from."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Set

from ansible_collections.livepeer.fleet.plugins.plugin_utils.addresses import without_user
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts import releases
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.collector import Collector
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Release

CODE = "LPF505"
ARCHIVE_CODE = "LPF504"
VERSION = "livepeer_version"
LIKE = "livepeer_version_like"
ARCHIVE = "livepeer_archive"
CHECKSUM = "livepeer_archive_checksum"

_VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.+-]+)?")


def read_release(values: Mapping[str, object], broken: Set[str], archive_checksum: Callable[[str], str], collector: Collector) -> Release:
    """The release that the values (by name after ``livepeer_``) ask for, as far as it can be made out.

    ``broken`` are names whose values were refused: nothing more is said of what they leave open.
    """
    version = str(values.get("version") or "")
    flavor = str(values["flavor"])
    like = _behaves_like(version, str(values.get("version_like") or ""), Collector("") if "version_like" in broken else collector)
    checksum = str(values.get("archive_checksum") or "").lower().removeprefix("sha256:")
    archive = str(values.get("archive") or "")
    if not archive and version:
        archive = releases.archive_url(version, flavor)
    if not broken & {"archive", "archive_checksum"}:
        checksum = _checksum(archive, checksum, version, archive_checksum, collector)
    return Release(version, like, without_user(archive) if _names_user(archive) else archive, checksum, flavor)


def _names_user(archive: str) -> bool:
    """True for a URL with a name or a password before its host."""
    return "://" in archive and "@" in archive.split("/", 3)[2]


def _behaves_like(version: str, like: str, collector: Collector) -> str:
    """The known version whose facts hold; where that is not clear a finding, and the newest for the sake of the other checks."""
    if like and like not in releases.deployable():
        choices = ", ".join(releases.deployable())
        message = f"{like} is no version that can be deployed"
        collector.add(CODE, message, LIKE, got=like, limit=choices, hint=releases.newest())
        return version if version in releases.versions() else releases.newest()
    if not version:
        return like or releases.newest()
    if version in releases.versions():
        return _known(version, like, collector)
    if not _VERSION.fullmatch(version):
        plain = version.removeprefix("v")
        hint = plain if _VERSION.fullmatch(plain) else releases.newest()
        collector.add(CODE, f"{version!r} is no version of go-livepeer", VERSION, got=version, limit="such as 0.9.1", hint=hint)
    elif not like:
        message = f"how go-livepeer {version} behaves is not known"
        hint = f"{LIKE}: {releases.newest()}, if it is like that one in its flags, ports and prices"
        collector.add(CODE, message, VERSION, got=version, limit=f"known up to {releases.newest()}", hint=hint)
    return like or releases.newest()


def _known(version: str, like: str, collector: Collector) -> str:
    if version not in releases.deployable():
        message = f"go-livepeer {version} cannot be deployed: {releases.why_not_deployable()}"
        choices = ", ".join(releases.deployable())
        collector.add(CODE, message, VERSION, got=version, limit=choices, hint=releases.newest())
    if like and like != version:
        collector.warn(CODE, f"go-livepeer {version} is known: it is not taken as {like}", LIKE, got=like, limit=version, hint="remove it")
    return version


def _checksum(archive: str, stated: str, version: str, archive_checksum: Callable[[str], str], collector: Collector) -> str:
    if not archive:
        return stated
    if "://" in archive:
        if not archive.startswith(("https://", "http://")):
            scheme = archive.split("://", maxsplit=1)[0]
            collector.add(ARCHIVE_CODE, "an archive is fetched over https or http", ARCHIVE, got=f"{scheme}://...", limit="https://...")
        elif _names_user(archive):
            message = "a plan holds this URL in plain text, and there is a name or a password in it"
            hint = "a URL without them, or a file on the controller"
            collector.add(ARCHIVE_CODE, message, ARCHIVE, got=without_user(archive), hint=hint)
        elif not stated:
            source = releases.checksums_url(version) if version in releases.deployable() else "the release's checksums file"
            file = archive.partition("?")[0].rpartition("/")[2]
            hint = f"{CHECKSUM}: sha256:<the line of {file} in {source}>"
            collector.add(ARCHIVE_CODE, f"an archive from a URL needs its checksum ({file})", CHECKSUM, hint=hint)
        return stated
    return _local_checksum(archive, stated, archive_checksum, collector)


def _local_checksum(archive: str, stated: str, archive_checksum: Callable[[str], str], collector: Collector) -> str:
    try:
        found = archive_checksum(archive).lower().removeprefix("sha256:")
    except OSError as error:
        reason = error.strerror or str(error)
        message = f"the archive cannot be read on the controller: {reason}"
        collector.add(ARCHIVE_CODE, message, ARCHIVE, got=archive, hint="a file on the controller, or an https:// URL")
        return stated
    if stated and found != stated:
        message = "the archive is not the one that the checksum is of"
        collector.add(ARCHIVE_CODE, message, CHECKSUM, got=f"sha256:{stated}", limit=f"sha256:{found}", hint=f"the checksum of {archive}")
    return found
