"""Filesystems around filesystems."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import NoReturn

from zope.interface import Interface, alsoProvides, implementer

from ftptls.interfaces import (
    IFileReader,
    IFilesystem,
    IGroups,
    ILinks,
    IModes,
    ISetCreated,
    ISetTimes,
    ISpace,
    IUmask,
    IUpload,
    Store,
)
from ftptls.wire.entries import Entry

_ABILITIES: tuple[type[Interface], ...] = (
    ISetTimes,
    ISetCreated,
    IModes,
    IUmask,
    IGroups,
    ILinks,
    ISpace,
)
_READING = frozenset("elr")  # RFC 3659 §7.5.5: enter, list, retrieve


@implementer(IFilesystem)
class ReadOnly:
    """Another filesystem, of which nothing can be changed: every change is ``EROFS``.

    It provides those of the optional interfaces that the other one does, so that a client
    is told that a change is not allowed here, not that the server does not know of it.

    Args:
        filesystem: What is shown.
    """

    def __init__(self, filesystem: IFilesystem) -> None:
        self._filesystem = filesystem
        alsoProvides(self, *(each for each in _ABILITIES if each.providedBy(filesystem)))

    @property
    def umask(self) -> int:
        """See :class:`ftptls.interfaces.IUmask`."""
        umask: int = IUmask(self._filesystem).umask
        return umask

    async def stat(self, path: PurePosixPath) -> Entry:
        """See :meth:`ftptls.interfaces.IFilesystem.stat`."""
        return _reading(await self._filesystem.stat(path))

    async def scan(self, path: PurePosixPath) -> AsyncIterator[Sequence[Entry]]:
        """See :meth:`ftptls.interfaces.IFilesystem.scan`."""
        async for batch in self._filesystem.scan(path):
            yield [_reading(entry) for entry in batch]

    async def open_read(self, path: PurePosixPath) -> IFileReader:
        """See :meth:`ftptls.interfaces.IFilesystem.open_read`."""
        return await self._filesystem.open_read(path)

    async def open_write(self, path: PurePosixPath, how: Store, offset: int) -> IUpload:
        """Refused."""
        _refuse()

    async def make_directory(self, path: PurePosixPath) -> None:
        """Refused."""
        _refuse()

    async def remove_directory(self, path: PurePosixPath) -> None:
        """Refused."""
        _refuse()

    async def remove_file(self, path: PurePosixPath) -> None:
        """Refused."""
        _refuse()

    async def rename(self, source: PurePosixPath, target: PurePosixPath) -> None:
        """Refused."""
        _refuse()

    async def set_times(
        self, path: PurePosixPath, modified: float, accessed: float | None = None
    ) -> None:
        """Refused."""
        _refuse()

    async def set_created(self, path: PurePosixPath, created: float) -> None:
        """Refused."""
        _refuse()

    async def set_mode(self, path: PurePosixPath, mode: int) -> None:
        """Refused."""
        _refuse()

    async def set_group(self, path: PurePosixPath, group: str) -> None:
        """Refused."""
        _refuse()

    async def make_link(self, path: PurePosixPath, target: PurePosixPath) -> None:
        """Refused."""
        _refuse()

    def with_umask(self, umask: int) -> IFilesystem:
        """Refused."""
        _refuse()

    async def available(self, path: PurePosixPath) -> int:
        """Nothing, however much there is."""
        await ISpace(self._filesystem).available(path)
        return 0


def _refuse() -> NoReturn:
    raise OSError(errno.EROFS, os.strerror(errno.EROFS))


def _reading(entry: Entry) -> Entry:
    return replace(entry, perm="".join(letter for letter in entry.perm if letter in _READING))
