"""One record per command, beside its handler: the source of dispatch, FEAT, HELP and docs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ftptls import policy
from ftptls.commands.context import Context
from ftptls.errors import PermanentError
from ftptls.wire.arguments import ArgumentError, anything
from ftptls.wire.lines import CommandLine
from ftptls.wire.replies import Reply
from ftptls.wire.states import forgotten_by

Handler = Callable[[Context, Any], "Reply | Awaitable[Reply]"]
Features = Callable[[Context], Iterable[str]]


def no_features(_context: Context) -> Iterable[str]:
    """Nothing to tell in FEAT."""
    return ()


def features(*lines: str) -> Features:
    """The same FEAT lines for everybody."""
    return lambda _context: lines


@dataclass(frozen=True, slots=True)
class Command:
    """Everything there is to know about one verb.

    Attributes:
        verb: In upper case.
        rfc: Where it is defined, such as ``RFC 959 §4.1.1``.
        syntax: The verb and its arguments, as HELP shows them.
        help: One line on what it does.
        parse: Makes the handler's argument of the text.
        run: The handler: takes the context and the argument, gives the final reply.
        login: Whether a user must be logged in.
        opens_data: Whether it transfers over a data connection.
        during_transfer: Whether it is carried out while a transfer is in progress.
        secret: Whether its argument is kept out of the log.
        features: What FEAT says of it.
        implemented: Whether it does anything; otherwise it explains its refusal.
    """

    verb: str
    rfc: str
    syntax: str
    help: str
    parse: Callable[[str], Any]
    run: Handler
    login: bool = True
    opens_data: bool = False
    during_transfer: bool = False
    secret: bool = False
    features: Features = no_features
    implemented: bool = True

    async def perform(self, context: Context, text: str) -> Reply:
        """Pass every gate, and run.

        Raises:
            FTPError: What the handler raises, or a gate.
        """
        session = context.session
        if self.login and session.login.filesystem is None:
            raise PermanentError(530, "Log in with USER and PASS first.")
        try:
            argument = self.parse(text)
            if self.opens_data:
                reply = policy.refuse_transfer(session.policy, session.security.level)
                if reply is not None:
                    return reply
            result = self.run(context, argument)
            return result if isinstance(result, Reply) else await result
        except ArgumentError as error:  # of the parser, or of a value the handler looked into
            raise PermanentError(error.code, error.text) from None


def refused(verb: str, rfc: str, syntax: str, why: str, code: int = 502) -> Command:
    """A verb that is known and not offered.

    Args:
        verb: In upper case.
        rfc: Where it is defined.
        syntax: As HELP shows it.
        why: What the client reads.
        code: 502, or 504 and such where the standard wants it.
    """
    reply = Reply(code, why)
    return Command(
        verb,
        rfc,
        syntax,
        f"Not offered: {why}",
        anything,
        lambda _context, _argument: reply,
        login=False,
        secret=True,  # nobody looks into it, so nobody knows that it is no password
        implemented=False,
    )


class CommandTable(Mapping[str, Command]):
    """Commands by verb, composed in the open.

    Example:
        ``standard_commands().without("DELE", "RMD").replace(my_stat)``
    """

    def __init__(self, commands: Iterable[Command]) -> None:
        self._commands = {command.verb: command for command in commands}

    def __getitem__(self, verb: str) -> Command:
        return self._commands[verb]

    def __iter__(self) -> Iterator[str]:
        return iter(self._commands)

    def __len__(self) -> int:
        return len(self._commands)

    def replace(self, *commands: Command) -> CommandTable:
        """This table with other records for these verbs, or further verbs."""
        return CommandTable([*self._commands.values(), *commands])

    def without(self, *verbs: str) -> CommandTable:
        """This table without some verbs, which are then unknown to it."""
        return CommandTable(each for each in self.values() if each.verb not in verbs)


async def perform(context: Context, line: CommandLine) -> Reply:
    """Carry out one command line.

    Raises:
        PermanentError: 500, the verb is unknown; or what the command raises.
    """
    parameters = context.session.parameters
    forgotten = forgotten_by(line.verb)
    if "RNFR" in forgotten:
        parameters.rename_from = None
    if "REST" in forgotten:
        parameters.marker = 0
    command = context.commands.get(line.verb)
    if command is None:
        raise PermanentError(500, "Unknown command; HELP lists the known ones.")
    return await command.perform(context, line.argument)
