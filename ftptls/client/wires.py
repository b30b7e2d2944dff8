"""One connection as a client has it: blocking, with a bound on every wait, TLS up and down."""

from __future__ import annotations

import contextlib
import socket
import time
from types import TracebackType
from typing import Self

from OpenSSL import SSL

from ftptls.tls.contexts import session_reused
from ftptls.tls.stream import TLSError, TLSStream
from ftptls.tls.switch import Ended, Failed, Lowered, Raised, TLSSwitch

_PIECE = 65536
_CONTENT_TYPES = range(20, 24)


class ClientError(Exception):
    """The server cannot be talked to any further; the text says why."""


class SilenceError(ClientError):
    """The server did not answer in time."""


class HandshakeError(ClientError):
    """There is no TLS with this server, as it was offered; the text is OpenSSL's reason."""


class Closing:
    """What is closed at the end of a ``with``."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close without a word."""
        raise NotImplementedError


class Wire(Closing):
    """A connection to a server.

    Args:
        connected: The socket.
        patience: Seconds that each wait may take.

    Attributes:
        patience: The same.
        ended: Whether the other side ended TLS as it should.
    """

    def __init__(self, connected: socket.socket, patience: float) -> None:
        self._socket = connected
        self.patience = patience
        self._deadline = time.monotonic() + patience
        self._switch = TLSSwitch(self._send)
        self._stream: TLSStream | None = None
        self.ended = False

    @classmethod
    def connect(cls, host: str, port: int, patience: float) -> Wire:
        """Connect.

        Raises:
            ClientError: It does not come about.
        """
        try:
            connected = socket.create_connection((host, port), patience)
        except OSError as error:
            raise ClientError(f"cannot connect to {host} port {port}: {_words(error)}") from None
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return cls(connected, patience)

    @property
    def host(self) -> str:
        """The numeric address of the other side."""
        return str(self._socket.getpeername()[0])

    @property
    def tls(self) -> SSL.Connection | None:
        """OpenSSL's connection, while or once there is TLS."""
        return self._stream.connection if self._stream is not None else None

    @property
    def resumed(self) -> bool:
        """Whether TLS resumed an earlier session."""
        return self.tls is not None and session_reused(self.tls)

    def hurry(self, seconds: float | None = None) -> None:
        """Begin to wait anew, for so long."""
        self._deadline = time.monotonic() + (self.patience if seconds is None else seconds)

    # --- TLS -------------------------------------------------------------------------------

    def start_tls(
        self, context: SSL.Context, session: SSL.Session | None = None, name: str = ""
    ) -> None:
        """Shake hands as the client.

        Args:
            context: How; a session must be of the same one.
            session: What to resume.
            name: For SNI; empty for none, as an address is none.

        Raises:
            HandshakeError: It failed.
        """
        connection = SSL.Connection(context, None)
        connection.set_connect_state()
        if name:
            connection.set_tlsext_host_name(name.encode("idna"))
        if session is not None:
            connection.set_session(session)
        self._stream = TLSStream(connection, as_client=True)
        self._switch.raise_tls(self._stream)
        self.hurry()
        try:
            self._stream.handshake()
        except TLSError as error:
            raise HandshakeError(str(error)) from None
        self._send(self._stream.output())
        self._await_raised()

    def _await_raised(self) -> None:
        first = True
        while True:
            event = self._switch.next_event()
            if isinstance(event, Raised):
                return
            if isinstance(event, Failed):
                raise HandshakeError(event.reason)
            data = self._receive()
            if not data:
                raise HandshakeError("the server closed the connection")
            if first and data[0] not in _CONTENT_TYPES:
                raise HandshakeError("the server answers in clear text")
            first = False
            self._switch.feed(data)

    def renegotiate(self) -> bool:
        """Shake hands again on the same connection, as TLS 1.2 could; whether the server does.

        Raises:
            ClientError: There is no answer.
        """
        stream = self._stream
        if stream is None:
            return False
        stream.connection.renegotiate()
        with contextlib.suppress(SSL.WantReadError):
            stream.connection.do_handshake()
        self._send(stream.output())
        self.hurry()
        while stream.connection.renegotiate_pending():
            data = self._receive()
            if not data:
                return False
            self._switch.feed(data)
            if isinstance(self._switch.next_event(), Failed):
                return False
        return True

    def lower_tls(self) -> None:
        """Close TLS, and go on in clear text behind the server's close_notify (RFC 4217 §5).

        Raises:
            ClientError: The server did not close it.
        """
        self.hurry()
        self._switch.lower_tls()
        self._switch.say_close()
        while not isinstance(event := self._switch.next_event(), Lowered):
            if isinstance(event, Failed):
                raise ClientError(f"TLS failed: {event.reason}")
            data = self._receive()
            if not data:
                raise ClientError("the server closed the connection in place of TLS")
            self._switch.feed(data)

    # --- octets ----------------------------------------------------------------------------

    @property
    def pending(self) -> int:
        """Octets that arrived and were not read yet."""
        return len(self._switch.received)

    def read(self) -> bytes:
        """What arrives next; empty at the end.

        Raises:
            ClientError: The connection broke, or nothing came in time.
        """
        while True:
            event = self._switch.next_event()
            if isinstance(event, bytes):
                return event
            if isinstance(event, Ended):
                self.ended = True
                return b""
            if isinstance(event, Failed):
                raise ClientError(f"TLS failed: {event.reason}")
            data = self._receive()
            if not data:
                return b""
            self._switch.feed(data)

    def write(self, data: bytes) -> None:
        """Send, protected if TLS is up."""
        for start in range(0, len(data), _PIECE):
            self._switch.write(data[start : start + _PIECE])

    def finish(self) -> None:
        """Nothing more will be written: close_notify under TLS, then FIN."""
        self._switch.close()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close without a word."""
        self._socket.close()

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise SilenceError("the server did not answer in time")
        return left

    def _receive(self) -> bytes:
        left = self._left()
        try:
            self._socket.settimeout(left)
            return self._socket.recv(_PIECE)
        except TimeoutError:
            raise SilenceError("the server did not answer in time") from None
        except OSError as error:
            raise ClientError(f"the connection broke: {_words(error)}") from None

    def _send(self, data: bytes) -> None:
        left = self._left()
        try:
            self._socket.settimeout(left)
            self._socket.sendall(data)
        except TimeoutError:
            raise ClientError("the server does not take what is sent") from None
        except OSError as error:
            raise ClientError(f"the connection broke: {_words(error)}") from None


def _words(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__
