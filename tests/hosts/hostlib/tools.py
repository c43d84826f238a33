# SPDX-License-Identifier: GPL-3.0-or-later
"""What the other files share: where things are kept, how a program is called, how one waits."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]
CACHE = CHECKOUT / ".cache"

# Two checkouts on one machine (a developer's and CI's) must not take each other's hosts for their own.
CHECKOUT_ID = hashlib.sha256(str(CHECKOUT).encode()).hexdigest()[:6]

# From 32768 on the kernel gives ports to outgoing connections by itself, to the SSH connections to the hosts for instance.
NOT_THE_KERNELS = range(20000, 32768)


class HostsError(Exception):
    """Says what is wrong and what to do; shown without a traceback."""


def say(text: str) -> None:
    """Progress for a person; standard output is kept for what a program reads."""
    print(text, file=sys.stderr, flush=True)


def run(arguments: Sequence[str], *, data: bytes | None = None, timeout: float = 300) -> str:
    """Run a program to its end and return what it printed; its own words are in the error when it fails."""
    try:
        done = subprocess.run(arguments, input=data, capture_output=True, timeout=timeout, check=False)
    except FileNotFoundError as error:
        raise HostsError(f"{arguments[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise HostsError(f"no answer within {timeout:.0f} s: {' '.join(arguments[:6])}") from error
    if done.returncode != 0:
        reason = done.stderr.decode(errors="replace").strip() or done.stdout.decode(errors="replace").strip()
        raise HostsError(f"failed ({done.returncode}): {' '.join(arguments[:6])}\n{reason}")
    return done.stdout.decode(errors="replace")


def works(arguments: Sequence[str], *, timeout: float = 30) -> bool:
    """Whether a program exists and succeeds."""
    try:
        done = subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def wait_until(what: str, reached: Callable[[], bool], *, seconds: float) -> None:
    """Look every 0.2 s until it is so; `what` names the thing in the error."""
    deadline = time.monotonic() + seconds
    while not reached():
        if time.monotonic() > deadline:
            raise HostsError(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(0.2)


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """For what a machine needs once, and several test runs of this checkout find missing at the same moment."""
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "once.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def free_port() -> int:
    """A port of this machine's loopback that nobody holds, and that is no outgoing connection's before it is used."""
    for port in random.sample(NOT_THE_KERNELS, len(NOT_THE_KERNELS)):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise HostsError(f"no port of {NOT_THE_KERNELS.start} to {NOT_THE_KERNELS.stop - 1} is free on 127.0.0.1: end what holds them")


def is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def is_debian() -> bool:
    return Path("/etc/debian_version").exists()


def install_debian_packages(packages: Sequence[str], reason: str) -> None:
    """Name what is missing first, then install it; where that is not ours to do, say what to do."""
    wanted = " ".join(packages)
    if not (is_debian() and is_root()):
        raise HostsError(f"{reason}: install it (on Debian, as root: apt-get install {wanted}), then run this again")
    say(f"missing: {reason}; installing the Debian packages {wanted}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *packages]):
        done = subprocess.run(
            ["apt-get", *arguments], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise HostsError(f"apt-get {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
