# SPDX-License-Identifier: GPL-3.0-or-later
"""Renditions in a multipart/mixed answer (server/mediaserver.go:HandlePush)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

MIME_TYPES = {".ts": "video/mp2t", ".mp4": "video/mp4"}


@dataclass(frozen=True)
class Rendition:
    """One transcoded segment."""

    profile: str
    data: bytes


def encode(renditions: list[Rendition], sequence: int, extension: str) -> tuple[str, bytes]:
    """Content type and body."""
    boundary = secrets.token_hex(10)
    parts = []
    for rendition in renditions:
        name = f'"{rendition.profile}_{sequence}{extension}"'
        head = (
            f"--{boundary}\r\nContent-Disposition: attachment; filename={name}\r\n"
            f"Content-Length: {len(rendition.data)}\r\nContent-Type: {MIME_TYPES[extension]}; name={name}\r\n"
            f"Rendition-Name: {rendition.profile}\r\n\r\n"
        )
        parts.append(head.encode("utf-8") + rendition.data + b"\r\n")
    return f"multipart/mixed; boundary={boundary}", b"".join(parts) + f"--{boundary}--\r\n".encode("ascii")
