# SPDX-License-Identifier: GPL-3.0-or-later
"""The reports as files beside plan.json, of a refused plan as well."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan import Plan, PlanError
from ansible_collections.livepeer.fleet.plugins.plugin_utils.private_files import write_private
from ansible_collections.livepeer.fleet.plugins.plugin_utils.report.junit import junit
from ansible_collections.livepeer.fleet.plugins.plugin_utils.report.page import page

PAGE_FILE = "plan.html"
JUNIT_FILE = "findings.xml"


def write_reports(plan: Plan, folder: Path) -> None:
    """Write plan.html and findings.xml to the folder of the plan, for its owner alone, each atomically.

    Raises:
        PlanError: they cannot be written.
    """
    try:
        write_private(folder / PAGE_FILE, page(plan))
        write_private(folder / JUNIT_FILE, junit(plan))
    except OSError as error:
        raise PlanError(f"the reports cannot be written to {folder}: {error.strerror}") from error
