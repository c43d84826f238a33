# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands in for ansible-test's get-pip script: called with pip's options and packages in a virtual environment without pip."""

import runpy
import subprocess
import sys

# In a process of its own: it switches pip's configuration off, certificates included.
subprocess.run([sys.executable, "-m", "ensurepip"], check=True, stdout=subprocess.DEVNULL)
# pip of today installs neither of the two unless asked; the switches are known to the original script only.
arguments = [argument for argument in sys.argv[1:] if argument not in ("--no-setuptools", "--no-wheel")]
sys.argv = ["pip", "install", "--upgrade", *arguments]
runpy.run_module("pip", run_name="__main__", alter_sys=True)
