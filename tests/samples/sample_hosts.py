# SPDX-License-Identifier: GPL-3.0-or-later
"""A sample inventory on real hosts: what it leaves to its reader (hosts, accounts, secrets, an archive) as an overlay over the file."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import tarfile
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from chainlib import keys
from hostlib.fleet import Fleet
from hostlib.playbook import run_playbook
from hostlib.tools import CHECKOUT, free_port, run, wait_until
from surroundings import Web

SURROUNDINGS = "--runner 127.0.0.1:9000 --docker unix:///var/run/docker.sock --mediamtx 0.0.0.0:9997"
PAYING = "sample-clearinghouse"
ROLES = ("gateway", "orchestrator", "remote_signer", "transcoder", "ai_worker", "redeemer")
NODES = """
for current in $(find /etc/livepeer -maxdepth 2 -name current 2> /dev/null); do
  node=$(basename $(dirname $current))
  echo "$node $(readlink $current) $(systemctl show -P ActiveState livepeer-$node) $(systemctl show -P MainPID livepeer-$node)"
done
"""
Values = dict[str, Any]


class Bad(NamedTuple):
    """A change that no plan can find to be bad.

    Attributes:
        variable: without its role.
        value: what it becomes; what a dictionary has already stays.
        reason: what the run says of it.
        ends: what the run says of the host.
    """

    variable: str
    value: Any
    reason: str
    ends: str = "The host is back at revision"


# From the roles that the fewest samples have to those that all have: it is the first of them that a sample is broken in.
BAD = {
    "redeemer": Bad("flags", {"ethController": "0x0000000000000000000000000000000000000bad"}, "ended with status"),
    "remote_signer": Bad("eth_password", "that-of-somebody-else", "LPF403", "Nothing was changed on this host"),
    "ai_worker": Bad("environment", {"DOCKER_HOST": "unix:///run/no-docker.sock"}, "LPF609", "Nothing was changed"),
    "orchestrator": Bad("flags", {"liveRunnerConfig": "/etc/no-such-runners.json"}, "no-such-runners.json"),
    "gateway": Bad("flags", {"metadataQueueUri": "amqp://127.0.0.1:9"}, "AMQP"),
}


class Running(NamedTuple):
    """A node as it is on a machine.

    Attributes:
        revision: what its unit reads at a start.
        state: of the unit, such as active.
        process: 0 for none.
    """

    revision: str
    state: str
    process: int


def account(address: str) -> str:
    """The name of the throw-away account that stands in for a sample's address."""
    return f"sample-{address[-2:].lower()}"


