# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the rollout: which host is done when, and what is said about it."""
