"""Print a script that lets a shell complete commands, flags, and what they take."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping

from ftptls.cli import shells
from ftptls.cli.shape import Command, program

_SHELLS: Mapping[str, Callable[[Command], str]] = {
    "bash": shells.bash,
    "zsh": shells.zsh,
    "fish": shells.fish,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what ``ftptls completion`` takes."""
    parser.add_argument("shell", metavar="bash|zsh|fish", choices=_SHELLS, help="for which shell")


def run(chosen: argparse.Namespace) -> int:
    """Print the script."""
    print(_SHELLS[chosen.shell](program()), end="")
    return 0
