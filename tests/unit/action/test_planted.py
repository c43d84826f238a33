# SPDX-License-Identifier: GPL-3.0-or-later
"""Every secret variable of every role is planted at once: neither the screen nor a file of the plan knows one of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import yaml
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.definitions import definitions

from .conftest import ROOT, Run

SAMPLE = "workers.yml"


def test_no_secret_variable_of_any_role_is_in_a_plan(run: Callable[..., Run], tmp_path: Path) -> None:
    secrets = {name: f"planted-{name}-4711" for name, one in definitions().items() if one.secret}
    assert len(secrets) > 15
    inventory = yaml.safe_load((ROOT / "samples" / SAMPLE).read_text(encoding="utf-8"))
    inventory.setdefault("all", {}).setdefault("vars", {}).update(secrets)
    done = run(inventory, "-vvv")
    assert done.plan["hosts"], done.output
    written = [path.read_text(encoding="utf-8") for path in (tmp_path / "livepeer-plan").rglob("*") if path.is_file()]
    said = "\n".join([done.output, json.dumps(done.plan), *written])
    assert not [name for name, value in secrets.items() if value in said]
    assert not [name for name in secrets if f"planted-{name}" in said]
