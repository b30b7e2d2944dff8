"""The content of an upload that is whole and has no name yet, for who checks it."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from typing import IO

from ftptls.interfaces import IWorkers

_PIECE = 1024 * 1024
_PIECES_IN_A_ROW = 16  # on a thread, before others have their turn
_DESCRIPTORS = "/proc/self/fd"


def can_reopen() -> bool:
    """Whether a descriptor that only writes can be had once more for reading (Linux)."""
    return os.path.isdir(_DESCRIPTORS)  # not in every chroot


class Spool:
    """A file without a name, into which an upload is copied while it goes.

    For filesystems that have no descriptor which could be read.
    """

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - until close

    def __del__(self) -> None:
        self.close()  # where nobody came to do it, as at the end of a session

    def write(self, offset: int, data: bytes) -> None:
        """Write all of it; blocks."""
        rest = memoryview(data)
        while rest:
            written = os.pwrite(self.fileno(), rest, offset)
            rest = rest[written:]
            offset += written

    def fileno(self) -> int:
        """The descriptor, until :meth:`close`."""
        if self._file is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return self._file.fileno()

    def close(self) -> None:
        """The file is gone; harmless when repeated."""
        if self._file is not None:
            self._file.close()
            self._file = None


class Content:
    """A descriptor of its own to read a file that is being written; blocks.

    Args:
        descriptor: One of the file, which may be open for writing only on Linux.

    Raises:
        OSError: It cannot be opened.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = -1
        if can_reopen():
            path = f"{_DESCRIPTORS}/{descriptor}"
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY)
        else:  # it shares its position, so only one may be open at a time
            self._descriptor = os.dup(descriptor)
            os.lseek(self._descriptor, 0, os.SEEK_SET)

    def __del__(self) -> None:
        self.close()  # what was opened for somebody who waits no more

    def fileno(self) -> int:
        """The descriptor, until :meth:`close`."""
        return self._descriptor

    def close(self) -> None:
        """Close it; harmless when repeated."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


async def digest(content: Content, workers: IWorkers) -> str:
    """SHA-256 of it in hexadecimal, read on threads in pieces."""
    made = hashlib.sha256()

    def go_on(offset: int) -> int:
        for _ in range(_PIECES_IN_A_ROW):
            data = os.pread(content.fileno(), _PIECE, offset)
            if not data:
                return -1
            made.update(data)
            offset += len(data)
        return offset

    offset = 0
    while offset >= 0:
        offset = await workers.run(go_on, offset)
    return made.hexdigest()
