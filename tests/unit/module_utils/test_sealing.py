# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets at rest: what is encrypted, under which name, what the unit reads, and that all comparisons see through it."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from ansible_collections.livepeer.fleet.plugins.module_utils.paths import Paths
from ansible_collections.livepeer.fleet.plugins.module_utils.revisions import AT_REST, NodeFolder, differences
from ansible_collections.livepeer.fleet.plugins.module_utils.sealing import HostKey
from ansible_collections.livepeer.fleet.tests.unit.module_utils.worlds import node

CURRENT = "/etc/livepeer/gateway/current"
UNIT = f"""[Service]
LoadCredential=livepeer.conf:{CURRENT}/livepeer.conf
LoadCredential=orch_secret:{CURRENT}/secrets/orch_secret
LoadCredential=plain:{CURRENT}/plain
LoadCredential=elsewhere:/etc/elsewhere
"""
CONF = "ethUrl @@livepeer-secret:eth_url@@\n"
FILES = {"livepeer.conf": CONF, "livepeer.service": UNIT, "sysusers.conf": "", "plain": "no secret\n", "loose": CONF}
SECRETS = {"eth_url": "https://rpc.example/KEY", "orch_secret": "s3cret-text"}
NODE = node(files=FILES, secrets={"eth_url": {"variable": "x"}, "orch_secret": {"variable": ""}})


class Played:
    """A vault whose key can be another one."""

    def __init__(self, key: str = "one", *, seals: bool = True) -> None:
        self.key = key
        self.seals = seals

    def seal(self, name: str, text: str) -> str:
        return base64.b64encode(f"{self.key}\0{name}\0{text}".encode()).decode()

    def open(self, name: str, sealed: str) -> str | None:
        key, bound, text = base64.b64decode(sealed).decode().split("\0")
        return text if (key, bound) == (self.key, name) else None


def folder(root: Path, vault: Played) -> NodeFolder:
    return NodeFolder(Paths(root), "gateway", vault)


def test_whatever_holds_a_secret_and_is_a_credential_is_encrypted_under_its_name(tmp_path: Path) -> None:
    vault = Played()
    staged = folder(tmp_path, vault).stage(NODE, SECRETS)
    there = {path.relative_to(staged.folder).as_posix() for path in staged.folder.rglob("*") if path.is_file()}
    assert there == {
        *("livepeer.conf.cred", "livepeer.service", "sysusers.conf", "plain", "loose", "revision.json"),
        *("secrets/eth_url.cred", "secrets/orch_secret.cred"),
    }
    assert vault.open("livepeer.conf", (staged.folder / "livepeer.conf.cred").read_text()) == "ethUrl https://rpc.example/KEY\n"
    assert {path.stat().st_mode & 0o777 for path in staged.folder.rglob("*") if path.is_file()} == {0o600}
    assert (
        (staged.folder / "livepeer.service").read_text()
        == f"""[Service]
LoadCredentialEncrypted=livepeer.conf:{CURRENT}/livepeer.conf.cred
LoadCredentialEncrypted=orch_secret:{CURRENT}/secrets/orch_secret.cred
LoadCredential=plain:{CURRENT}/plain
LoadCredential=elsewhere:/etc/elsewhere
"""
    )


def test_comparisons_see_through_it(tmp_path: Path) -> None:
    vault = Played()
    staged = folder(tmp_path, vault).stage(NODE, SECRETS)
    assert differences(staged, NODE, SECRETS) == ()
    assert differences(staged, NODE, {**SECRETS, "eth_url": "https://other.example"}) == ("secret eth_url",)
    (staged.folder / "secrets/orch_secret.cred").write_text(vault.seal("orch_secret", "by hand"))
    assert differences(staged, NODE, SECRETS) == ("secret orch_secret",)
    (staged.folder / "livepeer.conf.cred").write_text(vault.seal("livepeer.conf", "ethUrl https://elsewhere\n"))
    assert differences(staged, NODE, SECRETS) == ("livepeer.conf", "secret orch_secret")


def test_what_another_key_encrypted_or_another_name_bound_counts_as_changed(tmp_path: Path) -> None:
    staged = folder(tmp_path, Played()).stage(NODE, SECRETS)
    reinstalled = folder(tmp_path, Played("another")).revision(staged.name)
    assert reinstalled is not None
    assert differences(reinstalled, NODE, SECRETS) == ("livepeer.conf", "secret eth_url", "secret orch_secret")
    (staged.folder / "secrets/eth_url.cred").write_text((staged.folder / "secrets/orch_secret.cred").read_text())
    assert differences(staged, NODE, SECRETS) == ("secret eth_url",)


def test_a_host_that_has_learnt_to_encrypt_does_so_with_the_next_run(tmp_path: Path) -> None:
    before = folder(tmp_path, Played(seals=False))
    value = before.generate("orch_secret")
    staged = before.stage(NODE, SECRETS)
    after = folder(tmp_path, Played())
    seen = after.revision(staged.name)
    assert seen is not None
    assert differences(seen, NODE, SECRETS) == (AT_REST,)
    assert after.generate("orch_secret") == value, "the same secret"
    assert [path.name for path in (after.folder / "generated").iterdir()] == ["orch_secret.cred"]
    assert ("orch_secret", value) in after.known_secrets() and ("orch_secret", value) in after.known_secrets()
    again = after.stage(NODE, SECRETS)
    assert again.sealed and differences(again, NODE, SECRETS) == ()


@pytest.mark.parametrize("version", [0, 247, 249])
def test_an_older_systemd_cannot(version: int) -> None:
    assert HostKey(version).seals is False
