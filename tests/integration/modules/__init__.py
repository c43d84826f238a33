# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules on a real systemd host: through Ansible, and cut or starved at every step by a driver on the host itself."""
