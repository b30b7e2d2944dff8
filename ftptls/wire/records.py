"""Where the records of a TLS stream begin and end (RFC 8446 §5.1)."""

from __future__ import annotations

import struct

_HEADER = 5
_LENGTH = struct.Struct(">3xH")


class RecordEdges:
    """Follows a stream of records, in pieces of any size."""

    __slots__ = ("_head", "_left")

    def __init__(self) -> None:
        self._head = b""
        self._left = 0

    @property
    def at_edge(self) -> bool:
        """Whether what was fed so far ends where a record does."""
        return not self._left and not self._head

    def feed(self, data: memoryview) -> None:
        """Take the next octets."""
        size, at = len(data), self._left
        if self._head:
            at = _HEADER - len(self._head)
            self._head += data[:at]
            if len(self._head) < _HEADER:
                return
            at += self._head[3] << 8 | self._head[4]
            self._head = b""
        last, length_at = size - _HEADER, _LENGTH.unpack_from
        while at <= last:  # a piece of an upload is many records
            at += _HEADER + length_at(data, at)[0]
        self._head = bytes(data[at:])
        self._left = max(0, at - size)
