# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that work for or with one other node, workers, orchestrators and redeemers: LPF104, 303, 304, 404, 504, 505."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.livepeer.fleet.plugins.plugin_utils.accounts import same
from ansible_collections.livepeer.fleet.plugins.plugin_utils.addresses import AddressError, orchestrator_url
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import (
    OFFCHAIN,
    WORKERS,
    Node,
    OrchestratorSettings,
    RedeemerSettings,
    Role,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.links import ORCH_SECRET
from ansible_collections.livepeer.fleet.plugins.plugin_utils.nearest import nearest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.peers import address_of, named, peer_of
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.survey import Rule, Survey, finding, setting, some
from ansible_collections.livepeer.fleet.plugins.plugin_utils.versions import older

UNSAID = "not set"
PLAIN = "http://"
CHAIN_ROLES = {
    Role.REMOTE_SIGNER: "a remote signer signs payments of a chain, and go-livepeer ends off-chain (exit status 2)",
    Role.REDEEMER: "a redeemer redeems tickets of a chain; off-chain its process idles and takes none",
}
"""Roles that do nothing off-chain (``startup_rules.json``: signer-offchain, redeemer-offchain)."""

FIELD = {Role.ORCHESTRATOR: "orchestrator", Role.REDEEMER: "redeemer"}
"""Setting that names a node of a role."""

OWN_WORK = {Role.TRANSCODER: "transcoder", Role.AI_WORKER: "ai_worker"}
"""Setting of an orchestrator that makes it do a worker's work itself."""


def _pairs(survey: Survey) -> Iterator[tuple[Node, Node]]:
    """Each worker with its orchestrator, as far as both are of the fleet."""
    for node in survey.fleet.nodes:
        if node.role in WORKERS and node.knows("orchestrator"):
            orchestrator = peer_of(survey.fleet, node)
            if orchestrator is not None:
                yield node, orchestrator


def not_there(survey: Survey) -> Iterator[Finding]:
    """LPF304: a worker names a host without an orchestrator, an orchestrator one without a redeemer."""
    for node in survey.fleet.nodes:
        peer, role = named(node)
        if not peer.name or not node.knows(FIELD[role]) or peer_of(survey.fleet, node):
            continue
        if peer.address:
            yield from _known_address(survey, node) if role is Role.ORCHESTRATOR else ()
            continue
        there = sorted(host.name for host in survey.fleet.hosts.values() if any(other.role is role for other in host.nodes))
        known = peer.host in survey.fleet.hosts
        message = f"{peer.host} has no {role.value}" if known else f"the fleet has no host {peer.host}"
        variable = node.sources[FIELD[role]].variable
        hint = (
            setting(variable, nearest(peer.host, there) or there[0])
            if there
            else f"a host of the group livepeer_{role.value}s, or host:port"
        )
        limit = some(there) if there else f"the fleet has no {role.value}"
        yield finding("LPF304", node, message, field=FIELD[role], got=peer.host, limit=limit, hint=hint)


def _known_address(survey: Survey, worker: Node) -> Iterator[Finding]:
    """A worker that names an orchestrator of the fleet by its address: neither its secret nor its version would be looked at."""
    peer, _role = named(worker)
    try:
        orchestrator = survey.directory.answering(orchestrator_url(peer.address), worker.machine)
    except AddressError:
        return
    if orchestrator is not None:
        yield finding(
            "LPF304",
            worker,
            f"at {peer.address} the orchestrator of {orchestrator.host} answers, which is of this fleet: name its host",
            field="orchestrator",
            got=peer.address,
            limit=orchestrator.host,
            hint=setting(worker.sources["orchestrator"].variable, orchestrator.host),
            others=[orchestrator.host],
        )


def out_of_reach(survey: Survey) -> Iterator[Finding]:
    """LPF104: a worker cannot dial its orchestrator, or an orchestrator its redeemer, where these listen."""
    for node in survey.fleet.nodes:
        other = peer_of(survey.fleet, node)
        if other is None:
            continue
        field = "service_addr" if other.role is Role.ORCHESTRATOR else "http_addr"
        source = other.sources[field]
        got = str(getattr(other.settings, field))
        if got and node.role in WORKERS and got.startswith(PLAIN):
            yield finding(
                "LPF104",
                other,
                f"the {node.role.value} of {node.host} dials its orchestrator with TLS alone, and {got} is plain HTTP",
                field=field,
                got=got,
                limit="https",
                hint=_with_tls(other),
                others=[node.host],
            )
            continue
        try:
            address_of(other, node.machine)
        except AddressError as error:
            if source.refused or not error.hint or any(fault.node is other and fault.field == field for fault in survey.faults):
                continue
            yield finding(
                "LPF104",
                other,
                f"the {node.role.value} of {node.host} cannot dial it: {error}",
                field=field,
                got=got,
                limit="an address that it reaches",
                hint=setting(source.variable, error.hint),
                others=[node.host],
            )


def _with_tls(orchestrator: Node) -> str:
    """What to write so that an orchestrator speaks TLS: both addresses say whether it does."""
    fields = [(name, str(getattr(orchestrator.settings, name))) for name in ("service_addr", "http_addr")]
    plain = [(name, text) for name, text in fields if text.startswith(PLAIN)]
    return " and ".join(setting(orchestrator.sources[name].variable, text.removeprefix(PLAIN)) for name, text in plain)


def off_chain(survey: Survey) -> Iterator[Finding]:
    """LPF303: a signer or a redeemer off-chain, and a redeemer of another network than its orchestrator's."""
    for node in survey.fleet.nodes:
        if not node.knows("network"):
            continue
        if node.role in CHAIN_ROLES and not node.onchain:
            variable = f"livepeer_{node.role.value}_network"
            hint = setting(variable, "arbitrum-one-mainnet")
            yield finding("LPF303", node, CHAIN_ROLES[node.role], field="network", got=OFFCHAIN, limit="a network of a chain", hint=hint)
        elif node.role is Role.ORCHESTRATOR:
            yield from _redeemed(survey, node)


def _redeemed(survey: Survey, orchestrator: Node) -> Iterator[Finding]:
    """An orchestrator and its redeemer, which refuses the tickets of another network or recipient (``server/redeemer.go:QueueTicket``)."""
    redeemer = peer_of(survey.fleet, orchestrator)
    if redeemer is None or not redeemer.knows("network"):
        return
    if not orchestrator.onchain or (redeemer.onchain and redeemer.network != orchestrator.network):
        yield finding(
            "LPF303",
            orchestrator,
            f"the redeemer of {redeemer.host} redeems on another network than the one that the orchestrator is paid on",
            field="network",
            got=orchestrator.network,
            limit=f"{redeemer.sources['network'].variable}: {redeemer.network}",
            hint=setting(f"livepeer_{orchestrator.role.value}_network", redeemer.network),
            others=[redeemer.host],
        )
        return
    mine, its = _recipient(orchestrator), _recipient(redeemer)
    if mine and its and not same(mine, its):
        served = [one.host for one in _redeemed_by(survey, redeemer) if same(_recipient(one), its)]
        instead = f"a redeemer of its own for the orchestrator of {orchestrator.host}: this one is for {some(served)}"
        yield finding(
            "LPF304",
            redeemer,
            f"the redeemer takes tickets of {its} alone, and those of the orchestrator of {orchestrator.host} are paid to {mine}",
            field="eth_orch_addr",
            got=its,
            limit=mine,
            hint=instead if served else setting(redeemer.sources["eth_orch_addr"].variable, mine),
            others=[orchestrator.host],
        )


def _redeemed_by(survey: Survey, redeemer: Node) -> Iterator[Node]:
    """The orchestrators that name a redeemer."""
    return (node for node in survey.fleet.nodes if node.role is Role.ORCHESTRATOR and peer_of(survey.fleet, node) == redeemer)


def _recipient(node: Node) -> str:
    """The account whose tickets a node takes; "" where nobody said it."""
    settings = node.settings
    if not isinstance(settings, OrchestratorSettings | RedeemerSettings) or not node.knows("eth_orch_addr", "eth_acct_addr"):
        return ""
    return settings.eth_orch_addr or settings.eth_acct_addr


def no_secret(survey: Survey) -> Iterator[Finding]:
    """LPF404: a worker and its orchestrator that share no secret that somebody said, or that are said two."""
    without: dict[tuple[str, str], list[Node]] = {}
    for worker, orchestrator in _pairs(survey):
        own = worker.secrets.get(ORCH_SECRET)
        if not orchestrator.secrets[ORCH_SECRET].variable:
            if orchestrator.knows(ORCH_SECRET):
                without.setdefault((orchestrator.host, orchestrator.name), []).append(worker)
        elif own and not own.host:
            yield finding(
                "LPF404",
                worker,
                "the secret of a worker is that of its orchestrator, and here it is said a second time",
                variable=own.variable,
                got=own.variable,
                limit=f"{orchestrator.secrets[ORCH_SECRET].variable} of {orchestrator.host}",
                hint=f"remove {own.variable}",
                others=[orchestrator.host],
            )
    for key, workers in without.items():
        yield _not_said(survey.by_name[key], workers)
    for node in survey.fleet.nodes:
        if node.role in WORKERS and named(node)[0].address and ORCH_SECRET not in node.secrets and node.knows(ORCH_SECRET, "orchestrator"):
            variable = f"livepeer_{node.role.value}_{ORCH_SECRET}"
            message = f"the secret of the orchestrator at {named(node)[0].address} is not said, and without it nobody registers there"
            hint = f"{variable}: the secret that the orchestrator was started with"
            yield finding("LPF404", node, message, variable=variable, got=UNSAID, hint=hint)


def _not_said(orchestrator: Node, workers: list[Node]) -> Finding:
    variable = f"livepeer_{Role.ORCHESTRATOR.value}_{ORCH_SECRET}"
    names = [f"the {worker.role.value} of {worker.host}" for worker in workers]
    return finding(
        "LPF404",
        orchestrator,
        f"{some(names)} cannot know the secret that the host makes for itself where nobody says one",
        variable=variable,
        got=UNSAID,
        hint=f"{variable}: a random text of 8 characters or more, from a vault",
        others=[worker.host for worker in workers],
    )


def own_work(survey: Survey) -> Iterator[Finding]:
    """LPF504: an orchestrator that does a kind of work itself takes no workers for it (``starter.go``: no manager is made)."""
    told: set[tuple[str, str, str]] = set()
    for worker, orchestrator in _pairs(survey):
        field = OWN_WORK[worker.role]
        if getattr(orchestrator.settings, field) and (orchestrator.host, orchestrator.name, field) not in told:
            told.add((orchestrator.host, orchestrator.name, field))
            source = orchestrator.sources[field]
            yield finding(
                "LPF504",
                orchestrator,
                f"an orchestrator that does this work itself takes no {worker.role.value}, and that of {worker.host} names it",
                field=field,
                got="true",
                limit="false",
                hint=f"{source.variable}: false, or a second orchestrator for the workers",
                others=[worker.host],
            )


def older_worker(survey: Survey) -> Iterator[Finding]:
    """LPF505: an AI worker below its orchestrator's version is refused for ever (``core/ai_orchestrator.go:ServeAIWorker``)."""
    for worker, orchestrator in _pairs(survey):
        known = worker.knows("release") and orchestrator.knows("release")
        if worker.role is Role.AI_WORKER and known and older(worker.release.version, orchestrator.release.version):
            yield finding(
                "LPF505",
                worker,
                f"its orchestrator of {orchestrator.host} refuses an AI worker of a lower version than its own, which then tries for ever",
                field="release",
                got=worker.release.version,
                limit=f"{orchestrator.release.version}, that of {orchestrator.host}",
                hint=setting(worker.sources["release"].variable, orchestrator.release.version),
                others=[orchestrator.host],
            )


RULES = (
    Rule(
        "LPF104",
        "error",
        "A worker that cannot dial its orchestrator, or an orchestrator its redeemer, where it listens.",
        "Give it an address that the other machine reaches; workers dial with TLS alone.",
        out_of_reach,
    ),
    Rule(
        "LPF303",
        "error",
        "A remote signer or a redeemer off-chain, or a redeemer of another network than its orchestrator's.",
        "Give it the network of the chain.",
        off_chain,
    ),
    Rule(
        "LPF304",
        "error",
        "A worker whose orchestrator, or an orchestrator whose redeemer is not there, or serves another account.",
        "Name an inventory host that has it; one outside of the fleet by its address.",
        not_there,
    ),
    Rule(
        "LPF404",
        "error",
        "A worker and its orchestrator that share no secret that somebody said.",
        "Say `livepeer_orchestrator_orch_secret` on the orchestrator's host; its workers take it from there.",
        no_secret,
    ),
    Rule(
        "LPF504",
        "error",
        "An orchestrator that does the work of its remote workers itself.",
        "Let it do none, or give the workers an orchestrator of their own.",
        own_work,
    ),
    Rule(
        "LPF505",
        "error",
        "An AI worker of a lower version than its orchestrator's.",
        "Upgrade the workers first, and roll them back last.",
        older_worker,
    ),
)
