"""The interpreter: commands in their order, each with its reply (RFC 959 §5.4)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from ftptls import observe
from ftptls.commands import Command, Context
from ftptls.dtp.server import ServerDTP
from ftptls.errors import FTPError, PermanentError, from_os_error
from ftptls.guard.waits import Waits
from ftptls.pi.control import ControlConnection
from ftptls.pi.steps import carry_out
from ftptls.session import Session
from ftptls.tls.switch import SINKING
from ftptls.wire.arguments import ArgumentError
from ftptls.wire.languages import translated
from ftptls.wire.lines import LineTooLong
from ftptls.wire.replies import Reply

if TYPE_CHECKING:
    from ftptls.factory import FTPFactory

# What other protocols begin with: a browser or mailer was talked into speaking to us.
_STRANGERS = frozenset(
    {"GET", "POST", "PUT", "HEAD", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "PRI"}
    | {"EHLO", "HELO", "LHLO", "STARTTLS"}
)


class Interpreter(ControlConnection, Waits):
    """Takes lines for commands and answers each.

    Commands are carried out one after the other. While one of them transfers, those
    whose record says so are answered in between; the others wait in their order.

    Attributes:
        session: What is known of this connection; the subclass makes it once there is one.
    """

    __slots__ = (
        "_after_reply",
        "_after_transfer",
        "_bad_commands",
        "_busy",
        "_context",
        "_dtp",
        "_lost",
        "_next",
        "_tells_all",
        "_transferring",
        "_unknown_since",
        "factory",
        "session",
    )

    session: Session
    _dtp: ServerDTP
    _context: Context

    def __init__(self, factory: FTPFactory) -> None:
        super().__init__(factory.reactor, factory.settings.limits)
        self.factory = factory
        self._tells_all = factory.settings.log.debug
        self._next: tuple[Command, str] | None = None
        self._busy = False
        self._transferring = False
        self._after_transfer: list[Deferred[None]] = []
        self._after_reply: Callable[[], None] | None = None
        self._bad_commands = 0
        self._lost = False
        self._unknown_since = self._opened_at

    def _is_at_work(self) -> bool:
        """Whether a command is being carried out: it may still take hold of something."""
        return self._busy or self._transferring

    def _take_command(self) -> bool:
        """Take up the next command; false if there is none, or it has to wait."""
        waiting, lines = self._next, self._lines
        if waiting is None and not lines.buffered:
            return False
        if self._busy or self._writing_paused or self._switch.phase is SINKING:
            return False
        if waiting is None:
            try:
                line = lines.next_line()
                if line is None:
                    return False
                waiting = self.factory.commands.read(line)
            except LineTooLong:
                self._bad(Reply(500, "The line is too long."))
                return True
            except ArgumentError as error:
                self._bad(Reply(error.code, error.text))
                return True
        command, argument = waiting
        if self._transferring and not command.during_transfer:
            self._next = waiting
            return False
        self._next = None
        self._start(command, argument)
        return True

    def _start(self, command: Command, argument: str) -> None:
        if command.verb in _STRANGERS:
            self._close_with(Reply(421, "This is an FTP server; goodbye."), "spoke no FTP")
            return
        if self._tells_all:
            verb, _, word = command.verb.partition(" ")
            told = f"{word} {argument}" if word and argument else word or argument
            observe.commanded(self.session, verb, told, secret=command.secret)
        self._touched_at = self._reactor.seconds()
        if self.session.login.filesystem is not None:
            self._unknown_since = self._touched_at
        if command.occupies:
            self._transferring = True
            self._dtp.begin(command.verb)
        else:
            self._busy = True
        try:
            begun = command.perform(self._context, argument)
        except Exception as error:  # noqa: BLE001 - answered, and logged if it is a mistake of ours
            begun = self._answer_to(error, command)
        if command.occupies:
            carry_out(self._transfer(command, begun))
        elif isinstance(begun, Reply):
            self._finish(begun)
        else:
            carry_out(self._command(command, begun))

    async def _command(self, command: Command, begun: Awaitable[Reply]) -> None:
        self._finish(await self._outcome(command, begun))

    async def _transfer(self, command: Command, begun: Reply | Awaitable[Reply]) -> None:
        reply = begun if isinstance(begun, Reply) else await self._outcome(command, begun)
        self._transferring = False
        self._dtp.end()
        self._reply(reply)
        waiting, self._after_transfer = self._after_transfer, []
        for each in waiting:
            each.callback(None)
        self._leave()
        self._touched_at = self._reactor.seconds()
        self._pump()

    def _leave(self) -> None:
        """Once the connection is gone and nothing is being transferred: the factory is told."""
        if self._lost and not self._transferring:
            self.factory.closed(self)

    async def _outcome(self, command: Command, begun: Awaitable[Reply]) -> Reply:
        """The final reply of a command that waits, whatever happens."""
        try:
            return await begun
        except Exception as error:  # noqa: BLE001 - answered, and logged if it is a mistake of ours
            return self._answer_to(error, command)

    def _answer_to(self, error: Exception, command: Command) -> Reply:
        """What a client reads of an error that is being handled: nothing gets past here."""
        if isinstance(error, FTPError):
            return error.reply
        if isinstance(error, ArgumentError):
            return PermanentError(error.code, error.text).reply
        if isinstance(error, OSError):
            return from_os_error(error).reply
        observe.failed(self.session, command.verb)  # with its traceback
        return Reply(451, "Local error; try again later.")

    def _finish(self, reply: Reply) -> None:
        self._busy = False
        after, self._after_reply = self._after_reply, None
        if reply.code == 500:
            self._bad(reply)
        else:
            self._reply(reply)
        unknown = self.session.login.filesystem is None
        if unknown and self._unknown_since == self._touched_at and self.client_present:
            self._set_timer()  # from here on there is less patience than with a user
        if after is not None:
            after()
        if not self._pumping:
            self._pump()

    def _bad(self, reply: Reply) -> None:
        """An unknown or malformed command: tolerated only so often."""
        self._bad_commands += 1
        if self._bad_commands >= self._limits.bad_commands:
            self._close_with(Reply(421, "Too many bad commands; goodbye."), "bad commands")
        else:
            self._reply(reply)

    def _reply(self, reply: Reply) -> None:
        """Send a reply, in the language that the client chose; the log has it in English."""
        if self._closing or not self.connected:
            return
        if self._tells_all:
            observe.replied(self.session, reply)
        language = self.session.parameters.language
        if language:
            reply = translated(reply, self.factory.languages[language])
        self._switch.write(reply.encode())

    def _close_with(self, reply: Reply, why: str) -> None:
        self._reply(reply)
        self._close(why)

    # --- what commands may do about it -----------------------------------------------------------

    @property
    def input_pending(self) -> bool:
        """Whether anything was received behind the present command."""
        return bool(self._next or self._lines.buffered or self._switch.received)

    def close_after_reply(self) -> None:
        """Once the reply is sent: close the connection."""
        self._after_reply = lambda: self._close("said goodbye")

    def transfer_answered(self) -> Deferred[None] | None:
        """Until the transfer in progress has its reply; ``None`` if there is none."""
        if not self._transferring:
            return None
        waiting: Deferred[None] = Deferred()
        self._after_transfer.append(waiting)
        return waiting
