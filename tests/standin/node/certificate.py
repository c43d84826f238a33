# SPDX-License-Identifier: GPL-3.0-or-later
"""A self-signed P-256 certificate, made anew at each start (server/cert.go); needs no openssl command."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import time

from . import golog
from .goflags import go_error_text

FIELD = 2**256 - 2**224 + 2**192 + 2**96 - 1
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
GENERATOR = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
LIFETIME_SECONDS = 8765 * 3600

OID_ECDSA_SHA256 = bytes.fromhex("06082a8648ce3d040302")
OID_EC_PUBLIC_KEY = bytes.fromhex("06072a8648ce3d0201")
OID_P256 = bytes.fromhex("06082a8648ce3d030107")
OID_KEY_USAGE = bytes.fromhex("0603551d0f")
OID_EXTENDED_KEY_USAGE = bytes.fromhex("0603551d25")
OID_SERVER_AUTH = bytes.fromhex("06082b06010505070301")
OID_BASIC_CONSTRAINTS = bytes.fromhex("0603551d13")
OID_ALTERNATIVE_NAME = bytes.fromhex("0603551d11")

Point = tuple[int, int] | None


class CertificateError(Exception):
    """A file of the pair could not be written."""


def write_pair(directory: str, host: str) -> tuple[str, str]:
    """cert.go:getCert: key.pem and cert.pem in the data directory, whatever was there."""
    golog.info("Private key and cert not found. Generating")
    certificate, key = os.path.join(directory, "cert.pem"), os.path.join(directory, "key.pem")
    private = secrets.randbelow(ORDER - 1) + 1
    public = _encoded(_multiplied(private, GENERATOR))
    _write_pem(key, "EC PRIVATE KEY", _private_key(private, public))
    golog.info(f"Generating cert for {host}")
    _write_pem(certificate, "CERTIFICATE", _certificate(private, public, host))
    return certificate, key


def _write_pem(path: str, kind: str, content: bytes) -> None:
    text = base64.b64encode(content).decode("ascii")
    lines = "\n".join(text[start : start + 64] for start in range(0, len(text), 64))
    try:
        with open(path, "w", encoding="ascii") as file:
            file.write(f"-----BEGIN {kind}-----\n{lines}\n-----END {kind}-----\n")
    except OSError as error:
        reason = f"open {path}: {go_error_text(error)}"
        golog.error(f"Unable to create file {path}: {reason}")
        raise CertificateError(reason) from error


def _certificate(private: int, public: bytes, host: str) -> bytes:
    algorithm = _sequence(OID_ECDSA_SHA256)
    now = int(time.time())
    body = _sequence(
        _der(0xA0, _integer(2)),
        _integer(secrets.randbits(127)),
        algorithm,
        _sequence(),
        _sequence(_time(now), _time(now + LIFETIME_SECONDS)),
        _sequence(),
        _sequence(_sequence(OID_EC_PUBLIC_KEY, OID_P256), _bits(public)),
        _der(0xA3, _sequence(*_extensions(host))),
    )
    return _sequence(body, algorithm, _bits(_signature(private, body)))


def _extensions(host: str) -> list[bytes]:
    critical = bytes.fromhex("0101ff")
    name = host.encode("idna") if host and not host.isascii() else host.encode("ascii")
    return [
        _sequence(OID_KEY_USAGE, critical, _octets(bytes.fromhex("03020284"))),
        _sequence(OID_EXTENDED_KEY_USAGE, _octets(_sequence(OID_SERVER_AUTH))),
        _sequence(OID_BASIC_CONSTRAINTS, critical, _octets(_sequence(critical))),
        _sequence(OID_ALTERNATIVE_NAME, critical, _octets(_sequence(_der(0x82, name)))),
    ]


def _private_key(private: int, public: bytes) -> bytes:
    return _sequence(_integer(1), _octets(private.to_bytes(32, "big")), _der(0xA0, OID_P256), _der(0xA1, _bits(public)))


def _signature(private: int, body: bytes) -> bytes:
    digest = int.from_bytes(hashlib.sha256(body).digest(), "big")
    while True:
        nonce = secrets.randbelow(ORDER - 1) + 1
        point = _multiplied(nonce, GENERATOR)
        assert point is not None
        first = point[0] % ORDER
        second = pow(nonce, -1, ORDER) * (digest + first * private) % ORDER
        if first and second:
            return _sequence(_integer(first), _integer(second))


def _multiplied(factor: int, point: Point) -> Point:
    result: Point = None
    while factor:
        if factor & 1:
            result = _added(result, point)
        point = _added(point, point)
        factor >>= 1
    return result


def _added(left: Point, right: Point) -> Point:
    if left is None or right is None:
        return left or right
    if left[0] == right[0] and (left[1] + right[1]) % FIELD == 0:
        return None
    if left == right:
        slope = (3 * left[0] * left[0] - 3) * pow(2 * left[1], -1, FIELD)
    else:
        slope = (right[1] - left[1]) * pow(right[0] - left[0], -1, FIELD)
    x = (slope * slope - left[0] - right[0]) % FIELD
    return x, (slope * (left[0] - x) - left[1]) % FIELD


def _encoded(point: Point) -> bytes:
    assert point is not None
    return b"\x04" + point[0].to_bytes(32, "big") + point[1].to_bytes(32, "big")


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def _sequence(*parts: bytes) -> bytes:
    return _der(0x30, b"".join(parts))


def _integer(value: int) -> bytes:
    return _der(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _bits(content: bytes) -> bytes:
    return _der(0x03, b"\0" + content)


def _octets(content: bytes) -> bytes:
    return _der(0x04, content)


def _time(seconds: int) -> bytes:
    return _der(0x17, time.strftime("%y%m%d%H%M%SZ", time.gmtime(seconds)).encode("ascii"))
