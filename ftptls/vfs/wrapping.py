"""A filesystem around another one: the base of those that change a part of what it does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from copy import copy
from pathlib import PurePosixPath
from typing import Any, ClassVar, Self

from zope.interface import Interface, alsoProvides, implementer

from ftptls.interfaces import (
    IBounded,
    IDescriptor,
    IFileReader,
    IFilesystem,
    IGroups,
    IHardLinks,
    IKeepsPart,
    IKeepsVersions,
    ILinks,
    ILocalPaths,
    IModes,
    IOwnWorkers,
    IRealPaths,
    IResumable,
    ISetCreated,
    ISetTimes,
    ISpace,
    IUmask,
    IUpload,
    IWorkers,
    Store,
)
from ftptls.wire.entries import Entry

ABILITIES: tuple[type[Interface], ...] = (
    ISetTimes,
    ISetCreated,
    IModes,
    IUmask,
    IGroups,
    IHardLinks,
    ILinks,
    ISpace,
    IResumable,
    IRealPaths,
    IKeepsVersions,
    ILocalPaths,
)
"""The optional interfaces of a filesystem that are about its files."""
_DIRECT: tuple[type[Interface], ...] = (IDescriptor, IOwnWorkers, IBounded, IKeepsPart)


@implementer(IUpload)
class WrappedUpload:
    """Another upload as it is; the data path may write to its descriptor, if it has one.

    Args:
        upload: The other one, checked and not begun.
    """

    def __init__(self, upload: IUpload) -> None:
        self._upload: Any = upload
        alsoProvides(self, *filter(lambda each: each.providedBy(upload), _DIRECT))

    @property
    def in_place(self) -> bool:
        """See :class:`ftptls.interfaces.IUpload`."""
        in_place: bool = self._upload.in_place
        return in_place

    @property
    def offset(self) -> int:
        """See :class:`ftptls.interfaces.IUpload`."""
        offset: int = self._upload.offset
        return offset

    @property
    def workers(self) -> IWorkers:
        """See :class:`ftptls.interfaces.IOwnWorkers`."""
        workers: IWorkers = self._upload.workers
        return workers

    @property
    def end(self) -> int | None:
        """See :class:`ftptls.interfaces.IBounded`."""
        end: int | None = self._upload.end
        return end

    def fileno(self) -> int:
        """See :meth:`ftptls.interfaces.IDescriptor.fileno`."""
        number: int = self._upload.fileno()
        return number

    async def begin(self) -> None:
        """See :meth:`ftptls.interfaces.IUpload.begin`."""
        await self._upload.begin()

    async def write_at(self, offset: int, data: bytes) -> None:
        """See :meth:`ftptls.interfaces.IUpload.write_at`."""
        await self._upload.write_at(offset, data)

    async def commit(self) -> None:
        """See :meth:`ftptls.interfaces.IUpload.commit`."""
        await self._upload.commit()

    async def abandon(self) -> None:
        """See :meth:`ftptls.interfaces.IUpload.abandon`."""
        await self._upload.abandon()

    async def keep(self) -> int:
        """See :meth:`ftptls.interfaces.IKeepsPart.keep`."""
        kept: int = await self._upload.keep()
        return kept


@implementer(IFilesystem)
class Wrapper:
    """Another filesystem as it is; what a subclass changes, it overrides.

    It provides those of the optional interfaces that the other one does, except ``lost``.
    Every path is passed on as :meth:`_inner` or :meth:`_inner_name` has it, so that a subclass
    that only moves names overrides those, :meth:`_outer`, and :meth:`_shown` for what is listed.

    Args:
        filesystem: The other one.
    """

    lost: ClassVar[frozenset[type[Interface]]] = frozenset()
    """Optional interfaces that cannot be provided here."""

    def __init__(self, filesystem: IFilesystem) -> None:
        self._files: Any = filesystem
        kept = (each for each in ABILITIES if each not in self.lost)
        alsoProvides(self, *(each for each in kept if each.providedBy(filesystem)))

    async def _inner(self, path: PurePosixPath) -> PurePosixPath:
        """Where a path of ours is in the other filesystem."""
        return path

    async def _inner_name(self, path: PurePosixPath) -> PurePosixPath:
        """The same where the name itself is meant, which may be that of a link."""
        return await self._inner(path)

    def _outer(self, path: PurePosixPath) -> PurePosixPath:
        """Where a path of the other filesystem is in ours."""
        return path

    def _shown(self, path: PurePosixPath, entries: Sequence[Entry]) -> Sequence[Entry]:
        """What is listed of the entries of a directory of ours."""
        return entries

    def _around(self, filesystem: IFilesystem) -> Self:
        """The same, around a variant of the other filesystem."""
        other = copy(self)
        other._files = filesystem
        return other

    async def stat(self, path: PurePosixPath) -> Entry:
        """See :meth:`ftptls.interfaces.IFilesystem.stat`."""
        entry: Entry = await self._files.stat(await self._inner(path))
        return entry

    async def scan(self, path: PurePosixPath) -> AsyncIterator[Sequence[Entry]]:
        """See :meth:`ftptls.interfaces.IFilesystem.scan`."""
        async for batch in self._files.scan(await self._inner(path)):
            if shown := self._shown(path, batch):
                yield shown

    async def open_read(self, path: PurePosixPath) -> IFileReader:
        """See :meth:`ftptls.interfaces.IFilesystem.open_read`."""
        reader: IFileReader = await self._files.open_read(await self._inner(path))
        return reader

    async def open_write(self, path: PurePosixPath, how: Store, offset: int) -> IUpload:
        """See :meth:`ftptls.interfaces.IFilesystem.open_write`."""
        upload: IUpload = await self._files.open_write(await self._inner(path), how, offset)
        return upload

    async def make_directory(self, path: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.make_directory`."""
        await self._files.make_directory(await self._inner_name(path))

    async def remove_directory(self, path: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.remove_directory`."""
        await self._files.remove_directory(await self._inner_name(path))

    async def remove_file(self, path: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.remove_file`."""
        await self._files.remove_file(await self._inner_name(path))

    async def rename(self, source: PurePosixPath, target: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.rename`."""
        old, new = await self._inner_name(source), await self._inner_name(target)
        await self._files.rename(old, new)

    async def set_times(
        self, path: PurePosixPath, modified: float, accessed: float | None = None
    ) -> None:
        """See :meth:`ftptls.interfaces.ISetTimes.set_times`."""
        await self._files.set_times(await self._inner(path), modified, accessed)

    async def set_created(self, path: PurePosixPath, created: float) -> None:
        """See :meth:`ftptls.interfaces.ISetCreated.set_created`."""
        await self._files.set_created(await self._inner(path), created)

    async def set_mode(self, path: PurePosixPath, mode: int) -> None:
        """See :meth:`ftptls.interfaces.IModes.set_mode`."""
        await self._files.set_mode(await self._inner(path), mode)

    async def set_group(self, path: PurePosixPath, group: str) -> None:
        """See :meth:`ftptls.interfaces.IGroups.set_group`."""
        await self._files.set_group(await self._inner(path), group)

    async def make_link(self, path: PurePosixPath, target: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.ILinks.make_link`."""
        place = await self._inner_name(path)
        await self._files.make_link(place, await self._inner(target))

    async def add_name(self, path: PurePosixPath, other: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IHardLinks.add_name`."""
        await self._files.add_name(await self._inner_name(path), await self._inner_name(other))

    async def available(self, path: PurePosixPath) -> int:
        """See :meth:`ftptls.interfaces.ISpace.available`."""
        octets: int = await self._files.available(await self._inner(path))
        return octets

    async def arrived(self, path: PurePosixPath) -> int | None:
        """See :meth:`ftptls.interfaces.IResumable.arrived`."""
        octets: int | None = await self._files.arrived(await self._inner(path))
        return octets

    @property
    def umask(self) -> int:
        """See :class:`ftptls.interfaces.IUmask`."""
        umask: int = self._files.umask
        return umask

    def with_umask(self, umask: int) -> IFilesystem:
        """See :meth:`ftptls.interfaces.IUmask.with_umask`."""
        return self._around(self._files.with_umask(umask))

    async def real_path(self, path: PurePosixPath) -> PurePosixPath:
        """See :meth:`ftptls.interfaces.IRealPaths.real_path`."""
        return self._outer(await self._files.real_path(await self._inner(path)))

    async def real_name(self, path: PurePosixPath) -> PurePosixPath:
        """See :meth:`ftptls.interfaces.IRealPaths.real_name`."""
        return self._outer(await self._files.real_name(await self._inner_name(path)))

    def current(self, path: PurePosixPath) -> PurePosixPath:
        """See :meth:`ftptls.interfaces.IKeepsVersions.current`."""
        current: PurePosixPath = self._files.current(path)
        return current

    async def local_path(self, path: PurePosixPath) -> str:
        """See :meth:`ftptls.interfaces.ILocalPaths.local_path`."""
        local: str = await self._files.local_path(await self._inner(path))
        return local

    def without_links(self) -> IFilesystem:
        """See :meth:`ftptls.interfaces.IRealPaths.without_links`."""
        return self._around(self._files.without_links())
