"""A filesystem as an avatar of ``twisted.protocols.ftp``."""

from __future__ import annotations

import errno
from collections.abc import Coroutine, Sequence
from pathlib import PurePosixPath
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.protocols.ftp import IFTPShell
from zope.interface import Interface, implementer

from ftptls.interfaces import IFilesystem, Store
from ftptls.vfs.ftpshell.errors import answer
from ftptls.vfs.ftpshell.facts import values_of
from ftptls.vfs.ftpshell.files import ReadFile, WriteFile
from ftptls.vfs.ftpshell.names import to_path, told
from ftptls.vfs.tree import os_error
from ftptls.wire.entries import Entry, Kind

T = TypeVar("T")
Segments = Sequence[str | bytes]
Values = list[object]
Listing = list[tuple[str | bytes, Values]]


@implementer(IFTPShell)
class AsShell:
    """A filesystem for code that wants an :class:`~twisted.protocols.ftp.IFTPShell`.

    A shell can do less, and so what is lost is: restart markers, appending, times, modes.
    And nobody tells a shell that an upload broke: what arrived takes the place of the file.

    Args:
        filesystem: It.
        wire_names: Whether the names that come are those of Twisted's own server, one
            character for each octet of UTF-8. Names in listings are text in either case.
    """

    def __init__(self, filesystem: IFilesystem, *, wire_names: bool = False) -> None:
        self._filesystem = filesystem
        self._wire_names = wire_names

    def __conform__(self, interface: type[Interface]) -> object:
        return self._filesystem if interface is IFilesystem else None

    def makeDirectory(self, path: Segments) -> Deferred[None]:
        """See :class:`twisted.protocols.ftp.IFTPShell`."""
        return self._do(path, self._make_directory(path))

    def removeDirectory(self, path: Segments) -> Deferred[None]:
        """See :class:`twisted.protocols.ftp.IFTPShell`."""
        return self._do(path, self._remove_directory(path))

    def removeFile(self, path: Segments) -> Deferred[None]:
        """See :class:`twisted.protocols.ftp.IFTPShell`."""
        return self._do(path, self._remove_file(path))

    def rename(self, source: Segments, target: Segments) -> Deferred[None]:
        """See :class:`twisted.protocols.ftp.IFTPShell`."""
        return self._do(source, self._rename(source, target))

    def access(self, path: Segments) -> Deferred[None]:
        """See :class:`twisted.protocols.ftp.IFTPShell`; it is asked of working directories."""
        return self._do(path, self._access(path))

    def stat(self, path: Segments, keys: Sequence[str] = ()) -> Deferred[Values]:
        """See :class:`twisted.protocols.ftp.IFTPShell`."""
        return self._do(path, self._stat(path, keys))

    def list(self, path: Segments, keys: Sequence[str] = ()) -> Deferred[Listing]:
        """See :class:`twisted.protocols.ftp.IFTPShell`."""
        return self._do(path, self._list(path, keys))

    def openForReading(self, path: Segments) -> Deferred[ReadFile]:
        """See :class:`twisted.protocols.ftp.IFTPShell`."""
        return self._do(path, self._open_read(path))

    def openForWriting(self, path: Segments) -> Deferred[WriteFile]:
        """See :class:`twisted.protocols.ftp.IFTPShell`; nothing is touched yet."""
        return self._do(path, self._open_write(path))

    def _path(self, segments: Segments) -> PurePosixPath:
        return to_path(segments, wire_names=self._wire_names)

    def _do(self, path: Segments, work: Coroutine[Any, Any, T]) -> Deferred[T]:
        return Deferred.fromCoroutine(answer(work, _shown(path)))

    async def _make_directory(self, path: Segments) -> None:
        await self._filesystem.make_directory(self._path(path))

    async def _remove_directory(self, path: Segments) -> None:
        await self._filesystem.remove_directory(self._path(path))

    async def _remove_file(self, path: Segments) -> None:
        await self._filesystem.remove_file(self._path(path))

    async def _rename(self, source: Segments, target: Segments) -> None:
        await self._filesystem.rename(self._path(source), self._path(target))

    async def _access(self, path: Segments) -> None:
        entry = await self._filesystem.stat(self._path(path))
        if not entry.is_directory:
            raise os_error(errno.ENOTDIR)

    async def _stat(self, path: Segments, keys: Sequence[str]) -> Values:
        return values_of(await self._filesystem.stat(self._path(path)), keys)

    async def _list(self, path: Segments, keys: Sequence[str]) -> Listing:
        directory = self._path(path)
        itself = await self._filesystem.stat(directory)
        if not itself.is_directory:
            return [(told(itself.name), values_of(itself, keys))]
        return [
            (told(entry.name), values_of(await self._followed(directory, entry), keys))
            async for batch in self._filesystem.scan(directory)
            for entry in batch
        ]

    async def _followed(self, directory: PurePosixPath, entry: Entry) -> Entry:
        """What a link leads to: a shell has no word for the link."""
        if entry.kind is not Kind.LINK:
            return entry
        try:
            return await self._filesystem.stat(directory / entry.name)
        except FileNotFoundError:
            return entry

    async def _open_read(self, path: Segments) -> ReadFile:
        return ReadFile(await self._filesystem.open_read(self._path(path)), _shown(path))

    async def _open_write(self, path: Segments) -> WriteFile:
        upload = await self._filesystem.open_write(self._path(path), Store.REPLACE, 0)
        return WriteFile(upload, _shown(path))


def _shown(path: Segments) -> str:
    """A path for the replies of Twisted's server, which sends them as Latin-1."""
    return "/".join(each.decode("latin-1") if isinstance(each, bytes) else each for each in path)
