"""Octets of the control connection to command lines (RFC 959 §5.3, RFC 854, RFC 2640 §3.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ftptls.wire.arguments import ArgumentError

# Octets are looked for as numbers: CPython is slow to find out that one octet is none.
_NUL = 0
_LF = 10
_CR = 13

# Telnet (RFC 854): what a client may weave into the command stream.
_IAC = 255
_DONT = 254
_DO = 253
_WONT = 252
_WILL = 251
_SB = 250
_SE = 240

# Where the Telnet reader stands; a value from _WILL to _DONT waits for its option.
_TEXT = 0
_AFTER_IAC = 1
_INSIDE = 2
_INSIDE_AFTER_IAC = 3

_ANSWERS_LIMIT = 96

# RFC 959 §5.3 has letters only; XMD5 and its like came later.
_VERB = re.compile(rb"[A-Za-z]+[0-9]*")


class LineTooLong(ValueError):  # noqa: N818 - says what happened, as StopIteration does
    """A line is longer than the reader's limit."""


class LineReader:
    """Cuts a stream of octets into lines and takes the Telnet sequences out.

    Args:
        limit: Longest line, in octets without its end.

    Attributes:
        buffered: Octets fed and not yet returned as lines. Telnet sequences in the unfinished
            line count: behind AUTH, nothing at all may have been sent in clear text.
        dropped: Octets dropped so far of an oversized line that has not ended yet.
        answers: The refusals of Telnet options that are due (RFC 1123 §4.1.2.12).
    """

    __slots__ = (
        "_at",
        "_buffer",
        "_ignored",
        "_limit",
        "_line",
        "_skip",
        "_state",
        "_tail",
        "_within",
        "answers",
        "buffered",
        "dropped",
    )

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.clear()

    def clear(self) -> None:
        """Forget everything that was fed, and every answer that is due."""
        self._line = b""  # all there is, if that is exactly one line and its end
        self._buffer = b""
        self._at = 0  # where in the buffer the next line begins
        self.buffered = 0
        self._tail = 0  # octets of the unfinished line, at the end of the buffer
        self.dropped = 0
        self._skip = False  # the unfinished line was refused: drop it up to its end
        self._state = _TEXT
        self._within = 0  # octets of the subnegotiation so far
        self._ignored = 0  # octets taken out of the unfinished line
        self.answers = b""

    def feed(self, data: bytes) -> int:
        """Take what arrived, in pieces of any size.

        Returns:
            Octets of the line that has not ended yet, those dropped or taken out included.
        """
        size = data.find(b"\n") + 1
        one = size == len(data) and size <= self._limit and _IAC not in data
        if one and not (self.buffered or self._skip):  # as nearly always
            self._line, self.buffered = data, size
            return 0
        if self._line:
            self._buffer, self._line = self._line, b""
        if self._state != _TEXT or _IAC in data:
            data = self._without_telnet(data)
        elif self._ignored and _LF in data:
            self._ignored = 0
        if self._skip:
            start = data.find(b"\n") + 1
            if not start:
                self.dropped += len(data)
                data = b""
            else:
                self.dropped = 0
                data = data[start:]
                self._skip = False
        last = data.rfind(b"\n")
        self._tail = self._tail + len(data) if last < 0 else len(data) - last - 1
        self._buffer = self._buffer[self._at :] + data
        self._at = 0
        # Two octets more than fit prove that a line is too long; its CR may be the first.
        surplus = self._tail - self._limit - 2
        if surplus > 0:
            self._buffer = self._buffer[:-surplus]
            self._tail -= surplus
        self.buffered = len(self._buffer) + self._ignored
        return self._tail + self.dropped + self._ignored

    def next_line(self) -> bytes | None:
        """The next line, without its CR LF or bare LF; None if none is complete.

        Raises:
            LineTooLong: Once for each oversized line, as soon as that is certain.
                The rest of the line is dropped as it arrives.
        """
        if self._line:
            line, self._line, self.buffered = self._line, b"", 0
            return line[:-2] if line.endswith(b"\r\n") else line[:-1]
        buffer, at = self._buffer, self._at
        end = buffer.find(b"\n", at)
        if end < 0:
            excess = self._tail - self._limit
            if excess > 1 or (excess == 1 and not buffer.endswith(b"\r")):
                self._tail = 0
                self._skip = True
                self._go_on_at(len(buffer))
                raise LineTooLong(f"a line is longer than {self._limit} octets")
            return None
        stop = end - 1 if end > at and buffer[end - 1] == _CR else end
        self._go_on_at(end + 1)
        if stop - at > self._limit:
            raise LineTooLong(f"a line is longer than {self._limit} octets")
        return buffer[at:stop]

    def _go_on_at(self, at: int) -> None:
        """What stands before is done with."""
        if at == len(self._buffer):
            self._buffer, at = b"", 0
        self._at = at
        self.buffered = len(self._buffer) - at + self._ignored

    def take_answers(self) -> bytes:
        """:attr:`answers`, which are not due any more."""
        answers, self.answers = self.answers, b""
        return answers

    def _without_telnet(self, data: bytes) -> bytes:
        """``data`` without its Telnet sequences, which may begin or end in other pieces."""
        text = bytearray()
        at = 0
        while at < len(data):
            if self._state == _TEXT:
                found = data.find(b"\xff", at)
                piece = data[at:] if found < 0 else data[at:found]
                text += piece
                if _LF in piece:
                    self._ignored = 0
                if found < 0:
                    break
                at = found + 1
                self._ignored += 1
                self._state = _AFTER_IAC
            elif self._state == _INSIDE:
                at = self._through_subnegotiation(data, at)
            else:
                at += self._after_iac(data[at], text)
        return bytes(text)

    def _through_subnegotiation(self, data: bytes, at: int) -> int:
        """Drop what is inside IAC SB ... IAC SE; where to go on."""
        room = self._limit - self._within
        if room <= 0:  # nobody means this; without its end it would swallow commands for ever
            self._state = _TEXT
            return at
        found = data.find(b"\xff", at, at + room)
        if found >= 0:
            self._state = _INSIDE_AFTER_IAC
        until = found + 1 if found >= 0 else min(len(data), at + room)
        self._within += until - at
        self._ignored += until - at
        return until

    def _after_iac(self, octet: int, text: bytearray) -> int:
        """Take the octet after IAC, or after IAC and a verb; how many octets that used up."""
        state = self._state
        if state == _INSIDE_AFTER_IAC:
            self._state = _TEXT if octet == _SE else _INSIDE
            self._within += 1
        elif state != _AFTER_IAC:
            self._state = _TEXT
            self._refuse(state, octet)
        elif octet == _IAC:
            self._state = _TEXT
            text.append(_IAC)
            return 1
        elif octet == _SB:
            self._state = _INSIDE
            self._within = 0
        elif octet in (_WILL, _WONT, _DO, _DONT):
            self._state = octet
        else:
            self._state = _TEXT
            # The DM of a Synch may be lost as urgent data: what follows is then a command.
            if octet < _SE:
                return 0
        self._ignored += 1
        return 1

    def _refuse(self, verb: int, option: int) -> None:
        """Note the answer to an option: no, and only where one is due (RFC 854)."""
        answer = {_WILL: _DONT, _DO: _WONT}.get(verb)
        if answer is not None and len(self.answers) < _ANSWERS_LIMIT:
            self.answers += bytes((_IAC, answer, option))


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A command: its verb in upper case, and its argument exactly as sent."""

    verb: str
    argument: str


def parse_command(line: bytes) -> CommandLine:
    """Split a line into verb and argument (RFC 959 §5.3, RFC 2640 §3.1).

    Exactly one space separates them; any other belongs to the argument, since
    names may begin or end with spaces. Octets that are no UTF-8 are carried as
    surrogate escapes (PEP 383).

    Args:
        line: A line without its end.

    Raises:
        ArgumentError: 500 if there is no verb of letters, perhaps with digits behind; 501 if
            the rest holds NUL or CR.
    """
    verb, _, rest = line.partition(b" ")
    if not _VERB.fullmatch(verb):
        raise ArgumentError("A command begins with a word of letters.", 500)
    return CommandLine(verb.decode("ascii").upper(), parse_argument(rest))


def parse_argument(octets: bytes) -> str:
    """What stands behind the verb, as text; see :func:`parse_command`.

    Raises:
        ArgumentError: 501 if there is NUL or CR.
    """
    if _NUL in octets or _CR in octets:
        raise ArgumentError("Arguments with NUL or CR are not accepted.")
    return octets.decode("utf-8", "surrogateescape")
