"""Replies leave at once and together, and in their order where the client does not read."""

from __future__ import annotations

import errno
from functools import partial
from socket import SHUT_WR

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.testing import StringTransport
from twisted.protocols.policies import ProtocolWrapper
from zope.interface import directlyProvides

from ftptls.factory import FTPFactory
from ftptls.pi.sending import Prompt
from ftptls.settings import Settings
from ftptls.testing.dialogue import MemoryServer

HERE = IPv4Address("TCP", "198.51.100.1", 21)
CLIENT = IPv4Address("TCP", "192.0.2.1", 40000)


class Socket(StringTransport):
    """A transport with a socket of so much room.

    Attributes:
        room: Octets.
        sent: What went to the socket directly, call by call.
        shut: In which directions it was shut down directly.
        written_at_end: What the reactor had to send when it was told of the end.
    """

    def __init__(self, room: int) -> None:
        super().__init__(HERE, CLIENT)
        self.room = room
        self.sent: list[bytes] = []
        self.shut: list[int] = []
        self.written_at_end: bytes | None = None

    def writeSomeData(self, data: bytes) -> int:  # noqa: N802
        return self.send(data)

    def getHandle(self) -> Socket:
        return self

    def send(self, data: bytes) -> int:
        if self.room < 0:
            raise BrokenPipeError
        if not self.room:
            raise BlockingIOError
        taken = data[: self.room]
        self.room -= len(taken)
        self.sent.append(taken)
        return len(taken)

    def shutdown(self, how: int) -> None:
        self.shut.append(how)
        raise OSError(errno.ENOTCONN, "not connected")  # as where the client has reset it

    def loseWriteConnection(self) -> None:  # noqa: N802
        self.written_at_end = self.value()


@pytest.fixture
def factory(authority) -> FTPFactory:
    return MemoryServer(settings=Settings(), authority=authority).factory


def connect(factory: FTPFactory, room: int) -> tuple[Socket, object]:
    pi, socket = factory.buildProtocol(CLIENT), Socket(room)
    pi.makeConnection(socket)
    return socket, pi


def test_replies_to_what_came_together_go_together(factory):
    socket, pi = connect(factory, 10_000)
    assert socket.sent == [b"220 Service ready.\r\n"]
    pi.dataReceived(b"NOOP\r\n" * 3)
    assert socket.sent[1:] == [b"200 OK.\r\n" * 3]
    assert socket.value() == b""


class Wrapper(ProtocolWrapper):
    """What stands between, as TLS of an endpoint does: all else is the socket's."""

    def __init__(self, socket: Socket) -> None:
        super().__init__(None, None)
        self.transport = socket
        self.written = b""

    def write(self, data: bytes) -> None:
        self.written += data


def test_nothing_goes_past_what_stands_between(factory):
    socket = Socket(10_000)
    wrapper, pi = Wrapper(socket), factory.buildProtocol(CLIENT)
    assert wrapper.writeSomeData
    pi.makeConnection(wrapper)
    pi.dataReceived(b"NOOP\r\n")
    assert wrapper.written == b"220 Service ready.\r\n200 OK.\r\n"
    assert socket.sent == []


def test_nothing_goes_past_tls_of_the_socket(factory):
    socket, pi = Socket(10_000), factory.buildProtocol(CLIENT)
    socket.setTcpNoDelay = socket.setTcpKeepAlive = lambda _on: None
    directlyProvides(socket, ISSLTransport)
    pi.makeConnection(socket)
    assert socket.value() == b"220 Service ready.\r\n"
    assert socket.sent == []


def test_what_does_not_fit_goes_the_reactors_way_and_so_does_the_rest(factory):
    socket, pi = connect(factory, 25)
    pi.dataReceived(b"NOOP\r\n")
    socket.room = 10_000
    pi.dataReceived(b"NOOP\r\n")
    assert b"".join(socket.sent) == b"220 Service ready.\r\n200 O"
    assert socket.value() == b"K.\r\n200 OK.\r\n"


def test_where_nothing_fits_all_goes_the_reactors_way(factory):
    socket, pi = connect(factory, 20)
    pi.dataReceived(b"NOOP\r\n")
    assert b"".join(socket.sent) == b"220 Service ready.\r\n"
    assert socket.value() == b"200 OK.\r\n"


def test_who_does_not_read_holds_commands_up_from_where_it_did_not_fit(factory):
    socket, pi = connect(factory, 25)
    assert socket.producer is None
    pi.dataReceived(b"NOOP\r\n")
    assert socket.producer is pi
    socket.producer.pauseProducing()
    pi.dataReceived(b"NOOP\r\n")
    assert socket.value() == b"K.\r\n"
    socket.producer.resumeProducing()
    assert socket.value() == b"K.\r\n200 OK.\r\n"
    pi.dataReceived(b"QUIT\r\n")
    assert socket.producer is None


def test_who_goes_the_reactors_way_from_the_start_is_held_up_from_there(factory):
    wrapper, pi = Wrapper(Socket(0)), factory.buildProtocol(CLIENT)
    pi.makeConnection(wrapper)
    assert wrapper.transport.producer is pi
    pi.dataReceived(b"QUIT\r\n")
    assert wrapper.transport.producer is None


def test_a_lost_connection_is_for_the_reactor_to_find(factory):
    socket, pi = connect(factory, 10_000)
    socket.room = -1
    pi.dataReceived(b"NOOP\r\n")
    assert socket.value() == b"200 OK.\r\n"


def test_not_more_than_enough_is_kept_until_the_turn_ends(factory):
    socket, pi = connect(factory, 1 << 20)
    pi.dataReceived(b"HELP\r\n" * 150)
    assert len(socket.sent) > 2
    assert max(map(len, socket.sent)) < 64 * 1024


def test_the_last_reply_goes_before_the_end(factory):
    socket, pi = connect(factory, 10_000)
    pi.dataReceived(b"QUIT\r\nNOOP\r\n")
    assert socket.sent[1:] == [b"221 Goodbye.\r\n"]
    assert socket.disconnecting


def ending(socket: Socket) -> Prompt:
    return Prompt(socket, socket.send, partial(socket.shutdown, SHUT_WR))


def test_the_end_is_said_at_once():
    """Where the client is gone, that is for the reactor to find."""
    socket = Socket(100)
    out = ending(socket)
    out.write(b"221 Goodbye.\r\n")
    out.end()
    assert socket.sent == [b"221 Goodbye.\r\n"]
    assert socket.shut == [SHUT_WR]
    assert socket.written_at_end is None


def test_the_end_is_behind_what_did_not_fit():
    socket = Socket(4)
    out = ending(socket)
    out.write(b"221 Goodbye.\r\n")
    out.end()
    assert socket.sent == [b"221 "]
    assert socket.shut == []
    assert socket.written_at_end == b"Goodbye.\r\n"


def test_the_end_goes_past_nothing_that_stands_around():
    socket = Socket(100)
    Prompt(socket, None).end()
    assert socket.shut == []
    assert socket.written_at_end == b""
