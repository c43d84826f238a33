# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan that was tampered with names nothing outside of the folders of its node."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.livepeer.fleet.plugins.module_utils.errors import HostError
from ansible_collections.livepeer.fleet.plugins.module_utils.plan_part import Node
from ansible_collections.livepeer.fleet.tests.unit.module_utils.worlds import raw_node


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "../gateway"},
        {"unit": "../../tmp/evil"},
        {"user": "a/b"},
        {"state_directory": "livepeer-gateway/../../srv"},
        {"state_directory": "/srv"},
        {"state_directory": ""},
        {"files": {"../unit": ""}},
        {"secrets": {"../secret": {"variable": ""}}},
        {"release": {"name": "../..", "version": "0.9.1", "archive": "", "checksum": ""}},
    ],
)
def test_a_name_that_leaves_its_folder_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(HostError, match=r"the plan cannot be read \(ValueError: .* is no name\)"):
        Node.parse({**raw_node(), **changes})
