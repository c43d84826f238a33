# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives of the official layout: same bytes each time, any version, any fault, and they say so."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest
from hostlib.tools import free_port
from standin_fleet import Fleet, request

PACK = Path(__file__).resolve().parent / "pack"
MEMBERS = ["livepeer", "livepeer_bench", "livepeer_cli", "livepeer_router"]


def pack(folder: Path, *arguments: str) -> Path:
    """The archive."""
    command = [sys.executable, str(PACK), "--output", str(folder), *arguments]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "livepeer-linux-amd64.tar.gz"


def unpacked(folder: Path, *arguments: str) -> Path:
    """The executable out of an archive."""
    with tarfile.open(pack(folder, *arguments)) as archive:
        archive.extractall(folder, filter="data")
    return folder / "livepeer-linux-amd64" / "livepeer"


def test_layout_and_bytes(tmp_path: Path) -> None:
    first = pack(tmp_path / "first")
    assert first.read_bytes() == pack(tmp_path / "second").read_bytes()
    with tarfile.open(first) as archive:
        top = "./livepeer-linux-amd64"
        assert archive.getnames() == [top, *(f"{top}/{name}" for name in MEMBERS)]


@pytest.mark.parametrize(
    ("arguments", "version"),
    [((), "0.9.1"), (("--version", "0.8.11"), "0.8.11"), (("--fault", "wrong-version"), "0.0.1")],
)
def test_version(tmp_path: Path, arguments: tuple[str, ...], version: str) -> None:
    done = subprocess.run([unpacked(tmp_path, *arguments), "-version"], capture_output=True, text=True, check=True)
    assert f"Livepeer Node Version: {version}\n" in done.stdout
    assert "stand-in node for livepeer.fleet tests, not go-livepeer" in done.stdout
    assert "stand-in node for livepeer.fleet tests, not go-livepeer" in done.stderr


def test_flags_are_those_of_the_version(tmp_path: Path) -> None:
    older = unpacked(tmp_path, "--version", "0.8.11")
    assert subprocess.run([older, "-version", "-remoteSignerAllowNoAuth"], capture_output=True, check=False).returncode == 2


def test_exit_at_once(tmp_path: Path) -> None:
    binary = unpacked(tmp_path, "--fault", "exit-at-once")
    done = subprocess.run([binary, "-gateway"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "packed with the fault exit-at-once" in done.stderr


def test_exit_after_5s(tmp_path: Path) -> None:
    fleet, cli = Fleet(tmp_path, unpacked(tmp_path, "--fault", "exit-after-5s")), free_port()
    started = time.monotonic()
    node = fleet.start("-transcoder", "-orchSecret", "s", "-orchAddr", "127.0.0.1:1", "-cliAddr", f":{cli}", wait_for=cli)
    assert node.wait(20) == 0
    assert time.monotonic() - started >= 5


def test_wrong_role(tmp_path: Path) -> None:
    fleet, cli = Fleet(tmp_path, unpacked(tmp_path, "--fault", "wrong-role")), free_port()
    try:
        ports = ("-cliAddr", f":{cli}", "-httpAddr", f":{free_port()}", "-rtmpAddr", f":{free_port()}")
        fleet.start("-gateway", *ports, wait_for=cli)
        assert request(cli, "GET", "/IsOrchestrator").body == "true"
    finally:
        fleet.stop()


def test_never_listens(tmp_path: Path) -> None:
    fleet, cli = Fleet(tmp_path, unpacked(tmp_path, "--fault", "never-listens")), free_port()
    try:
        node = fleet.start("-redeemer", "-cliAddr", f"127.0.0.1:{cli}")
        with pytest.raises(subprocess.TimeoutExpired):
            node.wait(2)
        with pytest.raises(OSError):
            request(cli, "GET", "/status")
    finally:
        fleet.stop()
