# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets at rest: encrypted with the key of this host (systemd-creds), where its systemd can; else as they are, for root alone."""

from __future__ import annotations

import shutil
from functools import cached_property
from pathlib import Path
from typing import Protocol

from ansible_collections.livepeer.fleet.plugins.module_utils import commands
from ansible_collections.livepeer.fleet.plugins.module_utils.errors import HostError

LEAST_SYSTEMD = 250
"""The first systemd with systemd-creds and LoadCredentialEncrypted=."""

_PROGRAM = "systemd-creds"
_HOST_KEY = Path("/var/lib/systemd/credential.secret")


class Vault(Protocol):
    """How secrets lie on the disk."""

    @property
    def seals(self) -> bool:
        """True if they are encrypted."""

    def seal(self, name: str, text: str) -> str:
        """A text encrypted under the name of a credential; HostError if that fails."""

    def open(self, name: str, sealed: str) -> str | None:
        """The text again; None if this host cannot open it, or it was sealed under another name."""


class Plain:
    """As they are."""

    seals = False

    def seal(self, name: str, text: str) -> str:
        """Never asked for."""
        raise HostError(f"{name} cannot be encrypted on this host")

    def open(self, name: str, sealed: str) -> str | None:
        """What another vault sealed cannot be opened."""
        return None


class HostKey:
    """With the key that systemd keeps for this host. Tried with systemd 252, without a TPM."""

    def __init__(self, systemd_version: int) -> None:
        """``systemd_version`` as ``Systemd.version`` tells it."""
        self._version = systemd_version
        self._opened: dict[tuple[str, str], str | None] = {}

    @cached_property
    def seals(self) -> bool:
        """Looks without making a key: check mode asks this too."""
        if self._version < LEAST_SYSTEMD or not shutil.which(_PROGRAM, path=commands.ENVIRONMENT["PATH"]):
            return False
        return not _HOST_KEY.exists() or self._run("encrypt", "probe", "probe").status == 0

    def seal(self, name: str, text: str) -> str:
        """Bound to its name: it cannot be handed to a unit as another credential."""
        done = self._run("encrypt", name, text)
        if done.status != 0:
            last = done.error.strip().splitlines()[-1:] or ["no reason given"]
            raise HostError(f"systemd-creds cannot encrypt {name} with the key of this host: {last[0]}")
        return done.output

    def open(self, name: str, sealed: str) -> str | None:
        """Each text is opened once a run."""
        if (name, sealed) not in self._opened:
            done = self._run("decrypt", name, sealed)
            self._opened[name, sealed] = done.output if done.status == 0 else None
        return self._opened[name, sealed]

    @staticmethod
    def _run(what: str, name: str, text: str) -> commands.Done:
        # The host's key alone: with a TPM beside it a change of its state, of the firmware say, would end the node for good.
        key = ["--with-key=host"] if what == "encrypt" else ["--newline=no"]
        return commands.run([_PROGRAM, what, *key, f"--name={name}", "-", "-"], given=text)
