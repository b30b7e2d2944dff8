"""A reactor whose data connections are sockets of the kernel, and the ports they come in by."""

# ruff: noqa: N802 - names that Twisted imposes

from __future__ import annotations

import errno
import os
import select
import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.error import (
    CannotListenError,
    ConnectionDone,
    ConnectionLost,
)
from twisted.internet.interfaces import (
    IAddress,
    IReactorFDSet,
    IReadDescriptor,
    IWriteDescriptor,
)
from twisted.internet.protocol import ServerFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from ftptls.dtp.listening import IListensBySocket
from ftptls.testing.network import MemoryPort, MemoryReactor
from ftptls.testing.sockets import MemorySocket, SocketTransport
from ftptls.testing.transports import MemoryTransport

_LOST = select.POLLHUP | select.POLLERR | select.POLLNVAL


class SocketPort(MemoryPort):
    """A port that is listened on by a socket.

    Args:
        reactor: Whose port it is.
        host: An address, or an empty one for all.
        port: The number.
        backlog: How many connections may wait to be accepted.
    """

    def __init__(self, reactor: MemoryReactor, host: str, port: int, backlog: int) -> None:
        nobody = ServerFactory()
        nobody.noisy = False
        super().__init__(reactor, host, port, nobody, backlog)
        self.socket = ListeningMemorySocket(self)

    def accept(self) -> bool:
        """Tell who listens that somebody waits; whether there was anybody new."""
        return self.socket.tell(len(self.waiting))

    def stopListening(self) -> None:
        """Stop; connections that wait to be accepted are reset."""
        self.socket.close()


class ListeningMemorySocket:
    """What the server has of a port: as much of a listening socket as is needed.

    Args:
        port: The port.
    """

    def __init__(self, port: SocketPort) -> None:
        self._port = port
        # As many octets as connections wait of which the reactor is to tell.
        self._bell, self._ringing = socket.socketpair()
        self._bell.setblocking(False)
        self._told = 0

    def fileno(self) -> int:
        """What is readable while somebody waits."""
        return self._bell.fileno()

    def getsockname(self) -> tuple[str, int]:
        """Where it listens."""
        return self._port.host, self._port.port

    def tell(self, waiting: int) -> bool:
        """So many wait; whether there were fewer before."""
        new = waiting - self._told
        if new > 0:
            self._ringing.send(bytes(new))
            self._told = waiting
        return new > 0

    def accept(self) -> tuple[MemorySocket, tuple[str, int]]:
        """The next connection, and where it comes from.

        Raises:
            BlockingIOError: Nobody waits.
        """
        if not self._port.waiting:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        transport: Any = self._port.waiting.pop(0)
        if self._told:
            self._told -= len(self._bell.recv(1))
        peer = transport.getPeer()
        return transport.getHandle(), (peer.host, peer.port)

    def close(self) -> None:
        """Stop listening."""
        self._bell.close()
        self._ringing.close()
        MemoryPort.stopListening(self._port)


@implementer(IReactorFDSet, IListensBySocket)
class SocketReactor(MemoryReactor):
    """Time and TCP in memory, where some connections are sockets.

    Attributes:
        driven: Tells by the addresses of an end and of the other one whether it is a socket.
    """

    def __init__(self) -> None:
        super().__init__()
        self.driven: Callable[[Any, Any], bool] = lambda _host, _peer: True
        self._readers: dict[IReadDescriptor, int] = {}
        self._writers: dict[IWriteDescriptor, int] = {}

    def end(self, host: IAddress, peer: IAddress) -> Any:
        """One end of a new connection."""
        kind = SocketTransport if self.driven(host, peer) else MemoryTransport
        return kind(self, host, peer)

    def listening_socket(self, host: str, port: int, backlog: int) -> ListeningMemorySocket:
        """A socket that listens and does not block.

        Raises:
            OSError: Somebody else listens there.
        """
        try:
            number = self.claim(host, port)
        except CannotListenError as error:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE)) from error
        listening = SocketPort(self, host, number, backlog)
        self.add_port(listening)
        return listening.socket

    def addReader(self, reader: IReadDescriptor) -> None:
        """Tell it when there is something to read."""
        self._readers.setdefault(reader, reader.fileno())

    def addWriter(self, writer: IWriteDescriptor) -> None:
        """Tell it when there is room to write."""
        self._writers.setdefault(writer, writer.fileno())

    def removeReader(self, reader: IReadDescriptor) -> None:
        """Tell it no more."""
        self._readers.pop(reader, None)

    def removeWriter(self, writer: IWriteDescriptor) -> None:
        """Tell it no more."""
        self._writers.pop(writer, None)

    def removeAll(self) -> list[Any]:
        """Tell nobody anything; returns who was told."""
        removed = [*dict.fromkeys([*self._readers, *self._writers])]
        self._readers.clear()
        self._writers.clear()
        return removed

    def getReaders(self) -> list[IReadDescriptor]:
        """Who waits for something to read."""
        return list(self._readers)

    def getWriters(self) -> list[IWriteDescriptor]:
        """Who waits for room to write."""
        return list(self._writers)

    def step(self) -> bool:
        """The same, and whoever waits for a socket that is ready has a turn."""
        done = super().step()
        return self._poll() or done

    def _poll(self) -> bool:
        waiting = dict.fromkeys([*self._readers, *self._writers])
        if not waiting:
            return False
        poll = select.poll()
        for each in waiting:
            wants = (each in self._readers) * select.POLLIN
            poll.register(each.fileno(), wants | (each in self._writers) * select.POLLOUT)
        ready = dict(poll.poll(0))
        # In the order in which they began to wait, not in the kernel's.
        events = {each: ready[each.fileno()] for each in waiting if each.fileno() in ready}
        for each, event in events.items():
            self._tell(each, event)
        return bool(events)

    def _tell(self, waiting: Any, event: int) -> None:
        """As Twisted's reactors that poll do."""
        why: Any = None
        if event & _LOST and not event & select.POLLIN:
            why = ConnectionDone() if waiting in self._readers else ConnectionLost()
        else:
            if event & select.POLLIN and waiting in self._readers:
                why = waiting.doRead()
            if not why and event & select.POLLOUT and waiting in self._writers:
                why = waiting.doWrite()
        if why:
            self.removeReader(waiting)
            self.removeWriter(waiting)
            waiting.connectionLost(Failure(why))
