"""What subcommands have in common: refusals, secrets, tables and JSON."""

from __future__ import annotations

import argparse
import contextlib
import getpass
import json
import math
import operator
import secrets
import string
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

_LETTERS = string.ascii_letters + string.digits  # safe in a shell, in lftp and in a Cred string
_LONGEST = 4096  # characters of a secret; a file without lines is no password file

Run = Callable[[argparse.Namespace], int]


class CommandError(Exception):
    """A command that cannot be carried out; the text says why, in one sentence."""


@contextlib.contextmanager
def refusing(*kinds: type[Exception]) -> Iterator[None]:
    """Make errors of some kinds, and those of files, a :class:`CommandError`."""
    try:
        yield
    except BrokenPipeError:
        raise  # that is about the reader of what is printed
    except OSError as error:
        what = f"cannot use {clean(str(error.filename))}: " if error.filename else ""
        raise CommandError(f"{what}{error.strerror or error}.") from error
    except kinds as error:
        raise CommandError(str(error)) from error


def add_commands(
    parser: argparse.ArgumentParser,
) -> Callable[[str, Run, str], argparse.ArgumentParser]:
    """Let a subcommand have subcommands of its own.

    Returns:
        What adds one: its name, what runs it, and a line of help.
    """
    group = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, run: Run, about: str) -> argparse.ArgumentParser:
        added = group.add_parser(name, help=about, description=about[0].upper() + about[1:] + ".")
        added.set_defaults(run=run)
        return added

    return add


def add_file(parser: argparse.ArgumentParser, flag: str, key: str, what: str) -> None:
    """Let a file be named by a flag of its own, or by the setting that names it.

    Args:
        parser: Of the command.
        flag: The flag, which sets an attribute of that name.
        key: The setting, as ``guard.state``.
        what: What the file is.
    """
    parser.add_argument(f"--{flag}", metavar="FILE", help=f"the {what}: {key}")
    parser.add_argument("--config", metavar="FILE", help="the server's TOML file that names it")
    parser.set_defaults(named=(flag, key, what))


def chosen_file(chosen: argparse.Namespace) -> str:
    """The path of the file of :func:`add_file`.

    Raises:
        CommandError: Nothing names it.
    """
    from ftptls.config import ConfigError, load

    flag, key, what = chosen.named
    if path := getattr(chosen, flag):
        return str(path)
    if not chosen.config:
        raise CommandError(f"name the {what} with --{flag}, or with --config.")
    with refusing(ConfigError):
        path = operator.attrgetter(key)(load(chosen.config))
    if not path:
        raise CommandError(f"{chosen.config} names no {what}; set {key} to a file.")
    return str(path)


def run_chosen(chosen: argparse.Namespace) -> int:
    """Run the subcommand that was chosen of those that :func:`add_commands` added."""
    run: Run = chosen.run
    return run(chosen)


def add_json(parser: argparse.ArgumentParser) -> None:
    """Declare ``--json``."""
    parser.add_argument("--json", action="store_true", help="print JSON, for scripts")


def days(text: str) -> float:
    """A number of days, from an argument."""
    with contextlib.suppress(ValueError):
        number = float(text)
        if math.isfinite(number) and number > 0:
            return number
    raise argparse.ArgumentTypeError(f"{text!r} is no number of days above 0.")


def secret_in(path: str) -> str:
    """The first line of a file, or of standard input where its name is ``-``.

    Raises:
        CommandError: It cannot be read, or is empty.
    """
    try:
        with refusing():
            if path == "-" and sys.stdin.isatty():
                line = getpass.getpass("Standard input: ")
            elif path == "-":
                line = sys.stdin.readline(_LONGEST)
            else:
                with open(path, encoding="utf-8") as file:
                    line = file.readline(_LONGEST)
    except UnicodeDecodeError:
        raise CommandError(f"the first line of {clean(path)} is not in UTF-8.") from None
    if not (secret := line.rstrip("\r\n")):
        raise CommandError(f"there is nothing in the first line of {clean(path)}.")
    return secret


def ask_secret(what: str, flag: str, *, twice: bool = False) -> str:
    """A secret that somebody types in, unseen.

    Args:
        what: What is asked for.
        flag: The flag that names a file with it, for those who are no terminal.
        twice: Whether it has to be typed twice, as it is new.

    Raises:
        CommandError: There is nobody to ask, it is empty, or the two differ.
    """
    if not sys.stdin.isatty():
        raise CommandError(f"{what}: nobody can be asked for it; name a file with {flag}, or -.")
    try:
        secret = getpass.getpass(f"{what}: ")
        if not secret:
            raise CommandError("nothing was typed.")
        if twice and getpass.getpass(f"{what}, again: ") != secret:
            raise CommandError("the two differ; nothing was done.")
    except EOFError:
        raise CommandError("nothing was typed.") from None
    except UnicodeDecodeError:
        raise CommandError("what was typed is not in the terminal's encoding.") from None
    return secret


def secret(file: str | None, what: str, flag: str, *, twice: bool = False) -> str:
    """A secret from the file that a flag names, or typed in."""
    return secret_in(file) if file else ask_secret(what, flag, twice=twice)


def new_secret(length: int = 20) -> str:
    """A random password of letters and digits."""
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    print(json.dumps(value, indent=2))


def print_pairs(pairs: Sequence[tuple[str, str]]) -> None:
    """Print names and values, one pair a line."""
    width = max((len(name) for name, _ in pairs), default=0)
    for name, value in pairs:
        print(f"{name:<{width}}  {clean(value)}".rstrip())


def print_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print columns that are as wide as their widest text; the last one is not padded."""
    cleaned = [[clean(text) for text in row] for row in (titles, *rows)]
    widths = [max(map(len, column)) for column in zip(*cleaned, strict=True)]
    for row in cleaned:
        padded = [f"{text:<{width}}" for text, width in zip(row, widths, strict=True)]
        print("  ".join(padded).rstrip())


def clean(text: str) -> str:
    """A text without what could play with a terminal."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)
