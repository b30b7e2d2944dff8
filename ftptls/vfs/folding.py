"""A filesystem in which the case of names does not count."""

from __future__ import annotations

import errno
import os
import unicodedata
from pathlib import PurePosixPath

from zope.interface import alsoProvides

from ftptls.interfaces import IFilesystem, IRealPaths
from ftptls.vfs.wrapping import Wrapper

_ROOT = PurePosixPath("/")


def folded(name: str) -> str:
    """What two names have in common that are one here: no case, and composed letters."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


class CaseFolding(Wrapper):
    """Another filesystem, where ``README``, ``readme`` and ``ReadMe`` are one name.

    Names keep the case in which they were made, and are listed so. If the other filesystem
    has several that differ in case only, each is found by its own spelling; by another one,
    the first of them in the order of their code points is. A name that is not there as it is
    spelled costs a listing of its directory.

    It provides :class:`~ftptls.interfaces.IRealPaths`, so that rights which differ by path are
    judged by names as they are.

    Args:
        filesystem: The other one.
    """

    def __init__(self, filesystem: IFilesystem) -> None:
        super().__init__(filesystem)
        alsoProvides(self, IRealPaths)

    async def _inner(self, path: PurePosixPath) -> PurePosixPath:
        if await self._is_there(path):
            return path
        parent = await self._inner(path.parent)
        if parent != path.parent and await self._is_there(parent / path.name):
            return parent / path.name
        return parent / await self._spelling(parent, path.name)

    async def _is_there(self, path: PurePosixPath) -> bool:
        """Whether it is, spelled so; other errors are those of the name."""
        if path == _ROOT:
            return True
        try:
            await self._files.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    async def _spelling(self, directory: PurePosixPath, name: str) -> str:
        """How a name is spelled that is there, and else as it is given."""
        wanted = folded(name)
        found: list[str] = []
        try:
            async for batch in self._files.scan(directory):
                found += [each.name for each in batch if folded(each.name) == wanted]
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            return name
        return min(found, default=name)

    async def rename(self, source: PurePosixPath, target: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.rename`; it can change the case alone, too."""
        old, new = await self._inner_name(source), await self._inner_name(target)
        await self._files.rename(old, new if new != old else new.parent / target.name)

    async def real_path(self, path: PurePosixPath) -> PurePosixPath:
        """See :meth:`ftptls.interfaces.IRealPaths.real_path`."""
        place = await self._inner(path)
        if IRealPaths.providedBy(self._files):
            real: PurePosixPath = await self._files.real_path(place)
            return real
        if (
            not await self._is_there(place)
            and not (await self._files.stat(place.parent)).is_directory
        ):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        return place

    async def real_name(self, path: PurePosixPath) -> PurePosixPath:
        """See :meth:`ftptls.interfaces.IRealPaths.real_name`."""
        place = await self._inner_name(path)
        if not IRealPaths.providedBy(self._files):
            return await self.real_path(place.parent) / place.name
        real: PurePosixPath = await self._files.real_name(place)
        return real

    def without_links(self) -> IFilesystem:
        """See :meth:`ftptls.interfaces.IRealPaths.without_links`: names as they are spelled."""
        plain = IRealPaths.providedBy(self._files)
        files: IFilesystem = self._files.without_links() if plain else self._files
        return files
