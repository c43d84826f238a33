# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the rendered files: golden/ holds files as they land on a host, to be read; fleets.py builds what they come from."""
