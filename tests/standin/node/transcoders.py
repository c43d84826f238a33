# SPDX-License-Identifier: GPL-3.0-or-later
"""Transcoding itself, and the remote transcoders of an orchestrator (core/orchestrator.go:RemoteTranscoderManager).

A rendition of the stand-in is the source segment unchanged: it plays, and its size can be checked.
"""

from __future__ import annotations

import base64
import itertools
import json
import queue
import threading
from dataclasses import dataclass, field
from typing import Any

from . import golog

PACKET = 188
SYNC = 0x47
REMOTE_SECONDS = 8.0
"""core/orchestrator.go: least time a remote transcoder gets for a segment"""


def is_video(data: bytes, extension: str) -> bool:
    """Whether the bytes look like a segment; the real node asks its codecs."""
    if extension == ".mp4":
        return data[4:8] in (b"ftyp", b"styp", b"moof")
    whole_packets = len(data) >= PACKET and all(data[at] == SYNC for at in range(0, len(data) - PACKET + 1, PACKET))
    return whole_packets and len(data) % PACKET == 0


class NoTranscoders(Exception):
    """core/orchestrator.go:ErrNoTranscodersAvailable"""


@dataclass
class Remote:
    """One registered transcoder: tasks go out through its queue, None closes it."""

    address: str
    capacity: int
    tasks: queue.SimpleQueue[bytes | None] = field(default_factory=queue.SimpleQueue)
    load: int = 0


class Transcoders:
    """Those that are registered right now."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._live: list[Remote] = []
        self._results: dict[int, queue.SimpleQueue[bytes]] = {}
        self._numbers = itertools.count(1)

    def describe(self) -> list[dict[str, Any]]:
        """/status → RegisteredTranscoders"""
        with self._lock:
            return [{"Address": remote.address, "Capacity": remote.capacity} for remote in self._live]

    def capacity(self) -> int:
        """Sessions that all of them can take."""
        with self._lock:
            return sum(remote.capacity for remote in self._live)

    def register(self, address: str, capacity: int) -> Remote:
        """ot_rpc.go:RegisterTranscoder"""
        remote = Remote(address, capacity)
        with self._lock:
            self._live.append(remote)
        return remote

    def remove(self, remote: Remote) -> None:
        """The connection ended."""
        golog.error(f'Stream closed for transcoder={remote.address}, err="context canceled"')
        golog.info(f"Got transcoder={remote.address} eof, removing from live transcoders map")
        with self._lock:
            if remote in self._live:
                self._live.remove(remote)

    def transcode(self, data: bytes) -> bytes:
        """Hands a segment to the transcoder with the least to do."""
        with self._lock:
            if not self._live:
                raise NoTranscoders("no transcoders available")
            remote = min(self._live, key=lambda candidate: candidate.load / max(candidate.capacity, 1))
            remote.load += 1
            number = next(self._numbers)
            results = self._results[number] = queue.SimpleQueue()
        task = {"task": number, "segment": base64.b64encode(data).decode("ascii")}
        remote.tasks.put(json.dumps(task).encode("ascii"))
        try:
            return results.get(timeout=REMOTE_SECONDS)
        except queue.Empty:
            raise NoTranscoders("Remote transcoder took too long") from None
        finally:
            with self._lock:
                remote.load -= 1
                del self._results[number]

    def finish(self, number: int, data: bytes) -> None:
        """ot_rpc.go:TranscodeResults"""
        with self._lock:
            results = self._results.get(number)
        if results is not None:
            results.put(data)
