# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# Source it (". tests/env.sh") to call ansible-playbook, pytest or molecule as the make targets do. `make venv` comes first.

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Ansible finds this checkout as livepeer.fleet, and no installed copy of it.
mkdir -p "$checkout/.cache/collections/ansible_collections/livepeer"
ln -sfn "$checkout" "$checkout/.cache/collections/ansible_collections/livepeer/fleet"
export ANSIBLE_COLLECTIONS_PATH="$checkout/.cache/collections"

export PATH="$checkout/.venv/bin:$PATH"

# Tests and the demo bring hosts up with it.
export PYTHONPATH="$checkout/tests/hosts${PYTHONPATH:+:$PYTHONPATH}"

# Ansible refuses to run without a UTF-8 locale; this one needs no installation.
export LC_ALL="${LC_ALL:-C.UTF-8}"

# Molecule prints what Ansible says as Ansible says it, instead of wrapping it into a box of 80 columns.
export MOLECULE_COMMAND_BORDERS=false

# The archive of every test and the demo. Give a real one with LIVEPEER_ARCHIVE=…; otherwise the stand-in is packed here.
export LIVEPEER_ARCHIVE="${LIVEPEER_ARCHIVE:-$checkout/.cache/standin/livepeer-linux-amd64.tar.gz}"
if [ -f "$LIVEPEER_ARCHIVE" ]; then
  LIVEPEER_ARCHIVE=$(cd "$(dirname "$LIVEPEER_ARCHIVE")" && pwd)/$(basename "$LIVEPEER_ARCHIVE")
  LIVEPEER_ARCHIVE_CHECKSUM=$(python3 -c 'import hashlib, sys; print("sha256:" + hashlib.sha256(sys.stdin.buffer.read()).hexdigest())' < "$LIVEPEER_ARCHIVE")
  export LIVEPEER_ARCHIVE_CHECKSUM
fi
unset checkout
