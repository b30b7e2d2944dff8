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
import socket
import struct
import termios
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from twisted.internet.error import (
    ConnectionAborted,
    ConnectionDone,
    ConnectionLost,
)
from twisted.internet.interfaces import (
    IAddress,
    ITCPTransport,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from ftptls.testing.network import MemoryReactor
from ftptls.testing.transports import WINDOW, MemoryTransport

# What the kernel holds for each direction; it counts its own overhead, too.
_KERNEL_BUFFER = 64 * 1024


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
