"""The control connection below its commands: octets, TLS, time, and the end of it."""

from __future__ import annotations

import math
import socket
from functools import partial
from typing import Any

from twisted.internet.interfaces import IPushProducer, ISSLTransport, ITCPTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from ftptls.pi.sending import Prompt
from ftptls.settings import Limits
from ftptls.tls.stream import TLSStream
from ftptls.tls.switch import Change, Event, TLSSwitch
from ftptls.wire.lines import LineReader

# Commands that wait are kept up to here; then the client has to wait with sending.
_HIGH_WATER = 64 * 1024
# Replies of one turn are sent together, but not more than these octets.
_MOST_UNSENT = 16 * 1024
# A line that goes on for this long, whatever of it is dropped, ends the connection.
_MOST_UNFINISHED = _HIGH_WATER
# Commands and events in one turn: some milliseconds, then everybody else has theirs.
_TURN = 200
# After CCC, the client may close TLS first for this many seconds.
_CLOSE_NOTIFY_DELAY = 0.25


@implementer(IPushProducer)
class ControlConnection(Protocol):
    """One connection that carries lines, in clear text or under TLS, with bounds on all of it.

    What the lines mean is for the subclass: it is asked to :meth:`_take_command` whenever
    one may be there, and told of what happens to TLS.

    Args:
        reactor: For the time.
        limits: For patience.
    """

    # Python shares the keys of instances only up to 30, and looks others up in a slower way.
    __slots__ = (
        "_close_notify",
        "_closing",
        "_half_closes",
        "_holds_nothing",
        "_limits",
        "_lines",
        "_next_turn",
        "_opened_at",
        "_out",
        "_pumping",
        "_reactor",
        "_reading_paused",
        "_shaking_hands",
        "_switch",
        "_timer",
        "_touched_at",
        "_unsent",
        "_why",
        "_writing_paused",
    )

    def __init__(self, reactor: Any, limits: Limits) -> None:
        self._reactor = reactor
        self._limits = limits
        self._switch = TLSSwitch(self._send)
        self._lines = LineReader(limits.line_length)
        self._unsent = b""
        self._out: Prompt | None = None
        self._reading_paused = False
        self._writing_paused = False
        self._closing = False
        self._half_closes = False
        self._holds_nothing = False
        self._pumping = False
        self._timer: Any = None
        self._next_turn: Any = None
        self._close_notify: Any = None
        self._opened_at = self._touched_at = float(reactor.seconds())
        self._shaking_hands = False
        self._why = "the client closed the connection"

    # --- for the subclass to say -------------------------------------------------------------

    def _take_command(self) -> bool:
        """Take up the next command; false if there is none, or it has to wait.

        Once one was taken up, another one is there only if more was heard than that.
        """
        raise NotImplementedError

    def _tls_event(self, change: Change) -> None:
        """TLS came up, went down or failed."""
        raise NotImplementedError

    def _line_never_ends(self) -> None:
        """The client sends a line without end."""
        raise NotImplementedError

    def _due_at(self) -> float:
        """The reactor's time at which patience ends, as things stand."""
        raise NotImplementedError

    def _time_is_up(self) -> None:
        """Patience has ended."""
        raise NotImplementedError

    def _is_at_work(self) -> bool:
        """Whether a command is being carried out: it may still take hold of something."""
        raise NotImplementedError

    def _ended(self) -> None:
        """Nothing more will be said: let go of everything that is held."""
        raise NotImplementedError

    # --- octets --------------------------------------------------------------------------------

    def connectionMade(self) -> None:
        """There is a connection."""
        transport: Any = self.transport
        secured = ISSLTransport.providedBy(transport)  # by TLS below, which we do not see
        if ITCPTransport.providedBy(transport):
            _prepare_socket(transport, secured=secured)
            self._half_closes = not secured
        # A wrapper, such as the one of an ``ssl:`` endpoint, has all that its transport has.
        if hasattr(type(transport), "writeSomeData") and not secured:
            handle = transport.getHandle()
            shut = partial(handle.shutdown, socket.SHUT_WR)
            self._out = Prompt(transport, handle.send, shut, self)
        else:
            self._out = Prompt(transport, None, None, self)

    def dataReceived(self, data: bytes) -> None:
        """Octets from the client, of whatever protection."""
        if not self._closing:
            self._pump(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is gone."""
        self.connected = 0
        self._closing = True
        self._stop_timers()
        if self._lines.buffered:
            self._lines.clear()
        if not self._holds_nothing:
            self._ended()
        self._out = None

    @property
    def client_present(self) -> bool:
        """Whether the client is still there."""
        return bool(self.connected) and not self._closing

    def _send(self, data: bytes) -> None:
        self._unsent += data
        if not self._pumping or len(self._unsent) > _MOST_UNSENT:
            self._flush()

    def _flush(self) -> None:
        """Send what was said in this turn."""
        data, self._unsent = self._unsent, b""
        if data and not self._closing and self._out is not None:
            self._out.write(data)

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
        waiting = self._lines.buffered + len(self._switch.received)
        pause = waiting > _HIGH_WATER or self._writing_paused
        if pause != self._reading_paused and not self._closing:
            self._reading_paused = pause
            (transport.pauseProducing if pause else transport.resumeProducing)()

    def _pump(self, received: bytes = b"") -> None:
        """Take up everything that can be taken up now, in turns.

        Args:
            received: What came from the client just now.
        """
        switch, lines = self._switch, self._lines
        if self._pumping or self._next_turn is not None:
            switch.feed(received)
            return
        self._pumping = True
        try:
            if received and (event := switch.take(received)) is not None:
                self._heed(event)
            for _ in range(_TURN):
                if self._closing:
                    break
                if switch.received and self._take_event():
                    continue
                if not self._take_command() or not (lines.buffered or switch.received):
                    break
            else:
                self._next_turn = self._reactor.callLater(0, self._pump_on)
        finally:
            self._pumping = False
            if self._unsent:
                self._flush()
        if self._reading_paused or self._writing_paused or lines.buffered or switch.received:
            self._throttle()

    def _pump_on(self) -> None:
        self._next_turn = None
        self._pump()

    def _take_event(self) -> bool:
        """Read on, unless more commands than enough are waiting already."""
        if self._lines.buffered > _HIGH_WATER:
            return False
        event = self._switch.next_event()
        if event is None:
            return False
        self._heed(event)
        return True

    def _heed(self, event: Event) -> None:
        """Feed what was heard to the lines, or say what became of TLS."""
        if isinstance(event, bytes):
            unfinished = self._lines.feed(event)
            if self._lines.answers:
                self._switch.write(self._lines.take_answers())
            if unfinished > _MOST_UNFINISHED:
                self._line_never_ends()
        else:
            self._shaking_hands = False
            self._tls_event(event)

    # --- TLS up and down -----------------------------------------------------------------------

    def _expect_handshake(self, stream: TLSStream) -> None:
        """TLS comes next, and has only so much time."""
        self._shaking_hands = True
        self._touched_at = self._reactor.seconds()
        self._switch.raise_tls(stream)
        self._set_timer()

    def _lower(self) -> None:
        """Close TLS and go on in clear text.

        Some clients take a close_notify right behind the reply for the end of the
        connection, others wait for it before they say anything. So it comes a little later.
        """
        self._switch.lower_tls()
        self._close_notify = self._reactor.callLater(_CLOSE_NOTIFY_DELAY, self._say_close)

    def _say_close(self) -> None:
        self._close_notify = None
        self._switch.say_close()

    # --- time and end ----------------------------------------------------------------------------

    def _set_timer(self, at_most: float = math.inf) -> None:
        """Have the clock looked at when patience ends, as things stand, or in so many seconds.

        A timer that is to go off before stays as it is.
        """
        due = self._due_at()
        if self._timer is not None:
            if self._timer.getTime() <= due:
                return
            self._timer.cancel()
        delay = min(max(0.0, due - self._reactor.seconds()), at_most)
        self._timer = self._reactor.callLater(delay, self._look_at_the_clock)

    def _look_at_the_clock(self) -> None:
        """Commands do not move the timer, so see whether one came since it was set."""
        self._timer = None
        if self._due_at() > self._reactor.seconds():
            self._set_timer()
        else:
            self._time_is_up()

    def _stop_timers(self) -> None:
        """None of them is left behind once it was called."""
        for call in filter(None, (self._timer, self._next_turn, self._close_notify)):
            call.cancel()
        self._timer = self._next_turn = self._close_notify = None

    def _close(self, why: str) -> None:
        """Close behind the last reply."""
        if not self._closing:
            self._switch.close()
            self._drop(why)

    def _drop(self, why: str) -> None:
        """Close, and read on for a while; TLS says no goodbye.

        A close with unread input would reset the connection, and cost the client the last
        reply or alert. What it does not take in time is aborted.
        """
        transport: Any = self.transport
        self._flush()
        self._closing = True
        self._why = why
        self._stop_timers()
        if self._out is not None:
            self._out.release()
        self._timer = self._reactor.callLater(self._limits.close_timeout, self._abort)
        self._ended()
        self._holds_nothing = not self._is_at_work()
        if self._out is not None and self._half_closes:
            self._out.end()
            if self._reading_paused:
                transport.resumeProducing()
        else:
            transport.loseConnection()

    def _abort(self) -> None:
        """The client had its time to close, too."""
        self._timer = None
        transport: Any = self.transport
        transport.abortConnection()


def _prepare_socket(transport: Any, *, secured: bool) -> None:
    """Each reply leaves at once, and Telnet's urgent data comes in its place (RFC 1123 §4.1)."""
    transport.setTcpNoDelay(True)
    transport.setTcpKeepAlive(True)
    if hasattr(transport, "getHandle") and not secured:
        transport.getHandle().setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
