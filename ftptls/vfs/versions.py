"""A filesystem that keeps what is overwritten."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from ftptls.errors import PermanentError
from ftptls.interfaces import (
    IFilesystem,
    IHardLinks,
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

    Args:
        filesystem: The other one.
        keep: How many old versions there are of a file; of more, the oldest go. At least 1.
        now: The clock: seconds since the epoch.
    """

    def __init__(
        self, filesystem: IFilesystem, keep: int, now: Callable[[], float] = time.time
    ) -> None:
        super().__init__(filesystem)
        self._keep = keep
        self._now = now
        plain = IRealPaths.providedBy(filesystem)
        self._plain: Any = IRealPaths(filesystem).without_links() if plain else filesystem

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
        upload: IUpload = await self._files.open_write(path, how, offset)
        changes = how is Store.RESUME and await self._loses(place, offset)
        # One that is not in place takes the place of the file, wherever it went on.
        if how is Store.REPLACE or changes or not upload.in_place:
            return _KeepingUpload(upload, self, place)
        return upload

    async def _loses(self, place: PurePosixPath, offset: int) -> bool:
        """Whether an upload that is resumed there changes what is there already."""
        try:
            return offset < int((await self._files.stat(place)).size)
        except FileNotFoundError:
            return False

    async def rename(self, source: PurePosixPath, target: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.rename`."""
        await self._changed_name(source)
        place = await self._changed_name(target)
        if source == target:
            await self._files.rename(source, target)
        else:
            step = partial(self._files.rename, source, target)
            await self.replace(place, step, copied=False)

    async def make_directory(self, path: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.make_directory`."""
        await self._changed_name(path)
        await self._files.make_directory(path)

    async def remove_directory(self, path: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.remove_directory`."""
        await self._changed_name(path)
        await self._files.remove_directory(path)

    async def remove_file(self, path: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.remove_file`."""
        await self._changed_name(path)
        await self._files.remove_file(path)

    async def set_times(
        self, path: PurePosixPath, modified: float, accessed: float | None = None
    ) -> None:
        """See :meth:`ftptls.interfaces.ISetTimes.set_times`."""
        await self._changed(path)
        await self._files.set_times(path, modified, accessed)

    async def set_created(self, path: PurePosixPath, created: float) -> None:
        """See :meth:`ftptls.interfaces.ISetCreated.set_created`."""
        await self._changed(path)
        await self._files.set_created(path, created)

    async def set_mode(self, path: PurePosixPath, mode: int) -> None:
        """See :meth:`ftptls.interfaces.IModes.set_mode`."""
        await self._changed(path)
        await self._files.set_mode(path, mode)

    async def set_group(self, path: PurePosixPath, group: str) -> None:
        """See :meth:`ftptls.interfaces.IGroups.set_group`."""
        await self._changed(path)
        await self._files.set_group(path, group)

    async def make_link(self, path: PurePosixPath, target: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.ILinks.make_link`."""
        await self._changed_name(path)
        await self._files.make_link(path, target)

    async def add_name(self, path: PurePosixPath, other: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IHardLinks.add_name`: an old version gets none."""
        await self._changed_name(path)
        await self._changed_name(other)
        await self._files.add_name(path, other)

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
        if path == _ROOT:
            return path
        return _refuse_kept(await self._changed(path.parent) / path.name)

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
        kept = await self._kept(place, copied=copied)
        try:
            await step()
        except BaseException:
            if kept is not None:
                await self._drop(kept)
            raise
        if kept is not None:
            await self._prune(kept.parent)

    async def _kept(self, place: PurePosixPath, *, copied: bool) -> PurePosixPath | None:
        """The version, if there was something to keep."""
        try:
            entry: Entry = await self._plain.stat(place)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not entry.is_file:
            return None
        folder = await self._made(place)
        for later in range(_TRIES):
            at = datetime.fromtimestamp(self._now(), UTC) + timedelta(microseconds=later)
            version = folder / at.strftime(_STAMP)
            with suppress(FileExistsError):
                if copied or not await self._named(place, version):
                    await self._copy(place, version, entry)
                return version
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    async def _drop(self, version: PurePosixPath) -> None:
        with suppress(FileNotFoundError):
            await self._files.remove_file(version)

    async def _prune(self, folder: PurePosixPath) -> None:
        """Delete the oldest versions of a file, as far as there are too many."""
        names = [each.name async for batch in self._files.scan(folder) for each in batch]
        for name in sorted(names)[: -self._keep]:
            await self._drop(folder / name)

    async def _made(self, place: PurePosixPath) -> PurePosixPath:
        """The directory of a file's versions."""
        folder = _KEPT
        for name in ("", *place.parts[1:]):
            folder /= name
            with suppress(FileExistsError):
                await self._files.make_directory(folder)
        return folder

    async def _named(self, place: PurePosixPath, version: PurePosixPath) -> bool:
        """Give the old file another name, if that can be; whether it could."""
        if not IHardLinks.providedBy(self._files):
            return False
        try:
            await self._files.add_name(place, version)
        except FileExistsError:
            raise
        except OSError:  # not every disk can, nor for every file
            return False
        return True

    async def _copy(self, place: PurePosixPath, version: PurePosixPath, entry: Entry) -> None:
        upload: IUpload = await self._files.open_write(version, Store.NEW, 0)
        reader = await self._plain.open_read(place)
        try:
            await upload.begin()
            offset = 0
            while data := await reader.read_at(offset, _PIECE):
                await upload.write_at(offset, data)
                offset += len(data)
            await upload.commit()
        except BaseException:
            await upload.abandon()
            raise
        finally:
            await reader.close()
        if ISetTimes.providedBy(self._files):
            await self._files.set_times(version, entry.modified)


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
