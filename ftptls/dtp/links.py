"""The bytes of one data connection: non-blocking calls, and Deferreds to wait with.

On a TCP socket the reactor only says when to go on: the calls go to the socket itself,
from whichever thread has the turn. **One owner at a time**: while a step runs on a worker,
nobody closes the link; :meth:`Link.shut` stops the traffic, and the close comes after the
step, on the reactor. (A thread that writes to a closed descriptor number can reach a
stranger's new socket.)
"""

from __future__ import annotations

import errno
import select
import socket
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IPushProducer, IReadWriteDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

_HIGH_WATER = 256 * 1024
# So much may wait in the kernel at first, to be sent: it would take 4 MB for each client, and
# with a thousand slow ones has no memory left for those who are fast.
_UNSENT = 256 * 1024
# Who takes what waits within this many seconds, gets twice as much the next time, up to a bound.
_BRISK = 0.05
_MOST_UNSENT = 4 * 1024 * 1024
# Milliseconds that a thread waits for a client that is fast.
_MOMENT = 2


class Link(Protocol):
    """What a transfer needs of a connection."""

    @property
    def threadable(self) -> bool:
        """Whether :meth:`receive_into` and :meth:`send` may be called on a worker."""

    def receive_into(self, buffer: memoryview) -> int:
        """Octets received; 0 at the end.

        Raises:
            BlockingIOError: There are none yet.
            OSError: The connection broke.
        """

    def send(self, data: memoryview) -> int:
        """Number of octets taken.

        Raises:
            BlockingIOError: There is no room yet.
            OSError: The connection broke.
        """

    def fileno(self) -> int:
        """The socket's descriptor; -1 where there is none."""

    def linger(self, *, to_write: bool) -> bool:
        """Wait for a moment, on a worker; whether it can go on."""

    def wait_readable(self) -> Deferred[None]:
        """Fires when :meth:`receive_into` has something to say."""

    def wait_writable(self) -> Deferred[None]:
        """Fires when :meth:`send` has room or an error."""

    def acknowledge(self) -> None:
        """Have what was received acknowledged at once; nothing is on its way to carry it."""

    def shut_write(self) -> None:
        """Send FIN: nothing more will come from us."""

    def shut(self) -> None:
        """Stop both directions at once, and wake who waits; not yet a close."""

    def close(self) -> None:
        """Give the connection up; harmless when repeated."""


def _deferred() -> Deferred[None]:
    return Deferred()


class _Waits:
    """At most one Deferred for each direction."""

    def __init__(self) -> None:
        self.readable: Deferred[None] | None = None
        self.writable: Deferred[None] | None = None

    def wake_reader(self) -> None:
        waiting, self.readable = self.readable, None
        if waiting is not None and not waiting.called:
            waiting.callback(None)

    def wake_writer(self) -> None:
        waiting, self.writable = self.writable, None
        if waiting is not None and not waiting.called:
            waiting.callback(None)

    def wake(self) -> None:
        self.wake_reader()
        self.wake_writer()


@implementer(IReadWriteDescriptor)
class SocketLink:
    """A TCP socket that does not block, driven directly.

    Args:
        reactor: Says when to go on.
        connection: The socket.
        release: Closes it, where that is not simply done.
    """

    threadable = True

    def __init__(
        self, reactor: Any, connection: socket.socket, release: Callable[[], None] | None = None
    ) -> None:
        self._reactor = self._clock = reactor
        self._socket = connection
        self._release = release or connection.close
        self._waits = _Waits()
        self._reading = self._writing = False  # what the reactor looks out for
        self._was_watched = False  # until somebody else than the reactor ended that
        self._closed = False
        self._full_since = 0.0
        self._unsent = 0
        self._let_wait(_UNSENT)

    @classmethod
    def of_transport(cls, reactor: Any, transport: Any) -> SocketLink:
        """Drive the socket of a Twisted transport, which only owns it from here on."""

        def release() -> None:
            # The transport closes as soon as there is room to write, and a client that reads
            # nothing never makes any; where writing is shut down there always is.
            link.shut_write()
            transport.loseConnection()

        transport.pauseProducing()
        link = cls(reactor, transport.getHandle(), release)
        return link

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self._socket.fileno()

    def receive_into(self, buffer: memoryview) -> int:
        """See :class:`Link`."""
        self._check()
        return self._socket.recv_into(buffer)

    def send(self, data: memoryview) -> int:
        """See :class:`Link`."""
        self._check()
        return self._socket.send(data)

    def linger(self, *, to_write: bool) -> bool:
        """See :class:`Link`."""
        moment = select.poll()
        moment.register(self.fileno(), select.POLLOUT if to_write else select.POLLIN)
        ready = bool(moment.poll(_MOMENT))
        if ready and to_write:
            self._let_wait(min(2 * self._unsent, _MOST_UNSENT))
        return ready

    def wait_readable(self) -> Deferred[None]:
        """See :class:`Link`."""
        self._waits.readable = waiting = _deferred()
        if self._closed:
            self._waits.wake_reader()
        elif not self._reading:
            self._reading = True
            self._reactor.addReader(self)
        return waiting

    def wait_writable(self) -> Deferred[None]:
        """See :class:`Link`."""
        self._waits.writable = waiting = _deferred()
        if self._closed:
            self._waits.wake_writer()
            return waiting
        self._full_since = self._clock.seconds()
        if not self._writing:
            self._writing = True
            self._reactor.addWriter(self)
        return waiting

    def doRead(self) -> None:
        """The reactor says there is something to read; whoever waits may wait again at once."""
        self._waits.wake_reader()
        if self._reading and self._waits.readable is None:
            self._reading = False
            self._reactor.removeReader(self)

    def doWrite(self) -> None:
        """The reactor says there is room to write; see :meth:`doRead`."""
        brisk = self._clock.seconds() - self._full_since < _BRISK
        self._let_wait(min(2 * self._unsent, _MOST_UNSENT) if brisk else _UNSENT)
        self._waits.wake_writer()
        if self._writing and self._waits.writable is None:
            self._writing = False
            self._reactor.removeWriter(self)

    def connectionLost(self, reason: Failure) -> None:
        """The reactor saw the connection break; the next call tells the waiting one how."""
        self._leave_reactor()
        self._waits.wake()

    def logPrefix(self) -> str:
        """For the reactor's own messages."""
        return "ftptls data"

    def acknowledge(self) -> None:
        """See :class:`Link`."""
        if not self._closed and hasattr(socket, "TCP_QUICKACK"):
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def shut_write(self) -> None:
        """See :class:`Link`."""
        self._shutdown(socket.SHUT_WR)

    def shut(self) -> None:
        """See :class:`Link`."""
        self._shutdown(socket.SHUT_RDWR)
        if not self._closed:
            self._leave_reactor()
        self._waits.wake()

    def close(self) -> None:
        """See :class:`Link`."""
        if not self._closed:
            self._leave_reactor()
            self._closed = True
            if self._was_watched:
                self._clock.callLater(0, self._release)
            else:
                self._release()
        self._waits.wake()

    def _let_wait(self, octets: int) -> None:
        """Have the kernel take no more than so many octets that it cannot send yet."""
        if octets != self._unsent and hasattr(socket, "TCP_NOTSENT_LOWAT"):
            self._unsent = octets
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, octets)

    def _check(self) -> None:
        if self._closed:
            raise BrokenPipeError(errno.EPIPE, "connection closed")

    def _leave_reactor(self) -> None:
        # The reactor may still have an event of this turn for the number of the descriptor,
        # and would take it for one of a connection that gets the same number meanwhile.
        self._was_watched |= self._reading or self._writing
        if self._reading:
            self._reading = False
            self._reactor.removeReader(self)
        if self._writing:
            self._writing = False
            self._reactor.removeWriter(self)

    def _shutdown(self, how: int) -> None:
        try:
            self._socket.shutdown(how)
        except OSError as error:
            if error.errno not in (errno.ENOTCONN, errno.EBADF):
                raise


