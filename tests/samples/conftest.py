# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the samples import from their neighbours."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "standin"), str(HERE.parent / "chain")]
