"""One connection as a client sees it: octets, with or without TLS, and every way to end it."""

from __future__ import annotations

import enum
from typing import Any

from OpenSSL import SSL
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import ClientFactory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from ftptls.testing.network import MemoryReactor
from ftptls.testing.transports import MemoryTransport
from ftptls.tls.contexts import session_reused

_RECORD = 16384


class End(enum.Enum):
    """How the other side ended a connection."""

    FIN = "closed"
    RESET = "reset"
    REFUSED = "refused"


class Ending(enum.Enum):
    """How a client ends a connection."""

    POLITE = "close_notify, then FIN"
    """In clear text: FIN."""
    FIN = "FIN without close_notify"
    RESET = "RST"
    NOTIFY_AND_RESET = "close_notify, then RST"


class WireError(AssertionError):
    """The connection did not do what the test wanted of it."""


@implementer(IHalfCloseableProtocol)
class Wire(Protocol):
    """The client's end of a connection, to be used step by step.

    What arrives is taken in, and decrypted, as soon as the reactor settles.

    Args:
        reactor: Settles before anything is looked at.

    Attributes:
        end: How the other side ended it, once it did.
        notified: Whether the other side sent close_notify.
        failure: Why TLS failed; empty unless it did.
        tls: The TLS connection, once it was begun.
        established: Whether its handshake is complete.
        limit: Read no more once this much was received and not taken.
    """

    def __init__(self, reactor: MemoryReactor) -> None:
        self._reactor = reactor
        self.end: End | None = None
        self.notified = False
        self.failure = ""
        self.tls: SSL.Connection | None = None
        self.established = False
        self.limit: int | None = None
        self._received = bytearray()

    @classmethod
    def connect(cls, reactor: MemoryReactor, host: str, port: int, source: str = "") -> Wire:
        """Connect; :attr:`end` tells if nobody listens."""
        wire = cls(reactor)
        bound = (source, 0) if source else None
        reactor.connectTCP(host, port, _Dialer(wire), bindAddress=bound)
        return wire

    # --- what Twisted calls ------------------------------------------------------------------

    def dataReceived(self, data: bytes) -> None:
        """Octets from the other side."""
        if self.tls is None:
            self._received += data
        else:
            self.tls.bio_write(data)
            self._go_on()
        if self.limit is not None and len(self._received) >= self.limit:
            self.pause()

    def readConnectionLost(self) -> None:
        """The other side's FIN."""
        self.end = self.end or End.FIN

    def writeConnectionLost(self) -> None:
        """Our own FIN is on its way."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """There is no connection any more."""
        if self.end is None:
            self.end = End.FIN if isinstance(reason.value, ConnectionDone) else End.RESET

    # --- octets ----------------------------------------------------------------------------

    @property
    def memory(self) -> MemoryTransport:
        """The transport."""
        transport = self.transport
        if not isinstance(transport, MemoryTransport):
            raise WireError("there is no connection (yet)")
        return transport

    def send(self, data: bytes) -> None:
        """Send, under TLS if it is up."""
        if self.tls is None:
            self.memory.write(data)
            return
        for start in range(0, len(data), _RECORD):
            self.tls.send(data[start : start + _RECORD])
        self._flush()

    def send_raw(self, data: bytes) -> None:
        """Send past TLS."""
        self.memory.write(data)

    def take(self) -> bytes:
        """Whatever arrived since the last time."""
        self._reactor.settle()
        data = bytes(self._received)
        self._received.clear()
        return data

    def peek(self) -> bytes:
        """Whatever arrived and was not taken."""
        self._reactor.settle()
        return bytes(self._received)

    @property
    def waiting(self) -> int:
        """Octets that arrived and were not taken, as things stand."""
        return len(self._received)

    def push_back(self, data: bytes) -> None:
        """Give back what was taken too much."""
        self._received[:0] = data

    def pause(self) -> None:
        """Read nothing from now on."""
        self.memory.pauseProducing()

    def resume(self) -> None:
        """Read again, without limit."""
        self.limit = None
        self.memory.resumeProducing()

    # --- TLS -------------------------------------------------------------------------------

    def begin_tls(
        self, context: SSL.Context, session: SSL.Session | None = None, name: str = ""
    ) -> None:
        """Send the ClientHello; what had arrived and was not taken is the answer to it."""
        self.tls = SSL.Connection(context, None)
        if name:
            self.tls.set_tlsext_host_name(name.encode())
        self.tls.set_connect_state()
        if session is not None:
            self.tls.set_session(session)
        early, self._received = bytes(self._received), bytearray()
        if early:
            self.tls.bio_write(early)
        self._go_on()

    def start_tls(
        self, context: SSL.Context, session: SSL.Session | None = None, name: str = ""
    ) -> None:
        """Shake hands.

        Args:
            context: With the client's certificates.
            session: What to resume.
            name: The server's name, for SNI.

        Raises:
            WireError: It did not come about.
        """
        self.begin_tls(context, session, name)
        self._reactor.settle()
        if not self.established:
            raise WireError(f"no TLS: {self.failure or self.end or 'no answer'}")

    def stop_tls(self) -> None:
        """Go on in clear text, without a word."""
        self.tls = None
        self.established = False

    @property
    def resumed(self) -> bool:
        """Whether TLS resumed the session it was given."""
        return session_reused(self._raised())

    @property
    def session(self) -> SSL.Session | None:
        """The session, as resumable as what has arrived makes it."""
        return self._raised().get_session()

    def _raised(self) -> SSL.Connection:
        if self.tls is None:
            raise WireError("TLS is not up")
        return self.tls

    def _go_on(self) -> None:
        tls = self._raised()
        try:
            if not self.established:
                tls.do_handshake()
                self.established = True
            while True:
                self._received += tls.recv(_RECORD)
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self.notified = True
        except SSL.Error as error:
            self.failure = str(error) or type(error).__name__
        self._flush()

    def _flush(self) -> None:
        tls = self._raised()
        while True:
            try:
                self.memory.write(tls.bio_read(1 << 16))
            except SSL.WantReadError:
                return

    # --- the end ---------------------------------------------------------------------------

    def notify(self) -> None:
        """Send close_notify."""
        self._raised().shutdown()
        self._flush()

    def finish(self) -> None:
        """Send FIN, and go on reading."""
        self.memory.loseWriteConnection()

    def reset(self) -> None:
        """Send RST; what did not arrive yet is lost."""
        self._reactor.settle()
        self.memory.abortConnection()

    def close(self) -> None:
        """Close without another word; harmless if it never came about."""
        if isinstance(self.transport, MemoryTransport):
            self.transport.loseConnection()

    def stop(self, ending: Ending = Ending.POLITE) -> None:
        """End what is sent, in one of the usual ways."""
        if self.tls is not None and ending in (Ending.POLITE, Ending.NOTIFY_AND_RESET):
            self.notify()
        if ending in (Ending.POLITE, Ending.FIN):
            self.finish()
        else:
            self.reset()


class _Dialer(ClientFactory):
    noisy = False

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def buildProtocol(self, addr: Any) -> Wire:
        return self._wire

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        self._wire.end = End.REFUSED
