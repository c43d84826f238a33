# SPDX-License-Identifier: GPL-3.0-or-later
"""Keystores by the published test vectors of version 3, and each way to be none."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils import keystores
from ansible_collections.livepeer.fleet.plugins.plugin_utils.keystores import (
    KeystoreError,
    check_account,
    check_password,
    read_keystore,
)

# A vector of the definition of version 3, which says its password.
ADDRESS = "0x008AeEda4D805471dF9b2A5B0f38A0C3bCBA786b"
PASSWORD = "testpassword"
PBKDF2: dict[str, Any] = {
    "address": ADDRESS[2:].lower(),
    "crypto": {
        "cipher": "aes-128-ctr",
        "cipherparams": {"iv": "6087dab2f9fdbbfaddc31a909735c1e6"},
        "ciphertext": "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
        "kdf": "pbkdf2",
        "kdfparams": {
            "c": 262144,
            "dklen": 32,
            "prf": "hmac-sha256",
            "salt": "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd",
        },
        "mac": "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2",
    },
    "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
    "version": 3,
}
# Written by tests/chain/keys for the throw-away account "vector".
LIGHT_PASSWORD = "throw-away password"
LIGHT: dict[str, Any] = {
    "address": "4a198ad37ca4357bd6c432839ef54e4d2bd69316",
    "Crypto": {
        "cipher": "aes-128-ctr",
        "ciphertext": "549b7d696982b604463f8a8d729f7d27fa5ae271b9757cf00875718a55421a49",
        "cipherparams": {"iv": "da3aacbc165caa5daa23e2999e5729e6"},
        "kdf": "scrypt",
        "kdfparams": {
            "n": 4096,
            "r": 8,
            "p": 1,
            "dklen": 32,
            "salt": "9c58e49f685a6d74ddf093ec09f28ba6dabf9cc7b1fa4b703794e3f757b23ac2",
        },
        "mac": "34200dce0820eabc6f34bec4bb77946a67d42cdc796e2ba8698016cad6349bad",
    },
    "id": "00000000-0000-4000-8000-000000000000",
    "version": 3,
}
MATERIAL = (PBKDF2["crypto"]["ciphertext"], PBKDF2["crypto"]["mac"], PBKDF2["crypto"]["kdfparams"]["salt"])

Change = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(("document", "password"), [(PBKDF2, PASSWORD), (LIGHT, LIGHT_PASSWORD)])
def test_vectors_open_with_their_password_alone(document: dict[str, Any], password: str) -> None:
    keystore = read_keystore(json.dumps(document))
    assert keystore.address.lower() == f"0x{document['address']}"
    assert keystore.opened_by(password) is True
    assert keystore.opened_by(f"  {password}\n") is True, "go-livepeer drops blanks around it"
    assert keystore.opened_by("another password") is False
    check_password(keystore, password)
    with pytest.raises(KeystoreError, match=f"does not open the keystore of {keystore.address}"):
        check_password(keystore, "another password")


def test_a_mapping_is_the_same_keystore_and_shows_no_key() -> None:
    keystore = read_keystore(PBKDF2)
    assert keystore == read_keystore(json.dumps(PBKDF2, indent=2))
    assert not any(material in repr(keystore) for material in MATERIAL)


def test_its_account_in_any_spelling_and_no_other() -> None:
    keystore = read_keystore(PBKDF2)
    for spelling in (ADDRESS, ADDRESS.lower(), ""):
        check_account(keystore, spelling)
    with pytest.raises(KeystoreError) as error:
        check_account(keystore, "0x" + "ab" * 20)
    assert (error.value.got, error.value.limit) == (ADDRESS, "0x" + "ab" * 20)


@pytest.mark.parametrize("limit", ["MOST_WORK", "MOST_MEMORY"])
def test_what_costs_too_much_is_not_tried(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keystores, limit, 1000)
    assert read_keystore(LIGHT).opened_by("whatever") is None
    check_password(read_keystore(LIGHT), "whatever")


def test_what_openssl_cannot_derive_is_not_tried() -> None:
    document = copy.deepcopy(LIGHT)
    document["Crypto"]["kdfparams"] |= {"n": 262144, "r": 1, "p": 8}
    assert read_keystore(document).opened_by("whatever") is None


def change(path: str, value: object) -> Change:
    def changed(document: dict[str, Any]) -> None:
        *folders, name = path.split(".")
        for folder in folders:
            document = document[folder]
        if value is None:
            del document[name]
        else:
            document[name] = value

    return changed


@pytest.mark.parametrize(
    ("wrong", "message", "got"),
    [
        (change("version", "3"), "not of version 3", 'version "3"'),
        (change("version", 1), "not of version 3", "version 1"),
        (change("version", None), "not of version 3", "no version"),
        (change("crypto", None), "has no crypto", "address, id, version"),
        (change("address", None), "does not say the address", "nothing"),
        (change("address", "0" * 40), "does not say the address", "40 characters"),
        (change("address", "ab"), "does not say the address", "2 characters"),
        (change("id", None), "no id that is a UUID", "address, crypto, version"),
        (change("crypto.cipher", "aes-256-cbc"), "of this cipher", "aes-256-cbc"),
        (change("crypto.cipherparams.iv", "00"), "cipherparams.iv", "2 characters"),
        (change("crypto.ciphertext", PBKDF2["crypto"]["ciphertext"][:-1]), "crypto.ciphertext", "63 characters"),
        (change("crypto.mac", "zz" * 32), "crypto.mac", "64 characters"),
        (change("crypto.mac", 12), "crypto.mac", "a number"),
        (change("crypto.kdf", "argon2"), "key derivation", "argon2"),
        (change("crypto.kdfparams", None), "no crypto.kdfparams", "cipher, cipherparams, ciphertext, kdf, mac"),
        (change("crypto.kdfparams.c", "262144"), "kdfparams.c is no number", "text"),
        (change("crypto.kdfparams.dklen", 16), "dklen is too small", "16"),
        (change("crypto.kdfparams.prf", "hmac-sha1"), "kdfparams.prf", "hmac-sha1"),
        (change("crypto.kdfparams.salt", "abc"), "kdfparams.salt", "3 characters"),
    ],
)
def test_near_misses_are_explained(wrong: Change, message: str, got: str) -> None:
    document = copy.deepcopy(PBKDF2)
    wrong(document)
    with pytest.raises(KeystoreError, match=message) as error:
        read_keystore(json.dumps(document))
    assert error.value.got == got
    told = f"{error.value} {error.value.got} {error.value.limit} {error.value.hint}"
    assert not any(material in told for material in MATERIAL)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("4c0883a69102937d6231471b5dbb6204fe512961708279feb1be6ae5538da033", "private key in clear text"),
        ("/home/op/.lpData/keystore/UTC--2024-01-01", "path of a keystore"),
        ("{not: json}", "is not JSON"),
        ("[1, 2]", "not a JSON object"),
    ],
)
def test_what_is_no_document_is_named(text: str, message: str) -> None:
    with pytest.raises(KeystoreError, match=message) as error:
        read_keystore(text)
    assert "4c0883" not in f"{error.value}{error.value.got}{error.value.hint}"
