"""TCP connections in memory, which behave as Twisted's do over a kernel.

Octets wait in two places, as in real life: what a transport was given waits in its own
buffer, and moves from there to the other end's *window* as far as there is room. A close
with unread input resets the connection; so do octets that reach a closed end.
"""

# ruff: noqa: N802 - names that Twisted imposes

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IAddress,
    IConsumer,
    IHalfCloseableProtocol,
    IPushProducer,
    ITCPTransport,
)
from twisted.python.failure import Failure
from zope.interface import implementer

if TYPE_CHECKING:
    from ftptls.testing.network import MemoryReactor

# Twisted's own bound (abstract.FileDescriptor.bufferSize), and a usual receive buffer.
_HIGH_WATER = 64 * 1024
WINDOW = 64 * 1024


@implementer(ITCPTransport, IConsumer, IPushProducer)
class MemoryTransport:
    """One end of a connection.

    Args:
        reactor: Whose :meth:`~ftptls.testing.network.MemoryReactor.settle` moves the octets.
        host: The address of this end.
        peer: The address of the other end.

    Attributes:
        connected: Until ``connectionLost``.
        disconnecting: Since ``loseConnection``.
        other: The other end.
        protocol: Who gets what arrives.
        delivered: Octets that the protocol was given so far.
    """

    other: MemoryTransport

    def __init__(self, reactor: MemoryReactor, host: IAddress, peer: IAddress) -> None:
        self._reactor = reactor
        self._host = host
        self._peer = peer
        self.connected = True
        self.disconnecting = False
        self.delivered = 0
        self.protocol: Any = None
        self._unsent = bytearray()
        self._window = bytearray()  # what has arrived here and was not read yet
        self._reading = True
        self._fin_arrived = self._fin_read = False
        self._reset_arrived = False
        self._half_closing = self._half_closed = False
        self._aborting = False
        self._producer: Any = None
        self._producer_paused = False
        self._no_delay = self._keep_alive = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._host} - {self._peer}>"

    # --- sending ---------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Take octets to send; they move when the reactor settles."""
        if not isinstance(data, bytes):
            raise TypeError(f"only bytes can be written, not {type(data).__name__}")
        if not self.connected or self._half_closed:
            return
        self._unsent += data
        full = len(self._unsent) > _HIGH_WATER
        if full and self._producer is not None and not self._producer_paused:
            self._producer_paused = True
            self._producer.pauseProducing()

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """Take several pieces."""
        self.write(b"".join(data))

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Tell ``producer`` when to pause and go on; it must be a push producer."""
        if self._producer is not None:
            raise RuntimeError("there is a producer already")
        if not streaming:
            raise NotImplementedError("pull producers")
        if not self.connected:
            producer.stopProducing()
            return
        self._producer = producer

    def unregisterProducer(self) -> None:
        """Tell it nothing more."""
        self._producer = None
        self._producer_paused = False

    @property
    def unsent(self) -> int:
        """Octets written that do not fit into the other end's window."""
        return len(self._unsent)

    # --- reading ---------------------------------------------------------------------------

    def pauseProducing(self) -> None:
        """Read nothing; the other end's octets pile up in the window."""
        self._reading = False

    def resumeProducing(self) -> None:
        """Read again."""
        if self.connected and not self.disconnecting:
            self._reading = True

    def stopProducing(self) -> None:
        """The same as :meth:`loseConnection`."""
        self.loseConnection()

    @property
    def paused(self) -> bool:
        """Whether this end does not read."""
        return not self._reading

    # --- closing ---------------------------------------------------------------------------

    def loseConnection(self) -> None:
        """Close, once everything is sent; nothing is read any more."""
        if self.connected and not self.disconnecting:
            self.disconnecting = True
            self._reading = False

    def loseWriteConnection(self) -> None:
        """Send FIN, once everything is sent; go on reading."""
        self._half_closing = True

    def abortConnection(self) -> None:
        """Send RST; what was not sent never will be."""
        if self.connected:
            self._aborting = True

    # --- addresses and options ---------------------------------------------------------------

    def getPeer(self) -> Any:
        """The address of the other end."""
        return self._peer

    def getHost(self) -> Any:
        """The address of this end."""
        return self._host

    def getTcpNoDelay(self) -> bool:
        """What was set."""
        return self._no_delay

    def setTcpNoDelay(self, enabled: bool) -> None:
        """There is no delay anyway."""
        self._no_delay = enabled

    def getTcpKeepAlive(self) -> bool:
        """What was set."""
        return self._keep_alive

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """Memory needs none."""
        self._keep_alive = enabled

    # --- what the reactor does ---------------------------------------------------------------

    def work(self) -> bool:
        """Do one round of what a reactor and a kernel would; whether there was anything."""
        if not self.connected:
            return False
        if self._aborting:
            self._lose(ConnectionAborted(), reset=True)
            return True
        if self._reset_arrived and (self._reading or self._unsent):
            if self._window and self._reading:
                return self._read()
            self._lose(ConnectionLost(), reset=False)
            return True
        sent = self._send()
        return (self.connected and self._read()) or sent

    def _send(self) -> bool:
        moved = bytes(self._unsent[: self.other.room])
        if moved:
            del self._unsent[: len(moved)]
            self.other.arrive(moved)
        if self._unsent:
            return bool(moved)
        if self._producer_paused:
            self._producer_paused = False
            self._producer.resumeProducing()
            return True
        if self.disconnecting:
            self._lose(ConnectionDone(), reset=bool(self._window))
            return True
        if self._half_closing and not self._half_closed:
            self._half_closed = True
            self.other.arrive_end()
            half = IHalfCloseableProtocol(self.protocol, None)
            if half is not None:
                half.writeConnectionLost()
            return True
        return bool(moved)

    def _read(self) -> bool:
        if not self._reading:
            return False
        if self._window:
            size = self._reactor.piece(len(self._window))
            data = bytes(self._window[:size])
            del self._window[:size]
            self.delivered += size
            self.protocol.dataReceived(data)
            return True
        if self._fin_arrived and not self._fin_read:
            self._fin_read = True
            half = IHalfCloseableProtocol(self.protocol, None)
            if half is not None:
                half.readConnectionLost()
            else:
                self._lose(ConnectionDone(), reset=False)
            return True
        return False

    @property
    def room(self) -> int:
        """How many octets may arrive."""
        return max(0, WINDOW - len(self._window))

    def arrive(self, data: bytes) -> None:
        """Octets of the other end reach this one; a closed end answers with RST."""
        if self.connected:
            self._window += data
        else:
            self.other.arrive_reset()

    def arrive_end(self) -> None:
        """The other end's FIN."""
        self._fin_arrived = True

    def arrive_reset(self) -> None:
        """The other end's RST."""
        self._reset_arrived = True

    def lose_unread(self) -> None:
        """What arrived and was not read never will be."""
        self._window.clear()

    def _lose(self, reason: Exception, *, reset: bool) -> None:
        """The end of this end."""
        self.connected = False
        self._reading = False
        self._unsent.clear()
        producer, self._producer = self._producer, None
        if reset:
            self.other.lose_unread()
            self.other.arrive_reset()
        elif not self._reset_arrived and not self._half_closed:
            self.other.arrive_end()
        self._reactor.forget(self)
        if producer is not None:
            producer.stopProducing()
        self.protocol.connectionLost(Failure(reason))
