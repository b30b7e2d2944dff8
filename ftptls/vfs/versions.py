"""A filesystem that keeps what is overwritten."""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import PurePosixPath
from typing import Any
from weakref import WeakValueDictionary

from twisted.internet.defer import DeferredLock
from twisted.logger import Logger
from zope.interface import alsoProvides

from ftptls.errors import FTPError, PermanentError
from ftptls.interfaces import (
    IFileReader,
    IFilesystem,
    IHardLinks,
    IKeepsVersions,
    ILocalPaths,
    IModes,
    IRealPaths,
    ISetTimes,
    IUpload,
    Store,
)
from ftptls.vfs.wrapping import WrappedUpload, Wrapper
from ftptls.wire.entries import Entry

FOLDER = ".versions"
_ROOT = PurePosixPath("/")
_KEPT = _ROOT / FOLDER
_PIECE = 1 << 20
_TRIES = 100
_STAMP = "%Y-%m-%dT%H.%M.%S.%fZ"
_STAMPED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}(\.[0-9]{2}){2}\.[0-9]{6}Z")
# Of files of the local disk, by their path there: all sessions may meet in one.
_TURNS: WeakValueDictionary[str, DeferredLock] = WeakValueDictionary()

Turn = Callable[[str], AbstractAsyncContextManager[Any]]


# A turn among several processes; where there is one, nobody else is waited for.
_turn_among_processes: Turn = nullcontext

_log = Logger(namespace="ftptls")


def take_turns_with(others: Turn) -> None:
    """Have this process take turns with others that serve the same files of the local disk.

    Args:
        others: A turn, by the path of the file.
    """
    global _turn_among_processes
    _turn_among_processes = others


