# SPDX-License-Identifier: GPL-3.0-or-later
"""aiModels: lists with which a node does not start, or does something else than was meant (LPF504)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import urlsplit

from ansible_collections.livepeer.fleet.plugins.plugin_utils.ai import (
    ORCHESTRATORS,
    Key,
    Model,
    Worker,
    containers,
    inherits,
    key_of,
    named,
    worker,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.equipment import images
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts import runners
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.pipelines import since
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.releases import order, versions
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Node, Role
from ansible_collections.livepeer.fleet.plugins.plugin_utils.nearest import nearest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.peers import named as named_peer
from ansible_collections.livepeer.fleet.plugins.plugin_utils.peers import peer_of
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.survey import Rule, Survey, finding, setting, some
from ansible_collections.livepeer.fleet.plugins.plugin_utils.workloads import LIVE_PIPELINE

SOCKET_SCHEMES = ("ws", "wss")
DEFAULT = "default"


def unusable(survey: Survey) -> Iterator[Finding]:
    """LPF504: what stops a node that runs AI jobs, or makes it do something else than was meant."""
    for node in survey.fleet.nodes:
        if node.knows("flags") and "ai_models" in node.sources and node.knows("ai_models"):
            found = worker(node)
            if not inherits(node):
                yield from _too_new(node)
                yield from _twice(node)
            if found is None:
                yield from _not_read(survey, node)
                continue
            if _of_nobody(survey, found):
                continue
            yield from _unlisted(survey, found)
            for rule in WORKER_RULES:
                yield from (where_it_stands(survey, node, one) for one in rule(found))


def where_it_stands(survey: Survey, node: Node, one: Finding) -> Finding:
    """A finding about a list that a worker has from its orchestrator is one of that host's variable."""
    orchestrator = peer_of(survey.fleet, node) if inherits(node) else None
    if orchestrator is None:
        return one
    if not one.variable.startswith(ORCHESTRATORS):
        return replace(one, hint=f"{one.hint} on {orchestrator.host}") if one.hint.startswith(ORCHESTRATORS) else one
    message = f"{one.message} (for the AI worker of {node.host}, which has this list)"
    return replace(one, message=message, hosts=(orchestrator.host, node.host), node=orchestrator.name)


def _of_nobody(survey: Survey, found: Worker) -> bool:
    """True for a worker that has the models of an orchestrator which is not there: that is a finding of its own."""
    peer, _role = named_peer(found.node)
    return found.node.role is Role.AI_WORKER and not found.models and not peer.address and peer_of(survey.fleet, found.node) is None


def _models(node: Node) -> Iterator[tuple[int, Model]]:
    models = getattr(node.settings, "ai_models", ())
    return ((place, model) for place, model in enumerate(models) if named(model))


def _path(node: Node, place: int, key: str = "") -> str:
    return f"{node.sources['ai_models'].variable}[{place}]" + (f".{key}" if key else "")


def _name(model: Model) -> str:
    return " ".join(key_of(model))


def _too_new(node: Node) -> Iterator[Finding]:
    """A pipeline that a later version has: the node ends with status 2."""
    version = node.release.behaves_like
    for place, model in _models(node) if version in versions() else ():
        pipeline = str(model["pipeline"])
        if order(since(pipeline)) > order(version):
            yield finding(
                "LPF504",
                node,
                f"go-livepeer {version} cannot serve {pipeline}",
                variable=_path(node, place, "pipeline"),
                got=pipeline,
                limit=f"{since(pipeline)} or later",
                hint=f"livepeer_version: {since(pipeline)} or later, or without this model",
            )


