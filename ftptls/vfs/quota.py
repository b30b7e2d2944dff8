"""A filesystem in which only so much may be stored."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from twisted.internet.defer import CancelledError
from twisted.logger import Logger
from zope.interface import alsoProvides

from ftptls.errors import FTPError
from ftptls.interfaces import (
    IBounded,
    IDescriptor,
    IFilesystem,
    IRealPaths,
    ISpace,
    IUpload,
    IWorkers,
    Store,
)
from ftptls.settings import Quota as QuotaSettings
from ftptls.vfs.book import Account
from ftptls.vfs.ledger import Ledger
from ftptls.vfs.wrapping import WrappedUpload, Wrapper

_log = Logger(namespace="ftptls")

_ROOT = PurePosixPath("/")
_UNBOUNDED = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Quotas:
    """How much users may store, of whom nobody says anything else.

    Attributes:
        ledger: Where it is written down.
        octets: Of each user; ``None`` is any amount.
        files: The same.
    """

    ledger: Ledger
    octets: int | None = None
    files: int | None = None

    @classmethod
    def from_settings(cls, settings: QuotaSettings) -> Quotas | None:
        """As the settings have it; what a crash has left is looked up. It blocks.

        Raises:
            OSError: The ledger cannot be used.
        """
        if not settings.ledger:
            return None
        made = cls(Ledger(settings.ledger), settings.octets or None, settings.files or None)
        made.ledger.recover(size_on_disk)
        made.ledger.close()  # who serves may be another process, with other rights
        return made

    def of(self, user: str) -> Sequence[Account]:
        """For whom the files of a user count of whom nothing else is known."""
        return self.accounts(Account(f"user:{user}"), ())

    def accounts(self, own: Account, groups: Iterable[Account]) -> Sequence[Account]:
        """For whom files count, where 0 is any amount.

        Args:
            own: The user's; what he has no limit for, everybody's limit is for.
            groups: Of his groups.
        """
        octets = self.octets if own.octets is None else own.octets
        files = self.files if own.files is None else own.files
        all_of_them = (replace(own, octets=octets, files=files), *groups)
        return tuple(
            Account(each.name, each.octets or None, each.files or None) for each in all_of_them
        )

    def around(
        self, filesystem: IFilesystem, space: str, accounts: Sequence[Account], workers: IWorkers
    ) -> IFilesystem:
        """A filesystem for whose files there must be room."""
        return Quota(filesystem, self.ledger, space, accounts, workers)


def size_on_disk(key: bytes) -> int | None:
    """Octets of a file of the disk; ``None`` where there is none."""
    try:
        found = os.stat(key, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


class Quota(Wrapper):
    """Another filesystem, for whose files several accounts must have room.

    A file counts for those who stored it, whoever deletes it; one that is only changed, or
    appended to, still counts for those who stored it first. Files that somebody put there
    otherwise do not count. What does not fit is refused with ``EDQUOT`` (552): before the
    transfer, while it runs, or when it ends; so files that replace others, or are new, never
    take more than there may be. Only who appends to several files at once can get beyond.

    Args:
        filesystem: The other one.
        ledger: Where it is written down.
        space: Where the filesystem begins, among everything whose storage is in the ledger;
            for a folder of the disk, its real path.
        accounts: For whom files count that are stored here now.
        workers: For the ledger, which blocks.
    """

    def __init__(
        self,
        filesystem: IFilesystem,
        ledger: Ledger,
        space: str,
        accounts: Sequence[Account],
        workers: IWorkers,
    ) -> None:
        super().__init__(filesystem)
        alsoProvides(self, ISpace)
        # What is judged is changed through no link, so that none can be swapped in between.
        plain = IRealPaths.providedBy(filesystem)
        self._plain: Any = IRealPaths(filesystem).without_links() if plain else filesystem
        self._ledger = ledger
        self._space = space
        self._accounts = tuple(accounts)
        self._workers = workers

    def _around(self, filesystem: IFilesystem) -> Quota:
        return type(self)(filesystem, self._ledger, self._space, self._accounts, self._workers)

    async def open_write(self, path: PurePosixPath, how: Store, offset: int) -> IUpload:
        """See :meth:`ftptls.interfaces.IFilesystem.open_write`."""
        place = await self._place(path)
        upload: IUpload = await self._plain.open_write(place, how, offset)
        end = await self.book(self._ledger.room_for, self.key(place), self._accounts)
        if end is not None:
            behind = how is Store.APPEND and upload.in_place
            first = await self.size(place) or 0 if behind else offset
            if end <= first:
                await upload.abandon()
                raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
        return _CountedUpload(upload, self, place, end)

    async def remove_file(self, path: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.remove_file`."""
        place = await self._named(path)
        async with self._changing(place) as change:
            await self._plain.remove_file(place)
            await self.agree(self._ledger.settle, change, None)

    async def remove_directory(self, path: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.remove_directory`."""
        place = await self._named(path)
        await self._plain.remove_directory(place)
        await self.agree(self._ledger.forget, self.key(place))

    async def rename(self, source: PurePosixPath, target: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.rename`."""
        old, new = await self._named(source), await self._named(target)
        if old == new:
            new = new.parent / target.name  # the case alone, perhaps
        async with self._changing(old, self.key(new)) as change:
            await self._plain.rename(old, new)
            await self.agree(self._ledger.move, change)

    async def add_name(self, path: PurePosixPath, other: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IHardLinks.add_name`: each name counts."""
        old, new = await self._named(path), await self._named(other)
        size = await self.size(old) or 0
        await self.charged(new, size, partial(self._plain.add_name, old, new))

    async def available(self, path: PurePosixPath) -> int:
        """See :meth:`ftptls.interfaces.ISpace.available`."""
        there = _UNBOUNDED
        if ISpace.providedBy(self._files):
            there = await self._files.available(path)
        elif not (await self._files.stat(path)).is_directory:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        octets, files = await self.book(self._ledger.room, self._accounts)
        if files is not None and files <= 0:
            return 0
        return there if octets is None else max(0, min(there, octets))

    # --- the ledger --------------------------------------------------------------------------

    async def book(self, call: Callable[..., Any], *args: Any) -> Any:
        """Have the ledger do something."""
        return await self._workers.run(call, *args)

    async def agree(self, call: Callable[..., Any], *args: Any) -> None:
        """Write down what has been done: if that fails, it was done all the same."""
        try:
            await self.book(call, *args)
        except OSError as error:
            # What was noted is there still, and is looked up when the server starts again.
            _log.error("The ledger of quotas cannot be written: {error}", error=error)

    async def charged(
        self, place: PurePosixPath, octets: int, step: Callable[[], Awaitable[None]]
    ) -> None:
        """Take a step that makes a new file somewhere, if there is room for it."""
        change = await self.book(self._ledger.charge, self.key(place), octets, self._accounts)
        try:
            await step()
        except CancelledError:  # what becomes of it the next start looks up
            raise
        except BaseException:
            await self.agree(self._ledger.undo, change)
            raise
        await self.agree(self._ledger.strike, change)

    async def note(self, place: PurePosixPath) -> int:
        """A file is about to change; a number for the note."""
        change: int = await self.book(self._ledger.note, self.key(place), self._accounts)
        return change

    async def settle(self, change: int, place: PurePosixPath) -> None:
        """A file that was noted is as it is now."""
        await self.agree(self._ledger.settle, change, await self.size(place))

    async def undo(self, change: int) -> None:
        """What was noted is as it was."""
        await self.agree(self._ledger.undo, change)

    async def size(self, place: PurePosixPath) -> int | None:
        """Octets of a file; ``None`` where there is none."""
        try:
            entry = await self._plain.stat(place)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return entry.size if entry.is_file else None

    def key(self, place: PurePosixPath) -> bytes:
        """What a place is called in the ledger.

        Raises:
            OSError: ``EINVAL``, it has a name that cannot be.
        """
        try:
            return os.fsencode(os.path.join(self._space, place.relative_to(_ROOT)))
        except UnicodeEncodeError:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL)) from None

    @asynccontextmanager
    async def _changing(self, place: PurePosixPath, target: bytes = b"") -> AsyncIterator[int]:
        """Something is changed, or is what it was."""
        key = self.key(place)
        change: int = await self.book(self._ledger.note, key, self._accounts, target)
        try:
            yield change
        except CancelledError:  # what becomes of it the next start looks up
            raise
        except BaseException:
            await self.undo(change)
            raise

    async def _place(self, path: PurePosixPath) -> PurePosixPath:
        """The path, through no link."""
        if IRealPaths.providedBy(self._files):
            with suppress(OSError):
                path = await self._files.real_path(path)
        return path

    async def _named(self, path: PurePosixPath) -> PurePosixPath:
        """The same where the name itself is meant."""
        if path != _ROOT and IRealPaths.providedBy(self._files):
            with suppress(OSError):
                path = await self._files.real_name(path)
        return path


