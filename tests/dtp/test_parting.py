"""Connections that have carried their transfer, and the other side has not closed yet."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from ftptls.dtp.parting import Parting

SECONDS = 1.0


class Ending:
    """One end of a connection, with the other end in reach."""

    def __init__(self) -> None:
        self._ours, self.other = socket.socketpair()
        self._ours.setblocking(False)
        self.waiting: Deferred[None] | None = None

    @property
    def closed(self) -> bool:
        return self._ours.fileno() < 0

    def receive_into(self, buffer: memoryview) -> int:
        return self._ours.recv_into(buffer)

    def wait_readable(self) -> Deferred[None]:
        self.waiting = Deferred()
        return self.waiting

    def tell(self) -> None:
        waiting, self.waiting = self.waiting, None
        if waiting is not None:
            waiting.callback(None)

    def close(self) -> None:
        self._ours.close()
        self.tell()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def parting(clock: Clock) -> Parting:
    return Parting(clock, SECONDS)


@pytest.fixture
def link() -> Iterator[Any]:
    link = Ending()
    yield link
    link.other.close()
    assert link.closed


def test_it_is_looked_after_when_a_connection_is_wanted(
    clock: Clock, parting: Parting, link: Any
) -> None:
    parting.see_off(link)
    parting.look()
    assert not link.closed
    link.other.sendall(b"a close_notify, perhaps")
    link.other.close()
    parting.look()
    assert link.closed
    clock.advance(SECONDS)
    assert clock.getDelayedCalls() == []


def test_the_other_side_has_so_much_time(clock: Clock, parting: Parting, link: Any) -> None:
    parting.see_off(link)
    clock.advance(SECONDS / 2)
    later: Any = Ending()
    parting.see_off(later)
    clock.advance(SECONDS / 2)
    assert link.closed
    assert not later.closed
    clock.advance(SECONDS / 2)
    assert later.closed
    later.other.close()
    assert clock.getDelayedCalls() == []


def test_what_it_still_sends_is_read(parting: Parting, link: Any) -> None:
    """Or the close would reset the connection."""
    parting.see_off(link)
    link.other.sendall(bytes(50_000))
    parting.look()
    link.other.shutdown(socket.SHUT_WR)
    parting.look()
    assert link.closed
    assert link.other.recv(1) == b""


def test_at_the_end_of_the_session_nothing_is_missed(
    clock: Clock, parting: Parting, link: Any
) -> None:
    parting.see_off(link)
    parting.end()
    link.other.sendall(b"still there")
    link.tell()
    assert not link.closed
    link.other.close()
    link.tell()
    assert link.closed
    assert clock.getDelayedCalls() == []


def test_at_the_end_of_the_session_it_keeps_its_time(
    clock: Clock, parting: Parting, link: Any
) -> None:
    parting.see_off(link)
    parting.end()
    clock.advance(SECONDS)
    assert link.closed
    assert clock.getDelayedCalls() == []


def test_a_session_without_any_ends(clock: Clock, parting: Parting, link: Any) -> None:
    parting.see_off(link)
    link.other.close()
    parting.look()
    parting.end()
    assert clock.getDelayedCalls() == []


def test_a_broken_connection_is_closed(parting: Parting, link: Any) -> None:
    def broken(_buffer: memoryview) -> int:
        raise ConnectionResetError

    link.receive_into = broken
    parting.see_off(link)
    parting.look()
    assert link.closed
