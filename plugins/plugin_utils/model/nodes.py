# SPDX-License-Identifier: GPL-3.0-or-later
"""One node out of the checked variables of its host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.collector import Collector
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.definitions import Definition, definitions, of_role
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.extras import Extras, ExtrasReader
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import (
    OFFCHAIN,
    SETTINGS,
    WORKERS,
    Discovery,
    ExchangeRate,
    GatewaySettings,
    Journal,
    Node,
    OrchAddr,
    Payment,
    Peer,
    Proxy,
    Release,
    RemoteSigner,
    Role,
    SecretSource,
    Settings,
    Source,
    placeholder,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.inventory import Present
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.networks import CHAIN_IDS, check_name, settle, stated_network
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.signers import SECRET, URL_KEY, is_url, signer_url
from ansible_collections.livepeer.fleet.plugins.plugin_utils.workloads import LIVE_RUNNER, LIVE_VIDEO

CODE = "LPF504"
MISSING_CODE = "LPF404"
EMPTY: Mapping[str, object] = {"str": "", "raw": "", "list": (), "bool": None}
"""What a setting that nobody stated and that has no default looks like in the model."""

SIGNED = (Payment.REMOTE_SIGNER, Payment.CLEARINGHOUSE)
SIGNER_BESIDE = {
    Payment.ONCHAIN: "an on-chain gateway with a signer starts and gets no video: jobs are signed with its own key and paid with the"
    " signer's account, so that every segment is refused with 403, and tickets are counted all the same",
    Payment.NONE: "with a signer go-livepeer does not work free of charge: it pays for live AI through it",
}
"""What the binary makes of a signer that nobody asked for (``facts/payment.json``)."""

USD = "USD"
FLEET_SETTINGS = ("headroom_min", "headroom_max", "expected_gas_gwei", "pool_size", "wei_per_usd", "exchange_rates")
"""Variables of the host that each of its nodes carries."""

FLEET_SECRETS = ("eth_url", "metrics_tls_key", "metrics_basic_auth")
"""Secrets that the roles of a host share."""

MODELS = (Role.ORCHESTRATOR, Role.AI_WORKER)
"""Roles with a list of AI models."""

PEERS: Mapping[Role, str] = {Role.TRANSCODER: "orchestrator", Role.AI_WORKER: "orchestrator", Role.ORCHESTRATOR: "redeemer"}
"""Setting of a role that names another node."""


@dataclass(frozen=True)
class HostValues:
    """The checked variables of one host.

    Attributes:
        values: by name after ``livepeer_``, defaults filled in; what is not there and has no default is left out.
        sources: where each value comes from.
        broken: names of variables that are written but wrong; a finding about each exists.
        secrets_known: False if nothing is to be said about secrets, be they there or not.
    """

    values: Mapping[str, object]
    sources: Mapping[str, Source]
    broken: frozenset[str]
    secrets_known: bool


class NodeReader:
    """Makes the node of one role of one host out of the host's values, with findings about what only the role can judge."""

    def __init__(self, role: Role, read: HostValues, release: Release, collector: Collector) -> None:
        self._role = role
        self._values = read.values
        self._sources = read.sources
        self._broken = read.broken
        self._secrets_known = read.secrets_known
        self._release = release
        self._collector = collector
        self._wrong_extras: set[str] = set()
        settling = {"network", f"{role.value}_network", *({"gateway_payment"} if role is Role.GATEWAY else ())}
        self._network_known = role in WORKERS or not settling & read.broken
        self._definitions = of_role(role.value)
        modes = {mode for mode in ("transcoder", "ai_worker") if role is Role.ORCHESTRATOR and self._values.get(f"orchestrator_{mode}")}
        self._extras = ExtrasReader(collector, role.value, frozenset({role.value, *modes}), release.behaves_like)

    def node(self, host: str, machine: str) -> Node:
        """The node, as far as its variables are right."""
        flags = self._extra("flags")
        environment = self._extra("environment")
        network, payment, network_variable = self._network(flags)
        onchain = network != OFFCHAIN
        self._check_required(onchain)
        self._check_flags()
        models, tokens = self._ai_models()
        signer, signer_secrets = self._signer()
        secrets = self._secrets(onchain) | flags.secrets | environment.secrets | tokens | signer_secrets
        given: dict[str, Any] = {"flags": flags.values, "environment": self._own_environment() | environment.values}
        given |= {"payment": payment, "ai_models": models, "remote_signer": signer}
        settings = self._settings(given, secrets)
        sources = {name: self._source(name) for name in self._definitions}
        sources |= {name: self._refused(name) for name in ("flags", "environment") if name in self._wrong_extras}
        sources["network"] = Source(network_variable, self._is_default(network_variable), refused=not self._network_known)
        sources["release"] = self._sources["version"]
        sources |= {name: self._sources[name] for name in FLEET_SETTINGS}
        return Node(
            host=host,
            machine=machine,
            role=self._role,
            name=str(self._value("name")),
            network=network,
            release=self._release,
            settings=settings,
            sources=sources,
            secrets=secrets,
            headroom_min=str(self._values["headroom_min"]),
            headroom_max=str(self._values["headroom_max"]),
            expected_gas_gwei=texts(self._values.get("expected_gas_gwei")),
            pool_size=self._pool_size(),
            exchange_rates=self._exchange_rates(),
            start_timeout=int(str(self._values["start_timeout"])),
            image_free_gb=int(str(self._values["image_free_gb"])),
            log_level=int(str(self._values["log_level"])),
            journal=self._journal(),
            proxy=self._proxy(network, secrets),
        )

    def _proxy(self, network: str, secrets: Mapping[str, SecretSource]) -> Proxy:
        """What is to stand in front of the node."""
        certificate = str(self._values.get("metrics_tls_certificate") or "")
        if certificate and "metrics_tls_key" not in secrets and self._secrets_known and "metrics_tls_key" not in self._broken:
            message = "a certificate for metrics is no use without its key"
            self._collector.add(MISSING_CODE, message, "livepeer_metrics_tls_key", hint="the text of the key's PEM file")
        if not certificate and "metrics_tls_key" in secrets and "metrics_tls_certificate" not in self._broken:
            message = "a key for metrics is no use without its certificate: they would be served without TLS"
            hint = "the text of the certificate's PEM file"
            self._collector.add(CODE, message, "livepeer_metrics_tls_certificate", got="(not set)", hint=hint)
        return Proxy(
            eth=network != OFFCHAIN and bool(self._values.get("eth_proxy")),
            chain_id=int(str(self._values.get("eth_chain_id") or CHAIN_IDS.get(network, 0))),
            allow=texts(self._values.get("metrics_allow")),
            certificate=certificate,
        )

    def _journal(self) -> Journal | None:
        said = {name: str(self._values.get(f"log_{name}", "")) for name in ("max_size", "retention")}
        return Journal(**said) if self._values["log_namespace"] is True else None

    def _pool_size(self) -> int | None:
        size = self._values.get("pool_size")
        return None if size is None else int(str(size))

    def _exchange_rates(self) -> tuple[ExchangeRate, ...]:
        """The dollar and the others, by currency."""
        dollar = self._values.get("wei_per_usd")
        rates = [] if dollar is None else [_exchange_rate(dollar if isinstance(dollar, Mapping) else {"wei": dollar}, USD)]
        others = self._values.get("exchange_rates")
        rates += [_exchange_rate(entry, "") for entry in (others if isinstance(others, tuple) else ()) if {"currency", "wei"} <= set(entry)]
        return tuple(sorted((rate for rate in rates if rate.wei), key=lambda rate: rate.currency))

    def _full(self, name: str) -> str:
        return f"livepeer_{self._role.value}_{name}"

    def _value(self, name: str) -> object:
        value = self._values.get(f"{self._role.value}_{name}")
        return EMPTY.get(self._definitions[name].type) if value is None else value

    def _source(self, name: str) -> Source:
        return self._sources[f"{self._role.value}_{name}"]

    def _refused(self, name: str) -> Source:
        return replace(self._source(name), refused=True)

    def _is_default(self, variable: str) -> bool:
        return self._sources[variable.removeprefix("livepeer_")].default

    def _extra(self, name: str) -> Extras:
        raw = self._value(name)
        if not isinstance(raw, Mapping):
            return Extras()
        read = self._extras.flags if name == "flags" else self._extras.environment
        told = len(self._collector.findings)
        found = read(raw, self._full(name))
        if len(self._collector.findings) > told:
            self._wrong_extras.add(name)
        return found

    def _network(self, flags: Extras) -> tuple[str, Payment, str]:
        collector = self._collector if self._network_known else Collector("")
        told = len(self._collector.findings)
        payment = Payment.NONE
        if self._role is Role.GATEWAY:
            stated = self._values.get("gateway_payment")
            network, payment, variable = settle(Payment(str(stated)) if stated else None, self._values, collector)
        elif self._role in WORKERS:
            network, variable = OFFCHAIN, "livepeer_network"
        else:
            network, variable = stated_network(self._role.value, self._values)
        check_name(network, variable, self._role.value, flags.values, collector)
        self._network_known = self._network_known and len(self._collector.findings) == told
        return network, payment, variable

    def _check_required(self, onchain: bool) -> None:
        """Findings for what a node cannot do without; secrets are looked at elsewhere."""
        for name, one in self._definitions.items():
            short = f"{self._role.value}_{name}"
            needed = one.required == "always" or (one.required == "onchain" and onchain and not self._priced_by_models(name))
            if needed and not one.secret and short not in self._values and short not in self._broken:
                chain = " on-chain" if one.required == "onchain" else ""
                self._collector.add(CODE, f"{one.name} has to be said{chain}", one.name, hint=one.advice)

    def _check_flags(self) -> None:
        """Findings for variables that set what the pinned version does not have."""
        for name, one in self._definitions.items():
            if one.flag and not self._source(name).default:
                self._extras.check_flag(one.flag, one.name)

    def _priced_by_models(self, name: str) -> bool:
        """An orchestrator that serves AI may price by model only (``starter.go``: no base price needed with -aiWorker)."""
        return name == "price_per_unit" and bool(self._value("ai_worker"))

    def _secrets(self, onchain: bool) -> dict[str, SecretSource]:
        """Secrets of the node and their variables; a finding for each that is needed and not there."""
        secrets: dict[str, SecretSource] = {}
        named: dict[str, Definition] = {name: definitions()[f"livepeer_{name}"] for name in FLEET_SECRETS}
        named |= {name: one for name, one in self._definitions.items() if one.secret}
        for name, one in named.items():
            short = one.name.removeprefix("livepeer_")
            if one.required == "onchain" and not onchain:
                continue
            if f"{short}_file" in self._values:
                secrets[name] = self._from_file(one)
            elif isinstance(self._values.get(short), Present):
                secrets[name] = SecretSource(one.name)
            elif one.made:
                secrets[name] = SecretSource("")
            elif one.required and not self._secrets_known:
                secrets[name] = SecretSource(one.name)
            elif one.required and not {short, f"{short}_file"} & self._broken:
                message = f"a node on a chain needs {one.name}"
                self._collector.add(MISSING_CODE, message, one.name, hint=one.advice)
        return secrets

    def _from_file(self, one: Definition) -> SecretSource:
        """A secret that a file on the controller holds; a finding where a variable holds it as well."""
        variable = f"{one.name}_file"
        if isinstance(self._values.get(one.name.removeprefix("livepeer_")), Present):
            message = f"the key is given twice, by {one.name} too"
            self._collector.add(CODE, message, variable, got=variable, limit=one.name, hint="remove one of the two")
        return SecretSource(variable)

    def _own_environment(self) -> dict[str, str]:
        """Settings of the environment that have a variable of their own."""
        return {one.environment: str(self._value(name)) for name, one in self._definitions.items() if one.environment and self._value(name)}

    def _ai_models(self) -> tuple[tuple[Mapping[str, object], ...], dict[str, SecretSource]]:
        models: list[Mapping[str, object]] = []
        secrets: dict[str, SecretSource] = {}
        raw = self._value("ai_models") if self._role in MODELS else ()
        for index, model in enumerate(raw if isinstance(raw, tuple) else ()):
            entry = dict(model)
            if "token" in entry:
                name = f"ai_models_{index}_token"
                secrets[name] = SecretSource(f"{self._full('ai_models')}[{index}].token")
                entry["token"] = placeholder(name)
            models.append(entry)
        return tuple(models), secrets

    def _signer(self) -> tuple[RemoteSigner, dict[str, SecretSource]]:
        """Who signs, and the secret that its URL may be."""
        raw = self._value("remote_signer") if self._role is Role.GATEWAY else ""
        entry: dict[str, object] = dict(raw) if isinstance(raw, Mapping) else {_signer_key(raw): raw}
        variable = self._full("remote_signer") + (f".{URL_KEY}" if isinstance(raw, Mapping) else "")
        url, endpoint, secret = entry.pop(URL_KEY, ""), "", False
        if isinstance(url, Present):
            secret = True
        elif url:
            found, secret = signer_url(str(url))
            endpoint = found.url
        texts: dict[str, Any] = {key: str(value) for key, value in entry.items()}
        signer = RemoteSigner(**texts, url=placeholder(SECRET) if secret else str(url), endpoint=endpoint)
        return signer, {SECRET: SecretSource(variable)} if secret else {}

    def _settings(self, given: Mapping[str, Any], secrets: Mapping[str, SecretSource]) -> Settings:
        """The settings of the role; a secret that is one of them is its placeholder."""
        made = SETTINGS[self._role]
        values: dict[str, Any] = {field.name: self._value(field.name) for field in fields(made)}
        values |= {name: value for name, value in given.items() if name in values}
        values |= {name: placeholder(name) if name in secrets else "" for name in values if self._definitions[name].secret}
        if self._role in PEERS:
            values[PEERS[self._role]] = _peer(str(values[PEERS[self._role]]))
        if self._role is Role.GATEWAY:
            values["discovery"] = Discovery(values["discovery"])
            values["orch_addr"] = tuple(_orch_addr(entry) for entry in values["orch_addr"])
        settings = made(**values)
        if isinstance(settings, GatewaySettings):
            self._check_discovery(settings)
            self._check_signer(settings)
        return settings

    def _check_discovery(self, settings: GatewaySettings) -> None:
        if settings.orch_addr and settings.discovery is not Discovery.LIST and not self._source("discovery").refused:
            variable = self._full("discovery")
            message = f"{self._full('orch_addr')} counts only with discovery list"
            hint = f"{variable}: list, or remove the list"
            self._collector.add(CODE, message, variable, got=settings.discovery.value, limit=Discovery.LIST.value, hint=hint)

    def _check_signer(self, settings: GatewaySettings) -> None:
        variable = self._full("remote_signer")
        signed = settings.payment in SIGNED
        if signed and not settings.remote_signer.name and "gateway_remote_signer" not in self._broken:
            message = f"with payment {settings.payment.value} the gateway needs to know who signs"
            self._collector.add(CODE, message, variable, hint="inventory host of the signer, or its URL")
        if settings.remote_signer.name and not signed and self._network_known:
            limit = ", ".join(payment.value for payment in SIGNED)
            payment = self._full("payment")
            signable = set(settings.workloads) <= {LIVE_VIDEO, LIVE_RUNNER}
            hint = f"{payment}: remote_signer, or remove {variable}" if signable else f"remove {variable}: a signer pays for live AI alone"
            message = SIGNER_BESIDE[settings.payment]
            self._collector.add("LPF303", message, payment, got=settings.payment.value, limit=limit, hint=hint)


def _peer(text: str) -> Peer:
    # An inventory name holds no colon.
    return Peer(address=text) if ":" in text else Peer(host=text)


def _orch_addr(entry: object) -> OrchAddr:
    pixels = str((definitions()["livepeer_gateway_orch_addr"].options or {})["pixels_per_unit"].default)
    if isinstance(entry, Mapping):
        texts = {key: str(value) for key, value in entry.items()}
        return OrchAddr(**({"pixels_per_unit": pixels} | texts))
    text = str(entry)
    # An inventory name holds no colon; go-livepeer takes host:port without a scheme too.
    return OrchAddr(url=text, pixels_per_unit=pixels) if ":" in text else OrchAddr(host=text, pixels_per_unit=pixels)


def _signer_key(raw: object) -> str:
    return URL_KEY if isinstance(raw, Present) or is_url(str(raw)) else "host"


def _exchange_rate(entry: Mapping[str, object], currency: str) -> ExchangeRate:
    return ExchangeRate(str(entry.get("currency", currency)).upper(), str(entry.get("wei", "")), str(entry.get("date", "")))


def texts(value: object) -> tuple[str, ...]:
    """A checked list, empty where nobody said one."""
    return tuple(map(str, value)) if isinstance(value, tuple) else ()
