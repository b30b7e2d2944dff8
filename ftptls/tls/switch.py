"""The control connection's bytes: clear text, TLS, and clear text again.

TLS can go up (AUTH) and come back down (CCC, REIN) on one connection. The switch has no
transport: it is fed what was received and yields events. While TLS is up it takes one
record at a time, so that what stands behind the other side's close_notify is not
swallowed: it belongs to the clear stream.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from struct import Struct
from typing import NoReturn

from ftptls.tls.reasons import not_tls
from ftptls.tls.stream import TLSError, TLSStream

_HEADER = 5
_read_header = Struct(">BBxH").unpack_from
# RFC 8446 §5.2 and RFC 5246 §6.2.3: the longest record either version allows.
_LONGEST = 16384 + 2048
_CONTENT_TYPES = range(20, 24)
_CHANGE_CIPHER_SPEC = 20
# Records without data, such as KeyUpdate (RFC 8446 §4.6.3), that may come one after the other.
_MOST_IDLE = 64


@dataclass(frozen=True, slots=True)
class Raised:
    """The handshake is complete: TLS is up."""


@dataclass(frozen=True, slots=True)
class Lowered:
    """TLS is down, and the connection goes on in clear text."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The other side closed TLS without being asked: nothing more will come."""


@dataclass(frozen=True, slots=True)
class Failed:
    """TLS failed; the connection is of no use any more.

    Attributes:
        reason: Why, in words.
        begun: Whether negotiation had begun; if not, the connection is still in clear text
            (the two cases of RFC 4217 §10.1).
    """

    reason: str
    begun: bool = True


Change = Raised | Lowered | Ended | Failed
# Or octets for the interpreter, whatever protected them on the way.
Event = bytes | Change


class Phase(enum.Enum):
    """What the octets on the connection are."""

    CLEAR = enum.auto()
    RISING = enum.auto()
    REFUSED = enum.auto()  # what came instead of TLS is not heard, but can be answered
    UP = enum.auto()  # what is written now is protected
    SINKING = enum.auto()  # the other side's close_notify is awaited: nothing can be said
    OVER = enum.auto()


# By names of their own, as each command asks: to look into an enumeration is slow.
CLEAR, RISING, REFUSED, UP, SINKING, OVER = Phase


