# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts and keys: one account on two nodes, who calls reward, and keystores that go-livepeer could not use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from ansible_collections.livepeer.fleet.plugins.plugin_utils.accounts import checksummed
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Node, Role
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.settings import orchestrator_settings
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.survey import Rule, Survey, finding, some
from ansible_collections.livepeer.fleet.plugins.plugin_utils.secret_values import (
    KEYSTORE,
    SecretFault,
    Unread,
    account_of,
    check_keys,
    check_passwords,
    check_urls,
    read_values,
)

if TYPE_CHECKING:
    from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan import Plan
    from ansible_collections.livepeer.fleet.plugins.plugin_utils.render import NodePlan


def one_account_on_two_nodes(survey: Survey) -> Iterator[Finding]:
    """LPF401: nodes do not coordinate their transactions, and ticket secrets are of one process (eth/client.go, pm/recipient.go)."""
    for nodes in _by_account(survey).values():
        if len(nodes) < 2:
            continue
        first, *others = sorted(nodes, key=lambda node: (node.role is not Role.ORCHESTRATOR, node.host, node.name))
        grave = first.role is Role.ORCHESTRATOR
        said = str(getattr(first.settings, "eth_acct_addr", ""))
        account = checksummed(said.lower()) if said else f"of {getattr(first.settings, 'keystore_file', '')}"
        hint = (
            "a key of its own for each, and livepeer_orchestrator_eth_orch_addr with the registered account on those that are not it"
            if grave
            else "a key of its own for each, with a deposit and reserve of its own"
        )
        yield finding(
            "LPF401",
            first,
            f"the account {account} is used by {_named(first)} and {some([_named(other) for other in others])}, which do not"
            " coordinate their transactions",
            field="eth_acct_addr" if said else "keystore_file",
            got=account.removeprefix("of "),
            limit="an account of its own for each node",
            hint=hint,
            others=[other.host for other in others],
            level=Level.ERROR if grave else Level.WARNING,
        )


def reward_callers(survey: Survey) -> Iterator[Finding]:
    """LPF402: a second caller pays for transactions that fail, without any the stake earns nothing."""
    for account, nodes in _by_orchestrator(survey):
        callers = [node for node in nodes if orchestrator_settings(node).reward is True]
        if len(callers) > 1:
            yield _two_callers(account, callers)
        elif not callers and all(orchestrator_settings(node).reward is False for node in nodes):
            first = nodes[0]
            yield finding(
                "LPF402",
                first,
                f"nobody calls reward for the orchestrator {account}: its stake earns nothing in any round",
                field="reward",
                got="false on every node of it",
                limit="true on one of them",
                hint=f"{first.sources['reward'].variable}: true on one node, or another process outside of this fleet calls it",
                others=[node.host for node in nodes[1:]],
                level=Level.WARNING,
            )


def _two_callers(account: str, callers: Sequence[Node]) -> Finding:
    first, *others = callers
    return finding(
        "LPF402",
        others[0],
        f"{_named(first)} and {some([_named(other) for other in others])} both call reward for the orchestrator {account}",
        field="reward",
        got="true on each of them",
        limit="true on one of them",
        hint=f"{others[0].sources['reward'].variable}: false on all of them but one",
        others=[first.host, *(other.host for other in others[1:])],
    )


def _by_account(survey: Survey) -> dict[tuple[str, str], list[Node]]:
    """Nodes on a chain by network and account, or, where they do not say that, by the file of its key."""
    found: dict[tuple[str, str], list[Node]] = {}
    for node in survey.fleet.nodes:
        if node.onchain and node.knows("network", "eth_acct_addr"):
            account = str(getattr(node.settings, "eth_acct_addr", "")).lower() or str(getattr(node.settings, "keystore_file", ""))
            found.setdefault((node.network, account), []).append(node)
    return {key: nodes for key, nodes in found.items() if key[1]}


