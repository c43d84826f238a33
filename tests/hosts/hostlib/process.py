# SPDX-License-Identifier: GPL-3.0-or-later
"""A program that goes on after the one that started it, and is found again by its process id."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from hostlib.tools import HostsError, wait_until


@dataclass(frozen=True)
class Detached:
    """A process of this machine, told from a later one with the same number by its start time."""

    pid: int
    started: str

    @classmethod
    def start(cls, command: Sequence[str], log: Path) -> Detached:
        """It outlives the terminal; what it says goes to the log."""
        with log.open("wb") as output:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, cwd="/")
        return cls(process.pid, _start_time(process.pid))

    @classmethod
    def load(cls, file: Path) -> Detached:
        return cls(**json.loads(file.read_text()))

    def save(self, file: Path) -> None:
        file.write_text(json.dumps(asdict(self)))

    def is_alive(self) -> bool:
        return _start_time(self.pid) == self.started != ""

    def end(self, name: str) -> None:
        """Ask it to, and wait until it has."""
        if self.is_alive():
            os.kill(self.pid, signal.SIGTERM)
            wait_until(f"{name} to end", lambda: not self.is_alive(), seconds=60)

    def insist(self, name: str, log: Path) -> None:
        """An error with its last words if it is gone."""
        if not self.is_alive():
            raise HostsError(f"{name} ended:\n{log.read_text(errors='replace')[-2000:]}")


def _start_time(pid: int) -> str:
    """Empty when there is no such process, or when it ended and was not reaped."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if fields[0] == "Z" else fields[19]
    return ""
