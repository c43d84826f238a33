# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in chain (tests/chain) beside the hosts of a fleet, and throw-away accounts for their nodes."""

from __future__ import annotations

import json
import secrets
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hostlib.process import Detached
from hostlib.tools import CHECKOUT, run, say, wait_until

PROGRAMS = CHECKOUT / "tests" / "chain"


@dataclass(frozen=True)
class Chain:
    """The one chain of a fleet; everything of it stands in the fleet's folder."""

    folder: Path

    @property
    def url(self) -> str:
        """What it printed once it listened."""
        return self._log.read_text().strip()

    @property
    def runs(self) -> bool:
        return self._process.exists() and Detached.load(self._process).is_alive()

    def up(self, address: str, document: Path) -> None:
        """Start it on this address of the machine, unless it runs.

        Args:
            address: of this machine, one that hosts reach.
            document: JSON with `accounts`, the names to make keystores for, and `state`, what the chain starts with.
        """
        if self.runs:
            return
        wanted = json.loads(document.read_text())
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in wanted["accounts"]:
            # A password of its own each time: whoever finds it in a log knows where it came from.
            run([str(PROGRAMS / "keys"), name, str(self.folder / name), "--password", f"planted-{secrets.token_hex(8)}"])
        state = self.folder / "state.json"
        state.write_text(json.dumps(wanted["state"]))
        command = [sys.executable, str(PROGRAMS / "chain"), "--host", address, "--port", "0", "--state", str(state)]
        process = Detached.start(command, self._log)
        process.save(self._process)

        def listens() -> bool:
            process.insist("the chain", self._log)
            return self.url.startswith("http")

        wait_until("the chain to listen", listens, seconds=30)
        say(f"chain: {self.url}, process {process.pid}")

    def down(self) -> None:
        if self._process.exists():
            Detached.load(self._process).end("the chain")
            self._process.unlink()

    def change(self, **changes: object) -> None:
        """Gas price, funds, …: the keys of tests/chain/README.md."""
        body = json.dumps(changes).encode()
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/ctl", data=body, method="POST"), timeout=10).close()

    def document(self) -> dict[str, Any]:
        """What it answers from now."""
        with urllib.request.urlopen(f"{self.url}/ctl", timeout=10) as answer:
            state: dict[str, Any] = json.load(answer)["state"]
        return state

    def keystore(self, account: str) -> Path:
        (file,) = (self.folder / account / "keystore").iterdir()
        return file

    def password(self, account: str) -> Path:
        return self.folder / account / "password"

    def variables(self) -> dict[str, object]:
        """For an inventory: where the chain answers, which one it is, and where the files of each account are."""
        names = sorted(path.name for path in self.folder.iterdir() if path.is_dir())
        accounts = {name: {"keystore": str(self.keystore(name)), "password": str(self.password(name))} for name in names}
        return {
            "livepeer_user_chain": self.url,
            "livepeer_user_accounts": accounts,
            # Not the one of the network that it stands for: a binary without the tag of that network refuses its chain id.
            "livepeer_eth_chain_id": self.document()["chain_id"],
        }

    @property
    def _log(self) -> Path:
        return self.folder / "chain.log"

    @property
    def _process(self) -> Path:
        return self.folder / "process.json"
