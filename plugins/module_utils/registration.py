# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a worker is registered at its orchestrator, as its own host can tell.

No answer of a worker says so: with a wrong secret it stays up, green and idle. Seen on 0.9.1, for transcoders and AI workers alike:
one that is registered keeps one connection to its orchestrator, one that is refused has its connection closed at once
(server/ot_rpc.go:runTranscoder, server/ai_worker.go:runAIWorker), and its log says why and whether it tries again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ansible_collections.livepeer.fleet.plugins.module_utils.host import Host
from ansible_collections.livepeer.fleet.plugins.module_utils.plan_part import Node
from ansible_collections.livepeer.fleet.plugins.module_utils.systemd import UnitState

BACK_OFF_SECONDS = 90.0
"""The longest pause of a worker between two tries: a minute, and half as much by chance (server/ot_rpc.go:RunTranscoder)."""

_TRIED = re.compile(
    r"\b(?P<what>Registering|Unregistering|Terminating) (?:transcoder|AI worker|AI Worker)"
    r"(?: to .*| because of (?P<fatal>.*)|: (?P<why>.*))"
)
_MEANS = (
    (
        "invalid secret",
        "it refused the secret of this worker, which does not try again: the secrets of both have to be the same, and the worker has to "
        "be started anew after its orchestrator",
    ),
    ("unknown service", "it takes no workers of this kind: an orchestrator that does the work itself registers nobody"),
    ("EOF", "it ends the connection again and again, as it does with an AI worker that is older than itself"),
    ("Unavailable", "it does not answer"),
)


@dataclass(frozen=True)
class Registration:
    """What a look at a worker says.

    Attributes:
        ends: its own ends of the connections that it keeps to its orchestrator, ``10.0.0.7:56970``; empty if it is not registered.
        problem: why it is not registered, for people; "" if it is.
        hopeless: True if it does not try again.
    """

    ends: tuple[str, ...]
    problem: str = ""
    hopeless: bool = False


def look(host: Host, node: Node, state: UnitState) -> Registration:
    """Look at a running worker once."""
    port = int(node.joins.rpartition(":")[2])
    ends = host.connections(state.main_pid, port)
    if ends:
        return Registration(ends)
    what, why = _last_try(host.systemd.said(node.unit, state.invocation, node.log_namespace))
    text = f"LPF607: it is not registered at its orchestrator {node.joins}{f', {_meaning(why)}' if why else ''}"
    return Registration((), text, hopeless=what == "Terminating")


def _last_try(log: str) -> tuple[str, str]:
    """What a worker said last of its registration, and the reason that it gave."""
    found = list(_TRIED.finditer(log))
    return (found[-1]["what"], (found[-1]["fatal"] or found[-1]["why"] or "").strip()) if found else ("", "")


def _meaning(why: str) -> str:
    return next((f"{means} ({why})" for sign, means in _MEANS if sign in why), why)
