"""What is open on a local disk: a file that is read, a directory that is listed."""

from __future__ import annotations

import errno
import os
import sys
import threading
from collections.abc import Sequence
from itertools import islice

from zope.interface import implementer

from ftptls.interfaces import IDescriptor, IFileReader, IWorkers
from ftptls.vfs.stats import Describer, place
from ftptls.vfs.temporaries import is_temporary
from ftptls.wire.entries import Kind, Row, Rows

_BATCH = 1000
_NAMES_ARE_UTF_8 = sys.getfilesystemencoding() == "utf-8"


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

    def batch(self) -> Rows:
        """Entries of the next names; empty at the end."""
        rows: list[Row] = []
        with self._lock:
            while not self._closed and not rows:
                found = list(islice(self._names, _BATCH))
                if not found:
                    break
                rows = self._rows(found)
        if self._closed:
            self.close()
        return Rows(rows)

    def close(self) -> None:
        """Release it; never waits: a batch in progress releases it when done."""
        self._closed = True
        if self._lock.acquire(blocking=False):
            fd, self._fd = self._fd, -1
            if fd >= 0:
                self._names.close()
                os.close(fd)
            self._lock.release()

    def _rows(self, found: Sequence[os.DirEntry[str]]) -> list[Row]:
        """What is said of names; of none that vanished, or became something else, meanwhile."""
        rows: list[Row] = []
        known = self._describer.known(self._place)
        for each in found:
            name, target = each.name, ""
            if name[0] == "." and is_temporary(name):
                continue
            try:
                # Never through a link: the kernel would follow it out of the jail.
                info = each.stat(follow_symlinks=False)
                mode, serial, device, links, uid, gid, size, _, _, _ = info
                key = (mode, uid, gid, device)
                traits = known.get(key) or self._describer.learn(key, self._place)
                if traits.kind is Kind.LINK:
                    if not self._links:
                        continue
                    target = link_target(name, self._fd)
            except OSError:
                continue
            rows.append((name, traits, size, info.st_mtime, links, serial, target))
        return rows if _NAMES_ARE_UTF_8 else [(_as_utf_8(row[0]), *row[1:]) for row in rows]


def _as_utf_8(name: str) -> str:
    """A name as text, which the locale of the process may have taken for something else."""
    return os.fsencode(name).decode("utf-8", "surrogateescape")
