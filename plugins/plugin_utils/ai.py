# SPDX-License-Identifier: GPL-3.0-or-later
"""The AI side of a node: the models that its process runs itself, where, and what their containers take of the machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ansible_collections.livepeer.fleet.plugins.plugin_utils.addresses import Exposure, Listener, exposure
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts import runners
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.flags import is_true
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.releases import newest, versions
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import AiWorkerSettings, Node, OrchestratorSettings
from ansible_collections.livepeer.fleet.plugins.plugin_utils.workloads import LIVE_PIPELINE

ALL = "all"
"""All GPUs of the machine; how many there are nobody knows before its host is looked at."""

RUNNER = "runner"
"""Purpose of the listeners of containers. Docker opens them, when a container runs: they are no node's own."""

Model = Mapping[str, object]
ORCHESTRATORS = "livepeer_orchestrator_ai_models"
"""Variable of the models of a worker that names none of its own."""

PRICES = ("gateway", "price_per_unit", "pixels_per_unit", "currency")
"""What a worker does not read: its orchestrator asks for the work."""

Key = tuple[str, str]
"""Pipeline and model."""


@dataclass(frozen=True)
class Worker:
    """A node that runs AI jobs itself.

    Attributes:
        node: the node.
        models: its models, each with its place in the list.
        variable: variable of the list.
        gpus: indexes of its GPUs; () for one that is emulated; None for all of the machine.
        per_gpu: containers on each of them.
        serverless: True if a service elsewhere does the work, and no container.
    """

    node: Node
    models: tuple[tuple[int, Model], ...]
    variable: str
    gpus: tuple[int, ...] | None
    per_gpu: int
    serverless: bool

    @property
    def version(self) -> str:
        """The known version whose facts hold for it."""
        return known_version(self.node)

    @property
    def managed(self) -> tuple[tuple[int, Model], ...]:
        """The models that it runs in containers of its own."""
        return () if self.serverless else tuple((place, model) for place, model in self.models if not model.get("url"))

    @property
    def elsewhere(self) -> tuple[tuple[int, Model], ...]:
        """The models behind a URL, which somebody else runs."""
        return () if self.serverless else tuple((place, model) for place, model in self.models if model.get("url"))

    @property
    def needs_docker(self) -> bool:
        """True unless it is serverless: without a Docker API it ends at once with status 0, also where each model has a URL."""
        return not self.serverless

    @property
    def slots(self) -> int | None:
        """Containers that it can run at a time; None where nobody knows how many GPUs there are."""
        return None if self.gpus is None else max(1, len(self.gpus)) * self.per_gpu

    def path(self, place: int, key: str = "") -> str:
        """A model in its variable, or a key of it."""
        return f"{self.variable}[{place}]" + (f".{key}" if key else "")


def known_version(node: Node) -> str:
    """The version whose facts hold for a node; the newest where its own is not known."""
    version = node.release.behaves_like
    return version if version in versions() else newest()


def worker(node: Node) -> Worker | None:
    """The AI side of a node; None if its process runs no AI jobs."""
    settings = node.settings
    if not isinstance(settings, OrchestratorSettings | AiWorkerSettings):
        return None
    if isinstance(settings, OrchestratorSettings) and not settings.ai_worker:
        return None
    return Worker(
        node=node,
        models=tuple((place, model) for place, model in enumerate(settings.ai_models) if named(model)),
        variable=ORCHESTRATORS if inherits(node) else node.sources["ai_models"].variable,
        gpus=_gpus(settings.nvidia),
        per_gpu=settings.containers_per_gpu or 1,
        serverless=is_true(settings.flags.get(runners.SERVERLESS_FLAG, "")),
    )


def inherits(node: Node) -> bool:
    """True if the models of a worker are its orchestrator's list."""
    return isinstance(node.settings, AiWorkerSettings) and node.sources["ai_models"].default


def named(model: Model) -> bool:
    """True if a model says what it is; if not, the parser has refused it."""
    return "pipeline" in model and "model_id" in model


def key_of(model: Model) -> Key:
    """Pipeline and model of an entry."""
    return str(model["pipeline"]), str(model["model_id"])


def containers(model: Model) -> int:
    """How many containers, or jobs, an entry is for."""
    return int(str(model.get("capacity") or 1))


