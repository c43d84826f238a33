# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixed throw-away accounts: one private key a name, so that an address can be written into a test. Never send them money."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from .abi import keccak

SHORTEST_PASSWORD = 8
"""The collection refuses shorter secrets (LPF404)."""

SCRYPT = {"n": 4096, "r": 8, "p": 1, "dklen": 32}
"""go-ethereum's light cost: a start should not take seconds for an account that holds nothing."""


@dataclass(frozen=True)
class Account:
    """A private key and what follows from it."""

    private: bytes

    @property
    def address(self) -> str:
        """With the capitals of EIP-55."""
        numbers = ec.derive_private_key(int.from_bytes(self.private, "big"), ec.SECP256K1()).public_key().public_numbers()
        plain = keccak(numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big"))[-20:].hex()
        check = keccak(plain).hex()
        return "0x" + "".join(digit.upper() if int(bit, 16) >= 8 else digit for digit, bit in zip(plain, check, strict=False))


def account(name: str) -> Account:
    """The account of this name, always the same."""
    return Account(keccak(f"livepeer.fleet throw-away account {name}"))


def keystore(owner: Account, password: str) -> dict[str, Any]:
    """A version 3 keystore as geth writes it."""
    salt, start = os.urandom(32), os.urandom(16)
    derived = hashlib.scrypt(password.encode("utf-8"), salt=salt, maxmem=1 << 26, **SCRYPT)
    cipher = Cipher(algorithms.AES(derived[:16]), modes.CTR(start)).encryptor()
    hidden = cipher.update(owner.private) + cipher.finalize()
    return {
        "address": owner.address[2:].lower(),
        "crypto": {
            "cipher": "aes-128-ctr",
            "ciphertext": hidden.hex(),
            "cipherparams": {"iv": start.hex()},
            "kdf": "scrypt",
            "kdfparams": {**SCRYPT, "salt": salt.hex()},
            "mac": keccak(derived[16:32] + hidden).hex(),
        },
        "id": "00000000-0000-4000-8000-000000000000",
        "version": 3,
    }


def write(folder: Path, name: str, password: str) -> Account:
    """`folder/keystore/UTC--…` and `folder/password`."""
    if len(password) < SHORTEST_PASSWORD:
        raise ValueError(f"the collection takes no password shorter than {SHORTEST_PASSWORD} characters")
    owner = account(name)
    (folder / "keystore").mkdir(parents=True, exist_ok=True)
    file = folder / "keystore" / f"UTC--2024-01-01T00-00-00.000000000Z--{owner.address[2:].lower()}"
    file.write_text(json.dumps(keystore(owner, password)) + "\n", "utf-8")
    (folder / "password").write_text(password + "\n", "utf-8")
    return owner
