# SPDX-License-Identifier: GPL-3.0-or-later
"""The nftables table as nft takes it, and as the kernel applies it between two network namespaces."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.addresses import Listener, exposure
from ansible_collections.livepeer.fleet.plugins.plugin_utils.firewall import Allowed, ruleset
from ansible_collections.livepeer.fleet.plugins.plugin_utils.templating import Templates
from hostlib.tools import CHECKOUT_ID, install_debian_packages

TEMPLATES = Templates(Path(__file__).parents[2] / "roles" / "node" / "templates")
US, FRIEND, STRANGER = "10.77.0.1", "10.77.0.2", "10.77.0.3"
ALLOWED = Allowed(sources=(f"{FRIEND}/32", "fd00::/8"), metrics=(f"{FRIEND}/32",))

PUBLIC, PRIVATE, LOOPBACK, METRICS, FOREIGN, NEIGHBOUR = 8935, 9935, 7935, 17935, 2222, 9935


def listener(address: str, port: int, purpose: str) -> Listener:
    return Listener("m", "orch1", "orchestrator", purpose, "tcp", address, port, exposure(address), "livepeer_x", True)


LISTENERS = [
    listener("", PUBLIC, "rpc"),
    listener(US, PRIVATE, "http"),
    listener("127.0.0.1", LOOPBACK, "cli"),
    listener("", METRICS, "metrics"),
    listener("fd00::1", 9936, "http"),
    listener("gw1.example.com", 1935, "rtmp"),
]


def _run(*arguments: str, data: str = "") -> str:
    done = subprocess.run(arguments, input=data, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{arguments}: {done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def namespaces() -> Iterator[tuple[str, str]]:
    """Two machines with a wire between them: ours, with a server on every port, and one with the addresses of a friend and a stranger."""
    missing = [package for program, package in {"nft": "nftables", "ip": "iproute2"}.items() if not shutil.which(program)]
    if missing:
        install_debian_packages(missing, "what the nftables table is tried with")
    ours, theirs = f"lpf-{CHECKOUT_ID}-ours", f"lpf-{CHECKOUT_ID}-theirs"
    for name in (ours, theirs):
        _run("ip", "netns", "add", name)
    try:
        _run("ip", "link", "add", "wire", "netns", ours, "type", "veth", "peer", "name", "wire", "netns", theirs)
        for name, addresses in ((ours, (US, "10.77.0.9")), (theirs, (FRIEND, STRANGER))):
            for address in addresses:
                _run("ip", "-n", name, "address", "add", f"{address}/24", "dev", "wire")
            _run("ip", "-n", name, "link", "set", "lo", "up")
            _run("ip", "-n", name, "link", "set", "wire", "up")
        yield ours, theirs
    finally:
        for name in (ours, theirs):
            subprocess.run(["ip", "netns", "delete", name], check=False)


SERVE = """
import socket, sys
servers = [socket.create_server(("0.0.0.0", port)) for port in map(int, sys.argv[1:])]
print("up", flush=True)
sys.stdin.read()
"""
DIAL = """
import socket, sys
source, target, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
try:
    socket.create_connection((target, port), timeout=2, source_address=(source, 0))
    print("open")
except OSError:
    print("closed")
"""


@pytest.fixture(scope="module")
def served(namespaces: tuple[str, str]) -> Iterator[tuple[str, str]]:
    ports = [str(port) for port in sorted({PUBLIC, PRIVATE, LOOPBACK, METRICS, FOREIGN})]
    command = ["ip", "netns", "exec", namespaces[0], "python3", "-c", SERVE, *ports]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        assert server.stdout.readline() == "up\n"
        yield namespaces
        server.stdin.close()


def dial(namespace: str, source: str, port: int, target: str = US) -> str:
    return _run("ip", "netns", "exec", namespace, "python3", "-c", DIAL, source, target, str(port)).strip()


def load(namespace: str, text: str) -> None:
    _run("ip", "netns", "exec", namespace, "nft", "-f", "-", data=text)


TEXT = ruleset(LISTENERS, ALLOWED, TEMPLATES)


def test_nft_takes_it(namespaces: tuple[str, str]) -> None:
    _run("ip", "netns", "exec", namespaces[0], "nft", "-c", "-f", "-", data=TEXT)
    _run("ip", "netns", "exec", namespaces[0], "nft", "-c", "-f", "-", data=ruleset([], Allowed(), TEMPLATES))


def test_who_reaches_what(served: tuple[str, str]) -> None:
    ours, theirs = served
    seen = {
        (source, port): dial(theirs, source, port)
        for source in (FRIEND, STRANGER)
        for port in (PUBLIC, PRIVATE, LOOPBACK, METRICS, FOREIGN)
    }
    assert set(seen.values()) == {"open"}, "without the table every port answers"
    load(ours, TEXT)
    for source in (FRIEND, STRANGER):
        expected = "open" if source == FRIEND else "closed"
        assert dial(theirs, source, PUBLIC) == "open"
        assert dial(theirs, source, PRIVATE) == expected
        assert dial(theirs, source, METRICS) == expected
        assert dial(theirs, source, LOOPBACK) == "closed"
        assert dial(theirs, source, FOREIGN) == "open", "a port that is not ours is left alone"
    assert dial(theirs, STRANGER, NEIGHBOUR, target="10.77.0.9") == "open", "another address than the planned one is somebody else's"
    assert dial(ours, US, LOOPBACK) == "open", "the machine itself is let through"


def test_loaded_again_it_is_the_same_and_foreign_tables_stay(namespaces: tuple[str, str]) -> None:
    ours = namespaces[0]
    load(ours, "table inet theirs { chain input { type filter hook input priority 10; policy accept; tcp dport 2 drop\n }\n}")
    load(ours, TEXT)
    once = _run("ip", "netns", "exec", ours, "nft", "list", "ruleset")
    load(ours, TEXT)
    assert _run("ip", "netns", "exec", ours, "nft", "list", "ruleset") == once
    assert "table inet theirs" in once
    _run("ip", "netns", "exec", ours, "nft", "delete", "table", "inet", "livepeer")
    assert "livepeer" not in _run("ip", "netns", "exec", ours, "nft", "list", "ruleset")
