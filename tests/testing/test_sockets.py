"""Sockets in the network in memory behave as those of TCP do, to who drives them."""

from __future__ import annotations

import os
import socket
from contextlib import suppress

import pytest
from twisted.internet.interfaces import IReactorFDSet, ITCPTransport
from twisted.internet.protocol import Factory, Protocol
from zope.interface.verify import verifyObject

from ftptls.testing.socket_reactor import SocketReactor
from ftptls.testing.sockets import SocketTransport
from ftptls.testing.wires import End, Wire

HOST, CLIENT = "198.51.100.1", "192.0.2.1"


class Driver(Protocol):
    """Leaves its connection to the test."""

    lost = None

    def connectionMade(self) -> None:
        self.factory.made.append(self)

    def connectionLost(self, reason) -> None:
        self.lost = reason.type.__name__


class Watcher:
    """Counts what the reactor tells."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self.told: list[str] = []

    def fileno(self) -> int:
        return self._end.fileno()

    def logPrefix(self) -> str:
        return "watcher"

    def doRead(self) -> None:
        self.told.append("read")
        self._end.recv(10)

    def doWrite(self) -> object:
        self.told.append("write")
        return ConnectionError("enough")

    def connectionLost(self, reason) -> None:
        self.told.append("lost")


@pytest.fixture
def reactor() -> SocketReactor:
    made = SocketReactor()
    made.driven = lambda end, _other: end.host == HOST
    return made


@pytest.fixture
def wire(reactor):
    """A client's end; the server's is ``wire.server``, its socket ``wire.socket``.

    Nothing of it is left at the end, whatever became of it.
    """
    factory = Factory.forProtocol(Driver)
    factory.noisy = False
    factory.made = []
    reactor.listenTCP(21, factory, interface=HOST)
    wire = Wire.connect(reactor, HOST, 21, CLIENT)
    reactor.settle()
    (wire.server,) = factory.made
    wire.socket = wire.server.transport.getHandle()
    yield wire
    wire.close()
    wire.server.transport.loseConnection()
    reactor.settle()
    assert reactor.connections == []
    assert reactor.getReaders() == reactor.getWriters() == []


def receive(end: socket.socket, most: int = 1 << 20) -> bytes:
    buffer = bytearray(most)
    return bytes(buffer[: end.recv_into(buffer)])


def test_it_is_what_it_says(reactor, wire):
    assert verifyObject(IReactorFDSet, reactor)
    assert verifyObject(ITCPTransport, wire.server.transport)
    assert isinstance(wire.server.transport, SocketTransport)
    assert wire.socket.getsockname() == (HOST, 21)
    assert wire.socket.getpeername()[0] == CLIENT
    wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def test_octets_both_ways(reactor, wire):
    with pytest.raises(BlockingIOError):
        receive(wire.socket)
    wire.send(b"hello")
    reactor.settle()
    assert receive(wire.socket) == b"hello"
    wire.socket.send(b"and back")
    assert wire.take() == b"and back"


def test_octets_wait_for_who_does_not_read(reactor, wire):
    wire.send(bytes(1 << 20))
    reactor.settle()
    assert wire.server.transport.paused
    assert wire.memory.unsent > 1 << 19
    received = 0
    while received < 1 << 20:
        received += len(receive(wire.socket))
        reactor.settle()
    assert not wire.server.transport.paused
    wire.pause()
    sent = 0
    with suppress(BlockingIOError):
        while sent < 1 << 20:
            sent += wire.socket.send(bytes(4096))
            reactor.settle()
    assert 0 < wire.server.transport.unsent < sent < 1 << 20
    wire.resume()
    assert len(wire.take()) == sent


def test_pieces(reactor, wire):
    reactor.deliver_in([1, 3])
    wire.send(b"abcdefgh")
    pieces = []
    watcher = Watcher(wire.socket)
    watcher.doRead = lambda: pieces.append(receive(wire.socket))
    reactor.addReader(watcher)
    reactor.settle()
    assert pieces == [b"a", b"bcd", b"e", b"fgh"]
    reactor.removeReader(watcher)


def test_fin_of_the_client_comes_behind_what_it_sent(reactor, wire):
    wire.send(b"last")
    wire.finish()
    reactor.settle()
    assert receive(wire.socket) == b"last"
    assert receive(wire.socket) == b""
    wire.socket.send(b"still here")
    assert wire.take() == b"still here"


def test_the_server_closes(reactor, wire):
    wire.pause()
    wire.socket.send(b"bye")
    wire.server.transport.loseConnection()
    reactor.settle()
    assert wire.server.lost == "ConnectionDone"
    assert not wire.server.transport.connected
    wire.resume()
    assert wire.take() == b"bye"
    assert wire.end is End.FIN


def test_whoever_has_the_socket_may_close_it(reactor, wire):
    wire.socket.close()
    reactor.settle()
    assert wire.end is End.FIN
    wire.send(b"too late")
    reactor.settle()
    assert not wire.memory.connected


def test_closing_with_unread_input_resets(reactor, wire):
    wire.pause()
    wire.socket.send(b"lost")
    wire.send(b"unread")
    reactor.settle()
    wire.server.transport.loseConnection()
    reactor.settle()
    wire.resume()
    assert wire.take() == b""
    assert wire.end is End.RESET


def test_the_client_resets(reactor, wire):
    wire.send(b"lost")
    wire.reset()
    reactor.settle()
    with pytest.raises(ConnectionResetError):
        receive(wire.socket)
    with pytest.raises(BrokenPipeError):
        wire.socket.send(b"to nobody")


def test_the_kernel_knows_of_a_reset(reactor, wire):
    """Who asks it for octets in another way than by the socket's own calls is told."""
    wire.reset()
    reactor.settle()
    with pytest.raises(ConnectionResetError):
        os.read(wire.socket.fileno(), 10)


