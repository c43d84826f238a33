# SPDX-License-Identifier: GPL-3.0-or-later
"""What go-livepeer is, by version, as data with typed access. Only facts of the binary live here, nothing that the collection decides."""
