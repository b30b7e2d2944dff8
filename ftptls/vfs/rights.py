"""A filesystem of which a user may do some things only, by path."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import reduce
from operator import and_
from pathlib import PurePosixPath
from typing import Any

from zope.interface import Interface, alsoProvides, implementer

from ftptls.errors import PermanentError
from ftptls.interfaces import (
    IFileReader,
    IFilesystem,
    IGroups,
    ILinks,
    IModes,
    IRealPaths,
    ISetCreated,
    ISetTimes,
    ISpace,
    IUmask,
    IUpload,
    Store,
)
from ftptls.settings.rights import FULL, NOTHING, READ_ONLY, ROOT, Right, Rights
from ftptls.wire.entries import Entry, Kind

__all__ = ["READ_ONLY", "Restricted", "Right", "Rights"]

_ABILITIES: tuple[type[Interface], ...] = (
    ISetTimes,
    ISetCreated,
    IModes,
    IUmask,
    IGroups,
    ILinks,
    ISpace,
    IRealPaths,
)
_REFUSALS = {
    Right.LIST: "You may not list this directory.",
    Right.READ: "You may not read this.",
    Right.WRITE_NEW: "You may not store new files here.",
    Right.OVERWRITE: "You may not replace or change this file.",
    Right.APPEND: "You may not append to this file.",
    Right.DELETE: "You may not delete this.",
    Right.RENAME: "You may not rename this.",
    Right.MAKE_DIRECTORY: "You may not make directories here.",
    Right.CHANGE_ATTRIBUTES: "You may not change attributes of this.",
}
_STORE = Right.WRITE_NEW | Right.OVERWRITE | Right.APPEND
# What an upload takes where a file is already; a new one takes WRITE_NEW.
_CHANGING = {
    Store.REPLACE: Right.OVERWRITE,
    Store.RESUME: Right.OVERWRITE | Right.APPEND,
    Store.APPEND: Right.APPEND,
    Store.NEW: NOTHING,
}
_APPEARING = Right.WRITE_NEW | Right.OVERWRITE | Right.MAKE_DIRECTORY | Right.DELETE
# Whoever may do one of these with what is there may also know that it is there.
_KNOW = FULL & ~(Right.WRITE_NEW | Right.MAKE_DIRECTORY)
# What means something for a file that is moved.
_OF_A_FILE = _KNOW & ~Right.LIST
# What takes which letter of the perm fact (RFC 3659 §7.5.5): of the name itself,
_BY_NAME = {"d": Right.DELETE, "f": Right.RENAME}
# of a file,
_BY_FILE = {"r": Right.READ, "w": Right.OVERWRITE, "a": Right.APPEND}
# of a directory, and of what is in it.
_BY_DIRECTORY = {"e": NOTHING, "l": Right.LIST}
_BY_CONTENT = {"c": Right.WRITE_NEW, "m": Right.MAKE_DIRECTORY, "p": Right.DELETE}


@implementer(IFilesystem)
class Restricted:
    """Another filesystem, and what may be done there: the rest is 550, with the reason.

    ::

        Restricted(filesystem, Rights(["/** = read_only", "/in/** = upload_only"]))

    A name that one may do nothing with, and a file that one may not know of, is as if it were
    not there. Where the filesystem has links, both the path that was asked for and the one
    that it leads to must allow a thing; and what was judged is then reached through no link,
    so that none can be swapped in between.

    It provides those of the optional interfaces that the other one does, so that a client
    is told that a change is not allowed here, not that the server does not know of it.

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
        # With the same rights for every path, it does not matter where a link leads.
        self._links = IRealPaths.providedBy(self._asked) and self._throughout(ROOT) is None
        self._files: Any = self._asked.without_links() if self._links else self._asked
        alsoProvides(self, *(each for each in _ABILITIES if each.providedBy(self._asked)))

    @property
    def umask(self) -> int:
        """See :class:`ftptls.interfaces.IUmask`."""
        umask: int = IUmask(self._asked).umask
        return umask

    async def stat(self, path: PurePosixPath) -> Entry:
        """See :meth:`ftptls.interfaces.IFilesystem.stat`."""
        if path != ROOT and not self._somewhere(path):
            raise _absent()
        entry, place, end = await self._look(path)
        if not all(self._is_known(each, entry) for each in {path, place, end}):
            raise _absent()
        return _limited(entry, self._at(place), self._at(path, end), self._inside(path, end))

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
        return replace(found, name=entry.name), place, end

    async def scan(self, path: PurePosixPath) -> AsyncIterator[Sequence[Entry]]:
        """See :meth:`ftptls.interfaces.IFilesystem.scan`."""
        end = await self._end(path, Right.LIST)
        same = self._throughout(path, end)
        async for batch in self._files.scan(end):
            if same == FULL:
                yield batch
                continue
            shown = [each for entry in batch for each in self._shown(entry, path, end)]
            if shown:
                yield shown

    def _shown(self, entry: Entry, path: PurePosixPath, end: PurePosixPath) -> Sequence[Entry]:
        children = (path / entry.name, end / entry.name)
        if not all(self._is_known(each, entry) for each in children):
            return ()
        may = self._at(*children)
        return (_limited(entry, may, may, self._inside(*children)),)

    async def open_read(self, path: PurePosixPath) -> IFileReader:
        """See :meth:`ftptls.interfaces.IFilesystem.open_read`."""
        reader: IFileReader = await self._files.open_read(await self._end(path, Right.READ))
        return reader

    async def open_write(self, path: PurePosixPath, how: Store, offset: int) -> IUpload:
        """See :meth:`ftptls.interfaces.IFilesystem.open_write`.

        With the right to append alone, an upload is resumed at the end of the file only.

        Raises:
            PermanentError: 553, who may only store new files chose a name that is taken.
        """
        changing = _CHANGING[how]
        _demand(Right.WRITE_NEW | changing, self._at(path))
        end = await self._end(path)
        may = self._at(path, end)
        _demand(Right.WRITE_NEW | changing, may)
        if how is Store.RESUME:
            return await self._resume(end, offset, may)
        if Right.WRITE_NEW not in may:
            await self._demand_file(end)
        elif how is not Store.NEW and not changing & may:
            return await self._store_new(end)
        upload: IUpload = await self._files.open_write(end, how, offset)
        return upload

    async def _store_new(self, end: PurePosixPath) -> IUpload:
        """The same words for whatever is there."""
        try:
            upload: IUpload = await self._files.open_write(end, Store.NEW, 0)
        except (FileExistsError, IsADirectoryError):
            raise PermanentError(553, "This name cannot be used; choose another one.") from None
        return upload

    async def _resume(self, end: PurePosixPath, offset: int, may: Right) -> IUpload:
        _demand(Right.OVERWRITE | Right.APPEND, may)
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
            _demand(Right.WRITE_NEW, NOTHING)

    async def make_directory(self, path: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.make_directory`."""
        await self._files.make_directory(await self._place(path, Right.MAKE_DIRECTORY))

    async def remove_directory(self, path: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.remove_directory`."""
        await self._files.remove_directory(await self._place(path, Right.DELETE))

    async def remove_file(self, path: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.remove_file`."""
        await self._files.remove_file(await self._place(path, Right.DELETE))

    async def rename(self, source: PurePosixPath, target: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.rename`.

        What is moved takes the rights of where it comes to. So nothing is moved to where
        more may be done with it, and no directory in which rights differ.
        """
        _demand(_APPEARING, self._at(target))
        old = await self._place(source, Right.RENAME)
        new = await self._place(target)
        if ROOT not in (old, new):
            moved: Entry = await self._files.stat(old)
            self._refuse_gain(old, new, moved)
            there = await self._if_there(new) if old != new else moved
            _demand(_appearing(moved, there), self._at(target, new))
        await self._files.rename(old, new)

    def _refuse_gain(self, old: PurePosixPath, new: PurePosixPath, moved: Entry) -> None:
        if moved.is_directory:
            before, after = self._throughout(old), self._throughout(new)
            if before is None or after is None:
                raise PermanentError(
                    550, "Not everything in this directory may be moved; move what may be."
                )
        else:
            before, after = self._at(old) & _OF_A_FILE, self._at(new) & _OF_A_FILE
        if after & ~before:
            raise PermanentError(550, "You may not move this to where more may be done with it.")

    async def set_times(
        self, path: PurePosixPath, modified: float, accessed: float | None = None
    ) -> None:
        """See :meth:`ftptls.interfaces.ISetTimes.set_times`."""
        end = await self._end(path, Right.CHANGE_ATTRIBUTES)
        await self._files.set_times(end, modified, accessed)

    async def set_created(self, path: PurePosixPath, created: float) -> None:
        """See :meth:`ftptls.interfaces.ISetCreated.set_created`."""
        await self._files.set_created(await self._end(path, Right.CHANGE_ATTRIBUTES), created)

    async def set_mode(self, path: PurePosixPath, mode: int) -> None:
        """See :meth:`ftptls.interfaces.IModes.set_mode`."""
        await self._files.set_mode(await self._end(path, Right.CHANGE_ATTRIBUTES), mode)

    async def set_group(self, path: PurePosixPath, group: str) -> None:
        """See :meth:`ftptls.interfaces.IGroups.set_group`."""
        await self._files.set_group(await self._end(path, Right.CHANGE_ATTRIBUTES), group)

    async def make_link(self, path: PurePosixPath, target: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.ILinks.make_link`.

        It may lead to what may be read: other programs will follow it, too.
        """
        place = await self._place(path, Right.WRITE_NEW)
        with suppress(FileNotFoundError):  # what comes there later is judged when it is asked for
            await self._end(target, Right.READ)
        await self._files.make_link(place, target)

    def with_umask(self, umask: int) -> IFilesystem:
        """See :meth:`ftptls.interfaces.IUmask.with_umask`."""
        _demand(Right.CHANGE_ATTRIBUTES, self._somewhere(ROOT))
        return self._around(self._asked.with_umask(umask))

    async def real_path(self, path: PurePosixPath) -> PurePosixPath:
        """See :meth:`ftptls.interfaces.IRealPaths.real_path`."""
        real: PurePosixPath = await self._asked.real_path(path)
        return real

    def without_links(self) -> IFilesystem:
        """See :meth:`ftptls.interfaces.IRealPaths.without_links`."""
        return self._around(self._asked.without_links())

    async def available(self, path: PurePosixPath) -> int:
        """See :meth:`ftptls.interfaces.ISpace.available`: nothing where nothing may be stored."""
        if path != ROOT and not self._somewhere(path):
            raise _absent()
        end = await self._end(path)
        octets: int = await self._files.available(end)
        return octets if self._inside(path, end) & _STORE else 0

    def _around(self, filesystem: IFilesystem) -> IFilesystem:
        """The same rights to other files."""
        for rights in self._rights:
            filesystem = Restricted(filesystem, rights)
        return filesystem

    async def _end(self, path: PurePosixPath, right: Right = NOTHING) -> PurePosixPath:
        """Where a path leads, both of which must give a right."""
        if right:
            _demand(right, self._at(path))
        if not self._links:
            return path
        end: PurePosixPath = await self._asked.real_path(path)
        if right:
            _demand(right, self._at(end))
        return end

    async def _place(self, path: PurePosixPath, right: Right = NOTHING) -> PurePosixPath:
        """The same of a name itself, which may be of a link."""
        if right:
            _demand(right, self._at(path))
        if path == ROOT:
            return path
        place = await self._end(path.parent) / path.name
        if right:
            _demand(right, self._at(place))
        return place

    async def _if_there(self, path: PurePosixPath) -> Entry | None:
        try:
            entry: Entry = await self._files.stat(path)
        except FileNotFoundError:
            return None
        return entry

    def _is_known(self, path: PurePosixPath, entry: Entry) -> bool:
        """Whether the user may know that there is something of this kind."""
        may = self._at(path)
        if path == ROOT or may & _KNOW:
            return True
        if entry.is_directory:
            return bool(self._somewhere(path))
        return bool(may) and Right.LIST in self._at(path.parent)

    def _at(self, *paths: PurePosixPath) -> Right:
        return reduce(and_, (each.at(path) for each in self._rights for path in paths))

    def _inside(self, *paths: PurePosixPath) -> Right:
        return reduce(and_, (each.inside(path) for each in self._rights for path in paths))

    def _somewhere(self, path: PurePosixPath) -> Right:
        return reduce(and_, (each.somewhere(path) for each in self._rights))

    def _throughout(self, *paths: PurePosixPath) -> Right | None:
        found = FULL
        for rights in self._rights:
            for path in paths:
                here = rights.throughout(path)
                if here is None:
                    return None
                found &= here
        return found


def _demand(right: Right, may: Right) -> None:
    """Refuse who may do none of these.

    Raises:
        PermanentError: 550, with the reason.
    """
    if not right & may:
        raise PermanentError(550, next(text for each, text in _REFUSALS.items() if each in right))


def _appearing(moved: Entry, there: Entry | None) -> Right:
    """What it takes that something comes to a name."""
    if there is not None:
        return Right.DELETE if there.is_directory else Right.OVERWRITE
    return Right.MAKE_DIRECTORY if moved.is_directory else Right.WRITE_NEW


def _limited(entry: Entry, name: Right, itself: Right, inside: Right) -> Entry:
    """What is said of a name, with the letters that are left of its ``perm`` fact."""
    allowed = {letter for letter, right in _BY_NAME.items() if right in name}
    if entry.is_directory:
        allowed |= {letter for letter, right in _BY_DIRECTORY.items() if right in itself}
        allowed |= {letter for letter, right in _BY_CONTENT.items() if right in inside}
    else:
        allowed |= {letter for letter, right in _BY_FILE.items() if right in itself}
    return replace(entry, perm="".join(each for each in entry.perm if each in allowed))


def _absent() -> OSError:
    return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
