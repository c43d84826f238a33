# SPDX-License-Identifier: GPL-3.0-or-later
"""The image of a test host: Debian 12 with systemd, SSH and what Ansible needs. Built once a machine, named by its recipe."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from hostlib.tools import HostsError, install_debian_packages, is_debian, is_root, run, say, works

BASE = "debian:12-slim"
SUITE = "bookworm"
PACKAGES = (
    *("systemd", "systemd-sysv", "dbus"),  # a machine that boots
    *("openssh-server", "sudo", "python3", "python3-apt"),  # what Ansible needs of it
    *("iproute2", "procps"),  # what a person (and a test) looks at it with
    *("ca-certificates", "openssl"),
    "nginx",  # what stands in front of a node, so that no host has to fetch it
    "nftables",  # livepeer_firewall
    "libx264-164",  # the real go-livepeer is linked against it; so that LIVEPEER_ARCHIVE= works on the same image
)

# Runs inside the image. A container has no kernel, console or clock of its own: those units only delay the boot.
FINISH = """
set -eu
rm -f /etc/ssh/ssh_host_*                       # every host gets its own
: > /etc/machine-id                             # every host gets its own
rm -rf /var/cache/apt/archives/*.deb /var/lib/apt/lists/*
useradd --create-home --shell /bin/bash admin
echo 'admin ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/admin
chmod 0440 /etc/sudoers.d/admin
echo 'LANG=C.UTF-8' > /etc/default/locale
cd /etc/systemd/system
for unit in systemd-udevd.service systemd-udevd-kernel.socket systemd-udevd-control.socket systemd-udev-trigger.service \\
    systemd-modules-load.service systemd-timesyncd.service systemd-logind.service getty.target console-getty.service \\
    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer \\
    dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount \\
    sys-fs-fuse-connections.mount proc-sys-fs-binfmt_misc.automount; do
  ln -sf /dev/null "$unit"
done
systemctl enable ssh.service
systemctl disable nginx.service                 # as the collection leaves it where it installs it
"""


def tag() -> str:
    recipe = "\n".join((BASE, SUITE, *PACKAGES, FINISH))
    return f"livepeer-fleet-host:{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"


def is_built() -> bool:
    return works(["docker", "image", "inspect", tag()])


def build() -> str:
    """Idempotent; returns the tag."""
    if is_built():
        return tag()
    started = time.monotonic()
    say(f"image: building {tag()} (once a machine, about two minutes)")
    if works(["docker", "image", "inspect", BASE]) or _pull():
        _install_on_base()
    else:
        _bootstrap()
    say(f"image: ready after {time.monotonic() - started:.0f} s")
    return tag()


def remove() -> None:
    if is_built():
        run(["docker", "image", "rm", tag()])
        say(f"image: {tag()} removed")


def _pull() -> bool:
    say(f"image: pulling {BASE}")
    # A registry that cannot be reached may answer "no" at once or never.
    if works(["docker", "pull", BASE], timeout=60):
        return True
    say(f"image: {BASE} cannot be pulled here")
    return False


def _install_on_base() -> None:
    say("image: installing packages")
    script = (
        "set -eu; export DEBIAN_FRONTEND=noninteractive; apt-get update -qq; "
        f"apt-get install -y -qq --no-install-recommends {' '.join(PACKAGES)}\n{FINISH}"
    )
    _commit(BASE, script)


def _bootstrap() -> None:
    """Without any registry: from Debian's own packages."""
    if not (is_debian() and is_root()):
        raise HostsError(f"{BASE} cannot be pulled, and without it the image can be built on Debian as root only")
    if not shutil.which("debootstrap"):
        install_debian_packages(["debootstrap"], "debootstrap, to build the image from Debian packages")
    say(f"image: debootstrap of {SUITE}")
    with tempfile.TemporaryDirectory(prefix="livepeer-fleet-image-") as folder:
        root = Path(folder, "root")
        packages = ",".join(PACKAGES)
        _run_with_progress(["debootstrap", "--variant=minbase", f"--include={packages}", SUITE, str(root)])
        say("image: importing")
        blank = f"{tag()}-blank"
        archive = subprocess.Popen(
            ["tar", "-C", str(root), "--exclude=./proc/*", "--exclude=./sys/*", "--exclude=./dev/*", "-c", "."],
            stdout=subprocess.PIPE,
        )
        imported = subprocess.run(["docker", "import", "-", blank], stdin=archive.stdout, capture_output=True, text=True, check=False)
        if archive.wait() != 0 or imported.returncode != 0:
            raise HostsError(f"docker import failed: {imported.stderr}")
    try:
        _commit(blank, FINISH)
    finally:
        run(["docker", "image", "rm", blank])


def _commit(base: str, script: str) -> None:
    container = run(["docker", "create", base, "sh", "-c", script]).strip()
    try:
        run(["docker", "start", "--attach", container], timeout=900)
        run(["docker", "commit", "--change", 'CMD ["/lib/systemd/systemd"]', "--change", "ENV LANG=C.UTF-8", container, tag()])
    finally:
        run(["docker", "rm", "--force", container])


def _run_with_progress(arguments: list[str]) -> None:
    """Every fortieth line of a long talker, all of its last ones when it fails."""
    lines: list[str] = []
    with subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as talker:
        assert talker.stdout is not None
        for line in talker.stdout:
            lines.append(line.rstrip())
            if len(lines) % 40 == 0:
                say(f"  {lines[-1]}")
    if talker.returncode != 0:
        raise HostsError(f"{arguments[0]} failed ({talker.returncode}):\n" + "\n".join(lines[-20:]))
