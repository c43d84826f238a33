# SPDX-License-Identifier: GPL-3.0-or-later
"""Every figure of docs/pricing.md is worked out anew; some of them were seen on the running binary."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[3]
PAGE = (CHECKOUT / "docs" / "pricing.md").read_text(encoding="utf-8")


def test_the_page_is_what_the_filter_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(CHECKOUT / "tests" / "tools"))
    monkeypatch.delitem(sys.modules, "pricing", raising=False)
    import pricing  # noqa: PLC0415 - a tool beside the tests

    assert pricing.page() == PAGE, "run `make specs`"


@pytest.mark.parametrize(
    "line",
    [
        "| 0.01 | 1010 | 1010 | 1010 | 1010 |",
        "| 0.1 | 1033.333 | 1012 | 1010 | 1010 |",
        "| 1 | 1333.333 | 1120 | 1010 | 1010 |",
        "| 5 | 2666.666 | 1600 | 1050 | 1025 |",
        "a price above 482 wei per pixel is refused",
        "Below 0.36 ETH of reserve",
    ],
)
def test_figures_that_were_seen_stand_on_the_page(line: str) -> None:
    """pricing.json: auto_adjust.base_1000_examples, auto_adjust.refused, remote_signer.first_lv2v_payment_limit."""
    assert line in PAGE
