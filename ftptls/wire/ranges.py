"""Ranges of octets in a file, as RANG and the checksums of the X family give them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ftptls.wire.arguments import ArgumentError

_LARGEST = 2**63 - 1
_RANGE = re.compile(r"([0-9]{1,19}) ([0-9]{1,19})")


@dataclass(frozen=True, slots=True)
class Range:
    """The octets from ``start`` up to, and without, ``end``.

    Attributes:
        start: Octets before it.
        end: Octets before what follows it; not below ``start``.
    """

    start: int
    end: int

    @property
    def octets(self) -> int:
        """How many they are."""
        return self.end - self.start

    @property
    def shown(self) -> str:
        """First and last octet, as HASH tells them; of no octets at all, too, it is ``0-0``."""
        return f"{self.start}-{max(self.start, self.end - 1)}"


def octet_range(text: str) -> Range | None:
    """The argument of RANG, which counts the last octet in (draft-bryan-ftp-range-08 §3).

    Returns:
        The range; ``None`` for ``1 0``, which stands for the whole file.
    """
    words = _RANGE.fullmatch(text.strip(" "))
    first, last = map(int, words.groups()) if words else (_LARGEST, 0)
    if (first, last) == (1, 0):
        return None
    if not first <= last < _LARGEST:  # the end, which is one more, is a position, too
        raise ArgumentError(
            "RANG takes the first and the last octet, counted from 0; RANG 1 0 is the whole file."
        )
    return Range(first, last + 1)
