# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the stand-in's own tests."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from standin_fleet import Fleet


@pytest.fixture(autouse=True, scope="session")
def _hangups_count() -> None:
    """A run under nohup ignores them, and every node would inherit that."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    """Nodes that end with the test."""
    nodes = Fleet(tmp_path)
    yield nodes
    nodes.stop()
