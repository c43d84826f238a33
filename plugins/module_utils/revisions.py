# SPDX-License-Identifier: GPL-3.0-or-later
"""The revisions of a node on its host, and the marks that say which one is which.

Below ``/etc/livepeer/<node>/``, readable by root only:

- ``revisions/<digest12>.<n>/``: the rendered files with their secrets filled in, ``secrets/NAME``, and ``revision.json``, the node
  as it was planned
- ``current``: symbolic link to the revision that the unit reads when it starts
- ``active``: names the revision that was proved last; written last of all
- ``pending``: there while a switch is under way; what it finds of it, the next run repairs
- ``generated/NAME``: secrets that this host made for itself and keeps

Where the host can, everything that holds a secret is encrypted with its key, and is called ``NAME.cred`` then; the unit takes it with
``LoadCredentialEncrypted=``. A file that no unit takes as a credential stays as it is.
"""

from __future__ import annotations

import hmac
import json
import os
import re
import secrets as randomness
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.livepeer.fleet.plugins.module_utils import files
from ansible_collections.livepeer.fleet.plugins.module_utils.errors import HostError
from ansible_collections.livepeer.fleet.plugins.module_utils.paths import Paths
from ansible_collections.livepeer.fleet.plugins.module_utils.plan_part import Node
from ansible_collections.livepeer.fleet.plugins.module_utils.sealing import Plain, Vault

CONFIG = "livepeer.conf"
UNIT = "livepeer.service"
SYSUSERS = "sysusers.conf"
JOURNAL = "journald.conf"

LIVE = (SYSUSERS, JOURNAL)
"""Files that change while the process runs on."""

SEALED = ".cred"
"""Ending of an encrypted file; what stands before it is its name."""

AT_REST = "encryption of the secrets on the disk"
"""What differs where a host has learnt to encrypt since a revision was staged."""

_RECORD = "revision.json"
_STAGING = ".staging"
_NAME = re.compile(r"(?P<digest>[0-9a-f]{1,12})\.(?P<number>[0-9]+)")
_CREDENTIAL = re.compile(r"^LoadCredential=(?P<name>[^:\n]+):(?P<folder>\S*/current/)(?P<file>\S+)$", re.MULTILINE)
_PLACEHOLDER = re.compile(r"@@livepeer-secret:([A-Za-z0-9_.-]+)@@")


@dataclass(frozen=True)
class Pending:
    """What a switch under way has to know if it is cut.

    Attributes:
        target: the revision it switches to.
        fresh_user: the system user was not there before.
        fresh_state: the state directory was not there before.
    """

    target: str
    fresh_user: bool
    fresh_state: bool


@dataclass(frozen=True)
class Revision:
    """A revision on the disk.

    Attributes:
        name: ``<digest12>.<n>``.
        folder: where it is.
        node: the node as it was planned then.
        vault: opens what is encrypted of it.
    """

    name: str
    folder: Path
    node: Node
    vault: Vault = field(default_factory=Plain, compare=False, repr=False)

    @property
    def number(self) -> int:
        """The later a revision was staged, the higher."""
        return int(self.name.rpartition(".")[2])

    @property
    def sealed(self) -> bool:
        """True if its secrets are encrypted."""
        return any(self.folder.rglob(f"*{SEALED}"))

    def text(self, file: str) -> str | None:
        """Content of one of its files, opened; None if it is not there or cannot be opened."""
        return _content(self.vault, self.folder / file, credentials(self.node.files).get(file, file))

    def secret(self, name: str) -> str | None:
        """A secret of it, as ``text``."""
        return _content(self.vault, self.folder / "secrets" / name, name)


