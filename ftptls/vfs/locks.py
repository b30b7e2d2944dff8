"""Which files are being written, so that no two uploads write one at the same time."""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading

from ftptls.errors import TransientError

Place = tuple[int, int, bytes]


def place_of(name: bytes, directory: int) -> Place:
    """A file's place, whatever path led there: the directory itself, and the name in it."""
    info = os.fstat(directory)
    return info.st_dev, info.st_ino, name


def busy() -> TransientError:
    """450: somebody else writes the file."""
    return TransientError(450, "Another upload is writing this file; try again when it is done.")


class WriteLocks:
    """Places where files are being written by this process, and by those that it shares them with.

    Between processes, a place is one octet of a file that they all have open, and that none of
    them has anything else to do with: the kernel locks it for one of them, and lets go of it
    when that is gone, however it ended (``fcntl``; ``flock`` would need a file for each place).
    """

    def __init__(self) -> None:
        self._held: set[Place] = set()
        self._lock = threading.Lock()
        self._shared = -1

    def share(self, descriptor: int) -> None:
        """Hold them from now on against other processes as well.

        Args:
            descriptor: The file. It must never be closed.
        """
        self._shared = descriptor

    def refuse_if_held(self, place: Place) -> None:
        """Raise :func:`busy` if a file is being written."""
        with self._lock:
            if place in self._held:
                raise busy()
            if self._shared >= 0:
                self._lock_octet(place)
                self._release_octet(place)

    def take(self, place: Place) -> None:
        """Have a file for oneself, until :meth:`release`; or raise :func:`busy`."""
        with self._lock:
            if place in self._held:
                raise busy()
            if self._shared >= 0:
                self._lock_octet(place)
            self._held.add(place)

    def release(self, place: Place) -> None:
        """Others may write it again."""
        with self._lock:
            self._held.discard(place)
            if self._shared >= 0:
                self._release_octet(place)

    def _lock_octet(self, place: Place) -> None:
        try:
            fcntl.lockf(self._shared, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _octet(place))
        except (BlockingIOError, PermissionError):  # POSIX allows for both
            raise busy() from None

    def _release_octet(self, place: Place) -> None:
        fcntl.lockf(self._shared, fcntl.LOCK_UN, 1, _octet(place))


def _octet(place: Place) -> int:
    """The same in every process; two places never have the same, but by one chance in 2**62."""
    digest = hashlib.blake2b(repr(place).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 2


WRITE_LOCKS = WriteLocks()
"""Those of the process: all of its filesystems may meet in one folder."""
