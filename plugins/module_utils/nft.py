# SPDX-License-Identifier: GPL-3.0-or-later
"""nft: the program that puts a table of packet filters into the kernel."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from ansible_collections.livepeer.fleet.plugins.module_utils import commands

_TABLE = ("table", "inet", "livepeer")


class Nft:
    """The program that speaks with the kernel."""

    def present(self) -> bool:
        """True if it is on this host."""
        return shutil.which("nft", path=commands.ENVIRONMENT["PATH"]) is not None

    def complaints(self, text: str, folder: Path) -> str:
        """What it has to say of a file before it is loaded, "" if nothing."""
        with tempfile.NamedTemporaryFile("w", dir=str(folder), prefix=".livepeer-fleet-", suffix=".nft") as stream:
            stream.write(text)
            stream.flush()
            done = commands.run(["nft", "-c", "-f", stream.name])
        return "" if done.status == 0 else (done.error.strip() or f"nft ended with status {done.status}")

    def loaded(self) -> str:
        """The table as the kernel has it, without counters; "" if it has none."""
        done = commands.run(["nft", "--stateless", "list", *_TABLE])
        return done.output if done.status == 0 else ""

    def delete(self) -> None:
        """Take the table away; one that is not there is away already."""
        commands.run(["nft", "delete", *_TABLE])
