"""A certificate, and the client's end of a stream over memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from OpenSSL import SSL
from twisted.logger import formatEvent, globalLogPublisher

from ftptls.testing.certificates import Authority
from ftptls.tls.contexts import ServerContext, session_reused

NOTHING = memoryview(b"")


class Peer:
    """A TLS client over memory."""

    def __init__(self, context: SSL.Context, session: SSL.Session | None = None) -> None:
        self.connection = SSL.Connection(context, None)
        self.connection.set_connect_state()
        if session is not None:
            self.connection.set_session(session)
        self.received = bytearray()
        self.notified = False
        self.failure = ""
        self.established = False

    def output(self) -> bytes:
        """What it has to say."""
        pieces = []
        while True:
            try:
                pieces.append(self.connection.bio_read(1 << 16))
            except SSL.WantReadError:
                return b"".join(pieces)

    def take(self, data: bytes) -> None:
        """Octets from the server."""
        if data:
            self.connection.bio_write(data)
        try:
            if not self.established:
                self.connection.do_handshake()
                self.established = True
            while True:
                self.received += self.connection.recv(1 << 16)
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self.notified = True
        except SSL.Error as error:
            self.failure = str(error)

    def send(self, data: bytes) -> bytes:
        """The records of some plaintext."""
        for start in range(0, len(data), 16384):
            self.connection.send(data[start : start + 16384])
        return self.output()

    def close(self) -> bytes:
        """Its close_notify."""
        self.connection.shutdown()
        return self.output()

    @property
    def session(self) -> SSL.Session | None:
        return self.connection.get_session()

    @property
    def resumed(self) -> bool:
        return session_reused(self.connection)


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="session")
def server(authority: Authority) -> ServerContext:
    return authority.server_context()


@pytest.fixture(params=[SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION], ids=["1.2", "1.3"])
def version(request: pytest.FixtureRequest) -> int:
    return request.param


@pytest.fixture
def client_context(authority: Authority, version: int) -> SSL.Context:
    return authority.client_context(version)


@pytest.fixture
def peer(client_context: SSL.Context) -> Peer:
    return Peer(client_context)


@pytest.fixture
def recorded() -> Iterator[list[str]]:
    """What is logged, a text for each event."""
    texts: list[str] = []

    def note(event: dict[str, Any]) -> None:
        texts.append(formatEvent(event))

    globalLogPublisher.addObserver(note)
    yield texts
    globalLogPublisher.removeObserver(note)
