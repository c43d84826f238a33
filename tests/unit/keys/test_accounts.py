# SPDX-License-Identifier: GPL-3.0-or-later
"""Keccak-256 by published vectors, and the checksum of EIP-55 by the examples of its text."""

from __future__ import annotations

import hashlib

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils import keccak
from ansible_collections.livepeer.fleet.plugins.plugin_utils.accounts import checksummed, mistyped, same
from ansible_collections.livepeer.fleet.plugins.plugin_utils.keccak import keccak256
from hypothesis import given
from hypothesis import strategies as st

EIP_55 = (
    "0x52908400098527886E0F7030069857D2E4169EE7",
    "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
    "0xde709f2102306220921060314715629080e2fb77",
    "0x27b1fdb04752bbc536007a920d24acb045561c26",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
)


@pytest.mark.parametrize(
    ("data", "digest"),
    [
        (b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        (b"abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
        (b"testing", "5f16f4c7f149ac4f9510d9cf8cf384038ad348b3bcdc01915f95de12df9d1b02"),
    ],
)
def test_published_vectors(data: bytes, digest: str) -> None:
    assert keccak256(data).hex() == digest


def test_the_permutation_is_the_one_of_sha3() -> None:
    """With the padding of SHA-3 in the place of its own it has to be SHA-3, at every length around a block."""

    def padded(data: bytes) -> bytes:
        # SHA-3 differs in its first byte of padding only: 0x06 in the place of 0x01.
        state = [0] * 25
        block = bytearray(data) + bytes(136 - len(data) % 136)
        block[len(data)] ^= 0x06
        block[-1] ^= 0x80
        for start in range(0, len(block), 136):
            for lane in range(17):
                state[lane] ^= int.from_bytes(block[start + 8 * lane : start + 8 * lane + 8], "little")
            state = keccak._permuted(state)
        return b"".join(lane.to_bytes(8, "little") for lane in state[:4])

    for length in (0, 1, 135, 136, 137, 271, 272, 400):
        data = bytes(range(256))[: length % 256] * (1 + length // 256)
        assert padded(data) == hashlib.sha3_256(data).digest()
        assert keccak256(data) != hashlib.sha3_256(data).digest()


@pytest.mark.parametrize("address", EIP_55)
def test_the_examples_of_eip_55(address: str) -> None:
    assert checksummed(address.lower()) == address
    assert not mistyped(address)


@given(st.binary(min_size=20, max_size=20))
def test_one_letter_of_the_wrong_case_is_mistyped_unless_all_are_alike(digits: bytes) -> None:
    address = checksummed("0x" + digits.hex())
    assert not mistyped(address)
    assert not mistyped(address.lower())
    assert not mistyped("0x" + address[2:].upper())
    assert same(address, address.lower()[2:])
    for place in range(2, 42):
        other = address[:place] + address[place].swapcase() + address[place + 1 :]
        letters = [letter for letter in other[2:] if letter.isalpha()]
        alike = all(letter.islower() for letter in letters) or all(letter.isupper() for letter in letters)
        assert mistyped(other) == (other != address and not alike)