@implementer(IPushProducer)
class TransportLink:
    """Any other Twisted transport: buffered both ways, with back pressure."""

    threadable = False

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._received = bytearray()
        self._lost: Failure | None = None
        self._full = False
        self._paused = False
        self._closed = False
        self._waits = _Waits()
        transport.registerProducer(self, True)

    def data_received(self, data: bytes) -> None:
        """The transport delivers octets."""
        self._received += data
        if len(self._received) > _HIGH_WATER and not self._paused:
            self._paused = True
            self._transport.pauseProducing()
        self._waits.wake_reader()

    def lost(self, reason: Failure) -> None:
        """The transport is gone."""
        self._lost = reason
        self._waits.wake()

    def fileno(self) -> int:
        """There is no descriptor."""
        return -1

    def receive_into(self, buffer: memoryview) -> int:
        """See :class:`Link`."""
        count = min(len(buffer), len(self._received))
        if not count:
            return self._at_end()
        buffer[:count] = self._received[:count]
        del self._received[:count]
        if self._paused and len(self._received) <= _HIGH_WATER:
            self._paused = False
            self._transport.resumeProducing()
        return count

    def _at_end(self) -> int:
        if self._closed:
            raise BrokenPipeError(errno.EPIPE, "connection closed")
        if self._lost is None:
            raise BlockingIOError
        if not isinstance(self._lost.value, ConnectionDone):
            raise ConnectionResetError(errno.ECONNRESET, "connection reset")
        return 0

    def send(self, data: memoryview) -> int:
        """See :class:`Link`."""
        if self._lost is not None or self._closed:
            raise BrokenPipeError(errno.EPIPE, "connection lost")
        if self._full:
            raise BlockingIOError
        self._transport.write(bytes(data))
        return len(data)

    def linger(self, *, to_write: bool) -> bool:
        """See :class:`Link`."""
        return False

    def wait_readable(self) -> Deferred[None]:
        """See :class:`Link`."""
        self._waits.readable = waiting = _deferred()
        if self._received or self._lost is not None or self._closed:
            self._waits.wake_reader()
        return waiting

    def wait_writable(self) -> Deferred[None]:
        """See :class:`Link`."""
        self._waits.writable = waiting = _deferred()
        if not self._full or self._lost is not None or self._closed:
            self._waits.wake_writer()
        return waiting

    def pauseProducing(self) -> None:
        """The transport's buffer is full."""
        self._full = True

    def resumeProducing(self) -> None:
        """The transport's buffer has room."""
        self._full = False
        self._waits.wake_writer()

    def stopProducing(self) -> None:
        """The transport wants nothing more; its end is told by :meth:`lost`."""

    def acknowledge(self) -> None:
        """See :class:`Link`; that is for the transport to know."""

    def shut_write(self) -> None:
        """See :class:`Link`."""
        self._transport.unregisterProducer()
        self._transport.loseWriteConnection()

    def shut(self) -> None:
        """See :class:`Link`."""
        if not self._closed:
            self._transport.abortConnection()
        self._waits.wake()

    def close(self) -> None:
        """See :class:`Link`."""
        if not self._closed:
            self._closed = True
            self._transport.unregisterProducer()
            self._transport.loseConnection()
        self._waits.wake()
