# SPDX-License-Identifier: GPL-3.0-or-later
"""What this copy was packed as; a checkout is an unbroken 0.9.1."""

from __future__ import annotations

import json
import pkgutil
from dataclasses import dataclass

DEFAULT_VERSION = "0.9.1"


@dataclass(frozen=True)
class Build:
    """Written by `pack` into build.json."""

    version: str = DEFAULT_VERSION
    fault: str = ""


def load() -> Build:
    """The packed description, or the default."""
    try:
        packed = pkgutil.get_data(__package__ or "", "build.json")
    except OSError:
        packed = None
    return Build() if packed is None else Build(**json.loads(packed))