def _twice(node: Node) -> Iterator[Finding]:
    """One model in two entries for the same gateway: its capacity adds up, of its prices the last one counts."""
    seen: dict[tuple[Key, str], tuple[int, Model]] = {}
    for place, model in _models(node):
        first, earlier = seen.setdefault((key_of(model), _gateway(model)), (place, model))
        if first == place:
            continue
        urls = [str(one.get("url", "")).rstrip("/") for one in (earlier, model)]
        balanced = all(urls) and urls[0] != urls[1]
        yield finding(
            "LPF504",
            node,
            f"{_name(model)} stands in two entries, {_why(urls)}",
            variable=_path(node, place),
            got=urls[1] or "a container of its own",
            limit=f"{_path(node, first)}: {urls[0] or 'a container of its own'}",
            hint=f"one URL that balances over both, with capacity: {containers(earlier) + containers(model)}"
            if balanced
            else f"one entry, with capacity: {containers(earlier) + containers(model)}"
            if urls[0] == urls[1]
            else "one of the two",
            level=Level.WARNING if balanced else Level.ERROR,
        )


def _why(urls: list[str]) -> str:
    if all(urls) and urls[0] != urls[1]:
        return "and go-livepeer chooses between their URLs by chance, without looking which one is busy"
    if urls[0] == urls[1]:
        return "of which the price of the last one counts, while their capacities add up"
    return "and the one with a URL gets all its jobs: the container would never get any"


def _gateway(model: Model) -> str:
    return str(model.get("gateway") or DEFAULT).lower()


def _not_read(survey: Survey, node: Node) -> Iterator[Finding]:
    """Models of an orchestrator that runs no AI jobs itself, and has no worker of the fleet that would."""
    if node.role is not Role.ORCHESTRATOR or (node.host, Role.AI_WORKER) in survey.helped:
        return
    unserved = dict.fromkeys(_name(model) for _place, model in _models(node))
    urls = [(place, str(model["url"])) for place, model in _models(node) if model.get("url")]
    if not unserved:
        return
    what = "a URL in the list is not read" if urls else f"nobody in the fleet runs {some(list(unserved))}"
    yield finding(
        "LPF504",
        node,
        f"{what}: this orchestrator runs no AI jobs itself, and advertises models once a worker brings them",
        variable=_path(node, urls[0][0], "url") if urls else node.sources["ai_models"].variable,
        got=urls[0][1] if urls else some(list(unserved)),
        limit=f"{node.sources['ai_worker'].variable}: false",
        hint=f"{node.sources['ai_worker'].variable}: true, or an AI worker (group livepeer_ai_workers) that names it",
        level=Level.WARNING if urls else Level.INFO,
    )


def _unlisted(survey: Survey, found: Worker) -> Iterator[Finding]:
    """Models of a worker that its orchestrator has no price for: nothing in the plan is held against them."""
    orchestrator = peer_of(survey.fleet, found.node) if found.node.role is Role.AI_WORKER else None
    if orchestrator is None or not orchestrator.knows("ai_models"):
        return
    listed = {key_of(model) for _place, model in _models(orchestrator)}
    for place, model in found.models:
        if key_of(model) not in listed:
            yield finding(
                "LPF504",
                found.node,
                f"its orchestrator {orchestrator.host} does not list {_name(model)}:"
                " it has no price of its own, and no cap is held against it",
                variable=found.path(place),
                got=_name(model),
                limit=f"{orchestrator.sources['ai_models'].variable} on {orchestrator.host}",
                hint=f"add {{pipeline: {key_of(model)[0]}, model_id: {key_of(model)[1]}}} there",
                others=[orchestrator.host],
                level=Level.WARNING,
            )


def _nothing(found: Worker) -> Iterator[Finding]:
    if not found.models:
        yield finding(
            "LPF504",
            found.node,
            "it has no models, without which a worker ends (status 0)"
            if found.node.role is Role.AI_WORKER
            else "it runs AI jobs and has no models: nothing is served, and nobody is told",
            field="ai_models",
            got="(none)",
            hint=f"{found.variable}: [{{pipeline: text-to-image, model_id: the model}}]",
            level=Level.ERROR if found.node.role is Role.AI_WORKER else Level.WARNING,
        )


