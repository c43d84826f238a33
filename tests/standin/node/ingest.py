# SPDX-License-Identifier: GPL-3.0-or-later
"""Streams that come in by RTMP (server/mediaserver.go:gotRTMPStreamHandler, processSegment for each segment).

A publisher never hears of what happens to its segments. A gateway without a wallet dies of the first one that fails at an
orchestrator (0.7.9 to 0.9.1): its handler cleans up a sender that is not there, in a goroutine of its own.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from . import golog, rtmp
from .gateway import NIL_SENDER, manifest_name
from .node import Node
from .rtmp import MEDIA, Connection, Message, NotRTMP
from .stream_auth import Denied, authenticate
from .streams import AttemptsUsedUp, InvalidVideo, SegmentFailed, Stream, Streams, StreamStopped
from .transcoders import PACKET

SEGMENT_MILLISECONDS = 2000
"""server/mediaserver.go:SegLen"""


@dataclass(frozen=True)
class Piece:
    """One segment: how much there was, and how long."""

    size: int
    seconds: float


class Ingest:
    """The RTMP port of a gateway."""

    def __init__(self, node: Node, streams: Streams) -> None:
        self._node = node
        self._streams = streams

    def serve(self, listening: socket.socket) -> None:
        """One thread a publisher, for as long as the process lives."""
        while True:
            accepted, address = listening.accept()
            threading.Thread(target=self._publisher, args=(Connection(accepted), address[0]), daemon=True).start()

    def _publisher(self, connection: Connection, client: str) -> None:
        try:
            connection.shake_hands()
            messages = connection.messages()
            name = manifest_name(rtmp.accept(connection, messages))
            self._take(name, messages, connection, client)
        except NotRTMP as error:
            golog.verbose(4, f"RTMP connection from {client} ended: {error}")
        finally:
            connection.close()

    def _take(self, name: str, messages: Iterator[Message], connection: Connection, client: str) -> None:
        try:
            name = manifest_name(f"/live/{authenticate(self._node.settings, f'rtmp:///{name}')}") or name
        except Denied as error:
            golog.error(f'Forbidden: Authentication denied for streamID url=rtmp:///{name} err="{error}"')
            return
        stream = self._streams.open(name, by_push=False) if name else None
        if stream is None:
            golog.error(f"Could not create stream ID: manifestID={name}")
            return
        golog.info(f"\n\nVideo Created With ManifestID: {name}\n\n")
        self._node.metrics.add("livepeer_stream_created_total")
        try:
            for number, piece in enumerate(_pieces(messages)):
                if number == 0:
                    self._node.metrics.add("livepeer_stream_started_total")
                arguments = (stream, piece, number, client, connection)
                threading.Thread(target=self._segment, args=arguments, daemon=True).start()
        finally:
            self._streams.close(stream)

    def _segment(self, stream: Stream, piece: Piece, number: int, client: str, connection: Connection) -> None:
        packets = (b"G" + bytes(PACKET - 1)) * (piece.size // PACKET + 1)
        try:
            self._streams.transcode(stream, packets, number, ".ts", piece.seconds, client)
        except SegmentFailed:
            golog.panic(NIL_SENDER)
        except StreamStopped:
            connection.close()
        except (InvalidVideo, AttemptsUsedUp) as error:
            golog.error(f'manifestID={stream.name} seqNo={number} Error transcoding err="{error}"')


def _pieces(messages: Iterator[Message]) -> Iterator[Piece]:
    """Cut where a message is as late as a segment is long; the rest when the publisher leaves."""
    size, begin, latest = 0, 0, 0
    try:
        for message in messages:
            if message.kind not in MEDIA:
                continue
            if size and message.time - begin >= SEGMENT_MILLISECONDS:
                yield Piece(size, (message.time - begin) / 1000)
                size, begin = 0, message.time
            size, latest = size + len(message.body), message.time
    except NotRTMP:
        if size:
            yield Piece(size, max(latest - begin, 1) / 1000)
