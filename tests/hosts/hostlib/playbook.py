# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of a playbook of this collection, as an operator would start it; tests/env.sh must have been sourced."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from hostlib.tools import CACHE


def run_playbook(name: str, *arguments: str | Path, timeout: float = 600) -> subprocess.CompletedProcess[str]:
    """`arguments` are inventories (paths) and any options (text) of ansible-playbook."""
    command = ["ansible-playbook", f"livepeer.fleet.{name}"]
    for argument in arguments:
        command += ["-i", str(argument)] if isinstance(argument, Path) else [argument]
    # Settings of Molecule and of its ansible.cfg must not reach into what an operator would run; the output is read by a program.
    strange = ("ANSIBLE_CONFIG", "ANSIBLE_FORCE_COLOR", "PY_COLORS")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MOLECULE_") and key not in strange}
    return subprocess.run(command, cwd=CACHE, env=environment, capture_output=True, text=True, check=False, timeout=timeout)
