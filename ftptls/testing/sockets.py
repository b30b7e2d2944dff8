"""The same network, but the server's data connections are sockets of this machine's kernel.

A server on it drives them as it drives those of a real network: octets pass through the
kernel, files are sent by it, and calls may be made by threads. Only the way between that
socket and the client is in memory, so that what happens is still the same every time.
"""

# ruff: noqa: N802 - names that Twisted imposes

from __future__ import annotations

import errno
import fcntl
import os
import select
import socket
import struct
import termios
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from twisted.internet.error import (
    CannotListenError,
    ConnectionAborted,
    ConnectionDone,
    ConnectionLost,
)
from twisted.internet.interfaces import (
    IAddress,
    IReactorFDSet,
    IReadDescriptor,
    ITCPTransport,
    IWriteDescriptor,
)
from twisted.internet.protocol import ServerFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from ftptls.dtp.listening import IListensBySocket
from ftptls.testing.network import MemoryPort, MemoryReactor
from ftptls.testing.transports import WINDOW, MemoryTransport

# What the kernel holds for each direction; it counts its own overhead, too.
_KERNEL_BUFFER = 64 * 1024
_LOST = select.POLLHUP | select.POLLERR | select.POLLNVAL


def _unread(end: socket.socket) -> int:
    """Octets that arrived at a socket and were not read."""
    answer = fcntl.ioctl(end, termios.FIONREAD, bytes(4))
    return int(struct.unpack("i", answer)[0])


class MemorySocket(socket.socket):
    """The server's end: a socket without a network, which passes for one of TCP.

    Attributes:
        left_unread: When it was closed, whether there was something to read.
        broken: Whether the client sent RST: behind what arrived comes no end, but an error.
    """

    def __init__(self, descriptor: int, host: Any, peer: Any) -> None:
        super().__init__(fileno=descriptor)
        self.setblocking(False)
        self.left_unread = False
        self.broken = False
        self._names = (host.host, host.port), (peer.host, peer.port)

    def setsockopt(self, level: int, *option: Any) -> None:
        """Options of TCP are taken, and change nothing."""
        if level != socket.IPPROTO_TCP:
            super().setsockopt(level, *option)

    def getsockname(self) -> Any:
        """Its address in memory."""
        return self._names[0]

    def getpeername(self) -> Any:
        """The client's address in memory."""
        return self._names[1]

    def recv_into(self, *args: Any, **more: Any) -> int:
        """The same; see :attr:`broken`."""
        count = super().recv_into(*args, **more)
        if not count and self.broken:
            raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
        return count

    def lose_unread(self) -> None:
        """What arrived and was not read never will be."""
        with suppress(OSError):
            while self.recv(WINDOW):
                pass

    def close(self) -> None:
        """The same; whether there was something to read tells how the client sees it."""
        if self.fileno() >= 0:
            self.left_unread = bool(_unread(self))
        super().close()


