# SPDX-License-Identifier: GPL-3.0-or-later
"""One machine for the whole folder, blank for each test that asks for it, and plans made as an operator's are."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.inventory import Inventory
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan import make_plan, write_plan
from hostlib.fleet import Fleet

CHECKOUT = Path(__file__).resolve().parents[3]
HOST = "machine"
GATEWAY, ORCHESTRATOR, COMBINED = "livepeer_gateways", "livepeer_orchestrators", "livepeer_combined"

BLANK = """
for unit in $(systemctl list-unit-files --plain --no-legend 'livepeer-*' | cut -d' ' -f1); do systemctl disable --now -q "$unit"; done
umount -q /etc/livepeer /opt/livepeer/releases; pkill -x stranger
rm -rf /etc/livepeer /opt/livepeer /var/lib/livepeer-* /run/livepeer-fleet.lock
rm -f /etc/systemd/system/livepeer-* /etc/sysusers.d/livepeer-*
for user in $(cut -d: -f1 /etc/passwd | grep ^livepeer); do userdel "$user"; done
systemctl daemon-reload; systemctl reset-failed
true
"""
# What a failed first installation must leave as it was.
SNAPSHOT = """
find /etc /opt /usr/local /root /home /srv /var/lib -xdev \\( -path /var/lib/systemd -o -name '*-' -o -name .pwd.lock \\) -prune \
  -o -printf '%p %M %u %l\\n' | grep -v '^/etc /\\|__pycache__' | sort
