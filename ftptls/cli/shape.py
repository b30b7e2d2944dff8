"""The commands as their parsers declare them, for completion and for the reference."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ftptls.cli import SUBCOMMANDS, subcommand, whole


@dataclass(frozen=True, slots=True)
class Argument:
    """A flag, or what has its place without one.

    Attributes:
        flags: How it is written, such as ``--json``; none for what has a place.
        name: What stands for its value; empty for a flag without.
        about: Its help.
        choices: What the value can be, if that is a few words.
        is_path: Whether the value is a file or a folder, or can be one.
        several: Whether there can be more than one: of a flag, or of the values in a place.
        required: Whether the command does not go without it.
    """

    flags: tuple[str, ...]
    name: str
    about: str
    choices: tuple[str, ...]
    is_path: bool
    several: bool
    required: bool


@dataclass(frozen=True, slots=True)
class Command:
    """A command, or what has commands of its own.

    Attributes:
        words: How it is called, such as ``("ftptls", "user", "add")``.
        about: What it does, as a list of commands tells it.
        flags: Its flags.
        places: Its other arguments, in order.
        commands: Those of its own.
    """

    words: tuple[str, ...]
    about: str
    flags: tuple[Argument, ...]
    places: tuple[Argument, ...]
    commands: tuple[Command, ...] = ()

    def walk(self) -> Iterator[Command]:
        """This one, and all below it."""
        yield self
        for each in self.commands:
            yield from each.walk()


def program() -> Command:
    """The whole of ``ftptls``."""
    parser = whole()
    return Command(
        ("ftptls",),
        parser.description or "",
        _flags(parser),
        (),
        tuple(
            _command(("ftptls", name), about, subcommand(name)[1])
            for name, about in SUBCOMMANDS.items()
        ),
    )


def _command(words: tuple[str, ...], about: str, parser: argparse.ArgumentParser) -> Command:
    places, commands = [], []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            abouts = {each.dest: each.help or "" for each in action._choices_actions}
            commands += [
                _command((*words, name), abouts[name], inner)
                for name, inner in action.choices.items()
            ]
        elif not action.option_strings:
            places.append(_argument(action))
    return Command(words, about, _flags(parser), tuple(places), tuple(commands))


def _flags(parser: argparse.ArgumentParser) -> tuple[Argument, ...]:
    return tuple(_argument(each) for each in parser._actions if each.option_strings)


def _argument(action: argparse.Action) -> Argument:
    choices = tuple(str(each) for each in action.choices or () if each)
    name = ""
    if action.nargs != 0:
        name = str(action.metavar or "|".join(choices) or action.dest.upper())
    return Argument(
        tuple(action.option_strings),
        name,
        (action.help or "").replace("%%", "%"),
        choices,
        action.type is Path or "FILE" in name.split("|"),
        isinstance(action, argparse._AppendAction) or action.nargs == "+",
        action.required,
    )
