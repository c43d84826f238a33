# SPDX-License-Identifier: GPL-3.0-or-later
"""AI pipelines of go-livepeer and the units that work is paid by."""

from __future__ import annotations

from ansible_collections.livepeer.fleet.plugins.plugin_utils.facts.data import load
from ansible_collections.livepeer.fleet.plugins.plugin_utils.workloads import VIDEO, Workload

PER_PIXEL = ("pixel", "pixel of 720p30")
"""Units that a cap in wei per pixel means something for."""


def pipelines() -> tuple[str, ...]:
    """Names, exactly as they have to be written: others that go-livepeer takes miss their runner (ai.json:accepted_by_accident)."""
    return tuple(load("pipelines")["pipelines"])


def since(pipeline: str) -> str:
    """The first version that can serve a pipeline: a name may be older (live video: 0.8.0)."""
    return str(load("pipelines")["pipelines"][pipeline]["since"])


def unit(workload: Workload) -> str:
    """What a price of this workload is for one of: ``pixel``, ``millisecond``, ``token`` …; "unit" for a pipeline nobody knows."""
    facts = load("pipelines")
    row = facts["pipelines"].get(workload.pipeline, {}) if workload.pipeline else facts.get(workload.kind, {})
    return str(row.get("unit", "unit"))


def per_pixel(workload: Workload) -> bool:
    """True if the workload is paid by the pixel, as video is: a cap for video fits its unit."""
    return workload.kind == VIDEO or unit(workload) in PER_PIXEL
