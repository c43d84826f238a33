# SPDX-License-Identifier: GPL-3.0-or-later
"""What AI runners and GPUs take of a machine: LPF103, LPF109, and GPUs that no port can be made for (LPF504)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations

from ansible_collections.livepeer.fleet.plugins.plugin_utils.addresses import (
    FOREIGN,
    Listener,
    describe,
    hosts_overlap,
    join_host_port,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.ai import ALL, RunnerPorts, Worker, known_version, worker
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts import runners
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.flags import is_true
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Node
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.ports import moved
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.survey import Rule, Survey, finding, setting, some

_FIRST, _LAST = 8000, 8999


def runner_ports(survey: Survey) -> Iterator[Finding]:
    """LPF103: where a listener or another node's container stands in the way, a container does not start, or takes its place first."""
    by_machine: dict[str, list[RunnerPorts]] = {}
    for ports in survey.runners:
        by_machine.setdefault(ports.machine, []).append(ports)
    for listener in survey.listeners:
        for ports in by_machine.get(listener.machine, ()):
            if listener.protocol == "tcp" and listener.port in ports.ports and hosts_overlap(listener.address, ports.address):
                yield _in_the_way(survey, listener, ports)
    for several in by_machine.values():
        yield from _of_two_nodes(survey, several)


def _in_the_way(survey: Survey, listener: Listener, ports: RunnerPorts) -> Finding:
    owner = survey.by_name[ports.host, ports.node]
    slot, gpu = ports.place(known_version(owner), listener.port)
    node = survey.by_name.get((listener.host, listener.node), owner)
    port = _outside(survey, listener)
    instead = f"move {listener.node} to {port}" if listener.purpose == FOREIGN else setting(listener.variable, moved(node, listener, port))
    return finding(
        "LPF103",
        node,
        f"{describe(listener)} lies on a port that a {ports.pipeline} runner of {_who(ports, node)} can take: {_place(slot, gpu, ports)}",
        variable=listener.variable,
        got=f"{join_host_port(listener.address, listener.port)}{' (default)' if listener.default else ''}",
        limit=f"any port but {_ranges(ports)}",
        hint=f"{instead}, or {_fewer(owner, slot, gpu)}",
        others=[ports.host],
    )


def _fewer(owner: Node, slot: int, gpu: int) -> str:
    """What else frees a port."""
    found = worker(owner)
    if slot and found is not None:
        return f"at most {slot} containers on a GPU ({owner.sources['containers_per_gpu'].variable})"
    return f"{owner.sources['nvidia'].variable} without GPU {gpu}"


def _outside(survey: Survey, listener: Listener) -> int:
    """A port near by that nothing of the machine listens on, and no runner can take."""
    taken = {one.port for one in survey.listeners if one.machine == listener.machine}
    return next(port for port in range(_LAST + 1, _LAST + 1000) if port not in taken)


def _place(slot: int, gpu: int, ports: RunnerPorts) -> str:
    return f"slot {slot} on GPU {gpu}" if ports.slots > 1 else f"on GPU {gpu}"


def _who(ports: RunnerPorts, node: Node) -> str:
    return ports.node if ports.host == node.host else f"{ports.node} on {ports.host}"


def _ranges(ports: RunnerPorts) -> str:
    return ", ".join(str(first) if first == last else f"{first} to {last}" for first, last in ports.ranges)


def _of_two_nodes(survey: Survey, several: Iterable[RunnerPorts]) -> Iterator[Finding]:
    """Containers of two nodes of one machine that want the same port: Docker starts the first alone."""
    for one, other in combinations(several, 2):
        shared = sorted(set(one.ports) & set(other.ports))
        if not shared or (one.host, one.node) == (other.host, other.node):
            continue
        node = survey.by_name[other.host, other.node]
        yield finding(
            "LPF103",
            node,
            f"its {other.pipeline} runners can take the ports of those of {_who(one, node)}: {some([str(port) for port in shared])}",
            field="nvidia",
            got=_written(node),
            limit=f"{survey.by_name[one.host, one.node].sources['nvidia'].variable} on {one.host}: "
            f"{_written(survey.by_name[one.host, one.node])}",
            hint="GPUs of its own for each of the two, or the pipeline on one of them only",
            others=[one.host],
        )


def _written(node: Node) -> str:
    return str(getattr(node.settings, "nvidia", "")) or "(none: one that is emulated as GPU 0)"


