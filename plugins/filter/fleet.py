# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: the livepeer.fleet contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filters: each checks the type of what it got, calls a pure function, and turns its error into one of Ansible.

The documentation of each lies beside this file under the filter's name.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible.parsing.dataloader import DataLoader
from ansible_collections.livepeer.fleet.plugins.action.plan import TEMPLATES, FleetView
from ansible_collections.livepeer.fleet.plugins.plugin_utils import addresses, prices
from ansible_collections.livepeer.fleet.plugins.plugin_utils.addresses import AddressError, Listener
from ansible_collections.livepeer.fleet.plugins.plugin_utils.checksums import sha256_of_file
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan import make_plan
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices import PriceError
from ansible_collections.livepeer.fleet.plugins.plugin_utils.tickets import written

_PRICE_PLAN_TYPES: Mapping[str, type] = {"adjusting": bool, "remote_signer": bool, "network": str, "workload": str, "flags": Mapping}
_TYPE_NAMES: Mapping[type, str] = {bool: "boolean", str: "text", Mapping: "dictionary"}


def fleet_plan(groups: object, hostvars: object) -> dict[str, object]:
    """The plan of the whole inventory as plan.json holds it, refused or not."""
    if not isinstance(groups, Mapping):
        raise AnsibleFilterError(
            f"fleet_plan: write groups | livepeer.fleet.fleet_plan(hostvars); groups is of type {type(groups).__name__}"
        )
    if not isinstance(hostvars, Mapping):
        raise AnsibleFilterError(
            f"fleet_plan: write groups | livepeer.fleet.fleet_plan(hostvars); hostvars is of type {type(hostvars).__name__}"
        )
    values = hostvars if hasattr(hostvars, "raw_get") else _Plain(hostvars)
    loader = getattr(hostvars, "_loader", None) or DataLoader()
    known = groups if "all" in groups else {**groups, "all": sorted(map(str, hostvars))}
    inventory = FleetView({"groups": known, "hostvars": values, "inventory_hostname": ""}, loader).inventory()
    return make_plan(inventory, archive_checksum=lambda path: sha256_of_file(loader.path_dwim(path)), templates=TEMPLATES).to_dict()


class _Plain(dict[str, Any]):
    """A dictionary of hosts that somebody made, in the place of Ansible's own."""

    def raw_get(self, host: str) -> Mapping[str, Any]:
        """The values of a host as they are."""
        found: Mapping[str, Any] = self.get(host, {})
        return found


def price_cap(price: object, headroom: object = prices.DEFAULT_HEADROOM) -> str:
    """The cap with this much headroom over a price."""
    try:
        return prices.written_cap(price, headroom)
    except PriceError as error:
        raise AnsibleFilterError(f"price_cap: {error}") from error


def headroom(cap: object, price: object) -> int | float:
    """Headroom of a cap over a price, in percent."""
    try:
        percent = prices.written_headroom(cap, price)
    except PriceError as error:
        raise AnsibleFilterError(f"headroom: {error}") from error
    return int(percent) if percent.denominator == 1 else float(percent)


def enforce_headroom(  # noqa: PLR0913 - the filter's options
    cap: object,
    price: object,
    min: object = 20,
    max: object = 30,
    *,
    adjusting: object = True,
    pixels_per_unit: object = 1,
) -> object:
    """The cap, or an error."""
    if not isinstance(adjusting, bool):
        raise AnsibleFilterError(f"enforce_headroom: adjusting is true or false, not of type {type(adjusting).__name__}")
    try:
        return prices.enforce_headroom(cap, price, min, max, adjusting=adjusting, pixels_per_unit=pixels_per_unit)
    except PriceError as error:
        raise AnsibleFilterError(f"enforce_headroom: {error}") from error


def price_plan(price: object, **options: Any) -> dict[str, object]:
    """What gas, reserve and deposit make of a price or several."""
    for name, kind in _PRICE_PLAN_TYPES.items():
        if name in options and not isinstance(options[name], kind):
            raise AnsibleFilterError(f"price_plan: {name} is of type {type(options[name]).__name__}; write a {_TYPE_NAMES[kind]}")
    try:
        inspect.signature(written.price_plan).bind(price, **options)
    except TypeError as error:
        raise AnsibleFilterError(f"price_plan: {error}") from error
    try:
        return written.price_plan(price, **options)
    except PriceError as error:
        raise AnsibleFilterError(f"price_plan: {error}") from error


def port_conflicts(listeners: object) -> list[dict[str, object]]:
    """What cannot be opened beside what, on each machine."""
    items = _listed("port_conflicts", listeners)
    try:
        found = addresses.conflicts(addresses.read_listener(item, place) for place, item in enumerate(items))
    except AddressError as error:
        raise AnsibleFilterError(f"port_conflicts: {error}") from error
    return [
        {
            "machine": one.listener.machine,
            "protocol": one.listener.protocol,
            "port": one.listener.port,
            "listener": _plain(one.listener),
            "others": [_plain(other) for other in one.others],
            "message": addresses.conflict_text(one),
        }
        for one in found
    ]


def enforce_ports(listeners: object) -> Sequence[object]:
    """The listeners, or an error."""
    try:
        return addresses.enforce_ports(_listed("enforce_ports", listeners))
    except AddressError as error:
        raise AnsibleFilterError(f"enforce_ports: {error}") from error


def _listed(name: str, listeners: object) -> Sequence[object]:
    if isinstance(listeners, str | Mapping) or not isinstance(listeners, Iterable):
        raise AnsibleFilterError(f"{name}: listeners are a list, not of type {type(listeners).__name__}")
    return list(listeners)


def _plain(listener: Listener) -> dict[str, object]:
    return {key: getattr(listener, key) for key in ("host", "node", "purpose", "address", "port")}


class FilterModule:
    """Ansible's way to find them."""

    def filters(self) -> dict[str, Callable[..., object]]:
        """Filters by name."""
        return {
            "enforce_headroom": enforce_headroom,
            "enforce_ports": enforce_ports,
            "fleet_plan": fleet_plan,
            "headroom": headroom,
            "port_conflicts": port_conflicts,
            "price_cap": price_cap,
            "price_plan": price_plan,
        }
