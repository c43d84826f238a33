# SPDX-License-Identifier: GPL-3.0-or-later
"""The small pieces: files, lock, redaction, sockets, what systemd prints, the CLI port."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from ansible_collections.livepeer.fleet.plugins.module_utils import commands, files, lock
from ansible_collections.livepeer.fleet.plugins.module_utils.admin_api import AdminApi, Identity
from ansible_collections.livepeer.fleet.plugins.module_utils.errors import HostError, reason
from ansible_collections.livepeer.fleet.plugins.module_utils.paths import Paths
from ansible_collections.livepeer.fleet.plugins.module_utils.redact import SHORTEST, redact
from ansible_collections.livepeer.fleet.plugins.module_utils.sockets import Socket, addresses_of, listening, overlap
from ansible_collections.livepeer.fleet.plugins.module_utils.systemd import parse_state
from ansible_collections.livepeer.fleet.tests.unit.module_utils.worlds import answers
from hypothesis import given
from hypothesis import strategies as st


def test_replace_writes_over_a_leftover(tmp_path: Path) -> None:
    (tmp_path / ".a.new").write_text("of a killed run")
    files.replace(tmp_path / "a", "one", 0o600)
    files.replace(tmp_path / "a", "two", 0o644)
    assert (tmp_path / "a").read_text() == "two"
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644
    assert os.listdir(tmp_path) == ["a"]


def test_replace_does_not_follow_links(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("untouched")
    (tmp_path / ".a.new").symlink_to(tmp_path / "victim")
    files.replace(tmp_path / "a", "mine", 0o600)
    assert (tmp_path / "victim").read_text() == "untouched"


def test_point_and_remove(tmp_path: Path) -> None:
    files.point(tmp_path / "link", "one")
    files.point(tmp_path / "link", "two")
    assert os.readlink(tmp_path / "link") == "two"
    (tmp_path / "two").mkdir()
    files.remove(tmp_path / "link")
    assert os.listdir(tmp_path) == ["two"], "the link went, not what it points to"
    files.remove(tmp_path / "not-there")


def test_reason_names_the_file() -> None:
    assert reason(OSError(28, "No space", "/etc/x")) == "/etc/x: no space left on the device"


def test_lock_names_its_holder_and_is_freed(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    with lock.exclusive(paths), pytest.raises(HostError, match=f"process {os.getpid()} holds"), lock.exclusive(paths):
        pass
    with lock.exclusive(paths):
        pass


def test_lock_of_a_killed_run_is_free(tmp_path: Path) -> None:
    code = f"import os, signal; from {lock.__name__} import exclusive; from {Paths.__module__} import Paths; from pathlib import Path\n"
    code += f"with exclusive(Paths(Path({str(tmp_path)!r}))): os.kill(os.getpid(), signal.SIGKILL)"
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, check=False)
    with lock.exclusive(Paths(tmp_path)):
        assert Paths(tmp_path).lock.exists()


def test_commands_are_bounded_and_see_nothing_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LP_ETHURL", "secret")
    assert "LP_ETHURL" not in commands.run(["env"]).output
    assert commands.run(["sh", "-c", "echo out; echo err >&2; exit 3"], hide_output=True) == commands.Done(3, "", "err\n")
    with pytest.raises(HostError, match="did not end within"):
        commands.run(["sleep", "60"], seconds=0.1)
    with pytest.raises(HostError, match="is not on this host"):
        commands.run(["no-such-program"])


SECRETS = [
    ("eth_url", "https://user:passw0rd@rpc.example/v2/KEY-4711-KEY?token=tok-4711-tok"),
    ("orch_secret", "s3cret-text"),
    ("short", "on"),
]


@pytest.mark.parametrize(
    "text",
    [
        "dial https://user:passw0rd@rpc.example/v2/KEY-4711-KEY?token=tok-4711-tok: refused",
        'Post "https://rpc.example/v2/KEY-4711-KEY": EOF',
        "token tok-4711-tok",
        "amqp://somebody:else@host/",
        "value=s3cret-text",
        "v=https%3A%2F%2Fuser%3Apassw0rd%40rpc.example%2Fv2%2FKEY-4711-KEY%3Ftoken%3Dtok-4711-tok",
    ],
)
def test_redacted(text: str) -> None:
    shown = redact(text, SECRETS)
    assert not [word for word in ("passw0rd", "4711", "s3cret", "somebody", "else@") if word in shown], shown


def test_redaction_keeps_what_helps() -> None:
    assert redact("rpc.example is on, KEY", SECRETS) == "rpc.example is on, KEY"


@given(st.text(min_size=SHORTEST), st.text(), st.text())
def test_a_secret_never_survives(secret: str, before: str, after: str) -> None:
    value = secret.strip()
    if len(value) >= SHORTEST and value not in "[secret name][hidden]":
        shown = redact(f"{before}{value}{after}", [("name", value)])
        assert value not in shown.replace("[secret name]", "").replace("[hidden]", "") or value in before + after


HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
REST = "00000000:00000000 00:00000000 00000000     0        0"
NOBODY, NOBODY6 = "00000000:0000", f"{'0' * 32}:0000"
TABLES = {
    "tcp": [f"0100007F:172F {NOBODY} 0A {REST} 1001 1", f"0100007F:172F 0100007F:C001 01 {REST} 1002 1"],
    "tcp6": [f"{'0' * 32}:22E7 {NOBODY6} 0A {REST} 1003 1", f"0000000000000000FFFF00000100007F:1F90 {NOBODY6} 0A {REST} 1004 1"],
    "udp": [f"00000000:0035 {NOBODY} 07 {REST} 1005 2", f"0100007F:D431 0100007F:0035 01 {REST} 1006 2"],
}


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    (tmp_path / "net").mkdir()
    for name, lines in TABLES.items():
        rows = [f"   {number}: {line}" for number, line in enumerate(lines)]
        (tmp_path / "net" / name).write_text("\n".join([HEADER, *rows]) + "\n")
    processes = {
        11: (["1001", "1002"], "0::/system.slice/livepeer-gateway.service\n", "livepeer"),
        12: (["1003"], "12:pids:/x\n1:name=systemd:/docker/abc/system.slice/livepeer-orchestrator.service/sub\n", "livepeer"),
        13: (["1004"], "0::/user.slice/user-0.slice/session-1.scope\n", "nc"),
    }
    for pid, (inodes, cgroup, comm) in processes.items():
        folder = tmp_path / str(pid) / "fd"
        folder.mkdir(parents=True)
        for number, inode in enumerate(inodes):
            (folder / str(number)).symlink_to(f"socket:[{inode}]")
        (folder / "9").symlink_to("/dev/null")
        (tmp_path / str(pid) / "cgroup").write_text(cgroup)
        (tmp_path / str(pid) / "comm").write_text(comm + "\n")
    return tmp_path


def test_listening_sockets_and_their_owners(proc: Path) -> None:
    assert listening(proc) == (
        Socket("udp", "0.0.0.0", 53, 0, "", ""),
        Socket("tcp", "127.0.0.1", 5935, 11, "livepeer-gateway", "livepeer"),
        Socket("tcp", "127.0.0.1", 8080, 13, "", "nc"),
        Socket("tcp", "::", 8935, 12, "livepeer-orchestrator", "livepeer"),
    )


def test_our_own_listener_is_seen() -> None:
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        found = [one for one in listening() if one.port == server.server_port]
        assert [(one.address, one.pid) for one in found] == [("127.0.0.1", os.getpid())]


@pytest.mark.parametrize(
    ("held", "wanted", "in_the_way"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "10.0.0.1", False),
        ("0.0.0.0", "10.0.0.1", True),
        ("::", "127.0.0.1", True),
        ("10.0.0.1", "", True),
        ("10.0.0.1", "0.0.0.0", True),
        ("10.0.0.1", "::", True),
        ("127.0.0.1", "localhost", True),
        ("127.0.0.1", "::ffff:127.0.0.1", True),
    ],
)
def test_overlap(held: str, wanted: str, in_the_way: bool) -> None:
    assert overlap(Socket("tcp", held, 80, 1, "", ""), "tcp", addresses_of(wanted), 80) is in_the_way
    assert not overlap(Socket("tcp", held, 80, 1, "", ""), "udp", addresses_of(wanted), 80)
    assert not overlap(Socket("tcp", held, 80, 1, "", ""), "tcp", addresses_of(wanted), 81)


def test_state_of_a_running_unit() -> None:
    text = "LoadState=loaded\nActiveState=active\nSubState=running\nMainPID=7\nNRestarts=2\nUnitFileState=enabled\n"
    text += "ExecMainStartTimestampMonotonic=5000000\nExecMainCode=0\nInvocationID=abc\nNeedDaemonReload=yes\nDropInPaths=/a /b\n"
    state = parse_state(text, 12.5)
    assert (state.running, state.restarts, state.age, state.needs_reload, state.drop_ins) == (True, 2, 7.5, True, ("/a", "/b"))


@pytest.mark.parametrize(
    ("code", "status", "says"), [("1", "0", "it ended with status 0"), ("2", "9", "it was ended by signal 9"), ("0", "0", "")]
)
def test_how_a_unit_ended(code: str, status: str, says: str) -> None:
    text = f"LoadState=loaded\nActiveState=activating\nSubState=auto-restart\nExecMainCode={code}\nExecMainStatus={status}\n"
    state = parse_state(text, 1)
    assert (state.running, state.ended, state.age) == (False, says, 0.0)


def test_a_unit_that_is_not_there() -> None:
    assert not parse_state("LoadState=not-found\nActiveState=inactive\nSubState=dead\nMainPID=0\n", 1).exists


class Node(BaseHTTPRequestHandler):
    answers = answers()

    def do_GET(self) -> None:
        found = self.answers.get(self.path)
        self.send_response(found.status if found else 404)
        self.end_headers()
        self.wfile.write((found.body if found else "404 page not found").encode())

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Node) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.mark.parametrize("role", ["gateway", "orchestrator", "transcoder", "redeemer"])
def test_who_answers(port: int, monkeypatch: pytest.MonkeyPatch, role: str) -> None:
    monkeypatch.setattr(Node, "answers", answers(role, "0.9.0"))
    assert AdminApi(f"127.0.0.1:{port}").identity() == Identity(role, "0.9.0")


def test_nobody_and_strangers_answer(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Node, "answers", {})
    assert AdminApi(f"127.0.0.1:{port}").identity() == Identity("", "")
    assert AdminApi("127.0.0.1:1").identity() == Identity("", "")


def test_only_questions_of_the_list() -> None:
    for path in ("/withdraw", "/setBroadcastConfig", "/status?x", "/debug/pprof/cmdline"):
        with pytest.raises(ValueError, match="no question"):
            AdminApi("127.0.0.1:1").ask(path)
