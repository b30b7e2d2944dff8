"""One protected byte stream, over memory: bytes of records in, plaintext out, and back.

No socket and no reactor: control and data connections, on the reactor or on a worker,
feed it what they received and send what it wants to say.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from OpenSSL import SSL, crypto

from ftptls.tls import buffers, reasons, texts
from ftptls.tls.contexts import session_reused
from ftptls.tls.handshake import Handshake
from ftptls.wire.records import RecordEdges

T = TypeVar("T")

_RECORD = 16384
# What protection adds to a piece: 29 octets a record at the most, and a held ticket or two.
_MARGIN = 8192
# What is kept of what the client sends first: a ClientHello, even one with large key shares.
_FIRST = 16384
# So much in records may hold no data: more than any one record that is still on its way.
_MOST_IDLE = 32768


class TLSError(Exception):
    """TLS failed; the text is the cause and the remedy in words, with OpenSSL's reason."""


def _reason(error: SSL.Error) -> str:
    if error.args and isinstance(error.args[0], list) and error.args[0]:
        return "; ".join(str(entry[-1]) for entry in error.args[0])
    return str(error) or type(error).__name__


def room_for(size: int) -> int:
    """Octets that so much plaintext becomes at the most, and what was held back goes before it."""
    return size + size // 256 + _MARGIN


def verdict(connection: SSL.Connection) -> str:
    """What OpenSSL objects to in the other side's certificate; empty if it does not."""
    lib, ffi = SSL._lib, SSL._ffi  # type: ignore[attr-defined]  # no public name for it
    code: int = lib.SSL_get_verify_result(connection._ssl)
    text: bytes = ffi.string(lib.X509_verify_cert_error_string(code)) if code else b""
    return text.decode("ascii", "replace")


