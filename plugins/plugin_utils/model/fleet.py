# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet as the rules see it: normalised, typed, frozen. Made by the parser only; nothing here reads an inventory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Role(StrEnum):
    """What a go-livepeer process is. The value is the mode's flag in snake case and the middle of its variables' names."""

    GATEWAY = "gateway"
    ORCHESTRATOR = "orchestrator"
    TRANSCODER = "transcoder"
    AI_WORKER = "ai_worker"
    REMOTE_SIGNER = "remote_signer"
    REDEEMER = "redeemer"


START_ORDER = (Role.REMOTE_SIGNER, Role.REDEEMER, Role.ORCHESTRATOR, Role.TRANSCODER, Role.AI_WORKER, Role.GATEWAY)
"""What others need comes before them: a gateway that runs before its orchestrator answers its first requests with errors."""

WORKERS = frozenset({Role.TRANSCODER, Role.AI_WORKER})
"""Roles that register at an orchestrator. They run off-chain, whatever it does."""


class Payment(StrEnum):
    """Who pays for a gateway's jobs; it settles the gateway's network."""

    NONE = "none"
    ONCHAIN = "onchain"
    REMOTE_SIGNER = "remote_signer"
    CLEARINGHOUSE = "clearinghouse"


class Discovery(StrEnum):
    """Where a gateway gets its orchestrators from."""

    LOCAL = "local"
    INVENTORY = "inventory"
    ONCHAIN = "onchain"
    LIST = "list"
    REMOTE_SIGNER = "remote_signer"


OFFCHAIN = "offchain"


def placeholder(secret: str) -> str:
    """What stands in a setting or a rendered file for a secret of a node, until its host fills it in."""
    return f"@@livepeer-secret:{secret}@@"


@dataclass(frozen=True)
class Source:
    """Where the value of one setting comes from, so that a finding can name it.

    Attributes:
        variable: full variable name, ``livepeer_gateway_http_addr``.
        default: True if nobody wrote it and the collection's (= go-livepeer's) default counts.
        refused: True if it is written and all or part of it was refused: a finding says so, and what stands in for it says nothing.
    """

    variable: str
    default: bool
    refused: bool = False


@dataclass(frozen=True)
class Release:
    """The go-livepeer release of a node.

    Attributes:
        version: as deployed, ``0.9.1``, without a leading v.
        behaves_like: the known version whose facts hold for it (the same, unless ``livepeer_version_like`` says so).
        archive: URL, or path of a file on the controller; the official archive where nobody said otherwise.
        checksum: sha256 of the archive, 64 hexadecimal digits in lower case; "" until the plan has read a local archive.
        flavor: ``cpu`` or ``gpu``.
    """

    version: str
    behaves_like: str
    archive: str
    checksum: str
    flavor: str

    @property
    def name(self) -> str:
        """Folder of the release on a host: the same version from another archive is another release."""
        return f"{self.version}-{self.checksum[:12]}" if self.checksum else self.version


@dataclass(frozen=True)
class OrchAddr:
    """One entry of ``livepeer_gateway_orch_addr``: exactly one of ``host`` (inventory name) and ``url``.

    ``price_per_unit``/``pixels_per_unit`` is the price the operator knows of a foreign orchestrator (flag grammar), or "".
    """

    host: str = ""
    url: str = ""
    price_per_unit: str = ""
    pixels_per_unit: str = ""


@dataclass(frozen=True)
class RemoteSigner:
    """Who pays in the place of a gateway: at most one of ``host`` (inventory name) and ``url``; neither where nobody does.

    ``node`` is the signer of the fleet that this is; its URL is worked out, and "" where it cannot be reached from the gateway.
    ``url`` is what the flag gets, a ``placeholder`` where it is or holds a secret. ``endpoint`` is ``scheme://host:port`` of it in
    one spelling, "" where that is a secret too.
    ``max_price_per_unit``/``pixels_per_unit`` is the cap that the operator knows of it (flag grammar, or ``any``), or "".
    """

    host: str = ""
    url: str = ""
    max_price_per_unit: str = ""
    pixels_per_unit: str = "1"
    endpoint: str = ""
    node: Node | None = field(default=None, compare=False, repr=False)

    @property
    def known(self) -> str:
        """Host or endpoint, the same for all gateways of one signer; "" for nobody, and for one that nobody can tell from others."""
        return self.host or self.endpoint

    @property
    def name(self) -> str:
        """The signer for people, never a secret; "" for nobody."""
        return self.known or ("a URL that is a secret" if self.url else "")


