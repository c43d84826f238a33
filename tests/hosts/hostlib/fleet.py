# SPDX-License-Identifier: GPL-3.0-or-later
"""Test hosts of one name: a network on which they know each other by name, one key, real host keys, an inventory."""

from __future__ import annotations

import io
import json
import shutil
import socket
import tarfile
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hostlib import image
from hostlib.chain import Chain
from hostlib.tools import CACHE, CHECKOUT_ID, HostsError, free_port, install_debian_packages, one_at_a_time, run, say, wait_until

LABEL = "livepeer-fleet"

# Each host answers to HOST.example.test as well: a name by which a plan does not know it for a host of its inventory.
OUTSIDE = "example.test"

# A container that is a machine: each line is needed, see tests/hosts/README.md.
OPTIONS = (
    *("--cap-add", "SYS_ADMIN", "--cap-add", "SYS_PTRACE"),
    *("--cap-add", "NET_ADMIN"),  # nftables, in the network of the host alone
    *("--security-opt", "apparmor=unconfined", "--security-opt", "seccomp=unconfined"),
    *("--cgroupns", "host", "--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw"),
    *("--tmpfs", "/run", "--tmpfs", "/tmp", "--env", "container=docker"),
)
TOO_MANY = "With too many hosts at once systemd finds no inotify instance left: see sysctl fs.inotify.max_user_instances, six a host."
BOOT = ("sh", "-c", "mount --make-rshared / && exec /lib/systemd/systemd")