class TLSStream:
    """The server's side of one TLS connection.

    Under TLS 1.3 the session tickets follow the handshake at once. A client that only
    writes closes with them unread, its kernel answers with a reset and throws away what
    was still unsent of its data. With ``hold_tickets`` they go out in front of the next
    data or of the final close_notify. (Under TLS 1.2 the same output is the server's
    Finished, which never waits.)

    Args:
        connection: A new Connection over memory, in accept state.
        hold_tickets: Whether to hold tickets back, as data connections do.
        minimum: The oldest protocol version it takes, to tell why a handshake failed.
        as_client: Whether it is this server that is the TLS client.

    Attributes:
        as_client: The same.
        established: Whether the handshake is complete.
        ended: Whether the other side sent close_notify: its data is whole.
    """

    def __init__(
        self,
        connection: SSL.Connection,
        *,
        hold_tickets: bool = False,
        minimum: int = SSL.TLS1_2_VERSION,
        as_client: bool = False,
    ) -> None:
        notes = connection.get_app_data()
        self._notes = notes if isinstance(notes, Handshake) else None
        self._connection = connection
        self._minimum = minimum
        self.as_client = as_client
        self._first = b""
        self._hold = hold_tickets
        self._edges = RecordEdges()
        self._holding = False
        self._closed = False
        self._alert: bytes | None = None
        self._idle = 0
        self.established = False
        self.ended = False

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Take octets that were received."""
        view = memoryview(data)
        self._follow(view)
        while view:
            view = view[self._connection.bio_write(view) :]

    def _follow(self, view: memoryview) -> None:
        """Note where records end, what came first, and how much without data."""
        self._edges.feed(view)
        if not self.established:
            self._first += view[: max(0, _FIRST - len(self._first))]
        else:
            self._idle += len(view)

    @property
    def between_records(self) -> bool:
        """Whether what was fed so far ends where a record does."""
        return self._edges.at_edge

    def handshake(self, records: bytes = b"") -> bool:
        """Go on with the handshake, as far as what was fed allows.

        Args:
            records: More of it, from who looks himself where records end: whole ones.

        Returns:
            Whether it is complete now.

        Raises:
            TLSError: It failed; :meth:`output` then holds the alert.
        """
        if not self.established:
            self._first = (self._first + records)[:_FIRST]
            complete = self._guard(texts.TEXTS.shake, self._connection, records)
            self._heed_refusal()
            if not complete:
                return False
            self.established = True
            self._first = b""
            self._holding = self._hold and self.version == "TLSv1.3"
        return True

    def read(self) -> bytes:
        """The plaintext of everything fed so far; empty when there is none.

        Raises:
            TLSError: What was fed is not of this stream.
        """
        pieces: list[bytes] = []
        while not self.ended:
            try:
                pieces.append(self._guard(self._connection.recv, _RECORD))
            except SSL.WantReadError:
                break
            except SSL.ZeroReturnError:
                self.ended = True
        self._bound_idleness(len(pieces))
        return b"".join(pieces)

    def open_record(self, record: bytes) -> bytes:
        """:meth:`feed` and :meth:`read` in one, behind the handshake: of exactly one record.

        Raises:
            TLSError: It is not of this stream.
        """
        if self.ended:
            return b""
        try:
            data = texts.TEXTS.open_record(self._connection, record)
        except SSL.WantReadError:
            data = b""
        except SSL.ZeroReturnError:
            self.ended, data = True, b""
        except SSL.Error as error:
            raise self._failure(error) from None
        if data:
            self._idle = 0
        else:
            self._idle += len(record)
            self._bound_idleness(0)
        return data

    def decrypt(self, records: memoryview, buffer: memoryview) -> int:
        """:meth:`feed` and :meth:`read` in one, from memory to memory, without other copies.

        Args:
            records: What was received.
            buffer: What has no room there is to be had by the next call.

        Returns:
            How many octets ``buffer`` holds now.

        Raises:
            TLSError: What was fed is not of this stream.
        """
        self._follow(records)
        if self.ended:
            return 0
        filled, self.ended = self._guard(buffers.CALLS.decrypt, self._connection, records, buffer)
        self._bound_idleness(filled)
        return filled

    def write(self, data: bytes | memoryview) -> None:
        """Protect ``data``; :meth:`output` then holds its records."""
        self._holding = False
        view = memoryview(data)
        while view:
            view = view[self._guard(self._connection.send, view) :]

    def seal(self, text: bytes) -> bytes:
        """:meth:`write` and :meth:`output` in one, behind the handshake: for a short text.

        Raises:
            TLSError: The stream failed before.
        """
        self._holding = False
        if not text:
            return self.output()
        try:
            return texts.TEXTS.seal(self._connection, text)
        except SSL.Error as error:
            raise self._failure(error) from None

    def close(self) -> None:
        """Say close_notify, once; :meth:`output` then holds it."""
        self._holding = False
        if self.established and not self._closed:
            self._closed = True
            self._guard(self._connection.shutdown)

    def output(self) -> bytes:
        """What is to be sent now."""
        if self._holding:
            return b""
        if self._alert is not None:
            alert, self._alert = self._alert, b""
            return alert
        return texts.TEXTS.due(self._connection)

    def output_into(self, buffer: memoryview) -> int:
        """Like :meth:`output`, behind the handshake; where ``buffer`` is full, there may be more.

        Args:
            buffer: At least as long as :func:`room_for` what was just written.

        Returns:
            How many octets it holds now.
        """
        if self._holding:
            return 0
        return buffers.CALLS.output_into(self._connection, buffer)

    @property
    def connection(self) -> SSL.Connection:
        """OpenSSL's own, for questions that are not asked here."""
        return self._connection

    @property
    def version(self) -> str:
        """The protocol in use, such as ``TLSv1.3``."""
        return self._connection.get_protocol_version_name()

    @property
    def cipher(self) -> str:
        """The name of the cipher suite in use."""
        return self._connection.get_cipher_name() or ""

    @property
    def resumed(self) -> bool:
        """Whether it resumed a session of its control connection."""
        return session_reused(self._connection)

    @property
    def server_name(self) -> str:
        """SNI, as sent; empty without."""
        if self._notes is not None:  # it takes longer to ask OpenSSL
            return self._notes.server_name
        return (self._connection.get_servername() or b"").decode("ascii", "replace")

    @property
    def protocol(self) -> str:
        """What ALPN chose; empty without."""
        if self._notes is not None:
            return self._notes.protocol
        return self._connection.get_alpn_proto_negotiated().decode("ascii", "replace")

    @property
    def peer_certificate(self) -> bytes:
        """The client's certificate in DER, as this session knows it; empty without one."""
        certificate = self._connection.get_peer_certificate()
        # Not parsed: cryptography takes less than OpenSSL does.
        return crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate) if certificate else b""

    def explain(self, reason: str, *, implicit: bool = False) -> str:
        """The cause of a failure in words, and the remedy.

        Args:
            reason: OpenSSL's, or one of :mod:`ftptls.tls.reasons`.
            implicit: Whether TLS was to start with the connection.
        """
        if self.as_client:
            return reason
        found = verdict(self._connection)
        minimum = self._notes.session.protocols.minimum if self._notes else self._minimum
        known = reasons.Known(self._first, minimum, found, implicit)
        return reasons.explain(reason, known)

    def _guard(self, call: Callable[..., T], *args: object) -> T:
        """Call OpenSSL; a failure ends the stream, and its alert goes out at once."""
        try:
            return call(*args)
        except (SSL.WantReadError, SSL.ZeroReturnError):
            raise
        except SSL.Error as error:
            raise self._failure(error) from None

    def _failure(self, error: SSL.Error) -> TLSError:
        """What OpenSSL's is to the caller; the stream ends by it.

        Raises:
            TLSError: A callback refused before, so that OpenSSL's is not what counts.
        """
        self._holding = False
        self._closed = True
        self._heed_refusal()
        return TLSError(self._told(_reason(error)))

    def _told(self, reason: str) -> str:
        """Why OpenSSL gave up; a callback of ours may know more of it."""
        if self._notes is not None and self._notes.refusal:
            return self._notes.refusal
        shown = self._notes.shown if self._notes is not None else ""
        return self.explain(reason) + (f"; the certificate is of {shown!r}" if shown else "")

    def _heed_refusal(self) -> None:
        """Fail if a callback refused, or if OpenSSL would take what is not to be taken.

        Of all that OpenSSL has to say behind the ClientHello, nothing goes out but the alert.
        """
        notes = self._notes
        if notes is not None and notes.alert and self._alert is None:
            self._closed = True
            self._alert = notes.alert_record()
            raise TLSError(notes.refusal)

    def _bound_idleness(self, yielded: int) -> None:
        """Fail where records come and no data is in them, such as KeyUpdate (RFC 8446 §4.6.3)."""
        if yielded or self.ended:
            self._idle = 0
        elif self._idle > _MOST_IDLE:
            self._closed = True
            raise TLSError("the other side sends TLS records without data, one after the other")
