# SPDX-License-Identifier: GPL-3.0-or-later
"""The entry point (cmd/livepeer/livepeer.go:main)."""

from __future__ import annotations

import os
import sys

from . import build, faults, flagtable, golog, mist, startup
from .goflags import ConfigError, FlagSet, program_name
from .lifecycle import Lifecycle
from .node import GO_VERSION
from .settings import Settings

BANNER = "stand-in node for livepeer.fleet tests, not go-livepeer"


def main() -> None:
    """Settings first, then -j or -version or a start."""
    made = build.load()
    version = faults.version(made)
    golog.raw(f"{BANNER}{faults.announcement(made)}\n")
    flags = FlagSet(flagtable.load(made.version), program_name())
    try:
        flags.parse(sys.argv[1:], os.environ)
    except ConfigError as error:
        golog.exit_one(f"Error parsing config: {error}")
    settings = Settings(flags)
    golog.set_verbosity(settings.text("v"))
    if settings.on("j"):
        print(mist.document(flags, version))
        golog.end(0)
    print(settings.table(), end="")
    if settings.on("version"):
        print(f"Livepeer Node Version: {version}")
        print(f"Golang runtime version: gc {GO_VERSION} ({BANNER})")
        print("Architecture: amd64\nOperating system: linux")
        golog.end(0)
    sys.stdout.flush()
    faults.before_start(made)
    lifecycle = Lifecycle()
    lifecycle.run(lambda: startup.start(settings, version, lifecycle, faults.role(made, settings)))


main()
