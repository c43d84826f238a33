# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time on a host. The kernel frees the lock when its holder ends, however it ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from ansible_collections.livepeer.fleet.plugins.module_utils.errors import HostError
from ansible_collections.livepeer.fleet.plugins.module_utils.paths import Paths


@contextmanager
def exclusive(paths: Paths) -> Iterator[None]:
    """Hold the lock of this host.

    A second run is refused at once rather than kept waiting: after the first one the host is not what the second was decided on.

    Raises:
        HostError: another run holds it.
    """
    paths.lock.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(str(paths.lock), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
            raise HostError(
                f"another run of livepeer.fleet works on this host (process {holder} holds {paths.lock}): "
                "wait until it has ended, then run again"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        yield
    finally:
        os.close(descriptor)
