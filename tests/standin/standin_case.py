# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one recorded start in a network of its own and says how it ended and which ports it held.

    unshare -n [-m | -r] python3 standin_case.py BINARY < case.json

Standard input is one case of a recordings file; standard output is {"exit", "seconds", "bound_ports", "log"}.
The words of a case's precondition are understood here and nowhere else; an unknown one is an error, never ignored.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pwd
import re
import shlex
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "chain"))

from chainlib import keys

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1
LISTEN_STATE = "0A"
EPHEMERAL = 32768
NOBODY, STRANGER = 65534, 54321
RECORDED_KEY = (1).to_bytes(32, "big")
"""The private key of the recorded starts."""

CHAIN = Path(__file__).resolve().parents[1] / "chain"
FAILING = {
    "contract calls fail": {"fail_methods": ["eth_call"]},
    "one contract call fails": {"fail_methods": ["BondingManager.getFirstTranscoderInPool"]},
    "gas price call fails": {"fail_methods": ["eth_gasPrice"]},
    "log queries fail": {"fail_methods": ["eth_getLogs"]},
    "second start, log queries fail": {"fail_methods": ["eth_getLogs"]},
    "price feed empty": {"feed": {"description": ""}},
    "HTTP 401": {"down": "401"},
    "HTTP 429": {"down": "429"},
    "all calls fail from second 6 on": {"fail_after_seconds": 6},
}
"""What a recording says of its endpoint, in the words of the stand-in chain's document."""

SETTLE_SECONDS = 20.0
"""How long a neighbour gets at the most to open its sockets; one that makes itself an account takes seconds for that."""

ORCHESTRATOR_WATCH, OTHER_WATCH = 6.5, 1.5
"""An orchestrator's self-check fails up to 5.5 s after its sockets open; nothing happens that late in other roles."""

PATIENCE_SECONDS = 30.0
"""What a start may take before it counts as one that stays up."""

FIRST_LOOKS, LATER_LOOKS = 0.03, 0.2
"""Seconds from one look at the sockets to the next."""

PLACES = re.compile(r"(?<![/\w])(DATADIR\d?|DIR|CONFIG\d?|[A-Z]+FILE|AIMODELS|PROFILES|RUNNERS|CAPS|KEYPATH|KEYDIR)\b")
"""Names of a recording that stand for a path, unless they are the end of one; what is given a content counts as well."""


DOCUMENT = re.compile(r"(?<=\s)\{\S*")
"""A JSON document on a command line; none of the recorded ones has a blank in it."""


class NotUnderstood(Exception):
    """The precondition has words that this module does not know."""


@dataclass
class Bench:
    """The place and the circumstances of one case."""

    binary: str
    folder: Path
    environment: dict[str, str]
    cleanup: contextlib.ExitStack
    user: int = 0
    umask: int = 0o022
    signal: int = 0
    signal_after: float = 0.0
    first_start: str = ""
    locked: str = ""
    has_chain: bool = False
    neighbours: list[str] = field(default_factory=list)
    held: set[str] = field(default_factory=set)

    def path(self, name: str) -> str:
        """Where a name of a recording lies on this bench."""
        return str(self.folder) if name == "DIR" else str(self.folder / name.lower())

    def placed(self, text: str) -> str:
        """A text with the names of a recording replaced."""
        for name in self.held:
            text = re.sub(rf"\b{name}\b", self.path(name), text)
        return PLACES.sub(lambda match: self.path(match.group()), text)

    def arguments(self, text: str) -> list[str]:
        """A recorded command line; a document on it was given as it stands."""
        return [self.placed(word) for word in shlex.split(DOCUMENT.sub(lambda match: shlex.quote(match.group()), text))]

    def start(self, arguments: list[str], log: Path) -> subprocess.Popen[bytes]:
        """The binary under the circumstances of the case."""
        with log.open("wb") as output:
            return subprocess.Popen(
                [self.binary, *arguments],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=self._become,  # noqa: PLW1509 (this program has one thread)
            )

    def _become(self) -> None:
        os.umask(self.umask)
        if self.user:
            os.setgroups([])
            os.setresgid(self.user, self.user, self.user)
            os.setresuid(self.user, self.user, self.user)


def hold(bench: Bench, match: re.Match[str]) -> None:
    """NAME holds CONTENT: a JSON text is the content as it is, anything else stands for itself."""
    name, content = match.group(1), match.group(2)
    head, _, rest = name.partition("/")
    if PLACES.fullmatch(head) is None:
        bench.held.add(head)
    target = Path(bench.path(head)) / rest if rest else Path(bench.path(head))
    target.parent.mkdir(parents=True, exist_ok=True)
    text = json.loads(content) if content.startswith('"') else content
    target.write_bytes(text.encode("utf-8", "surrogatepass"))


