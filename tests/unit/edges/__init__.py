# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the edges: candidates, verdicts, caps that are worked out."""