cat /etc/passwd /etc/group
systemctl list-unit-files --plain --no-legend 'livepeer*' || true
"""


@dataclass(frozen=True)
class Result:
    """What a module said, and everything that was printed."""

    data: dict[str, Any]
    output: str

    @property
    def failed(self) -> str:
        """Why it failed; a test that expects that asks for it."""
        assert self.data.get("failed"), self.output
        return str(self.data["msg"])

    @property
    def done(self) -> dict[str, Any]:
        """Its result, if it did not fail."""
        assert not self.data.get("failed") and not self.data.get("unreachable"), self.output
        return self.data

    @property
    def diffs(self) -> str:
        """What --diff printed."""
        return self.output.partition(f"{HOST} | ")[0]


@dataclass
class Lab:
    """A machine, and a plan for it."""

    fleet: Fleet
    folder: Path
    group: str = COMBINED
    variables: dict[str, object] = field(default_factory=dict)
    # Instead of the 10 seconds that the module waits by itself; 0 where these are what is tried.
    settled: float = 1

    def use(self, archive: Path, version: str = "0.9.1") -> Lab:
        """Plan with this archive from now on."""
        self.variables |= {"livepeer_archive": str(archive), "livepeer_version": version}
        return self

    def plan(self, **variables: object) -> dict[str, Any]:
        """Write the plan; returns the machine's part of it."""
        self.variables |= variables
        values = {
            "livepeer_network": "offchain",
            "livepeer_orchestrator_service_addr": "127.0.0.1:8935",
            "livepeer_orchestrator_transcoder": True,
            "livepeer_gateway_payment": "none",
            "livepeer_gateway_discovery": "list",
            "livepeer_gateway_orch_addr": [{"url": "https://127.0.0.1:8935"}],
            **self.variables,
        }
        role = {GATEWAY: "livepeer_gateway_", ORCHESTRATOR: "livepeer_orchestrator_"}.get(self.group, "livepeer_")
        other = {GATEWAY: "livepeer_orchestrator_", ORCHESTRATOR: "livepeer_gateway_"}.get(self.group, "-")
        mine = {name: value for name, value in values.items() if name.startswith(role) or not name.startswith(other)}
        inventory = Inventory(groups={self.group: [HOST]}, hostvars={HOST: mine})
        plan = make_plan(inventory, archive_checksum=_sha256, templates=CHECKOUT / "roles/node/templates")
        assert not plan.refused, plan.findings
        write_plan(plan, self.folder / "plan")
        part: dict[str, Any] = json.loads((self.folder / f"plan/hosts/{HOST}.json").read_text())
        (self.folder / "variables.json").write_text(json.dumps(mine))
        return part

    def module(self, name: str, *options: str, environment: Mapping[str, str] | None = None, **arguments: object) -> Result:
        """Run a module through Ansible on the plan that was written last."""
        with self._start(name, *options, environment=environment or {}, **arguments) as process:
            return _result(process)

    def together(self, name: str, count: int) -> list[Result]:
        """Run a module several times at once."""
        return [_result(process) for process in [self._start(name, environment={}) for _number in range(count)]]

    def _start(self, name: str, *options: str, environment: Mapping[str, str], **arguments: object) -> subprocess.Popen[str]:
        quick = {"settled": self.settled} if name == "node" and self.settled else {}
        arguments = {"plan": str(self.folder / "plan"), **quick, **arguments}
        command = ["ansible", HOST, "-i", str(self.fleet.inventory_file), "-e", f"@{self.folder / 'variables.json'}"]
        return subprocess.Popen(
            [*command, "-m", f"livepeer.fleet.{name}", "-a", json.dumps(arguments), *options],
            env={**os.environ, "ANSIBLE_NOCOLOR": "1", **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def apply(self, *options: str, **arguments: object) -> Result:
        """Install what the plan needs, then apply it."""
        assert self.module("release").done
        return self.module("node", *options, **arguments)

    def observation(self, **arguments: object) -> dict[str, Any]:
        """One look."""
        found: dict[str, Any] = self.module("node_info", **arguments).done["observation"]
        return found

    def drive(self, *scenario: str) -> str:
        """Run a scenario of the driver on the machine; it fails with what it said."""
        return self.shell(f"PYTHONPATH=/opt/under-test /usr/bin/python3 -B /opt/under-test/driver.py {' '.join(scenario)}")

    def shell(self, script: str) -> str:
        """Run a script on the machine, past SSH."""
        return self.fleet.execute(HOST, "sh", "-c", script)

    def put(self, path: str, content: str) -> None:
        """Write a file on the machine."""
        self.shell(f"mkdir -p $(dirname {path}); cat > {path} <<'END-OF-CONTENT'\n{content}\nEND-OF-CONTENT")

    def copy(self, source: Path, target: str) -> None:
        """Copy a file to the machine."""
        subprocess.run(["docker", "cp", "-q", str(source), f"{self.fleet.container(HOST)}:{target}"], check=True)

    def snapshot(self) -> str:
        """The machine as it is, without what every run may leave (logs, caches)."""
        return self.shell(SNAPSHOT)

    def pid(self, node: str) -> str:
        """Main process of a node."""
        return self.shell(f"systemctl show -P MainPID livepeer-{node}").strip()

    def reboot(self) -> None:
        """Off and on again."""
        subprocess.run(["docker", "restart", self.fleet.container(HOST)], check=True, capture_output=True)
        self.fleet.up([HOST])

    def until(self, what: str, script: str) -> None:
        """Wait until a script on the machine succeeds."""
        deadline = time.monotonic() + 60
        while self.shell(f"if {script}; then echo yes; fi").strip() != "yes":
            assert time.monotonic() < deadline, f"waited in vain for {what}"
            time.sleep(0.2)


def _result(process: subprocess.Popen[str]) -> Result:
    output, _nothing = process.communicate(timeout=300)
    found = re.search(rf"^{HOST} \| [A-Z!]+ => (\{{.*?^\}})", output, re.MULTILINE | re.DOTALL)
    assert found, output
    return Result({"failed": process.returncode != 0, **json.loads(found[1])}, output)


def _sha256(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


@pytest.fixture(scope="session")
def machine(worker_id: str) -> Iterator[Fleet]:
    """A machine for each worker of pytest; kept for a next run if LIVEPEER_KEEP_HOSTS is set."""
    fleet = Fleet(f"modules-{worker_id}")
    fleet.up([HOST])
    tree = "/opt/under-test/ansible_collections/livepeer/fleet/plugins"
    fleet.execute(HOST, "sh", "-c", f"rm -rf /opt/under-test; mkdir -p {tree}")
    container = fleet.container(HOST)
    for source, target in ((CHECKOUT / "plugins/module_utils", tree), (Path(__file__).parent / "driver.py", "/opt/under-test")):
        subprocess.run(["docker", "cp", "-q", str(source), f"{container}:{target}/"], check=True)
    yield fleet
    if not os.environ.get("LIVEPEER_KEEP_HOSTS"):
        fleet.down()


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive to deploy: a copy, because `make archive` may make it anew meanwhile."""
    given = Path(os.environ["LIVEPEER_ARCHIVE"])
    return Path(shutil.copy(given, tmp_path_factory.mktemp("archive") / given.name))


@pytest.fixture
def lab(machine: Fleet, archive: Path, tmp_path: Path) -> Lab:
    """The machine, blank."""
    result = Lab(machine, tmp_path).use(archive)
    result.shell(BLANK)
    return result


@pytest.fixture(scope="session")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A function from the name of a fault to an archive of the stand-in that has it."""

    def pack(fault: str = "", *options: str) -> Path:
        folder = tmp_path_factory.mktemp(f"fault-{fault}")
        more = ["--fault", fault] if fault else []
        subprocess.run([str(CHECKOUT / "tests/standin/pack"), *more, *options, "--output", str(folder)], check=True, capture_output=True)
        return next(folder.glob("*.tar.gz"))

    return pack