def take(bench: Bench, match: re.Match[str]) -> None:
    """Somebody else listens there; connections wait in the backlog and get no answer."""
    kind = socket.SOCK_DGRAM if match.group(1) else socket.SOCK_STREAM
    host, _, port = match.group(2).rpartition(":")
    host = host.strip("[]").replace("*", "::")
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((host, int(port)))
    if kind is socket.SOCK_STREAM:
        listening.listen()
    bench.cleanup.callback(listening.close)


def set_variable(bench: Bench, match: re.Match[str]) -> None:
    """env NAME=VALUE"""
    bench.environment[match.group(1)] = bench.placed(match.group(2))


def unset_home(bench: Bench, _match: re.Match[str]) -> None:
    """env HOME unset"""
    del bench.environment["HOME"]


def own_passwd(bench: Bench, _match: re.Match[str]) -> None:
    """A passwd entry whose home is on the bench, so that nobody's real home is written to."""
    here = pwd.getpwuid(os.getuid())
    passwd = bench.folder / "passwd"
    passwd.write_text(f"{here.pw_name}:x:{here.pw_uid}:{here.pw_gid}::{bench.folder / 'home'}:/bin/sh\n")
    run("mount", "--bind", str(passwd), "/etc/passwd")


def read_only(bench: Bench, match: re.Match[str]) -> None:
    """The data directory is a read-only file system."""
    target = data_directory(bench)
    run("mount", "-t", "tmpfs", "none", str(target))
    if match.group(1):
        (target / "lpdb.sqlite3").touch()
    run("mount", "-o", "remount,ro", str(target))


def full(bench: Bench, _match: re.Match[str]) -> None:
    """The data directory is a file system without room."""
    target = data_directory(bench)
    run("mount", "-t", "tmpfs", "-o", "size=64k", "none", str(target))
    with (target / "filler").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))


def nobody(bench: Bench, _match: re.Match[str]) -> None:
    """A user without rights; the bench stays readable for it."""
    bench.user = NOBODY


def nobody_locked_out(bench: Bench, _match: re.Match[str]) -> None:
    """The data directory belongs to root alone."""
    data_directory(bench).chmod(0o700)
    bench.user = NOBODY


def nobody_locked_parent(bench: Bench, _match: re.Match[str]) -> None:
    """The parent of the data directory is there, and not writable."""
    (bench.folder / "x").mkdir(mode=0o755)
    bench.folder.chmod(0o755)
    bench.user = NOBODY


def nobody_locked_file(bench: Bench, match: re.Match[str]) -> None:
    """A file is root's."""
    bench.user = NOBODY
    bench.locked = match.group(1).replace("config file", "CONFIG")


def stranger(bench: Bench, _match: re.Match[str]) -> None:
    """A user id without a passwd entry."""
    bench.user = STRANGER


def database(bench: Bench, match: re.Match[str]) -> None:
    """A database of another version or chain."""
    write_database(bench, {"version": "dbVersion", "chain": "chainID"}[match.group(1)], match.group(2))


def write_database(bench: Bench, key: str, value: str) -> None:
    """A database with nothing but one of its settings."""
    connection = sqlite3.connect(data_directory(bench) / "lpdb.sqlite3")
    with connection:
        connection.execute("CREATE TABLE kv (key STRING PRIMARY KEY, value STRING, updatedAt STRING)")
        connection.execute("INSERT INTO kv(key, value) VALUES ('dbVersion', 1)")
        connection.execute("INSERT OR REPLACE INTO kv(key, value) VALUES (?, ?)", (key, value))
    connection.close()


def chain_zero(bench: Bench, _match: re.Match[str]) -> None:
    """Off-chain is chain 0."""
    write_database(bench, "chainID", "0")


def keystore(bench: Bench, match: re.Match[str]) -> None:
    """The recorded key under its passphrase."""
    directory = data_directory(bench) / "keystore"
    directory.mkdir()
    (directory / "KEYFILE").write_text(json.dumps(keys.keystore(keys.Account(RECORDED_KEY), match.group(1))))


def endpoint(bench: Bench, match: re.Match[str]) -> None:
    """fake JSON-RPC on 127.0.0.1:8545, chain id 1337, and how it fails"""
    start_chain(bench, {"chain_id": int(match.group(1)), **FAILING.get(match.group(2) or "", {})})


def start_chain(bench: Bench, document: dict[str, object]) -> None:
    """The stand-in chain on the address of all recordings."""
    state = bench.folder / "chain.json"
    state.write_text(json.dumps(document))
    command = [sys.executable, str(CHAIN / "chain"), "--state", str(state)]
    chain = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    bench.cleanup.callback(stop, chain)
    assert chain.stdout is not None
    if not chain.stdout.readline():
        raise NotUnderstood(f"the chain does not start with {document}")
    bench.has_chain = True


