"""Which files are being written, so that no two uploads write one at the same time."""

from __future__ import annotations

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
    """Places where files are being written by this process."""

    def __init__(self) -> None:
        self._held: set[Place] = set()
        self._lock = threading.Lock()

    def refuse_if_held(self, place: Place) -> None:
        """Raise :func:`busy` if a file is being written."""
        with self._lock:
            if place in self._held:
                raise busy()

    def take(self, place: Place) -> None:
        """Have a file for oneself, until :meth:`release`; or raise :func:`busy`."""
        with self._lock:
            if place in self._held:
                raise busy()
            self._held.add(place)

    def release(self, place: Place) -> None:
        """Others may write it again."""
        with self._lock:
            self._held.discard(place)


WRITE_LOCKS = WriteLocks()
"""Those of the process: all of its filesystems may meet in one folder."""
