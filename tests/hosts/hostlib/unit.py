# SPDX-License-Identifier: GPL-3.0-or-later
"""A service of a host, looked at past SSH: its process, its log, what its CLI port answers."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from hostlib.fleet import Fleet

ASK = "import sys, urllib.request as url; sys.stdout.write(url.urlopen(sys.argv[1], timeout=10).read().decode())"


@dataclass(frozen=True)
class Unit:
    """A unit of systemd, running or not."""

    fleet: Fleet
    host: str
    name: str
    cli_port: int

    def process(self) -> str:
        """Which process it is, and how it came to be: equal as long as nobody has restarted it."""
        return self.fleet.execute(self.host, "systemctl", "show", "-p", "ActiveState,MainPID,NRestarts,ExecMainStatus", self.name)

    def log(self) -> str:
        return self.fleet.execute(self.host, "journalctl", "--no-pager", "-o", "cat", "-u", self.name)

    def says(self, pattern: str) -> bool:
        return re.search(pattern, self.log()) is not None

    def ask(self, path: str) -> str:
        return self.fleet.execute(self.host, "python3", "-c", ASK, f"http://127.0.0.1:{self.cli_port}{path}")

    def status(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.ask("/status"))
        return answer

    def metric(self, name: str) -> float:
        return total(self.ask("/metrics"), name)


def total(metrics: str, name: str) -> float:
    """The sum of the series of a family; 0 for one that is not there yet."""
    found = re.findall(rf"^{name}(?:\{{.*\}})? (\S+)$", metrics, re.MULTILINE)
    return sum(float(value) for value in found)


def gateway(fleet: Fleet, host: str, name: str = "livepeer-gateway", cli_port: int = 5935) -> Unit:
    return Unit(fleet, host, name, cli_port)


def orchestrator(fleet: Fleet, host: str) -> Unit:
    return Unit(fleet, host, "livepeer-orchestrator", 7935)
