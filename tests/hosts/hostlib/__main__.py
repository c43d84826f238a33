# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m hostlib`, as tests/hosts/hosts calls it."""

import sys

from hostlib.cli import main

sys.exit(main())
