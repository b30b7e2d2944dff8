"""Files so small that they are read as they are opened, and at once where nothing is waited for.

To ask a worker costs more than to open and read a small file that the kernel has in memory,
or to look where an upload goes. The kernel says whether it has: a path is resolved if every
name on it is in memory (``RESOLVE_CACHED``), and octets are read if they are (``RWF_NOWAIT``).
Whatever else comes of it, a worker does it all again.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress

from zope.interface import implementer

from ftptls.interfaces import IContents, IFileReader, IWorkers
from ftptls.vfs.jail import DIRECTORY, LOOK, Jail
from ftptls.vfs.reading import LocalReader
from ftptls.vfs.temporaries import open_regular

SMALL = 64 * 1024
"""Octets of the largest file that is small."""
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_NO_WAIT: int = getattr(os, "RWF_NOWAIT", 0)
# By the numbers of the disks that were read from: whether they tell what they have in memory.
_tells: dict[int, bool] = {}


@implementer(IFileReader, IContents)
class SmallReader:
    """A file as it was when it was opened.

    Args:
        contents: All of it.
    """

    def __init__(self, contents: bytes) -> None:
        self.contents = contents
        self.size = len(contents)
        self._closed = False

    async def read_at(self, offset: int, size: int) -> bytes:
        """See :meth:`ftptls.interfaces.IFileReader.read_at`."""
        if self._closed:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return self.contents[offset : offset + size]

    async def close(self) -> None:
        """See :meth:`ftptls.interfaces.IFileReader.close`."""
        self._closed = True


def read_small(fd: int, size: int) -> SmallReader:
    """Read what is open, and close it."""
    try:
        pieces: list[bytes] = []
        while size and (piece := os.pread(fd, size, sum(map(len, pieces)))):
            pieces.append(piece)
            size -= len(piece)
    finally:
        os.close(fd)
    return SmallReader(b"".join(pieces))


def open_at_once(jail: Jail, path: bytes, workers: IWorkers) -> SmallReader | LocalReader | None:
    """Open a file for reading if nothing is waited for; a small one is read, too.

    Only on the disk that the folder is on, and only if :func:`never_waits` said yes of it.

    Args:
        jail: The folder.
        path: As for :meth:`Jail.open`.
        workers: For the reader of a larger file.

    Returns:
        ``None`` if it cannot be done so, or not at all.
    """
    try:
        look = jail.open_cached(path, LOOK)
        try:
            info = os.fstat(look)
            if not (stat.S_ISREG(info.st_mode) and _tells.get(info.st_dev)):
                return None
            fd = os.open(f"/proc/self/fd/{look}", _READ)
        finally:
            os.close(look)
    except OSError:
        return None
    size = info.st_size
    if size > SMALL:
        os.set_blocking(fd, True)
        return LocalReader(fd, size, workers)
    contents = bytearray(size)
    try:
        whole = not size or os.preadv(fd, [contents], 0, _NO_WAIT) == size
    except OSError:
        whole = False
    finally:
        os.close(fd)
    return SmallReader(bytes(contents)) if whole else None


def locate_at_once(jail: Jail, path: bytes) -> tuple[int, bytes] | None:
    """Find the directory and the name of a file if nothing is waited for, be it there or not.

    Only on the disk that the folder is on, and only if :func:`never_waits` said yes of it.

    Args:
        jail: The folder.
        path: As for :meth:`Jail.locate`.

    Returns:
        A descriptor that the caller closes, and a name that is none of a link. ``None`` if it
        cannot be done so, or not at all.
    """
    head, _, name = path.rpartition(b"/")
    if not (name and any(_tells.values()) and _knows(jail, path)):
        return None
    try:
        directory = jail.open_cached(head or b"/", DIRECTORY)
    except OSError:
        return None
    if _tells.get(os.fstat(directory).st_dev):
        return directory, name
    os.close(directory)
    return None


def _knows(jail: Jail, path: bytes) -> bool:
    """Whether the kernel has in memory what a path stands for, or that it does for nothing.

    A link is for a worker to follow.
    """
    try:
        look = jail.open_cached(path, LOOK | os.O_NOFOLLOW)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        return not stat.S_ISLNK(os.fstat(look).st_mode)
    finally:
        os.close(look)


def learn(name: bytes, directory: int, device: int) -> None:
    """Find out :func:`never_waits` of a disk by a file there, if it may be read.

    Args:
        name: A regular file.
        directory: Where it is.
        device: The number of the disk.
    """
    if device in _tells:
        return
    with suppress(OSError):
        fd = open_regular(name, directory, _READ)
        try:
            never_waits(fd, device)
        finally:
            os.close(fd)


def never_waits(fd: int, device: int) -> bool:
    """Whether a disk tells what it has in memory, as those across a network do not.

    It is found out once for all sessions.

    Args:
        fd: A file there, which is open for reading.
        device: The number of the disk.
    """
    if device not in _tells:
        _tells[device] = _tells_of(fd)
    return _tells[device]


def _tells_of(fd: int) -> bool:
    if not _NO_WAIT:
        return False
    try:
        os.preadv(fd, [bytearray(1)], 0, _NO_WAIT)
    except BlockingIOError:
        return True
    except OSError:  # EOPNOTSUPP
        return False
    return True
