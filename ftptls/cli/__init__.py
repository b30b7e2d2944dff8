"""The ``ftptls`` command; each subcommand is a module, imported when it is called."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import NoReturn

from ftptls import __version__
from ftptls.cli.common import CommandError, Run

SUBCOMMANDS = {
    "serve": "serve a folder on this machine, with a certificate and a user made for it",
    "tls-check": "check the TLS of any FTP server, and say what to do about what is wrong",
    "user": "keep the users of a user store",
    "group": "keep the groups of a user store: what several users have in common",
    "ban": "list and lift the bans of those who guessed passwords",
    "quota": "show what users and groups have stored, and count it again",
    "ca": "keep a small certificate authority for partners who have none",
    "cert": "make, look at and renew certificates, for servers and for users",
    "completion": "print a script that lets a shell complete these commands",
}


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand.

    Args:
        arguments: Those behind the program's name; by default the process's.

    Returns:
        The exit status.
    """
    parser = whole()
    parser.add_argument(
        "subcommand", metavar="COMMAND", choices=SUBCOMMANDS, help="one of those below"
    )
    parser.add_argument("rest", metavar="...", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    module, inner = subcommand(chosen.subcommand)
    return _carried_out(module.run, inner.parse_args(chosen.rest))


def whole() -> argparse.ArgumentParser:
    """The parser of what stands before a subcommand."""
    width = max(map(len, SUBCOMMANDS))
    listed = "\n".join(f"  {name:<{width}}  {text}" for name, text in SUBCOMMANDS.items())
    parser = _Parser(
        prog="ftptls",
        description="FTP over TLS (RFC 4217) for Twisted.",
        epilog=f"commands:\n{listed}\n\nftptls COMMAND --help tells more of one.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"ftptls {__version__}")
    return parser


def subcommand(name: str) -> tuple[ModuleType, argparse.ArgumentParser]:
    """The module of a subcommand, and its parser."""
    module = import_module(f"ftptls.cli.{name.replace('-', '_')}")
    parser = _Parser(prog=f"ftptls {name}", description=module.__doc__)
    module.add_arguments(parser)
    return module, parser


def _carried_out(run: Run, chosen: argparse.Namespace) -> int:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names that the terminal cannot show
    try:
        status = run(chosen)
        sys.stdout.flush()
    except CommandError as error:
        print(f"ftptls: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever reads has seen enough; nothing is left to be flushed at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130  # as shells have it
    return status