def _by_orchestrator(survey: Survey) -> list[tuple[str, list[Node]]]:
    """On-chain orchestrators of each network by the account that is registered; those whose account nobody knows are left out."""
    found: dict[tuple[str, str], list[Node]] = {}
    for node in survey.fleet.nodes:
        if node.role is not Role.ORCHESTRATOR or not node.onchain or not node.knows("network", "eth_acct_addr", "eth_orch_addr", "reward"):
            continue
        account = orchestrator_settings(node).eth_orch_addr or orchestrator_settings(node).eth_acct_addr
        if account:
            found.setdefault((node.network, account.lower()), []).append(node)
    return [(checksummed(account), nodes) for (_network, account), nodes in found.items()]


def _named(node: Node) -> str:
    return _in_words(node.role, node.host, node.name)


def _in_words(role: Role, host: str, name: str) -> str:
    return f"{role.value.replace('_', ' ')} {host}" + ("" if name == role.value else f"/{name}")


def unusable_secrets(plan: Plan, value_of: Callable[[str, str], object]) -> Iterator[Finding]:
    """LPF401, LPF403 and LPF404 of secrets that were opened (``livepeer_plan_secrets: full``).

    Args:
        plan: as made without them.
        value_of: value of a variable (its path) of an inventory host; ``Unread`` for one that cannot be read, of which a finding
            exists.
    """
    accounts: dict[tuple[str, str], list[tuple[str, NodePlan]]] = {}
    for name, host in sorted(plan.hosts.items()):
        for node in host.nodes:
            try:
                values = read_values(node.secrets, _of_host(name, value_of))
                check_keys(node.secrets, values, node.chain.account if node.chain else "")
                check_passwords(node.secrets, values)
                check_urls(node.secrets, values, [one for companion in node.companions for one in companion.urls])
            except SecretFault as fault:
                yield _unusable(name, node, fault)
            except Unread:
                continue
            else:
                if account := account_of(values):
                    accounts.setdefault((node.network, account), []).append((name, node))
    yield from (_one_key(account, nodes) for (_network, account), nodes in accounts.items() if _news(nodes))


def _unusable(host: str, node: NodePlan, fault: SecretFault) -> Finding:
    where = (host,), node.name, fault.variable
    return Finding(fault.code, Level.ERROR, fault.message, *where, fault.got, fault.limit, fault.hint)


def _news(nodes: Sequence[tuple[str, NodePlan]]) -> bool:
    """True for one key of several nodes, unless all of them say the account: then that was found without opening any."""
    return len(nodes) > 1 and not all(node.chain and node.chain.account for _host, node in nodes)


def _one_key(account: str, nodes: Sequence[tuple[str, NodePlan]]) -> Finding:
    """LPF401 of nodes that do not say their accounts."""
    (host, node), *others = sorted(nodes, key=lambda one: (one[1].role is not Role.ORCHESTRATOR, one[0], one[1].name))
    names = [_in_words(other.role, where, other.name) for where, other in others]
    return Finding(
        "LPF401",
        Level.ERROR if node.role is Role.ORCHESTRATOR else Level.WARNING,
        f"the key of {account} is given to {_in_words(node.role, host, node.name)} and {some(names)}, which do not coordinate their"
        " transactions",
        hosts=tuple(dict.fromkeys([host, *(where for where, _other in others)])),
        node=node.name,
        variable=node.secrets[KEYSTORE].variable,
        got=account,
        limit="an account of its own for each node",
        hint="a key of its own for each",
    )


def _of_host(name: str, value_of: Callable[[str, str], object]) -> Callable[[str, str], object]:
    return lambda variable, other: value_of(other or name, variable)


RULES = (
    Rule(
        "LPF401",
        "error for orchestrators, warning for gateways and signers",
        "One account is used by two nodes, whose transactions nobody coordinates.",
        "Give each node a key of its own; livepeer_orchestrator_eth_orch_addr names the registered account.",
        one_account_on_two_nodes,
    ),
    Rule(
        "LPF402",
        "error for two, warning for none",
        "Not exactly one node calls reward for an on-chain orchestrator.",
        "livepeer_orchestrator_reward: true on one node of each orchestrator, false on the others.",
        reward_callers,
    ),
)