@dataclass(frozen=True)
class Fleet:
    """All hosts that were brought up under one name."""

    name: str

    @property
    def folder(self) -> Path:
        return CACHE / "hosts" / self.name

    @property
    def network(self) -> str:
        return f"lpf-{CHECKOUT_ID}-{self.name}"

    @property
    def inventory_file(self) -> Path:
        return self.folder / "inventory.yml"

    @property
    def ssh_config(self) -> Path:
        return self.folder / "ssh_config"

    @property
    def chain(self) -> Chain:
        return Chain(self.folder / "chain")

    def container(self, host: str) -> str:
        return f"{self.network}-{host}"

    def hosts(self) -> list[str]:
        """The hosts that exist, running or not."""
        names = run(["docker", "ps", "-a", "--filter", f"label={LABEL}={self.network}", "--format", '{{.Label "host"}}'])
        return sorted(names.split())

    def up(self, wanted: Sequence[str], chain: Path | None = None) -> None:
        """Idempotent: hosts that run are kept as they are, stopped ones are started.

        Args:
            wanted: names of the hosts.
            chain: what the stand-in chain beside them starts with (see Chain.up); None for no chain.
        """
        with one_at_a_time():
            for program in ("ssh", "ssh-keygen"):
                if not shutil.which(program):
                    install_debian_packages(["openssh-client"], f"the program {program}")
            image.build()
        self._make_key()
        if not run(["docker", "network", "ls", "-q", "--filter", f"name=^{self.network}$"]).strip():
            run(["docker", "network", "create", self.network])
        if chain:
            self.chain.up(self.gateway_address(), chain)
        existing = self.hosts()
        for host in wanted:
            if host not in existing:
                self._create(host)
        run(["docker", "start", *(self.container(host) for host in wanted)])
        for host in wanted:
            self._wait(host)
        self._write_inventory()
        say(f"hosts: {', '.join(wanted)} up")

    def down(self) -> None:
        """Nothing of it is left: chain, containers, network, keys."""
        self.chain.down()
        containers = run(["docker", "ps", "-aq", "--filter", f"label={LABEL}={self.network}"]).split()
        if containers:
            run(["docker", "rm", "--force", "--volumes", *containers])
        if run(["docker", "network", "ls", "-q", "--filter", f"name=^{self.network}$"]).strip():
            run(["docker", "network", "rm", self.network])
        shutil.rmtree(self.folder, ignore_errors=True)
        say(f"hosts: {self.name} removed")

    def execute(self, host: str, *command: str) -> str:
        """Run a command on a host as root, past SSH: for tests that cut SSH or look in from outside."""
        return run(["docker", "exec", self.container(host), *command])

    def changed_files(self, host: str) -> str:
        """The files in which a host differs from its image, one a line, past SSH."""
        return "\n".join(sorted(run(["docker", "diff", self.container(host)]).splitlines()))

    def _create(self, host: str) -> None:
        key = self.folder / f"{host}.host_key"
        key.unlink(missing_ok=True)
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", host, "-f", str(key)])
        container = self.container(host)
        run([
            *("docker", "create", "--name", container, "--hostname", host),
            *("--label", f"{LABEL}={self.network}", "--label", f"host={host}"),
            *("--network", self.network, "--network-alias", host, "--network-alias", f"{host}.{OUTSIDE}"),
            # Loopback of this machine, so that it works where containers cannot be reached (other systems), too. A port of our
            # choice, because one of the engine's choice would change when the host reboots.
            *("--publish", f"127.0.0.1:{free_port()}:22"),
            *OPTIONS,
            image.tag(),
            *BOOT,
        ])  # fmt: skip
        authorized = (self.folder / "id_ed25519.pub").read_bytes()
        files = {
            "etc/ssh/ssh_host_ed25519_key": (key.read_bytes(), 0o600, 0),
            "etc/ssh/ssh_host_ed25519_key.pub": (key.with_suffix(".host_key.pub").read_bytes(), 0o644, 0),
            # systemd would take the identity of the machine below, which all its containers share.
            "etc/machine-id": (f"{uuid.uuid4().hex}\n".encode(), 0o444, 0),
            "root/.ssh/authorized_keys": (authorized, 0o600, 0),
            "home/admin/.ssh/authorized_keys": (authorized, 0o600, 1000),
        }
        run(["docker", "cp", "-", f"{container}:/"], data=_tar(files))

    def _make_key(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        key = self.folder / "id_ed25519"
        if not key.exists():
            if self.hosts():
                raise HostsError(f"the key of the hosts {self.name} is gone: remove them first (down --name {self.name})")
            run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", self.network, "-f", str(key)])

    def _wait(self, host: str) -> None:
        container = self.container(host)

        def booted() -> bool:
            if run(["docker", "inspect", "--format", "{{.State.Running}}", container]).strip() != "true":
                said = "\n".join(run(["docker", "logs", "--tail", "3", container]).splitlines())
                raise HostsError(f"{host} ended while it booted: {said or 'systemd said nothing'}\n{TOO_MANY}")
            # "degraded" is a booted machine with a failed unit, which is the collection's to judge, not ours.
            answer = run(["docker", "exec", container, "sh", "-c", "systemctl is-system-running || true"])
            return answer.strip() in ("running", "degraded")

        def greets() -> bool:
            # The engine accepts before sshd does: only its greeting counts.
            try:
                with socket.create_connection(("127.0.0.1", self._port(host)), timeout=2) as link:
                    return link.recv(7) == b"SSH-2.0"
            except OSError:
                return False

        wait_until(f"systemd on {host}", booted, seconds=120)
        wait_until(f"SSH on {host}", greets, seconds=30)

    def _port(self, host: str) -> int:
        return int(run(["docker", "port", self.container(host), "22/tcp"]).split()[0].rpartition(":")[2])

    def gateway_address(self) -> str:
        """This machine's address on the hosts' network."""
        return run(["docker", "network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}", self.network]).strip()

    def _write_inventory(self) -> None:
        """Hosts are found by an ssh_config, so that a host's address in the inventory is its own name, as on a real fleet."""
        known, config, hosts = [], [], {}
        for host in self.hosts():
            public = (self.folder / f"{host}.host_key.pub").read_text().split()
            known.append(f"{host} {public[0]} {public[1]}")
            config.append(f"Host {host}\n  HostName 127.0.0.1\n  Port {self._port(host)}\n  HostKeyAlias {host}\n")
            # The port keeps Ansible's persistent connections of two fleets with equal host names apart.
            hosts[host] = {"ansible_port": self._port(host)}
        shared = f"Host *\n  User root\n  IdentityFile {self.folder / 'id_ed25519'}\n  IdentitiesOnly yes\n"
        shared += f"  UserKnownHostsFile {self.folder / 'known_hosts'}\n  GlobalKnownHostsFile /dev/null\n  StrictHostKeyChecking yes\n"
        (self.folder / "known_hosts").write_text("\n".join(known) + "\n")
        self.ssh_config.write_text("".join(config) + shared)
        variables: dict[str, object] = {
            "ansible_ssh_common_args": f"-F {self.ssh_config}",
            "ansible_python_interpreter": "/usr/bin/python3",
        }
        if self.chain.runs:
            variables |= self.chain.variables()
        # JSON is YAML; it needs no library here.
        self.inventory_file.write_text(json.dumps({"all": {"hosts": hosts, "vars": variables}}, indent=2) + "\n")


def all_fleets() -> list[Fleet]:
    """Every fleet of this checkout that exists or left something."""
    prefix = f"lpf-{CHECKOUT_ID}-"
    networks = run(["docker", "network", "ls", "--filter", f"name=^{prefix}", "--format", "{{.Name}}"]).split()
    found = {Fleet(network.removeprefix(prefix)) for network in networks} | {*fleets_with_folder()}
    return sorted(found, key=lambda fleet: fleet.name)


def fleets_with_folder() -> list[Fleet]:
    """Fleets of this checkout that left a folder: all that can be known without an engine."""
    return [Fleet(path.name) for path in sorted((CACHE / "hosts").glob("*")) if path.is_dir()]


def _tar(files: dict[str, tuple[bytes, int, int]]) -> bytes:
    """path → content, mode, owner; folders that hold keys are private."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, (content, mode, owner) in files.items():
            if "/.ssh/" in path:
                folder = tarfile.TarInfo(path.rpartition("/")[0])
                folder.type, folder.mode, folder.uid, folder.gid = tarfile.DIRTYPE, 0o700, owner, owner
                archive.addfile(folder)
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode, entry.uid, entry.gid = len(content), mode, owner, owner
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
