# SPDX-License-Identifier: GPL-3.0-or-later
"""The action livepeer.fleet.plan, run by ansible-playbook on small inventories; no host is there to be contacted."""
