# SPDX-License-Identifier: GPL-3.0-or-later
"""Keystores: what geth writes for one account (version 3), looked at before go-livepeer does, which explains nothing and exits with 0.

No text made here holds anything of a key but the address of its account.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.livepeer.fleet.plugins.plugin_utils.accounts import checksummed, same
from ansible_collections.livepeer.fleet.plugins.plugin_utils.keccak import keccak256

VERSION = 3
CIPHER = "aes-128-ctr"
PRF = "hmac-sha256"
KDF_PARAMETERS: Mapping[str, tuple[str, ...]] = {"scrypt": ("n", "r", "p"), "pbkdf2": ("c",)}
"""Key derivations that go-ethereum opens, and their numbers (accounts/keystore/passphrase.go:getKDFKey)."""

LEAST_DERIVED = 32
"""Bytes that go-ethereum takes of a derived key."""

MOST_WORK = 1 << 24
"""Blocks of scrypt, or rounds of PBKDF2, up to which a password is tried: geth's standard takes 2**21 and about a second."""

MOST_MEMORY = 1 << 29
"""Bytes that scrypt may take for that: geth's standard takes 2**28."""

_HEX = re.compile(r"[0-9a-fA-F]*")
_ADDRESS = re.compile(r"(0x)?[0-9a-fA-F]{40}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class KeystoreError(Exception):
    """What is wrong with a keystore, for an operator.

    Attributes:
        got: what stands there; never key material.
        limit: what has to stand there.
        hint: what to do.
    """

    def __init__(self, message: str, *, got: str = "", limit: str = "a keystore of version 3, as geth writes it", hint: str = "") -> None:
        super().__init__(message)
        self.got = got
        self.limit = limit
        self.hint = hint or "the text of the file UTC--… of the account, as `geth account new` wrote it"


@dataclass(frozen=True)
class Keystore:
    """A keystore that go-ethereum would try to open.

    Attributes:
        address: of its account as its file says it, with the capitals of EIP-55.
    """

    address: str
    _crypto: Mapping[str, Any] = field(repr=False, compare=False)

    def opened_by(self, password: str) -> bool | None:
        """True if the password opens it; None if it cannot be tried here, or costs more than it should (``MOST_WORK``, ``MOST_MEMORY``).

        Args:
            password: go-livepeer drops blanks around it (common/readfromfile.go:ReadFromFile).
        """
        derived = self._derived(password.strip())
        if derived is None:
            return None
        seal = keccak256(derived[16:32] + bytes.fromhex(self._crypto["ciphertext"]))
        return hmac.compare_digest(seal, bytes.fromhex(self._crypto["mac"]))

    def _derived(self, password: str) -> bytes | None:
        parameters = _lowered(self._crypto["kdfparams"])
        salt, length = bytes.fromhex(parameters["salt"]), parameters["dklen"]
        if self._crypto["kdf"] == "pbkdf2":
            if parameters["c"] > MOST_WORK:
                return None
            return hashlib.pbkdf2_hmac("sha256", password.encode("utf-8"), salt, parameters["c"], length)
        n, r, p = (parameters[name] for name in KDF_PARAMETERS["scrypt"])
        memory = 128 * r * (n + p + 2)
        if n * r * p > MOST_WORK or memory > MOST_MEMORY:
            return None
        try:
            return hashlib.scrypt(password.encode("utf-8"), salt=salt, n=n, r=r, p=p, dklen=length, maxmem=memory + (1 << 20))
        except ValueError:  # OpenSSL takes fewer combinations than Go's scrypt, r=1 with a large n for instance
            return None


def read_keystore(value: object) -> Keystore:
    """A keystore from its text, or from what YAML or a template made of it.

    Raises:
        KeystoreError: go-livepeer could not use it, in one line.
    """
    document = _lowered(_document(value))
    _check_version(document)
    crypto = document.get("crypto")
    if not isinstance(crypto, Mapping):
        raise KeystoreError(
            "the keystore has no crypto, so there is no key in it", got=_keys(document), limit="address, crypto, id, version"
        )
    crypto = _lowered(crypto)
    _check_cipher(crypto)
    _check_derivation(crypto)
    if not _UUID.fullmatch(str(document.get("id", ""))):
        raise KeystoreError("the keystore has no id that is a UUID, without which go-ethereum does not open it", got=_keys(document))
    return Keystore(_address(document), crypto)


def _document(value: object) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    text = str(value).strip()
    try:
        document = json.loads(text)
    except ValueError:
        raise KeystoreError(_no_json(text), got=f"{len(text)} characters", hint=_hint_for(text)) from None
    if not isinstance(document, Mapping):
        raise KeystoreError("the keystore is not a JSON object", got=f"JSON, but {_kind(document)}")
    return document


def _no_json(text: str) -> str:
    if re.fullmatch(r"(0x)?[0-9a-fA-F]{64}", text):
        return "this looks like a private key in clear text, not like a keystore"
    if text.startswith(("/", "./", "~", "UTC--")) and "\n" not in text:
        return "this looks like the path of a keystore, not like a keystore"
    return "the keystore is not JSON"


def _hint_for(text: str) -> str:
    if "private key" in _no_json(text):
        return "import it (geth account import) and give the file that this writes; treat that key as known to others"
    if "path" in _no_json(text):
        return "the variable that ends in keystore_file takes a path on the controller"
    return ""


def _check_version(document: Mapping[str, Any]) -> None:
    version = document.get("version")
    if isinstance(version, bool) or version != VERSION:
        got = "no version" if version is None else f"version {json.dumps(version)[:20]}"
        quoted = str(version) == str(VERSION)
        hint = "3 without quotes" if quoted else "open it with geth and write it again: geth account update" if version else ""
        raise KeystoreError(f"the keystore is not of version {VERSION}", got=got, limit=f"version {VERSION}, a number", hint=hint)


def _check_cipher(crypto: Mapping[str, Any]) -> None:
    if crypto.get("cipher") != CIPHER:
        raise KeystoreError("go-ethereum opens no keystore of this cipher", got=str(crypto.get("cipher"))[:40], limit=CIPHER)
    parameters = crypto.get("cipherparams")
    _check_hex(parameters.get("iv") if isinstance(parameters, Mapping) else None, "crypto.cipherparams.iv", 16)
    _check_hex(crypto.get("ciphertext"), "crypto.ciphertext", 32)
    _check_hex(crypto.get("mac"), "crypto.mac", 32)


def _check_derivation(crypto: Mapping[str, Any]) -> None:
    kdf = str(crypto.get("kdf"))
    if kdf not in KDF_PARAMETERS:
        raise KeystoreError("go-ethereum knows no such key derivation", got=kdf[:40], limit=" or ".join(KDF_PARAMETERS))
    parameters = crypto.get("kdfparams")
    if not isinstance(parameters, Mapping):
        raise KeystoreError("the keystore has no crypto.kdfparams", got=_keys(crypto))
    parameters = _lowered(parameters)
    for name in ("dklen", *KDF_PARAMETERS[kdf]):
        number = parameters.get(name)
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise KeystoreError(f"crypto.kdfparams.{name} is no number above 0", got=_kind(number), limit="a number, not in quotes")
    if parameters["dklen"] < LEAST_DERIVED:
        raise KeystoreError("crypto.kdfparams.dklen is too small", got=str(parameters["dklen"]), limit=f"{LEAST_DERIVED} or more")
    if kdf == "scrypt" and (parameters["n"] < 2 or parameters["n"] & (parameters["n"] - 1)):
        raise KeystoreError("crypto.kdfparams.n is no power of two", got=str(parameters["n"]))
    if kdf == "pbkdf2" and parameters.get("prf") != PRF:
        raise KeystoreError("go-ethereum knows no such crypto.kdfparams.prf", got=str(parameters.get("prf"))[:40], limit=PRF)
    _check_hex(parameters.get("salt"), "crypto.kdfparams.salt", None)


def _check_hex(value: object, name: str, length: int | None) -> None:
    """A finding never shows what stands there."""
    limit = "hexadecimal digits" if length is None else f"{2 * length} hexadecimal digits"
    if not isinstance(value, str) or not _HEX.fullmatch(value) or len(value) % 2 or (length is not None and len(value) != 2 * length):
        got = f"{len(value)} characters" if isinstance(value, str) else _kind(value)
        raise KeystoreError(
            f"{name} of the keystore is not {limit}", got=got, limit=limit, hint="take the file anew, it was cut or changed"
        )


def _address(document: Mapping[str, Any]) -> str:
    address = document.get("address")
    if not isinstance(address, str) or not _ADDRESS.fullmatch(address) or not int(address, 16):
        got = _kind(address) if not isinstance(address, str) else f"{len(address)} characters"
        message = "the keystore does not say the address of its account: go-livepeer overlooks such a file and makes a new account"
        raise KeystoreError(message, got=got, limit="address, 40 hexadecimal digits")
    return checksummed("0x" + address.lower().removeprefix("0x"))


def check_account(keystore: Keystore, account: str) -> None:
    """KeystoreError if a keystore is of another account than the configured one."""
    if account and not same(keystore.address, account):
        message = "the keystore is of another account than the configured one: go-livepeer would make a new account"
        raise KeystoreError(message, got=keystore.address, limit=account, hint="the keystore of that account, or the address of this one")


def check_password(keystore: Keystore, password: str) -> None:
    """KeystoreError if a password does not open a keystore; nothing is said where trying costs too much."""
    if keystore.opened_by(password) is False:
        message = f"the password does not open the keystore of {keystore.address}"
        raise KeystoreError(message, got="another password", limit="the password it was made with", hint="the password of this very file")


def _lowered(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Keys in small letters: Go's JSON takes them in any case, and old files say Crypto."""
    return {str(key).lower(): value for key, value in mapping.items()}


def _keys(mapping: Mapping[str, Any]) -> str:
    return ", ".join(sorted(map(str, mapping)))[:80] or "nothing"


def _kind(value: object) -> str:
    names = {str: "text", int: "a number", bool: "true or false", float: "a number", list: "a list", dict: "a dictionary"}
    return "nothing" if value is None else names.get(type(value), "something else")
