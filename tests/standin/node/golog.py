# SPDX-License-Identifier: GPL-3.0-or-later
"""Log lines as glog writes them, and the ways in which go-livepeer ends.

Everything goes to stderr; only the settings table goes to stdout (http_endpoints.json: logging).
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from typing import NoReturn

_lock = threading.Lock()


class _Level:
    """glog's -v."""

    now = 3


def set_verbosity(text: str) -> bool:
    """glog.Level.Set: an integer; anything else is refused and the level stays."""
    try:
        _Level.now = int(text, 10)
    except ValueError:
        return False
    return True


def verbosity() -> int:
    """The level that /getLogLevel answers."""
    return _Level.now


def _write(severity: str, message: str) -> None:
    now = time.time()
    stamp = time.strftime("%m%d %H:%M:%S", time.localtime(now))
    micros = int(now % 1 * 1_000_000)
    place = sys._getframe(2).f_code.co_name
    line = f"{severity}{stamp}.{micros:06d} {os.getpid():7d} standin.py:{place}] {message}\n"
    raw(line)


def raw(text: str) -> None:
    """Text without a prefix, as a panic writes it."""
    with _lock, contextlib.suppress(OSError):
        os.write(2, text.encode("utf-8", "surrogateescape"))


def info(message: str) -> None:
    """glog.Info"""
    _write("I", message)


def verbose(level: int, message: str) -> None:
    """glog.V(level).Info"""
    if _Level.now >= level:
        _write("I", message)


def warning(message: str) -> None:
    """glog.Warning"""
    _write("W", message)


def error(message: str) -> None:
    """glog.Error"""
    _write("E", message)


def end(status: int) -> NoReturn:
    """os.Exit: at once, whatever other threads do."""
    try:
        sys.stdout.flush()
    finally:
        os._exit(status)


def exit_one(message: str) -> NoReturn:
    """glog.Exit: status 1."""
    _write("F", message)
    end(1)


def exit_two(message: str) -> NoReturn:
    """starter.go:exit: an error line, status 2."""
    _write("E", message)
    end(2)


def panic(message: str) -> NoReturn:
    """A Go panic nobody catches: status 2."""
    raw(f"panic: {message}\n\ngoroutine 1 [running]:\n")
    end(2)