def shared_gpu(survey: Survey) -> Iterator[Finding]:
    """LPF109: two processes on one GPU share its memory and its encoders, and neither knows of the other."""
    claims: dict[str, list[tuple[Node, str]]] = {}
    for node in survey.fleet.nodes:
        gpus = str(getattr(node.settings, "nvidia", ""))
        if gpus and node.knows("nvidia"):
            claims.setdefault(node.machine, []).append((node, gpus))
    for claimed in claims.values():
        for (one, mine), (other, theirs) in combinations(claimed, 2):
            shared = _shared(mine, theirs)
            if shared:
                yield finding(
                    "LPF109",
                    other,
                    f"{one.name} and {other.name} claim {shared} of one machine",
                    field="nvidia",
                    got=theirs,
                    limit=f"{one.sources['nvidia'].variable} on {one.host}: {mine}",
                    hint="GPUs of its own for each node; video and AI on the same ones in one process",
                    others=[one.host],
                    level=Level.WARNING,
                )


def _shared(mine: str, theirs: str) -> str:
    """The GPUs that two settings have in common, for people; "" for none."""
    if ALL in (mine, theirs):
        named = mine if theirs == ALL else theirs
        return "all GPUs" if named == ALL else f"GPU {named}"
    common = sorted(set(mine.split(",")) & set(theirs.split(",")), key=int)
    return f"GPU {', '.join(common)}" if common else ""


def no_port(survey: Survey) -> Iterator[Finding]:
    """LPF504: GPUs whose port would be none; more than ten slots the parser refuses."""
    for node in survey.fleet.nodes:
        found = worker(node)
        if found is None or not found.managed or not node.knows("nvidia", "ai_models"):
            continue
        yield from _gpu_too_high(found)


def _gpu_too_high(found: Worker) -> Iterator[Finding]:
    node = found.node
    beyond = [gpu for gpu in found.gpus or () if gpu >= runners.gpus()]
    if beyond:
        within = ",".join(str(gpu) for gpu in found.gpus or () if gpu not in beyond)
        example = f"{runners.port(found.version, str(found.managed[0][1]['pipeline']), 0, 0)}"
        yield finding(
            "LPF504",
            node,
            f"no AI runner can run on GPU {beyond[0]}: its port would be {example[:-1]}{beyond[0]},"
            " because the index of the GPU is put behind it as text",
            field="nvidia",
            got=_written(node),
            limit=f"GPUs 0 to {runners.gpus() - 1} for models that it runs in containers of its own",
            hint=setting(node.sources["nvidia"].variable, within) if within else "a runner elsewhere, by url",
        )


def registries(survey: Survey) -> Iterator[Finding]:
    """LPF305: whoever looks for orchestrators in one registry of the chain does not see those of the other."""
    for found in survey.routes:
        gateway = found.gateway
        if not gateway.onchain or not gateway.knows("network", "flags"):
            continue
        mine = _registry(gateway)
        for node in (one.node for alike in found.asked for one in alike.candidates if one.node):
            if node.onchain and node.network == gateway.network and node.knows("flags") and _registry(node) != mine:
                yield from (_other_registry(survey, one, node) for one in found.gateways)


def _registry(node: Node) -> bool:
    return is_true(node.settings.flags.get("aiServiceRegistry", ""))


def _other_registry(survey: Survey, gateway: Node, node: Node) -> Finding:
    discovers = str(getattr(gateway.settings, "discovery", "")) == "onchain"
    lost = "and so never finds it" if discovers else "so that its view of the network's models lacks it; jobs go there by its own list"
    names = {True: "the AI service registry", False: "the service registry of the controller"}
    return finding(
        "LPF305",
        gateway,
        f"{gateway.name} looks into {names[_registry(gateway)]}, {node.host} is registered in {names[_registry(node)]}, {lost}",
        variable=f"{gateway.sources['flags'].variable}.aiServiceRegistry",
        got=_flag(gateway),
        limit=f"{node.sources['flags'].variable}.aiServiceRegistry on {node.host}: {_flag(node)}",
        hint="the same on both",
        others=[node.host],
        level=Level.ERROR if discovers else Level.WARNING,
    )


def _flag(node: Node) -> str:
    return str(_registry(node)).lower()


RULES = (
    Rule(
        "LPF103",
        "error",
        "A listener, or a container of another node, lies on a port that an AI runner of the machine can take (8000 to 8999).",
        "Move the listener out of 8000 to 8999, or keep the runners off that GPU or slot.",
        runner_ports,
    ),
    Rule(
        "LPF109",
        "warning",
        "Two nodes of one machine claim one GPU.",
        "Name GPUs of its own for each node; one process may do video and AI on the same ones.",
        shared_gpu,
    ),
    Rule(
        "LPF305",
        "error; warning without on-chain discovery",
        "AI service registries differ between a gateway and an orchestrator of the same chain (`aiServiceRegistry`).",
        "Set the flag on both or on none; the orchestrator has to be registered in that registry.",
        registries,
    ),
    Rule(
        "LPF504",
        "error",
        "A GPU of index 10 or above for AI models that run in containers: there is no port for them.",
        "Use GPUs 0 to 9 for AI.",
        no_port,
    ),
)
