"""Two directives that write the reference from the code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import nested_parse_with_titles

from ftptls import config
from ftptls.commands import Command, standard_commands
from ftptls.config import Option
from ftptls.hooks.events import described, variable
from ftptls.settings import EventKind


class Generated(SphinxDirective):
    """Parses the lines that a subclass writes."""

    def lines(self) -> Iterator[str]:
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        node = nodes.section()
        node.document = self.state.document
        content = StringList(list(self.lines()), source="generated")
        nested_parse_with_titles(self.state, content, node)
        return node.children


def literal(text: str) -> str:
    """Inline literal; it may hold backslashes, but not be empty."""
    return f"``{text}``"


def prose(text: str) -> str:
    """Help text: its code is in single backticks."""
    parts = text.split("`")
    return "".join(literal(part) if i % 2 else part for i, part in enumerate(parts))


class Settings(Generated):
    """Every setting, by section."""

    def lines(self) -> Iterator[str]:
        options = config.options().values()
        for section, group in groupby(options, key=lambda option: option.section):
            title = f"``[{section}]``" if section else "At the top of the file"
            yield from ("", title, "-" * len(title), "")
            yield from self.described(group)
        yield from ("", "``[[rules]]``", "-" * 13, "")
        yield "Policies that differ for some. Each table selects whom it is for, and its"
        yield "``policy`` holds settings of ``[policy]``. Without a selection it is for everybody."
        yield from ("Of several that match, the last one counts.", "")
        yield from self.described(config.rule_options().values())
        yield from ("", "``[[hosts]]``", "-" * 13, "")
        yield "Virtual hosts. Each table may also hold ``client_certificates``, with settings of"
        yield from ("``[client_certificates]`` that differ for it.", "")
        yield from self.described(config.host_options().values())
        yield from ("", "``[[listeners]]``", "-" * 17, "")
        yield "Endpoints that have settings of their own. Each table may also hold ``tls``,"
        yield "``client_certificates``, ``policy``, ``passive`` and ``limits``, with settings of"
        yield "those sections that differ there."
        yield ""
        yield from self.described(config.listener_options().values())
        yield from ("", "``[[hooks]]``", "-" * 13, "")
        yield "Programs and URLs that are told of what happens, or asked about uploads:"
        yield from (":doc:`/howto/hooks`.", "")
        yield from self.described(config.hook_options().values())

    def described(self, options: Iterable[Option]) -> Iterator[str]:
        for option in options:
            yield from (option.name, f"   {prose(option.about.help)}", "")
            yield f"   :Accepts: {self.accepts(option.accepts)}"
            yield f"   :Default: {literal(option.shown_default)}"
            if option.about.flag:
                yield f"   :Flag: {literal('--' + option.about.flag)}"
            yield ""

    @staticmethod
    def accepts(text: str) -> str:
        """Quoted values as literals."""
        parts = text.split('"')
        return "".join(literal(f'"{part}"') if i % 2 else part for i, part in enumerate(parts))


class Commands(Generated):
    """Every command, by RFC."""

    def lines(self) -> Iterator[str]:
        commands = sorted(standard_commands().values(), key=lambda command: command.verb)
        offered = [command for command in commands if command.implemented]
        yield from self.table("Offered", offered)
        yield from self.table("Known and refused", [c for c in commands if not c.implemented])

    def table(self, title: str, commands: list[Command]) -> Iterator[str]:
        yield from ("", title, "-" * len(title), "")
        yield from (".. list-table::", "   :header-rows: 1", "   :widths: 30 15 40 15", "")
        yield from ("   * - Syntax", "     - Defined in", "     - What it does", "     - When")
        for command in commands:
            syntax = command.syntax.replace(" <SP> ", " ").replace("<SP> ", "")
            yield f"   * - {literal(syntax)}"
            yield f"     - {command.rfc}"
            yield f"     - {command.help.removeprefix('Not offered: ')}"
            yield f"     - {self.when(command)}"
        yield ""

    @staticmethod
    def when(command: Command) -> str:
        if not command.implemented:
            return "never"
        when = "after login" if command.login else "always"
        return when + ("; during a transfer, too" if command.during_transfer else "")


class Events(Generated):
    """What hooks are told."""

    def lines(self) -> Iterator[str]:
        yield from ("``events``", "----------", "")
        for kind in EventKind:
            yield from (literal(kind.value), f"   {prose(kind.help)}", "")
        yield from ("Facts", "-----", "")
        yield "A fact that does not apply, or is not known, is left out. In names of files that are"
        yield "not in UTF-8, an octet that does not fit is a surrogate in JSON, ``\\udc80`` to"
        yield "``\\udcff``; in the environment it is itself."
        yield ""
        yield from (".. list-table::", "   :header-rows: 1", "   :widths: 25 30 45", "")
        yield from ("   * - In JSON", "     - In the environment", "     - What it is")
        for name, text in described().items():
            yield f"   * - {literal(name)}"
            yield f"     - {literal(variable(name))}"
            yield f"     - {prose(text)}"
        yield ""


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("ftptls-settings", Settings)
    app.add_directive("ftptls-commands", Commands)
    app.add_directive("ftptls-events", Events)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
