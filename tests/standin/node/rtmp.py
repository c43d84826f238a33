# SPDX-License-Identifier: GPL-3.0-or-later
"""RTMP as far as a publisher needs it: handshake, connect, createStream, publish, audio and video messages.

What a publisher sends is cut into segments by its time stamps and carried as made-up MPEG-TS packets of the same size: the
stand-in looks into no video.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

HANDSHAKE = 1536
VERSION = b"\x03"
FIRST_CHUNK_SIZE = 128
EXTENDED = 0xFFFFFF
HEADER_SIZES = (11, 7, 3, 0)
SET_CHUNK_SIZE, WINDOW, PEER_BANDWIDTH, AUDIO, VIDEO, DATA, COMMAND = 1, 5, 6, 8, 9, 18, 20
WINDOW_BYTES = 2_500_000
COMMAND_CHANNEL, CONTROL_CHANNEL = 3, 2
MEDIA = (AUDIO, VIDEO)


class NotRTMP(Exception):
    """The other side speaks something else, or has gone."""


@dataclass(frozen=True)
class Message:
    """One message: its kind, its time in milliseconds, its content."""

    kind: int
    time: int
    body: bytes


@dataclass
class _Channel:
    """The last header of a chunk stream, and what has come of its message."""

    time: int = 0
    delta: int = 0
    size: int = 0
    kind: int = 0
    stream: int = 0
    parts: bytearray = field(default_factory=bytearray)


class Connection:
    """One publisher."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._input: BinaryIO = connection.makefile("rb")
        self._channels: dict[int, _Channel] = {}
        self._chunk_size = FIRST_CHUNK_SIZE

    def close(self) -> None:
        """Hangs up."""
        self._input.close()
        self._socket.close()

    def _take(self, size: int) -> bytes:
        try:
            data = self._input.read(size)
        except (OSError, ValueError) as error:
            raise NotRTMP(str(error)) from error
        if len(data) < size:
            raise NotRTMP("EOF")
        return data

    def _give(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise NotRTMP(str(error)) from error

    def shake_hands(self) -> None:
        """The plain handshake, which every publisher takes."""
        if self._take(1) != VERSION:
            raise NotRTMP("no RTMP")
        theirs = self._take(HANDSHAKE)
        self._give(VERSION + bytes(8) + os.urandom(HANDSHAKE - 8) + theirs)
        self._take(HANDSHAKE)

    def messages(self) -> Iterator[Message]:
        """Whole messages, until the other side leaves."""
        while True:
            message = self._chunk()
            if message is None:
                continue
            if message.kind == SET_CHUNK_SIZE:
                self._chunk_size = struct.unpack(">I", message.body[:4])[0] & 0x7FFFFFFF
            else:
                yield message

    def _chunk(self) -> Message | None:
        first = self._take(1)[0]
        number = first & 0x3F
        if number == 0:
            number = 64 + self._take(1)[0]
        elif number == 1:
            low, high = self._take(2)
            number = 64 + low + 256 * high
        channel = self._channels.setdefault(number, _Channel())
        self._read_header(channel, first >> 6)
        channel.parts += self._take(min(self._chunk_size, channel.size - len(channel.parts)))
        if len(channel.parts) < channel.size:
            return None
        message = Message(channel.kind, channel.time, bytes(channel.parts))
        channel.parts.clear()
        return message

    def _read_header(self, channel: _Channel, form: int) -> None:
        header = self._take(HEADER_SIZES[form])
        given = int.from_bytes(header[:3], "big") if form < 3 else channel.delta
        if form < 2:
            channel.size, channel.kind = int.from_bytes(header[3:6], "big"), header[6]
        if form == 0:
            channel.stream = int.from_bytes(header[7:11], "little")
        if given == EXTENDED:
            given = int.from_bytes(self._take(4), "big")
        if channel.parts:
            return
        if form == 0:
            channel.time, channel.delta = given, 0
        else:
            channel.delta = given
            channel.time += given

    def send(self, channel: int, kind: int, body: bytes, stream: int = 0) -> None:
        """One short message in one go."""
        header = bytes([channel]) + bytes(3) + len(body).to_bytes(3, "big") + bytes([kind]) + stream.to_bytes(4, "little")
        chunks = [body[at : at + FIRST_CHUNK_SIZE] for at in range(0, len(body), FIRST_CHUNK_SIZE)]
        self._give(header + bytes([0xC0 | channel]).join(chunks))

    def answer(self, *values: Any, stream: int = 0) -> None:
        """A command back."""
        self.send(COMMAND_CHANNEL, COMMAND, b"".join(encoded(value) for value in values), stream)


def accept(connection: Connection, messages: Iterator[Message]) -> str:
    """Everything up to the publishing: /app/key."""
    app = ""
    for message in messages:
        if message.kind != COMMAND:
            continue
        name, transaction, *rest = decoded(message.body)
        if name == "connect":
            app = str(rest[0].get("app", "")).strip("/")
            connection.send(CONTROL_CHANNEL, WINDOW, struct.pack(">I", WINDOW_BYTES))
            connection.send(CONTROL_CHANNEL, PEER_BANDWIDTH, struct.pack(">IB", WINDOW_BYTES, 2))
            known = {"fmsVer": "FMS/3,0,1,123", "capabilities": 31.0}
            status = {"level": "status", "code": "NetConnection.Connect.Success", "description": "Connection Success."}
            connection.answer("_result", transaction, known, status)
        elif name == "createStream":
            connection.answer("_result", transaction, None, 1.0)
        elif name == "publish":
            key = str(rest[1]) if len(rest) > 1 else ""
            started = {"level": "status", "code": "NetStream.Publish.Start", "description": "Start publishing"}
            connection.answer("onStatus", 0.0, None, started, stream=1)
            return "/" + "/".join(part for part in (app, key.partition("?")[0].strip("/")) if part)
    raise NotRTMP("EOF")


def encoded(value: Any) -> bytes:
    """AMF0"""
    if value is None:
        return b"\x05"
    if isinstance(value, bool):
        return bytes([1, value])
    if isinstance(value, (int, float)):
        return b"\x00" + struct.pack(">d", value)
    if isinstance(value, str):
        text = value.encode("utf-8")
        return b"\x02" + struct.pack(">H", len(text)) + text
    members = b"".join(encoded(name)[1:] + encoded(member) for name, member in value.items())
    return b"\x03" + members + b"\x00\x00\x09"


def decoded(data: bytes) -> list[Any]:
    """All AMF0 values of a command."""
    values, at = [], 0
    while at < len(data):
        value, at = _value(data, at)
        values.append(value)
    return values


def _value(data: bytes, at: int) -> tuple[Any, int]:
    kind, at = data[at], at + 1
    if kind == 0:
        return struct.unpack_from(">d", data, at)[0], at + 8
    if kind == 1:
        return bool(data[at]), at + 1
    if kind == 2:
        return _text(data, at)
    if kind in (3, 8):
        return _members(data, at + (4 if kind == 8 else 0))
    if kind in (5, 6):
        return None, at
    raise NotRTMP(f"AMF0 type {kind}")


def _text(data: bytes, at: int) -> tuple[str, int]:
    size = struct.unpack_from(">H", data, at)[0]
    return data[at + 2 : at + 2 + size].decode("utf-8", "replace"), at + 2 + size


def _members(data: bytes, at: int) -> tuple[dict[str, Any], int]:
    members = {}
    while data[at : at + 3] != b"\x00\x00\x09":
        name, at = _text(data, at)
        members[name], at = _value(data, at)
    return members, at + 3
