# SPDX-License-Identifier: GPL-3.0-or-later
"""Keccak-256 as Ethereum uses it; ``hashlib`` has only the standardised SHA-3, which pads otherwise."""

from __future__ import annotations

_RATE = 136
_WORD = (1 << 64) - 1


def _constants() -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:
    """Round constants (the shift register of FIPS 202, algorithm 5), and for each lane where rho and pi bring it, and how rotated."""
    rounds, register = [], 1
    for _round in range(24):
        constant = 0
        for bit in range(7):
            constant |= (register & 1) << ((1 << bit) - 1)
            register = (register << 1) ^ (0x171 if register & 0x80 else 0)
        rounds.append(constant)
    moves, x, y = {0: (0, 0)}, 1, 0
    for step in range(24):
        moves[x + 5 * y] = (y + 5 * ((2 * x + 3 * y) % 5), (step + 1) * (step + 2) // 2 % 64)
        x, y = y, (2 * x + 3 * y) % 5
    return tuple(rounds), tuple(moves[lane] for lane in range(25))


_ROUNDS, _MOVES = _constants()


def keccak256(data: bytes) -> bytes:
    """The 32 bytes of the hash."""
    padded = bytearray(data) + bytes(_RATE - len(data) % _RATE)
    padded[len(data)] ^= 0x01
    padded[-1] ^= 0x80
    state = [0] * 25
    for start in range(0, len(padded), _RATE):
        for lane in range(_RATE // 8):
            state[lane] ^= int.from_bytes(padded[start + 8 * lane : start + 8 * lane + 8], "little")
        state = _permuted(state)
    return b"".join(lane.to_bytes(8, "little") for lane in state[:4])


def _permuted(state: list[int]) -> list[int]:
    """Keccak-f[1600]: theta, rho with pi, chi, iota, 24 times."""
    for constant in _ROUNDS:
        columns = [state[x] ^ state[x + 5] ^ state[x + 10] ^ state[x + 15] ^ state[x + 20] for x in range(5)]
        mixed = [columns[(x + 4) % 5] ^ _rotated(columns[(x + 1) % 5], 1) for x in range(5)]
        moved = [0] * 25
        for lane, (to, by) in enumerate(_MOVES):
            moved[to] = _rotated(state[lane] ^ mixed[lane % 5], by)
        state = [
            moved[lane] ^ (~moved[lane - lane % 5 + (lane + 1) % 5] & moved[lane - lane % 5 + (lane + 2) % 5]) & _WORD for lane in range(25)
        ]
        state[0] ^= constant
    return state


def _rotated(lane: int, by: int) -> int:
    return ((lane << by) | (lane >> (64 - by))) & _WORD
