# SPDX-License-Identifier: GPL-3.0-or-later
"""What `hosts down` leaves behind. No engine is needed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hostlib import cli, engine, fleet


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[fleet.Fleet]:
    """A fleet of no hosts with a chain, in a cache of its own, on a machine whose engine does not answer."""
    monkeypatch.setattr(fleet, "CACHE", tmp_path)
    monkeypatch.setattr(engine, "answers", lambda: False)
    document = tmp_path / "chain.json"
    document.write_text('{"accounts": ["one"], "state": {}}')
    made = fleet.Fleet("down")
    made.chain.up("127.0.0.1", document)
    yield made
    made.chain.down()


@pytest.mark.parametrize("which", [["--all"], ["--name", "down"]])
def test_a_chain_ends_without_an_engine(beside: fleet.Fleet, which: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert beside.chain.runs
    monkeypatch.setattr(sys, "argv", ["hosts", "down", *which])
    assert cli.main() == 0
    assert not beside.chain.runs
