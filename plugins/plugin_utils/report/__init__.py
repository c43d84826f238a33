# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan for those who read it: on a terminal, as a page, as a file for a CI. What is said of it is worked out elsewhere."""
