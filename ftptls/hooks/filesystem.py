"""A user's files, where hooks are told of what happens and asked about uploads."""

from __future__ import annotations

import os
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from zope.interface import alsoProvides, implementer, noLongerProvides

from ftptls.errors import FTPError, PermanentError
from ftptls.hooks.content import Content, Spool, can_reopen, digest
from ftptls.interfaces import (
    ICheckedUpload,
    IDescriptor,
    IFilesystem,
    ILocalPaths,
    IRestricted,
    IUpload,
    IWorkers,
    Store,
)
from ftptls.settings import EventKind
from ftptls.settings.rights import Right
from ftptls.vfs.wrapping import WrappedUpload, Wrapper

if TYPE_CHECKING:
    from ftptls.hooks.reporter import Reporter


class Hooked(Wrapper):
    """Another filesystem, of which hooks are told. It is outermost: one event for each command.

    Args:
        filesystem: The other one.
        reporter: The session's way to the hooks.
        workers: For what blocks.
    """

    def __init__(self, filesystem: IFilesystem, reporter: Reporter, workers: IWorkers) -> None:
        super().__init__(filesystem)
        if IRestricted.providedBy(filesystem):
            alsoProvides(self, IRestricted)
        self._reporter = reporter
        self._workers = workers

    @property
    def somewhere(self) -> Right:
        """See :class:`ftptls.interfaces.IRestricted`."""
        right: Right = self._files.somewhere
        return right

    async def demand(self, path: PurePosixPath, right: Right) -> None:
        """See :meth:`ftptls.interfaces.IRestricted.demand`."""
        await self._files.demand(path, right)

    async def open_write(self, path: PurePosixPath, how: Store, offset: int) -> IUpload:
        """See :meth:`ftptls.interfaces.IFilesystem.open_write`.

        Raises:
            PermanentError: 550, it would change a file before anybody could be asked.
        """
        upload = await super().open_write(path, how, offset)
        hooks = self._reporter.hooks
        if upload.in_place and hooks.want(EventKind.UPLOAD_HELD):
            raise _not_whole()
        if hooks.want(EventKind.UPLOAD_HELD) or hooks.want(EventKind.UPLOAD):
            return HookedUpload(upload, path, self, self._reporter, self._workers)
        return upload

    async def make_directory(self, path: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.make_directory`."""
        await super().make_directory(path)
        await self._tell(EventKind.DIRECTORY_MADE, path)

    async def remove_directory(self, path: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.remove_directory`."""
        await super().remove_directory(path)
        await self._tell(EventKind.DIRECTORY_REMOVED, path)

    async def remove_file(self, path: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.remove_file`."""
        await super().remove_file(path)
        await self._tell(EventKind.DELETE, path)

    async def rename(self, source: PurePosixPath, target: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.rename`."""
        await super().rename(source, target)
        await self._tell(EventKind.RENAME, source, target=target)

    async def _tell(
        self, kind: EventKind, path: PurePosixPath, target: PurePosixPath | None = None
    ) -> None:
        if self._reporter.hooks.want(kind):
            place = await self.place(target or path)
            told = None if target is None else str(target)
            await self._reporter.tell(kind, path=str(path), target=told, real_path=place)

    async def place(self, path: PurePosixPath) -> str | None:
        """Where a file is on the disk of this machine; ``None`` where nobody knows."""
        if not ILocalPaths.providedBy(self):
            return None
        try:
            return await self.local_path(path)
        except (OSError, FTPError):
            return None


def _not_whole() -> PermanentError:
    return PermanentError(
        550, "Files are checked as a whole here: send all of it, with STOR or STOU."
    )


@implementer(ICheckedUpload)
class HookedUpload(WrappedUpload):
    """Another upload, about which hooks are asked once it is whole, and told once it is there.

    Args:
        upload: The other one, checked and not begun.
        path: Its target.
        files: Where that is.
        reporter: The session's way to the hooks.
        workers: For what blocks.
    """

    def __init__(
        self,
        upload: IUpload,
        path: PurePosixPath,
        files: Hooked,
        reporter: Reporter,
        workers: IWorkers,
    ) -> None:
        super().__init__(upload)
        self._path = path
        self._place = files.place
        self._reporter = reporter
        self._threads = workers
        self._hashed = reporter.hooks.want_sha256()
        self._read = self._hashed or reporter.hooks.want(EventKind.UPLOAD_HELD)
        self._spool: Spool | None = None
        self._size = 0
        self._checked = False
        self._facts: dict[str, Any] = {}
        if IDescriptor.providedBy(self) and self._read and not can_reopen():
            noLongerProvides(self, IDescriptor)  # so that every octet comes by write_at

    async def begin(self) -> None:
        """See :meth:`ftptls.interfaces.IUpload.begin`."""
        await super().begin()
        if self._read and not (self.in_place or IDescriptor.providedBy(self)):
            if self.offset:
                raise _not_whole()  # what came before cannot be read
            self._spool = await self._threads.run(Spool)

    async def write_at(self, offset: int, data: bytes) -> None:
        """See :meth:`ftptls.interfaces.IUpload.write_at`."""
        await super().write_at(offset, data)
        self._size = max(self._size, offset + len(data))
        if self._spool is not None:
            await self._threads.run(self._spool.write, offset, data)

    async def check(self) -> None:
        """See :meth:`ftptls.interfaces.ICheckedUpload.check`."""
        self._facts = await self._known()
        reporter = self._reporter
        if reporter.hooks.want(EventKind.UPLOAD_HELD):
            event = reporter.event(EventKind.UPLOAD_HELD, **self._facts)
            await reporter.hooks.check(event, self._open)
        self._checked = True

    async def commit(self) -> None:
        """See :meth:`ftptls.interfaces.IUpload.commit`."""
        if not self._checked:
            await self.check()
        await super().commit()
        self._drop_spool()
        if self._reporter.hooks.want(EventKind.UPLOAD):
            self._facts["real_path"] = await self._place(self._path)
            await self._reporter.tell(EventKind.UPLOAD, **self._facts)

    async def abandon(self) -> None:
        """See :meth:`ftptls.interfaces.IUpload.abandon`."""
        self._drop_spool()
        await super().abandon()

    async def _known(self) -> dict[str, Any]:
        """All that is known of it while it has no name yet."""
        source = self._source()
        if source >= 0:
            self._size = (await self._threads.run(os.fstat, source)).st_size
        facts: dict[str, Any] = {
            "path": str(self._path),
            "real_path": await self._place(self._path),
            "size": self._size,
            **self._reporter.transfer(),
        }
        if self._hashed and source >= 0:
            content = await self._open()
            try:
                facts["sha256"] = await digest(content, self._threads)
            finally:
                content.close()
        return facts

    def _source(self) -> int:
        """A descriptor of the content; -1 without one."""
        if self._spool is not None:
            return self._spool.fileno()
        return self.fileno() if IDescriptor.providedBy(self) else -1

    async def _open(self) -> Content:
        return await self._threads.run(partial(Content, self._source()))

    def _drop_spool(self) -> None:
        spool, self._spool = self._spool, None
        if spool is not None:
            spool.close()
