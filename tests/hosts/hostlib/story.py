# SPDX-License-Identifier: GPL-3.0-or-later
"""What several scenarios hold of their fleet: the plan that was carried out, what a plan refuses, secrets that are nowhere."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from hostlib import planted
from hostlib.fleet import Fleet
from hostlib.playbook import run_playbook
from hostlib.tools import wait_until
from hostlib.unit import Unit
from hostlib.video import SEGMENT, Gateway

# What is no node of the collection's keeps its account there (molecule/**/prepare*.yml), open to root alone.
BY_HAND = ("/var/lib/signer", "/var/lib/gateway")


@dataclass(frozen=True)
class Story:
    """A scenario and its hosts."""

    folder: Path

    @classmethod
    def of(cls, test: str) -> Story:
        """The scenario that a file of tests belongs to (its ``__file__``)."""
        return cls(Path(test).resolve().parents[1])

    @property
    def fleet(self) -> Fleet:
        return Fleet(f"molecule-{self.folder.name}")

    def run(self, playbook: str, *more: Path | str) -> CompletedProcess[str]:
        """A playbook on the scenario's inventory, and on others that say something else of its hosts."""
        return run_playbook(playbook, self.folder / "inventory.yml", self.fleet.inventory_file, *more)

    def plan(self) -> dict[str, Any]:
        """What converge carried out."""
        document: dict[str, Any] = json.loads((self.folder / "livepeer-plan" / "plan.json").read_text())
        return document

    def edge(self, gateway: str, workload: str = "video") -> dict[str, Any]:
        """The one edge of a gateway for a workload."""
        (found,) = (edge for edge in self.plan()["edges"] if (edge["gateway"], edge["workload"]) == (gateway, workload))
        return dict(found)

    def figures(self, gateway: str, workload: str = "video") -> dict[str, Any]:
        """What gas makes of the prices that this gateway is asked."""
        pricing = self.plan()["pricing"]
        (found,) = (one for one in pricing if gateway in one["gateways"] and one["workload"] == workload)
        return dict(found)

    def advertised(self, gateway: str, mark: str, workload: str = "video") -> Fraction:
        """The price that the plan expects at a gas price with this mark, such as the highest that is stated."""
        (row,) = (row for row in self.figures(gateway, workload)["table"] if mark in row["marks"])
        return Fraction(row["highest"])

    @contextmanager
    def gas(self, gwei: Fraction, seen_by: Unit) -> Iterator[None]:
        """Another gas price on the chain for a while, from when this node has seen it."""
        before = Fraction(str(self.fleet.chain.document()["gas_gwei"]))
        self._set_gas(gwei, seen_by)
        try:
            yield
        finally:
            self._set_gas(before, seen_by)

    def _set_gas(self, gwei: Fraction, seen_by: Unit) -> None:
        self.fleet.chain.change(gas_gwei=float(gwei))
        wait_until(f"{seen_by.host} to see {gwei} gwei", lambda: seen_by.metric("livepeer_suggested_gas_price") == float(gwei), seconds=60)

    def refusals(self, inventory: str) -> dict[str, str]:
        """Code and text of each error with which plan.yml ends, once another inventory is laid over the scenario's."""
        done = self.run("plan", self.folder / "inventories" / inventory)
        assert done.returncode != 0, done.stdout
        found: dict[str, str] = {}
        for block in re.split(r"^(?=(?:error|warning|info)\[)", done.stdout, flags=re.MULTILINE)[1:]:
            if code := re.match(r"error\[(LPF\d+)\]", block):
                found[code[1]] = found.get(code[1], "") + block.partition("\n\n")[0]
        assert found, done.stdout + done.stderr
        return found

    def push(self, host: str, stream: str, count: int = 2, http_port: int = 9935, cli_port: int = 5935) -> list[str]:
        """What a publisher gets for each segment of a new stream: one that was refused stays so for as long as it lives."""
        segment, stream = SEGMENT.read_bytes(), f"{stream}-{secrets.token_hex(4)}"
        with Gateway(self.fleet.ssh_config, host, http_port, cli_port) as gateway:
            return [gateway.put(stream, number, segment) for number in range(count)]

    def planted(self) -> list[str]:
        """Passwords and encrypted keys of all accounts."""
        found = []
        for name in sorted(path.name for path in self.fleet.chain.folder.iterdir() if path.is_dir()):
            found.append(self.fleet.chain.password(name).read_text().strip())
            found.append(json.loads(self.fleet.chain.keystore(name).read_text())["crypto"]["ciphertext"])
        return found

    def assert_converged_without_a_trace(self) -> None:
        """The playbook once more changes nothing, and no secret is in what it says, in the plan, or anywhere on a host."""
        done = self.run("site", "-vvv", "--diff")
        assert done.returncode == 0, done.stdout + done.stderr
        recap = done.stdout.rpartition("PLAY RECAP")[2]
        assert set(re.findall(r"changed=(\d+)", recap)) == {"0"}, recap
        said = {"the run": done.stdout + done.stderr}
        said |= {str(path): path.read_text() for path in (self.folder / "livepeer-plan").rglob("*") if path.is_file()}
        assert planted.found(self.fleet, self.planted(), said, kept=BY_HAND) == []


def tenths_around(gwei: str) -> tuple[Fraction, Fraction]:
    """The gas prices with one decimal place next below and above the one where something ends."""
    below = Fraction(int(Fraction(gwei) * 10), 10)
    return below, below + Fraction(1, 10)