@dataclass(frozen=True)
class ExchangeRate:
    """What a currency is worth, as the operator said.

    Attributes:
        currency: in upper case.
        wei: for one unit of it, exact decimal text.
        date: ISO 8601, or "".
    """

    currency: str
    wei: str
    date: str


@dataclass(frozen=True)
class Peer:
    """Another node that one works with: at most one of ``host`` (inventory name) and ``address`` (``host:port``)."""

    host: str = ""
    address: str = ""

    @property
    def name(self) -> str:
        """The node for people, "" for none."""
        return self.host or self.address


@dataclass(frozen=True)
class SecretSource:
    """The variable that holds a secret of a node.

    Attributes:
        variable: its path, ``livepeer_eth_url`` or ``livepeer_gateway_flags.kafkaPassword``; "" where the host makes the secret.
        host: inventory host whose variable it is; "" for the node's own.
    """

    variable: str
    host: str = ""


@dataclass(frozen=True)
class GatewaySettings:
    """Settings of a gateway. One field a variable: ``http_addr`` is ``livepeer_gateway_http_addr``.

    Addresses are texts as written (go-livepeer's grammar; ``addresses.listen_address`` reads them).
    Amounts are texts in the grammar of go-livepeer's flags; "" means not stated.
    ``max_price_per_unit`` is such an amount, ``auto`` (worked out by the plan), ``any`` (no cap, on purpose) or "".
    ``max_price_per_capability`` is a list of entries, whose amounts may be ``auto`` or ``any`` too, one of these words, or "".
    ``reserve_eth``, ``deposit_eth`` and the weights are exact decimal text, "" where nobody said them.
    ``http_ingest`` is None where nobody said it. Secrets (webhooks, the password) are their placeholder, or "".
    ``keystore_file`` is a path on the controller.
    """

    http_addr: str
    rtmp_addr: str
    cli_addr: str
    payment: Payment
    workloads: tuple[str, ...]
    discovery: Discovery
    orch_addr: tuple[OrchAddr, ...]
    remote_signer: RemoteSigner
    max_price_per_unit: str
    pixels_per_unit: str
    max_price_per_capability: str | tuple[Mapping[str, object], ...]
    reserve_eth: str
    deposit_eth: str
    select_stake_weight: str
    select_price_weight: str
    select_rand_freq: str
    select_price_exp_factor: str
    transcoding_options: str
    http_ingest: bool | None
    auth_webhook_url: str
    live_ai_auth_webhook_url: str
    media_mtx_api_password: str
    whip_addr: str
    whep_addr: str
    nat_ip: str
    eth_acct_addr: str
    keystore_file: str
    metrics_proxy_addr: str
    eth_proxy_addr: str
    url_proxy_addr: str
    flags: Mapping[str, str]
    environment: Mapping[str, str]


@dataclass(frozen=True)
class OrchestratorSettings:
    """Settings of an orchestrator. One field a variable: ``service_addr`` is ``livepeer_orchestrator_service_addr``.

    ``auto_adjust_price`` and ``reward`` are None where nobody said it (required on-chain).
    ``transcoder`` is False by itself where a transcoder of the fleet names it.
    ``max_sessions`` is digits, ``auto`` or ""; ``containers_per_gpu`` is None where nobody said it.
    """

    service_addr: str
    http_addr: str
    cli_addr: str
    price_per_unit: str
    pixels_per_unit: str
    price_per_gateway: tuple[Mapping[str, object], ...]
    auto_adjust_price: bool | None
    transcoder: bool
    ai_worker: bool
    nvidia: str
    max_sessions: str
    ai_models: tuple[Mapping[str, object], ...]
    models_dir: str
    containers_per_gpu: int | None
    redeemer: Peer
    eth_acct_addr: str
    eth_orch_addr: str
    keystore_file: str
    reward: bool | None
    metrics_proxy_addr: str
    eth_proxy_addr: str
    url_proxy_addr: str
    flags: Mapping[str, str]
    environment: Mapping[str, str]

    @property
    def adjusts(self) -> bool:
        """Whether its prices rise with the cost of redeeming tickets: go-livepeer's own where nobody said it."""
        return self.auto_adjust_price is not False


