"""Server-PI: the control connection (RFC 959 §2.2, §5)."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer, ISSLTransport, ITCPTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from zope.interface import implementer

from ftptls import observe
from ftptls.commands import Context, perform
from ftptls.dtp.server import ServerDTP
from ftptls.errors import FTPError, from_os_error
from ftptls.session import Peers, Session
from ftptls.tls.stream import TLSStream
from ftptls.tls.switch import Ended, Event, Failed, Lowered, Raised, Received, TLSSwitch
from ftptls.wire.addresses import canonical
from ftptls.wire.arguments import ArgumentError, Mechanism, ProtectionLevel
from ftptls.wire.lines import CommandLine, LineReader, LineTooLong, parse_command
from ftptls.wire.replies import Reply

if TYPE_CHECKING:
    from ftptls.factory import FTPFactory

# What other protocols begin with: a browser or mailer was talked into speaking to us.
_STRANGERS = frozenset(
    {"GET", "POST", "PUT", "HEAD", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "PRI"}
    | {"EHLO", "HELO", "LHLO", "STARTTLS"}
)
# Commands that wait are kept up to here; then the client has to wait with sending.
_HIGH_WATER = 64 * 1024
# After CCC, the client may close TLS first for this many seconds.
_CLOSE_NOTIFY_DELAY = 0.25
# An oversized line is dropped; one that goes on for this long ends the connection.
_MOST_DROPPED = 64 * 1024


@implementer(IPushProducer)
class ServerPI(Protocol):
    """One control connection.

    Commands are carried out one after the other. While one of them transfers, those
    whose record says so are answered in between; the others wait in their order.

    Attributes:
        session: What is known of this connection.
    """

    session: Session

    def __init__(self, factory: FTPFactory) -> None:
        self.factory = factory
        self._reactor: Any = factory.reactor
        self._limits = factory.settings.limits
        self._switch = TLSSwitch(self._send)
        self._lines = LineReader(self._limits.line_length)
        self._next: CommandLine | None = None
        self._busy = False
        self._transferring = False
        self._after_transfer: list[Deferred[None]] = []
        self._after_reply: Callable[[], None] | None = None
        self._bad_commands = 0
        self._reading_paused = False
        self._writing_paused = False
        self._closing = False
        self._pumping = False
        self._timer: Any = None
        self._close_notify: Any = None
        self._opened_at = self._touched_at = self._reactor.seconds()
        self._shaking_hands = False
        self._why = "the client closed the connection"

    # --- the transport ---------------------------------------------------------------------

    def connectionMade(self) -> None:
        """A client connected: greet it, or wait for its TLS handshake first."""
        transport: Any = self.transport
        _prepare_socket(transport)
        transport.registerProducer(self, True)
        self.session = _new_session(transport)
        certificate = self.factory.tls
        self._tls = certificate.new_session() if certificate is not None else None
        self._dtp = ServerDTP(
            self._reactor,
            self.session,
            self.factory.settings,
            self.factory.workers,
            self._tls,
            self._reply,
        )
        self._context = Context(
            self.session,
            self.factory.settings,
            self.factory.portal,
            self.factory.commands,
            self,
            self._dtp,
        )
        self.factory.opened(self)
        observe.connected(self.session)
        if self.factory.implicit and self._tls is not None:
            self.session.security.implicit = True
            self.session.security.level = ProtectionLevel.PRIVATE
            self._expect_handshake()
        else:
            if ISSLTransport.providedBy(transport):
                self._secured_by_endpoint()
            self._greet()

    def _secured_by_endpoint(self) -> None:
        """TLS was up before us; data is private by default if there is a certificate for it."""
        self.session.security.secured = self.session.security.by_endpoint = True
        if self._tls is not None:
            self.session.security.level = ProtectionLevel.PRIVATE

    def _greet(self) -> None:
        self._reply(Reply(220, self.factory.settings.banner))
        self._set_timer()

    def dataReceived(self, data: bytes) -> None:
        """Octets from the client, of whatever protection."""
        if self._closing:
            return
        self._switch.feed(data)
        self._pump()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is gone: abort the transfer and log the user out (RFC 959 §4.1.1)."""
        self.connected = 0
        self._closing = True
        self._stop_timer()
        _cancel(self._close_notify)
        self._dtp.close()
        self.session.log_out()
        self._lines.clear()
        observe.disconnected(self.session, self._why)
        if not self._transferring:
            self.factory.closed(self)

    def _send(self, data: bytes) -> None:
        transport: Any = self.transport
        transport.write(data)

    def pauseProducing(self) -> None:
        """The client does not read its replies: carry out nothing more for now."""
        self._writing_paused = True
        self._throttle()

    def resumeProducing(self) -> None:
        """The client reads again."""
        self._writing_paused = False
        self._throttle()
        self._pump()

    def stopProducing(self) -> None:
        """The transport is going away; :meth:`connectionLost` tells."""

    def _throttle(self) -> None:
        """Stop reading while more waits than the client may have on account."""
        transport: Any = self.transport
        waiting = self._lines.buffered + self._switch.pending
        pause = waiting > _HIGH_WATER or self._writing_paused
        if pause != self._reading_paused and not self._closing:
            self._reading_paused = pause
            (transport.pauseProducing if pause else transport.resumeProducing)()

    # --- what was received -----------------------------------------------------------------

    def _pump(self) -> None:
        """Take up everything that can be taken up now."""
        if self._pumping:
            return
        self._pumping = True
        try:
            while not self._closing and (self._take_events() or self._take_command()):
                pass
        finally:
            self._pumping = False
        self._throttle()

    def _take_events(self) -> bool:
        """Read on, unless more commands than enough are waiting already."""
        if self._lines.buffered > _HIGH_WATER:
            return False
        event = self._switch.next_event()
        if event is None:
            return False
        self._handle(event)
        return True

    def _handle(self, event: Event) -> None:
        match event:
            case Received(data):
                self._lines.feed(data)
                if answers := self._lines.take_answers():
                    self._switch.write(answers)
                if self._lines.dropped > _MOST_DROPPED:
                    self._close_with(Reply(421, "The line never ends; goodbye."), "endless line")
            case Raised():
                self._tls_is_up()
            case Lowered():
                self.session.security.secured = False
                self.session.security.cleared = True
                _cancel(self._close_notify)
            case Ended():
                self._drop("the client closed TLS")
            case Failed(reason):
                observe.handshake_failed(self.session, "control", reason)
                self._drop(f"TLS failed: {reason}")

    def _tls_is_up(self) -> None:
        stream = self._switch.stream
        security = self.session.security
        security.secured = True
        self._shaking_hands = False
        if stream is not None:
            security.certificate = stream.peer_certificate
            observe.secured(self.session, "control", stream.version, stream.cipher, stream.resumed)
        self._lines.clear()
        if security.implicit:
            self._greet()

    def _take_command(self) -> bool:
        """Take up the next command; false if there is none, or it has to wait."""
        if self._busy or self._writing_paused or self._switch.is_sinking:
            return False
        if self._next is None and not self._read_line():
            return False
        line = self._next
        if line is None:
            return True
        if self._transferring and not self._may_interrupt(line.verb):
            return False
        self._next = None
        self._start(line)
        return True

    def _read_line(self) -> bool:
        """Parse the next line; false if there is none yet."""
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

    def _may_interrupt(self, verb: str) -> bool:
        command = self.factory.commands.get(verb)
        return command is not None and command.during_transfer

    # --- commands --------------------------------------------------------------------------

    def _start(self, line: CommandLine) -> None:
        if line.verb in _STRANGERS:
            self._close_with(Reply(421, "This is an FTP server; goodbye."), "spoke no FTP")
            return
        command = self.factory.commands.get(line.verb)
        secret = command is None or command.secret
        observe.commanded(self.session, line.verb, line.argument, secret=secret)
        self._touched_at = self._reactor.seconds()
        if command is not None and command.opens_data:
            self._transferring = True
            self._dtp.begin(line.verb)
            Deferred.fromCoroutine(self._transfer(line))
        else:
            self._busy = True
            Deferred.fromCoroutine(self._command(line))

    async def _command(self, line: CommandLine) -> None:
        reply = await self._outcome(line)
        self._busy = False
        self._finish(reply)

    async def _transfer(self, line: CommandLine) -> None:
        reply = await self._outcome(line)
        self._transferring = False
        self._dtp.end()
        self._reply(reply)
        waiting, self._after_transfer = self._after_transfer, []
        for each in waiting:
            each.callback(None)
        if not self.connected:
            self.factory.closed(self)
        self._touched_at = self._reactor.seconds()
        self._pump()

    async def _outcome(self, line: CommandLine) -> Reply:
        """The command's final reply, whatever happens: this is where nothing gets past."""
        try:
            return await perform(self._context, line)
        except FTPError as error:
            return error.reply
        except OSError as error:
            return from_os_error(error).reply
        except Exception:  # noqa: BLE001 - logged with its traceback, and answered
            observe.failed(self.session, line.verb)
            return Reply(451, "Local error; try again later.")

    def _finish(self, reply: Reply) -> None:
        after, self._after_reply = self._after_reply, None
        if reply.code == 500:
            self._bad(reply)
        else:
            self._reply(reply)
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
        if self.client_present:
            observe.replied(self.session, reply)
            self._switch.write(reply.encode())

    # --- what commands may do with the control connection -----------------------------------

    @property
    def offers_tls(self) -> bool:
        """Whether the listener has a certificate."""
        return self._tls is not None

    @property
    def input_pending(self) -> bool:
        """Whether anything was received behind the present command."""
        return bool(self._next or self._lines.buffered or self._switch.pending)

    @property
    def client_present(self) -> bool:
        """Whether the client is still there."""
        return bool(self.connected) and not self._closing

    def raise_tls(self, mechanism: Mechanism) -> None:
        """Once the reply is sent: expect the TLS handshake."""
        if mechanism.protects_data:
            self.session.security.level = ProtectionLevel.PRIVATE
        self._after_reply = self._expect_handshake

    def lower_tls(self) -> None:
        """Once the reply is sent: close TLS and go on in clear text.

        Some clients take a close_notify right behind the reply for the end of the
        connection, others wait for it before they say anything. So it comes a little later.
        """

        def lower() -> None:
            self._switch.lower_tls()
            self._close_notify = self._reactor.callLater(
                _CLOSE_NOTIFY_DELAY, self._switch.say_close
            )

        self._after_reply = lower

    def close_after_reply(self) -> None:
        """Once the reply is sent: close the connection."""
        self._after_reply = lambda: self._close("said goodbye")

    async def pause(self, seconds: float) -> None:
        """Wait without holding anything up but this session."""
        await deferLater(self._reactor, seconds)

    async def transfer_answered(self) -> None:
        """Until the transfer in progress, if any, has its reply."""
        if self._transferring:
            waiting: Deferred[None] = Deferred()
            self._after_transfer.append(waiting)
            await waiting

    # --- time and end ------------------------------------------------------------------------

    def _expect_handshake(self) -> None:
        if self._tls is not None:
            self._shaking_hands = True
            self._touched_at = self._reactor.seconds()
            self._switch.raise_tls(TLSStream(self._tls.connection()))
            self._set_timer()

    def _due_at(self) -> float:
        """When patience ends, as things stand."""
        if self._shaking_hands:
            return float(self._touched_at + self._limits.handshake_timeout)
        if self.session.login.filesystem is None:
            return float(self._opened_at + self._limits.login_timeout)
        since = self._reactor.seconds() if self._busy or self._transferring else self._touched_at
        return float(since + self._limits.idle_timeout)

    def _set_timer(self) -> None:
        self._stop_timer()
        delay = max(0.0, self._due_at() - self._reactor.seconds())
        self._timer = self._reactor.callLater(delay, self._time_is_up)

    def _stop_timer(self) -> None:
        timer, self._timer = self._timer, None
        _cancel(timer)

    def _time_is_up(self) -> None:
        """Perhaps: commands do not move the timer, so see whether one came since."""
        self._timer = None
        if self._due_at() > self._reactor.seconds():
            self._set_timer()
        elif self._shaking_hands:
            self._drop("the TLS handshake took too long")
        else:
            self._close_with(Reply(421, "Nothing was heard for too long; goodbye."), "idle")

    def shut_down(self) -> None:
        """The server ends: abort what runs, say so, and close."""
        if self.client_present:
            self._dtp.close()
            self._close_with(Reply(421, "The server is shutting down."), "server shutdown")

    def _close_with(self, reply: Reply, why: str) -> None:
        self._reply(reply)
        self._close(why)

    def _close(self, why: str) -> None:
        """Close behind the last reply, and read on for a while.

        A close with unread input would reset the connection, and cost the client the reply.
        """
        if self._closing:
            return
        self._switch.close()
        self._end(why)
        transport: Any = self.transport
        if not _can_half_close(transport):
            transport.loseConnection()
            return
        transport.loseWriteConnection()
        if self._reading_paused:
            transport.resumeProducing()
        self._timer = self._reactor.callLater(self._limits.close_timeout, transport.abortConnection)

    def _drop(self, why: str) -> None:
        """Close without a word (RFC 4217 §10.1: the state of the connection is unknown)."""
        self._end(why)
        transport: Any = self.transport
        transport.loseConnection()

    def _end(self, why: str) -> None:
        transport: Any = self.transport
        self._closing = True
        self._why = why
        self._stop_timer()
        self._dtp.close()
        transport.unregisterProducer()


def _cancel(call: Any) -> None:
    if call is not None and call.active():
        call.cancel()


def _can_half_close(transport: Any) -> bool:
    return bool(ITCPTransport.providedBy(transport) and not ISSLTransport.providedBy(transport))


def _prepare_socket(transport: Any) -> None:
    """Each reply leaves at once, and Telnet's urgent data comes in its place (RFC 1123 §4.1)."""
    if ITCPTransport.providedBy(transport):
        transport.setTcpNoDelay(True)
        transport.setTcpKeepAlive(True)
        if hasattr(transport, "getHandle") and not ISSLTransport.providedBy(transport):
            transport.getHandle().setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)


def _new_session(transport: Any) -> Session:
    peer, host = transport.getPeer(), transport.getHost()
    return Session(
        Peers(
            client=canonical(getattr(peer, "host", "")),
            server=canonical(getattr(host, "host", "")),
            port=getattr(peer, "port", 0),
        )
    )
