"""Listening for data connections, on a port that is not foreseeable.

Where the reactor watches sockets, a passive port is a socket and nothing else: a port and a
transport of Twisted's would cost several times as much as a small file does. Every other
reactor listens in its own way.
"""

from __future__ import annotations

import errno
import random
import socket
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IAddress,
    IReactorFDSet,
    IReactorSocket,
    IReactorTCP,
    IReadDescriptor,
)
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import ServerFactory, connectionDone
from twisted.python.failure import Failure
from zope.interface import Interface, implementer

from ftptls.dtp.links import Link, SocketLink, TransportLink
from ftptls.errors import TransientError
from ftptls.settings import PortRange

_random = random.SystemRandom()
# Nobody is waiting any more; or one who was has left already.
_NOBODY = frozenset({errno.EAGAIN, errno.ECONNABORTED, errno.EPROTO, errno.EINTR, errno.EPERM})


class IListensBySocket(Interface):
    """A reactor with a network of its own, of whose sockets nobody else can tell the difference."""

    def listening_socket(host: str, port: int, backlog: int) -> Any:  # noqa: N805
        """See :func:`listening_socket`."""


class Door(Protocol):
    """Who listens."""

    def admits(self, peer: str) -> bool:
        """Whether a connection from an address may come in; the others are closed."""

    def came_in(self, link: Link, peer: str) -> None:
        """A connection that was admitted."""

    def broke(self, error: OSError) -> None:
        """No connection can be taken in any more, for this reason."""


class Listening(Protocol):
    """A port that is listened on."""

    @property
    def number(self) -> int:
        """The port."""

    def look(self) -> None:
        """Take in who is there, if the reactor has not told of it yet."""

    def close(self) -> None:
        """Stop listening."""


def listen(reactor: Any, ports: PortRange, host: str, backlog: int, door: Door) -> Listening:
    """Listen on a free port of the range, in unforeseeable order.

    Args:
        reactor: Says when somebody comes.
        ports: The range.
        host: The address, in numbers.
        backlog: How many connections may wait to be taken in.
        door: Who listens.

    Raises:
        TransientError: 425, every port is taken.
    """
    bind = _binding(reactor)
    for port in _drawn(ports):
        try:
            if bind is not None:
                return ListeningSocket(reactor, bind(host, port, backlog), door)
            return ListeningPort(reactor, port, host, backlog, door)
        except CannotListenError:
            continue
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                break
    raise TransientError(425, "No passive port is free; try again later.")


def _binding(reactor: Any) -> Callable[[str, int, int], Any] | None:
    """What makes a listening socket; ``None`` where the reactor watches none."""
    if IListensBySocket.providedBy(reactor):
        return IListensBySocket(reactor).listening_socket
    watches = IReactorFDSet.providedBy(reactor) and IReactorSocket.providedBy(reactor)
    return listening_socket if watches else None


def _drawn(ports: PortRange) -> Iterator[int]:
    """Each port once, drawn as needed: to shuffle all of a long range takes milliseconds."""
    if ports.first == ports.last:
        yield ports.first
        return
    moved: dict[int, int] = {}
    for left in range(ports.last - ports.first + 1, 0, -1):
        drawn = _random.randrange(left)
        yield ports.first + moved.get(drawn, drawn)
        moved[drawn] = moved.get(left - 1, left - 1)


def listening_socket(host: str, port: int, backlog: int) -> socket.socket:
    """A socket that listens and does not block.

    Raises:
        OSError: It cannot.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        # A number that was in use a minute ago can be used again.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))  # with the zone of the address, if it has one
        listening.listen(backlog)
    except BaseException:
        listening.close()
        raise
    return listening


@implementer(IReadDescriptor)
class ListeningSocket:
    """A listening socket that the reactor watches.

    Args:
        reactor: Watches it.
        listening: The socket.
        door: Who listens.
    """

    def __init__(self, reactor: Any, listening: socket.socket, door: Door) -> None:
        self._reactor = reactor
        self._socket = listening
        self._door = door
        self.number: int = listening.getsockname()[1]
        self._reactor.addReader(self)

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self._socket.fileno()

    def look(self) -> None:
        """See :class:`Listening`."""
        self.doRead()

    def doRead(self) -> None:
        """The reactor says that somebody is there."""
        try:
            connection, address = self._socket.accept()
        except OSError as error:
            if error.errno not in _NOBODY:  # such as no descriptor left: it would be told again
                self.close()
                self._door.broke(error)
            return
        peer: str = address[0]
        if not self._door.admits(peer):
            connection.close()
            return
        connection.setblocking(False)
        self._door.came_in(SocketLink(self._reactor, connection), peer)

    def connectionLost(self, reason: Failure) -> None:
        """The reactor ends."""
        self.close()

    def logPrefix(self) -> str:
        """For the reactor's own messages."""
        return "ftptls passive port"

    def close(self) -> None:
        """See :class:`Listening`."""
        if self._socket.fileno() >= 0:
            self._reactor.removeReader(self)
            self._socket.close()


class ListeningPort(ServerFactory):
    """A port of the reactor's own kind.

    Args:
        reactor: Listens.
        port: The number.
        host: The address.
        backlog: How many connections may wait to be taken in.
        door: Who listens.
    """

    noisy = False

    def __init__(self, reactor: Any, port: int, host: str, backlog: int, door: Door) -> None:
        self._reactor = reactor
        self._door = door
        opened: Any = IReactorTCP(reactor).listenTCP(port, self, backlog, interface=host)
        self._port = opened
        self.number: int = opened.getHost().port

    def buildProtocol(self, addr: IAddress | None) -> TwistedProtocol | None:
        """Somebody is there."""
        peer: str = getattr(addr, "host", "")
        if not self._door.admits(peer):
            return None
        return DataProtocol(self._reactor, lambda link: self._door.came_in(link, peer))

    def look(self) -> None:
        """See :class:`Listening`; here nobody knows before the reactor tells."""

    def close(self) -> None:
        """See :class:`Listening`."""
        self._port.stopListening()


class DataProtocol(TwistedProtocol):
    """What Twisted connects: it hands its bytes over as a link.

    Args:
        reactor: The reactor that made it.
        arrived: Called with the link once there is one.
    """

    def __init__(self, reactor: Any, arrived: Callable[[Link], None]) -> None:
        self._reactor = reactor
        self._arrived = arrived
        self._buffered: TransportLink | None = None

    def connectionMade(self) -> None:
        """There is a connection; take it over."""
        transport: Any = self.transport
        if IReactorFDSet.providedBy(self._reactor) and hasattr(transport, "getHandle"):
            self._arrived(SocketLink.of_transport(self._reactor, transport))
        else:
            self._buffered = TransportLink(transport)
            self._arrived(self._buffered)

    def dataReceived(self, data: bytes) -> None:
        """Only of transports that are not driven directly."""
        if self._buffered is not None:
            self._buffered.data_received(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Only of transports that are not driven directly."""
        if self._buffered is not None:
            self._buffered.lost(reason)
