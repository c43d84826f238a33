# SPDX-License-Identifier: GPL-3.0-or-later
"""A host in a folder: the paths are real files, systemd, sockets, CLI ports and the time are played."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ansible_collections.livepeer.fleet.plugins.module_utils.admin_api import AdminApi, Answer
from ansible_collections.livepeer.fleet.plugins.module_utils.errors import HostError
from ansible_collections.livepeer.fleet.plugins.module_utils.host import Clock, Host
from ansible_collections.livepeer.fleet.plugins.module_utils.nft import Nft
from ansible_collections.livepeer.fleet.plugins.module_utils.paths import Paths
from ansible_collections.livepeer.fleet.plugins.module_utils.plan_part import Node
from ansible_collections.livepeer.fleet.plugins.module_utils.sockets import Socket
from ansible_collections.livepeer.fleet.plugins.module_utils.systemd import Systemd, UnitState

CLI = 5935
ORCHESTRATOR = 8935


def raw_node(name: str = "gateway", role: str = "gateway", release: str = "0.9.1-aaaaaaaaaaaa", **changes: Any) -> dict[str, Any]:
    """A node of a plan; ``conf`` sets the configuration, everything else a key of the node."""
    conf = changes.pop("conf", "cliAddr 127.0.0.1:5935\n")
    version = release.partition("-")[0]
    raw: dict[str, Any] = {
        "name": name,
        "role": role,
        "unit": f"livepeer-{name}",
        "user": f"livepeer-{name}",
        "network": "offchain",
        "state_directory": f"livepeer-{name}/offchain",
        "release": {"name": release, "version": version, "archive": "/a.tar.gz", "checksum": "sha256:" + "a" * 64, "flavor": "cpu"},
        "digest": "",
        "files": {"livepeer.conf": conf, "livepeer.service": f"[Service]\n# {release}\n", "sysusers.conf": f"u livepeer-{name} -\n"},
        "secrets": {},
        "listeners": [{"purpose": "cli", "protocol": "tcp", "address": "127.0.0.1", "port": CLI}],
        "expect": {"role": role, "version": version, "cli": f"127.0.0.1:{CLI}", "settings": []},
        "start_timeout": 30,
        "reach": [],
        **changes,
    }
    raw["digest"] = hashlib.sha256(json.dumps(raw, sort_keys=True).encode()).hexdigest()
    return raw


def node(*arguments: str, **changes: Any) -> Node:
    """The same, read."""
    return Node.parse(raw_node(*arguments, **changes))


def socket_of(unit: str, port: int = CLI, address: str = "127.0.0.1", pid: int = 100) -> Socket:
    """A listening socket."""
    return Socket("tcp", address, port, pid, unit, "livepeer" if unit.startswith("livepeer-") else "nginx")


class PlayedApi(AdminApi):
    """A CLI port with prepared answers."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self.answers = answers

    def ask(self, path: str) -> Answer | None:
        return self.answers.get(path)


def answers(role: str = "gateway", version: str = "0.9.1", **more: Answer) -> dict[str, Answer]:
    """What a node of that role answers."""
    kinds = {"gateway": "bctr", "orchestrator": "orch", "transcoder": "trcr", "ai_worker": "aiwk", "redeemer": "rdmr"}
    labels = f'compiler="gc",goos="linux",livepeerversion="{version}",node_type="{kinds.get(role, "dflt")}"'
    return {
        "/status": Answer(200, json.dumps({"Version": version, "Manifests": {}})),
        "/IsOrchestrator": Answer(200, str(role == "orchestrator").lower()),
        "/IsRedeemer": Answer(200, str(role == "redeemer").lower()),
        "/getNetworkCapabilities": Answer(500 if role == "gateway" else 400, ""),
        "/metrics": Answer(200, f"livepeer_versions{{{labels}}} 1\n"),
        **{f"/{path}": answer for path, answer in more.items()},
    }


UP = UnitState("loaded", "active", "running", "success", "enabled", False, 100, 0, "one", 1000.0)
DOWN = UnitState("loaded", "inactive", "dead", "success", "enabled")
LOOPING = replace(UP, active="activating", sub="auto-restart", main_pid=0, ended="it ended with status 0")


