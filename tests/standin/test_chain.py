# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in chain by itself, its accounts, and what the stand-in node makes of both."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import standin_bench  # noqa: F401 (it makes chainlib importable)
from chainlib import abi, keys
from chainlib.document import Chain, wei
from node import account
from node.ethereum import Endpoint, RPCFailed, text, word
from node.keccak import keccak256
from node.lifecycle import Ended
from standin_fleet import request

PROGRAMS = Path(__file__).resolve().parents[1] / "chain"
PASSWORD = "long-enough"
NOBODY = "0x" + "0" * 40


@pytest.mark.parametrize(
    ("data", "digest"),
    [
        (b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        (b"abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
        (bytes(136), "3a5912a7c5faa06ee4fe906253e339467a9ce87d533c65be3c15cb231cdb25f9"),
    ],
)
def test_keccak(data: bytes, digest: str) -> None:
    assert keccak256(data).hex() == digest


def test_addresses_follow_from_keys() -> None:
    assert keys.Account((1).to_bytes(32, "big")).address == "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
    assert keys.account("a") == keys.account("a") != keys.account("b")


def test_a_keystore_opens_with_its_password_alone(tmp_path: Path) -> None:
    owner = keys.write(tmp_path, "one", PASSWORD)
    opened = account.open_account(tmp_path / "keystore", NOBODY, str(tmp_path / "password"))
    assert opened.shown == owner.address
    with pytest.raises(Ended, match="could not decrypt key with given password"):
        account.open_account(tmp_path / "keystore", NOBODY, "another-one")


def test_an_account_that_is_not_there_is_made(tmp_path: Path) -> None:
    keys.write(tmp_path, "one", PASSWORD)
    made = account.open_account(tmp_path / "keystore", "0x" + "1" * 40, PASSWORD)
    assert made.shown not in ("0x" + "1" * 40, keys.account("one").address)
    assert account.open_account(tmp_path / "keystore", made.address, PASSWORD) == made
    assert made.file.stat().st_mode & 0o777 == 0o600


def test_short_passwords_are_refused(tmp_path: Path) -> None:
    done = subprocess.run([PROGRAMS / "keys", "one", tmp_path, "--password", "short"], capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "8 characters" in done.stderr


def test_encoding() -> None:
    words = abi.encode(["uint256", "string", "(uint256,bool)", "bytes32[]"], [1, "abc", [2, True], []]).hex()
    heads = [1, 5 * 32, 2, 1, 7 * 32]
    tails = f"{3:064x}" + b"abc".hex().ljust(64, "0") + f"{0:064x}"
    assert words == "".join(f"{one:064x}" for one in heads) + tails
    assert abi.decode(["address", "uint256"], bytes(31) + b"\x01" + bytes(31) + b"\x02") == ["0x" + "0" * 38 + "01", 2]
    assert abi.rlp_items(bytes.fromhex("c88363617483646f67")) == [b"cat", b"dog"]


def test_amounts_are_the_decimals_that_were_written() -> None:
    assert wei(0.36) == 360_000_000_000_000_000
    assert wei("0.1") * 3 == wei("0.3")


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    state = tmp_path / "state.json"
    state.write_text(json.dumps({"orchestrators": [{"address": "0xAA" + "0" * 38, "uri": "https://o:8935"}], "gas_gwei": "0.3"}))
    running = subprocess.Popen([sys.executable, PROGRAMS / "chain", "--port", "0", "--state", state], stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    yield running.stdout.readline().strip()
    running.terminate()
    running.wait()
    running.stdout.close()


def test_questions(url: str) -> None:
    endpoint, controller = Endpoint(url), "0xD8E8328501E9645d16Cf49539efC04f734606ee4"
    assert endpoint.number("eth_chainId") == 31337
    assert endpoint.number("eth_gasPrice") == 300_000_000
    registry = f"0x{word(endpoint.read(controller, 'getContract(bytes32)', keccak256(b'ServiceRegistry'))):040x}"
    assert text(endpoint.read(registry, "getServiceURI(address)", "0xaa" + "0" * 38)) == "https://o:8935"
    assert endpoint.read(registry, "nobodyKnowsThis()") == b""
    with pytest.raises(RPCFailed, match="does not exist"):
        endpoint.ask("eth_nonsense")


def test_steering(url: str) -> None:
    port = int(url.rpartition(":")[2])
    assert request(port, "POST", "/ctl", b'{"gas_gwei": 5, "senders": {"0xAB": {"deposit_eth": 2}}}').status == 200
    assert Endpoint(url).number("eth_gasPrice") == 5_000_000_000
    refused = request(port, "POST", "/ctl", b'{"gas_price": 5}')
    assert refused.status == 400 and "gas_price" in refused.body and "gas_gwei" in refused.body
    before = json.loads(request(port, "GET", "/ctl").body)["state"]
    assert before["senders"] == {"0xab": {"deposit_eth": 2}}
    assert request(port, "POST", "/ctl/event", b'{"event": "new_round"}').status == 200
    assert json.loads(request(port, "GET", "/ctl").body)["state"]["round"] == before["round"] + 1
    assert request(port, "POST", "/ctl", b'{"down": "503"}').status == 200
    with pytest.raises(RPCFailed, match="503"):
        Endpoint(url).number("eth_gasPrice")


def test_a_document_with_unknown_names_starts_nothing() -> None:
    with pytest.raises(KeyError, match="pool_sise"):
        Chain().change({"pool_sise": 1})