def _warm_and_cold(found: Worker) -> Iterator[Finding]:
    """A panic, exit status 2; entries for single gateways count as well."""
    seen: dict[Key, tuple[int, bool]] = {}
    for place, model in found.models:
        warm = model.get("warm") is True
        first, earlier = seen.setdefault(key_of(model), (place, warm))
        if warm != earlier:
            yield finding(
                "LPF504",
                found.node,
                f"{_name(model)} is warm in one entry and cold in another, with which go-livepeer stops (status 2)",
                variable=found.path(place, "warm"),
                got=str(warm).lower(),
                limit=f"{found.path(first, 'warm')}: {str(earlier).lower()}",
                hint=setting(found.path(place, "warm"), str(earlier).lower()).replace('"', ""),
            )


def _too_warm(found: Worker) -> Iterator[Finding]:
    """More warm containers than slots: "insufficient capacity" ends the start with status 0."""
    warm = [(place, model) for place, model in found.managed if model.get("warm") is True]
    wanted = sum(containers(model) for _place, model in warm)
    if found.slots is None or wanted <= found.slots:
        return
    cards = len(found.gpus or ()) or 1
    yield finding(
        "LPF504",
        found.node,
        f"{wanted} warm containers do not fit on {cards} {'GPUs' if cards > 1 else 'GPU'} with {found.per_gpu} each:"
        " go-livepeer ends while it warms them",
        variable=found.path(warm[-1][0], "warm"),
        got=" + ".join(f"{containers(model)} {_name(model)}" for _place, model in warm),
        limit=f"{found.slots} (GPUs times containers on each)",
        hint=f"{found.path(warm[-1][0], 'warm')}: false, less capacity, or more GPUs in {found.node.sources['nvidia'].variable}",
    )


def _too_many_at_a_time(found: Worker) -> Iterator[Finding]:
    """Jobs that are taken and then fail for want of a container ("insufficient capacity").

    Warm models have a finding of their own, and live video offers no more than the containers that there are.
    """
    for place, model in found.managed:
        cold = model.get("warm") is not True and model["pipeline"] != LIVE_PIPELINE
        if cold and found.slots is not None and containers(model) > found.slots:
            yield finding(
                "LPF504",
                found.node,
                f"{containers(model)} jobs at a time are offered for {_name(model)}, and there is room for {found.slots}: the others fail",
                variable=found.path(place, "capacity"),
                got=str(containers(model)),
                limit=f"{found.slots} (GPUs times containers on each)",
                hint=f"{found.path(place, 'capacity')}: {found.slots}",
                level=Level.WARNING,
            )


def _counted_again(found: Worker) -> Iterator[Finding]:
    """An entry for one gateway is one more container, or as many more jobs, in a process that runs them itself."""
    if found.node.role is Role.AI_WORKER:
        return  # its file has one entry for each model
    plain = {key_of(model) for _place, model in found.models if _gateway(model) == DEFAULT}
    for place, model in found.models:
        if _gateway(model) != DEFAULT and key_of(model) in plain:
            what = f"{containers(model)} more jobs than there are" if model.get("url") else f"{containers(model)} more containers"
            yield finding(
                "LPF504",
                found.node,
                f"the price of {_name(model)} for one gateway counts as {what}, because this process runs the jobs itself",
                variable=found.path(place, "gateway"),
                got=str(model["gateway"]),
                hint="prices for single gateways on an orchestrator with remote workers, or half the capacity in each of the two entries",
                level=Level.WARNING,
            )


def _flags_of_cold(found: Worker) -> Iterator[Finding]:
    for place, model in found.models:
        if model.get("optimization_flags") and (model.get("url") or model.get("warm") is not True):
            yield finding(
                "LPF504",
                found.node,
                f"the optimization flags of {_name(model)} have no effect: they reach warm containers only",
                variable=found.path(place, "optimization_flags"),
                got=", ".join(map(str, model["optimization_flags"])) if isinstance(model["optimization_flags"], dict) else "",
                hint="nothing, where a url leads to the runner" if model.get("url") else f"{found.path(place, 'warm')}: true",
                level=Level.WARNING,
            )