@dataclass
class PlayedNft(Nft):
    """A packet filter; a table that holds ``refuses`` is refused when asked, one that holds ``fails_at`` when it is loaded."""

    there: bool = True
    kernel: str = ""
    refuses: str = ""
    fails_at: str = ""

    def present(self) -> bool:
        return self.there

    def complaints(self, text: str, folder: Path) -> str:
        return "syntax error" if self.refuses and self.refuses in text else ""

    def loaded(self) -> str:
        return self.kernel

    def delete(self) -> None:
        self.kernel = ""


@dataclass
class World(Systemd):
    """A host. ``starts`` plays what a unit does when it is started: it gets the text of the configuration it would read."""

    root: Path
    states: dict[str, UnitState] = field(default_factory=dict)
    sockets: tuple[Socket, ...] = ()
    api: dict[str, Answer] = field(default_factory=answers)
    calls: list[str] = field(default_factory=list)
    starts: Callable[[str, str], UnitState] = lambda unit, conf: UP
    complaint: str = ""
    nft: PlayedNft = field(default_factory=PlayedNft)
    now: float = 0.0
    later: Callable[[World], None] = lambda world: None
    ends: tuple[str, ...] = ()
    words: str = ""

    @property
    def paths(self) -> Paths:
        return Paths(self.root)

    @property
    def host(self) -> Host:
        """The host as the code under test gets it."""
        return Host(
            self.paths,
            self,
            lambda: self.sockets,
            lambda address: PlayedApi(self.api),
            Clock(lambda: self.now, self._sleep),
            "x86_64",
            self.nft,
            connections=lambda pid, port: self.ends if port == ORCHESTRATOR else (),
        )

    def _sleep(self, seconds: float) -> None:
        self.now += seconds
        self.later(self)

    def release(self, name: str, refuses: str = "") -> None:
        """Put a release there; its binary refuses a configuration that holds this text."""
        folder = self.paths.releases / name
        folder.mkdir(parents=True)
        program = folder / "livepeer"
        refusal = f'grep -q "{refuses}" "$3" && {{ echo "bad {refuses}" >&2; exit 1; }}\n' if refuses else ""
        program.write_text(f'#!/bin/sh\n{refusal}echo "Livepeer Node Version: {name.partition("-")[0]}"\n')
        program.chmod(0o755)

    # systemd

    def state(self, unit: str) -> UnitState:
        found = self.states.get(unit, UnitState())
        return found if self.paths.unit(unit).exists() else replace(found, load="not-found")

    def reload(self) -> None:
        self.calls.append("reload")

    def enable(self, unit: str) -> None:
        self.calls.append("enable")
        self.states[unit] = replace(self.states.get(unit, DOWN), enabled="enabled")

    def restart(self, unit: str) -> None:
        self.calls.append("restart")
        conf = (self.paths.nodes / unit.partition("-")[2] / "current/livepeer.conf").read_text()
        self.states[unit] = self.starts(unit, conf)
        self.sockets = (socket_of(unit),) if self.states[unit].running else ()

    def refresh(self, unit: str) -> None:
        self.calls.append("refresh")
        text = self.paths.firewall.read_text()
        if self.nft.fails_at and self.nft.fails_at in text:
            raise HostError("systemctl reload-or-restart failed")
        self.nft.kernel = f"listed {text}"
        self.states[unit] = replace(self.states.get(unit, DOWN), active="active", sub="exited")

    def retire(self, unit: str) -> None:
        self.calls.append("retire")
        self.states.pop(unit, None)
        self.sockets = ()

    def forget(self, unit: str) -> None:
        self.calls.append("forget")

    def make_user(self, sysusers: Path) -> None:
        self.calls.append("user")

    def complaints(self, unit: str, text: str) -> str:
        return self.complaint

    def reread_journal(self, namespace: str) -> None:
        self.calls.append(f"reread {namespace}")

    def cursor(self, namespace: str = "") -> str:
        return "here"

    def log(self, unit: str, cursor: str, lines: int, namespace: str = "") -> str:
        return f"log of topsecret-4711 line{f' in {namespace}' if namespace else ''}"

    def said(self, unit: str, invocation: str, namespace: str = "") -> str:
        return self.words

    def version(self) -> int:
        return 252
