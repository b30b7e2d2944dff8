"""The reference of the ``ftptls`` command, written from its parsers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ftptls_reference import Generated, literal
from sphinx.application import Sphinx

from ftptls.cli.shape import Argument, Command, program

_MEANT = re.compile(r"([*`|\\_])")


class Program(Generated):
    """Every command, with what it takes."""

    def lines(self) -> Iterator[str]:
        for subcommand in program().commands:
            yield from _title(subcommand, "-")
            yield from (_sentence(subcommand.about), "")
            if not subcommand.commands:
                yield from self.described(subcommand)
            for command in subcommand.walk():
                if not command.commands and command is not subcommand:
                    yield from _title(command, "~")
                    yield from (_sentence(command.about), "")
                    yield from self.described(command)

    @staticmethod
    def described(command: Command) -> Iterator[str]:
        yield from ("::", "", f"   {synopsis(command)}", "")
        for each in (*command.places, *command.flags):
            if "--help" not in each.flags:
                yield from (_term(each), f"   {_sentence(each.about)}", "")


def synopsis(command: Command) -> str:
    """How it is called; flags that it does not go without are in it."""
    words = [*command.words]
    for flag in command.flags:
        if flag.required:
            words.append(f"{flag.flags[0]} {flag.name}")
    words.append("[FLAGS]")
    for place in command.places:
        name = place.name if place.required else f"[{place.name}]"
        words.append(f"{name} ..." if place.several else name)
    return " ".join(words)


def _term(argument: Argument) -> str:
    names = argument.flags or (argument.name,)
    value = f" {argument.name}" if argument.flags and argument.name else ""
    return ", ".join(literal(name + value) for name in names)


def _title(command: Command, line: str) -> Iterator[str]:
    title = literal(" ".join(command.words))
    yield from ("", title, line * len(title), "")


def _sentence(text: str) -> str:
    return _MEANT.sub(r"\\\1", text[:1].upper() + text[1:]) + "."


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("ftptls-program", Program)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
