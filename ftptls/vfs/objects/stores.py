"""What the filesystem asks of a store: blocking calls, made on threads, about keys.

A key is a path below the root of the filesystem, without a slash at either end; the
root is the empty key.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Protocol

from ftptls.errors import PermanentError, TransientError
from ftptls.vfs.objects.stopping import Stop
from ftptls.vfs.temporaries import is_temporary
from ftptls.wire.entries import Kind

LONGEST_NAME = 255
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Found:
    """What a store has under a key.

    Attributes:
        name: The last part of the key; empty for the root.
        kind: File or directory; what is neither is ``OTHER``.
        size: Octets of a file.
        modified: Seconds since the epoch; 0 where nobody knows.
        version: Changes with the contents of a file; empty where nobody knows.
    """

    name: str
    kind: Kind
    size: int = 0
    modified: float = 0.0
    version: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a listing.

    Attributes:
        found: What is in it, perhaps nothing.
        mark: Where the next page begins; None after the last.
    """

    found: Sequence[Found]
    mark: Any = None


@dataclass(frozen=True, slots=True)
class Place:
    """A key, and what is around it.

    Attributes:
        here: What is there, if anything.
        parent: What is at the key above.
    """

    here: Found | None
    parent: Found | None


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much at a time.

    Attributes:
        piece: Octets in one request of an upload or download.
        parallel: Requests of one transfer at a time.
        page: Names in one page of a listing; 1000 is the most that S3 gives.
        renamed: Objects that renaming one directory may copy.
        tries: How often a request is made before it counts as failed.
        patience: Seconds for one request.
        wait: Seconds between the first two tries, more or less; they double.
    """

    piece: int = 8 * MIB
    parallel: int = 2
    page: int = 1000
    renamed: int = 1000
    tries: int = 5
    patience: float = 30.0
    wait: float = 0.2


class Sink(Protocol):
    """Where an upload goes: seen by nobody before it is finished."""

    parallel: int
    """How many writes may run at once."""

    stop: Stop
    """Ends what runs; what comes after it is in vain, but for ``drop``."""

    def keep(self, start: int, end: int) -> bytes:
        """Let octets of the old file come first; what is returned is still to be written."""

    def write(self, number: int, piece: BytesIO) -> None:
        """Take the next piece, all of it; ``number`` counts from 0, and each is full."""

    def finish(self, rest: bytes, tail: tuple[int, int] | None) -> None:
        """Take the last octets, then these of the old file; make all of it the file."""

    def drop(self) -> None:
        """Forget all of it."""


class Store(Protocol):
    """A store; every method blocks."""

    bounds: Bounds

    def find(self, key: str) -> Found | None:
        """What is at a key."""

    def place(self, key: str) -> Place:
        """The same, and what is above it; not for the root."""

    def page(self, key: str, mark: Any) -> Page:
        """A part of the names in a directory; ``mark`` is None for the first."""

    def read(self, key: str, found: Found, start: int, end: int, stop: Stop) -> bytes:
        """Octets of a file, if it is still the one that was found."""

    def sink(self, key: str, old: Found | None, *, new: bool) -> Sink:
        """Begin an upload.

        Args:
            key: The target.
            old: The file that must still be there at the end, to be kept in part.
            new: Whether there must be nothing at the end.
        """

    def make_directory(self, key: str) -> None:
        """Make a directory where there is nothing."""

    def remove_directory(self, key: str) -> None:
        """Remove a directory; ``ENOTEMPTY`` if it is not empty."""

    def remove_file(self, key: str) -> None:
        """Remove a file; the directory that it was in stays."""

    def move_file(self, key: str, found: Found, target: str) -> None:
        """Rename a file, in place of another one if there is one."""

    def move_directory(self, key: str, target: str) -> None:
        """Rename a directory; at the target is nothing, or an empty one."""


def os_error(number: int) -> OSError:
    """The error that a local disk would raise."""
    return OSError(number, os.strerror(number))


def changed() -> TransientError:
    """A file is not the one any more that was opened."""
    return TransientError(450, "The file was changed meanwhile; ask for it anew.")


def too_many(bound: int) -> PermanentError:
    """A directory with more in it than renaming it may copy."""
    return PermanentError(
        550,
        f"More than {bound} objects would have to be copied; move them in smaller directories.",
    )


def is_name(name: str) -> bool:
    """Whether a client can say it: some keys have parts that no path has."""
    if name in ("", ".", "..") or "/" in name or "\0" in name or is_temporary(name):
        return False
    return len(name.encode("utf-8", "surrogateescape")) <= LONGEST_NAME


def last_part(key: str) -> str:
    """The name that a key has in its directory."""
    return key.rpartition("/")[2]


def above(key: str) -> str:
    """The key of the directory around one."""
    return key.rpartition("/")[0]