def unwritable(bench: Bench, match: re.Match[str]) -> None:
    """A file that cannot be written: a directory has its name (root may write everything else)."""
    for name in ("datadir", "datadir2"):
        (bench.folder / name / match.group(1)).mkdir(parents=True)


def set_umask(bench: Bench, match: re.Match[str]) -> None:
    """umask 077"""
    bench.umask = int(match.group(1), 8)


def send_signal(bench: Bench, match: re.Match[str]) -> None:
    """SIGTERM sent 4 s after start"""
    bench.signal, bench.signal_after = signal.Signals[match.group(1)], float(match.group(2))


def neighbour(bench: Bench, match: re.Match[str]) -> None:
    """also running: livepeer …"""
    bench.neighbours.append(match.group(1))


def second_start(bench: Bench, match: re.Match[str]) -> None:
    """The same directory was used by a start before this one."""
    bench.first_start = "-serviceAddr 127.0.0.1:8935" if match.group(1) else "same"


def nothing(_bench: Bench, _match: re.Match[str]) -> None:
    """True on every bench."""


WORDS: list[tuple[str, Callable[[Bench, re.Match[str]], None]]] = [
    (r"([A-Z][A-Z0-9]*(?:/[\w./-]+)?) holds (.*)", hold),
    (r"taken: (udp )?(\S+:\d+)(?: \(accepts, never answers\))?", take),
    (r"env (\w+)=(.*)", set_variable),
    (r"env HOME unset", unset_home),
    (r"account has a passwd entry", own_passwd),
    (r"also running: livepeer (.*)", neighbour),
    (r"(SIG[A-Z0-9]+) sent ([\d.]+) s after start", send_signal),
    (r"seconds counted from the signal", nothing),
    (r"no GPU(?: and no pci\.ids file|, an \(empty\) pci\.ids file present)?", nothing),
    (r"data dir path is a file", nothing),
    (r"data dir is a read-only file system(?:, empty| (with an empty database file))?", read_only),
    (r"file system of the data dir is full", full),
    (r"parent directory refuses mkdir", nothing),
    (r"unprivileged user, data dir owned by root with mode 0700", nobody_locked_out),
    (r"unprivileged user, parent directory not writable", nobody_locked_parent),
    (r"unprivileged user, (config file|[A-Z]+\d?) mode 0600 of root", nobody_locked_file),
    (r"unprivileged user without capabilities", nobody),
    (r"unprivileged user id without passwd entry", stranger),
    (r"database file says (version) (\d+)", database),
    (r"database says (chain) (\d+)", database),
    (r"data dir first used off-chain", chain_zero),
    (r"data dir without keystore", nothing),
    (r"keystore with one key, passphrase (\S+)", keystore),
    (rf"fake JSON-RPC on 127\.0\.0\.1:8545, chain id (\d+)(?:, ({'|'.join(FAILING)}))?", endpoint),
    (r"umask (\d+)", set_umask),
    (r"second start on the same data dir()", second_start),
    (r"second start with another (-serviceAddr)", second_start),
    (r"DATADIR/(\S+) cannot be written", unwritable),
]
"""The vocabulary of preconditions."""

START_OF_WORD = re.compile(
    r"; (?=[A-Z][A-Z0-9]*(?:/[\w./-]+)? holds |taken: |env |also running: |SIG[A-Z0-9]+ sent |seconds counted|no GPU|data dir"
    r"|unprivileged |database |umask |second start |file system|parent directory|account has|fake JSON-RPC|keystore )"
)


def run(*command: str) -> None:
    """A command that has to work."""
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def data_directory(bench: Bench) -> Path:
    """The data directory, made."""
    directory = bench.folder / "datadir"
    directory.mkdir(exist_ok=True)
    return directory


def prepare(bench: Bench, precondition: str) -> None:
    """Does what the words of a precondition ask for."""
    for word in START_OF_WORD.split(precondition) if precondition else ():
        for pattern, action in WORDS:
            match = re.fullmatch(pattern, word, re.DOTALL)
            if match:
                action(bench, match)
                break
        else:
            raise NotUnderstood(word)
    if bench.locked:
        Path(bench.path(bench.locked)).chmod(0o600)