class Versions(Wrapper):
    """Another filesystem, where a file that is replaced leaves its old version behind.

    The versions of ``/in/a.csv`` are ``/.versions/in/a.csv/2026-11-21T16.03.59.000000Z`` and
    so on, by when they were replaced, in UTC. They can be listed, read and copied, and not be
    changed. ``/.versions`` itself is in no listing, so that who mirrors the files does not
    get all of their past.

    What is kept is what an upload or a rename replaces, and what an upload changes in place
    (but not what it only appends to). What is deleted is gone. The file that is replaced is
    there until the new one takes its place. Where the filesystem gives files other names
    (:class:`~ftptls.interfaces.IHardLinks`) a version costs no more than one; elsewhere, and
    of what is changed in place, it is a copy.

    Sessions that replace one file at the same time take turns, so that each leaves its version
    behind; where the files are not on a disk of this machine, only those that share a
    filesystem do.

    Args:
        filesystem: The other one.
        keep: How many old versions there are of a file; of more, the oldest go. At least 1.
        now: The clock: seconds since the epoch.
    """

    def __init__(
        self, filesystem: IFilesystem, keep: int, now: Callable[[], float] = time.time
    ) -> None:
        super().__init__(filesystem)
        alsoProvides(self, IKeepsVersions)
        self._keep = keep
        self._now = now
        plain = IRealPaths.providedBy(filesystem)
        # Where a path leads is judged; what was judged is changed through no link, so that
        # none can be swapped in between.
        self._plain: Any = IRealPaths(filesystem).without_links() if plain else filesystem
        self._turns: WeakValueDictionary[str, DeferredLock] = WeakValueDictionary()

    def _around(self, filesystem: IFilesystem) -> Versions:
        return type(self)(filesystem, self._keep, self._now)

    async def scan(self, path: PurePosixPath) -> AsyncIterator[Sequence[Entry]]:
        """See :meth:`ftptls.interfaces.IFilesystem.scan`."""
        async for batch in self._files.scan(path):
            shown = [each for each in batch if path != _ROOT or each.name != FOLDER]
            if shown:
                yield shown

    async def open_write(self, path: PurePosixPath, how: Store, offset: int) -> IUpload:
        """See :meth:`ftptls.interfaces.IFilesystem.open_write`."""
        place = await self._changed(path)
        upload: IUpload = await self._plain.open_write(place, how, offset)
        changes = how is Store.RESUME and await self._loses(place, offset)
        # One that is not in place takes the place of the file, wherever it went on.
        if how is Store.REPLACE or changes or not upload.in_place:
            return _KeepingUpload(upload, self, place)
        return upload

    async def _loses(self, place: PurePosixPath, offset: int) -> bool:
        """Whether an upload that is resumed there changes what is there already."""
        try:
            return offset < int((await self._plain.stat(place)).size)
        except FileNotFoundError:
            return False

    async def rename(self, source: PurePosixPath, target: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.rename`."""
        old, new = await self._changed_name(source), await self._changed_name(target)
        if old == new:
            await self._plain.rename(old, new.parent / target.name)  # the case alone, perhaps
        else:
            await self.replace(new, partial(self._plain.rename, old, new), copied=False)

    async def make_directory(self, path: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.make_directory`."""
        await self._plain.make_directory(await self._changed_name(path))

    async def remove_directory(self, path: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.remove_directory`."""
        await self._plain.remove_directory(await self._changed_name(path))

    async def remove_file(self, path: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.remove_file`."""
        await self._plain.remove_file(await self._changed_name(path))

    async def set_times(
        self, path: PurePosixPath, modified: float, accessed: float | None = None
    ) -> None:
        """See :meth:`ftptls.interfaces.ISetTimes.set_times`."""
        await self._plain.set_times(await self._changed(path), modified, accessed)

    async def set_created(self, path: PurePosixPath, created: float) -> None:
        """See :meth:`ftptls.interfaces.ISetCreated.set_created`."""
        await self._plain.set_created(await self._changed(path), created)

    async def set_mode(self, path: PurePosixPath, mode: int) -> None:
        """See :meth:`ftptls.interfaces.IModes.set_mode`."""
        await self._plain.set_mode(await self._changed(path), mode)

    async def set_group(self, path: PurePosixPath, group: str) -> None:
        """See :meth:`ftptls.interfaces.IGroups.set_group`."""
        await self._plain.set_group(await self._changed(path), group)

    async def make_link(self, path: PurePosixPath, target: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.ILinks.make_link`."""
        await self._plain.make_link(await self._changed_name(path), target)

    async def add_name(self, path: PurePosixPath, other: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IHardLinks.add_name`: an old version gets none."""
        old, new = await self._changed_name(path), await self._changed_name(other)
        await self._plain.add_name(old, new)

    def current(self, path: PurePosixPath) -> PurePosixPath:
        """See :meth:`ftptls.interfaces.IKeepsVersions.current`."""
        if path.is_relative_to(_KEPT):
            path = _ROOT / path.relative_to(_KEPT)
            return path.parent if _STAMPED.fullmatch(path.name) else path
        return super().current(path) if IKeepsVersions.providedBy(self._files) else path

    async def _changed(self, path: PurePosixPath) -> PurePosixPath:
        """Where a path leads that is to be changed.

        Raises:
            PermanentError: 550, to an old version.
        """
        if IRealPaths.providedBy(self._files):
            # Errors are for the call itself to raise, in its own order.
            with suppress(OSError):
                path = await self._files.real_path(path)
        return _refuse_kept(path)

    async def _changed_name(self, path: PurePosixPath) -> PurePosixPath:
        """The same where the name itself is meant."""
        if path != _ROOT and IRealPaths.providedBy(self._files):
            with suppress(OSError):
                path = await self._files.real_name(path)
        return _refuse_kept(path)

    # --- what is kept ------------------------------------------------------------------------

    async def replace(
        self, place: PurePosixPath, step: Callable[[], Awaitable[None]], *, copied: bool
    ) -> None:
        """Keep what is at a place, if that is a file, and take the step that replaces it.

        Args:
            place: Its path, through no link.
            step: The step.
            copied: Whether the file itself changes.
        """
        turns, key = self._turns, str(place)
        if ILocalPaths.providedBy(self._plain):
            # By its directory, for the name may be a link's.
            folder = await self._plain.local_path(place.parent)
            turns, key = _TURNS, os.path.join(folder, place.name)
        among = _turn_among_processes if turns is _TURNS else nullcontext
        async with turns.setdefault(key, DeferredLock()), among(key):
            await self._replace(place, step, copied=copied)

    async def _replace(
        self, place: PurePosixPath, step: Callable[[], Awaitable[None]], *, copied: bool
    ) -> None:
        old = await self._if_file(place)
        if old is None:
            await step()
            return
        version = await self._kept(place, old, copied=copied)
        try:
            await step()
        except (OSError, FTPError):
            # Of what is cancelled nobody knows yet what becomes of it: the version stays.
            if await self._if_file(place) == old:
                await self._drop(version)
            raise
        try:
            await self._prune(version)
        except (OSError, FTPError) as error:
            _log.error(
                "There may be too many old versions of {path}: {error}",
                path=ascii(str(place)),
                error=error,
            )

    async def _if_file(self, place: PurePosixPath) -> Entry | None:
        try:
            entry: Entry = await self._plain.stat(place)
        except (FileNotFoundError, NotADirectoryError):
            return None
        # A version may be one more name of it, and it is the same file still.
        return entry._replace(links=1) if entry.is_file else None

    async def _kept(self, place: PurePosixPath, old: Entry, *, copied: bool) -> PurePosixPath:
        """The version of what is there."""
        folder = await self._made(place)
        for later in range(_TRIES):
            at = datetime.fromtimestamp(self._now(), UTC) + timedelta(microseconds=later)
            version = folder / at.strftime(_STAMP)
            with suppress(FileExistsError):
                if copied or not await self._named(place, version):
                    await self._copy(place, version, old)
                return version
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    async def _drop(self, version: PurePosixPath) -> None:
        with suppress(FileNotFoundError):
            await self._plain.remove_file(version)

    async def _prune(self, newest: PurePosixPath) -> None:
        """Delete the oldest versions of a file, as far as there are too many."""
        others = [
            each.name
            async for batch in self._plain.scan(newest.parent)
            for each in batch
            if each.is_file and _STAMPED.fullmatch(each.name) and each.name != newest.name
        ]
        for name in sorted(others)[: max(0, len(others) + 1 - self._keep)]:
            await self._drop(newest.parent / name)

    async def _made(self, place: PurePosixPath) -> PurePosixPath:
        """The directory of a file's versions."""
        folder = _KEPT
        for name in ("", *place.parts[1:]):
            folder /= name
            with suppress(FileExistsError):
                await self._plain.make_directory(folder)
        return folder

    async def _named(self, place: PurePosixPath, version: PurePosixPath) -> bool:
        """Give the old file another name, if that can be; whether it could."""
        if not IHardLinks.providedBy(self._plain):
            return False
        try:
            await self._plain.add_name(place, version)
        except FileExistsError:
            raise
        except OSError:  # not every disk can, nor for every file
            return False
        return True

    async def _copy(self, place: PurePosixPath, version: PurePosixPath, entry: Entry) -> None:
        reader: IFileReader = await self._plain.open_read(place)
        try:
            upload: IUpload = await self._plain.open_write(version, Store.NEW, 0)
            try:
                await self._fill(upload, reader)
                if IModes.providedBy(self._plain):
                    await self._plain.set_mode(version, entry.mode & 0o777)
                if ISetTimes.providedBy(self._plain):
                    await self._plain.set_times(version, entry.modified)
            except FileExistsError:
                await upload.abandon()
                raise
            except BaseException:
                await upload.abandon()
                await self._drop(version)  # in place, a part of it would stay
                raise
        finally:
            await reader.close()

    async def _fill(self, upload: IUpload, reader: IFileReader) -> None:
        await upload.begin()
        offset = 0
        while data := await reader.read_at(offset, _PIECE):
            await upload.write_at(offset, data)
            offset += len(data)
        await upload.commit()


class _KeepingUpload(WrappedUpload):
    """Keeps the old version before the file changes, or is replaced."""

    def __init__(self, upload: IUpload, versions: Versions, place: PurePosixPath) -> None:
        super().__init__(upload)
        self._versions = versions
        self._place = place
        self._committed = False

    async def begin(self) -> None:
        """See :meth:`ftptls.interfaces.IUpload.begin`."""
        if self.in_place:
            await self._versions.replace(self._place, self._upload.begin, copied=True)
        else:
            await self._upload.begin()

    async def commit(self) -> None:
        """See :meth:`ftptls.interfaces.IUpload.commit`."""
        if self.in_place or self._committed:
            await self._upload.commit()
        else:
            await self._versions.replace(self._place, self._upload.commit, copied=False)
        self._committed = True


def _refuse_kept(path: PurePosixPath) -> PurePosixPath:
    if path.is_relative_to(_KEPT):
        raise PermanentError(550, "Old versions stay as they are; copy one to restore it.")
    return path
