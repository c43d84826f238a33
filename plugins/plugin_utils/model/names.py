# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of variables that nobody reads: each would be a setting that an operator believes in and that does nothing."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts import flags as facts
from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts import releases
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.collector import Collector
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.definitions import FLEET, definitions, foreign, later, of_role
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Role
from ansible_collections.livepeer.fleet.plugins.plugin_utils.nearest import nearest

CODE = "LPF503"
PREFIX = "livepeer_"
PARTS = (*(role.value for role in Role), FLEET)


def is_read(name: str) -> bool:
    """True for a name that the collection may read: ``livepeer_…``, but not the room left for others."""
    return name.startswith(PREFIX) and not name.startswith(foreign())


def check_names(names: Iterable[str], collector: Collector) -> None:
    """A finding (LPF503) for each name that is read by nobody: an error near a known name, else a warning."""
    for name in names:
        if not is_read(name) or name in definitions():
            continue
        better, hint = better_name(name)
        if name.startswith(later()) and not better:
            collector.warn(CODE, f"{name} does nothing in this release", name, got=name)
        elif better:
            collector.add(CODE, f"there is no variable {name}", name, got=name, limit=better, hint=hint)
        else:
            hint = f"remove it, or call it livepeer_user_{name.removeprefix(PREFIX)} if it is your own"
            collector.warn(CODE, f"there is no variable {name}", name, got=name, hint=hint)


def better_name(name: str) -> tuple[str, str]:
    """The variable that was meant, and what to write; both "" if no known name is near."""
    if name.startswith(later()):
        return "", ""
    for candidate in (_of_a_flag(name), _of_another_role(name), _near(name), _shortened(name)):
        if candidate:
            return candidate, candidate
    return _flag(name)


def _of_a_flag(name: str) -> str:
    """``livepeer_transcoder_orch_addr``: a flag by its own name, where the variable of this role is called otherwise."""
    for role in Role:
        wanted = name.removeprefix(f"{PREFIX}{role.value}_").replace("_", "").lower()
        for one in of_role(role.value).values() if name.startswith(f"{PREFIX}{role.value}_") else ():
            if one.flag and one.flag.lower() == wanted:
                return one.name
    return ""


def _shortened(name: str) -> str:
    """``livepeer_signer_http_addr`` or ``livepeer_aiworker_nvidia``: a role that is written in part, or without its underscore."""
    written = name.removeprefix(PREFIX)
    for role in Role:
        for beginning in dict.fromkeys((role.value.replace("_", ""), role.value.rpartition("_")[2])):
            rest = written.removeprefix(f"{beginning}_")
            if rest != written and rest in of_role(role.value):
                return of_role(role.value)[rest].name
    return ""


def _near(name: str) -> str:
    """A variable of the same beginning whose rest is spelled almost alike."""
    for part in PARTS:
        beginning = PREFIX if part == FLEET else f"{PREFIX}{part}_"
        if name.startswith(beginning):
            found = nearest(name.removeprefix(beginning), of_role(part))
            return beginning + found if found else ""
    return ""


def _of_another_role(name: str) -> str:
    """``livepeer_price_per_unit`` or ``livepeer_gateway_service_addr``: the right rest behind the wrong beginning, or none."""
    rest = name.removeprefix(PREFIX)
    for part in PARTS:
        rest = rest.removeprefix(f"{part}_")
    for part in ("orchestrator", "gateway", "remote_signer", "ai_worker", "transcoder", "redeemer", FLEET):
        if rest in of_role(part):
            return of_role(part)[rest].name
    return ""


def _flag(name: str) -> tuple[str, str]:
    """``livepeer_gateway_max_attempts``: a flag that has no variable of its own."""
    for role in Role:
        beginning = f"{PREFIX}{role.value}_"
        wanted = name.removeprefix(beginning).replace("_", "").lower()
        for flag in facts.flags(releases.newest()).values():
            if name.startswith(beginning) and flag.name.lower() == wanted:
                return f"{beginning}flags.{flag.name}", f"{beginning}flags: {{{flag.name}: ...}}"
    return "", ""
