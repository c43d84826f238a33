# SPDX-License-Identifier: GPL-3.0-or-later
"""Test hosts: real systemd machines in containers, reached over SSH. Standard library only: it runs before anything is installed.

engine.py   a Docker engine: the one that answers, or one of our own
image.py    the image of a test host, built once a machine
fleet.py    hosts with a network and a key of their own, and their inventory
playbook.py a run of a playbook of this collection, as an operator would start it
video.py    video segments through a gateway, and who transcoded them
"""
