"""A folder of another filesystem as the whole of one."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from ftptls.interfaces import IFilesystem, ILinks, IRealPaths
from ftptls.vfs.wrapping import Wrapper
from ftptls.wire.entries import Entry, Kind

ROOT = PurePosixPath("/")


class Subtree(Wrapper):
    """A folder of another filesystem; nothing outside of it can be reached or seen.

    ::

        Subtree(MemoryFilesystem({"/home/alice/a.txt": b"hello"}), PurePosixPath("/home/alice"))

    A link is followed if it leads to another place in the folder; one that leads out is as
    one that leads nowhere. A local folder is better served by a
    :class:`~ftptls.vfs.local.LocalFilesystem` of its own, where absolute links begin there.

    Args:
        filesystem: The other one.
        folder: A clean absolute path there, with no link on the way; it may be made later.
    """

    lost = frozenset({ILinks})  # an absolute target would be one of the other filesystem

    def __init__(self, filesystem: IFilesystem, folder: PurePosixPath) -> None:
        super().__init__(filesystem)
        self._folder = folder
        self._asked: Any = filesystem
        self._links = IRealPaths.providedBy(filesystem)
        if self._links:
            # Where a path leads is judged; what was judged is reached through no link, so
            # that none can be swapped in between.
            self._files = IRealPaths(filesystem).without_links()

    async def _inner(self, path: PurePosixPath) -> PurePosixPath:
        place = self._folder / path.relative_to(ROOT)
        if not self._links:
            return place
        end: PurePosixPath = await self._asked.real_path(place)
        if not end.is_relative_to(self._folder):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return end

    async def _inner_name(self, path: PurePosixPath) -> PurePosixPath:
        if path == ROOT:
            return self._folder
        directory = await self._inner(path.parent)
        if not self._links:
            return directory / path.name
        place: PurePosixPath = await self._asked.real_name(directory / path.name)
        return place

    def _outer(self, path: PurePosixPath) -> PurePosixPath:
        return ROOT / path.relative_to(self._folder)

    def current(self, path: PurePosixPath) -> PurePosixPath:
        """See :meth:`ftptls.interfaces.IKeepsVersions.current`; outside of it there is none."""
        current = super().current(self._folder / path.relative_to(ROOT))
        return self._outer(current) if current.is_relative_to(self._folder) else path

    def _around(self, filesystem: IFilesystem) -> Subtree:
        return type(self)(filesystem, self._folder)

    async def stat(self, path: PurePosixPath) -> Entry:
        """See :meth:`ftptls.interfaces.IFilesystem.stat`."""
        entry: Entry = await self._files.stat(await self._inner_name(path))
        if path == ROOT:
            return as_root(entry)
        if entry.kind is not Kind.LINK:
            return entry
        try:
            found: Entry = await self._files.stat(await self._inner(path))
        except FileNotFoundError:
            return self._without_target(entry)
        # Deleted and renamed is the link itself.
        perm = "".join(each for each in found.perm if each not in "df" or each in entry.perm)
        return found._replace(name=entry.name, perm=perm)

    async def remove_directory(self, path: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.remove_directory`."""
        _refuse_root(path)
        await super().remove_directory(path)

    async def rename(self, source: PurePosixPath, target: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.rename`."""
        _refuse_root(source, target)
        await super().rename(source, target)

    def _shown(self, path: PurePosixPath, entries: Sequence[Entry]) -> Sequence[Entry]:
        return [self._without_target(entry) for entry in entries]

    def _without_target(self, entry: Entry) -> Entry:
        """An absolute target is told as it is in here, and one outside not at all."""
        target = PurePosixPath(entry.target)
        if entry.kind is not Kind.LINK or not target.is_absolute():
            return entry
        inside = target.is_relative_to(self._folder) and ".." not in target.parts
        return entry._replace(target=str(self._outer(target)) if inside else "")


def _refuse_root(*paths: PurePosixPath) -> None:
    if ROOT in paths:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))


def as_root(entry: Entry) -> Entry:
    """What is said of a directory that is the root: it can be neither deleted nor renamed."""
    return entry._replace(name="/", perm=entry.perm.translate({ord(each): "" for each in "df"}))
