"""Several filesystems as one, each under a path of its own."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from zope.interface import Interface, alsoProvides, implementer

from ftptls.errors import PermanentError
from ftptls.interfaces import (
    IFileReader,
    IFilesystem,
    IGroups,
    IHardLinks,
    IKeepsVersions,
    ILinks,
    ILocalPaths,
    IModes,
    IRealPaths,
    IResumable,
    ISetCreated,
    ISetTimes,
    ISpace,
    IUmask,
    IUpload,
    Store,
)
from ftptls.vfs.subtree import ROOT, as_root
from ftptls.vfs.wrapping import ABILITIES
from ftptls.wire.entries import Entry, Kind


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a path is.

    Attributes:
        point: What is mounted where it is.
        files: The filesystem there.
        path: The path in it.
        number: Which of the mounted ones it is.
    """

    point: PurePosixPath
    files: Any
    path: PurePosixPath
    number: int

    def able(self, interface: type[Interface]) -> Any:
        """The filesystem, if it provides something optional.

        Raises:
            OSError: ``EOPNOTSUPP``, it does not.
        """
        if not interface.providedBy(self.files):
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
        return self.files

    def told(self, entry: Entry) -> Entry:
        """What the filesystem says of a name, as it is among all of them."""
        target = entry.target
        if target.startswith("/"):
            target = str(self.point / target.lstrip("/"))
        unique = f"{self.number}.{entry.unique}" if entry.unique and self.number else entry.unique
        return entry._replace(target=target, unique=unique)


