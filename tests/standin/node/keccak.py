# SPDX-License-Identifier: GPL-3.0-or-later
"""Keccak-256 as Ethereum uses it (golang.org/x/crypto/sha3.NewLegacyKeccak256); hashlib has only the standardised SHA-3."""

from __future__ import annotations

RATE = 136
LANES = 25
WORD = (1 << 64) - 1
ROTATIONS = (0, 1, 62, 28, 27, 36, 44, 6, 55, 20, 3, 10, 43, 25, 39, 41, 45, 15, 21, 8, 18, 2, 61, 56, 14)
SWAPPED = tuple(5 * ((2 * x + 3 * y) % 5) + y for y in range(5) for x in range(5))
"""Where each lane goes: (x, y) to (y, 2x + 3y)"""


def _round_constants() -> tuple[int, ...]:
    """The linear feedback shift register of FIPS 202, algorithm 5."""
    constants, register = [], 1
    for _ in range(24):
        constant = 0
        for bit in range(7):
            if register & 1:
                constant |= 1 << ((1 << bit) - 1)
            register = (register << 1) ^ (0x171 if register & 0x80 else 0)
        constants.append(constant)
    return tuple(constants)


ROUND_CONSTANTS = _round_constants()


def keccak256(data: bytes) -> bytes:
    """The 32 bytes of the hash."""
    padded = bytearray(data) + bytes(RATE - len(data) % RATE)
    padded[len(data)] ^= 0x01
    padded[-1] ^= 0x80
    state = [0] * LANES
    for start in range(0, len(padded), RATE):
        for lane in range(RATE // 8):
            at = start + 8 * lane
            state[lane] ^= int.from_bytes(padded[at : at + 8], "little")
        state = _permuted(state)
    return b"".join(lane.to_bytes(8, "little") for lane in state[:4])


def _permuted(state: list[int]) -> list[int]:
    """Keccak-f[1600]"""
    for constant in ROUND_CONSTANTS:
        columns = [state[x] ^ state[x + 5] ^ state[x + 10] ^ state[x + 15] ^ state[x + 20] for x in range(5)]
        mixed = [columns[(x - 1) % 5] ^ _rotated(columns[(x + 1) % 5], 1) for x in range(5)]
        moved = [0] * LANES
        for lane in range(LANES):
            moved[SWAPPED[lane]] = _rotated(state[lane] ^ mixed[lane % 5], ROTATIONS[lane])
        state = [
            moved[lane] ^ (~moved[lane - lane % 5 + (lane + 1) % 5] & moved[lane - lane % 5 + (lane + 2) % 5]) & WORD
            for lane in range(LANES)
        ]
        state[0] ^= constant
    return state


def _rotated(lane: int, by: int) -> int:
    return ((lane << by) | (lane >> (64 - by))) & WORD