def test_a_client_that_is_gone_resets_who_sends_to_it(reactor, wire):
    wire.send(b"all")
    wire.close()
    reactor.settle()
    wire.socket.send(b"unexpected")
    reactor.settle()
    assert receive(wire.socket) == b"all"  # it had arrived
    with pytest.raises(ConnectionResetError):
        receive(wire.socket)
    wire.server.transport.abortConnection()
    reactor.settle()
    assert wire.server.lost == "ConnectionLost"


def test_what_is_shut_down_takes_nothing_and_is_reset_in_the_end(reactor, wire):
    wire.socket.shutdown(socket.SHUT_RDWR)
    wire.send(b"unwanted")
    reactor.settle()
    assert wire.end is End.FIN
    wire.server.transport.loseConnection()
    reactor.settle()
    assert not wire.memory.connected


def test_who_waits_is_told(reactor):
    ours, theirs = socket.socketpair()
    watcher = Watcher(ours)
    reactor.addReader(watcher)
    reactor.settle()
    theirs.send(b"x")
    reactor.settle()
    assert watcher.told == ["read"]
    reactor.addWriter(watcher)
    assert reactor.getReaders() == reactor.getWriters() == [watcher]
    reactor.settle()
    assert watcher.told == ["read", "write", "lost"]
    assert reactor.getReaders() == reactor.getWriters() == []
    reactor.addReader(watcher)
    assert reactor.removeAll() == [watcher]
    ours.close()
    theirs.close()


def test_who_waits_for_room_is_told_that_there_will_be_none(reactor):
    ours, theirs = socket.socketpair()
    watcher = Watcher(ours)
    reactor.addWriter(watcher)
    ours.shutdown(socket.SHUT_RD)
    theirs.close()
    reactor.settle()
    assert watcher.told[-1] == "lost"
    ours.close()


def test_a_listening_socket(reactor):
    listening = reactor.listening_socket(HOST, 50000, 1)
    with pytest.raises(OSError, match="in use"):
        reactor.listening_socket(HOST, 50000, 1)
    with pytest.raises(BlockingIOError):
        listening.accept()
    watcher = Watcher(listening)
    watcher.doRead = lambda: accepted.append(listening.accept())
    accepted = []
    reactor.addReader(watcher)
    wires = [Wire.connect(reactor, HOST, 50000, f"192.0.2.{number}") for number in range(1, 5)]
    reactor.advance(5)
    assert [address[0] for _, address in accepted] == [f"192.0.2.{each}" for each in range(1, 5)]
    wires[2].send(b"third")
    reactor.settle()
    assert receive(accepted[2][0]) == b"third"
    accepted[2][0].close()
    reactor.settle()
    assert wires[2].end is End.FIN
    reactor.removeReader(watcher)
    late = Wire.connect(reactor, HOST, 50000, CLIENT)
    reactor.settle()
    listening.close()
    reactor.settle()
    assert late.end is End.RESET
    assert reactor.listeners == []
    for wire, (end, _) in zip(wires, accepted, strict=True):
        wire.close()
        end.close()
    reactor.settle()
    assert reactor.connections == []
