# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts of a chain as people write them: 0x, 40 hexadecimal digits, and in their capitals the checksum of EIP-55."""

from __future__ import annotations

import re

from ansible_collections.livepeer.fleet.plugins.plugin_utils.keccak import keccak256

ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


def checksummed(address: str) -> str:
    """An address with the capitals of EIP-55: those letters whose digit of the hash is 8 or more."""
    digits = address[2:].lower()
    check = keccak256(digits.encode("ascii")).hex()
    return "0x" + "".join(digit.upper() if int(bit, 16) >= 8 else digit for digit, bit in zip(digits, check, strict=False))


def mistyped(address: str) -> bool:
    """True if an address of capitals and small letters is not the one that its capitals say; of one kind alone it has no checksum."""
    letters = re.sub(r"[0-9]", "", address[2:])
    return letters not in (letters.lower(), letters.upper()) and address != checksummed(address)


def same(one: str, other: str) -> bool:
    """True if two addresses are one account, however they are written, with or without 0x."""
    return _digits(one) == _digits(other)


def _digits(address: str) -> str:
    return address.lower().removeprefix("0x")
