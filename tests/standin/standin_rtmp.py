# SPDX-License-Identifier: GPL-3.0-or-later
"""A publisher by RTMP for the tests: it sends messages of nothing with the times that it is told."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from node.rtmp import COMMAND, HANDSHAKE, VERSION, VIDEO, encoded

COMMANDS, MEDIA = 3, 6
CHUNK = 128


class Publisher:
    """One publisher of rtmp://127.0.0.1:PORT/live/NAME."""

    def __init__(self, port: int, name: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 10)
        self._socket.sendall(VERSION + bytes(HANDSHAKE))
        answer = self._take(1 + 2 * HANDSHAKE)
        self._socket.sendall(answer[1 : 1 + HANDSHAKE])
        where = {"app": "live", "type": "nonprivate", "tcUrl": f"rtmp://127.0.0.1:{port}/live"}
        self._command("connect", 1.0, where)
        self._command("createStream", 2.0, None)
        self._command("publish", 3.0, None, name, "live")

    def _take(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self._socket.recv(size - len(data))
            assert part, "the gateway hung up"
            data += part
        return data

    def _command(self, *values: object) -> None:
        self._send(COMMANDS, COMMAND, 0, b"".join(encoded(value) for value in values))

    def _send(self, channel: int, kind: int, time: int, body: bytes) -> None:
        header = bytes([channel]) + time.to_bytes(3, "big") + len(body).to_bytes(3, "big") + bytes([kind]) + (1).to_bytes(4, "little")
        chunks = [body[at : at + CHUNK] for at in range(0, len(body), CHUNK)]
        self._socket.sendall(header + bytes([0xC0 | channel]).join(chunks))

    def video(self, *times: int) -> None:
        """A video message at each of these milliseconds; one that is 2000 later than a segment's first ends the segment."""
        for time in times:
            self._send(MEDIA, VIDEO, time, bytes(300))

    def is_connected(self) -> bool:
        """Whether the gateway still takes what is sent."""
        self._socket.settimeout(0.2)
        try:
            while data := self._socket.recv(4096):
                assert data
        except TimeoutError:
            return True
        except OSError:
            return False
        return False

    def leave(self) -> None:
        """The end of the stream."""
        self._socket.close()
