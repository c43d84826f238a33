# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking nginx whether it understands the configuration of a companion, before anything is switched."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ansible_collections.livepeer.fleet.plugins.module_utils import commands, files, upstream_watch
from ansible_collections.livepeer.fleet.plugins.module_utils.host import Host
from ansible_collections.livepeer.fleet.plugins.module_utils.plan_part import Companion

CONF = "nginx.conf"
_PLACE = re.compile(r"^nginx: \[\w+\] |^nginx: configuration file .*|^\S+ \S+ \[\w+\] \d+#\d+: ", re.MULTILINE)


def complaint(host: Host, companion: Companion, texts: Mapping[str, str], secrets: Mapping[str, str]) -> str:
    """What nginx has to say about the configuration, "" if nothing. It may hold secrets.

    The files lie for a moment in a folder of root's, in memory, in the place of the unit's credentials and of its runtime directory.
    """
    with tempfile.TemporaryDirectory(prefix=".livepeer-fleet-", dir=str(host.paths.runtime)) as folder:
        place = Path(folder)
        for name in companion.files:
            files.write_new(place / name, _moved(companion, texts[name], folder), 0o600)
        for name in companion.secrets:
            files.write_new(place / name, secrets.get(name, ""), 0o600)
        if companion.eth:
            files.write_new(place / upstream_watch.CONF, upstream_watch.nginx_conf((), (), folder), 0o600)
        if companion.urls:
            parts = [upstream_watch.url_conf(name, upstream_watch.read_url(secrets.get(name, "")), (), folder) for name in companion.urls]
            files.write_new(place / upstream_watch.URLS_CONF, "".join(parts), 0o600)
        done = commands.run([str(host.paths.nginx), "-t", "-q", "-e", "stderr", "-c", str(place / CONF)])
    if done.status == 0:
        return ""
    text = _PLACE.sub("", done.error).replace(f"{folder}/", "").strip()
    return " | ".join(line for line in text.splitlines() if line.strip()) or f"it ended with status {done.status}"


def _moved(companion: Companion, text: str, folder: str) -> str:
    """A file as it stands in that folder."""
    return text.replace(f"/run/credentials/{companion.unit}.service", folder).replace(f"/run/{companion.unit}", folder)
