# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in starts, fails and listens as the real node did when it was recorded.

Environment: STANDIN_CASES names another file of the same form, LIVEPEER_BINARY another executable (a real one too).
What is compared: the exit status (none while it stays up), and every port that the process held. A process that was
recorded as over within FLEETING_SECONDS is compared by its exit status alone: whether a socket that was open for
milliseconds was seen is chance, and two runs of the real binary differ there.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
OWN_CASES = HERE / "recorded" / "startup-0.9.1.json"
CASES = Path(os.environ.get("STANDIN_CASES") or OWN_CASES)
STANDIN = HERE / "livepeer"
BINARY = Path(os.environ.get("LIVEPEER_BINARY") or STANDIN).resolve()
SHARE = 0.9
FLEETING_SECONDS = 1.5
AT_ONCE = 6 * (os.cpu_count() or 1)
LONGEST_CASE = 150
NEEDS_ROOT = ("unprivileged user", "read-only file system", "file system of the data dir is full", "passwd entry")


@dataclass(frozen=True)
class Comparison:
    """One case and what came of it."""

    case: dict[str, object]
    got: dict[str, object]

    @property
    def agrees(self) -> bool:
        """Exit status and, unless it was over at once, ports."""
        if self.case["exit"] != self.got["exit"]:
            return False
        fleeting = self.case["exit"] is not None and float(str(self.case["seconds"])) < FLEETING_SECONDS
        return fleeting or self.case["bound_ports"] == self.got["bound_ports"]

    def __str__(self) -> str:
        case, got = self.case, self.got
        last = str(got["log"]).strip().rpartition("\n")[2]
        return (
            f"{case['id']}: livepeer {case['args']} [{case['precondition']}]\n"
            f"    recorded exit {case['exit']}, ports {case['bound_ports']}\n"
            f"    got      exit {got['exit']}, ports {got['bound_ports']}; last line: {last}"
        )


def can_be_prepared(case: dict[str, object]) -> bool:
    """Mounts and other users need root."""
    return os.geteuid() == 0 or not any(words in str(case["precondition"]) for words in NEEDS_ROOT)


def in_own_network(case: dict[str, object]) -> dict[str, object]:
    """One case in a network namespace; a user namespace gives the right to make one without root."""
    namespaces = ["-n", "-m"] if os.geteuid() == 0 else ["-r", "-n", "-m"]
    command = ["unshare", *namespaces, sys.executable, str(HERE / "standin_case.py"), str(BINARY)]
    done = subprocess.run(command, input=json.dumps(case).encode(), capture_output=True, timeout=LONGEST_CASE, check=False)
    if done.returncode != 0:
        return {"exit": "not run", "seconds": 0, "bound_ports": [], "log": done.stderr.decode("utf-8", "replace")}
    return json.loads(done.stdout)


@cache
def comparisons() -> list[Comparison]:
    """All cases; one that disagrees is run again by itself, so that a busy machine decides nothing."""
    if shutil.which("unshare") is None:
        pytest.skip("needs the unshare command")
    cases = [dict(case, bound_ports=sorted(case["bound_ports"])) for case in json.loads(CASES.read_text("utf-8")) if can_be_prepared(case)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        first = [Comparison(case, got) for case, got in zip(cases, pool.map(in_own_network, cases), strict=False)]
    return [one if one.agrees else Comparison(one.case, in_own_network(one.case)) for one in first]


def deviations() -> dict[str, str]:
    """Cases that are known to differ, each with the reason; none for another binary or another file."""
    if CASES != OWN_CASES or BINARY != STANDIN:
        return {}
    return json.loads((HERE / "recorded" / "deviations.json").read_text("utf-8"))


def test_share_of_cases_that_agree() -> None:
    results = comparisons()
    differing = [one for one in results if not one.agrees]
    print(f"{len(results) - len(differing)} of {len(results)} recorded starts agree")
    assert len(results) - len(differing) >= SHARE * len(results), "\n".join(str(one) for one in differing)


@pytest.mark.skipif(CASES != OWN_CASES, reason="only the project's own recordings have named deviations")
def test_every_deviation_is_named() -> None:
    unnamed = [one for one in comparisons() if not one.agrees and one.case["id"] not in deviations()]
    assert not unnamed, "\n".join(str(one) for one in unnamed)


@pytest.mark.skipif(CASES != OWN_CASES, reason="only the project's own recordings have named deviations")
def test_no_named_deviation_agrees() -> None:
    agreeing = [str(one.case["id"]) for one in comparisons() if one.agrees and one.case["id"] in deviations()]
    assert not agreeing, f"named as deviating, and yet they agree: {agreeing}"


def test_every_preparation_is_understood() -> None:
    strange = [one for one in comparisons() if one.got["exit"] in ("not understood", "not run")]
    assert not strange, "\n".join(str(one) for one in strange)
