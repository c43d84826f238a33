# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan on a terminal of the operator's: as wide as that is, coloured unless he wants none."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import HOSTS, ROOT, Run

Runner = Callable[..., Run]
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def on_terminal(run: Runner, tmp_path: Path) -> Callable[..., str]:
    """``on_terminal(columns, NAME="value")``: what a terminal of that width gets to show."""
    run(HOSTS)

    def shown(columns: int, **environment: str) -> str:
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        inherited = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR", "ANSIBLE_NOCOLOR")}
        settings = {"ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "collections"), "LC_ALL": "C.UTF-8", "TERM": "xterm", **environment}
        playbook = subprocess.Popen(
            ["ansible-playbook", "-i", "inventory.yml", "play.yml"],
            cwd=tmp_path,
            env={**inherited, **settings},
            stdin=slave,
            stdout=slave,
            stderr=slave,
        )
        os.close(slave)
        read = bytearray()
        with contextlib.suppress(OSError):  # the other side of a terminal ends so
            while part := os.read(master, 65536):
                read += part
        os.close(master)
        assert playbook.wait() == 0, read.decode()
        return read.decode().replace("\r\n", "\n").partition("Nodes")[2].partition("Written to")[0]

    return shown


@pytest.mark.parametrize("columns", [60, 200])
def test_the_report_is_as_wide_as_the_terminal(columns: int, on_terminal: Callable[..., str]) -> None:
    text = ESCAPE.sub("", on_terminal(columns))
    assert max(map(len, text.splitlines())) <= columns
    assert ("UNIT" in text) == (columns == 200)


def test_colours_unless_the_operator_wants_none(on_terminal: Callable[..., str]) -> None:
    coloured, plain = on_terminal(100), on_terminal(100, NO_COLOR="1")
    assert coloured != plain == ESCAPE.sub("", coloured)
