# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo: plan, site, verify and site again on four test hosts, then video through each gateway. Called by `make demo`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

from hostlib.fleet import Fleet
from hostlib.tools import CACHE, CHECKOUT, HostsError
from hostlib.video import Gateway, push

HOSTS = ("combined1", "gateway1", "orchestrator1", "orchestrator2")
GATEWAYS = ("combined1", "gateway1")
STREAMS, SEGMENTS = 3, 4
FLEET = Fleet("demo")
LOG = CACHE / "demo" / "ansible.log"
STAND_IN = CACHE / "standin"


def main() -> int:
    started = time.monotonic()
    archive = Path(os.environ["LIVEPEER_ARCHIVE"])
    title("What runs on the hosts")
    print(what_runs(archive))
    title("Four hosts over SSH")
    FLEET.up(HOSTS)

    title("plan.yml: does the fleet fit together? No host is touched")
    playbook("plan")
    title("site.yml: the plan, carried out and proved on every host")
    playbook("site")
    title("verify.yml: the live fleet held against the plan")
    playbook("verify")
    title("site.yml again: nothing may change")
    changes = playbook("site")
    if any(changes.values()):
        raise HostsError(f"the second run changed something: {changes}")
    print("Nothing changed: " + ", ".join(f"{host} changed=0" for host in changes))

    title("Video through each gateway")
    send_video()
    title(f"Done in {time.monotonic() - started:.0f} s")
    print(look_around(archive))
    return 0


def title(text: str) -> None:
    print(f"\n\033[1m== {text}\033[0m" if sys.stdout.isatty() else f"\n== {text}", flush=True)


def is_stand_in(archive: Path) -> bool:
    return archive.resolve().is_relative_to(STAND_IN.resolve())


def what_runs(archive: Path) -> str:
    if is_stand_in(archive):
        return (
            "A STAND-IN for go-livepeer 0.9.1 (tests/standin): it starts, listens, answers and fails as the real one does, but it\n"
            "transcodes nothing. For the real node: make demo LIVEPEER_ARCHIVE=/path/to/livepeer-linux-amd64.tar.gz"
        )
    return f"The go-livepeer of {archive}"


def playbook(name: str) -> dict[str, int]:
    """Run a playbook of the collection in this terminal; returns how many tasks changed something, by host."""
    LOG.parent.mkdir(parents=True, exist_ok=True)
    LOG.unlink(missing_ok=True)
    command = ["ansible-playbook", "-i", "demo/inventory.yml", "-i", str(FLEET.inventory_file), f"livepeer.fleet.{name}"]
    print("$ " + " ".join(command).replace(f"{CHECKOUT}/", ""), flush=True)
    # Its own log tells what changed; a pipe would take the colours away.
    environment = {**os.environ, "ANSIBLE_LOG_PATH": str(LOG)}
    if subprocess.run(command, cwd=CHECKOUT, env=environment, check=False).returncode != 0:
        raise HostsError(f"{name}.yml failed")
    return {host: int(changed) for host, changed in re.findall(r"\| (\S+)\s+: ok=\d+\s+changed=(\d+)", LOG.read_text())}


def send_video() -> None:
    print(f"{STREAMS} streams of {SEGMENTS} segments, pushed by HTTP to the gateway's loopback port through SSH:\n")
    for host in GATEWAYS:
        with Gateway(FLEET.ssh_config, host) as gateway:
            for number in range(STREAMS):
                result = push(gateway, f"demo-{int(time.time())}-{number}", SEGMENTS)
                print(f"  {host:<10}  {result}   free (off-chain)", flush=True)


def look_around(archive: Path) -> str:
    ssh = f"ssh -F {FLEET.ssh_config.relative_to(CHECKOUT)}"
    inventories = f"-i demo/inventory.yml -i {FLEET.inventory_file.relative_to(CHECKOUT)}"
    again = "" if is_stand_in(archive) else f" LIVEPEER_ARCHIVE={archive}"
    return f"""\
Look around, in this folder:
  {ssh} combined1 systemctl list-units 'livepeer-*'
  {ssh} gateway1 journalctl -u livepeer-gateway -f
  {ssh} -N -L 9935:127.0.0.1:9935 -L 5935:127.0.0.1:5935 gateway1      then, on this machine:
    http://127.0.0.1:9935/live/NAME/0.ts     push a segment (PUT, Accept: multipart/mixed)
    http://127.0.0.1:5935/status             the gateway's CLI API: its orchestrators and streams
    http://127.0.0.1:5935/metrics            its metrics
  .cache/demo/plan/                           the plan that was carried out, as files to review
Change demo/inventory.yml and see what the fleet says to it:
  make shell{again}
  ansible-playbook {inventories} livepeer.fleet.plan
Leave nothing behind: make demo-down

{what_runs(archive)}"""


if __name__ == "__main__":
    try:
        sys.exit(main())
    except HostsError as error:
        sys.exit(f"\ndemo: {error}")
