"""What OpenSSL calls, on memory of the caller's.

pyOpenSSL's public calls take new memory for every piece and copy it once or twice more. New
memory of this size comes from the kernel each time, page by page: that costs more than the
encryption. These calls fill memory that is there already. Like those for short texts, they need
what pyOpenSSL keeps private; where that is missing, the public calls do the same.
"""

from __future__ import annotations

from typing import Any, Protocol

from OpenSSL import SSL

_RECORD = 16384


class Calls(Protocol):
    """One way to make these calls."""

    def decrypt(
        self, connection: SSL.Connection, records: memoryview, buffer: memoryview
    ) -> tuple[int, bool]:
        """Plaintext of ``records`` and what came before them, as much as there is or has room.

        What has no room is kept; nothing of OpenSSL looks at ``records`` afterwards.

        Returns:
            The number of octets, and whether it is known that there will be no more.

        Raises:
            SSL.Error: They are not of this stream.
        """

    def output_into(self, connection: SSL.Connection, buffer: memoryview) -> int:
        """What is to be sent, as much as there is or has room; the number of octets, perhaps 0."""


class PublicCalls:
    """By what pyOpenSSL promises."""

    def _read_into(self, connection: SSL.Connection, buffer: memoryview) -> tuple[int, bool]:
        filled = 0
        try:
            while filled < len(buffer):
                filled += connection.recv_into(buffer[filled : filled + _RECORD])
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            return filled, True
        return filled, False

    def output_into(self, connection: SSL.Connection, buffer: memoryview) -> int:
        """See :class:`Calls`."""
        try:
            data = connection.bio_read(len(buffer))
        except SSL.WantReadError:
            return 0
        buffer[: len(data)] = data
        return len(data)

    def decrypt(
        self, connection: SSL.Connection, records: memoryview, buffer: memoryview
    ) -> tuple[int, bool]:
        """See :class:`Calls`."""
        while records:
            records = records[connection.bio_write(records) :]
        return self._read_into(connection, buffer)


class PrivateCalls(PublicCalls):
    """By the library that pyOpenSSL calls itself; each call releases the GIL, as its own do.

    Raises:
        AttributeError: This pyOpenSSL has it by other names.
    """

    def __init__(self) -> None:
        library, foreign = SSL._lib, SSL._ffi  # type: ignore[attr-defined]
        self._at = foreign.from_buffer
        self._ssl_read, self._bio_read = library.SSL_read, library.BIO_read
        self._why, self._nothing_yet = library.SSL_get_error, library.SSL_ERROR_WANT_READ
        self._no_more = library.SSL_ERROR_ZERO_RETURN
        self._bio_write, self._bio_data = library.BIO_write, library.BIO_get_mem_data
        self._set_bio, self._new_over = library.SSL_set_bio, library.BIO_new_mem_buf
        self._new_bio, self._in_memory = library.BIO_new, library.BIO_s_mem()
        self._say_more_comes = library.BIO_set_mem_eof_return
        self._pointer, self._nowhere = foreign.new, foreign.NULL
        self._raise = SSL.Connection._raise_ssl_error

    def _read_into(self, connection: SSL.Connection, buffer: memoryview) -> tuple[int, bool]:
        ssl, read, left = connection._ssl, self._ssl_read, len(buffer)
        with self._at(buffer, require_writable=True) as at:
            while left:  # OpenSSL gives one record at a time
                count: int = read(ssl, at, left)
                if count <= 0:
                    return len(buffer) - left, self._is_end(connection, count)
                at += count
                left -= count
        return len(buffer), False

    def _is_end(self, connection: SSL.Connection, result: int) -> bool:
        """Whether a read gave nothing because there will be no more."""
        why = self._why(connection._ssl, result)
        if why not in (self._nothing_yet, self._no_more):
            self._raise(connection, connection._ssl, result)
        return bool(why == self._no_more)

    def output_into(self, connection: SSL.Connection, buffer: memoryview) -> int:
        """See :class:`Calls`."""
        with self._at(buffer, require_writable=True) as start:
            count: int = self._bio_read(connection._from_ssl, start, len(buffer))
        return max(0, count)

    def decrypt(
        self, connection: SSL.Connection, records: memoryview, buffer: memoryview
    ) -> tuple[int, bool]:
        """See :class:`Calls`; OpenSSL reads from ``records`` itself."""
        if self._bio_data(connection._into_ssl, self._nowhere):  # these come first
            return super().decrypt(connection, records, buffer)
        with self._at(records) as start:
            lent, own = self._new_over(start, len(records)), self._new_bio(self._in_memory)
            if not lent or not own:
                raise MemoryError
            self._read_from(connection, lent)
            try:
                return self._read_into(connection, buffer)
            finally:
                self._keep_rest(lent, own)
                self._read_from(connection, own)

    def _keep_rest(self, lent: Any, own: Any) -> None:
        """Copy from one memory BIO to another what OpenSSL left of it."""
        rest = self._pointer("char **")
        if count := self._bio_data(lent, rest):
            self._bio_write(own, rest[0], count)

    def _read_from(self, connection: SSL.Connection, bio: Any) -> None:
        """Put one memory BIO in the place of another, which is freed."""
        self._say_more_comes(bio, -1)
        self._set_bio(connection._ssl, bio, connection._from_ssl)
        connection._into_ssl = bio


def best_calls() -> Calls:
    """The private ones, if they are there."""
    try:
        return PrivateCalls()
    except AttributeError:
        return PublicCalls()


CALLS: Calls = best_calls()