class NodeFolder:
    """The folder of one node."""

    def __init__(self, paths: Paths, name: str, vault: Vault | None = None) -> None:
        self.folder = paths.nodes / name
        self.vault = vault or Plain()
        self._revisions = self.folder / "revisions"
        self._current = self.folder / "current"
        self._active = self.folder / "active"
        self._pending = self.folder / "pending"
        self._generated = self.folder / "generated"

    # What is there

    def revisions(self) -> tuple[Revision, ...]:
        """Every whole revision, oldest first."""
        found = []
        if self._revisions.is_dir():
            for folder in self._revisions.iterdir():
                revision = _load(folder, self.vault)
                if revision is not None:
                    found.append(revision)
        return tuple(sorted(found, key=lambda one: one.number))

    def revision(self, name: str) -> Revision | None:
        """One revision, or None if it is not there as a whole."""
        return _load(self._revisions / name, self.vault) if _NAME.fullmatch(name) else None

    @property
    def active(self) -> str:
        """Name of the revision that was proved last, or ""."""
        return (files.read(self._active) or "").strip()

    @property
    def current(self) -> str:
        """Name of the revision that the unit reads when it starts, or ""."""
        try:
            return os.path.basename(os.readlink(str(self._current)))
        except OSError:
            return ""

    @property
    def pending(self) -> Pending | None:
        """The switch that is under way or was cut, or None."""
        text = files.read(self._pending)
        if text is None:
            return None
        try:
            raw = json.loads(text)
            return Pending(str(raw["target"]), bool(raw["fresh_user"]), bool(raw["fresh_state"]))
        except (ValueError, KeyError, TypeError):
            # Nothing is known of it then, and nothing that may be older than it is removed.
            return Pending("", fresh_user=False, fresh_state=False)

    # Secrets

    def generated(self, name: str) -> str | None:
        """A secret that this host made for itself."""
        return _content(self.vault, self._generated / name, name)

    def generate(self, name: str) -> str:
        """That secret, made now if there is none; it is kept for ever."""
        value = self.generated(name)
        sealed = self._generated / f"{name}{SEALED}"
        if value and sealed.exists() == self.vault.seals:
            return value
        value = value or randomness.token_hex(32)
        _private(self._generated)
        files.replace(*((sealed, self.vault.seal(name, value)) if self.vault.seals else (self._generated / name, value)), 0o600)
        files.remove(self._generated / name if self.vault.seals else sealed)
        return value

    def known_secrets(self) -> list[tuple[str, str]]:
        """Name and value of every secret that a revision of this node ever had, so that they can be taken out of messages."""
        folders = [folder for folder in (*self._revisions.glob("*/secrets"), self._generated) if folder.is_dir()]
        names = [
            (folder, path.name[: -len(SEALED)] if path.name.endswith(SEALED) else path.name)
            for folder in folders
            for path in folder.iterdir()
        ]
        return [(name, _content(self.vault, folder / name, name) or "") for folder, name in names]

    # Writing

    @property
    def has_leftovers(self) -> bool:
        """True if a killed run left something half-done; secrets may be in it."""
        return any(True for _path in self.folder.rglob(".*"))

    def sweep(self) -> None:
        """Remove what a killed run left half-done. The marks stay: they tell the next run what to repair."""
        for path in list(self.folder.rglob(".*")):
            files.remove(path)

    def stage(self, node: Node, secrets: Mapping[str, str]) -> Revision:
        """Write a new revision; nothing uses it yet.

        Raises:
            HostError: a file names a secret that there is not, or one that does not fit in.
        """
        written = self._written(node, secrets)
        _private(self.folder.parent)
        _private(self.folder)
        _private(self._revisions)
        staging = self._revisions / _STAGING
        files.remove(staging)
        try:
            _private(staging)
            _private(staging / "secrets")
            for name, text in written.items():
                files.write_new(staging / name, text, 0o600)
            files.write_new(staging / _RECORD, json.dumps(node.raw, indent=1, sort_keys=True) + "\n", 0o600)
            files.sync_folder(staging / "secrets")
            files.sync_folder(staging)
            name = f"{node.digest[:12]}.{self._next_number()}"
            os.rename(str(staging), str(self._revisions / name))
        except OSError:
            files.remove(staging)
            raise
        files.sync_folder(self._revisions)
        return Revision(name, self._revisions / name, node, self.vault)

    def _written(self, node: Node, secrets: Mapping[str, str]) -> dict[str, str]:
        """Path below the revision to content, secrets filled in and, where that can be, encrypted."""
        texts = {**fill(node.files, secrets), **{f"secrets/{name}": value for name, value in secrets.items()}}
        if not self.vault.seals:
            return texts
        names = {**{f"secrets/{name}": name for name in secrets}, **credentials(node.files)}
        hidden = {file for file in texts if file in names and (file not in node.files or _PLACEHOLDER.search(node.files[file]))}
        sealed = {f"{file}{SEALED}": self.vault.seal(names[file], texts[file]) for file in sorted(hidden)}
        return {**{file: _loading(text, hidden) for file, text in texts.items() if file not in hidden}, **sealed}

    def set_pending(self, pending: Pending) -> None:
        """Say that a switch begins."""
        raw = {"target": pending.target, "fresh_user": pending.fresh_user, "fresh_state": pending.fresh_state}
        files.replace(self._pending, json.dumps(raw) + "\n", 0o600)

    def set_current(self, revision: Revision) -> None:
        """Let the unit read this revision from its next start on."""
        files.point(self._current, f"revisions/{revision.name}")

    def set_active(self, revision: Revision) -> None:
        """Say that this revision is proved, and that no switch is under way any more."""
        files.replace(self._active, revision.name + "\n", 0o600)
        self.clear_pending()

    def clear_pending(self) -> None:
        """Say that no switch is under way any more."""
        files.remove(self._pending)
        files.sync_folder(self.folder)

    def prune(self, keep: int) -> tuple[str, ...]:
        """Remove all but the last ``keep`` revisions and those in use; returns their names."""
        everything = self.revisions()
        last = {one.name for one in everything[-keep:]} if keep > 0 else set()
        names = tuple(one.name for one in everything if one.name not in {*last, self.active, self.current})
        for name in names:
            files.remove(self._revisions / name)
        return names

    def discard(self, revision: Revision) -> None:
        """Remove a revision that was never used."""
        if revision.name not in (self.active, self.current):
            files.remove(revision.folder)

    def remove(self) -> None:
        """Remove the node's folder, and the one for all nodes if it was the last."""
        files.remove(self.folder)
        files.remove_if_empty(self.folder.parent)

    def _next_number(self) -> int:
        numbers = [int(found["number"]) for path in self._revisions.iterdir() for found in [_NAME.fullmatch(path.name)] if found]
        return max(numbers, default=0) + 1


