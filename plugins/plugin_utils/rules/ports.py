# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports and addresses: LPF101 to LPF106."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set

from ansible_collections.livepeer.fleet.plugins.plugin_utils.addresses import (
    ABOVE_CLI,
    FOREIGN,
    Conflict,
    Exposure,
    Fault,
    Listener,
    conflicts,
    defaults,
    describe,
    home_port,
    is_loopback,
    join_host_port,
    reached_at,
    without_user,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.edges import workloads
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.definitions import definitions
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Node, Role
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.settings import orchestrator_settings
from ansible_collections.livepeer.fleet.plugins.plugin_utils.routes import ROUTED
from ansible_collections.livepeer.fleet.plugins.plugin_utils.routing import service_endpoint
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.survey import Rule, Survey, finding, setting, some

RUNNER_PORTS = range(8000, 9000)
"""Ports that AI runners of a machine can take (ports.json:ai_runner_ports); no port of there is proposed."""

_FIRST_FREE = 1024


def taken_port(survey: Survey) -> Iterator[Finding]:
    """LPF101: two listeners of one machine want the same port on overlapping addresses."""
    taken: dict[str, set[int]] = {}
    found = conflicts(survey.listeners)
    if not found:
        return
    clis = {_pair(conflict): conflict.listener.port for conflict in found if conflict.listener.purpose == "cli"}
    found = tuple(conflict for conflict in found if not _follows(conflict, clis))
    for listener in survey.listeners:
        taken.setdefault(listener.machine, set()).add(listener.port)
    for conflict in found:
        port = _free_port(conflict.listener, taken[conflict.listener.machine])
        taken[conflict.listener.machine].add(port)
        yield _taken_port(survey, conflict, port)


def _pair(conflict: Conflict) -> frozenset[tuple[str, str]]:
    """The nodes that want one port."""
    return frozenset((one.host, one.node) for one in (conflict.listener, *conflict.others))


def _follows(conflict: Conflict, clis: Mapping[frozenset[tuple[str, str]], int]) -> bool:
    """Whether the port follows from the CLI port that the same nodes want: where these are apart, so is it."""
    above = ABOVE_CLI.get(conflict.listener.purpose)
    return above is not None and clis.get(_pair(conflict)) == conflict.listener.port - above


def _taken_port(survey: Survey, conflict: Conflict, port: int) -> Finding:
    mine, others = conflict.listener, conflict.others[:3]
    if mine.purpose == FOREIGN:
        return _two_services(survey, conflict)
    node = survey.by_name[mine.host, mine.node]
    more = len(conflict.others) - len(others)
    return finding(
        "LPF101",
        node,
        f"{describe(mine)} wants the port of {' and '.join(_owner(mine, other) for other in others)}"
        + (f", and {more} more" if more else ""),
        variable=mine.variable,
        got=written(survey, mine),
        limit="; ".join(f"{other.variable}: {written(survey, other)}" for other in others),
        hint=setting(mine.variable, moved(node, mine, port)),
        others=[other.host for other in others],
    )


def _two_services(survey: Survey, conflict: Conflict) -> Finding:
    """Two services that are none of ours; what is written of one of them is wrong."""
    mine, other = conflict.listener, conflict.others[0]
    return Finding(
        "LPF101",
        Level.ERROR,
        f"{describe(mine)} is said to have the port of {_owner(mine, other)}",
        tuple(dict.fromkeys((mine.host, other.host))),
        "",
        mine.variable,
        written(survey, mine),
        f"{other.variable}: {written(survey, other)}",
        "say each service's port once, as it listens",
    )


def _owner(mine: Listener, other: Listener) -> str:
    text = describe(other) + (", which is its default" if other.default else "")
    return text if other.host == mine.host else f"{text}, on {other.host}"


def written(survey: Survey, listener: Listener) -> str:
    """The setting behind a listener as somebody wrote it."""
    if listener.default:
        return f"{join_host_port(listener.address, listener.port)} (default)"
    if listener.purpose == FOREIGN:
        return next(one.addr for one in survey.fleet.hosts[listener.host].services if one.variable == listener.variable)
    node = survey.by_name[listener.host, listener.node]
    field = next(name for name, source in node.sources.items() if source.variable == listener.variable)
    return without_user(str(getattr(node.settings, field)))


def _usual_port(listener: Listener) -> int | None:
    """The collection's own port for the purpose, else go-livepeer's: signers and redeemers have that of an orchestrator there."""
    usual = _usual(listener.variable)
    return int(usual.rpartition(":")[2]) if usual else home_port(listener)


def _usual(variable: str) -> str:
    """Default of a variable, "" for none."""
    one = definitions().get(variable)
    return str(one.default) if one and one.default else ""


def _free_port(listener: Listener, taken: set[int]) -> int:
    """The usual port for the purpose if nothing of the machine has it, else the next free one."""
    home = _usual_port(listener)
    if home is not None and home not in taken:
        return home
    above = range(max(listener.port + 1, _FIRST_FREE), 65536)
    below = range(_FIRST_FREE, listener.port)
    return next(port for ports in (above, below) for port in ports if port not in taken and port not in RUNNER_PORTS)


def moved(node: Node, listener: Listener, port: int) -> str:
    """The setting behind a listener with another port."""
    if node.role is Role.ORCHESTRATOR and listener.purpose == "rpc":
        endpoint = service_endpoint(node)
        if listener.variable == node.sources["service_addr"].variable and endpoint is not None:
            return join_host_port(endpoint.host, port)
        scheme, found, _address = orchestrator_settings(node).http_addr.partition("://")
        return (f"{scheme}://" if found else "") + join_host_port(listener.address, port)
    return join_host_port(listener.address, port)


def open_cli(survey: Survey) -> Iterator[Finding]:
    """LPF102: whoever reaches a CLI port has the wallet, pprof and every setting, without a password."""
    for listener in survey.listeners:
        if listener.purpose == "cli" and listener.exposure is not Exposure.LOOPBACK:
            yield finding(
                "LPF102",
                survey.by_name[listener.host, listener.node],
                f"the CLI port {listener.port} is reachable from outside the host, and who reaches it has the wallet",
                variable=listener.variable,
                got=written(survey, listener),
                limit="a loopback address",
                hint=setting(listener.variable, _on_loopback(listener)),
            )


def _on_loopback(listener: Listener) -> str:
    """The same port where only the host itself reaches it; one that only root can open is none for a node."""
    return f"127.0.0.1:{listener.port}" if listener.port >= _FIRST_FREE else _usual(listener.variable)


def bad_address(survey: Survey) -> Iterator[Finding]:
    """LPF104: an address that go-livepeer cannot use."""
    for host, service, error in survey.service_faults:
        hint = setting(service.variable, error.hint) if error.hint else ""
        where = (host.name,), "", service.variable
        yield Finding("LPF104", Level.ERROR, f"{service.name}: {error}", *where, without_user(service.addr), "", hint)
    for fault in survey.faults:
        if not fault.got:
            continue  # a required address that is missing is a finding of the parser
        variable = fault.node.sources[fault.field].variable
        hint = setting(variable, _example(fault, variable)) if fault.hint else ""
        yield finding("LPF104", fault.node, fault.message, field=fault.field, got=fault.got, hint=hint)


def _example(fault: Fault, variable: str) -> str:
    """What to write in the place of an address: go-livepeer's own default is no proposal where the collection has a safer one."""
    own = {join_host_port(fact.host, fact.port) for fact in defaults(fault.node)}
    return (_usual(variable) if fault.hint in own else "") or fault.hint


def scheme_mismatch(survey: Survey) -> Iterator[Finding]:
    """LPF104: the orchestrator serves HTTP and advertises HTTPS, or the reverse; it stops after 5 s with status 0."""
    for node in survey.fleet.nodes:
        endpoint = service_endpoint(node) if node.role is Role.ORCHESTRATOR else None
        if endpoint is None or not node.knows("http_addr"):
            continue
        settings = orchestrator_settings(node)
        plain = settings.http_addr.startswith("http://")
        if plain != (endpoint.scheme == "http"):
            yield finding(
                "LPF104",
                node,
                f"the service address is {endpoint.scheme}, what is served there is {'http' if plain else 'https'}",
                field="service_addr",
                got=settings.service_addr,
                limit=settings.http_addr or f"0.0.0.0:{endpoint.port} (default)",
                hint=setting(node.sources["service_addr"].variable, ("http://" if plain else "") + endpoint.address),
            )


def loopback_service(survey: Survey) -> Iterator[Finding]:
    """LPF104: a loopback service address of which gateways of other machines are told."""
    users: dict[tuple[str, str], list[str]] = {}
    for found in survey.routes:
        for alike in found.asked if found.gateway.knows(*ROUTED) else ():
            for one in alike.candidates if not alike.reachable and workloads(found, alike) else ():
                if one.node is not None:
                    users.setdefault((one.node.host, one.node.name), []).extend(gateway.host for gateway in found.gateways)
    for key, gateways in users.items():
        node = survey.by_name[key]
        endpoint = service_endpoint(node)
        if endpoint is None or not is_loopback(endpoint.host):
            continue
        yield finding(
            "LPF104",
            node,
            f'the service address "{endpoint.address}" is loopback, and gateways of other hosts use this orchestrator: {some(gateways)}',
            field="service_addr",
            got=endpoint.address,
            limit="an address that the gateways can route to",
            hint=setting(node.sources["service_addr"].variable, f"{reached_at(node)}:{endpoint.port}"),
            others=gateways,
        )


def same_service(survey: Survey) -> Iterator[Finding]:
    """LPF105: jobs for one orchestrator reach another."""
    advertised: dict[str, list[Node]] = {}
    for node in survey.fleet.nodes:
        endpoint = service_endpoint(node) if node.role is Role.ORCHESTRATOR else None
        if endpoint is not None and not is_loopback(endpoint.host):
            advertised.setdefault(endpoint.address, []).append(node)
    for address, nodes in advertised.items():
        first, *rest = nodes
        # On one machine it is the port that two of them cannot have (LPF101).
        elsewhere = [node for node in rest if node.machine != first.machine]
        if elsewhere:
            yield finding(
                "LPF105",
                first,
                f"{len(elsewhere) + 1} machines advertise {address}: {some([node.host for node in (first, *elsewhere)])}",
                field="service_addr",
                got=address,
                hint="an address of its own for each orchestrator",
                others=[node.host for node in elsewhere],
            )


def _free_name(name: str, number: int, taken: Set[str]) -> str:
    """The name with the first number, from the given one on, that nobody has."""
    while f"{name}{number}" in taken:
        number += 1
    return f"{name}{number}"


def same_name(survey: Survey) -> Iterator[Finding]:
    """LPF106: two nodes of a machine share a name, and with it unit, user and data directory; or one has the name of a proxy."""
    named: dict[tuple[str, str], list[Node]] = {}
    for node in survey.fleet.nodes:
        if node.knows("name"):
            named.setdefault((node.machine, node.name), []).append(node)
    for (machine, name), nodes in named.items():
        for place, node in enumerate(nodes[1:], 2):
            free = _free_name(name, place, {taken for where, taken in named if where == machine})
            variable = node.sources["name"].variable
            yield finding(
                "LPF106",
                node,
                f'two nodes of machine {machine} are called "{name}", and would share unit, user and data directory',
                field="name",
                got=name,
                limit=f"{nodes[0].role.value} of {nodes[0].host}",
                hint=f"{variable}: {free}",
                others=[nodes[0].host],
            )
    yield from _named_as_a_proxy(named)


def _named_as_a_proxy(named: Mapping[tuple[str, str], list[Node]]) -> Iterator[Finding]:
    """LPF106: a node whose unit is called as the one of the proxy in front of another."""
    proxies = {(machine, nodes[0].proxy_unit): nodes[0] for (machine, _name), nodes in named.items()}
    for (machine, name), nodes in named.items():
        other = proxies.get((machine, nodes[0].unit))
        if other is not None:
            node = nodes[0]
            yield finding(
                "LPF106",
                node,
                f'the unit of "{name}" would be that of the proxy in front of "{other.name}" on the same machine',
                field="name",
                got=name,
                limit=f"{other.proxy_unit}, of the {other.role.value} of {other.host}",
                hint=f"{node.sources['name'].variable}: {node.role.value}, or another name without -proxy at its end",
                others=[other.host],
            )


RULES = (
    Rule(
        "LPF101",
        "error",
        "Two listeners of one machine want the same port on overlapping addresses.",
        "Move the one that the finding names to the port that it proposes. 0.0.0.0 and [::] take the port on every address.",
        taken_port,
    ),
    Rule(
        "LPF102",
        "error",
        "A CLI port is reachable from outside the host.",
        "Bind it to loopback and reach it through SSH: it has no password, and it moves money.",
        open_cli,
    ),
    Rule(
        "LPF104",
        "error",
        "An address without a port, or a service address that gateways cannot route to.",
        "Write host:port, IPv6 in brackets; as service address what gateways of other machines can dial.",
        bad_address,
    ),
    Rule(
        "LPF104",
        "error",
        "Only one of service address and HTTP address starts with http://.",
        "Write the same scheme on both.",
        scheme_mismatch,
    ),
    Rule(
        "LPF104",
        "error",
        "A loopback service address of an orchestrator that gateways of other machines use.",
        "Write an address that those gateways can route to.",
        loopback_service,
    ),
    Rule(
        "LPF105",
        "error",
        "Two machines advertise the same service address.",
        "Give each orchestrator an address of its own.",
        same_service,
    ),
    Rule(
        "LPF106",
        "error",
        "Two nodes of a machine share a name, a user or a data directory.",
        "Give each inventory host of the machine a node name of its own.",
        same_name,
    ),
)