def loopback_up() -> None:
    """What `ip link set lo up` does; the command may be missing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH14s", b"lo", 0, b"")
        flags = struct.unpack("16sH14s", fcntl.ioctl(control, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH14s", b"lo", flags | IFF_UP, b""))


def sockets() -> Iterator[tuple[str, str]]:
    """Inode and text of each listening TCP and each bound UDP socket of this network."""
    for name in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            fields = line.split()
            if name.startswith("udp") or fields[3] == LISTEN_STATE:
                yield fields[9], f"{name[:3]} {_address(fields[1])}"


def _address(text: str) -> str:
    host, _, port = text.partition(":")
    raw = b"".join(struct.pack("<I", int(host[at : at + 8], 16)) for at in range(0, len(host), 8))
    number = int(port, 16)
    shown = "RANDOM" if number >= EPHEMERAL else str(number)
    if len(raw) == 4:
        return f"{socket.inet_ntop(socket.AF_INET, raw)}:{shown}"
    return f"[{socket.inet_ntop(socket.AF_INET6, raw)}]:{shown}"


def ports_of(process: int) -> set[str]:
    """Ports that this process holds."""
    held = set()
    folder = f"/proc/{process}/fd"
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            with contextlib.suppress(OSError):
                held.add(os.readlink(f"{folder}/{name}"))
    return {text for inode, text in sockets() if f"socket:[{inode}]" in held}


def wait_for_ports(process: subprocess.Popen[bytes]) -> None:
    """Until the sockets of a neighbour stay the same for a while."""
    started, before = time.monotonic(), set()
    while time.monotonic() - started < SETTLE_SECONDS and process.poll() is None:
        time.sleep(0.3)
        now = ports_of(process.pid)
        if now and now == before:
            return
        before = now


def watch_seconds(case: dict[str, object]) -> float:
    """How long a process that stays up is looked at, once its sockets are open."""
    return min(float(str(case["seconds"])), ORCHESTRATOR_WATCH if "orchestrator" in str(case["args"]) else OTHER_WATCH)


def watch(bench: Bench, case: dict[str, object], process: subprocess.Popen[bytes]) -> dict[str, object]:
    """Looks until the process ends or its time is over; a slow machine gets longer to open the sockets."""
    started, seen, signalled = time.monotonic(), set(), not bench.signal
    patience = started + PATIENCE_SECONDS + bench.signal_after
    deadline = started + watch_seconds(case)
    wanted = set(case["bound_ports"]) if isinstance(case["bound_ports"], list) else set()
    while process.poll() is None and time.monotonic() < patience:
        now = ports_of(process.pid)
        if now - seen:
            deadline = time.monotonic() + watch_seconds(case)
        seen |= now
        if case["exit"] is None and seen >= wanted and time.monotonic() > deadline and signalled:
            break
        if not signalled and time.monotonic() - started >= bench.signal_after and seen >= wanted:
            process.send_signal(bench.signal)
            signalled, started = True, time.monotonic()
            deadline = started + watch_seconds(case)
        time.sleep(FIRST_LOOKS if time.monotonic() - started < 1.0 else LATER_LOOKS)
    return {"exit": process.poll(), "seconds": round(time.monotonic() - started, 2), "bound_ports": sorted(seen)}


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ends a process that this module started."""
    if process.poll() is None:
        process.kill()
    process.wait()


def use_before(bench: Bench, arguments: list[str]) -> None:
    """The start before the start."""
    if not bench.first_start:
        return
    if bench.first_start.startswith("-serviceAddr"):
        at = arguments.index("-serviceAddr")
        arguments = [*arguments[: at + 1], bench.first_start.split()[1], *arguments[at + 2 :]]
    first = bench.start(arguments, bench.folder / "first.log")
    wait_for_ports(first)
    first.terminate()
    first.wait()


def run_case(binary: str, case: dict[str, object]) -> dict[str, object]:
    """One case from preparation to result."""
    with contextlib.ExitStack() as cleanup:
        folder = Path(tempfile.mkdtemp(prefix="standin-case-"))
        cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.chmod(0o777)
        (folder / "home").mkdir()
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder / "home"),
            "LANG": "C.UTF-8",
            "DOCKER_HOST": "unix:///nonexistent/docker.sock",
        }
        bench = Bench(binary, folder, environment, cleanup)
        prepare(bench, str(case["precondition"] or ""))
        if not bench.has_chain and any("-ethUrl" in arguments for arguments in bench.neighbours):
            start_chain(bench, {"chain_id": 1337})
        for number, arguments in enumerate(bench.neighbours):
            other = bench.start(bench.arguments(arguments), folder / f"neighbour{number}.log")
            cleanup.callback(stop, other)
            wait_for_ports(other)
        arguments = bench.arguments(str(case["args"]))
        use_before(bench, arguments)
        log = folder / "log"
        process = bench.start(arguments, log)
        cleanup.callback(stop, process)
        result = watch(bench, case, process)
        result["log"] = log.read_text("utf-8", "replace")[-2000:]
        return result


def main() -> None:
    """Command line."""
    loopback_up()
    case = json.load(sys.stdin)
    try:
        json.dump(run_case(sys.argv[1], case), sys.stdout)
    except NotUnderstood as error:
        json.dump({"exit": "not understood", "seconds": 0, "bound_ports": [], "log": str(error)}, sys.stdout)


if __name__ == "__main__":
    main()