class TLSSwitch:
    """What turns received octets into events, and text into octets to send.

    Args:
        send: Called with octets for the transport.

    Attributes:
        received: Octets that were fed and not yet yielded as an event.
        phase: What comes and goes now.
        stream: The TLS stream while there is one.
    """

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send
        self.received = bytearray()
        self.phase = CLEAR
        self._idle = 0
        self._begun = False
        self.stream: TLSStream | None = None

    def feed(self, data: bytes) -> None:
        """Take octets from the transport."""
        self.received += data

    def take(self, data: bytes) -> Event | None:
        """:meth:`feed` and :meth:`next_event` in one.

        What comes is clear text or one record most of the time, which need not be kept first.
        """
        if data and not self.received:
            phase = self.phase
            if phase is UP:
                if _record_length(data) == len(data):
                    return self._open(data)
            elif phase is CLEAR:
                return data
            elif phase is RISING and 0 < (length := _step_length(data)) <= len(data):
                self.received += data[length:]  # who shook hands may say something at once
                return self._shake(data[:length]) or self.next_event()
        self.received += data
        return self.next_event()

    def raise_tls(self, stream: TLSStream) -> None:
        """Expect the client's handshake next (RFC 4217 §4)."""
        self.stream = stream
        self._begun = False
        self.phase = RISING

    def lower_tls(self) -> None:
        """Go on in clear text once the other side closed TLS (RFC 4217 §5).

        Its close_notify is answered. A client that never sends one shows by its first
        octet that cannot be TLS; for one that waits for ours, see :meth:`say_close`.
        """
        self.phase = SINKING

    def say_close(self) -> None:
        """Send our close_notify now, if TLS is still waiting to go down."""
        if self.phase is SINKING:
            stream = self.stream or _not_raised()
            stream.close()
            self._flush(stream)

    def write(self, data: bytes) -> None:
        """Send text, protected if TLS is up; while it is neither up nor down, nothing goes."""
        phase = self.phase
        if phase is UP:
            stream = self.stream or _not_raised()
            try:
                sealed = stream.seal(data)
            except TLSError:
                self.phase = OVER  # the other side's failure is told by next_event
                self._flush(stream)
            else:
                self._send(sealed)
        elif phase is CLEAR or phase is REFUSED:
            self._send(data)

    def close(self) -> None:
        """Say goodbye to the TLS stream, if there is one; nothing can be written behind it."""
        if self.phase is UP and self.stream is not None:
            self.stream.close()
            self._flush(self.stream)
        self.phase = OVER

    def next_event(self) -> Event | None:
        """The next thing that happened; ``None`` until more is fed."""
        received = self.received
        while received:
            phase = self.phase
            if phase is CLEAR:
                data = bytes(received)
                received.clear()
                return data
            if phase is OVER or phase is REFUSED:
                received.clear()
                return None
            if phase is SINKING and received[0] not in _CONTENT_TYPES:
                return self._lowered()
            length = _step_length(received) if phase is RISING else _record_length(received)
            if length < 0:
                return self._no_tls(not_tls(bytes(received)))
            if len(received) < length:
                return None
            records = bytes(received[:length])
            del received[:length]
            event = self._shake(records) if phase is RISING else self._open(records)
            if event is not None:
                return event
        return None

    def _shake(self, records: bytes) -> Event | None:
        """Go on with the handshake."""
        stream = self.stream or _not_raised()
        self._begun = True
        try:
            complete = stream.handshake(records)
        except TLSError as error:
            self._flush(stream)
            return self._fail(str(error))
        self._flush(stream)
        if not complete:
            return None
        self.phase = UP
        return Raised()

    def _open(self, record: bytes) -> Event | None:
        """Take what a record holds, once TLS was up."""
        stream = self.stream or _not_raised()
        try:
            data = stream.open_record(record)
        except TLSError as error:
            self._flush(stream)
            return self._fail(str(error))
        if data and self.phase is UP:
            self._idle = 0
            return data
        self._flush(stream)
        if stream.ended:
            if self.phase is not SINKING:
                return self._ended()
            self.say_close()
            return self._lowered()
        if self.phase is SINKING:
            return None  # what the client still said under TLS came too late
        return self._bound_idleness()

    def _bound_idleness(self) -> Event | None:
        """Each record costs as much as one with data; a flood of them would be work for nothing."""
        self._idle += 1
        if self._idle <= _MOST_IDLE:
            return None
        return self._fail("the client sends TLS records without data, one after the other")

    def _flush(self, stream: TLSStream) -> None:
        if output := stream.output():
            self._send(output)

    def _lowered(self) -> Lowered:
        self.phase = CLEAR
        self.stream = None
        return Lowered()

    def _ended(self) -> Ended:
        self.close()
        return Ended()

    def _no_tls(self, reason: str) -> Failed:
        if self._begun:
            return self._fail(reason)
        self.phase = REFUSED
        self.stream = None
        return Failed(reason, begun=False)

    def _fail(self, reason: str) -> Failed:
        self.phase = OVER
        return Failed(reason)


def _not_raised() -> NoReturn:
    raise RuntimeError("TLS was not raised on this connection")


def _record_length(octets: bytes | bytearray) -> int:
    """Length of the first record with its header; 0 is never, -1 says it is none."""
    if len(octets) < _HEADER:
        begins_well = octets[0] in _CONTENT_TYPES and octets[1:2] in (b"", b"\x03")
        return _HEADER if begins_well else -1
    kind, version, length = _read_header(octets)
    if version != 3 or kind not in _CONTENT_TYPES or length > _LONGEST:
        return -1
    whole: int = _HEADER + length
    return whole


def _step_length(octets: bytes | bytearray) -> int:
    """Like :func:`_record_length`, of all that OpenSSL takes for one step of the handshake.

    ChangeCipherSpec says nothing alone: if what it goes before is there, they go together.
    """
    length = _record_length(octets)
    if octets[0] == _CHANGE_CIPHER_SPEC and 0 < length < len(octets):
        both = length + _record_length(octets[length:])
        if length < both <= len(octets):
            return both
    return length
