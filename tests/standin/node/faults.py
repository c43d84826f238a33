# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that `pack --fault` builds in, so that a broken release can be tried; each says so in the banner."""

from __future__ import annotations

import threading
import time

from . import golog
from .build import Build
from .node import Role
from .settings import Settings

FAULTS = {
    "exit-at-once": "ends with status 0 instead of a start",
    "exit-after-5s": "serves, and ends with status 0 after 5 s",
    "wrong-role": "a gateway answers as an orchestrator, every other role as a gateway",
    "never-listens": "hangs at the start with no socket open",
    "wrong-version": "says that it is version 0.0.1",
}
WRONG_VERSION = "0.0.1"
LIFE_SECONDS = 5.0


def announcement(build: Build) -> str:
    """The end of the banner."""
    return f"; packed with the fault {build.fault}: {FAULTS[build.fault]}" if build.fault else ""


def version(build: Build) -> str:
    """What -version and /status say."""
    return WRONG_VERSION if build.fault == "wrong-version" else build.version


def role(build: Build, settings: Settings) -> Role | None:
    """The role that the node pretends to have."""
    if build.fault != "wrong-role":
        return None
    is_gateway = (settings.on("gateway") or settings.on("broadcaster")) and not settings.on("orchestrator")
    return Role.ORCHESTRATOR if is_gateway else Role.GATEWAY


def before_start(build: Build) -> None:
    """Faults that show before anything is opened."""
    if build.fault == "exit-at-once":
        golog.end(0)
    if build.fault == "never-listens":
        while True:
            time.sleep(3600)
    if build.fault == "exit-after-5s":
        timer = threading.Timer(LIFE_SECONDS, golog.end, (0,))
        timer.daemon = True
        timer.start()
