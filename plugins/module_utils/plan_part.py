# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of the plan that is about one host, typed. Made by the plan; nothing is worked out anew here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.livepeer.fleet.plugins.module_utils.errors import HostError
from ansible_collections.livepeer.fleet.plugins.module_utils.read_back import ReadBack

SCHEMA = 1


@dataclass(frozen=True)
class Release:
    """A release that a node runs.

    Attributes:
        name: its folder on a host.
        version: what its binary has to say, ``0.9.1``.
        archive: URL, or a file on the controller.
        checksum: sha256 of the archive, 64 hexadecimal digits.
        flavor: ``cpu`` or ``gpu``.
    """

    name: str
    version: str
    archive: str
    checksum: str
    flavor: str

    @property
    def is_url(self) -> bool:
        """True if the host fetches the archive itself."""
        return "://" in self.archive

    @staticmethod
    def parse(raw: Mapping[str, Any]) -> Release:
        """From the plan's JSON."""
        checksum = str(raw["checksum"]).lower()
        return Release(
            name=_plain_name(raw["name"]),
            version=str(raw["version"]),
            archive=str(raw["archive"]),
            checksum=checksum[len("sha256:") :] if checksum.startswith("sha256:") else checksum,
            flavor=str(raw.get("flavor", "cpu")),
        )


@dataclass(frozen=True)
class Listener:
    """A socket that a node has to hold.

    Attributes:
        purpose: ``rpc``, ``http``, ``rtmp``, ``cli``, ``metrics``, ``eth`` or ``runner``.
        protocol: ``tcp`` or ``udp``.
        address: IP literal, host name, or "" for every address.
        port: 1 to 65535.
    """

    purpose: str
    protocol: str
    address: str
    port: int

    @property
    def where(self) -> str:
        """As a person writes it: ``tcp 127.0.0.1:5935``."""
        host = f"[{self.address}]" if ":" in self.address else self.address or "*"
        return f"{self.protocol} {host}:{self.port}"

    @staticmethod
    def parse(raw: Mapping[str, Any]) -> Listener:
        """From the plan's JSON."""
        return Listener(str(raw["purpose"]), str(raw["protocol"]), str(raw["address"]), int(raw["port"]))


@dataclass(frozen=True)
class Companion:
    """A further unit of a node, which is not go-livepeer: what stands in front of it.

    Attributes:
        unit: its unit, without ``.service``.
        unit_file: file of the revision that is its unit.
        files: files of the revision that are its own, its unit among them.
        secrets: names of the node's secrets that it alone uses.
        listeners: sockets that it has to hold.
        eth: ``host:port`` at which it answers as an RPC endpoint, "" if it does not.
        chain_id: of the chain that has to answer there; 0 where nobody knows it.
        urls: names of those of its secrets that are URLs which it asks in the place of the node.
    """

    unit: str
    unit_file: str
    files: tuple[str, ...]
    secrets: tuple[str, ...]
    listeners: tuple[Listener, ...]
    eth: str
    chain_id: int
    urls: tuple[str, ...]

    @staticmethod
    def parse(raw: Mapping[str, Any]) -> Companion:
        """From the plan's JSON."""
        return Companion(
            unit=_plain_name(raw["unit"]),
            unit_file=_plain_name(raw["unit_file"]),
            files=tuple(map(_plain_name, raw["files"])),
            secrets=tuple(map(_plain_name, raw["secrets"])),
            listeners=tuple(Listener.parse(one) for one in raw["listeners"]),
            eth=str(raw["eth"]),
            chain_id=int(raw["chain_id"]),
            # Read as well from what an earlier version of the collection left on a host.
            urls=tuple(map(_plain_name, raw.get("urls") or ())),
        )

    @property
    def parts(self) -> frozenset[str]:
        """What of the node concerns it alone, as ``revisions.differences`` names it."""
        return frozenset({*self.files, *(f"secret {name}" for name in self.secrets)})


