# SPDX-License-Identifier: GPL-3.0-or-later
"""The parser and what it is made of: tables of raw values and the findings about them."""
