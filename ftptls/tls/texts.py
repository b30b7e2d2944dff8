"""What OpenSSL calls for one command and one reply, each a record.

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

    def open_record(self, connection: SSL.Connection, record: bytes) -> bytes:
        """See :class:`Texts`."""
        connection.bio_write(record)
        return connection.recv(_RECORD)

    def seal(self, connection: SSL.Connection, text: bytes) -> bytes:
        """See :class:`Texts`."""
        while text:
            text = text[connection.send(text) :]
        sealed = part = connection.bio_read(_ROOM)
        while len(part) == _ROOM:  # much was due before
            try:
                part = connection.bio_read(_ROOM)
            except SSL.WantReadError:
                break
            sealed += part
        return sealed


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
        self._ssl_read, self._ssl_write = library.SSL_read, library.SSL_write
        self._bio_read, self._bio_write = library.BIO_read, library.BIO_write
        self._raise = SSL.Connection._raise_ssl_error

    def open_record(self, connection: SSL.Connection, record: bytes) -> bytes:
        """See :class:`Texts`."""
        ssl = connection._ssl
        start, octets = self._memory.room
        if self._bio_write(connection._into_ssl, record, len(record)) != len(record):
            raise MemoryError
        count: int = self._ssl_read(ssl, start, _RECORD)
        if count <= 0:
            self._raise(connection, ssl, count)
            return b""
        text: bytes = octets[:count]
        return text

    def seal(self, connection: SSL.Connection, text: bytes) -> bytes:
        """See :class:`Texts`."""
        ssl, out = connection._ssl, connection._from_ssl
        start, octets = self._memory.room
        while (written := self._ssl_write(ssl, text, len(text))) != len(text):
            if written <= 0:
                self._raise(connection, ssl, written)
            text = text[written:]
        sealed = b""
        while (count := self._bio_read(out, start, _ROOM)) > 0:
            sealed += octets[:count]
            if count < _ROOM:
                break
        return sealed


def best_texts() -> Texts:
    """The private ones, if they are there."""
    try:
        return PrivateTexts()
    except AttributeError:
        return PublicTexts()


TEXTS: Texts = best_texts()
