# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing so that a power cut or a kill leaves the old or the new, never a half."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path


def read(path: Path) -> str | None:
    """Content of a text file, or None if there is none."""
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except (FileNotFoundError, NotADirectoryError):
        return None


def write_new(path: Path, content: str, mode: int) -> None:
    """Write a file that does not exist yet, to the disk itself."""
    descriptor = os.open(str(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(descriptor, "wb") as stream:
        os.fchmod(stream.fileno(), mode)
        stream.write(content.encode("utf-8", "surrogateescape"))
        stream.flush()
        os.fsync(stream.fileno())


def replace(path: Path, content: str, mode: int) -> None:
    """Put a file in the place of another one in one step; a leftover of a killed run is written over."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    _forget(temporary)
    try:
        write_new(temporary, content, mode)
        os.replace(str(temporary), str(path))
    except OSError:
        _forget(temporary)
        raise
    sync_folder(path.parent)


def point(link: Path, target: str) -> None:
    """Make a symbolic link point to ``target`` in one step."""
    temporary = link.with_name(f".{link.name}.new")
    _forget(temporary)
    os.symlink(target, str(temporary))
    os.replace(str(temporary), str(link))
    sync_folder(link.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder last."""
    descriptor = os.open(str(folder), os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(path: Path) -> None:
    """Remove a file or a whole folder; what is not there need not be removed."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        _forget(path)


def remove_if_empty(folder: Path) -> None:
    """Remove a folder in which nothing is left."""
    with contextlib.suppress(OSError):
        folder.rmdir()


def _forget(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(str(path))
