# SPDX-License-Identifier: GPL-3.0-or-later
"""Units, through the programs that systemd brings along. Tried with systemd 252 (Debian 12)."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.livepeer.fleet.plugins.module_utils import commands, files
from ansible_collections.livepeer.fleet.plugins.module_utils.errors import HostError
from ansible_collections.livepeer.fleet.plugins.module_utils.paths import Paths

_PROPERTIES = (
    "LoadState,ActiveState,SubState,Result,UnitFileState,NeedDaemonReload,MainPID,NRestarts,"
    "ExecMainCode,ExecMainStatus,ExecMainStartTimestampMonotonic,InvocationID,DropInPaths"
)
_STOP_SECONDS = 120
_SAID_LINES = 500
_EXITED = "1"  # CLD_EXITED of ExecMainCode; the others are signals


@dataclass(frozen=True)
class UnitState:
    """What systemd says of a unit.

    Attributes:
        load: ``loaded``, ``not-found``, …
        active: ``active``, ``activating``, ``inactive``, ``failed``, …
        sub: ``running``, ``auto-restart``, ``dead``, …
        result: why it ended last, ``success`` or not.
        enabled: ``enabled``, ``disabled``, … or "".
        needs_reload: its file changed since systemd read it.
        main_pid: 0 if nothing runs.
        restarts: how often systemd restarted it by itself since it was started.
        invocation: names one start of it.
        age: seconds since its process started, 0 if there is none.
        ended: how the process ended last, for people; "" if it did not.
        drop_ins: files beside ours that change the unit.
    """

    load: str = "not-found"
    active: str = "inactive"
    sub: str = "dead"
    result: str = "success"
    enabled: str = ""
    needs_reload: bool = False
    main_pid: int = 0
    restarts: int = 0
    invocation: str = ""
    age: float = 0.0
    ended: str = ""
    drop_ins: tuple[str, ...] = ()

    @property
    def running(self) -> bool:
        """True if its process runs."""
        return self.active == "active" and self.sub == "running" and self.main_pid > 0

    @property
    def exists(self) -> bool:
        """True if systemd knows the unit."""
        return self.load != "not-found"


class Systemd:
    """The system manager of this host."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths

    def version(self) -> int:
        """Its version, such as 252; 0 if it cannot be told."""
        words = commands.run(["systemctl", "--version"]).output.split()
        return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0

    def state(self, unit: str) -> UnitState:
        """What it says of a unit; a unit it does not know is ``not-found``."""
        done = commands.run(["systemctl", "show", f"{unit}.service", f"--property={_PROPERTIES}"])
        if done.status != 0:
            raise HostError(f"systemctl show {unit} failed: {done.error.strip()}")
        return parse_state(done.output, time.monotonic())

    def reload(self) -> None:
        """Read unit files anew."""
        self._must("daemon-reload")

    def enable(self, unit: str) -> None:
        """Start it at boot."""
        self._must("enable", "--quiet", f"{unit}.service")

    def restart(self, unit: str) -> None:
        """Stop it if it runs, then start it. That it was started says nothing yet of how it does."""
        # A unit that failed too often before would not be started at all.
        commands.run(["systemctl", "reset-failed", f"{unit}.service"])
        self._must("restart", f"{unit}.service")

    def refresh(self, unit: str) -> None:
        """Let it read its files anew without an interruption; start it if it does not run."""
        commands.run(["systemctl", "reset-failed", f"{unit}.service"])
        self._must("reload-or-restart", f"{unit}.service")

    def retire(self, unit: str) -> None:
        """Stop it and do not start it at boot; a unit that is not there is retired already."""
        commands.run(["systemctl", "disable", "--quiet", "--now", f"{unit}.service"], seconds=_STOP_SECONDS)
        commands.run(["systemctl", "stop", f"{unit}.service"], seconds=_STOP_SECONDS)

    def forget(self, unit: str) -> None:
        """After its file is gone: forget that it failed."""
        self._must("daemon-reload")
        commands.run(["systemctl", "reset-failed", f"{unit}.service"])

    def make_user(self, sysusers: Path) -> None:
        """Make the system user that a file of sysusers.d declares."""
        done = commands.run(["systemd-sysusers", str(sysusers)])
        if done.status != 0:
            raise HostError(f"systemd-sysusers cannot make the user of {sysusers}: {done.error.strip()}")

    def complaints(self, unit: str, text: str) -> str:
        """What `systemd-analyze verify` has to say about a unit file, "" if nothing. Its exit status hides unknown keys."""
        with tempfile.TemporaryDirectory(prefix=".livepeer-fleet-", dir=str(self._paths.runtime)) as folder:
            path = Path(folder, f"{unit}.service")
            files.write_new(path, text, 0o600)
            done = commands.run(["systemd-analyze", "verify", "--man=no", str(path)])
            # It speaks of other units of the host as well.
            lines = [line.replace(str(path), path.name).strip() for line in done.error.splitlines() if path.name in line]
        if done.status != 0 and not lines:
            lines = done.error.strip().splitlines()[-3:] or [f"systemd-analyze verify ended with status {done.status}"]
        return "\n".join(lines)

    def reread_journal(self, namespace: str) -> None:
        """Let the journal of a namespace read its limits anew, if it is in use; what runs keeps its connection to it."""
        self._must("try-restart", f"systemd-journald@{namespace}.service")

    def cursor(self, namespace: str = "") -> str:
        """Where a journal ends now, "" if there is none."""
        found = commands.run([*_journalctl(namespace), "--quiet", "--lines=1", "--output=export", "--output-fields=MESSAGE_ID"])
        for line in found.output.splitlines():
            if line.startswith("__CURSOR="):
                return line[len("__CURSOR=") :]
        return ""

    def log(self, unit: str, cursor: str, lines: int, namespace: str = "") -> str:
        """The last lines of a unit's journal since a cursor. They may hold secrets."""
        commands.run([*_journalctl(namespace), "--sync"])
        since = [f"--after-cursor={cursor}"] if cursor else ["--boot"]
        # With a cursor --lines means the first ones after it (seen in systemd 252), and the reason of an end stands last.
        what = [f"--unit={unit}.service", *since]
        done = commands.run([*_journalctl(namespace), "--quiet", "--no-pager", "--output=short-precise", "--no-hostname", *what])
        return "\n".join(done.output.strip().splitlines()[-lines:])

    def said(self, unit: str, invocation: str, namespace: str = "") -> str:
        """The last lines of what a unit wrote since it was started. They may hold secrets."""
        what = [f"--unit={unit}.service", f"--lines={_SAID_LINES}", f"_SYSTEMD_INVOCATION_ID={invocation}"]
        return commands.run([*_journalctl(namespace), "--quiet", "--no-pager", "--output=cat", *what]).output

    def _must(self, *arguments: str) -> None:
        done = commands.run(["systemctl", *arguments], seconds=_STOP_SECONDS)
        if done.status != 0:
            raise HostError(f"systemctl {' '.join(arguments)} failed: {done.error.strip()}")


