"""The interpreter: commands in their order, each with its reply (RFC 959 §5.4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from ftptls import observe
from ftptls.commands import Command, Context, unknown
from ftptls.dtp.server import ServerDTP
from ftptls.errors import FTPError, from_os_error
from ftptls.guard.waits import Waits
from ftptls.pi.control import ControlConnection
from ftptls.pi.steps import carry_out
from ftptls.session import Session
from ftptls.wire.arguments import ArgumentError
from ftptls.wire.languages import translated
from ftptls.wire.lines import CommandLine, LineTooLong, parse_command
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

    session: Session
    _dtp: ServerDTP
    _context: Context

    def __init__(self, factory: FTPFactory) -> None:
        super().__init__(factory.reactor, factory.settings.limits)
        self.factory = factory
        self._tells_all = factory.settings.log.debug
        self._next: CommandLine | None = None
        self._busy = False
        self._transferring = False
        self._after_transfer: list[Deferred[None]] = []
        self._after_reply: Callable[[], None] | None = None
        self._bad_commands = 0
        self._lost = False
        self._unknown_since = self._opened_at

    def _take_command(self) -> bool:
        """Take up the next command; false if there is none, or it has to wait."""
        if self._busy or self._writing_paused or self._switch.is_sinking:
            return False
        if self._next is None and not self._read_line():
            return False
        line = self._next
        if line is None:
            return True
        if self._transferring and not self._may_interrupt(line):
            return False
        self._next = None
        self._start(line)
        return True

    def _read_line(self) -> bool:
        """Parse the next line; false if there is none yet."""
        if not self._lines.buffered:
            return False
        try:
            line = self._lines.next_line()
            if line is None:
                return False
            self._next = parse_command(line)
        except LineTooLong:
            self._bad(Reply(500, "The line is too long."))
        except ArgumentError as error:
            self._bad(Reply(error.code, error.text))
        return True

    def _may_interrupt(self, line: CommandLine) -> bool:
        command, _ = self.factory.commands.find(line)
        return command is not None and command.during_transfer

    def _start(self, line: CommandLine) -> None:
        if line.verb in _STRANGERS:
            self._close_with(Reply(421, "This is an FTP server; goodbye."), "spoke no FTP")
            return
        command, argument = self.factory.commands.find(line)
        if self._tells_all:
            secret = command is None or command.secret
            observe.commanded(self.session, line.verb, line.argument, secret=secret)
        self._touched_at = self._reactor.seconds()
        if self.session.login.filesystem is not None:
            self._unknown_since = self._touched_at
        if command is not None and command.occupies:
            self._transferring = True
            self._dtp.begin(command.verb)
            carry_out(self._transfer(command, argument))
        else:
            self._busy = True
            carry_out(self._command(command or unknown(line.verb), argument))

    async def _command(self, command: Command, argument: str) -> None:
        reply = await self._outcome(command, argument)
        self._busy = False
        self._finish(reply)

    async def _transfer(self, command: Command, argument: str) -> None:
        reply = await self._outcome(command, argument)
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

    async def _outcome(self, command: Command, argument: str) -> Reply:
        """The command's final reply, whatever happens: this is where nothing gets past."""
        try:
            return await command.perform(self._context, argument)
        except FTPError as error:
            return error.reply
        except OSError as error:
            return from_os_error(error).reply
        except Exception:  # noqa: BLE001 - logged with its traceback, and answered
            observe.failed(self.session, command.verb)
            return Reply(451, "Local error; try again later.")

    def _finish(self, reply: Reply) -> None:
        after, self._after_reply = self._after_reply, None
        if reply.code == 500:
            self._bad(reply)
        else:
            self._reply(reply)
        was_known = self._unknown_since == self._touched_at
        if was_known and self.session.login.filesystem is None and self.client_present:
            self._set_timer()  # from here on there is less patience than with a user
        if after is not None:
            after()
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
        if not self.client_present:
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
        return bool(self._next or self._lines.buffered or self._switch.pending)

    def close_after_reply(self) -> None:
        """Once the reply is sent: close the connection."""
        self._after_reply = lambda: self._close("said goodbye")

    async def transfer_answered(self) -> None:
        """Until the transfer in progress, if any, has its reply."""
        if self._transferring:
            waiting: Deferred[None] = Deferred()
            self._after_transfer.append(waiting)
            await waiting