@dataclass(frozen=True)
class RemoteSignerSettings:
    """Settings of a remote signer. One field a variable: ``http_addr`` is ``livepeer_remote_signer_http_addr``.

    Caps, ``reserve_eth`` and ``deposit_eth`` are those of ``GatewaySettings``, over all gateways that it signs for.
    ``allow_no_auth`` and ``remote_discovery`` are None where nobody said it. Secrets (webhook and headers) are their
    placeholder, or "".
    """

    http_addr: str
    cli_addr: str
    max_price_per_unit: str
    pixels_per_unit: str
    max_price_per_capability: str | tuple[Mapping[str, object], ...]
    reserve_eth: str
    deposit_eth: str
    webhook_url: str
    webhook_headers: str
    allow_no_auth: bool | None
    remote_discovery: bool | None
    eth_acct_addr: str
    keystore_file: str
    metrics_proxy_addr: str
    eth_proxy_addr: str
    url_proxy_addr: str
    flags: Mapping[str, str]
    environment: Mapping[str, str]


@dataclass(frozen=True)
class TranscoderSettings:
    """Settings of a transcoder. One field a variable: ``nvidia`` is ``livepeer_transcoder_nvidia``."""

    orchestrator: Peer
    cli_addr: str
    nvidia: str
    max_sessions: str
    metrics_proxy_addr: str
    flags: Mapping[str, str]
    environment: Mapping[str, str]


@dataclass(frozen=True)
class AiWorkerSettings:
    """Settings of an AI worker. One field a variable: ``nvidia`` is ``livepeer_ai_worker_nvidia``.

    ``ai_models`` are its orchestrator's where it has none of its own; ``containers_per_gpu`` is None where nobody said it.
    """

    orchestrator: Peer
    cli_addr: str
    nvidia: str
    ai_models: tuple[Mapping[str, object], ...]
    models_dir: str
    containers_per_gpu: int | None
    metrics_proxy_addr: str
    flags: Mapping[str, str]
    environment: Mapping[str, str]


@dataclass(frozen=True)
class RedeemerSettings:
    """Settings of a redeemer. One field a variable: ``http_addr`` is ``livepeer_redeemer_http_addr``."""

    http_addr: str
    cli_addr: str
    eth_acct_addr: str
    eth_orch_addr: str
    keystore_file: str
    metrics_proxy_addr: str
    eth_proxy_addr: str
    flags: Mapping[str, str]
    environment: Mapping[str, str]


Settings = GatewaySettings | OrchestratorSettings | RemoteSignerSettings | TranscoderSettings | AiWorkerSettings | RedeemerSettings
"""What each kind of node is set to."""

SETTINGS: Mapping[Role, type[Settings]] = {
    Role.GATEWAY: GatewaySettings,
    Role.ORCHESTRATOR: OrchestratorSettings,
    Role.REMOTE_SIGNER: RemoteSignerSettings,
    Role.TRANSCODER: TranscoderSettings,
    Role.AI_WORKER: AiWorkerSettings,
    Role.REDEEMER: RedeemerSettings,
}


@dataclass(frozen=True)
class Journal:
    """A journal of a node's own.

    Attributes:
        max_size: most that it may take, as ``SystemMaxUse=`` reads it; "" for systemd's choice.
        retention: how long it is kept at most, as ``MaxRetentionSec=`` reads it; "" for as long as there is room.
    """

    max_size: str = ""
    retention: str = ""


@dataclass(frozen=True)
class Proxy:
    """What is to stand in front of a node, its addresses aside, which are settings of its role.

    Attributes:
        eth: whether a node on a chain asks its RPC endpoints through a proxy of its own.
        chain_id: of the node's chain; 0 where nobody knows it.
        allow: addresses and networks that may scrape its metrics.
        certificate: what metrics are served with (PEM), "" for plain HTTP.
    """

    eth: bool
    chain_id: int
    allow: tuple[str, ...]
    certificate: str


