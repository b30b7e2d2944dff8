"""What OpenSSL calls for a step of the handshake, and for one command and one reply, each a record.

For so few octets, pyOpenSSL's public calls work longer than OpenSSL. These ones do the same in
one piece of memory for each thread. They need what pyOpenSSL keeps private; where that is missing,
the public calls take their place.
"""

from __future__ import annotations

import threading
from typing import Any, Protocol

from OpenSSL import SSL

# The longest plaintext of a record (RFC 8446 §5.1), and room for what protects it.
_RECORD = 16384
_ROOM = _RECORD + 8192


class Texts(Protocol):
    """One way to make these calls."""

    def shake(self, connection: SSL.Connection, received: bytes) -> bool:
        """Go on with the handshake, as far as what was received allows; whether it is complete.

        Args:
            connection: The one that shakes hands.
            received: What it was not given yet.

        Raises:
            SSL.Error: It failed.
        """

    def due(self, connection: SSL.Connection) -> bytes:
        """All that is to be sent now; mostly it is little."""

    def open_record(self, connection: SSL.Connection, record: bytes) -> bytes:
        """The plaintext of one whole record.

        Raises:
            SSL.WantReadError: It held no data.
            SSL.ZeroReturnError: It is the end of the data.
            SSL.Error: It is not of this stream.
        """

    def seal(self, connection: SSL.Connection, text: bytes) -> bytes:
        """All that is to be sent once ``text`` is protected.

        Args:
            connection: Of which the handshake is complete.
            text: Not empty; as long as it may be, but short is what this is for.

        Raises:
            SSL.Error: The stream failed before.
        """


class PublicTexts:
    """By what pyOpenSSL promises."""

    def shake(self, connection: SSL.Connection, received: bytes) -> bool:
        """See :class:`Texts`."""
        if received:
            connection.bio_write(received)
        try:
            connection.do_handshake()
        except SSL.WantReadError:
            return False
        return True

    def due(self, connection: SSL.Connection) -> bytes:
        """See :class:`Texts`."""
        pieces: list[bytes] = []
        while not pieces or len(pieces[-1]) == _ROOM:
            try:
                pieces.append(connection.bio_read(_ROOM))
            except SSL.WantReadError:
                break
        return b"".join(pieces)

    def open_record(self, connection: SSL.Connection, record: bytes) -> bytes:
        """See :class:`Texts`."""
        connection.bio_write(record)
        return connection.recv(_RECORD)

    def seal(self, connection: SSL.Connection, text: bytes) -> bytes:
        """See :class:`Texts`."""
        while text:
            text = text[connection.send(text) :]
        return self.due(connection)


class _Memory(threading.local):
    """Octets that OpenSSL fills: where they are in C, and the same for Python."""

    def __init__(self, foreign: Any) -> None:
        start = foreign.new(f"char[{_ROOM}]")
        self.room = (start, foreign.buffer(start))


class PrivateTexts:
    """By the library that pyOpenSSL calls itself; each call releases the GIL, as its own do.

    Raises:
        AttributeError: This pyOpenSSL has it by other names.
    """

    def __init__(self) -> None:
        library, foreign = SSL._lib, SSL._ffi  # type: ignore[attr-defined]
        self._memory = _Memory(foreign)
        self._ssl_do_handshake, self._ssl_get_error = (
            library.SSL_do_handshake,
            library.SSL_get_error,
        )
        self._want_read = library.SSL_ERROR_WANT_READ
        self._ssl_read, self._ssl_write = library.SSL_read, library.SSL_write
        self._bio_read, self._bio_write = library.BIO_read, library.BIO_write
        self._raise = SSL.Connection._raise_ssl_error

    def _put(self, connection: SSL.Connection, received: bytes) -> None:
        if self._bio_write(connection._into_ssl, received, len(received)) != len(received):
            raise MemoryError

    def shake(self, connection: SSL.Connection, received: bytes) -> bool:
        """See :class:`Texts`."""
        if received:
            self._put(connection, received)
        ssl = connection._ssl
        result: int = self._ssl_do_handshake(ssl)
        if result == 1:
            return True
        if self._ssl_get_error(ssl, result) != self._want_read:
            self._raise(connection, ssl, result)
        return False

    def due(self, connection: SSL.Connection) -> bytes:
        """See :class:`Texts`."""
        start, octets = self._memory.room
        count: int = self._bio_read(connection._from_ssl, start, _ROOM)
        if count <= 0:
            return b""
        due: bytes = octets[:count]
        return due if count < _ROOM else due + self.due(connection)

    def open_record(self, connection: SSL.Connection, record: bytes) -> bytes:
        """See :class:`Texts`."""
        self._put(connection, record)
        ssl = connection._ssl
        start, octets = self._memory.room
        count: int = self._ssl_read(ssl, start, _RECORD)
        if count <= 0:
            self._raise(connection, ssl, count)
            return b""
        text: bytes = octets[:count]
        return text

    def seal(self, connection: SSL.Connection, text: bytes) -> bytes:
        """See :class:`Texts`."""
        ssl = connection._ssl
        while (written := self._ssl_write(ssl, text, len(text))) != len(text):
            if written <= 0:
                self._raise(connection, ssl, written)
            text = text[written:]
        return self.due(connection)


def best_texts() -> Texts:
    """The private ones, if they are there."""
    try:
        return PrivateTexts()
    except AttributeError:
        return PublicTexts()


TEXTS: Texts = best_texts()
