# SPDX-License-Identifier: GPL-3.0-or-later
"""Transcoding profiles: presets, and the JSON file (lpms ffmpeg/videoprofile.go, server/mediaserver.go)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from . import gojson
from .govalues import ParseError, parse_float

ENCODER_PROFILES = frozenset(("", "none", "h264baseline", "h264main", "h264high", "h264constrainedhigh"))
ENCODERS = frozenset(("", "H.264", "HEVC", "VP8", "VP9"))
FIELDS = {
    "name": "string", "width": "int", "height": "int", "bitrate": "int", "fps": "uint", "fpsDen": "uint",
    "profile": "string", "gop": "string", "encoder": "string", "colorDepth": "int", "chromaFormat": "int",
    "quality": "uint",
}  # fmt: skip

HEIGHTS = {
    "P720p60fps16x9": ("1280x720", 6_000_000), "P720p30fps16x9": ("1280x720", 4_000_000),
    "P720p25fps16x9": ("1280x720", 3_500_000), "P720p30fps4x3": ("960x720", 3_500_000),
    "P576p30fps16x9": ("1024x576", 1_500_000), "P576p25fps16x9": ("1024x576", 1_500_000),
    "P360p30fps16x9": ("640x360", 1_200_000), "P360p25fps16x9": ("640x360", 1_000_000),
    "P360p30fps4x3": ("480x360", 1_000_000), "P240p30fps16x9": ("426x240", 600_000),
    "P240p25fps16x9": ("426x240", 600_000), "P240p30fps4x3": ("320x240", 600_000),
    "P144p30fps16x9": ("256x144", 400_000),
}  # fmt: skip
"""ffmpeg/videoprofile.go:VideoProfileLookup: resolution and bitrate."""

UNSET_DEFAULT = ("P240p30fps4x3", "P360p30fps16x9")
"""server/mediaserver.go:BroadcastJobVideoProfiles, used by every role but a gateway with its flag."""


class ProfileError(ValueError):
    """The profiles cannot be used; a gateway ends with status 2."""


@dataclass(frozen=True)
class Profile:
    """One rendition; the frame rate is whole and rounded up, 0 passes the source's through."""

    name: str
    resolution: str
    bitrate: int
    framerate: int = 0

    @property
    def pixels(self) -> int:
        """Of one frame."""
        width, _, height = self.resolution.partition("x")
        return int(width) * int(height)


def preset(name: str) -> Profile:
    """A built-in profile."""
    resolution, bitrate = HEIGHTS[name]
    return Profile(name, resolution, bitrate, int(name.partition("p")[2].partition("fps")[0]))


def known_presets(names: list[str]) -> list[Profile]:
    """mediaserver.go:parsePresets: blanks are trimmed, unknown names dropped without a word."""
    return [preset(name.strip()) for name in names if name.strip() in HEIGHTS]


def from_option(option: str) -> list[Profile]:
    """mediaserver.go:NewLivepeerServer: a file with content is JSON, anything else is a list of presets."""
    if not option:
        return [preset(name) for name in UNSET_DEFAULT]
    try:
        with open(option, "rb") as file:
            content = file.read()
    except (OSError, ValueError):
        content = b""
    profiles = _from_json(content) if content else known_presets(option.split(","))
    if not profiles:
        raise ProfileError("No transcoding profiles found")
    return profiles


def _from_json(content: bytes) -> list[Profile]:
    try:
        return [_from_struct(item) for item in gojson.structs(gojson.loads(content), FIELDS, "ffmpeg.JsonProfile")]
    except gojson.JSONError as error:
        raise ProfileError(str(error)) from error


def _from_struct(item: dict[str, object]) -> Profile:
    _check_gop(str(item.get("gop", "")))
    if str(item.get("profile", "")).lower() not in ENCODER_PROFILES:
        raise ProfileError("unable to parse the H264 encoder profile: unknown VideoProfile profile name")
    encoder = str(item.get("encoder", ""))
    if encoder not in ENCODERS:
        raise ProfileError(f"Unable to parse encoder profile, unknown encoder: {encoder} unknown codec name")
    width, height, bitrate = (int(str(item.get(key, 0))) for key in ("width", "height", "bitrate"))
    framerate = -(-int(str(item.get("fps", 0))) // (int(str(item.get("fpsDen", 0))) or 1))
    return Profile(str(item.get("name") or f"custom_{width}x{height}_{bitrate}"), f"{width}x{height}", bitrate, framerate)


def _check_gop(gop: str) -> None:
    if gop in ("", "intra"):
        return
    try:
        seconds = parse_float(gop)
    except ParseError as error:
        raise ProfileError(f"cannot parse the GOP value in the transcoding options: {error}") from error
    if seconds < 0:
        raise ProfileError(f"invalid gop value {seconds:f}. Please set it to a positive value")


def wanted_names(text: str) -> list[Profile]:
    """handlers.go:setBroadcastConfigHandler: here blanks are not trimmed."""
    return [preset(name) for name in re.split(",", text) if name in HEIGHTS]
