# SPDX-License-Identifier: GPL-3.0-or-later
"""The one exception of the modules: its text is for an operator and never holds a secret."""

from __future__ import annotations

import errno
import os


class HostError(Exception):
    """Something on this host is not as it has to be. The text says what, where, and what to do."""


def reason(error: OSError) -> str:
    """What an operating system error says to a person, with the file it is about."""
    text = os.strerror(error.errno) if error.errno else str(error)
    if error.errno == errno.ENOSPC:
        text = "no space left on the device"
    return f"{error.filename}: {text}" if error.filename else text
