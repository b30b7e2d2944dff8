"""A flood of logins, whose passwords take long to verify, at a server that has work to do."""

from __future__ import annotations

import secrets
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import bcrypt
import pytest

from tests.interop.clients import fetch, ftp, store, trusting
from tests.interop.conftest import StartServer
from tests.interop.server import Server

USERS = 90
DATA = secrets.token_bytes(3_000_000)


@pytest.fixture(scope="module")
def users(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A password file in which each hash takes about a second."""
    stored = bcrypt.hashpw(b"builder", bcrypt.gensalt(14)).decode()
    file = tmp_path_factory.mktemp("users") / "users"
    file.write_text("".join(f"user{number}:{stored}\n" for number in range(USERS)))
    return file


class Stranger:
    """A client that says PASS, and waits.

    Args:
        server: Whom it speaks to.
        number: Of its name, and of its address.
    """

    def __init__(self, server: Server, number: int) -> None:
        source = (f"127.0.2.{number + 1}", 0)
        plain = socket.create_connection(("127.0.0.1", server.port("implicit")), 60, source)
        self._socket = trusting(server, "1.3").wrap_socket(plain, server_hostname="localhost")
        assert self._answer().startswith(b"220 ")
        self._socket.sendall(f"USER user{number}\r\n".encode())
        assert self._answer().startswith(b"331 ")
        self._socket.sendall(b"PASS wrong\r\n")

    def _answer(self) -> bytes:
        return self._socket.recv(1000)

    def answer_now(self) -> bytes:
        """What it was told so far; nothing if it waits."""
        self._socket.setblocking(False)
        try:
            return self._answer()
        except ssl.SSLWantReadError:
            return b""

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def flood(start_server: StartServer, users: Path) -> Iterator[tuple[Server, list[Stranger]]]:
    server = start_server(flags=[f"--auth=htpasswd:{users}"])
    with ExitStack() as stack:
        strangers = []
        for number in range(USERS):
            strangers.append(Stranger(server, number))
            stack.callback(strangers[-1].close)
        yield server, strangers


def test_a_flood_of_logins_stops_no_transfer(flood: tuple[Server, list[Stranger]]) -> None:
    server, strangers = flood
    with ftp(server) as client:  # whose password is not in the file
        store(client, "data", DATA)
        assert fetch(client, "data") == DATA
    answers = [each.answer_now() for each in strangers]
    refused = [each for each in answers if each.startswith(b"421 Too many logins at once")]
    waiting = [each for each in answers if not each]
    assert refused
    assert waiting
    assert len(refused) + len(waiting) + answers.count(b"530 Login incorrect.\r\n") == USERS
    server.stop()  # which waits for the hash that is worked on, not for the queue
