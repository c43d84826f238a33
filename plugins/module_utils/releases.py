# SPDX-License-Identifier: GPL-3.0-or-later
"""Installed releases. A release is there as a whole and proved, or it is not there: its folder appears in one step."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
import urllib.error
import urllib.request
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit, urlunsplit

from ansible_collections.livepeer.fleet.plugins.module_utils import archive, commands, files
from ansible_collections.livepeer.fleet.plugins.module_utils.errors import HostError, reason
from ansible_collections.livepeer.fleet.plugins.module_utils.paths import Paths
from ansible_collections.livepeer.fleet.plugins.module_utils.plan_part import Release

BINARY = "livepeer"
_RECORD = "release.json"
_STAGING = ".staging-"
_VERSION = re.compile(r"^Livepeer Node Version:\s*(\S+)\s*$", re.MULTILINE)
_BLOCK = 1024 * 1024
_DOWNLOAD_SECONDS = 60  # without a byte arriving


@dataclass(frozen=True)
class Installed:
    """A release on this host.

    Attributes:
        name: its folder.
        version: what its binary said when it was installed.
        checksum: sha256 of the archive it came from.
    """

    name: str
    version: str
    checksum: str


def installed(paths: Paths) -> tuple[Installed, ...]:
    """The releases of this host, the one installed last at the end."""
    found = []
    for folder in _folders(paths):
        try:
            record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
            found.append((folder.stat().st_mtime_ns, Installed(folder.name, str(record["version"]), str(record["checksum"]))))
        except (OSError, ValueError, KeyError, TypeError):
            continue  # nothing that we installed, or not whole: as good as not there
    return tuple(one for _time, one in sorted(found, key=lambda pair: (pair[0], pair[1].name)))


def binary(paths: Paths, release: str) -> Path:
    """The node's executable of a release."""
    return paths.releases / release / BINARY


def install(paths: Paths, release: Release, source: Path | None, machine: str) -> None:
    """Install a release beside the others.

    Args:
        paths: of this host.
        release: what to install.
        source: the archive on this host; None if the host fetches it from the release's URL.
        machine: architecture of this host, as ``uname -m`` has it.

    Raises:
        HostError: the archive is not the planned one, or damaged, hostile, for another host, or its binary is not what it should be.
            The host is as before.
    """
    sweep(paths)
    paths.releases.mkdir(mode=0o755, parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=_STAGING, dir=str(paths.releases)))
    try:
        _fill(staging, release, source, machine)
        target = paths.releases / release.name
        if target.exists():
            files.remove(target)  # never proved, see installed(); nothing runs from it
        os.rename(str(staging), str(target))
        files.sync_folder(paths.releases)
    except HostError as error:
        raise HostError(f"release {release.name} from {_shown(release.archive)}: {error}") from error
    except OSError as error:
        raise HostError(f"release {release.name} cannot be installed: {reason(error)}") from error
    finally:
        files.remove(staging)


def sweep(paths: Paths) -> None:
    """Remove what a killed run left behind."""
    if paths.releases.is_dir():
        for leftover in paths.releases.glob(f"{_STAGING}*"):
            files.remove(leftover)


def to_prune(names: Sequence[str], keep: int, used: Collection[str]) -> tuple[str, ...]:
    """Releases that nobody needs: of ``names``, oldest first, all but the last ``keep`` and those in use."""
    last = names[-keep:] if keep > 0 else []
    return tuple(name for name in names if name not in used and name not in last)


def prune(paths: Paths, names: Collection[str]) -> None:
    """Remove releases."""
    for name in names:
        # Out of sight in one step: a release that is there is whole, also when we are killed here.
        hidden = paths.releases / f"{_STAGING}{name}"
        os.rename(str(paths.releases / name), str(hidden))
        files.remove(hidden)


def says_version(program: Path) -> str:
    """What ``livepeer -version`` says, asked as a user without rights.

    Raises:
        HostError: it does not run here, or says nothing of the kind.
    """
    try:
        done = commands.run([str(program), "-version"], seconds=60, as_nobody=os.geteuid() == 0)
    except OSError as error:
        raise HostError(f"its binary cannot be run on this host: {os.strerror(error.errno or 0)}") from error
    found = _VERSION.search(done.output)
    if done.status != 0 or found is None:
        last = " | ".join(done.error.strip().splitlines()[-3:]) or "it said nothing"
        raise HostError(f"its binary does not work on this host: `livepeer -version` ended with status {done.status}: {last}")
    return found[1]


def _fill(staging: Path, release: Release, source: Path | None, machine: str) -> None:
    # Readable by all: the binary is tried as a user without rights, and runs as another one.
    os.chmod(str(staging), 0o755)  # noqa: S103 - see above
    with _fetch(release.archive, staging) if source is None else source.open("rb") as stream:
        _check_sum(stream, release)
        # The same open file, so that what was checked is what is unpacked.
        stream.seek(0)
        archive.unpack(stream, staging, machine=machine, flavor=release.flavor)
    said = says_version(staging / BINARY)
    if said != release.version:
        raise HostError(f"its binary says it is version {said}, planned is {release.version}: change livepeer_version or livepeer_archive")
    record = {"version": said, "checksum": release.checksum}
    files.write_new(staging / _RECORD, json.dumps(record) + "\n", 0o644)
    files.sync_folder(staging)


def _check_sum(stream: IO[bytes], release: Release) -> None:
    digest = hashlib.sha256()
    while True:
        block = stream.read(_BLOCK)
        if not block:
            break
        digest.update(block)
    if digest.hexdigest() != release.checksum:
        raise HostError(
            f"its sha256 is {digest.hexdigest()}, planned is {release.checksum}: it was damaged on its way, or it is another archive "
            "than livepeer_archive_checksum is about"
        )


def _fetch(url: str, folder: Path) -> IO[bytes]:
    """Download into a nameless file of the same file system, open for reading."""
    if urlsplit(url).scheme not in ("https", "http"):
        raise HostError("a host can fetch from https:// and http:// only: give another URL, or a file on the controller")
    if "@" in urlsplit(url).netloc:
        raise HostError("the plan holds the URL in plain text: give one without a password, or a file on the controller")
    target = tempfile.TemporaryFile(dir=str(folder))  # noqa: SIM115 - the caller closes it
    try:
        with _web().open(url, timeout=_DOWNLOAD_SECONDS) as answer:
            shutil.copyfileobj(_Limited(answer), target, _BLOCK)
    except urllib.error.HTTPError as error:
        target.close()
        raise HostError(f"this host cannot fetch it: the server answers {error.code}") from error
    except (urllib.error.URLError, ValueError, EOFError) as error:
        target.close()
        raise HostError(f"this host cannot fetch it: {getattr(error, 'reason', error)}") from error
    target.seek(0)
    return target


def _web() -> urllib.request.OpenerDirector:
    """What fetches over the web and nowhere else, redirects included; proxies are taken from the environment."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


class _Limited:
    """A download that ends where no release would be that large."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._left = archive.MOST_BYTES

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise HostError("refused: it is larger than any release of go-livepeer")
        return data


def _shown(location: str) -> str:
    """A URL without what may be a password or a token."""
    if "://" not in location:
        return location
    url = urlsplit(location)
    return urlunsplit((url.scheme, url.netloc.rpartition("@")[2], url.path, "", ""))


def _folders(paths: Paths) -> list[Path]:
    if not paths.releases.is_dir():
        return []
    return [folder for folder in paths.releases.iterdir() if folder.is_dir() and not folder.name.startswith(".")]