def node_names(paths: Paths) -> tuple[str, ...]:
    """The nodes that this host has ever been given and still has."""
    if not paths.nodes.is_dir():
        return ()
    return tuple(sorted(path.name for path in paths.nodes.iterdir() if (path / "revisions").is_dir()))


def used_releases(paths: Paths) -> frozenset[str]:
    """Releases that a revision of a node names: it may be gone back to."""
    return frozenset(revision.node.release.name for name in node_names(paths) for revision in NodeFolder(paths, name).revisions())


def fill(texts: Mapping[str, str], secrets: Mapping[str, str]) -> dict[str, str]:
    """The files with their secrets in the place of the placeholders.

    Raises:
        HostError: there is no such secret, or its file cannot hold it.
    """

    def filled(text: str, put: Callable[[str, str], str]) -> str:
        return _PLACEHOLDER.sub(lambda found: put(found[1], _known(secrets, found[1])), text)

    return {file: filled(text, _PUT.get(file, _plain)) for file, text in texts.items()}


def credentials(texts: Mapping[str, str]) -> dict[str, str]:
    """What the units among some files take as credentials from the node's folder: path below the revision to name."""
    units = (text for file, text in texts.items() if file.endswith(".service"))
    return {found["file"]: found["name"] for text in units for found in _CREDENTIAL.finditer(text)}


def _loading(unit: str, hidden: Collection[str]) -> str:
    """A unit that takes its credentials as they lie on the disk; any other file as it is."""

    def line(found: re.Match[str]) -> str:
        if found["file"] not in hidden:
            return found[0]
        return f"LoadCredentialEncrypted={found['name']}:{found['folder']}{found['file']}{SEALED}"

    return _CREDENTIAL.sub(line, unit)


