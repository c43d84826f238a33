# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things are on a host. The root can be another folder, so that tests run without being root."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Paths:
    """Every path that the modules read or write.

    Attributes:
        root: the root of the file system, ``/`` on a real host.
    """

    root: Path = Path("/")

    @property
    def releases(self) -> Path:
        """One folder for each installed release."""
        return self.root / "opt/livepeer/releases"

    @property
    def nodes(self) -> Path:
        """One folder for each node: its revisions and marks; readable by root only."""
        return self.root / "etc/livepeer"

    @property
    def firewall(self) -> Path:
        """The nftables table that is in force."""
        return self.nodes / "firewall.nft"

    @property
    def firewall_loaded(self) -> Path:
        """Digest of that table as the kernel listed it after it was loaded."""
        return self.nodes / "firewall.loaded"

    @property
    def state(self) -> Path:
        """What systemd's ``StateDirectory=`` is relative to."""
        return self.root / "var/lib"

    @property
    def nginx(self) -> Path:
        """The distribution's nginx."""
        return self.root / "usr/sbin/nginx"

    @property
    def lock(self) -> Path:
        """The lock of a run; below /run, so that a reboot frees it."""
        return self.root / "run/livepeer-fleet.lock"

    @property
    def runtime(self) -> Path:
        """For files that need not outlive a run."""
        return self.root / "run"

    def credentials(self, unit: str) -> Path:
        """Where systemd shows a running unit its credentials."""
        return self.root / "run/credentials" / f"{unit}.service"

    def unit(self, unit: str) -> Path:
        """The unit file of ``livepeer-<name>``."""
        return self.root / "etc/systemd/system" / f"{unit}.service"

    def journal(self, unit: str) -> Path:
        """The limits of the journal that ``livepeer-<name>`` may have of its own."""
        return self.root / "etc/systemd" / f"journald@{unit}.conf"

    def sysusers(self, unit: str) -> Path:
        """The file that declares the system user of ``livepeer-<name>``."""
        return self.root / "etc/sysusers.d" / f"{unit}.conf"
