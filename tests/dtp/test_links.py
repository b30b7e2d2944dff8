"""A link leaves no more to the kernel than its client takes soon."""

# ruff: noqa: N802 - names that Twisted imposes

from __future__ import annotations

import fcntl
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from twisted.internet.interfaces import IReactorFDSet
from twisted.internet.task import Clock
from zope.interface import alsoProvides

from ftptls.dtp.links import SocketLink

_KIB = 1024
_SIOCOUTQNSD = 0x894B  # what is in the kernel, and not sent yet


class Watching(Clock):
    """A reactor that knows who waits for room, and the time."""

    def __init__(self) -> None:
        super().__init__()
        alsoProvides(self, IReactorFDSet)
        self.writers: set[Any] = set()

    def addWriter(self, writer: Any) -> None:
        self.writers.add(writer)

    def removeWriter(self, writer: Any) -> None:
        self.writers.discard(writer)

    def removeReader(self, reader: Any) -> None:
        pass


class Sending:
    """A link, and a client that takes what it is told to take."""

    def __init__(self) -> None:
        self._reactor = Watching()
        with socket.create_server(("127.0.0.1", 0)) as server:
            self._client = socket.socket()
            self._client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * _KIB)
            self._client.connect(server.getsockname())
            self._socket, _ = server.accept()
        self._socket.setblocking(False)
        self._link = SocketLink(self._reactor, self._socket)

    def fill(self) -> int:
        """Send until there is no room; KiB that wait in the kernel then."""
        with suppress(BlockingIOError):
            while True:
                self._link.send(memoryview(bytes(256 * _KIB)))
        (unsent,) = struct.unpack("i", fcntl.ioctl(self._socket, _SIOCOUTQNSD, bytes(4)))
        return int(unsent) // _KIB

    def wait(self, seconds: float) -> None:
        """Until the client has taken everything, which takes so long."""
        waiting = self._link.wait_writable()
        self._client.settimeout(0.3)
        with suppress(TimeoutError):
            while True:
                self._client.recv(1024 * _KIB)
        self._reactor.advance(seconds)
        (writer,) = self._reactor.writers
        writer.doWrite()
        assert waiting.called
        assert not self._reactor.writers

    def close(self) -> None:
        self._link.close()
        self._client.close()


@pytest.fixture
def sending() -> Iterator[Sending]:
    made = Sending()
    yield made
    made.close()


def test_a_client_that_takes_nothing_is_given_little(sending: Sending) -> None:
    assert 0 < sending.fill() <= 256


def test_who_takes_it_at_once_is_given_more_each_time(sending: Sending) -> None:
    sending.fill()
    sending.wait(0.01)
    assert 256 < sending.fill() <= 512
    sending.wait(0.01)
    assert 512 < sending.fill() <= 1024


def test_who_takes_his_time_is_given_little_again(sending: Sending) -> None:
    for _ in range(2):
        sending.fill()
        sending.wait(0.01)
    sending.fill()
    sending.wait(1)
    assert 0 < sending.fill() <= 256
