# SPDX-License-Identifier: GPL-3.0-or-later
"""The search for planted secrets finds each of them, wherever it is, and never prints one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hostlib import planted
from hostlib.fleet import Fleet
from hostlib.tools import wait_until

HIDDEN = {
    "/etc/somewhere/else": "planted-file",
    "arguments of carrier.service": "planted-argument",
    "environment of carrier.service": "planted-environment",
    "journal": "planted-message",
}
SECRETS = [*HIDDEN.values(), "planted-namespace", "planted-nowhere"]
PLANT = """
mkdir -p /etc/somewhere; echo "a: planted-file" > /etc/somewhere/else
printf '[Service]\\nEnvironmentFile=/run/carried\\nExecStart=/bin/sh -c ". /run/argument"\\n' \
  > /etc/systemd/system/carrier.service
echo 'SECRET=planted-environment' > /run/carried
echo 'exec python3 -c "import time; time.sleep(600)" planted-argument' > /run/argument
systemctl daemon-reload; systemctl start carrier
echo planted-message | systemd-cat
systemd-run --quiet --wait -p LogNamespace=apart sh -c 'set -- "$(cat /run/message)"; echo "$1"'
"""


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    made = Fleet("planted")
    try:
        made.up(["one"])
        yield made
    finally:
        made.down()


def test_each_is_found_where_it_is(fleet: Fleet) -> None:
    fleet.execute("one", "sh", "-c", "echo planted-namespace > /run/message")
    fleet.execute("one", "sh", "-c", PLANT)
    wait_until("the argument", lambda: "planted-argument" in fleet.execute("one", "sh", "-c", "cat /proc/*/cmdline"), seconds=10)
    found = planted.found(fleet, SECRETS, {"a run": "said planted-file"})
    expected = {f"one: {place}: secret {SECRETS.index(secret)}" for place, secret in HIDDEN.items()}
    assert expected | {"a run: secret 0", "one: journal: secret 4"} <= set(found)
    assert not [place for place in found if "planted-" in place or place.endswith("secret 5")]
    allowed = planted.found(fleet, SECRETS, {}, may_know=["carrier.service"], kept=["/etc/somewhere"])
    assert not [place for place in allowed if place.startswith(("one: environment of carrier", "one: /etc/somewhere"))]