def _schemes(found: Worker) -> Iterator[Finding]:
    for place, model in found.models:
        url = str(model.get("url", ""))
        if url and (urlsplit(url).scheme in SOCKET_SCHEMES) is not found.serverless:
            wanted = "wss://" if found.serverless else "http://"
            yield finding(
                "LPF504",
                found.node,
                f"a {'serverless' if found.serverless else 'runner of its own'} {_name(model)} is reached over {wanted.rstrip(':/')}",
                variable=found.path(place, "url"),
                got=url,
                limit=f"{wanted}host:port",
                hint=setting(found.path(place, "url"), wanted + url.partition("://")[2]),
            )


def _no_image(found: Worker) -> Iterator[Finding]:
    """A live model without an image: its pull fails in the log only, and its container never starts."""
    try:
        own = images(found.node)
    except ValueError as error:
        path = f"{found.node.sources['flags'].variable}.{runners.OVERRIDES_FLAG}"
        got = found.node.settings.flags[runners.OVERRIDES_FLAG]
        message = f"the images cannot be read, with which go-livepeer ends (status 0): {error}"
        yield finding("LPF504", found.node, message, variable=path, got=got, limit='{"default": "…", "batch": {…}, "live": {…}}')
        return
    for place, model in found.managed:
        if not runners.image(*key_of(model), own):
            known = sorted({*runners.live_models(), *own.live})
            best = nearest(str(model["model_id"]), known)
            yield finding(
                "LPF504",
                found.node,
                f"there is no image for the live model {model['model_id']}, so that its container never starts",
                variable=found.path(place, "model_id"),
                got=str(model["model_id"]),
                limit=", ".join(known),
                hint=f"{best}, or an image in {runners.OVERRIDES_FLAG}" if best else f"an image in {runners.OVERRIDES_FLAG}",
            )


def _serverless(found: Worker) -> Iterator[Finding]:
    """What ends a serverless worker with status 0 at its start."""
    if not found.serverless:
        return
    known = runners.serverless()
    entry = f"{{pipeline: {known['pipeline']}, model_id: {known['model_id']}, url: wss://…, capacity: 1}}"
    fits = len(found.models) == 1 and key_of(found.models[0][1]) == (known["pipeline"], known["model_id"])
    if not fits or not found.models[0][1].get("url") or not found.models[0][1].get("capacity"):
        yield finding(
            "LPF504",
            found.node,
            "a serverless worker serves exactly one model, with a URL and a capacity",
            variable=found.variable,
            got=", ".join(_name(model) for _place, model in found.models) or "(none)",
            limit=entry,
            hint=f"{found.variable}: [{entry}]",
        )
    if known["credential"] not in found.node.settings.environment:
        variable = f"{found.node.sources['environment'].variable}.{known['credential']}"
        message = f"without {known['credential']} it advertises {known['model_id']} and can serve nobody"
        yield finding("LPF504", found.node, message, variable=variable, got="(not set)", level=Level.WARNING)


WORKER_RULES: tuple[Callable[[Worker], Iterator[Finding]], ...] = (
    _nothing,
    _warm_and_cold,
    _too_warm,
    _too_many_at_a_time,
    _counted_again,
    _flags_of_cold,
    _schemes,
    _no_image,
    _serverless,
)
"""Rules about nodes that run AI jobs themselves."""

RULES = (
    Rule(
        "LPF504",
        "error; warning where it starts and something has no effect, info where the fleet has no worker for a model",
        "A list of AI models with which a node does not start or does something else: twice the same, warm and cold, more warm containers"
        " than slots, no image, a URL of the wrong scheme, a pipeline of a later version.",
        "Write what the finding proposes. `capacity` is the number of jobs; the collection writes what go-livepeer needs for it.",
        unusable,
    ),
)
