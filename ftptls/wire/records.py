"""Where the records of a TLS stream begin and end (RFC 8446 §5.1)."""

from __future__ import annotations

_HEADER = 5


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
        at = 0
        while at < len(data):
            if self._left:
                step = min(self._left, len(data) - at)
                self._left -= step
            else:
                step = min(_HEADER - len(self._head), len(data) - at)
                self._head += data[at : at + step]
                if len(self._head) == _HEADER:
                    self._left = self._head[3] << 8 | self._head[4]
                    self._head = b""
            at += step