@dataclass(frozen=True)
class Node:
    """One go-livepeer process of the fleet.

    Attributes:
        host: inventory host it is written on.
        machine: key of the machine behind that host (several inventory hosts may share one).
        role: what it is.
        name: node name; the unit is ``livepeer-<name>.service``, the user ``livepeer-<name>``.
        network: ``offchain`` or a network's name.
        release: what it runs.
        settings: of its role.
        sources: for each variable of its role by its name after ``livepeer_<role>_`` (and ``network``, ``name``, ``release``,
            ``headroom_min``, ``headroom_max``, ``expected_gas_gwei``, ``pool_size``, ``wei_per_usd``, ``exchange_rates``) where it
            comes from.
        secrets: names of the secrets it has (``eth_url``, ``eth_password``, ``keystore``, ``orch_secret`` and others of its role;
            ``flag_<flag>``, ``env_<name>`` and ``ai_models_<index>_token`` for those inside other variables), and for each where it
            comes from. Never a value: where one belongs inside a setting its ``placeholder`` stands.
        headroom_min, headroom_max: percent over the orchestrator's base price, as exact decimal text ("20", "30").
        expected_gas_gwei: lowest and highest gas price that is expected, in gwei, exact decimal text; empty where nobody said it.
        pool_size: orchestrators in the active pool of the network; None where nobody said it.
        exchange_rates: what currencies are worth, by currency.
        start_timeout: seconds that a start may take until it is proved.
        image_free_gb: gigabytes that have to be free before an image of a runner is pulled.
        log_level: glog verbosity (flag ``v``).
        journal: its own journal; None where it writes to the host's.
        proxy: what is to stand in front of it.
    """

    host: str
    machine: str
    role: Role
    name: str
    network: str
    release: Release
    settings: Settings
    sources: Mapping[str, Source]
    secrets: Mapping[str, SecretSource]
    headroom_min: str
    headroom_max: str
    expected_gas_gwei: tuple[str, ...]
    pool_size: int | None
    exchange_rates: tuple[ExchangeRate, ...]
    start_timeout: int
    image_free_gb: int
    log_level: int
    journal: Journal | None
    proxy: Proxy

    @property
    def unit(self) -> str:
        """Name of the systemd unit, without ``.service``."""
        return f"livepeer-{self.name}"

    @property
    def proxy_unit(self) -> str:
        """Name of the unit of the proxy in front of it, without ``.service``."""
        return f"{self.unit}-proxy"

    @property
    def user(self) -> str:
        """Static system user of the node."""
        return self.unit

    @property
    def state_directory(self) -> str:
        """``StateDirectory=`` of the unit, below /var/lib: one for each node and network."""
        return f"{self.unit}/{self.network}"

    @property
    def onchain(self) -> bool:
        """True if the process itself runs on a chain (prices and caps are read at all)."""
        return self.network != OFFCHAIN

    def knows(self, *names: str) -> bool:
        """True unless what was written for one of these (see ``sources``) was refused, so that a rule has nothing to go by."""
        return not any(self.sources[name].refused for name in names)


@dataclass(frozen=True)
class Service:
    """A service of somebody else that listens on a host: an entry of ``livepeer_services``.

    Attributes:
        name: for people.
        addr: ``host:port`` as written; ``:port`` is every address.
        protocol: ``tcp`` or ``udp``.
        exposure: who reaches it, "" where its address says so.
        variable: path of its address, ``livepeer_services[0].addr``.
    """

    name: str
    addr: str
    protocol: str
    exposure: str
    variable: str


@dataclass(frozen=True)
class Host:
    """An inventory host with a Livepeer role.

    Attributes:
        name: inventory name.
        machine: what it is reached at (``ansible_host`` and ``ansible_port``, else the name): the same machine for every rule.
        combined: True if it is a gateway and an orchestrator, by the group ``livepeer_combined`` or by both groups.
        nodes: its nodes, in the order they are started (``START_ORDER``).
        services: what else listens there, and is left alone.
        firewall: True if the nftables table is to be in force there.
        firewall_sources: networks that reach listeners with a private address.
        metrics_allow: networks that may scrape.
        sources: for each of these three (and ``log_max_size``, ``log_retention``) where it comes from.
    """

    name: str
    machine: str
    combined: bool
    nodes: tuple[Node, ...]
    services: tuple[Service, ...]
    firewall: bool
    firewall_sources: tuple[str, ...]
    metrics_allow: tuple[str, ...]
    sources: Mapping[str, Source]


@dataclass(frozen=True)
class Fleet:
    """All hosts of the inventory with a Livepeer role, whatever ``--limit`` says, by name."""

    hosts: Mapping[str, Host]

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Every node, by host name and start order."""
        return tuple(node for name in sorted(self.hosts) for node in self.hosts[name].nodes)
