# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the plan as a whole: what is in it, its files, and that it is the same twice."""
