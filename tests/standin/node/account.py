# SPDX-License-Identifier: GPL-3.0-or-later
"""The node's Ethereum account (eth/accountmanager.go, go-ethereum accounts/keystore).

A keystore is opened as far as its check sum, which proves the password; the key inside is never decrypted. What stand-ins
sign for each other is a hash that anybody could make: it shows who is meant to have signed what, and protects nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import golog
from .datadir import read_from_file
from .ethereum import NO_ADDRESS, checksummed
from .keccak import keccak256
from .lifecycle import Ended

STANDARD_SCRYPT = {"n": 262_144, "r": 8, "p": 1, "dklen": 32}
SCRYPT_MEMORY = 1 << 29


class KeystoreError(Exception):
    """A key that cannot be used; the start ends with status 0."""


@dataclass(frozen=True)
class Account:
    """An address, in small letters, and the file of its key."""

    address: str
    file: Path

    @property
    def shown(self) -> str:
        """The address as go-ethereum prints it."""
        return checksummed(self.address)


def signature(address: str, message: str) -> str:
    """What a stand-in accepts as this account's signature of this message; "" never is one."""
    return "0x" + hashlib.sha256(f"stand-in signature {address.lower()} {message}".encode()).hexdigest()


def open_account(directory: Path, wanted: str, password: str) -> Account:
    """accountmanager.go:NewAccountManager and Unlock: the wanted account, the first one, or a new one."""
    found = _accounts(directory)
    missing = wanted != NO_ADDRESS and all(one.address != wanted for one in found)
    if not found or missing:
        golog.info("No Ethereum account found. Creating a new account")
        golog.info("This process will create a new Ethereum account for this Livepeer node")
        account = _created(directory, password)
    else:
        golog.info("Found existing ETH account")
        account = next((one for one in found if one.address == wanted), found[0])
        if wanted == NO_ADDRESS:
            golog.info(f"Defaulting to first ETH account in keystore {account.shown}")
    golog.info(f"Using Ethereum account: {account.shown}")
    _unlock(account, read_from_file(password))
    golog.info(f"Unlocked ETH account: {account.shown}")
    return account


def _accounts(directory: Path) -> list[Account]:
    """keystore/account_cache.go: files with an address, by name; links, folders and hidden or backup files are left out."""
    found = []
    for file in sorted(directory.iterdir()) if directory.is_dir() else ():
        if file.name.startswith(".") or file.name.endswith("~") or file.is_symlink() or not file.is_file():
            continue
        try:
            address = str(json.loads(file.read_bytes())["address"]).lower().removeprefix("0x")
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if int(address or "0", 16):
            found.append(Account(f"0x{address}", file))
    return found


def _created(directory: Path, password: str) -> Account:
    """keystore.NewAccount; the password is taken as it was given, be it the path of a file."""
    if not password:
        golog.info("Please enter a passphrase to encrypt the Private Keystore file for the Ethereum account.")
        raise Ended("Error creating Ethereum account manager: no terminal to ask for a passphrase")
    address = keccak256(secrets.token_bytes(64))[-20:].hex()
    salt, hidden = secrets.token_bytes(32), secrets.token_bytes(32)
    derived = _scrypt(password, salt, STANDARD_SCRYPT)
    document = {
        "address": address,
        "crypto": {
            "cipher": "aes-128-ctr",
            "ciphertext": hidden.hex(),
            "cipherparams": {"iv": secrets.token_hex(16)},
            "kdf": "scrypt",
            "kdfparams": {**STANDARD_SCRYPT, "salt": salt.hex()},
            "mac": keccak256(derived[16:32] + hidden).hex(),
        },
        "id": str(uuid.uuid4()),
        "version": 3,
    }
    moment = time.strftime("%Y-%m-%dT%H-%M-%S", time.gmtime())
    file = directory / f"UTC--{moment}.{time.time_ns() % 10**9:09d}Z--{address}"
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as opened:
            json.dump(document, opened)
    except OSError as error:
        raise Ended(f"Error creating Ethereum account manager: {error}") from error
    return Account(f"0x{address}", file)


def _unlock(account: Account, password: str) -> None:
    try:
        _check_password(json.loads(account.file.read_bytes()), password)
    except KeystoreError as error:
        if not password:
            golog.info(f"Please enter the passphrase to unlock Ethereum account {account.shown}")
        raise Ended(f"Error unlocking Ethereum account: {error}") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Ended(f"Error unlocking Ethereum account: {error}") from error


def _check_password(document: dict[str, Any], password: str) -> None:
    """keystore/passphrase.go:DecryptDataV3, up to the check sum."""
    if int(document["version"]) != 3:
        raise KeystoreError(f"version not supported: {document['version']}")
    crypto = document["crypto"]
    if crypto["cipher"] != "aes-128-ctr":
        raise KeystoreError(f"cipher not supported: {crypto['cipher']}")
    parameters = crypto["kdfparams"]
    salt = bytes.fromhex(parameters["salt"])
    if crypto["kdf"] == "scrypt":
        derived = _scrypt(password, salt, parameters)
    elif crypto["kdf"] == "pbkdf2":
        if parameters["prf"] != "hmac-sha256":
            raise KeystoreError(f"unsupported PBKDF2 PRF: {parameters['prf']}")
        derived = hashlib.pbkdf2_hmac("sha256", password.encode("utf-8"), salt, parameters["c"], parameters["dklen"])
    else:
        raise KeystoreError(f"unsupported KDF: {crypto['kdf']}")
    check = keccak256(derived[16:32] + bytes.fromhex(crypto["ciphertext"]))
    if not hmac.compare_digest(check, bytes.fromhex(crypto["mac"])):
        raise KeystoreError("could not decrypt key with given password")


def _scrypt(password: str, salt: bytes, parameters: dict[str, Any]) -> bytes:
    cost = {name: int(parameters[name]) for name in ("n", "r", "p", "dklen")}
    return hashlib.scrypt(password.encode("utf-8", "surrogateescape"), salt=salt, maxmem=SCRYPT_MEMORY, **cost)
