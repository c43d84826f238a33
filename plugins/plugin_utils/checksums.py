# SPDX-License-Identifier: GPL-3.0-or-later
"""Checksums of files on the controller."""

from __future__ import annotations

import hashlib
from pathlib import Path


def sha256_of_file(path: str | Path) -> str:
    """sha256 of a file, 64 hexadecimal digits; OSError where it cannot be read."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
