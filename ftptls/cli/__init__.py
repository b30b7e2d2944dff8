"""The ``ftptls`` command; each subcommand is a module, imported when it is called."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from ftptls import __version__

_SUBCOMMANDS = {
    "serve": "serve a folder on this machine, with a certificate and a user made for it",
    "tls-check": "check the TLS of any FTP server, and say what to do about what is wrong",
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
    parser = _Parser(prog="ftptls", description="FTP over TLS (RFC 4217) for Twisted.")
    parser.add_argument("--version", action="version", version=f"ftptls {__version__}")
    parser.add_argument(
        "subcommand",
        choices=_SUBCOMMANDS,
        help="; ".join(f"{name}: {text}" for name, text in _SUBCOMMANDS.items()),
    )
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    module = import_module(f"ftptls.cli.{chosen.subcommand.replace('-', '_')}")
    inner = _Parser(prog=f"ftptls {chosen.subcommand}", description=module.__doc__)
    module.add_arguments(inner)
    status: int = module.run(inner.parse_args(chosen.rest))
    return status
