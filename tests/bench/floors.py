"""What no server can go below on this machine: OpenSSL and the kernel alone, without any FTP.

Each figure is CPU seconds of the one thread that does what a server would have to; the other end
of a connection is another thread, whose time does not count.
"""

from __future__ import annotations

import os
import socket
import ssl
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import GCM
from OpenSSL import SSL

from ftptls.testing.certificates import Authority, KeyKind
from tests.bench import bare
from tests.bench.subjects import GIB, Content

_PIECE = 256 * 1024
_HANDSHAKES = 50
_DIALOGUES = 300


class Floors:
    """Takes each figure as often as there are rounds.

    Args:
        content: What is sent, and where is written to.
    """

    def __init__(self, content: Content) -> None:
        self._content = content
        self._authority = Authority()
        full, resumed = self._handshake, partial(self._handshake, resumed=True)
        rsa, ec = KeyKind.RSA, KeyKind.EC
        self._figures: dict[str, Callable[[], float]] = {
            "download, TLS": lambda: self._seal() + self._moved(_send),
            "upload, TLS": lambda: self._seal() + self._moved(_receive),
            "download, clear": lambda: self._moved(_sendfile),
            "upload, clear": lambda: self._moved(_receive),
            "login, RSA-2048": partial(full, rsa),
            "login, P-256": partial(full, ec),
            "1 KiB, full handshake": partial(full, rsa),
            "1 KiB, resumed": partial(resumed, rsa),
            "1 KiB, clear": lambda: bare.fetched(_DIALOGUES, content.folder / "small"),
            "NOOP, TLS": self._noop,
        }
        self._taken: dict[str, list[float]] = {}

    def take(self, row: str) -> None:
        """Measure what this row has, if anything."""
        if row in self._figures:
            self._taken.setdefault(row, []).append(self._figures[row]())

    def of(self, row: str) -> float | None:
        """The median, in CPU seconds; of a GiB where something is moved."""
        return statistics.median(self._taken[row]) if row in self._taken else None

    def _seal(self) -> float:
        """AES-128-GCM of a GiB; to open it takes as long."""
        cipher = Cipher(AES(os.urandom(16)), GCM(os.urandom(12))).encryptor()
        piece, into = os.urandom(_PIECE), bytearray(_PIECE + 16)
        pieces = 400
        began = time.thread_time()
        for _ in range(pieces):
            cipher.update_into(piece, into)
        return (time.thread_time() - began) * GIB / (pieces * _PIECE)

    def _moved(self, ours: Callable[[socket.socket, Path], float]) -> float:
        """A GiB through the loopback, by the one end that is ours."""
        large = self._content.folder / "large"
        theirs = _drain if ours is not _receive else partial(_fill, large.stat().st_size)
        with socket.create_server(("127.0.0.1", 0)) as listening:
            other = threading.Thread(target=theirs, args=[listening.getsockname()])
            other.start()
            connected, _ = listening.accept()
            with connected:
                took = ours(connected, large)
            other.join()
        return took * GIB / large.stat().st_size

    def _noop(self) -> float:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as folder:
            written = self._authority.write(folder, KeyKind.RSA)
            context.load_cert_chain(written.certificate, written.key)
            trusting = ssl.create_default_context(cafile=written.root)
        return bare.answered(_DIALOGUES, context, trusting)

    def _handshake(self, kind: KeyKind, *, resumed: bool = False) -> float:
        """One of TLS 1.3 in memory, of the server's end."""
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_session_id(b"floor")
        pair = self._authority.server(kind)
        pair.use_in(context)
        client = ssl.create_default_context(cadata=self._authority.root.certificate_pem.decode())
        session = _shaken(context, client, None)[1] if resumed else None
        return statistics.median(_shaken(context, client, session)[0] for _ in range(_HANDSHAKES))


def _shaken(
    context: SSL.Context, trusting: ssl.SSLContext, session: ssl.SSLSession | None
) -> tuple[float, ssl.SSLSession | None]:
    """CPU seconds of the server's end, and the client's session afterwards."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting.wrap_bio(incoming, outgoing, server_hostname="localhost", session=session)
    server = SSL.Connection(context, None)
    server.set_accept_state()
    took = 0.0
    for _ in range(3):
        with suppress(ssl.SSLWantReadError):
            client.do_handshake()
            client.read(1)  # the tickets
        began = time.thread_time()
        if outgoing.pending:
            server.bio_write(outgoing.read())
        with suppress(SSL.WantReadError):
            server.do_handshake()
        with suppress(SSL.WantReadError):
            incoming.write(server.bio_read(_PIECE))
        took += time.thread_time() - began
    assert client.session_reused == (session is not None)
    return took, client.session


def _send(connected: socket.socket, large: Path) -> float:
    piece = memoryview(large.read_bytes())
    began = time.thread_time()
    while piece:
        piece = piece[connected.send(piece[:_PIECE]) :]
    return time.thread_time() - began


def _sendfile(connected: socket.socket, large: Path) -> float:
    with large.open("rb") as source:
        began, at = time.thread_time(), 0
        while sent := os.sendfile(connected.fileno(), source.fileno(), at, 2**20):
            at += sent
        return time.thread_time() - began


def _receive(connected: socket.socket, large: Path) -> float:
    """Into a file, which is in memory until the disk has it."""
    target, buffer = large.with_name("floor"), memoryview(bytearray(_PIECE))
    with target.open("wb", buffering=0) as written:
        began = time.thread_time()
        while got := connected.recv_into(buffer):
            written.write(buffer[:got])
        took = time.thread_time() - began
    target.unlink()
    return took


def _drain(address: tuple[str, int]) -> None:
    buffer = bytearray(_PIECE)
    with socket.create_connection(address) as connected:
        while connected.recv_into(buffer):
            pass


def _fill(octets: int, address: tuple[str, int]) -> None:
    piece = bytes(_PIECE)
    with socket.create_connection(address) as connected:
        while octets > 0:
            octets -= connected.send(piece[: min(octets, _PIECE)])
