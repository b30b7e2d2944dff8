"""The network in memory behaves as Twisted's over a kernel does."""

from __future__ import annotations

import pytest
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IReactorTCP, IReactorTime, ITCPTransport
from twisted.internet.protocol import Factory, Protocol
from zope.interface.verify import verifyObject

from ftptls.testing.network import MemoryReactor
from ftptls.testing.wires import End, Wire

HOST, CLIENT = "198.51.100.1", "192.0.2.1"


class Echo(Protocol):
    """Remembers, and answers with the same."""

    lost = None

    def connectionMade(self) -> None:
        self.pieces: list[bytes] = []
        self.factory.made.append(self)

    def dataReceived(self, data: bytes) -> None:
        self.pieces.append(data)
        self.transport.write(data)

    def connectionLost(self, reason) -> None:
        self.lost = reason.type.__name__


@pytest.fixture
def reactor() -> MemoryReactor:
    return MemoryReactor()


@pytest.fixture
def echo() -> Factory:
    factory = Factory.forProtocol(Echo)
    factory.noisy = False
    factory.made = []
    return factory


def connect(reactor, port: int, host: str = HOST) -> Wire:
    wire = Wire.connect(reactor, host, port, CLIENT if ":" not in host else "2001:db8::1")
    reactor.settle()
    return wire


def test_it_is_what_it_says(reactor, echo):
    port = reactor.listenTCP(21, echo, interface=HOST)
    assert verifyObject(IReactorTCP, reactor)
    assert verifyObject(IReactorTime, reactor)
    wire = connect(reactor, 21)
    assert verifyObject(ITCPTransport, wire.memory)
    assert port.getHost().port == 21


def test_nothing_happens_by_itself(reactor, echo):
    reactor.listenTCP(21, echo)
    wire = Wire.connect(reactor, HOST, 21, CLIENT)
    assert echo.made == []
    reactor.settle()
    wire.send(b"hello")
    assert echo.made[0].pieces == []
    assert wire.take() == b"hello"
    assert echo.made[0].pieces == [b"hello"]


@pytest.mark.parametrize("host", [HOST, "2001:db8::21"])
def test_addresses_of_both_ends(reactor, echo, host):
    reactor.listenTCP(21, echo, interface=host)
    wire = connect(reactor, 21, host)
    ours, theirs = wire.memory, echo.made[0].transport
    assert ours.getPeer() == theirs.getHost()
    assert ours.getHost() == theirs.getPeer()
    assert theirs.getHost().host == host
    assert ours.getHost().host != host


def test_ports_are_chosen_refused_and_taken(reactor, echo):
    first = reactor.listenTCP(0, echo, interface=HOST).getHost().port
    assert reactor.listenTCP(0, echo, interface=HOST).getHost().port != first
    with pytest.raises(CannotListenError):
        reactor.listenTCP(first, echo, interface=HOST)
    with pytest.raises(CannotListenError):
        reactor.listenTCP(first, echo)
    reactor.listenTCP(first, echo, interface="198.51.100.2")
    assert connect(reactor, 9).end is End.REFUSED
    assert connect(reactor, first, "198.51.100.3").end is End.REFUSED


def test_a_silent_host_times_out(reactor):
    reactor.silent.add(HOST)
    wire = connect(reactor, 21)
    reactor.advance(29)
    assert wire.end is None
    reactor.advance(2)
    assert wire.end is not None
    assert reactor.attempts == [(HOST, 21)]


def test_pieces(reactor, echo):
    reactor.listenTCP(21, echo)
    wire = connect(reactor, 21)
    reactor.deliver_in([1, 3])
    wire.send(b"abcdefgh")
    reactor.settle()
    assert echo.made[0].pieces[0] == b"a"
    assert b"".join(echo.made[0].pieces) == b"abcdefgh"
    assert max(map(len, echo.made[0].pieces)) == 3


