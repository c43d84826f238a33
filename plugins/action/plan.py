# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: the livepeer.fleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The action livepeer.fleet.plan: reads the inventory, plans, prints, refuses, hands over. The module of that name documents it."""

from __future__ import annotations

import locale
import os
import re
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.errors import AnsibleError, AnsibleValueOmittedError
from ansible.parsing.vault import EncryptedString, VaultHelper
from ansible.plugins.action import ActionBase
from ansible.template import Templar
from ansible.utils.color import ANSIBLE_COLOR
from ansible.utils.display import Display
from ansible_collections.livepeer.fleet.plugins.plugin_utils.checksums import sha256_of_file
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.control import Control, read_control
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.definitions import definitions
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.inventory import Inventory
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.names import is_read
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.paths import split_path, value_at
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.reading import (
    OMITTED,
    Omitted,
    Reader,
    ReadError,
    one_line,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.monitoring import write_monitoring
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan import PLAN_FILE, Plan, PlanError, make_plan, write_plan
from ansible_collections.livepeer.fleet.plugins.plugin_utils.report.files import JUNIT_FILE, PAGE_FILE, write_reports
from ansible_collections.livepeer.fleet.plugins.plugin_utils.report.table import Screen
from ansible_collections.livepeer.fleet.plugins.plugin_utils.report.terminal import report
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.keys import unusable_secrets
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.survey import some
from ansible_collections.livepeer.fleet.plugins.plugin_utils.secret_values import Unread

try:
    from ansible._internal._datatag._tags import Origin
except ImportError:  # another ansible-core: numbers lose their spelling, nothing else
    Origin = None

TEMPLATES = Path(__file__).parents[2] / "roles" / "node" / "templates"
SAMPLES = Path(__file__).parents[2] / "samples" / "prometheus"
FACT = "livepeer_fleet_plan"
DECISION = "livepeer_fleet_rollout"
"""What livepeer.fleet.rollout decides. A new plan empties it: a fact cache may keep the decision of another run."""
SECRETS = "livepeer_plan_secrets"
ARCHIVE = "livepeer_archive"
MACHINE = {"ansible_host": ("ansible_host", "ansible_ssh_host"), "ansible_port": ("ansible_port", "ansible_ssh_port")}
"""What the model knows of a connection, and the variables that may say it (the last one wins, as in the ssh connection plugin)."""

WITHOUT_TERMINAL = 120
"""Columns of a report that is read later, in a file or in a CI."""

_SCALAR = re.compile(r"[^\s,\]}#]+")

display = Display()


class ActionModule(ActionBase):
    """Plans the fleet on the controller."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The result that the module documents; fails where the plan is refused."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        self.validate_argument_spec(argument_spec={})
        task_vars = task_vars or {}
        known = self._of_this_run(task_vars)
        if known is not None:
            return result | {"changed": False, **known}
        try:
            view = FleetView(task_vars, self._loader)
            inventory = view.inventory()
        except HostsUnread as error:
            return result | failed(f"There is no plan. {error}. No host was contacted.")
        control = read_control(inventory)
        plan = make_plan(inventory, archive_checksum=_sha256, templates=TEMPLATES)
        if control.plan_secrets == "full":
            plan = plan.with_findings(unusable_secrets(plan, view.value))
        display.display(report(plan, screen()))
        try:
            fact = self._hand_over(plan, control)
        except PlanError as error:
            return result | failed(f"{error}. No host was contacted.")
        if plan.refused:
            return result | failed(f"The plan is refused: {_errors(fact['findings']['error'])}, printed above. No host was contacted.")
        return result | {"changed": False, **fact, "ansible_facts": {FACT: fact, DECISION: {}}}

    def _of_this_run(self, task_vars: Mapping[str, Any]) -> dict[str, Any] | None:
        """The plan that this run made already. A fact cache keeps facts for other runs, whose plan is not ours."""
        hostvars = task_vars["hostvars"]
        facts = hostvars.raw_get("localhost").get("ansible_facts", {}) if "localhost" in hostvars else {}
        fact = facts.get(FACT)
        return dict(fact) if isinstance(fact, Mapping) and fact.get("run") == constants.DEFAULT_LOCAL_TMP else None

    def _hand_over(self, plan: Plan, control: Control) -> dict[str, Any]:
        """Write the plan where the operator wants it and where this run works from, and say what the run needs."""
        kept = Path(control.plan_dir).expanduser().absolute()
        working = Path(constants.DEFAULT_LOCAL_TMP) / "livepeer-plan"
        write_plan(plan, kept)
        write_reports(plan, kept)
        write_monitoring(plan, kept, SAMPLES)
        write_plan(plan, working)
        display.display(f"Written to {kept}: {PLAN_FILE}, {PAGE_FILE} (the same for a browser), {JUNIT_FILE} (for a CI)")
        return {
            # Another run may write its own plan to the same place meanwhile: this one works from its copy.
            "plan_dir": str(working),
            "kept_in": str(kept),
            "run": constants.DEFAULT_LOCAL_TMP,
            "digest": plan.digest,
            "hosts": sorted(plan.hosts),
            "findings": {level.value: sum(finding.level is level for finding in plan.findings) for level in Level},
            "rollout": list(control.rollout),
            "restart_busy": list(control.restart_busy),
            "keep_releases": dict(control.keep_releases),
        }


def _absolute(archive: str) -> str:
    """The path of an archive so that it is the same file for every later step; relative to the current directory, as the plan's."""
    return archive if "://" in archive or not archive else str(Path(archive).expanduser().absolute())


@lru_cache(maxsize=64)
def _sha256(path: str) -> str:
    """sha256 of an archive on the controller, read once for all hosts."""
    return sha256_of_file(path)


def failed(message: str) -> dict[str, Any]:
    """A failure that Ansible shows as the one line it is; all the rest was printed."""
    return {"failed": True, "changed": False, "msg": message}


def _errors(count: int) -> str:
    return "1 error" if count == 1 else f"{count} errors"


def screen() -> Screen:
    """The operator's terminal; a pipe or a log file has no width of its own."""
    # A worker of Ansible has no standard output that could be asked.
    unicode = locale.getpreferredencoding(False).lower().replace("-", "") == "utf8"
    return Screen(width=shutil.get_terminal_size((_columns(), 24)).columns, colour=bool(ANSIBLE_COLOR), unicode=unicode)


def _columns() -> int:
    """Columns of the terminal that ansible-playbook, our parent, writes to; WITHOUT_TERMINAL for a pipe or a file."""
    output = f"/proc/{os.getppid()}/fd/1"
    try:
        if not stat.S_ISCHR(os.stat(output).st_mode):
            return WITHOUT_TERMINAL
        terminal = os.open(output, os.O_RDONLY | os.O_NOCTTY)
    except OSError:  # no such place on this system: Ansible looked at its start, for a width of 80 at least
        return max(int(display.columns) + 1, 80)
    try:
        return os.get_terminal_size(terminal).columns or WITHOUT_TERMINAL
    except OSError:
        return WITHOUT_TERMINAL
    finally:
        os.close(terminal)


class HostsUnread(AnsibleError):
    """Hosts whose variables Ansible cannot read. The text names them, with the reason."""


class FleetView:
    """The inventory as every host would see it, whatever ``--limit`` says and whatever a play adds for some."""

    def __init__(self, task_vars: Mapping[str, Any], loader: Any) -> None:
        self._task_vars = task_vars
        self._hostvars = task_vars["hostvars"]
        self._loader = loader

    def inventory(self) -> Inventory:
        """Every variable of ours, read; findings for those that are set where only some hosts see them."""
        groups = {str(name): tuple(str.__str__(host) for host in hosts) for name, hosts in self._task_vars["groups"].items()}
        raws = self._raws(groups["all"])
        read = {host: self._read(raw) for host, raw in raws.items()}
        findings = (*self._of_the_play(raws), *self._set_at_run_time(tuple(groups["all"])))
        return Inventory(groups, read, findings)

    def value(self, host: str, path: str) -> object:
        """The value of a secret; Unread where it cannot be read, of which the inventory has a finding."""
        raw = self._hostvars.raw_get(host)
        access = HostAccess(raw, self._hostvars, self._loader)
        name, keys = split_path(path)
        try:
            value = raw[name]
            for key in keys:
                value = value_at(access.resolve(value) if isinstance(value, str) else value, [key])
            return access.resolve(value)
        except (LookupError, ReadError, Omitted) as error:
            raise Unread from error

    def _raws(self, hosts: Iterable[str]) -> dict[str, Mapping[str, Any]]:
        """The variables of each host, as they are; HostsUnread for files that Ansible cannot read, encrypted ones for instance."""
        raws: dict[str, Mapping[str, Any]] = {}
        reasons: dict[str, list[str]] = {}
        for host in hosts:
            try:
                raws[host] = self._hostvars.raw_get(host)
            except AnsibleError as error:
                reasons.setdefault(one_line(str(error)).rstrip("."), []).append(host)
        if reasons:
            raise HostsUnread("; ".join(f"The variables of {some(names)} cannot be read: {why}" for why, names in reasons.items()))
        return raws

    def _read(self, raw: Mapping[str, Any]) -> dict[str, object]:
        """The variables of one host that the model knows."""
        access = HostAccess(raw, self._hostvars, self._loader)
        mode = Reader(access, "skip").plain(raw[SECRETS]) if SECRETS in raw else definitions()[SECRETS].default
        reader = Reader(access, str(mode))
        read = {str.__str__(name): reader.variable(definitions().get(name), value) for name, value in raw.items() if is_read(name)}
        for name, spellings in MACHINE.items():
            said = [spelling for spelling in spellings if raw.get(spelling) is not None]
            if said:
                read[name] = reader.plain(raw[said[-1]])
        if isinstance(read.get(ARCHIVE), str):
            read[ARCHIVE] = _absolute(str(read[ARCHIVE]))
        return {name: value for name, value in read.items() if value is not OMITTED}

    def _of_the_play(self, raws: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
        """Findings for variables that the task sees otherwise than the inventory has them."""
        raw = raws.get(self._task_vars["inventory_hostname"], {})
        for name in sorted(filter(is_read, self._task_vars)):
            if name not in raw or not same(raw[name], self._task_vars[name]):
                yield _misplaced(name, "a play, a role, a block or vars_files", ())

    def _set_at_run_time(self, hosts: tuple[str, ...]) -> Iterator[Finding]:
        """Findings for variables of set_fact, register, include_vars and fact caches, which some hosts have and some runs have not."""
        manager = getattr(self._hostvars, "_variable_manager", None)
        places = (getattr(manager, "_nonpersistent_fact_cache", {}), getattr(manager, "_vars_cache", {}))
        facts = getattr(manager, "_fact_cache", None)
        found: dict[str, list[str]] = {}
        for host in hosts:
            names = {name for place in places for name in place.get(host, {}) if is_read(name)}
            for name in names | (_cached_names(facts, host) if facts else set()):
                found.setdefault(name, []).append(host)
        for name in sorted(found):
            if name not in getattr(manager, "extra_vars", {}):
                yield _misplaced(name, "set_fact, register, include_vars or a fact cache", tuple(found[name]))


def _cached_names(facts: Any, host: str) -> set[str]:
    try:
        return {name for name in facts.get(host) if is_read(name)}
    except KeyError:
        return set()


def _misplaced(name: str, where: str, hosts: tuple[str, ...]) -> Finding:
    return Finding(
        "LPF504",
        Level.ERROR,
        f"{name} is set by {where}, where a plan of the whole fleet cannot see it",
        hosts=hosts,
        variable=name,
        got=where,
        limit="the inventory",
        hint="move it to the inventory (group_vars, host_vars), or give it with -e to all hosts",
    )


def same(left: object, right: object) -> bool:
    """True if two raw values are the same, without opening a vault."""
    if left is right:
        return True
    if isinstance(left, EncryptedString) or isinstance(right, EncryptedString):
        texts = [VaultHelper.get_ciphertext(value, with_tags=False) for value in (left, right)]
        return texts[0] is not None and texts[0] == texts[1]
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and left == right


class HostAccess:
    """The values of one host through Ansible's templating and vaults."""

    def __init__(self, raw: Mapping[str, Any], hostvars: Any, loader: Any) -> None:
        self._raw = raw
        self._hostvars = hostvars
        self._loader = loader

    @cached_property
    def _templar(self) -> Templar:
        return Templar(loader=self._loader, variables={**self._raw, "hostvars": self._hostvars})

    def encrypted(self, value: object) -> bool:
        """True for a value of a vault."""
        return isinstance(value, EncryptedString)

    def vaulted(self, value: object) -> bool:
        """True for a template that renders the value of a vault; one that cannot be rendered is told when it is read."""
        try:
            return VaultHelper.get_ciphertext(self._templar.template(value), with_tags=False) is not None
        except AnsibleError:
            return False

    def resolve(self, value: object) -> object:
        """Open a vault, render a template; ReadError with Ansible's own reason where that fails."""
        try:
            return self._templar.template(value)
        except AnsibleValueOmittedError as error:
            raise Omitted from error
        except AnsibleError as error:
            raise ReadError(error.message) from error

    def spelling(self, value: object) -> str:
        """A number as it stands in its file. Values of templates, vaults, -e and inventory plugins have none."""
        origin = Origin.get_tag(value) if Origin else None
        if not origin or not origin.path or not origin.line_num or not origin.col_num:
            return ""
        lines = _lines(origin.path)
        line = lines[origin.line_num - 1] if origin.line_num <= len(lines) else ""
        found = _SCALAR.match(line, origin.col_num - 1)
        return found[0] if found and found[0][0] in "+-.0123456789" else ""


@lru_cache(maxsize=1024)
def _lines(path: str) -> tuple[str, ...]:
    """Lines of a file of the inventory; none of one that is encrypted or gone."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ()
    return () if text.startswith("$ANSIBLE_VAULT") else tuple(text.split("\n"))
