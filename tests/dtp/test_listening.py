"""Passive ports that are sockets and nothing else, where the reactor watches descriptors."""

# ruff: noqa: N802 - names that Twisted imposes

from __future__ import annotations

import errno
import select
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.interfaces import IReactorFDSet, IReactorSocket
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import alsoProvides

from ftptls.dtp import listening
from ftptls.dtp.links import Link
from ftptls.dtp.listening import Listening, ListeningSocket, listen
from ftptls.errors import TransientError
from ftptls.settings import PortRange

HOST = "127.0.0.1"


class Watching(Clock):
    """A reactor of which nothing is used but that it watches what is to be read."""

    def __init__(self) -> None:
        super().__init__()
        alsoProvides(self, IReactorFDSet, IReactorSocket)
        self.readers: dict[Any, int] = {}

    def addReader(self, reader: Any) -> None:
        self.readers[reader] = reader.fileno()

    def removeReader(self, reader: Any) -> None:
        self.readers.pop(reader, None)

    def turn(self) -> None:
        """Let everybody read for whom there is something."""
        ready, _, _ = select.select(list(self.readers), [], [], 5)
        for reader in ready:
            reader.doRead()


class Door:
    def __init__(self, wanted: str = HOST) -> None:
        self._wanted = wanted
        self.links: list[Link] = []
        self.trouble = 0

    def admits(self, peer: str) -> bool:
        return peer == self._wanted

    def came_in(self, link: Link, peer: str) -> None:
        assert peer == self._wanted
        self.links.append(link)

    def broke(self, error: OSError) -> None:
        self.trouble = error.errno or 0


@pytest.fixture
def reactor() -> Watching:
    return Watching()


@pytest.fixture
def door() -> Iterator[Door]:
    door = Door()
    yield door
    for link in door.links:
        link.close()


@pytest.fixture
def port(reactor: Watching, door: Door) -> Iterator[Listening]:
    port = listen(reactor, PortRange(), HOST, 5, door)
    yield port
    port.close()


def test_who_connects_comes_in_as_a_link(reactor: Watching, door: Door, port: Listening) -> None:
    with socket.create_connection((HOST, port.number)) as client:
        reactor.turn()
        (link,) = door.links
        with pytest.raises(BlockingIOError):
            link.receive_into(memoryview(bytearray(10)))
        link.send(memoryview(b"hello"))
        assert client.recv(10) == b"hello"
        link.close()
        assert client.recv(10) == b""
    assert not door.trouble


def test_everybody_who_waits_comes_in(reactor: Watching, door: Door, port: Listening) -> None:
    clients = [socket.create_connection((HOST, port.number)) for _ in range(3)]
    for _ in clients:
        reactor.turn()
    for client in clients:
        client.close()
    assert len(door.links) == 3


def test_who_is_not_admitted_is_closed(reactor: Watching) -> None:
    door = Door(wanted="192.0.2.1")
    port = listen(reactor, PortRange(), HOST, 5, door)
    with socket.create_connection((HOST, port.number)) as client:
        reactor.turn()
        assert client.recv(10) == b""
    port.close()
    assert not door.links


def test_a_closed_port_is_not_watched_any_more(
    reactor: Watching, door: Door, port: Listening
) -> None:
    port.close()
    port.close()
    assert not reactor.readers
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, port.number))


def test_the_end_of_the_reactor_closes_it(reactor: Watching, port: Listening) -> None:
    (watched,) = reactor.readers
    watched.connectionLost(Failure(ConnectionResetError()))
    assert not reactor.readers


def test_a_taken_port_is_passed_over(reactor: Watching, door: Door) -> None:
    with socket.create_server((HOST, 0)) as taken:
        number: int = taken.getsockname()[1]
        with pytest.raises(TransientError) as caught:
            listen(reactor, PortRange(number, number), HOST, 5, door)
    assert caught.value.reply.code == 425
    port = listen(reactor, PortRange(number, number), HOST, 5, door)
    assert port.number == number
    port.close()


def test_ipv6(reactor: Watching) -> None:
    door = Door(wanted="::1")
    port = listen(reactor, PortRange(), "::1", 5, door)
    with socket.create_connection(("::1", port.number)):
        reactor.turn()
    port.close()
    (link,) = door.links
    link.close()


class Failing:
    """A listening socket that nobody can be taken in from."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._open = True

    def accept(self) -> None:
        raise OSError(self._number, "no")

    def fileno(self) -> int:
        return 0 if self._open else -1

    def getsockname(self) -> tuple[str, int]:
        return HOST, 1

    def close(self) -> None:
        self._open = False


@pytest.mark.parametrize(
    ("number", "broken"),
    [
        (errno.EAGAIN, False),
        (errno.ECONNABORTED, False),
        (errno.EMFILE, True),
        (errno.ENFILE, True),
        (errno.ENOBUFS, True),
    ],
)
def test_without_descriptors_nobody_is_promised_anything(
    reactor: Watching, door: Door, number: int, broken: bool
) -> None:
    """The reactor would tell of the same connection again and again."""
    failing: Any = Failing(number)
    port = ListeningSocket(reactor, failing, door)
    port.doRead()
    assert door.trouble == (number if broken else 0)
    assert bool(reactor.readers) is not broken


def test_who_is_there_is_found_before_the_reactor_tells(door: Door, port: Listening) -> None:
    port.look()
    with socket.create_connection((HOST, port.number)):
        port.look()
    assert len(door.links) == 1


def test_without_descriptors_only_one_port_is_tried(
    reactor: Watching, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []

    def listening_socket(_host: str, port: int, _backlog: int) -> None:
        tried.append(port)
        raise OSError(errno.EMFILE, "no")

    monkeypatch.setattr(listening, "listening_socket", listening_socket)
    with pytest.raises(TransientError):
        listen(reactor, PortRange(50000, 50100), HOST, 5, door)
    assert len(tried) == 1
