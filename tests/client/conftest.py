"""A server that says what a test has it say."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from ftptls.client import UserPI, Wire

PATIENCE = 10


class Script:
    """A server that follows a function, in a thread, for one connection.

    Args:
        act: Called with the connection.
    """

    def __init__(self, act: Callable[[socket.socket], None]) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE)
        self.port = int(self._listener.getsockname()[1])
        self.received = b""
        self._act = act
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            connection.settimeout(PATIENCE)
            self._act(connection)
            connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65536):
                self.received += piece

    def stop(self) -> None:
        self._thread.join(PATIENCE)
        self._listener.close()
        assert not self._thread.is_alive()


@pytest.fixture
def says() -> Iterator[Callable[..., UserPI]]:
    """A client of a server that greets, and answers each line it gets with the next text."""
    scripts: list[Script] = []
    clients: list[UserPI] = []

    def start(*texts: bytes) -> UserPI:
        def act(connection: socket.socket) -> None:
            connection.sendall(b"220 Ready.\r\n")
            for text in texts:
                script.received += connection.recv(65536)
                connection.sendall(text)

        script = Script(act)
        scripts.append(script)
        client = UserPI(Wire.connect("127.0.0.1", script.port, PATIENCE))
        client.script = script
        clients.append(client)
        client.expect(220)
        return client

    yield start
    for client in clients:
        client.close()
    for script in scripts:
        script.stop()