def _journalctl(namespace: str) -> list[str]:
    return ["journalctl", f"--namespace={namespace}"] if namespace else ["journalctl"]


def parse_state(text: str, now: float) -> UnitState:
    """Read the output of `systemctl show`; ``now`` is the monotonic clock in seconds."""
    raw: Mapping[str, str] = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    started = _number(raw.get("ExecMainStartTimestampMonotonic", "")) / 1_000_000
    main_pid = _number(raw.get("MainPID", ""))
    return UnitState(
        load=raw.get("LoadState", "not-found"),
        active=raw.get("ActiveState", "inactive"),
        sub=raw.get("SubState", "dead"),
        result=raw.get("Result", ""),
        enabled=raw.get("UnitFileState", ""),
        needs_reload=raw.get("NeedDaemonReload") == "yes",
        main_pid=main_pid,
        restarts=_number(raw.get("NRestarts", "")),
        invocation=raw.get("InvocationID", ""),
        age=max(0.0, now - started) if main_pid else 0.0,
        ended="" if main_pid else _ended(raw),
        drop_ins=tuple(raw.get("DropInPaths", "").split()),
    )


def _ended(raw: Mapping[str, str]) -> str:
    code, status = raw.get("ExecMainCode", "0"), raw.get("ExecMainStatus", "0")
    if code == "0":
        return ""
    return f"it ended with status {status}" if code == _EXITED else f"it was ended by signal {status}"


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0
