"""Octets on their way to a file: they wait in memory until they fill a block of it."""

from __future__ import annotations

import mmap

_FIRST = 16 * 1024
# The larger, the cheaper is what each costs; with TLS there is as much memory for records.
_LARGEST = 512 * 1024
MOST_OF_RECORD = 17 * 1024
"""Octets that a record of TLS takes or protects, and some (RFC 8446 §5.2)."""
# What comes at once may be more than fits into a block: the record that ends it, and another
# of which OpenSSL has the most part already.
_BEYOND = 2 * MOST_OF_RECORD + 2048


def pages(size: int) -> memoryview:
    """New memory, all zeros; what is large begins with a page."""
    if size < 4 * _FIRST:
        return memoryview(bytearray(size))
    return memoryview(mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))


class Block:
    """Octets that go to a file in blocks, each where a multiple of its size is.

    In memory, too, it begins with a page: then the kernel's copy takes 0.21 s for a GiB, and
    0.28 s where one of the two is somewhere else. It is small at first, and becomes larger
    when it was full before anybody had to wait.

    Args:
        position: Where in the file the first octet belongs.
    """

    def __init__(self, position: int) -> None:
        self._position = position  # of the first octet that is held
        self._begin_with(_FIRST)

    def _begin_with(self, size: int) -> None:
        self._size, self._memory = size, pages(size + _BEYOND)
        self._first = self._end = self._position % size

    @property
    def room(self) -> memoryview:
        """Where the next octets may be put; always more than two records of TLS."""
        return self._memory[self._end :]

    @property
    def held(self) -> memoryview:
        """What is not in the file yet."""
        return self._memory[self._first : self._end]

    @property
    def whole(self) -> memoryview:
        """Of it, what goes up to the end of a block; perhaps nothing."""
        return self._memory[self._first : self._end - self._end % self._size]

    def took(self, count: int) -> None:
        """So many octets are in the room now."""
        self._end += count

    def wrote(self, count: int) -> None:
        """So many of the first that are held are in the file now."""
        self._first += count
        self._position += count
        if self._first >= self._size:
            self._turn(full=count >= self._size)

    def _turn(self, *, full: bool) -> None:
        """Go on with the next block; what is held is at its beginning."""
        rest = self.held
        if full and self._size < _LARGEST:
            self._begin_with(min(4 * self._size, _LARGEST))
        else:
            self._first = self._end = self._position % self._size
        self.room[: len(rest)] = rest
        self._end += len(rest)