@implementer(ITCPTransport)
class SocketTransport:
    """The server's end of a connection whose owner drives the socket itself.

    What the client sends waits in a window, and moves to the kernel's buffer as far as there
    is room, a piece each turn; what the server sends waits in the kernel's buffer until the
    client's window has room.

    Args:
        reactor: Whose :meth:`~ftptls.testing.network.MemoryReactor.settle` moves the octets.
        host: The address of this end.
        peer: The address of the other end.

    Attributes:
        disconnecting: Since ``loseConnection``.
        other: The client's end.
        protocol: Who is told when the socket is closed.
        delivered: Octets that the kernel was given for the server so far.
    """

    other: MemoryTransport

    def __init__(self, reactor: MemoryReactor, host: IAddress, peer: IAddress) -> None:
        self._reactor = reactor
        self._host = host
        self._peer = peer
        self.disconnecting = False
        self.delivered = 0
        self.protocol: Any = None
        near, self._far = socket.socketpair()
        for each in (near, self._far):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BUFFER)
        self._far.setblocking(False)
        self._socket = MemorySocket(near.detach(), host, peer)
        self._window = bytearray()
        self._fin_arrived = self._fin_delivered = self._fin_sent = False
        self._reset_arrived = self._aborting = self._told = self._gone = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._host} - {self._peer}>"

    # --- for the owner ---------------------------------------------------------------------

    def getHandle(self) -> MemorySocket:
        """The socket."""
        return self._socket

    def pauseProducing(self) -> None:
        """Nobody reads here but who has the handle."""

    def resumeProducing(self) -> None:
        """See :meth:`pauseProducing`."""

    def stopProducing(self) -> None:
        """The same as :meth:`loseConnection`."""
        self.loseConnection()

    def write(self, data: bytes) -> None:
        """Who has the handle sends."""
        raise TypeError("its socket is to be used")

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """Who has the handle sends."""
        self.write(b"")

    def loseConnection(self) -> None:
        """Close the socket in the next turn."""
        self.disconnecting = True

    def loseWriteConnection(self) -> None:
        """Send FIN; go on reading."""
        self._socket.shutdown(socket.SHUT_WR)

    def abortConnection(self) -> None:
        """Send RST; what the client did not read yet is lost."""
        self._aborting = True

    def getPeer(self) -> Any:
        """The address of the other end."""
        return self._peer

    def getHost(self) -> Any:
        """The address of this end."""
        return self._host

    def getTcpNoDelay(self) -> bool:
        """There is no delay."""
        return True

    def setTcpNoDelay(self, enabled: bool) -> None:
        """There is no delay anyway."""

    def getTcpKeepAlive(self) -> bool:
        """Memory needs none."""
        return False

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """Memory needs none."""

    # --- for tests ---------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        """Until the socket is closed."""
        return self._socket.fileno() >= 0

    @property
    def unsent(self) -> int:
        """Octets sent that do not fit into the client's window."""
        return _unread(self._far) if self._far.fileno() >= 0 else 0

    @property
    def unread(self) -> int:
        """Octets that arrived and that the server did not read."""
        return len(self._window) + (_unread(self._socket) if self.connected else 0)

    @property
    def paused(self) -> bool:
        """Whether octets wait that nobody reads."""
        return bool(self.unread)

    # --- the client's end speaks ---------------------------------------------------------------

    @property
    def room(self) -> int:
        """How many octets may arrive."""
        return max(0, WINDOW - len(self._window))

    def arrive(self, data: bytes) -> None:
        """Octets of the client; a closed end answers with RST."""
        if self.connected:
            self._window += data
        else:
            self.other.arrive_reset()
            self._hang_up()

    def arrive_end(self) -> None:
        """The client's FIN."""
        self._fin_arrived = True

    def arrive_reset(self) -> None:
        """The client's RST."""
        self._reset_arrived = self._socket.broken = True

    def lose_unread(self) -> None:
        """What arrived and was not read never will be."""
        self._window.clear()
        if self.connected:
            self._socket.lose_unread()

    # --- what the reactor does ---------------------------------------------------------------

    def work(self) -> bool:
        """Do one round of what the kernels on the way would; whether there was anything."""
        if self.disconnecting or self._aborting:
            self._socket.close()
        if not self.connected and not self._told:
            self._end()
            return True
        if self._far.fileno() < 0:
            return False
        if self._reset_arrived and (self.unsent or not self._window):
            with suppress(OSError):
                self._socket.send(b"\0")  # closed with that unread, the far end resets the near
            self._hang_up()
            return True
        sent = self._send()
        return self._deliver() or sent

    def _end(self) -> None:
        """The server closed."""
        self._told = True
        lost = self._aborting or self._socket.left_unread or bool(self._window)
        if lost and not self._reset_arrived:
            self.other.lose_unread()
            self.other.arrive_reset()
        if lost or self._fin_sent:
            self._hang_up()
        self._leave()
        reason = ConnectionAborted() if self._aborting else ConnectionDone()
        self.protocol.connectionLost(Failure(ConnectionLost() if self._reset_arrived else reason))

    def _hang_up(self) -> None:
        """Nothing will pass any more."""
        self._far.close()
        self._leave()

    def _leave(self) -> None:
        if not self._gone and not self.connected and self._far.fileno() < 0:
            self._gone = True
            self._reactor.forget(self)

    def _send(self) -> bool:
        room = 0 if self._fin_sent else self.other.room
        if not room:
            return False
        try:
            data = self._far.recv(room)
        except BlockingIOError:
            return False
        if data:
            self.other.arrive(data)
            return True
        self._fin_sent = True
        self.other.arrive_end()
        if not self.connected:
            self._hang_up()
        return True

    def _deliver(self) -> bool:
        if self._window:
            with suppress(BlockingIOError, BrokenPipeError):  # shut down, or not read yet
                size = self._far.send(self._window[: self._reactor.piece(len(self._window))])
                del self._window[:size]
                self.delivered += size
                return True
            return False
        if self._fin_arrived and not self._fin_delivered and self._far.fileno() >= 0:
            self._fin_delivered = True
            self._far.shutdown(socket.SHUT_WR)
            return True
        return False


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
