# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks on real hosts: four machines for the whole folder, made blank for each story."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hostlib.fleet import Fleet

HOSTS = ("combined1", "gateway1", "orchestrator1", "orchestrator2")


def units(*nodes: str) -> list[str]:
    """The units of nodes, each with its proxy."""
    return sorted(f"livepeer-{node}{end}.service" for node in nodes for end in ("", "-proxy"))


# The interpreter of the hosts: it notes each module that runs there, and cuts SSH when it is told to at one of them.
INTERPRETER = r"""#!/bin/sh
module=$(basename "${1:-piped}" .py)
echo "${module#AnsiballZ_}" >> /var/log/modules
if [ "$(cat /var/log/cut-at 2>/dev/null)" = "${module#AnsiballZ_}" ]; then
  rm /var/log/cut-at
  systemctl stop ssh
  pkill -x sshd
fi
exec /usr/bin/python3 "$@"
"""
BLANK = """
for unit in $(systemctl list-unit-files --plain --no-legend 'livepeer-*' | cut -d' ' -f1); do systemctl disable --now "$unit"; done
pkill -x foreign-python
rm -rf /etc/livepeer /opt/livepeer /var/lib/livepeer* /var/lib/private/livepeer* /var/log/modules /var/log/cut-at
rm -f /etc/systemd/system/livepeer-* /etc/sysusers.d/livepeer-*
for user in $(cut -d: -f1 /etc/passwd | grep ^livepeer); do userdel "$user"; done
systemctl daemon-reload; systemctl reset-failed; systemctl start ssh; journalctl --rotate; journalctl --vacuum-time=1s
true
"""


@dataclass(frozen=True)
class Run:
    """What a playbook run left behind."""

    status: int
    output: str

    @property
    def changed(self) -> dict[str, int]:
        """How many tasks changed something, by host."""
        return {host: int(count) for host, count in re.findall(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)", self.output, re.MULTILINE)}

    def done(self) -> Run:
        """Itself, if it ended well."""
        assert self.status == 0, self.output
        return self

    def refused(self, *texts: str) -> Run:
        """Itself, if it ended with an error that says all of this."""
        assert self.status != 0, self.output
        missing = [text for text in texts if text not in self.output]
        assert not missing, f"{missing} not in\n{self.output}"
        return self


@dataclass
class Site:
    """An inventory of the test hosts, and the playbooks on it."""

    fleet: Fleet
    folder: Path
    variables: dict[str, object] = field(default_factory=dict)
    hosts: dict[str, dict[str, object]] = field(default_factory=lambda: {host: {} for host in HOSTS})

    def play(self, playbook: str, *arguments: str, **environment: str) -> Run:
        """Run a playbook of the collection, or a file, as an operator does."""
        name = playbook if playbook.endswith(".yml") else f"livepeer.fleet.{playbook}"
        # The later inventory wins: the interpreter that counts.
        inventories = ["-i", str(self.fleet.inventory_file), "-i", str(self._inventory())]
        command = ["ansible-playbook", *inventories, name, *arguments]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**os.environ, "ANSIBLE_NOCOLOR": "1", "COLUMNS": "160", **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
            check=False,
        )
        return Run(done.returncode, done.stdout)

    def own_playbook(self, roles: list[str], hosts: str, **keywords: object) -> str:
        """A playbook of somebody else's that uses the roles."""
        path = self.folder / "own.yml"
        play = {"name": "Own", "hosts": hosts, "gather_facts": False, "roles": [f"livepeer.fleet.{role}" for role in roles], **keywords}
        path.write_text(json.dumps([play]))
        return str(path)

    def _inventory(self) -> Path:
        groups: dict[str, dict[str, dict[str, object]]] = {}
        for host, variables in self.hosts.items():
            group = f"livepeer_{host[:-1]}" + ("" if host.startswith("combined") else "s")
            groups.setdefault(group, {})[host] = variables
        content: dict[str, object] = {group: {"hosts": hosts} for group, hosts in groups.items()}
        content["all"] = {
            "vars": {
                "ansible_python_interpreter": "/usr/local/bin/counting-python",
                "livepeer_version": "0.9.1",
                "livepeer_archive": os.environ["LIVEPEER_ARCHIVE"],
                "livepeer_archive_checksum": os.environ["LIVEPEER_ARCHIVE_CHECKSUM"],
                "livepeer_network": "offchain",
                "livepeer_orchestrator_service_addr": "{{ inventory_hostname }}:8935",
                "livepeer_orchestrator_transcoder": True,
                **self.variables,
            }
        }
        path = self.folder / "inventory.yml"
        path.write_text(json.dumps(content, indent=2))
        return path

    def execute(self, host: str, script: str) -> str:
        """Run a script on a host, past SSH."""
        return self.fleet.execute(host, "sh", "-c", script)

    def modules(self, host: str) -> list[str]:
        """The modules that ran on a host since it was asked last."""
        return self.execute(host, "cat /var/log/modules 2>/dev/null; rm -f /var/log/modules").split()

    def connections(self, host: str) -> int:
        """SSH connections to a host since it came up."""
        return self.execute(host, "journalctl -t sshd -o cat").count("Accepted publickey")

    def running(self, host: str) -> Mapping[str, str]:
        """Process of each unit of the collection that runs, so that a restart shows."""
        names = "systemctl list-units --plain --no-legend --state=active 'livepeer-*' | cut -d' ' -f1"
        lines = self.execute(host, f"for unit in $({names}); do echo $unit $(systemctl show -P MainPID $unit); done")
        return dict(line.split() for line in lines.splitlines())

    def snapshot(self, host: str) -> str:
        """Everything of the collection on a host: files with their times, units with their processes."""
        files = self.execute(
            host, "find /etc/livepeer /opt/livepeer /etc/systemd/system /etc/sysusers.d -printf '%p %T@ %l\\n' 2>/dev/null | sort"
        )
        return f"{files}{sorted(self.running(host).items())}"

    def blank(self, *hosts: str) -> None:
        """As if the collection had never been there."""
        for host in hosts or HOSTS:
            self.execute(host, BLANK)


@pytest.fixture(scope="session")
def machines(worker_id: str) -> Iterator[Fleet]:
    """Four machines for each worker of pytest; kept for a next run if LIVEPEER_KEEP_HOSTS is set."""
    fleet = Fleet(f"site-{worker_id}")
    fleet.up(HOSTS)
    for host in HOSTS:
        fleet.execute(
            host, "sh", "-c", f"cat > /usr/local/bin/counting-python <<'END'\n{INTERPRETER}END\nchmod 755 /usr/local/bin/counting-python"
        )
    yield fleet
    if not os.environ.get("LIVEPEER_KEEP_HOSTS"):
        fleet.down()


@pytest.fixture
def site(machines: Fleet, tmp_path: Path) -> Iterator[Site]:
    """The machines, blank, and an inventory that is valid."""
    result = Site(machines, tmp_path)
    result.blank()
    yield result
    for host in HOSTS:
        # A test that failed may have left it cut.
        result.execute(host, "systemctl start ssh")
