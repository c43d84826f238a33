# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the filters as functions; tests/integration calls them through Ansible."""
