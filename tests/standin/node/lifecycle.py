# SPDX-License-Identifier: GPL-3.0-or-later
"""How a start ends: by a signal, by a logged return (status 0), or by a part that stops (livepeer.go:main)."""

from __future__ import annotations

import queue
import signal
import threading
from collections.abc import Callable

from . import golog

SHUTDOWN_SECONDS = 10.0
"""livepeer.go:shutdownTimeout"""

SIGNAL_NAMES = {signal.SIGTERM: "terminated", signal.SIGINT: "interrupt"}

DUMPING = (
    signal.SIGQUIT, signal.SIGABRT, signal.SIGILL, signal.SIGTRAP, signal.SIGBUS, signal.SIGFPE, signal.SIGSEGV,
    signal.SIGSYS, *(one for one in signal.Signals if one.name == "SIGSTKFLT"),
)  # fmt: skip
IGNORED = (
    signal.SIGALRM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE, signal.SIGVTALRM, signal.SIGPROF, signal.SIGXCPU,
    signal.SIGXFSZ, signal.SIGIO, signal.SIGPWR,
)  # fmt: skip
"""runtime/sigtab_linux_generic.go: what a Go program does with a signal that it does not ask for; SIGHUP kills it.
Python knows SIGSTKFLT from 3.11 on."""


class Ended(Exception):
    """StartLivepeer logs the message as an error and returns: status 0."""


class Lifecycle:
    """Cancellation for every part, and the one place that waits."""

    def __init__(self) -> None:
        self.cancelled = threading.Event()
        self._reasons: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._events: queue.SimpleQueue[str] = queue.SimpleQueue()

    def stop(self, reason: str) -> None:
        """A part ended: the node ends with this log line."""
        self._reasons.put(reason)

    def wait_until_stopped(self) -> str | None:
        """The select at the end of StartLivepeer: a reason, or None when a signal came."""
        reason = self._reasons.get()
        return reason or None

    def run(self, start: Callable[[], None]) -> None:
        """livepeer.go:main: start in the background, wait for a signal or the end, leave with a status."""
        for number in SIGNAL_NAMES:
            signal.signal(number, lambda received, _frame: self._events.put(SIGNAL_NAMES[signal.Signals(received)]))
        for number in DUMPING:
            signal.signal(number, lambda received, _frame: _quit(signal.Signals(received)))
        for number in IGNORED:
            signal.signal(number, signal.SIG_IGN)
        finished = threading.Event()
        threading.Thread(target=self._background, args=(start, finished), daemon=True).start()
        event = self._events.get()
        if event:
            golog.info(f"Exiting Livepeer: {event}")
            self.cancelled.set()
            self._reasons.put("")
        if not finished.wait(SHUTDOWN_SECONDS):
            golog.info("Shutdown timed out, forcing exit")
            golog.end(1)
        golog.info("Graceful shutdown complete")
        golog.end(0)

    def _background(self, start: Callable[[], None], finished: threading.Event) -> None:
        try:
            start()
        except Ended as error:
            golog.error(str(error))
        except Exception as error:  # a mistake of the stand-in ends it as a Go panic would
            golog.panic(f"stand-in: {error!r}")
        finally:
            finished.set()
            self._events.put("")


def _quit(received: signal.Signals) -> None:
    """The Go runtime dumps its goroutines: status 2."""
    golog.raw(f"{received.name}\nPC=0x0 m=0 sigcode=0\n\ngoroutine 0 [idle]:\n\nrip    0x0\ngs     0x0\n")
    golog.end(2)
