# SPDX-License-Identifier: GPL-3.0-or-later
"""From inventory variables to Fleet, Host, Node: the one definition of every variable, and the strict parser that knows all of them."""
