"""Replies: what the server says on the control connection (RFC 959 §4.2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from ftptls.wire.lines import LineReader, LineTooLong
from ftptls.wire.paths import shown

_MOST_LINES = 1000


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply: a three-digit code, its text, and the lines in between.

    Attributes:
        code: The reply code, 100 to 699.
        text: The text of the last (or only) line.
        lines: For a multi-line reply, the lines that stand before the last
            one. The first follows the code and a hyphen; the others are
            indented, so that none can be mistaken for the last line.
    """

    code: int
    text: str
    lines: tuple[str, ...] = ()

    def encode(self) -> bytes:
        """The reply as it goes over the wire, in UTF-8 (RFC 2640 §2.2).

        UTF-8 has no octet 255, but old names have; in Telnet it is doubled (RFC 854).
        """
        if not self.lines:
            return _line(self.code, self.text)
        first, *inner = (shown(line) for line in self.lines)
        body = "".join(f" {line}\r\n" for line in inner)
        return _octets(f"{self.code}-{first}\r\n{body}") + _line(self.code, self.text)

    @property
    def is_preliminary(self) -> bool:
        """Whether another reply follows (RFC 959 §4.2.1: 1yz)."""
        return 100 <= self.code < 200

    @property
    def is_error(self) -> bool:
        """Whether the command failed (RFC 959 §4.2.1: 4yz and 5yz)."""
        return 400 <= self.code < 600


@lru_cache(maxsize=128)  # most replies are said again and again
def _line(code: int, text: str) -> bytes:
    """The last line of a reply, or its only one."""
    return _octets(f"{code} {shown(text)}\r\n")


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape").replace(b"\xff", b"\xff\xff")


class ReplyError(ValueError):
    """What a server said is no reply, or one without end."""


class ReplyReader:
    """Cuts what a server says into replies (RFC 959 §4.2).

    Args:
        limit: Longest line, in octets without its end.
    """

    def __init__(self, limit: int = 8192) -> None:
        self._lines = LineReader(limit)
        self._begun: list[str] = []

    @property
    def buffered(self) -> int:
        """Octets fed that no reply was made of; behind a 234 there must be none."""
        return self._lines.buffered + sum(map(len, self._begun))

    def feed(self, data: bytes) -> None:
        """Take what arrived, in pieces of any size."""
        self._lines.feed(data)

    def next_reply(self) -> Reply | None:
        """The next reply; ``None`` if none is complete.

        Raises:
            ReplyError: It is none.
        """
        for line in self._next_lines():
            if not self._begun and not _begins_reply(line):
                raise ReplyError(f"what the server says is no reply: {line[:80]!r}")
            self._begun.append(line)
            code = self._begun[0][:3]
            if len(self._begun) > _MOST_LINES:
                raise ReplyError("the server's reply never ends")
            if line[:3] == code and line[3:4] != "-" and (len(self._begun) == 1 or line[3:4]):
                return self._whole(int(code))
        return None

    def _next_lines(self) -> Iterator[str]:
        try:
            while (line := self._lines.next_line()) is not None:
                yield line.decode("utf-8", "surrogateescape")
        except LineTooLong as error:
            raise ReplyError(f"the server's reply is no line: {error}") from None

    def _whole(self, code: int) -> Reply:
        *first, last = self._begun
        self._begun = []
        return Reply(code, last[4:], tuple(_inner(line, code) for line in first))


def _begins_reply(line: str) -> bool:
    return (
        line[:3].isascii()
        and line[:3].isdigit()
        and "1" <= line[:1] <= "6"
        and (line[3:4] in ("", " ", "-"))
    )


def _inner(line: str, code: int) -> str:
    """A line before the last one, without what marks it."""
    return line[4:] if line.startswith(f"{code}-") else line.removeprefix(" ")
