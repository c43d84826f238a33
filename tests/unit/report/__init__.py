# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of what an operator reads: tables and findings, on wide, narrow and plain screens."""
