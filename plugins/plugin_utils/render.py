# SPDX-License-Identifier: GPL-3.0-or-later
"""Rendering: a node of the fleet becomes the text of the files that land on its host, secrets as placeholders."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from ansible_collections.livepeer.fleet.plugins.plugin_utils.addresses import Listener
from ansible_collections.livepeer.fleet.plugins.plugin_utils.ai import as_written, warm_up_seconds, without_prices, worker
from ansible_collections.livepeer.fleet.plugins.plugin_utils.caps import Caps
from ansible_collections.livepeer.fleet.plugins.plugin_utils.companions import (
    BASIC_AUTH,
    TLS_KEY,
    Companion,
    asked_instead,
    companion_of,
    files_of,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.equipment import Equipment, equipment_of
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import (
    WORKERS,
    AiWorkerSettings,
    Fleet,
    Node,
    OrchestratorSettings,
    Release,
    Role,
    SecretSource,
    placeholder,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.needs import Need, needs_of
from ansible_collections.livepeer.fleet.plugins.plugin_utils.onchain import OnChain, in_the_name_of, on_chain
from ansible_collections.livepeer.fleet.plugins.plugin_utils.payments import pays
from ansible_collections.livepeer.fleet.plugins.plugin_utils.peers import peer_address
from ansible_collections.livepeer.fleet.plugins.plugin_utils.read_backs import ReadBack, read_backs
from ansible_collections.livepeer.fleet.plugins.plugin_utils.routes import Route, signers
from ansible_collections.livepeer.fleet.plugins.plugin_utils.secret_values import ETH_URL
from ansible_collections.livepeer.fleet.plugins.plugin_utils.templating import (
    PRIVILEGED_PORTS,
    Templates,
    bind_address,
    owned_by,
)

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)

AS_FILES = frozenset({"eth_password", "keystore", "orch_secret"})
"""Secrets that the daemon reads from files: they never stand in a configuration, where its settings table could show them."""

ONCHAIN_SECRETS = frozenset({"eth_url", "eth_password", "keystore"})
"""Secrets that a process off-chain has no use for, and so does not get."""


METRICS_SECRETS = frozenset({TLS_KEY, BASIC_AUTH})
"""Secrets of whoever serves the metrics, which the node's process does not."""

NEEDS: Mapping[Role, tuple[Role, ...]] = {
    Role.GATEWAY: (Role.ORCHESTRATOR, Role.REMOTE_SIGNER),
    Role.ORCHESTRATOR: (Role.REDEEMER,),
    Role.TRANSCODER: (Role.ORCHESTRATOR,),
    Role.AI_WORKER: (Role.ORCHESTRATOR,),
}
"""Roles that a node may need at its start: an orchestrator ends where its redeemer does not answer (server/redeemer.go)."""

NO_CAPS = Caps()


@dataclass(frozen=True)
class Surroundings:
    """What the files of a node take from the rest of the fleet.

    Attributes:
        machine_listeners: every listener of the node's machine, its own included.
        orchestrator_urls: what a gateway dials, in order; empty with on-chain discovery.
        caps: those of a gateway or a signer as its flags take them.
        peer: ``host:port`` of the orchestrator that a worker, or of the redeemer that an orchestrator works with; "" for none.
        start_after: units of the same machine that are to be started before this one.
        reach: orchestrators that a gateway or a worker must be able to reach from its host.
        needs: nodes of the fleet that it cannot do without.
        elsewhere: service addresses of other orchestrators that work in the name of its account.
    """

    machine_listeners: tuple[Listener, ...]
    orchestrator_urls: tuple[str, ...] = ()
    caps: Caps = NO_CAPS
    peer: str = ""
    start_after: tuple[str, ...] = ()
    reach: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()
    elsewhere: tuple[str, ...] = ()


class Neighbours:
    """What stands around each node, looked up."""

    def __init__(self, fleet: Fleet, routes: Sequence[Route], listeners: Sequence[Listener]) -> None:
        self.routes = {(gateway.host, gateway.name): route for route in routes for gateway in route.gateways}
        self.listeners = _grouped(listeners, lambda listener: listener.machine)
        self.signers = {(signer.node.host, signer.node.name): signer.caps for signer in signers(fleet, routes)}
        self.fleet = fleet
        self.machines = _grouped(fleet.nodes, lambda node: node.machine)
        self.elsewhere = in_the_name_of(fleet.nodes)

    def of(self, node: Node) -> Surroundings:
        """What the files of the node take from the rest of the fleet."""
        listeners = tuple(self.listeners.get(node.machine, ()))
        route = self.routes.get((node.host, node.name))
        if node.role is Role.REMOTE_SIGNER:
            return Surroundings(listeners, caps=self.signers.get((node.host, node.name), NO_CAPS), start_after=self.start_after(node))
        if route is None:
            peer = peer_address(self.fleet, node)
            return Surroundings(
                machine_listeners=listeners,
                peer=peer,
                start_after=self.start_after(node),
                reach=(f"https://{peer}",) if peer and node.role in WORKERS else (),
                needs=needs_of(self.fleet, node),
                elsewhere=self.elsewhere.get(str(getattr(node.settings, "eth_acct_addr", "")).lower(), ()),
            )
        return Surroundings(
            machine_listeners=listeners,
            orchestrator_urls=route.urls,
            caps=route.caps if pays(node) else NO_CAPS,
            start_after=self.start_after(node),
            reach=route.reach,
            needs=needs_of(self.fleet, node),
        )

    def start_after(self, node: Node) -> tuple[str, ...]:
        """Units of the same machine whose roles the node's needs."""
        return tuple(sorted({other.unit for other in self.machines.get(node.machine, ()) if other.role in NEEDS.get(node.role, ())}))