class _CountedUpload(WrappedUpload):
    """An upload that ends where there is no more room."""

    def __init__(
        self, upload: IUpload, quota: Quota, place: PurePosixPath, end: int | None
    ) -> None:
        super().__init__(upload)
        alsoProvides(self, IBounded)
        self._quota = quota
        self._place = place
        self._end = end
        self._size = 0
        self._change: int | None = None
        self._committed = False

    @property
    def end(self) -> int | None:
        """See :class:`ftptls.interfaces.IBounded`."""
        return self._end

    async def begin(self) -> None:
        """See :meth:`ftptls.interfaces.IUpload.begin`."""
        if not self.in_place:
            await self._upload.begin()
            return
        self._change = change = await self._quota.note(self._place)
        try:
            await self._upload.begin()
        except (OSError, FTPError):
            self._change = None
            await self._quota.undo(change)
            raise

    async def write_at(self, offset: int, data: bytes) -> None:
        """See :meth:`ftptls.interfaces.IUpload.write_at`."""
        if self._end is not None and offset + len(data) > self._end:
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
        await self._upload.write_at(offset, data)
        self._size = max(self._size, offset + len(data))

    async def commit(self) -> None:
        """See :meth:`ftptls.interfaces.IUpload.commit`."""
        if self.in_place or self._committed:
            await self._upload.commit()
            await self._settle()
        else:
            size = self._whole_size()
            await self._quota.charged(self._place, size, self._upload.commit)
        self._committed = True

    async def abandon(self) -> None:
        """See :meth:`ftptls.interfaces.IUpload.abandon`."""
        await self._upload.abandon()
        await self._settle()

    def _whole_size(self) -> int:
        """Octets of the new file, also of what the data path wrote by itself."""
        if IDescriptor.providedBy(self._upload):
            with suppress(OSError):  # not begun, or ended: the commit says so
                return os.fstat(self._upload.fileno()).st_size
        return self._size

    async def _settle(self) -> None:
        change, self._change = self._change, None
        if change is not None:
            await self._quota.settle(change, self._place)