@dataclass
class Sample:
    """One file of samples/."""

    file: Path
    planted: list[str] = field(default_factory=list)

    @cached_property
    def fleet(self) -> Fleet:
        """Hosts of this sample alone."""
        return Fleet(f"sample-{self.file.stem}")

    @cached_property
    def inventory(self) -> Values:
        """As Ansible reads it: variables of hosts, templates as they are written."""
        command = ["ansible-inventory", "-i", str(self.file), "--list"]
        return dict(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))

    @cached_property
    def hosts(self) -> dict[str, Values]:
        """Inventory hosts and their variables."""
        return dict(self.inventory["_meta"]["hostvars"])

    def machine(self, host: str) -> str:
        """Where an inventory host is."""
        return str(self.hosts[host].get("ansible_host", host))

    def members(self, group: str) -> list[str]:
        """The inventory hosts of a group."""
        return list(self.inventory.get(f"livepeer_{group}", {}).get("hosts", []))

    @property
    def is_onchain(self) -> bool:
        """Whether anything of it has an account."""
        return any(name.endswith("_eth_acct_addr") for values in self.hosts.values() for name in values)

    def _addresses(self) -> dict[str, str]:
        """The sample's addresses and those of the throw-away accounts."""
        found = set(re.findall(r"0x0{36}\w{4}", self.file.read_text("utf-8")))
        return {address: str(keys.account(account(address)).address) for address in sorted(found)}

    def chain(self) -> Values:
        """What the chain knows: the registered orchestrators, funds and gas as the sample states them."""
        stated = list(self.hosts.values())

        def first(pattern: str, otherwise: str) -> str:
            return next((str(value) for values in stated for name, value in values.items() if re.fullmatch(pattern, name)), otherwise)

        addresses = self._addresses()
        registered: dict[str, str] = {}
        for host, values in self.hosts.items():
            own, service = values.get("livepeer_orchestrator_eth_acct_addr"), values.get("livepeer_orchestrator_service_addr")
            if own and values.get("livepeer_orchestrator_eth_orch_addr", own) == own:
                registered[addresses[own]] = f"https://{service}".replace("{{ inventory_hostname }}", host)
        gas = next((values["livepeer_expected_gas_gwei"] for values in stated if "livepeer_expected_gas_gwei" in values), ["0.1"])
        state = {
            "gas_gwei": float(Fraction(str(gas[-1]))),
            "pool_size": 100,
            "deposit_eth": float(first(r"livepeer_\w+_deposit_eth", "1")),
            "reserve_eth": float(first(r"livepeer_\w+_reserve_eth", "1")),
            "orchestrators": [{"address": one, "uri": uri, "active": True, "stake_eth": 100} for one, uri in registered.items()],
        }
        return {"accounts": [*(account(address) for address in addresses), PAYING], "state": state}

    def up(self, folder: Path) -> None:
        """Machines, the chain, and what stands beside the nodes on each of them."""
        document = folder / "chain.json"
        document.write_text(json.dumps(self.chain()), "utf-8")
        machines = sorted({self.machine(host) for host in self.hosts})
        self.fleet.up(machines, document if self.is_onchain else None)
        for machine in machines:
            run(["docker", "cp", str(CHECKOUT / "tests/standin/surroundings.py"), f"{self.fleet.container(machine)}:/usr/local/lib/"])
            self.fleet.execute(machine, "groupadd", "--system", "docker")
            program = ["python3", "/usr/local/lib/surroundings.py", *SURROUNDINGS.split()]
            self.fleet.execute(machine, "systemd-run", "--quiet", "--unit=surroundings", *program)

    def ip(self, machine: str) -> str:
        """A machine's address on the network of its fleet."""
        shown = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        return run(["docker", "inspect", "--format", shown, self.fleet.container(machine)]).strip()

    def overlay(self, folder: Path, clearinghouse: str, webhook: str) -> Path:
        """An inventory over the sample's: what was left open, and nothing else."""
        shared = json.loads(self.fleet.inventory_file.read_text("utf-8"))["all"]
        ports = {machine: values["ansible_port"] for machine, values in shared["hosts"].items()}
        hosts = {}
        for host in self.hosts:
            hosts[host] = {"ansible_port": ports[self.machine(host)], **self._answers(host, clearinghouse)}
        variables = {**shared["vars"], **self._vault(webhook), "livepeer_plan_dir": str(folder / "plan")}
        file = folder / "overlay.json"
        file.write_text(json.dumps({"all": {"hosts": hosts, "vars": variables}}), "utf-8")
        return file

    def _answers(self, host: str, clearinghouse: str) -> Values:
        """What each host says in the place of the sample."""
        values = self.hosts[host]
        answers: Values = {
            "livepeer_archive": os.environ["LIVEPEER_ARCHIVE"],
            "livepeer_archive_checksum": os.environ["LIVEPEER_ARCHIVE_CHECKSUM"],
            # The stand-in chain is none of the public ones.
            "livepeer_eth_chain_id": 31337,
            "livepeer_start_timeout": 90,
        }
        addresses = self._addresses()
        for name, value in values.items():
            if isinstance(value, str) and value in addresses:
                answers[name] = addresses[value]
                if name.endswith("_eth_acct_addr"):
                    answers |= self._key(name.removesuffix("_eth_acct_addr"), account(value))
            if isinstance(value, str) and (private := re.fullmatch(r"10\.0\.0\.\d+:(\d+)", value)):
                answers[name] = f"{self.ip(self.machine(host))}:{private[1]}"
        if "url" in (signer := values.get("livepeer_gateway_remote_signer") or {}):
            answers["livepeer_gateway_remote_signer"] = {**signer, "url": clearinghouse} if isinstance(signer, dict) else signer
        for role in ("orchestrator", "ai_worker"):
            if host in self.hosts_of(role):
                answers[f"livepeer_{role}_environment"] = {"DOCKER_HOST": "unix:///var/run/docker.sock"}
        return answers

    def _key(self, prefix: str, name: str) -> Values:
        lookup = "{{{{ lookup('ansible.builtin.file', '{}') }}}}"
        chain = self.fleet.chain
        return {
            f"{prefix}_keystore": lookup.format(chain.keystore(name)),
            f"{prefix}_eth_password": lookup.format(chain.password(name)),
        }

    def _vault(self, webhook: str) -> Values:
        """A value for each; in those that are URLs as a provider writes them, with a key."""
        urls = {"vault_eth_url": f"{self.fleet.chain.url}/?key=" if self.is_onchain else "", "vault_signer_webhook_url": f"{webhook}?key="}
        vault: Values = {}
        for name in sorted(set(re.findall(r"vault_\w+", self.file.read_text("utf-8")))):
            self.planted.append(f"planted-{secrets.token_hex(8)}")
            vault[name] = urls.get(name, "") + self.planted[-1]
        return vault

    def runs(self) -> dict[tuple[str, str], Running]:
        """By machine and name, every node."""
        found = {}
        for machine in self.fleet.hosts():
            for line in self.fleet.execute(machine, "sh", "-c", NODES).splitlines():
                node, revision, state, process = line.split()
                found[machine, node] = Running(revision, state, int(process))
        return found

    def node(self, host: str, role: str) -> tuple[str, str]:
        """Machine and name of the node of this role."""
        return self.machine(host), str(self.hosts[host].get(f"livepeer_{role}_name", role))

    def hosts_of(self, role: str) -> list[str]:
        """The inventory hosts that run this role."""
        return [*self.members(f"{role}s"), *(self.members("combined") if role in ("gateway", "orchestrator") else ())]

    def victim(self) -> tuple[str, str]:
        """Host and role of the node that is broken."""
        for role in BAD:
            # Every sample has an orchestrator: it is broken where it has AI models.
            hosts = [
                host for host in self.hosts_of(role) if role != "orchestrator" or "livepeer_orchestrator_ai_models" in self.hosts[host]
            ]
            if hosts:
                return hosts[0], role
        raise LookupError(f"nothing to break in {self.file.name}")

    def bad_change(self, host: str, role: str, overlay: Path) -> Path:
        """An inventory over the overlay, in which one node is broken."""
        bad = BAD[role]
        name = f"livepeer_{role}_{bad.variable}"
        before = json.loads(overlay.read_text("utf-8"))["all"]["hosts"][host].get(name, self.hosts[host].get(name, {}))
        value = {**before, **bad.value} if isinstance(bad.value, dict) else bad.value
        file = overlay.with_name("bad.json")
        # The jobs before it have left sessions.
        file.write_text(json.dumps({"all": {"hosts": {host: {name: value, "livepeer_restart_busy": True}}}}), "utf-8")
        return file

    def all_planted(self) -> list[str]:
        """The secrets of its vault, and of each account the password, the key, and what hides it in the keystore."""
        chain, found = self.fleet.chain, [*self.planted]
        for name in self.chain()["accounts"] if self.is_onchain else ():
            crypto = json.loads(chain.keystore(name).read_text("utf-8"))["crypto"]
            found += [
                chain.password(name).read_text("utf-8").strip(),
                keys.account(name).private.hex(),
                crypto["ciphertext"],
                crypto["mac"],
            ]
        return found

    def without_gpus(self, folder: Path) -> Path:
        """The sample as it stands, but for the lines that name GPUs, which no test host has."""
        file = folder / self.file.name
        lines = self.file.read_text("utf-8").splitlines(keepends=True)
        file.write_text("".join(line for line in lines if not re.match(r" +livepeer_(flavor|\w+_nvidia):", line)), "utf-8")
        return file

    def run(self, playbook: str, overlay: Path, *more: str | Path) -> subprocess.CompletedProcess[str]:
        """A playbook on the sample."""
        return run_playbook(playbook, self.without_gpus(overlay.parent), overlay, *more)


