"""Dialogues with a server that does nothing but what it must: blocking, for one client, no rights.

Its client is another process; CPU seconds are those of this one.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path

_FORK = multiprocessing.get_context("fork")
_LINE = b"200 Yes.\r\n"
Address = tuple[str, int]


def answered(number: int, context: ssl.SSLContext, trusting: ssl.SSLContext) -> float:
    """One line and its reply over TLS.

    Args:
        number: How many to take.
        context: The server's.
        trusting: The client's.
    """

    def ask(address: Address) -> None:
        with (
            socket.create_connection(address) as clear,
            trusting.wrap_socket(clear, server_hostname="localhost") as connected,
        ):
            for _ in range(number):
                connected.sendall(b"NOOP\r\n")
                connected.recv(1024)

    def answer(clear: socket.socket) -> float:
        with context.wrap_socket(clear, server_side=True) as connected:
            began = time.thread_time()
            for _ in range(number):
                connected.recv(1024)
                connected.sendall(_LINE)
            return time.thread_time() - began

    return _served(ask, answer) / number


def fetched(number: int, small: Path) -> float:
    """PASV, RETR of a small file in clear, and its data connection.

    Args:
        number: How many to take.
        small: The file.
    """

    def ask(address: Address) -> None:
        with socket.create_connection(address) as connected:
            for _ in range(number):
                connected.sendall(b"PASV\r\n")
                port = int(connected.recv(1024))
                with socket.create_connection((address[0], port)) as data:
                    connected.sendall(b"RETR small\r\n")
                    while data.recv(4096):
                        pass
                while not connected.recv(1024).endswith(b"226\r\n"):
                    pass

    def answer(connected: socket.socket) -> float:
        began = time.thread_time()
        for _ in range(number):
            connected.recv(1024)
            with socket.create_server(("127.0.0.1", 0)) as listening:
                connected.sendall(b"%d\r\n" % listening.getsockname()[1])
                data, _ = listening.accept()
            with data, small.open("rb", buffering=0) as source:
                connected.recv(1024)
                connected.sendall(b"150\r\n")
                os.sendfile(data.fileno(), source.fileno(), 0, 1024)
            connected.sendall(b"226\r\n")
        return time.thread_time() - began

    return _served(ask, answer) / number


def _served(ask: Callable[[Address], None], answer: Callable[[socket.socket], float]) -> float:
    """What ``answer`` tells, while another process asks."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = _FORK.Process(target=ask, args=(listening.getsockname(),))
        client.start()
        connected, _ = listening.accept()
        with connected:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            took = answer(connected)
        client.join()
    return took
