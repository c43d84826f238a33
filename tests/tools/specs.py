# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what follows from ``variables.yml`` (the roles' argument specs, docs/variables.md), from the rules (docs/findings.md),
and from the arithmetic of prices (docs/pricing.md).

With --check it only compares.

The argument specs are looser than the model on purpose. ansible-core holds variables against them at role entry, host by host, and
prints a value that fails: whatever is or holds a secret is ``raw`` there, which cannot fail. Nothing is ``required`` either: the plan
names everything that is missing, on all hosts at once.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / ".cache" / "collections"))

import defects  # noqa: E402
import findings  # noqa: E402
import pricing  # noqa: E402
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.definitions import (  # noqa: E402
    COMBINED,
    FLEET,
    Definition,
    EntryPoint,
    definitions,
    entry_points,
    of_role,
)

NOTE = "Written by `make specs` from plugins/plugin_utils/model/variables.yml; do not edit."
NEEDED = {"always": "Has to be set.", "onchain": "Has to be set on-chain."}
KINDS = {
    "capability_caps": "list of dict, or text",
    "gas": "number or text, or list of two",
    "orch_addr": "list of text or dict",
    "remote_signer": "text or dict",
}
"""Types of formats that the type of a variable does not tell."""

MACROS = re.compile(r"\b([COVI])\(([^()]*)\)")


class Dumper(yaml.SafeDumper):
    """YAML as yamllint wants it: lists indented below their key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Never without indentation."""
        super().increase_indent(flow, False)


def option(one: Definition, combined: bool) -> dict[str, Any]:
    """An option of an argument spec."""
    texts = list(one.description)
    if one.required:
        texts.append(NEEDED[one.required])
    spec: dict[str, Any] = {"type": "raw" if one.holds_secrets else one.type}
    if one.elements and not one.holds_secrets:
        spec["elements"] = one.elements
    if one.choices:
        spec["choices"] = list(one.choices)
    default = one.default_on(combined)
    if default is not None:
        spec["default"] = default
    for other, value in (one.default_for or {}).items():
        texts.append(f"On hosts that are {other} the default is V({value}).")
    if one.options and not one.holds_secrets and "raw" not in (one.type, one.elements):
        spec["options"] = {key: option(nested, combined) for key, nested in one.options.items()}
    elif one.options:
        texts += [f"Key C({key}). {nested.description[0]}" for key, nested in one.options.items()]
    return {"description": texts, **spec}


def variables(parts: Iterable[str]) -> dict[str, Definition]:
    """The variables of these roles, in the order of the file."""
    return {one.name: one for part in parts for one in of_role(part).values()}


def entry(role: str, point: EntryPoint) -> dict[str, Any]:
    """An entry point of an argument spec."""
    options = variables(point.parts) | dict(point.options)
    return {
        "short_description": point.short_description,
        "description": list(point.description),
        "author": ["livepeer.fleet contributors"],
        "options": {name: option(one, role == COMBINED) for name, one in options.items()},
    }


def spec(role: str) -> str:
    """Content of a role's argument_specs.yml."""
    document = {"argument_specs": {name: entry(role, point) for name, point in entry_points()[role].items()}}
    text = yaml.dump(document, Dumper=Dumper, sort_keys=False, width=130, allow_unicode=True)
    return f"# SPDX-License-Identifier: GPL-3.0-or-later\n# {NOTE}\n---\n{text}"


def markdown(texts: Iterable[str]) -> str:
    """Descriptions with Ansible's markup as Markdown, fit for a cell of a table."""
    return MACROS.sub(r"`\2`", " ".join(texts)).replace("|", "\\|")


def cell(value: object) -> str:
    """A default as YAML writes it."""
    if value is None:
        return ""
    return f"`{yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix('...' + chr(10)).strip()}`"


def kind(one: Definition) -> str:
    """What a value has to be, for people."""
    if one.secret:
        return "secret"
    if one.format in KINDS:
        return KINDS[one.format]
    if one.type == "list":
        return f"list of {one.elements.replace('raw', 'number or text')}"
    return one.type.replace("raw", "number, text or dict" if one.options else "number or text")


def row(one: Definition) -> str:
    """One line of the table."""
    texts = [*one.description, *([NEEDED[one.required]] if one.required else [])]
    if one.choices:
        texts.append("One of " + ", ".join(f"`{choice}`" for choice in one.choices) + ".")
    texts += [f"On `{other}` hosts the default is `{value}`." for other, value in (one.default_for or {}).items()]
    texts += [f"Key `{key}`: {nested.description[0]}" for key, nested in (one.options or {}).items()]
    flag = f"`-{one.flag}`" if one.flag else f"`{one.environment}` (environment)" if one.environment else ""
    return f"| `{one.name}` | {kind(one)} | {cell(one.default)} | {flag} | {markdown(texts)} |"


def tables() -> str:
    """Content of docs/variables.md."""
    titles = {
        FLEET: "Hosts and runs",
        "gateway": "Gateways",
        "orchestrator": "Orchestrators",
        "remote_signer": "Remote signers",
        "transcoder": "Transcoders",
        "ai_worker": "AI workers",
        "redeemer": "Redeemers",
    }
    lines = [
        "<!-- SPDX-License-Identifier: GPL-3.0-or-later -->",
        f"<!-- {NOTE} -->",
        "",
        "# Variables",
        "",
        "All of them belong in the inventory. Amounts are whole numbers or quoted text. A variable that sets a flag of go-livepeer has",
        "the flag's name behind its role.",
    ]
    for part, title in titles.items():
        rows = [row(one) for one in of_role(part).values()]
        lines += ["", f"## {title}", "", "| variable | type | default | flag | meaning |", "|---|---|---|---|---|", *rows]
    return "\n".join(lines) + "\n"


def outputs() -> dict[Path, str]:
    """Every generated file and what it should hold."""
    files = {ROOT / "roles" / role / "meta" / "argument_specs.yml": spec(role) for role in entry_points()}
    return files | {
        ROOT / "docs" / "variables.md": tables(),
        ROOT / "docs" / "findings.md": findings.page(),
        ROOT / "docs" / "defects.md": defects.page(),
        ROOT / "docs" / "pricing.md": pricing.page(),
    }


def main(arguments: list[str]) -> int:
    """Write the files; with --check name those that differ and return 1."""
    stale = [path for path, text in outputs().items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    if "--check" in arguments:
        for path in stale:
            print(f"{path.relative_to(ROOT)} differs from what it is made from: run `make specs`", file=sys.stderr)
        return 1 if stale else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(outputs()[path], encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
    print(f"{len(definitions())} variables, {len(outputs())} files, {len(stale)} changed")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
