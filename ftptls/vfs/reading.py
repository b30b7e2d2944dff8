"""A file of the local disk that is being read."""

from __future__ import annotations

import errno
import os
import threading

from zope.interface import implementer

from ftptls.interfaces import IDescriptor, IFileReader, IWorkers


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
