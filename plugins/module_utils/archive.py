# SPDX-License-Identifier: GPL-3.0-or-later
"""Unpacking an archive of the official layout, reading it as a stream and trusting nothing in it."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from ansible_collections.livepeer.fleet.plugins.module_utils.errors import HostError

# Official releases hold one folder of that name (release workflow of go-livepeer, tags up to v0.9.1).
_TOP = re.compile(r"livepeer-(?P<system>[a-z]+)-(?P<gpu>gpu-)?(?P<architecture>[a-z0-9]+)")
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}

# An official archive has five members, unpacks to some hundred MB, and to two to four times its size.
MOST_MEMBERS = 1000
MOST_BYTES = 4 * 1024**3
MOST_TIMES = 100
_BLOCK = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """How much an archive may become."""

    members: int = MOST_MEMBERS
    size: int = MOST_BYTES
    times: int = MOST_TIMES


class _Bounded:
    """The unpacked stream, cut where it becomes a bomb: headers count too, since they are read into memory."""

    def __init__(self, stream: gzip.GzipFile, most: int) -> None:
        self._stream = stream
        self._left = most

    def read(self, size: int = _BLOCK, /) -> bytes:
        data = self._stream.read(min(size, _BLOCK))
        self._left -= len(data)
        if self._left < 0:
            raise HostError("refused: it unpacks to far more than a release of go-livepeer holds")
        return data


def unpack(archive: IO[bytes], folder: Path, *, machine: str, flavor: str, limits: Limits = Limits()) -> None:
    """Unpack the files of the archive's one folder into ``folder``, which exists and is empty.

    Args:
        archive: the archive, open for reading at its start.
        folder: where the files go; nothing is ever written elsewhere.
        machine: architecture of this host, as ``uname -m`` has it.
        flavor: ``cpu`` or ``gpu``, as the plan has it.
        limits: how much it may become.

    Raises:
        HostError: it is damaged, hostile, for another kind of host, or not of the official layout.
        OSError: it cannot be written.
    """
    compressed = os.fstat(archive.fileno()).st_size
    most = min(limits.size, max(compressed, _BLOCK) * limits.times)
    try:
        with gzip.GzipFile(fileobj=archive, mode="rb") as unzipped:
            bounded = _Bounded(unzipped, most)
            # All that tarfile needs to read a stream is read().
            with tarfile.open(fileobj=cast(IO[bytes], bounded), mode="r|") as members:
                _Unpacker(folder, machine, flavor, limits).run(members)
            while bounded.read(_BLOCK):
                pass  # to the end, where the checksum of gzip stands
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error, UnicodeError) as error:
        raise HostError(f"damaged, or no .tar.gz at all ({error})") from error
    if not (folder / "livepeer").is_file():
        raise HostError("it holds no livepeer-<system>-<architecture>/livepeer, as official archives do")


class _Unpacker:
    def __init__(self, folder: Path, machine: str, flavor: str, limits: Limits) -> None:
        self._folder = folder
        self._machine = machine
        self._flavor = flavor
        self._limits = limits
        self._top = ""

    def run(self, members: tarfile.TarFile) -> None:
        for count, member in enumerate(members, 1):
            if count > self._limits.members:
                raise HostError(f"refused: it has more than {self._limits.members} members")
            target = self._target(member)
            if target is not None:
                self._write(members, member, target)

    def _target(self, member: tarfile.TarInfo) -> Path | None:
        """Where a member goes; None for folders, which are made as files need them."""
        parts = [part for part in member.name.split("/") if part not in ("", ".")]
        if member.name.startswith("/") or ".." in parts or "\\" in member.name or "\0" in member.name:
            raise HostError(f"refused: its member {member.name!r} would leave the folder it is unpacked into")
        if not (member.isdir() or (member.isreg() and not member.issparse())):
            raise HostError(f"refused: its member {member.name!r} is a link, a device or another special file")
        if not parts:
            return None
        self._check_top(parts[0])
        if member.isdir():
            return None
        if len(parts) == 1:
            raise HostError(f"its member {member.name!r} is not in the folder livepeer-<system>-<architecture>, as in official archives")
        return self._folder.joinpath(*parts[1:])

    def _check_top(self, top: str) -> None:
        if top == self._top:
            return
        found = _TOP.fullmatch(top)
        if self._top or found is None:
            raise HostError(f"it has {top!r} at its top, where official archives have one folder livepeer-<system>-<architecture>")
        wanted = _MACHINES.get(self._machine, self._machine)
        if (found["system"], found["architecture"]) != ("linux", wanted):
            raise HostError(f"it is for {found['system']}-{found['architecture']}, this host is linux-{wanted}: give the archive for that")
        flavor = "gpu" if found["gpu"] else "cpu"
        if flavor != self._flavor:
            raise HostError(f"it is a {flavor} build ({top}), but livepeer_flavor is {self._flavor}: change one of the two")
        self._top = top

    def _write(self, members: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
        source = members.extractfile(member)
        if source is None:
            raise HostError(f"damaged: its member {member.name!r} has no content")
        target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        # Of the mode only "may be run" is taken: no setuid, nothing writable for others.
        mode = 0o755 if member.mode & 0o100 else 0o644
        try:
            descriptor = os.open(str(target), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        except FileExistsError:
            raise HostError(f"refused: it holds {member.name!r} twice") from None
        with os.fdopen(descriptor, "wb") as file:
            shutil.copyfileobj(source, file, _BLOCK)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