@dataclass(frozen=True)
class Node:
    """One node as the plan wants it.

    Attributes:
        name: name of the node; its folder is ``/etc/livepeer/<name>``.
        role: ``gateway``, ``orchestrator``, …: what has to answer on the CLI port.
        unit: its unit, without ``.service``.
        user: its system user.
        state_directory: below /var/lib.
        release: what it runs.
        digest: of the files and the names of the secrets.
        files: rendered files by name, secrets as placeholders.
        secrets: for each secret the variable that holds it; "" where the host makes one of its own.
        listeners: sockets that it has to hold.
        version: what has to answer on the CLI port.
        cli: ``host:port`` of the CLI port.
        read_backs: settings that it can be asked for.
        start_timeout: seconds within which it has to be up.
        reach: URLs of the orchestrators that have to answer from this host.
        joins: ``host:port`` of the orchestrator at which a worker has to be registered; "" for other nodes.
        companions: its further units, which are started before it.
        equipment: what it needs of the host beside a release; empty for nothing.
        raw: the JSON it was read from.
    """

    name: str
    role: str
    unit: str
    user: str
    state_directory: str
    release: Release
    digest: str
    files: Mapping[str, str]
    secrets: Mapping[str, str]
    listeners: tuple[Listener, ...]
    version: str
    cli: str
    read_backs: tuple[ReadBack, ...]
    start_timeout: float
    reach: tuple[str, ...]
    joins: str
    companions: tuple[Companion, ...]
    equipment: Mapping[str, Any]
    raw: Mapping[str, Any]

    @property
    def on_chain(self) -> bool:
        """True if its process itself runs on a chain, with a key."""
        return bool(self.raw.get("chain"))

    @property
    def log_namespace(self) -> str:
        """The journal that its process writes to, "" for the host's."""
        return self.unit if "journald.conf" in self.files else ""

    @property
    def units(self) -> tuple[str, ...]:
        """Its unit and those of its companions."""
        return (self.unit, *(one.unit for one in self.companions))

    @staticmethod
    def parse(raw: Mapping[str, Any]) -> Node:
        """From the plan's JSON.

        Raises:
            HostError: a key is missing or of the wrong kind.
        """
        try:
            expect = raw["expect"]
            return Node(
                name=_plain_name(raw["name"]),
                role=str(raw["role"]),
                unit=_plain_name(raw["unit"]),
                user=_plain_name(raw["user"]),
                state_directory="/".join(map(_plain_name, str(raw["state_directory"]).split("/"))),
                release=Release.parse(raw["release"]),
                digest=str(raw["digest"]),
                files={_plain_name(name): str(text) for name, text in raw["files"].items()},
                secrets={_plain_name(name): str(secret["variable"]) for name, secret in raw["secrets"].items()},
                listeners=tuple(Listener.parse(one) for one in raw["listeners"]),
                version=str(expect["version"]),
                cli=str(expect["cli"]),
                read_backs=tuple(ReadBack.parse(one) for one in expect.get("settings") or ()),
                start_timeout=float(raw["start_timeout"]),
                reach=tuple(str(url) for url in raw.get("reach") or ()),
                joins=str(expect.get("registered_at") or ""),
                companions=tuple(Companion.parse(one) for one in raw.get("companions") or ()),
                equipment=dict(raw.get("equipment") or {}),
                raw=raw,
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise HostError(f"the plan cannot be read ({type(error).__name__}: {error}): make it again with plan.yml") from error


@dataclass(frozen=True)
class Firewall:
    """The nftables table of the host's machine, as the plan wants it.

    Attributes:
        apply: whether it is to be in force on this host.
        table: what ``nft -f`` takes.
        unit: the unit that loads it at boot.
    """

    apply: bool = False
    table: str = ""
    unit: str = ""

    @staticmethod
    def parse(raw: Mapping[str, Any]) -> Firewall:
        """From the plan's JSON."""
        return Firewall(bool(raw["apply"]), str(raw["table"]), str(raw["unit"]))


NO_FIREWALL = Firewall()


@dataclass(frozen=True)
class Part:
    """The plan of one host.

    Attributes:
        host: its inventory name.
        nodes: its nodes in the order they are started.
        releases: what they run.
        firewall: the packet filter of its machine.
    """

    host: str
    nodes: tuple[Node, ...]
    releases: tuple[Release, ...]
    firewall: Firewall = NO_FIREWALL

    @staticmethod
    def parse(raw: Mapping[str, Any]) -> Part:
        """From the JSON of ``hosts/<host>.json``.

        Raises:
            HostError: it is of another schema, or a key is missing.
        """
        if raw.get("schema") != SCHEMA:
            raise HostError(
                f"the plan has schema {raw.get('schema')!r}, this version of livepeer.fleet reads {SCHEMA}: make it again with plan.yml"
            )
        nodes = tuple(Node.parse(one) for one in raw.get("nodes") or ())
        releases = {one.release.name: one.release for one in nodes}
        firewall = Firewall.parse(raw["firewall"]) if "firewall" in raw else NO_FIREWALL
        return Part(str(raw.get("host", "")), nodes, tuple(releases.values()), firewall)


def _plain_name(value: object) -> str:
    """A name that becomes part of a path: never one that leaves its folder."""
    name = str(value)
    if not name or name.startswith(".") or "/" in name or "\0" in name:
        raise ValueError(f"{name!r} is no name")
    return name
