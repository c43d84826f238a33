# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the addresses: how go-livepeer reads them, and which of them overlap."""
