# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a program of the host: bounded in time, with a neutral locale and nothing else of our own environment."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.livepeer.fleet.plugins.module_utils.errors import HostError

# Nothing of the caller's environment: go-livepeer reads LP_* variables, and messages have to be in one language.
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/nonexistent", "SYSTEMD_COLORS": "0"}

# `nobody`, by number: the name of its group differs between distributions.
NOBODY = 65534


@dataclass(frozen=True)
class Done:
    """A program that came to its end.

    Attributes:
        status: exit status; negative is the signal that ended it.
        output: standard output, "" if it was thrown away.
        error: standard error.
    """

    status: int
    output: str
    error: str


def run(  # noqa: PLR0913 - a program has that many sides
    arguments: Sequence[str],
    *,
    seconds: float = 60,
    as_nobody: bool = False,
    hide_output: bool = False,
    descriptors: Sequence[int] = (),
    given: str | None = None,
) -> Done:
    """Run a program to its end.

    Args:
        arguments: the program and its arguments; never a secret among them.
        seconds: how long it may take.
        as_nobody: as the user without rights.
        hide_output: throw standard output away (the settings that a node prints hold secrets).
        descriptors: open files that it inherits.
        given: what it reads from standard input.

    Raises:
        HostError: there is no such program, or it took too long.
        OSError: it cannot be started (wrong architecture, no permission).
    """
    user: int | None = NOBODY if as_nobody else None
    try:
        with subprocess.Popen(
            list(arguments),
            stdin=subprocess.DEVNULL if given is None else subprocess.PIPE,
            stdout=subprocess.DEVNULL if hide_output else subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=ENVIRONMENT,
            cwd="/",
            user=user,
            group=user,
            extra_groups=[] if as_nobody else None,
            pass_fds=tuple(descriptors),
        ) as process:
            try:
                output, error = process.communicate(None if given is None else given.encode("utf-8", "surrogateescape"), timeout=seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                raise HostError(f"{arguments[0]} did not end within {seconds:.0f} seconds") from None
    except FileNotFoundError as error_:
        raise HostError(f"{arguments[0]} is not on this host") from error_
    return Done(process.returncode, _text(output), _text(error))


def _text(data: bytes | None) -> str:
    return (data or b"").decode("utf-8", "replace")