def warm_up_seconds(node: Node) -> int:
    """How long a node may need before it listens at all: it starts its warm containers one after the other."""
    found = worker(node)
    warm = (model for _place, model in found.managed if model.get("warm") is True) if found else ()
    return sum(containers(model) * runners.start_seconds(flags=bool(model.get("optimization_flags"))) for model in warm)


def as_written(models: tuple[Model, ...]) -> tuple[Model, ...]:
    """The entries of aiModels.json: a managed batch model of capacity N stands there N times.

    With a capacity of N it would start N containers and admit one job (starter.go:StartLivepeer, core/ai.go:ReserveAICapability);
    entries add up. Live video counts its containers by itself, and what a URL leads to its jobs.
    """
    return tuple(one for model in models for one in _repeated(model))


def without_prices(models: tuple[Model, ...]) -> tuple[Model, ...]:
    """The entries of a worker: one for each model and URL, because one more for the price of a gateway would be one more container."""
    found: dict[tuple[Key, str], Model] = {}
    for model in models:
        bare = {name: value for name, value in model.items() if name not in PRICES}
        found.setdefault(((str(model.get("pipeline")), str(model.get("model_id"))), str(model.get("url", ""))), bare)
    return tuple(found.values())


def _repeated(model: Model) -> list[Model]:
    if model.get("url") or model.get("pipeline") == LIVE_PIPELINE:
        return [model]
    return [{key: value for key, value in model.items() if key != "capacity"}] * containers(model)


def _gpus(nvidia: str) -> tuple[int, ...] | None:
    if nvidia == ALL:
        return None
    return tuple(int(index) for index in nvidia.split(",") if index)


@dataclass(frozen=True)
class RunnerPorts:
    """Host ports that containers of one pipeline of one node can take. Docker listens on them, when a container runs.

    Attributes:
        machine: key of the machine.
        host, node: whose containers.
        pipeline: of the containers.
        address: what Docker publishes them on; "" is every address.
        exposure: who can reach them.
        gpus: indexes of the GPUs; all that can have ports where nobody knows how many there are.
        slots: containers on each GPU.
        ports: all of them, in order.
        variable: of the models.
    """

    machine: str
    host: str
    node: str
    pipeline: str
    address: str
    exposure: Exposure
    gpus: tuple[int, ...]
    slots: int
    ports: tuple[int, ...]
    variable: str

    def place(self, version: str, port: int) -> tuple[int, int]:
        """Slot and GPU of one of its ports."""
        places = ((slot, gpu) for slot in range(self.slots) for gpu in self.gpus)
        return next(place for place in places if runners.port(version, self.pipeline, *place) == port)

    @property
    def ranges(self) -> tuple[tuple[int, int], ...]:
        """The ports as first and last of each unbroken row."""
        found: list[tuple[int, int]] = []
        for port in self.ports:
            if found and found[-1][1] == port - 1:
                found[-1] = (found[-1][0], port)
            else:
                found.append((port, port))
        return tuple(found)

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """The ports as listeners of the plan."""
        return tuple(
            Listener(
                machine=self.machine,
                host=self.host,
                node=self.node,
                purpose=RUNNER,
                protocol="tcp",
                address=self.address,
                port=port,
                exposure=self.exposure,
                variable=self.variable,
                default=False,
            )
            for port in self.ports
        )


def runner_ports(node: Node) -> Iterator[RunnerPorts]:
    """The ports of a node's containers, pipeline by pipeline; those beyond the limits have none (LPF504)."""
    found = worker(node)
    if found is None or not node.knows("ai_models", "nvidia", "flags"):
        return
    known = range(runners.gpus())
    gpus = tuple(known) if found.gpus is None else tuple(sorted({gpu for gpu in found.gpus or (0,) if gpu in known}))
    slots = min(found.per_gpu, runners.slots(found.version))
    where = (node.machine, node.host, node.name)
    address = runners.host(found.version)
    for pipeline in dict.fromkeys(str(model["pipeline"]) for _place, model in found.managed):
        ports = sorted(runners.port(found.version, pipeline, slot, gpu) for slot in range(slots) for gpu in gpus)
        yield RunnerPorts(*where, pipeline, address, exposure(address), gpus, slots, tuple(ports), found.variable)
