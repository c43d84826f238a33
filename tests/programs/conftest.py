# SPDX-License-Identifier: GPL-3.0-or-later
"""promtool of Debian's package prometheus, installed where it is missing."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hostlib.tools import install_debian_packages
from scrapes import Run


@pytest.fixture(scope="session")
def promtool() -> Run:
    """``promtool(*arguments)``: how it ended."""
    if not shutil.which("promtool"):
        install_debian_packages(["prometheus"], "promtool, which checks the Prometheus rules")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["promtool", *arguments], capture_output=True, text=True, timeout=120, check=False)

    return run
