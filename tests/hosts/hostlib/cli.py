# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of tests/hosts/hosts."""

from __future__ import annotations

import argparse
from pathlib import Path

from hostlib import engine, image
from hostlib.fleet import Fleet, all_fleets, fleets_with_folder
from hostlib.tools import HostsError, say


def main() -> int:
    arguments = _parser().parse_args()
    try:
        _do(arguments)
    except HostsError as error:
        say(f"tests/hosts/hosts: {error}")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tests/hosts/hosts", description="Test hosts: systemd machines in containers, reached over SSH.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("engine", help="a Docker engine: the one that answers, or one of our own")
    command.add_argument("action", choices=("up", "down"))
    command = commands.add_parser("image", help="build the image, once a machine")
    command.add_argument("action", choices=("build", "remove"), nargs="?", default="build")
    command = commands.add_parser("up", help="bring hosts up (engine and image too) and print their inventory file")
    command.add_argument("--name", required=True, help="name of this fleet: network, keys and inventory are its own")
    command.add_argument("--chain", type=Path, help="start a stand-in chain beside them, with the accounts and the state of this JSON file")
    command.add_argument("hosts", nargs="+")
    command = commands.add_parser("inventory", help="print the inventory of a fleet")
    command.add_argument("--name", required=True)
    command = commands.add_parser("down", help="remove a fleet and all that belongs to it")
    which = command.add_mutually_exclusive_group(required=True)
    which.add_argument("--name")
    which.add_argument("--all", action="store_true", help="every fleet of this checkout")
    return parser


def _do(arguments: argparse.Namespace) -> None:
    match arguments.command:
        case "engine":
            engine.up() if arguments.action == "up" else engine.down()
        case "image" if arguments.action == "remove":
            image.remove()
        case "image":
            engine.up()
            print(image.build())
        case "up":
            engine.up()
            fleet = Fleet(arguments.name)
            fleet.up(arguments.hosts, arguments.chain)
            print(fleet.inventory_file)
        case "inventory":
            print(Fleet(arguments.name).inventory_file.read_text(), end="")
        case "down" if engine.answers():
            for fleet in all_fleets() if arguments.all else [Fleet(arguments.name)]:
                fleet.down()
        case "down":
            # A chain is a process of this machine: it goes on whatever became of the engine.
            for fleet in fleets_with_folder() if arguments.all else [Fleet(arguments.name)]:
                fleet.chain.down()
            say("hosts: no engine answers, so there is none; chains are ended")