def _content(vault: Vault, path: Path, name: str) -> str | None:
    """A file that may be encrypted."""
    sealed = files.read(path.with_name(path.name + SEALED))
    return files.read(path) if sealed is None else vault.open(name, sealed)


def _known(secrets: Mapping[str, str], name: str) -> str:
    if name not in secrets:
        raise HostError(f"a file needs the secret {name}, but the plan names none: make the plan again")
    return secrets[name]


def _plain(name: str, secret: str) -> str:
    """To the end of a line of livepeer.conf, which knows no quotes."""
    if any(character in secret for character in "\r\n\0") or " #" in secret:
        raise HostError(f'the secret {name} has a line break or " #" in it, which a configuration file of go-livepeer cannot hold')
    return secret


def _in_json(_name: str, secret: str) -> str:
    """Between the quotes of a JSON text."""
    return json.dumps(secret)[1:-1]


def _in_environment(name: str, secret: str) -> str:
    """Between the double quotes of a file that a shell reads: these four are escaped, nothing is expanded."""
    if any(character in secret for character in "\r\n\0"):
        raise HostError(f"the secret {name} has a line break in it, which an environment variable of go-livepeer cannot hold")
    return re.sub(r'(["\\`$])', r"\\\1", secret)


_PUT: Mapping[str, Callable[[str, str], str]] = {"aiModels.json": _in_json, "environment": _in_environment}
"""How a secret stands in a file that has quotes."""


def differences(revision: Revision, node: Node, secrets: Mapping[str, str]) -> tuple[str, ...]:
    """What differs between a revision as it lies on the disk and the planned node; empty if it is the same.

    Secrets are compared with the stored values themselves: they lie beside the revision, behind the same permissions, and so a secret
    that was changed by hand is seen as well. Only the name of a differing one is told.
    """
    found = [name for name in sorted({*node.files, *revision.node.files}) if not _same_file(revision, node, name, secrets)]
    found.extend(f"secret {name}" for name in changed_secrets(revision, secrets))
    if {*secrets, *revision.node.secrets} and revision.vault.seals and not revision.sealed:
        found.append(AT_REST)
    return tuple(found)


def changed_secrets(revision: Revision, secrets: Mapping[str, str]) -> tuple[str, ...]:
    """Names of the secrets that are not those of a revision as it lies on the disk."""
    names = sorted({*secrets, *revision.node.secrets})
    return tuple(name for name in names if not _same_text(revision.secret(name), secrets.get(name)))


def _same_file(revision: Revision, node: Node, name: str, secrets: Mapping[str, str]) -> bool:
    if name not in node.files:
        return False
    here = revision.text(name)
    # A file with placeholders differs by its secrets too; these are told by their own name, so that the two are not mixed up.
    if revision.node.files.get(name) != node.files[name]:
        return False
    stored = {one: revision.secret(one) or "" for one in revision.node.secrets}
    hidden = [path.relative_to(revision.folder).as_posix()[: -len(SEALED)] for path in revision.folder.rglob(f"*{SEALED}")]
    try:
        wanted = (_loading(fill({name: node.files[name]}, known)[name], hidden) for known in (stored, secrets))
        return any(_same_text(here, text) for text in wanted)
    except HostError:
        return False


def _same_text(one: str | None, other: str | None) -> bool:
    if one is None or other is None:
        return one is other
    return hmac.compare_digest(one.encode("utf-8", "surrogateescape"), other.encode("utf-8", "surrogateescape"))


def _load(folder: Path, vault: Vault) -> Revision | None:
    if not _NAME.fullmatch(folder.name):
        return None
    try:
        return Revision(folder.name, folder, Node.parse(json.loads((folder / _RECORD).read_text(encoding="utf-8"))), vault)
    except (OSError, ValueError, HostError):
        return None


def _private(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_mode & 0o777 != 0o700:
        folder.chmod(0o700)