def _grouped(items: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    groups: dict[K, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


@dataclass(frozen=True)
class NodePlan:
    """What is to be on a host for one node: files, secrets by name, and what proves that it runs.

    Attributes:
        name, role, unit, user, network, state_directory, release: of the node, see ``model.fleet.Node``.
        files: file name to text; empty where an error of its own kept the node from being rendered.
        secrets: name of each secret that the files ask for, to the variable that holds it.
        listeners: the sockets that its process, and no other, is to hold.
        cli: ``host:port`` of its CLI.
        settings: what it is to answer there.
        start_timeout: seconds that a start may take until it is proved.
        reach, needs: see Surroundings.
        joins: ``host:port`` of the orchestrator at which a worker is to be registered; "" for other nodes.
        companions: what stands in front of it.
        equipment: what it needs of its host beside a release; None for nothing.
    """

    name: str
    role: Role
    unit: str
    user: str
    network: str
    state_directory: str
    release: Release
    files: Mapping[str, str]
    secrets: Mapping[str, SecretSource]
    listeners: tuple[Listener, ...]
    cli: str
    settings: tuple[ReadBack, ...]
    start_timeout: int
    reach: tuple[str, ...]
    needs: tuple[Need, ...]
    joins: str
    companions: tuple[Companion, ...]
    chain: OnChain | None = None
    equipment: Equipment | None = None

    @property
    def log_command(self) -> str:
        """How its log is read on its host."""
        return f"journalctl --namespace={self.unit}" if JOURNAL in self.files else f"journalctl -u {self.unit}"

    @cached_property
    def digest(self) -> str:
        """sha256 over files and names of secrets: equal digests, equal nodes, their secrets aside; "" if not rendered."""
        return sha256_of({"files": dict(self.files), "secrets": sorted(self.secrets)}) if self.files else ""


def sha256_of(value: object) -> str:
    """sha256 over the canonical JSON of a value (sorted keys, no blanks): the same on every controller."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def render_node(node: Node, surroundings: Surroundings, templates: Templates) -> NodePlan:
    """The node with its files. RenderError, PriceError or AddressError for what no file may say."""
    return _node_plan(node, surroundings, _Files(node, surroundings, templates).render())


def bare_node(node: Node, surroundings: Surroundings) -> NodePlan:
    """The node without files: it has errors of its own, and is in the plan to be seen, not to be applied."""
    return _node_plan(node, surroundings, {})


def _node_plan(node: Node, surroundings: Surroundings, files: Mapping[str, str]) -> NodePlan:
    own = own_listeners(node, surroundings)
    companion = companion_of(node, surroundings.machine_listeners)
    return NodePlan(
        name=node.name,
        role=node.role,
        unit=node.unit,
        user=node.user,
        network=node.network,
        state_directory=node.state_directory,
        release=node.release,
        files=files,
        secrets=secrets_of(node, companion),
        listeners=own,
        cli=next((bind_address(x, node) for x in own if x.purpose == "cli"), ""),
        settings=read_backs(node, surroundings.orchestrator_urls, surroundings.caps.flag, _capabilities(surroundings)) if files else (),
        start_timeout=node.start_timeout + warm_up_seconds(node),
        reach=surroundings.reach if files else (),
        chain=on_chain(node, surroundings.elsewhere),
        needs=surroundings.needs,
        joins=surroundings.peer if node.role in WORKERS else "",
        companions=(companion,) if companion else (),
        equipment=equipment_of(node) if files else None,
    )


def _capabilities(surroundings: Surroundings) -> list[Mapping[str, object]]:
    """Entries of the document of a gateway's caps."""
    return [entry.written for entry in surroundings.caps.entries]


def own_listeners(node: Node, surroundings: Surroundings) -> tuple[Listener, ...]:
    """Those of the node's process among the listeners of its machine."""
    return tuple(listener for listener in surroundings.machine_listeners if owned_by(listener, node))


def secrets_of(node: Node, companion: Companion | None) -> dict[str, SecretSource]:
    """The secrets that the files of the node and of its companion ask for, by name, with the variable that holds each."""
    return dict(sorted([*own_secrets(node, companion).items(), *((name, node.secrets[name]) for name in _aside(companion))]))


def own_secrets(node: Node, companion: Companion | None) -> dict[str, SecretSource]:
    """Those of the node's process."""
    aside = {*METRICS_SECRETS, *_aside(companion), *(() if node.onchain else ONCHAIN_SECRETS)}
    return {name: source for name, source in sorted(node.secrets.items()) if name not in aside}


def _aside(companion: Companion | None) -> tuple[str, ...]:
    return companion.secrets if companion else ()


JOURNAL = "journald.conf"
"""The limits of a node's own journal; it has one if it has this file."""


class _Files:
    """The files of one node; a method a file."""

    def __init__(self, node: Node, surroundings: Surroundings, templates: Templates) -> None:
        self.node = node
        self.settings = node.settings
        self.surroundings = surroundings
        self.listeners = own_listeners(node, surroundings)
        self.companion = companion_of(node, surroundings.machine_listeners)
        self.templates = templates
        self.paths = {
            "data": f"/var/lib/{node.state_directory}",
            # The path is the same at every start, so that a file may name it.
            "credentials": f"/run/credentials/{node.unit}.service",
            "revision": f"/etc/livepeer/{node.name}/current",
        }

    def render(self) -> dict[str, str]:
        """File name to text."""
        files = {
            "livepeer.conf": self.conf(),
            "livepeer.service": self.unit(),
            "sysusers.conf": self.templates.sysusers(node=self.node),
        }
        if self.node.journal:
            files[JOURNAL] = self.templates.journal(node=self.node)
        if self.ai_models:
            files["aiModels.json"] = self.templates.ai_models(ai_models=self.ai_models)
        if self.environment(secret=True):
            files["environment"] = self.templates.environment(node=self.node, environment=self.environment(secret=True))
        if self.companion:
            cli = next(bind_address(one, self.node) for one in self.listeners if one.purpose == "cli")
            files |= files_of(self.companion, self.node, cli, self.templates)
        return files

    @property
    def ai_models(self) -> list[object]:
        """The models of an orchestrator or a worker."""
        if isinstance(self.settings, AiWorkerSettings):
            return list(as_written(without_prices(self.settings.ai_models)))
        return list(as_written(self.settings.ai_models)) if isinstance(self.settings, OrchestratorSettings) else []

    def environment(self, *, secret: bool) -> list[tuple[str, str]]:
        """Names and values; a secret one is the placeholder that the parser put there."""
        secrets = {placeholder(name) for name in self.node.secrets}
        return [item for item in sorted(self.settings.environment.items()) if (item[1] in secrets) is secret]

    def conf(self) -> str:
        """livepeer.conf."""
        instead = asked_instead(self.node, self.surroundings.machine_listeners)
        return self.templates.conf(
            node=self.node,
            settings=self.settings,
            paths=self.paths,
            machine_listeners=self.surroundings.machine_listeners,
            orchestrator_urls=self.surroundings.orchestrator_urls,
            peer=self.surroundings.peer,
            eth_url=f"http://{self.companion.eth}" if self.companion and self.companion.eth else placeholder(ETH_URL),
            cap=self.surroundings.caps.flag,
            caps=self.surroundings.caps,
            instead=instead,
            extra_flags=sorted((flag, instead.get(flag, value)) for flag, value in self.settings.flags.items()),
        )

    def unit(self) -> str:
        """The systemd unit."""
        settings = self.settings
        return self.templates.unit(
            node=self.node,
            paths=self.paths,
            companion=f"{self.companion.unit}.service" if self.companion else "",
            start_after=[
                "network-online.target",
                *(["docker.service"] if self.docker else []),
                *(f"{unit}.service" for unit in self.surroundings.start_after),
            ],
            credentials=self.credentials(),
            environment=self.environment(secret=False),
            environment_file=bool(self.environment(secret=True)),
            gpu=bool(getattr(settings, "nvidia", "")),
            docker=self.docker,
            privileged_ports=sorted({x.port for x in self.listeners if x.port < PRIVILEGED_PORTS}),
        )

    @property
    def docker(self) -> bool:
        """Whether it needs Docker: without the API an AI worker ends at once, also where each model has a URL."""
        found = worker(self.node)
        return found is not None and found.needs_docker

    def credentials(self) -> list[tuple[str, str]]:
        """Name of each credential, and the root-only file that systemd takes it from."""
        revision = self.paths["revision"]
        plain = ["livepeer.conf"]
        if self.ai_models:
            plain.append("aiModels.json")
        if self.environment(secret=True):
            plain.append("environment")
        secret = [name for name in own_secrets(self.node, self.companion) if name in AS_FILES]
        return [(name, f"{revision}/{name}") for name in plain] + [(name, f"{revision}/secrets/{name}") for name in secret]
