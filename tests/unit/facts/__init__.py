# SPDX-License-Identifier: GPL-3.0-or-later
"""The data files beside the code, and the names nearest to wrong ones."""
