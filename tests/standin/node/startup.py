# SPDX-License-Identifier: GPL-3.0-or-later
"""The start of a node, step by step in the order of starter.go:StartLivepeer."""

from __future__ import annotations

from . import aimodels, chain, datadir, devices, golog, profiles, terms, urls
from .containers import Containers
from .govalues import ParseError, atoi
from .lifecycle import Ended, Lifecycle
from .metrics import Metrics
from .node import GO_VERSION, Node, Role
from .remote_ai import RemoteWorkers
from .service import Service
from .settings import Settings

NO_SERVICE = (
    "No services enabled; must be at least one of -gateway, -transcoder, -aiWorker, -orchestrator, -redeemer, -reward or -initializeRound"
)


def start(settings: Settings, version: str, lifecycle: Lifecycle, pretended_role: Role | None) -> None:
    """Returns when the node ends; raises Ended where the real one logs and returns."""
    max_sessions = _max_sessions(settings)
    if settings.text("netint") and settings.text("nvidia"):
        golog.exit_one("both -netint and -nvidia arguments specified, this is not supported")
    if settings.on("aiWorker"):
        devices.remove_containers(_creator(settings))
    orchestrators = urls.orchestrators(settings.text("orchAddr"))
    chain.announce(settings)
    directory = datadir.locate(settings)
    datadir.create(directory)
    database = datadir.Database(directory)
    secret = datadir.read_from_file(settings.text("orchSecret")) if settings.text("orchSecret") else ""
    nodes = urls.nodes(settings.text("nodes")) if settings.text("nodes") else []
    if settings.on("transcoder"):
        devices.check_transcoder(settings)
    role = choose_role(settings)
    metrics = Metrics(settings.on("monitor"), _per_stream(settings), settings.on("metricsClientIP"))
    node = Node(
        role=pretended_role or role,
        settings=settings,
        version=version,
        directory=directory,
        secret=secret,
        lifecycle=lifecycle,
        metrics=metrics,
        max_sessions=max_sessions,
        auto_sessions=max_sessions == 0,
        profiles=[profiles.preset(name) for name in profiles.UNSET_DEFAULT],
        nodes=nodes,
        listed=orchestrators if role in (Role.GATEWAY, Role.REMOTE_SIGNER) else [],
    )
    if role is Role.ORCHESTRATOR and not settings.on("aiWorker"):
        node.ai_worker = RemoteWorkers(metrics)
    metrics.begin(node.node_id, node.role.label, version, GO_VERSION, max_sessions)
    _warn_about_kafka(settings)
    if node.off_chain:
        golog.info("***Livepeer is in off-chain mode***")
        database.check_or_store_chain(0)
    else:
        chain.connect(node, database)
    try:
        _check_models(node, role, directory)
        urls.check_object_store(settings.text("objectStore"), "object store")
        urls.check_object_store(settings.text("recordStore"), "recordings object store")
        urls.check_webhooks(settings)
        Service(node, role, orchestrators).run()
    finally:
        node.ai_worker.stop()


def choose_role(settings: Settings) -> Role:
    """First match wins; an off-chain signer and no role at all end with status 2."""
    if settings.on("remoteSigner") and settings.text("network") == "offchain":
        golog.exit_two("Remote signer mode requires on-chain network")
    for flag, role in (
        ("redeemer", Role.REDEEMER),
        ("remoteSigner", Role.REMOTE_SIGNER),
        ("orchestrator", Role.ORCHESTRATOR),
        ("transcoder", Role.TRANSCODER),
        ("aiWorker", Role.AI_WORKER),
    ):
        if settings.on(flag):
            return role
    if settings.on("broadcaster"):
        golog.warning("-broadcaster flag is deprecated and will be removed in a future release. Please use -gateway instead")
        return Role.GATEWAY
    if settings.on("gateway"):
        return Role.GATEWAY
    if settings.on("reward") or settings.on("initializeRound"):
        return Role.SERVICE_ONLY
    golog.exit_two(NO_SERVICE)
    return None


def _max_sessions(settings: Settings) -> int:
    text = settings.text("maxSessions")
    if text == "auto" and settings.on("orchestrator"):
        if settings.on("transcoder"):
            golog.exit_one("-maxSessions 'auto' cannot be used when both -orchestrator and -transcoder are specified")
        return 0
    try:
        number = atoi(text)
    except ParseError:
        number = 0
    if number <= 0:
        golog.exit_one("-maxSessions must be 'auto' or greater than zero")
    return number


def _per_stream(settings: Settings) -> bool:
    return settings.on("metricsPerStream") or settings.on("metricsClientIP")


def _warn_about_kafka(settings: Settings) -> None:
    """starter/kafka.go"""
    if settings.on("monitor") and not (settings.text("kafkaBootstrapServers") and settings.text("kafkaGatewayTopic")):
        golog.warning("not starting Kafka producer as producer config values aren't present")


def _check_models(node: Node, role: Role, directory: str) -> None:
    settings = node.settings
    models = aimodels.parse(settings.text("aiModels")) if settings.text("aiModels") else []
    if settings.on("aiWorker"):
        folder = devices.check_ai_worker(settings, directory, models)
        gpus = settings.text("nvidia").split(",") if settings.text("nvidia") else ["emulated-0"]
        node.ai_worker.containers = Containers(_creator(settings), folder, gpus)
    if settings.text("aiModels"):
        aimodels.check_pipelines(models)
        if settings.on("aiWorker"):
            _warm(node, models)
        terms.set_model_prices(node, models)
    elif role is Role.AI_WORKER:
        raise Ended(
            "The '-aiWorker' flag was set, but no model configuration was provided. "
            "Please specify the model configuration using the '-aiModels' flag."
        )


def _creator(settings: Settings) -> str:
    """Whose containers these are: two workers on a host with the same one remove each other's."""
    return settings.text("serviceAddr") or settings.text("ethAcctAddr")


def _warm(node: Node, models: list[dict[str, object]]) -> None:
    """Runners behind a URL are waited for, whatever `warm` says; a container is started for a warm model without one."""
    aimodels.check_warm_and_cold(models)
    for model in models:
        if node.settings.on("aiServerless"):
            continue
        node.ai_worker.add(model, node.lifecycle)