@implementer(IFilesystem)
class Mounts:
    """A filesystem, and others in the place of some of its directories.

    ::

        Mounts({"/": LocalFilesystem("/srv/drop", workers), "/scratch": MemoryFilesystem()})

    What is mounted hides what the filesystem below has there, and is listed even where that
    has nothing. It can be neither deleted nor renamed, and nothing is renamed from one
    filesystem to another. Optional interfaces are provided if one of the filesystems does;
    where it does not, what they would do is refused. Links stay in their filesystem: one may
    lead to what is hidden there, so hide nothing secret by mounting on it.

    Args:
        mounted: The filesystems, by clean absolute path; one of them is ``/``.

    Raises:
        ValueError: A path is not clean or not absolute, or there is no ``/``.
    """

    def __init__(self, mounted: Mapping[str, IFilesystem]) -> None:
        for path in mounted:
            parts = PurePosixPath(path).parts
            if str(PurePosixPath(path)) != path or parts[:1] != ("/",) or ".." in parts:
                raise ValueError(f"{path!r} is no clean absolute path")
        if "/" not in mounted:
            raise ValueError("nothing is mounted at /")
        self._mounted: dict[PurePosixPath, Any] = {
            PurePosixPath(path): mounted[path] for path in sorted(mounted)
        }
        # Directories on the way to what is mounted, and what they lead to.
        self._ways: dict[PurePosixPath, set[str]] = {}
        for point in self._mounted:
            for way in point.parents:
                self._ways.setdefault(way, set()).add(point.relative_to(way).parts[0])
        alsoProvides(self, *filter(self._is_anywhere, ABILITIES))

    def _is_anywhere(self, interface: type[Interface]) -> bool:
        return any(interface.providedBy(each) for each in self._mounted.values())

    def _find(self, path: PurePosixPath) -> _Place:
        points = list(self._mounted)
        point = next(each for each in (path, *path.parents) if each in self._mounted)
        inner = ROOT / path.relative_to(point)
        return _Place(point, self._mounted[point], inner, points.index(point))

    def _find_name(self, path: PurePosixPath) -> _Place:
        """The same of a name that is to be taken away or given.

        Raises:
            OSError: ``EPERM``, it is the root.
            PermanentError: 550, something is mounted there or below.
        """
        if path == ROOT:
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))
        if self._stays(path):
            raise PermanentError(550, "Another filesystem is mounted there; it stays.")
        return self._find(path)

    def _stays(self, path: PurePosixPath) -> bool:
        """Whether something is mounted there or below."""
        return path in self._mounted or path in self._ways

    async def stat(self, path: PurePosixPath) -> Entry:
        """See :meth:`ftptls.interfaces.IFilesystem.stat`."""
        place = self._find(path)
        if path in self._mounted:
            entry = await place.files.stat(ROOT)
            return as_root(place.told(entry))._replace(name=path.name or "/")
        try:
            return place.told(await place.files.stat(place.path))
        except (FileNotFoundError, NotADirectoryError):
            if path not in self._ways:
                raise
            return Entry(path.name, Kind.DIRECTORY, mode=0o555, perm="el")

    async def scan(self, path: PurePosixPath) -> AsyncIterator[Sequence[Entry]]:
        """See :meth:`ftptls.interfaces.IFilesystem.scan`."""
        place = self._find(path)
        first = self._ways.get(path, set())
        if first:
            yield [await self.stat(path / name) for name in sorted(first)]
        try:
            async for batch in place.files.scan(place.path):
                if shown := [place.told(each) for each in batch if each.name not in first]:
                    yield shown
        except (FileNotFoundError, NotADirectoryError):
            if not first:
                raise

    async def open_read(self, path: PurePosixPath) -> IFileReader:
        """See :meth:`ftptls.interfaces.IFilesystem.open_read`."""
        place = self._find(path)
        reader: IFileReader = await place.files.open_read(place.path)
        return reader

    async def open_write(self, path: PurePosixPath, how: Store, offset: int) -> IUpload:
        """See :meth:`ftptls.interfaces.IFilesystem.open_write`."""
        if path in self._ways:
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        place = self._find(path)
        upload: IUpload = await place.files.open_write(place.path, how, offset)
        return upload

    async def make_directory(self, path: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.make_directory`."""
        if self._stays(path):
            raise OSError(errno.EEXIST, os.strerror(errno.EEXIST))
        place = self._find(path)
        await place.files.make_directory(place.path)

    async def remove_directory(self, path: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.remove_directory`."""
        place = self._find_name(path)
        await place.files.remove_directory(place.path)

    async def remove_file(self, path: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.remove_file`."""
        if self._stays(path):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        place = self._find(path)
        await place.files.remove_file(place.path)

    async def rename(self, source: PurePosixPath, target: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.rename`.

        Raises:
            OSError: ``EXDEV``, they are not in one filesystem.
        """
        old, new = _together(self._find_name(source), self._find_name(target))
        await old.files.rename(old.path, new.path)

    async def set_times(
        self, path: PurePosixPath, modified: float, accessed: float | None = None
    ) -> None:
        """See :meth:`ftptls.interfaces.ISetTimes.set_times`."""
        place = self._find(path)
        await place.able(ISetTimes).set_times(place.path, modified, accessed)

    async def set_created(self, path: PurePosixPath, created: float) -> None:
        """See :meth:`ftptls.interfaces.ISetCreated.set_created`."""
        place = self._find(path)
        await place.able(ISetCreated).set_created(place.path, created)

    async def set_mode(self, path: PurePosixPath, mode: int) -> None:
        """See :meth:`ftptls.interfaces.IModes.set_mode`."""
        place = self._find(path)
        await place.able(IModes).set_mode(place.path, mode)

    async def set_group(self, path: PurePosixPath, group: str) -> None:
        """See :meth:`ftptls.interfaces.IGroups.set_group`."""
        place = self._find(path)
        await place.able(IGroups).set_group(place.path, group)

    async def make_link(self, path: PurePosixPath, target: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.ILinks.make_link`.

        Raises:
            OSError: ``EXDEV``, they are not in one filesystem.
        """
        if self._stays(path):
            raise OSError(errno.EEXIST, os.strerror(errno.EEXIST))
        place, end = _together(self._find(path), self._find(target))
        await place.able(ILinks).make_link(place.path, end.path)

    async def add_name(self, path: PurePosixPath, other: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IHardLinks.add_name`.

        Raises:
            OSError: ``EXDEV``, they are not in one filesystem.
        """
        if self._stays(other):
            raise OSError(errno.EEXIST, os.strerror(errno.EEXIST))
        old, new = _together(self._find(path), self._find(other))
        await old.able(IHardLinks).add_name(old.path, new.path)

    async def available(self, path: PurePosixPath) -> int:
        """See :meth:`ftptls.interfaces.ISpace.available`."""
        place = self._find(path)
        octets: int = await place.able(ISpace).available(place.path)
        return octets

    async def arrived(self, path: PurePosixPath) -> int | None:
        """See :meth:`ftptls.interfaces.IResumable.arrived`: nothing where nothing is kept."""
        place = self._find(path)
        if not IResumable.providedBy(place.files):
            return None
        octets: int | None = await place.files.arrived(place.path)
        return octets

    @property
    def umask(self) -> int:
        """See :class:`ftptls.interfaces.IUmask`: of the first that has one."""
        umasks: list[int] = [
            each.umask for each in self._mounted.values() if IUmask.providedBy(each)
        ]
        return umasks[0]

    def with_umask(self, umask: int) -> IFilesystem:
        """See :meth:`ftptls.interfaces.IUmask.with_umask`: of all that have one."""
        return self._changed(IUmask, lambda each: each.with_umask(umask))

    async def real_path(self, path: PurePosixPath) -> PurePosixPath:
        """See :meth:`ftptls.interfaces.IRealPaths.real_path`."""
        place = self._find(path)
        if not IRealPaths.providedBy(place.files):
            return path
        real: PurePosixPath = await place.files.real_path(place.path)
        return place.point / real.relative_to(ROOT)

    async def real_name(self, path: PurePosixPath) -> PurePosixPath:
        """See :meth:`ftptls.interfaces.IRealPaths.real_name`."""
        place = self._find(path)
        if path in self._mounted or not IRealPaths.providedBy(place.files):
            return path
        real: PurePosixPath = await place.files.real_name(place.path)
        return place.point / real.relative_to(ROOT)

    def current(self, path: PurePosixPath) -> PurePosixPath:
        """See :meth:`ftptls.interfaces.IKeepsVersions.current`."""
        place = self._find(path)
        if not IKeepsVersions.providedBy(place.files):
            return path
        current: PurePosixPath = place.files.current(place.path)
        return place.point / current.relative_to(ROOT)

    async def local_path(self, path: PurePosixPath) -> str:
        """See :meth:`ftptls.interfaces.ILocalPaths.local_path`."""
        place = self._find(path)
        local: str = await place.able(ILocalPaths).local_path(place.path)
        return local

    def without_links(self) -> IFilesystem:
        """See :meth:`ftptls.interfaces.IRealPaths.without_links`."""
        return self._changed(IRealPaths, lambda each: each.without_links())

    def _changed(self, interface: type[Interface], change: Callable[[Any], Any]) -> IFilesystem:
        """The same, with another one in the place of each that provides something."""
        return Mounts(
            {
                str(point): change(each) if interface.providedBy(each) else each
                for point, each in self._mounted.items()
            }
        )


def _together(one: _Place, other: _Place) -> tuple[_Place, _Place]:
    if one.point != other.point:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
    return one, other
