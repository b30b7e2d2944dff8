"""When the descriptor of a data connection is closed: its number may be a stranger's at once."""

# ruff: noqa: N802 - names that Twisted imposes

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from twisted.internet.interfaces import IReactorFDSet
from twisted.internet.task import Clock
from zope.interface import alsoProvides

from ftptls.dtp.links import SocketLink


class Watching(Clock):
    """A reactor that watches, and tells nothing by itself."""

    def __init__(self) -> None:
        super().__init__()
        alsoProvides(self, IReactorFDSet)
        self.readers: set[Any] = set()
        self.writers: set[Any] = set()

    def addReader(self, reader: Any) -> None:
        self.readers.add(reader)

    def removeReader(self, reader: Any) -> None:
        self.readers.discard(reader)

    def addWriter(self, writer: Any) -> None:
        self.writers.add(writer)

    def removeWriter(self, writer: Any) -> None:
        self.writers.discard(writer)


@pytest.fixture
def reactor() -> Watching:
    return Watching()


@pytest.fixture
def ours() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        other = socket.create_connection(server.getsockname())
        ours, _ = server.accept()
    ours.setblocking(False)
    yield ours
    ours.close()
    other.close()


@pytest.fixture
def link(reactor: Watching, ours: socket.socket) -> SocketLink:
    return SocketLink(reactor, ours)


def close(link: SocketLink) -> None:
    link.close()


def shut_and_close(link: SocketLink) -> None:
    link.shut()
    link.close()


@pytest.mark.parametrize("wait", [SocketLink.wait_readable, SocketLink.wait_writable])
@pytest.mark.parametrize("end", [close, shut_and_close])
def test_what_is_watched_is_closed_in_the_next_turn(
    reactor: Watching,
    link: SocketLink,
    ours: socket.socket,
    wait: Callable[[SocketLink], Any],
    end: Callable[[SocketLink], None],
) -> None:
    """The reactor may hold an event for its number, and would tell the next who has it."""
    waiting = wait(link)
    end(link)
    assert waiting.called
    assert not reactor.readers | reactor.writers
    assert ours.fileno() >= 0
    reactor.advance(0)
    assert ours.fileno() < 0
    assert reactor.getDelayedCalls() == []


def test_what_nobody_watches_is_closed_at_once(
    reactor: Watching, link: SocketLink, ours: socket.socket
) -> None:
    link.wait_readable()
    link.doRead()
    link.wait_writable()
    link.doWrite()
    assert not reactor.readers | reactor.writers
    link.close()
    assert ours.fileno() < 0
    assert reactor.getDelayedCalls() == []


def test_who_waits_again_at_once_stays_watched(reactor: Watching, link: SocketLink) -> None:
    def again(_: None) -> None:
        link.wait_readable()

    link.wait_readable().addCallback(again)
    link.doRead()
    assert reactor.readers == {link}
    link.close()
    reactor.advance(0)


def test_a_closed_link_is_closed_for_those_who_call(reactor: Watching, link: SocketLink) -> None:
    link.wait_readable()
    link.close()
    with pytest.raises(BrokenPipeError):
        link.receive_into(memoryview(bytearray(1)))
    with pytest.raises(BrokenPipeError):
        link.send(memoryview(b"x"))
    link.close()
    reactor.advance(0)
    assert reactor.getDelayedCalls() == []
