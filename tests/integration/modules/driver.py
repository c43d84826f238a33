# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the transaction of the module `node` on the machine itself, many times, and cuts or starves it at one place after another.

The code under test knows nothing of it: Python's audit events tell what it is about to do to the disk and to systemd. A scenario prints
what it did, and ends with an error that says what was wrong.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.livepeer.fleet.plugins.module_utils import decision, health, lock, transaction
from ansible_collections.livepeer.fleet.plugins.module_utils.host import Host, this_host
from ansible_collections.livepeer.fleet.plugins.module_utils.plan_part import Part
from ansible_collections.livepeer.fleet.plugins.module_utils.revisions import NodeFolder
from ansible_collections.livepeer.fleet.plugins.module_utils.transaction import Options, Outcome

HERE = Path("/opt/under-test")
OURS = ("/etc/livepeer", "/etc/systemd/system/livepeer", "/etc/systemd/system/.livepeer", "/etc/sysusers.d", "/var/lib/livepeer")
ON_DISK = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.symlink", "os.chmod"}
COMMANDS = {"restart", "stop", "enable", "disable", "daemon-reload"}
PROGRAMS = {"systemd-sysusers", "userdel"}

Event = Callable[[str, tuple[Any, ...]], bool]


def main() -> None:
    scenario, *names = sys.argv[1:]
    {"cut": cut, "cut-first": cut_first, "cut-back": cut_back, "cut-before": cut_before, "starve": starve}[scenario](*names)


def cut(old: str, new: str) -> None:
    """Kill the change from one plan to the other before each of its steps; the next run must bring it to its end."""
    well(old)
    number = 1
    while True:
        is_cut = killed_at(number, new)
        whole(this_host(), new)
        well(new)
        if not is_cut:
            break
        old, new = new, old
        number += 1
    must(number > 20, f"only {number - 1} steps were seen: the events do not tell what the transaction does")
    print(f"{number - 1} steps")


def cut_first(new: str) -> None:
    """The same for a first installation; in between the machine is made blank."""
    number = 1
    while killed_at(number, new):
        whole(this_host(), new)
        well(new)
        shell((HERE / "blank.sh").read_text())
        number += 1
    must(number > 20, f"only {number - 1} steps were seen")
    print(f"{number - 1} steps")


def cut_back(good: str, bad: str) -> None:
    """Kill a change that fails, before each step of it and of the way back; the next run of the good plan must repair it."""
    well(good)
    number = 1
    while killed_at(number, bad):
        whole(this_host(), bad)
        well(good)
        number += 1
    as_planned(good)
    must(number > 20, f"only {number - 1} steps were seen")
    print(f"{number - 1} steps")


def cut_before(command: str, name: str) -> None:
    """Kill one run before it calls systemctl with a command, and leave the machine so."""
    must(killed(name, lambda event, arguments: event == "subprocess.Popen" and command in arguments[1]), f"it never called {command}")


def starve(old: str, new: str) -> None:
    """Let the disk of /etc/livepeer be full at every size: the change fails and says so, and the old one runs; or it is done."""
    well(old)
    shell("cp -a /etc/livepeer /opt/under-test/kept && mount -t tmpfs -o size=1m,mode=700 none /etc/livepeer")
    shell("cp -a /opt/under-test/kept/. /etc/livepeer/ && rm -rf /opt/under-test/kept")
    failed = 0
    for free in range(0, 200, 4):
        fill(free)
        outcomes = apply(new)
        Path("/etc/livepeer/.ballast").unlink()
        if not any(one.error for one in outcomes):
            break
        failed += 1
        must("no space left" in outcomes[-1].error, f"{free} KiB free: {outcomes[-1].error}")
        as_planned(old)
    must(failed > 0, "it was never full")
    as_planned(new)
    print(f"failed {failed} times")


def fill(free: int) -> None:
    """Leave so many KiB."""
    space = os.statvfs("/etc/livepeer")
    size = space.f_bavail * space.f_frsize - free * 1024
    Path("/etc/livepeer/.ballast").write_bytes(b"\0" * max(0, size))


def part(name: str) -> Part:
    return Part.parse(json.loads((HERE / f"{name}.json").read_text()))


def apply(name: str) -> tuple[Outcome, ...]:
    host = this_host()
    with lock.exclusive(host.paths):
        # One revision only, so that each change stages anew and each run has old ones to remove. Go-livepeer's delayed checks are
        # the subject of other tests.
        return transaction.apply(host, part(name), {}, Options(keep=1, settled=0.2))


def well(name: str) -> None:
    """Apply it to the end; it must be proved, and nothing may be left of what was before."""
    outcomes = apply(name)
    must(not any(one.error for one in outcomes), f"{name}: {outcomes}")
    as_planned(name)


def as_planned(name: str) -> None:
    host = this_host()
    for node in part(name).nodes:
        folder = NodeFolder(host.paths, node.name)
        seen = health.look(host, node)
        decided = decision.decide(host, node, decision.wanted_secrets(folder, node, {}), seen)
        must(decided.action == decision.NOTHING, f"{node.name}: {decided}")
        marks = (folder.active, folder.current, folder.pending)
        must(marks == (folder.active, folder.active, None), f"{node.name}: marks {marks}")
        must(seen.state.restarts == 0, f"{node.name}: restarted {seen.state.restarts} times")
        left = [str(path) for path in folder.folder.rglob(".*")]
        must(not left, f"left behind: {left}")


def whole(host: Host, name: str) -> None:
    """After a cut: whatever the unit would read at its next start is all there."""
    for node in part(name).nodes:
        folder = NodeFolder(host.paths, node.name)
        for mark in (folder.current, folder.active):
            must(not mark or folder.revision(mark) is not None, f"{node.name}: revision {mark} is marked, but not whole")


def killed_at(number: int, name: str) -> bool:
    """Apply a plan and be killed before the n-th step; False if it came to its end before."""
    count = 0

    def here(event: str, arguments: tuple[Any, ...]) -> bool:
        nonlocal count
        step = is_step(event, arguments)
        count += step
        return step and count == number

    return killed(name, here)


def killed(name: str, here: Event) -> bool:
    """Apply a plan in a process of its own and kill it where ``here`` says so; False if it came to its end."""
    pid = os.fork()
    if pid == 0:
        sys.addaudithook(lambda event, arguments: os.kill(os.getpid(), signal.SIGKILL) if here(event, arguments) else None)
        try:
            apply(name)
            os._exit(0)
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
    _pid, status = os.waitpid(pid, 0)
    if not os.WIFSIGNALED(status):
        must(os.WEXITSTATUS(status) == 0, "it ended with an exception")
        return False
    must(os.WTERMSIG(status) == signal.SIGKILL, f"signal {os.WTERMSIG(status)}")
    return True


def is_step(event: str, arguments: tuple[Any, ...]) -> bool:
    """True for what changes the disk where it is ours, or systemd's mind."""
    if event == "subprocess.Popen":
        words = [str(word) for word in arguments[1]]
        return (words[0] == "systemctl" and words[1] in COMMANDS) or words[0] in PROGRAMS
    if event == "open":
        flags = arguments[2]
        return flags & (os.O_WRONLY | os.O_RDWR) != 0 and str(arguments[0]).startswith(OURS)
    return event in ON_DISK and any(str(argument).startswith(OURS) for argument in arguments[:2])


def shell(script: str) -> None:
    subprocess.run(["sh", "-c", script], check=True, capture_output=True)


def must(so: bool, otherwise: str) -> None:
    if not so:
        sys.exit(f"driver: {otherwise}")


if __name__ == "__main__":
    main()
