"""What is open on a local disk: a file that is read, a directory that is listed."""

from __future__ import annotations

import errno
import os
import stat
import threading
from itertools import islice

from zope.interface import implementer

from ftptls.interfaces import IDescriptor, IFileReader, IWorkers
from ftptls.vfs.stats import Describer, place
from ftptls.vfs.temporaries import is_temporary
from ftptls.wire.entries import Entry

_BATCH = 1000


def link_target(name: bytes | str, directory: int) -> str:
    """Where a link points, as it is written."""
    return os.readlink(os.fsencode(name), dir_fd=directory).decode("utf-8", "surrogateescape")


@implementer(IFileReader, IDescriptor)
class LocalReader:
    """An open file.

    Args:
        fd: Its descriptor, which the reader closes.
        size: Octets in the file.
        workers: Where the calls that block are made.
    """

    def __init__(self, fd: int, size: int, workers: IWorkers) -> None:
        self.size = size
        self._fd = fd
        self.workers = workers
        # A read that nobody waits for any more must not meet a stranger's descriptor.
        self._lock = threading.Lock()

    def __del__(self) -> None:
        self._close()

    def fileno(self) -> int:
        """See :meth:`ftptls.interfaces.IDescriptor.fileno`."""
        if self._fd < 0:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return self._fd

    async def read_at(self, offset: int, size: int) -> bytes:
        """See :meth:`ftptls.interfaces.IFileReader.read_at`."""
        return await self.workers.run(self._read, offset, size)

    async def close(self) -> None:
        """See :meth:`ftptls.interfaces.IFileReader.close`."""
        await self.workers.run(self._close)

    def _read(self, offset: int, size: int) -> bytes:
        with self._lock:
            return os.pread(self.fileno(), size, offset)

    def _close(self) -> None:
        with self._lock:
            fd, self._fd = self._fd, -1
            if fd >= 0:
                os.close(fd)


class Listing:
    """A directory being read, batch by batch, each on whatever thread is free.

    Args:
        fd: The directory; the listing closes it.
        describer: Makes the entries.
        links: Whether there are links among them.
    """

    def __init__(self, fd: int, describer: Describer, *, links: bool) -> None:
        self._fd = fd
        self._describer = describer
        self._links = links
        self._lock = threading.Lock()
        self._closed = False
        try:
            self._place = place(fd)
            self._names = os.scandir(fd)
        except BaseException:
            self._fd = -1
            os.close(fd)
            raise

    def __del__(self) -> None:
        # For one that was opened when nobody waited for it any more.
        self.close()

    def batch(self) -> list[Entry]:
        """Entries of the next names; empty at the end."""
        entries: list[Entry] = []
        with self._lock:
            while not self._closed and not entries:
                names = [found.name for found in islice(self._names, _BATCH)]
                if not names:
                    break
                entries = [entry for name in names if (entry := self._entry(name)) is not None]
        if self._closed:
            self.close()
        return entries

    def close(self) -> None:
        """Release it; never waits: a batch in progress releases it when done."""
        self._closed = True
        if self._lock.acquire(blocking=False):
            fd, self._fd = self._fd, -1
            if fd >= 0:
                self._names.close()
                os.close(fd)
            self._lock.release()

    def _entry(self, name: str) -> Entry | None:
        if is_temporary(name):
            return None
        # Never through a link: the kernel would follow it out of the jail.
        try:
            info = os.stat(name, dir_fd=self._fd, follow_symlinks=False)
            link = stat.S_ISLNK(info.st_mode)
            if link and not self._links:
                return None
            target = link_target(name, self._fd) if link else ""
        except OSError:  # it vanished, or became something else, since its name was read
            return None
        if not name.isascii():  # the locale of the process may not be UTF-8
            name = os.fsencode(name).decode("utf-8", "surrogateescape")
        return self._describer.entry(name, info, self._place, target)