def test_fin_and_half_close(reactor, echo):
    reactor.listenTCP(21, echo)
    wire = connect(reactor, 21)
    wire.send(b"last")
    wire.finish()
    reactor.settle()
    assert echo.made[0].pieces == [b"last"]
    assert echo.made[0].lost == "ConnectionDone"
    assert wire.end is End.FIN
    assert wire.take() == b"last"
    wire.close()
    reactor.settle()
    assert reactor.connections == []


def test_half_close_by_the_server(reactor, echo):
    reactor.listenTCP(21, echo)
    wire = connect(reactor, 21)
    server = echo.made[0]
    server.transport.write(b"bye")
    server.transport.loseWriteConnection()
    assert wire.take() == b"bye"
    assert wire.end is End.FIN
    assert server.lost is None
    wire.send(b"still here")
    reactor.settle()
    assert server.pieces == [b"still here"]
    wire.close()
    reactor.settle()
    assert server.lost == "ConnectionDone"


def test_reset(reactor, echo):
    reactor.listenTCP(21, echo)
    wire = connect(reactor, 21)
    wire.reset()
    reactor.settle()
    assert echo.made[0].lost == "ConnectionLost"
    assert reactor.connections == []


def test_closing_with_unread_input_resets_and_loses_what_was_on_its_way(reactor, echo):
    reactor.listenTCP(21, echo)
    wire = connect(reactor, 21)
    server = echo.made[0]
    wire.pause()
    server.transport.write(b"unread")
    reactor.settle()
    server.transport.pauseProducing()
    wire.send(b"lost")
    wire.close()
    reactor.settle()
    server.transport.resumeProducing()
    reactor.settle()
    assert server.pieces == []
    assert server.lost == "ConnectionLost"


def test_octets_to_a_closed_end_reset(reactor, echo):
    reactor.listenTCP(21, echo)
    wire = connect(reactor, 21)
    echo.made[0].transport.loseConnection()
    reactor.settle()
    assert wire.end is End.FIN
    wire.send(b"too late")
    reactor.settle()
    assert not wire.memory.connected


class Producer:
    """Counts."""

    pauses = resumes = stops = 0

    def pauseProducing(self) -> None:
        self.pauses += 1

    def resumeProducing(self) -> None:
        self.resumes += 1

    def stopProducing(self) -> None:
        self.stops += 1


def test_back_pressure(reactor, echo):
    reactor.listenTCP(21, echo)
    wire = connect(reactor, 21)
    producer, transport = Producer(), echo.made[0].transport
    transport.registerProducer(producer, True)
    wire.pause()
    transport.write(bytes(60_000))
    reactor.settle()
    assert producer.pauses == 0
    transport.write(bytes(200_000))
    assert producer.pauses == 1
    reactor.settle()
    assert transport.unsent > 0
    assert producer.resumes == 0
    wire.resume()
    assert len(wire.take()) == 260_000
    assert producer.resumes == 1
    wire.reset()
    reactor.settle()
    assert producer.stops == 1


def test_time_goes_by_in_order(reactor):
    seen = []
    reactor.callLater(2, lambda: seen.append(("b", reactor.seconds())))
    reactor.callLater(1, lambda: reactor.callLater(0.5, seen.append, ("a", 1.5)))
    reactor.advance(3)
    assert seen == [("a", 1.5), ("b", 2)]
    assert reactor.seconds() == 3


def test_stopping_to_listen_resets_who_waits(reactor, echo):
    port = reactor.listenTCP(21, echo)
    wire = Wire.connect(reactor, HOST, 21, CLIENT)
    reactor.settle()
    port.stopListening()
    assert reactor.listeners == []
    assert wire.end is None  # it was accepted already
    wire.close()
    reactor.settle()


def test_twisteds_endpoints_work_over_it(reactor, echo):
    TCP4ServerEndpoint(reactor, 21, interface=HOST).listen(echo)
    connected = []
    client = Factory.forProtocol(Protocol)
    client.noisy = False
    TCP4ClientEndpoint(reactor, HOST, 21).connect(client).addCallback(connected.append)
    reactor.settle()
    assert len(connected) == len(echo.made) == 1
    connected[0].transport.loseConnection()
    reactor.settle()
    assert reactor.connections == []
