# SPDX-License-Identifier: GPL-3.0-or-later
"""Planted secrets, looked for in all that a host shows and keeps: files, journals, arguments, environments, settings of units."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from hostlib.fleet import Fleet
from hostlib.tools import run

# On the host. The secrets come by standard input, or the search would find itself among the arguments. Prints a place a line, with the
# number of the secret and never its text. Nodes get what they may know by /run/credentials, which is theirs and root's.
SEARCH = r"""
import json, os, re, subprocess, sys
from pathlib import Path

asked = json.load(sys.stdin)
wanted = {text.encode(): number for number, text in enumerate(asked["planted"])}
pattern = re.compile(b"|".join(re.escape(text) for text in sorted(wanted, key=len, reverse=True)))

def look(place, content):
    for number in sorted({wanted[found] for found in pattern.findall(content)}):
        print(f"{place}: secret {number}")

def files():
    for top in ("/etc", "/var", "/tmp", "/home", "/root", "/opt", "/run/systemd", "/run/livepeer", "/usr/local"):
        for folder, folders, names in os.walk(top):
            folders[:] = [one for one in folders if os.path.join(folder, one) not in asked["kept"]]
            if folder == "/var/log":
                # Binary; what they say is asked for below.
                folders[:] = [one for one in folders if one != "journal"]
            yield from (Path(folder, name) for name in names)

def content(path):
    # What is no file, or has gone since it was listed, holds nothing.
    try:
        return path.read_bytes() if path.is_file() else b""
    except OSError:
        return b""

for path in files():
    look(path, content(path))
for process in Path("/proc").glob("[0-9]*"):
    unit = content(process / "cgroup").rpartition(b"/")[2].strip().decode()
    look(f"arguments of {unit}", content(process / "cmdline"))
    if unit not in asked["environments"]:
        look(f"environment of {unit}", content(process / "environ"))
for options in ([], ["--namespace=*"]):
    look("journal", subprocess.run(["journalctl", "--no-pager", "-o", "export", *options], stdout=subprocess.PIPE).stdout)
look("units", subprocess.run(["systemctl", "show", "*"], stdout=subprocess.PIPE).stdout)
"""


def found(
    fleet: Fleet, planted: Sequence[str], said: Mapping[str, str], may_know: Iterable[str] = (), kept: Iterable[str] = ()
) -> list[str]:
    """Where a planted secret is and may not be, by its number: an error shall not print it once more.

    Args:
        fleet: its hosts are searched.
        planted: the secrets.
        said: what was printed or written on the controller, by a name for it.
        may_know: units whose environment holds secrets by intention.
        kept: folders in which somebody else keeps them.
    """
    places = [f"{place}: secret {number}" for place, text in said.items() for number, secret in enumerate(planted) if secret in text]
    if not planted:
        return []
    asked = json.dumps({"planted": list(planted), "environments": list(may_know), "kept": list(kept)}).encode()
    for host in fleet.hosts():
        answer = run(["docker", "exec", "-i", fleet.container(host), "python3", "-c", SEARCH], data=asked)
        places += [f"{host}: {line}" for line in answer.splitlines()]
    return places
