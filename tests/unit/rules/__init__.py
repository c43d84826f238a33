# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the rules; fleets.py makes fleets of short inventories."""
