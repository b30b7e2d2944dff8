"""Checksums of files: what they are called, and how clients ask for them."""

from __future__ import annotations

import enum
import hashlib
import re
import zlib
from dataclasses import dataclass
from typing import Protocol

from ftptls.wire.arguments import ArgumentError, path
from ftptls.wire.names import first_name
from ftptls.wire.ranges import Range

# Numbers behind the name: with blanks before them, or with a comma, as GlobalSCAPE writes.
_ENDS = re.compile(r"(?:(?: +| *, *)([0-9]{1,19}))?(?:(?: +| *, *)([0-9]{1,19}))? *")


class Digest(Protocol):
    """A checksum in the making."""

    def update(self, data: bytes, /) -> None:
        """Take the next octets; lets other threads run meanwhile."""

    def hexdigest(self) -> str:
        """The checksum of all of them, in lower case."""


class Crc32:
    """The CRC-32 of IEEE 802.3, in the form of the digests of hashlib."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        """Take the next octets."""
        self._value = zlib.crc32(data, self._value)

    def hexdigest(self) -> str:
        """Eight digits, always."""
        return f"{self._value:08x}"


class Algorithm(enum.Enum):
    """Checksums by the names that HASH gives them (IANA: Hash Function Textual Names).

    MD5, SHA-1 and CRC32 find mistakes of a transfer, but no malice.
    """

    SHA_256 = "SHA-256"
    SHA_512 = "SHA-512"
    SHA_1 = "SHA-1"
    MD5 = "MD5"
    CRC32 = "CRC32"

    def new(self) -> Digest:
        """A checksum of nothing yet."""
        if self is Algorithm.CRC32:
            return Crc32()
        return hashlib.new(self.value.replace("-", ""), usedforsecurity=False)


def algorithm(text: str) -> Algorithm | None:
    """The argument of OPTS HASH; ``None`` without one, which asks for the present choice."""
    wanted = text.strip(" ").upper()
    if not wanted:
        return None
    try:
        return Algorithm(wanted)
    except ValueError:
        known = ", ".join(each.value for each in Algorithm)
        raise ArgumentError(f"Unknown algorithm; the choice stays. Known: {known}.") from None


def hash_feature(chosen: Algorithm) -> str:
    """What FEAT says of HASH (draft-bryan-ftpext-hash-02 §3.1)."""
    marked = (f"{each.value}{'*' if each is chosen else ''}" for each in Algorithm)
    return f"HASH {';'.join(marked)}"


@dataclass(frozen=True, slots=True)
class Request:
    """What a command of the X family asks for.

    Attributes:
        name: The pathname.
        start: Where to begin.
        end: Where to end; ``None`` is the end of the file.
    """

    name: str
    start: int = 0
    end: int | None = None

    def within(self, size: int) -> Range | None:
        """The range it means in a file of ``size`` octets; ``None`` if it is not all there."""
        end = size if self.end is None else self.end
        return Range(self.start, end) if self.start <= end <= size else None


def request(text: str) -> Request:
    """The argument of XCRC and its like: ``name``, ``name end`` or ``name start end``.

    The octet at ``end`` is the first that does not count. Names with blanks are quoted;
    without quotes, all is the name unless only numbers follow its first word.
    """
    if text.startswith('"'):
        name, rest = first_name(text)
        ends = _ENDS.fullmatch(rest)
        if ends is None:
            raise ArgumentError('This command takes "name", "name" end, or "name" start end.')
    else:
        name = text.split(" ", 1)[0].rstrip(",")
        ends = _ENDS.fullmatch(text[len(name) :])
        if ends is None:
            return Request(path(text))
    first, second = ends.groups()
    start, end = (first, second) if second else ("0", first)
    return Request(path(name), int(start), None if end is None else int(end))