@dataclass
class Strangers:
    """Who else a sample needs and does not have: a clearinghouse that pays, and a webhook that nods; both on this machine."""

    folder: Path
    webhook: Web | None = None
    signer: subprocess.Popen[bytes] | None = None

    def start_webhook(self, host: str) -> str:
        """One that lets everybody have his payment."""
        self.webhook = Web(lambda _method, _path, _body: (200, {"status": 200}), host)
        return f"http://{host}:{self.webhook.server_address[1]}/may-it-be-paid"

    def start_clearinghouse(self, sample: Sample, host: str) -> str:
        """A remote signer, out of the archive that the sample is installed from."""
        with tarfile.open(os.environ["LIVEPEER_ARCHIVE"]) as archive:
            archive.extractall(self.folder, filter="data")
        (binary,) = self.folder.glob("livepeer-*/livepeer")
        chain, port, cli = sample.fleet.chain, free_port(), free_port()
        account_flags = ["-ethKeystorePath", str(chain.keystore(PAYING).parent), "-ethPassword", str(chain.password(PAYING))]
        where = ["-network", "arbitrum-one-mainnet", "-ethUrl", chain.url, "-dataDir", str(self.folder / "signer")]
        listens = ["-httpAddr", f"{host}:{port}", "-cliAddr", f"127.0.0.1:{cli}", "-remoteSignerAllowNoAuth"]
        caps = ["-maxPricePerUnit", "500", "-pixelsPerUnit", "1"]
        with (self.folder / "signer.log").open("wb") as log:
            command = [str(binary), "-remoteSigner", *where, *account_flags, *listens, *caps]
            self.signer = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)
        said = self.folder / "signer.log"
        wait_until("the clearinghouse", lambda: "Starting Remote Signer server" in said.read_text("utf-8"), seconds=60)
        return f"http://{host}:{port}"

    def stop(self) -> None:
        """Both end."""
        if self.webhook is not None:
            self.webhook.shutdown()
        if self.signer is not None:
            self.signer.kill()
            self.signer.wait()
