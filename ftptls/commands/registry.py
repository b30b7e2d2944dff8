"""One record per command, beside its handler: the source of dispatch, FEAT, HELP and docs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from zope.interface import Interface

from ftptls import policy
from ftptls.commands.context import Context
from ftptls.errors import PermanentError
from ftptls.interfaces import IRestricted
from ftptls.settings.rights import FULL, Right
from ftptls.wire.arguments import anything
from ftptls.wire.lines import CommandLine, parse_argument, parse_command
from ftptls.wire.replies import Reply
from ftptls.wire.states import forgotten_by, used_up_by

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
        verb: In upper case; ``SITE CHMOD`` is a verb, too, with the rest as its argument.
        rfc: Where it is defined, such as ``RFC 959 §4.1.1``.
        syntax: The verb and its arguments, as HELP shows them.
        help: One line on what it does.
        parse: Makes the handler's argument of the text.
        run: The handler: takes the context and the argument, gives the final reply.
        login: Whether a user must be logged in.
        opens_data: Whether it transfers over a data connection.
        takes_long: Whether it works for long without one, and can be aborted and asked
            about as a transfer can.
        during_transfer: Whether it is carried out while a transfer is in progress.
        secret: Whether its argument is kept out of the log.
        features: What FEAT says of it.
        needs: What the filesystem must provide besides :class:`~ftptls.interfaces.IFilesystem`.
        takes: Rights: out of each of these the user must have one somewhere, or it does
            nothing for him, and FEAT does not tell of it.
        since: The first version that has it.
        refusal: What it always answers, if it is known and not offered.
        occupies: Whether only commands that may come during a transfer are heard while it runs.
        forgets: The openers that it makes void, such as RNFR.
        uses_up: Those that it uses up.
    """

    verb: str
    rfc: str
    syntax: str
    help: str
    parse: Callable[[str], Any]
    run: Handler
    login: bool = True
    opens_data: bool = False
    takes_long: bool = False
    during_transfer: bool = False
    secret: bool = False
    features: Features = no_features
    needs: type[Interface] | None = None
    takes: tuple[Right, ...] = ()
    since: str = "0.1"
    refusal: Reply | None = None
    occupies: bool = field(init=False)
    forgets: frozenset[str] = field(init=False, repr=False)
    uses_up: frozenset[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Look up once what holds for every call."""
        object.__setattr__(self, "occupies", self.opens_data or self.takes_long)
        object.__setattr__(self, "forgets", forgotten_by(self.verb))
        object.__setattr__(self, "uses_up", used_up_by(self.verb))

    @property
    def implemented(self) -> bool:
        """Whether it does anything besides explaining its refusal."""
        return self.refusal is None

    def told(self, context: Context) -> Iterable[str]:
        """Its lines of FEAT; none if the user's filesystem cannot do it, or he may not."""
        told = self._is_possible(context) and self._is_allowed(context)
        return self.features(context) if told else ()

    def _is_allowed(self, context: Context) -> bool:
        filesystem = context.session.login.filesystem
        may = IRestricted(filesystem).somewhere if IRestricted.providedBy(filesystem) else FULL
        return all(each & may for each in self.takes)

    def _is_possible(self, context: Context) -> bool:
        """Before login nobody knows the filesystem: then it is."""
        filesystem = context.session.login.filesystem
        return self.needs is None or filesystem is None or self.needs.providedBy(filesystem)

    def perform(self, context: Context, text: str) -> Reply | Awaitable[Reply]:
        """Pass every gate, and run.

        Returns:
            The reply, or what it is waited for with.

        Raises:
            FTPError: What the handler raises, or a gate; so does what is waited for.
            ArgumentError: Of the parser, or of a value the handler looked into; the same.
        """
        if self.forgets:
            _forget(context, self.forgets)
        if self.uses_up:
            return self._use_up(context, text)
        return self._begin(context, text)

    async def _use_up(self, context: Context, text: str) -> Reply:
        try:
            result = self._begin(context, text)
            return result if isinstance(result, Reply) else await result
        finally:
            _forget(context, self.uses_up)

    def _begin(self, context: Context, text: str) -> Reply | Awaitable[Reply]:
        session = context.session
        if self.login and session.login.filesystem is None:
            raise PermanentError(530, "Log in with USER and PASS first.")
        if self.needs is not None and not self._is_possible(context):
            raise PermanentError(502, "The files here are kept in a way that cannot do this.")
        argument = self.parse(text)
        if self.opens_data:
            reply = policy.refuse_transfer(session.policy, session.security.level)
            if reply is not None:
                return reply
        return self.run(context, argument)


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
        refusal=reply,
    )


def unknown(verb: str) -> Command:
    """What a verb is that no table has."""
    return refused(verb, "", verb, "Unknown command; HELP lists the known ones.", 500)


class CommandTable(Mapping[str, Command]):
    """Commands by verb, composed in the open.

    Example:
        ``standard_commands().without("DELE", "RMD").replace(my_stat)``
    """

    def __init__(self, commands: Iterable[Command]) -> None:
        self._commands = {command.verb: command for command in commands}
        self._families = {verb.partition(" ")[0] for verb in self._commands if " " in verb}
        self._alone = {
            verb.encode(): command
            for verb, command in self._commands.items()
            if verb not in self._families
        }

    def __getitem__(self, verb: str) -> Command:
        return self._commands[verb]

    def __iter__(self) -> Iterator[str]:
        return iter(self._commands)

    def __len__(self) -> int:
        return len(self._commands)

    def read(self, line: bytes) -> tuple[Command, str]:
        """The record for a line, and its argument; the verb is in capitals most of the time.

        Args:
            line: A line without its end.

        Raises:
            ArgumentError: The line is no command; see :func:`~ftptls.wire.lines.parse_command`.
        """
        verb, _, rest = line.partition(b" ")
        command = self._alone.get(verb)
        if command is not None:
            return command, parse_argument(rest) if rest else ""
        parsed = parse_command(line)
        found, argument = self.find(parsed)
        return found or unknown(parsed.verb), argument

    def find(self, line: CommandLine) -> tuple[Command | None, str]:
        """The record for a line, and the argument that is left for it.

        ``SITE CHMOD 644 a`` is for ``SITE CHMOD`` if there is such a record, else for ``SITE``.
        """
        if line.verb in self._families:
            word, _, rest = line.argument.partition(" ")
            command = self._commands.get(f"{line.verb} {word.upper()}")
            if command is not None:
                return command, rest
        return self._commands.get(line.verb), line.argument

    def family(self, verb: str) -> list[Command]:
        """The records of ``SITE CHMOD`` and the like, for ``SITE``."""
        return [each for each in self.values() if each.verb.startswith(f"{verb} ")]

    def replace(self, *commands: Command) -> CommandTable:
        """This table with other records for these verbs, or further verbs."""
        return CommandTable([*self._commands.values(), *commands])

    def without(self, *verbs: str) -> CommandTable:
        """This table without some verbs, which are then unknown to it; ``SITE`` is all of SITE."""
        gone = frozenset(verbs)
        return CommandTable(
            each
            for each in self.values()
            if each.verb not in gone and each.verb.partition(" ")[0] not in gone
        )


def _forget(context: Context, openers: frozenset[str]) -> None:
    pending = context.session.parameters
    if not (pending.rename_from or pending.marker or pending.range or pending.copy_from):
        return  # as before nearly every command
    if "RNFR" in openers:
        pending.rename_from = None
    if "REST" in openers:
        pending.marker = 0
    if "RANG" in openers:
        pending.range = None
    if "SITE CPFR" in openers:
        pending.copy_from = None
