# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of the property tests: none of them is about time, whatever the machine has to do beside."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("livepeer", deadline=None)
settings.load_profile("livepeer")
