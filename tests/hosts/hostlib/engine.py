# SPDX-License-Identifier: GPL-3.0-or-later
"""A Docker engine: one that answers is used and left alone; otherwise one of our own, ended by its process id."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

from hostlib.tools import CACHE, HostsError, install_debian_packages, is_root, run, say, wait_until, works

STATE = CACHE / "engine.json"
LOG = CACHE / "dockerd.log"
SYSTEMD = Path("/run/systemd/system")


def answers() -> bool:
    return works(["docker", "info"])


def up() -> None:
    """Idempotent. Everything that is missing is named before anything is installed."""
    if answers():
        say("engine: a Docker engine answers")
        return
    packages = [] if shutil.which("dockerd") else ["docker.io"]
    packages += [] if shutil.which("iptables") else ["iptables"]
    if packages:
        install_debian_packages(packages, "a Docker engine that answers")
    elif not is_root():
        raise HostsError("a Docker engine is installed but does not answer: start it, or give this user access to it")
    if SYSTEMD.exists():
        run(["systemctl", "start", "docker"])
        _remember({"systemd": True})
        say("engine: started by systemd")
    else:
        _start_daemon()


def down() -> None:
    """End the engine if up() started it and no host of anybody is left on it."""
    if not STATE.exists():
        say("engine: not started by this checkout, left alone")
        return
    state = json.loads(STATE.read_text())
    if answers() and run(["docker", "ps", "-q"]).strip():
        say("engine: containers are running on it, left alone")
        return
    if state.get("systemd"):
        run(["systemctl", "stop", "docker.socket", "docker", "containerd"])
    elif _is_alive(state):
        os.kill(state["pid"], signal.SIGTERM)
        # dockerd ends its containerd before it ends itself.
        wait_until("the engine to end", lambda: not _is_alive(state), seconds=60)
    STATE.unlink()
    say("engine: ended")


def _start_daemon() -> None:
    CACHE.mkdir(exist_ok=True)
    with LOG.open("wb") as log:
        daemon = subprocess.Popen(["dockerd"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/")
    _remember({"pid": daemon.pid, "started": _start_time(daemon.pid)})

    def ready() -> bool:
        if daemon.poll() is not None:
            STATE.unlink()
            raise HostsError(f"dockerd ended with status {daemon.returncode}:\n{LOG.read_text()[-2000:]}")
        return answers()

    # A first start on an empty disk makes its databases and network: seconds, more on a busy machine.
    wait_until(f"dockerd to answer (its log: {LOG})", ready, seconds=120)
    say(f"engine: dockerd started, process {daemon.pid}")


def _remember(state: dict[str, object]) -> None:
    CACHE.mkdir(exist_ok=True)
    STATE.write_text(json.dumps(state))


def _start_time(pid: int) -> str:
    """Tells a process from a later one with the same number; empty when there is none, or when it ended and was not reaped."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if fields[0] == "Z" else fields[19]
    return ""


def _is_alive(state: dict[str, object]) -> bool:
    pid = state["pid"]
    return isinstance(pid, int) and _start_time(pid) == state["started"] != ""
