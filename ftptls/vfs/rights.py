"""A filesystem of which a user may do some things only, by path."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence, Set
from contextlib import suppress
from functools import wraps
from pathlib import PurePosixPath
from typing import Any, Concatenate, ParamSpec, TypeVar

from zope.interface import Interface, alsoProvides, implementer

from ftptls.errors import PermanentError
from ftptls.interfaces import (
    IFileReader,
    IFilesystem,
    IGroups,
    IKeepsVersions,
    ILinks,
    ILocalPaths,
    IModes,
    IRealPaths,
    IRestricted,
    IResumable,
    ISetCreated,
    ISetTimes,
    ISpace,
    IUmask,
    IUpload,
    Store,
)
from ftptls.settings.rights import KNOW, NOTHING, READ_ONLY, ROOT, Right, Rights
from ftptls.vfs.permits import APPEARING, Permits, absent, all_limited, appearing, demand, limited
from ftptls.wire.entries import Entry, Kind

__all__ = ["READ_ONLY", "Restricted", "Right", "Rights"]

P = ParamSpec("P")
T = TypeVar("T")

_ABILITIES: tuple[type[Interface], ...] = (
    ISetTimes,
    ISetCreated,
    IModes,
    IUmask,
    IGroups,
    ILinks,
    ISpace,
    IResumable,
    IRealPaths,
    IKeepsVersions,
    ILocalPaths,
)
_STORE = Right.WRITE_NEW | Right.OVERWRITE | Right.APPEND
# What an upload takes where a file is already; a new one takes WRITE_NEW.
_CHANGING = {
    Store.REPLACE: Right.OVERWRITE,
    Store.RESUME: Right.OVERWRITE | Right.APPEND,
    Store.APPEND: Right.APPEND,
    Store.NEW: NOTHING,
}


def _discreet(
    method: Callable[Concatenate[Restricted, PurePosixPath, P], Awaitable[T]],
) -> Callable[Concatenate[Restricted, PurePosixPath, P], Coroutine[Any, Any, T]]:
    """Let errors of a method tell of no file that the user may not know of."""

    @wraps(method)
    async def call(
        self: Restricted, path: PurePosixPath, /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        with self._permits.discreet(path):
            return await method(self, path, *args, **kwargs)

    return call


@implementer(IFilesystem, IRestricted)
class Restricted:
    """Another filesystem, and what may be done there: the rest is 550, with the reason.

    ::

        Restricted(filesystem, Rights(["/** = read_only", "/in/** = upload_only"]))

    A name that one may do nothing with, and a file that one may not know of, is as if it were
    not there. Where the filesystem has links, both the path that was asked for and the one
    that it leads to must allow a thing; and what was judged is then reached through no link,
    so that none can be swapped in between. Of an old version, both its own path and that of
    the file must allow it.

    It provides those of the optional interfaces that the other one does: what is not allowed
    is refused here, with the reason. FEAT leaves out what is allowed nowhere.

    Args:
        filesystem: What is served. Around another :class:`Restricted`, both restrict.
        rights: What may be done.
    """

    def __init__(self, filesystem: IFilesystem, rights: Rights) -> None:
        self._rights: tuple[Rights, ...] = (rights,)
        self._asked: Any = filesystem
        if isinstance(filesystem, Restricted):
            self._rights += filesystem._rights
            self._asked = filesystem._asked
        keeps = IKeepsVersions.providedBy(self._asked)
        self._permits = Permits(self._rights, self._asked.current if keeps else None)
        # With the same rights for every path, it does not matter where a link leads.
        self._links = IRealPaths.providedBy(self._asked) and self._permits.throughout(ROOT) is None
        self._files: Any = self._asked.without_links() if self._links else self._asked
        alsoProvides(self, *(each for each in _ABILITIES if each.providedBy(self._asked)))

    @property
    def umask(self) -> int:
        """See :class:`ftptls.interfaces.IUmask`."""
        umask: int = IUmask(self._asked).umask
        return umask

    @property
    def somewhere(self) -> Right:
        """See :class:`ftptls.interfaces.IRestricted`."""
        return self._permits.somewhere(ROOT)

    @_discreet
    async def demand(self, path: PurePosixPath, right: Right) -> None:
        """See :meth:`ftptls.interfaces.IRestricted.demand`."""
        await self._place(path, right)

    @_discreet
    async def stat(self, path: PurePosixPath) -> Entry:
        """See :meth:`ftptls.interfaces.IFilesystem.stat`."""
        if path != ROOT and not self._permits.somewhere(path):
            raise absent()
        entry, place, end = await self._look(path)
        if not all(self._permits.know(each, entry) for each in {path, place, end}):
            raise absent()
        name, itself = self._permits.at(path, place), self._permits.at(path, end)
        return limited(entry, name, itself, self._permits.inside(path, end))

    async def _look(self, path: PurePosixPath) -> tuple[Entry, PurePosixPath, PurePosixPath]:
        """What is said of a path; where its name is, and where that leads."""
        place = await self._place(path)
        entry: Entry = await self._files.stat(place)
        if not self._links or entry.kind is not Kind.LINK:
            return entry, place, place
        end = await self._end(path)
        try:
            found: Entry = await self._files.stat(end)
        except FileNotFoundError:
            return entry, place, end
        # Deleted and renamed is the link itself.
        perm = "".join(each for each in found.perm if each not in "df" or each in entry.perm)
        return found._replace(name=entry.name, perm=perm), place, end

    async def scan(self, path: PurePosixPath) -> AsyncIterator[Sequence[Entry]]:
        """See :meth:`ftptls.interfaces.IFilesystem.scan`."""
        end = await self._end(path, Right.LIST)
        same = self._permits.throughout(path, end)
        async for batch in self._files.scan(end):
            if same is not None:
                yield all_limited(batch, same)
            elif shown := [each for entry in batch for each in self._shown(entry, {path, end})]:
                yield shown

    def _shown(self, entry: Entry, directories: Set[PurePosixPath]) -> Sequence[Entry]:
        children = [directory / entry.name for directory in directories]
        may = self._permits.at(*children)
        if not (may & KNOW or all(self._permits.know(each, entry) for each in children)):
            return ()
        inside = self._permits.inside(*children) if entry.is_directory else NOTHING
        return (limited(entry, may, may, inside),)

    @_discreet
    async def open_read(self, path: PurePosixPath) -> IFileReader:
        """See :meth:`ftptls.interfaces.IFilesystem.open_read`."""
        reader: IFileReader = await self._files.open_read(await self._end(path, Right.READ))
        return reader

    @_discreet
    async def open_write(self, path: PurePosixPath, how: Store, offset: int) -> IUpload:
        """See :meth:`ftptls.interfaces.IFilesystem.open_write`.

        With the right to append alone, an upload is resumed at the end of the file only.

        Raises:
            PermanentError: 553, who may only store new files chose a name that is taken.
        """
        changing = _CHANGING[how]
        end = await self._end(path, Right.WRITE_NEW | changing)
        may = self._permits.at(path, end)
        demand(Right.WRITE_NEW | changing, may)
        if how in (Store.RESUME, Store.APPEND) and (arrived := await self._arrived(end)):
            return await self._go_on(end, offset if how is Store.RESUME else arrived, may)
        if how is Store.RESUME:
            return await self._resume(end, offset, may)
        if Right.WRITE_NEW not in may:
            await self._demand_file(end)
        elif how is not Store.NEW and not changing & may:
            return await self._store_new(end)
        upload: IUpload = await self._files.open_write(end, how, offset)
        return upload

    async def _store_new(self, end: PurePosixPath, offset: int = 0) -> IUpload:
        """The same words for whatever is there."""
        try:
            upload: IUpload = await self._files.open_write(end, Store.NEW, offset)
        except (FileExistsError, IsADirectoryError):
            raise PermanentError(553, "This name cannot be used; choose another one.") from None
        return upload

    async def _go_on(self, end: PurePosixPath, offset: int, may: Right) -> IUpload:
        """Go on with a whole upload that broke off, which replaces what is there."""
        demand(Right.WRITE_NEW | Right.OVERWRITE, may)
        if Right.OVERWRITE not in may:
            return await self._store_new(end, offset)
        if Right.WRITE_NEW not in may:
            await self._demand_file(end)
        upload: IUpload = await self._files.open_write(end, Store.RESUME, offset)
        return upload

    async def _resume(self, end: PurePosixPath, offset: int, may: Right) -> IUpload:
        demand(Right.OVERWRITE | Right.APPEND, may)
        how = Store.RESUME
        if Right.OVERWRITE not in may:
            size = (await self._files.stat(end)).size
            if offset != size:
                raise PermanentError(554, f"You may not change what is there; resume at {size}.")
            # Should it grow meanwhile, what is new is still not changed.
            how, offset = Store.APPEND, 0
        upload: IUpload = await self._files.open_write(end, how, offset)
        return upload

    async def _demand_file(self, end: PurePosixPath) -> None:
        if await self._if_there(end) is None:
            demand(Right.WRITE_NEW, NOTHING)

    @_discreet
    async def make_directory(self, path: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.make_directory`."""
        await self._files.make_directory(await self._place(path, Right.MAKE_DIRECTORY))

    @_discreet
    async def remove_directory(self, path: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.remove_directory`."""
        await self._files.remove_directory(await self._place(path, Right.DELETE))

    @_discreet
    async def remove_file(self, path: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.remove_file`."""
        await self._files.remove_file(await self._place(path, Right.DELETE))

    @_discreet
    async def rename(self, source: PurePosixPath, target: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.rename`.

        What is moved takes the rights of where it comes to. So nothing is moved to where
        more may be done with it, and no directory in which rights differ.
        """
        with self._permits.discreet(target):
            await self._rename(source, target)

    async def _rename(self, source: PurePosixPath, target: PurePosixPath) -> None:
        demand(APPEARING, self._permits.at(target))
        old = await self._place(source, Right.RENAME)
        new = await self._place(target)
        if old == new:
            new = new.parent / target.name  # the case alone, perhaps
        if ROOT not in (old, new):
            moved: Entry = await self._files.stat(old)
            self._permits.refuse_gain(old, new, moved)
            there = await self._if_there(new) if old != new else moved
            demand(appearing(moved, there), self._permits.at(target, new))
        await self._files.rename(old, new)

    @_discreet
    async def arrived(self, path: PurePosixPath) -> int | None:
        """See :meth:`ftptls.interfaces.IResumable.arrived`."""
        end = await self._end(path, Right.WRITE_NEW | Right.OVERWRITE)
        return await self._arrived(end)

    async def _arrived(self, end: PurePosixPath) -> int | None:
        if not IResumable.providedBy(self._files):
            return None
        octets: int | None = await self._files.arrived(end)
        return octets

    @_discreet
    async def set_times(
        self, path: PurePosixPath, modified: float, accessed: float | None = None
    ) -> None:
        """See :meth:`ftptls.interfaces.ISetTimes.set_times`."""
        end = await self._end(path, Right.CHANGE_ATTRIBUTES)
        await self._files.set_times(end, modified, accessed)

    @_discreet
    async def set_created(self, path: PurePosixPath, created: float) -> None:
        """See :meth:`ftptls.interfaces.ISetCreated.set_created`."""
        await self._files.set_created(await self._end(path, Right.CHANGE_ATTRIBUTES), created)

    @_discreet
    async def set_mode(self, path: PurePosixPath, mode: int) -> None:
        """See :meth:`ftptls.interfaces.IModes.set_mode`."""
        await self._files.set_mode(await self._end(path, Right.CHANGE_ATTRIBUTES), mode)

    @_discreet
    async def set_group(self, path: PurePosixPath, group: str) -> None:
        """See :meth:`ftptls.interfaces.IGroups.set_group`."""
        await self._files.set_group(await self._end(path, Right.CHANGE_ATTRIBUTES), group)

    @_discreet
    async def make_link(self, path: PurePosixPath, target: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.ILinks.make_link`.

        It may lead to what may be read: other programs will follow it, too.
        """
        place = await self._place(path, Right.WRITE_NEW)
        # What comes there later is judged when it is asked for.
        with suppress(FileNotFoundError), self._permits.discreet(target):
            await self._end(target, Right.READ)
        await self._files.make_link(place, target)

    def with_umask(self, umask: int) -> IFilesystem:
        """See :meth:`ftptls.interfaces.IUmask.with_umask`."""
        demand(Right.CHANGE_ATTRIBUTES, self._permits.somewhere(ROOT))
        return self._around(self._asked.with_umask(umask))

    async def real_path(self, path: PurePosixPath) -> PurePosixPath:
        """See :meth:`ftptls.interfaces.IRealPaths.real_path`."""
        real: PurePosixPath = await self._asked.real_path(path)
        return real

    async def real_name(self, path: PurePosixPath) -> PurePosixPath:
        """See :meth:`ftptls.interfaces.IRealPaths.real_name`."""
        real: PurePosixPath = await self._asked.real_name(path)
        return real

    def current(self, path: PurePosixPath) -> PurePosixPath:
        """See :meth:`ftptls.interfaces.IKeepsVersions.current`."""
        current: PurePosixPath = self._asked.current(path)
        return current

    async def local_path(self, path: PurePosixPath) -> str:
        """See :meth:`ftptls.interfaces.ILocalPaths.local_path`."""
        local: str = await self._asked.local_path(path)
        return local

    def without_links(self) -> IFilesystem:
        """See :meth:`ftptls.interfaces.IRealPaths.without_links`."""
        return self._around(self._asked.without_links())

    @_discreet
    async def available(self, path: PurePosixPath) -> int:
        """See :meth:`ftptls.interfaces.ISpace.available`: nothing where nothing may be stored."""
        await self.stat(path)
        end = await self._end(path)
        octets: int = await self._files.available(end)
        return octets if self._permits.inside(path, end) & _STORE else 0

    def _around(self, filesystem: IFilesystem) -> IFilesystem:
        """The same rights to other files."""
        for rights in self._rights:
            filesystem = Restricted(filesystem, rights)
        return filesystem

    async def _end(self, path: PurePosixPath, right: Right = NOTHING) -> PurePosixPath:
        """Where a path leads, both of which must give a right."""
        if right:
            demand(right, self._permits.at(path))
        if not self._links:
            return path
        end: PurePosixPath = await self._asked.real_path(path)
        if right:
            demand(right, self._permits.at(end))
        return end

    async def _place(self, path: PurePosixPath, right: Right = NOTHING) -> PurePosixPath:
        """The same of a name itself, which may be of a link."""
        if right:
            demand(right, self._permits.at(path))
        if path == ROOT:
            return path
        place: PurePosixPath = await self._asked.real_name(path) if self._links else path
        if right:
            demand(right, self._permits.at(place))
        return place

    async def _if_there(self, path: PurePosixPath) -> Entry | None:
        try:
            entry: Entry = await self._files.stat(path)
        except FileNotFoundError:
            return None
        return entry
