# SPDX-License-Identifier: GPL-3.0-or-later
"""A Docker engine: one that answers is used and left alone; otherwise one of our own, ended by its process id."""

from __future__ import annotations

import shutil
from pathlib import Path

from hostlib.process import Detached
from hostlib.tools import CACHE, HostsError, install_debian_packages, is_root, run, say, wait_until, works

STATE = CACHE / "engine.json"
LOG = CACHE / "dockerd.log"
SYSTEMD = Path("/run/systemd/system")
BY_SYSTEMD = "systemd"


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
        CACHE.mkdir(exist_ok=True)
        STATE.write_text(BY_SYSTEMD)
        say("engine: started by systemd")
    else:
        _start_daemon()


def down() -> None:
    """End the engine if up() started it and no host of anybody is left on it."""
    if not STATE.exists():
        say("engine: not started by this checkout, left alone")
        return
    if answers() and run(["docker", "ps", "-q"]).strip():
        say("engine: containers are running on it, left alone")
        return
    if STATE.read_text() == BY_SYSTEMD:
        run(["systemctl", "stop", "docker.socket", "docker", "containerd"])
    else:
        # dockerd ends its containerd before it ends itself.
        Detached.load(STATE).end("the engine")
    STATE.unlink()
    say("engine: ended")


def _start_daemon() -> None:
    CACHE.mkdir(exist_ok=True)
    daemon = Detached.start(["dockerd"], LOG)
    daemon.save(STATE)

    def ready() -> bool:
        if not daemon.is_alive():
            STATE.unlink()
        daemon.insist("dockerd", LOG)
        return answers()

    # A first start on an empty disk makes its databases and network: seconds, more on a busy machine.
    wait_until(f"dockerd to answer (its log: {LOG})", ready, seconds=120)
    say(f"engine: dockerd started, process {daemon.pid}")
