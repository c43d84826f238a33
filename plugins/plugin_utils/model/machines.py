# SPDX-License-Identifier: GPL-3.0-or-later
"""Which inventory hosts are one machine."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

SSH_PORT = 22
LOCALHOST = "localhost"


def machine_key(name: str, hostvars: Mapping[str, object]) -> str:
    """Key of the machine behind an inventory host: what it is reached at, ``host`` or ``host:port``.

    Two names with one ``ansible_host`` and one port are one machine. Another port is another machine: test hosts publish their SSH
    ports on one address. Without ``ansible_host`` (or where it cannot be read) the inventory name counts.
    """
    address = hostvars.get("ansible_host")
    host = _canonical(str(address) if isinstance(address, str) and address.strip() else name)
    port = _port(hostvars.get("ansible_port"))
    return host if port == SSH_PORT else f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _port(raw: object) -> int:
    text = str(raw) if isinstance(raw, int | str) and not isinstance(raw, bool) else ""
    return int(text) if text.isdecimal() else SSH_PORT


def _canonical(host: str) -> str:
    text = host.strip().strip("[]").rstrip(".").lower()
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text
    return LOCALHOST if address.is_loopback and int(address) in {1, 0x7F000001} else str(address)
