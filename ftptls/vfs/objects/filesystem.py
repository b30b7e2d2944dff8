"""An object store as a filesystem."""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator, Sequence
from pathlib import PurePosixPath
from typing import Any

from twisted.internet.interfaces import IReactorCore
from zope.interface import implementer

from ftptls import interfaces
from ftptls.interfaces import IFileReader, IFilesystem, IUpload, IWorkers
from ftptls.vfs.objects.opening import Stores
from ftptls.vfs.objects.reader import ObjectReader
from ftptls.vfs.objects.stores import Found, Page, Store, above, is_name, os_error
from ftptls.vfs.objects.upload import ObjectUpload
from ftptls.vfs.stats import permission_letters
from ftptls.vfs.tree import path_names
from ftptls.wire.entries import Entry, Kind
from ftptls.workers import Workers

_BATCH = 1000
_MODES = {Kind.FILE: 0o644, Kind.DIRECTORY: 0o755}


@implementer(IFilesystem)
class ObjectFilesystem:
    """Files in a store that keeps them by key, such as S3.

    Uploads appear when they are whole. Renaming copies and then deletes. Nothing here
    blocks the reactor::

        store = Stores({"profile": "ftp"}).open("s3://bucket/prefix")
        filesystem = ObjectFilesystem(store, workers)

    Args:
        store: See :class:`ftptls.vfs.objects.opening.Stores`.
        workers: Where the calls that block are made; better not those of the local disk,
            for a store that hangs keeps them busy.
    """

    def __init__(self, store: Store, workers: IWorkers) -> None:
        self._store = store
        self._workers = workers

    async def stat(self, path: PurePosixPath) -> Entry:
        """See :meth:`ftptls.interfaces.IFilesystem.stat`."""
        key = _key(path)
        if not key:
            return _entry(Found("/", Kind.DIRECTORY), movable=False)
        return _entry(await self._workers.run(self._find, key))

    async def scan(self, path: PurePosixPath) -> AsyncIterator[Sequence[Entry]]:
        """See :meth:`ftptls.interfaces.IFilesystem.scan`."""
        key = _key(path)
        page = await self._workers.run(self._first_page, key)
        while True:
            entries = [_entry(found) for found in page.found if is_name(found.name)]
            for start in range(0, len(entries), _BATCH):
                yield entries[start : start + _BATCH]
            if page.mark is None:
                return
            page = await self._workers.run(self._store.page, key, page.mark)

    async def open_read(self, path: PurePosixPath) -> IFileReader:
        """See :meth:`ftptls.interfaces.IFilesystem.open_read`."""
        key = _key(path)
        if not key:
            raise os_error(errno.EISDIR)
        found = await self._workers.run(self._find, key)
        _demand_file(found)
        return ObjectReader(self._store, key, found, self._workers)

    async def open_write(self, path: PurePosixPath, how: interfaces.Store, offset: int) -> IUpload:
        """See :meth:`ftptls.interfaces.IFilesystem.open_write`."""
        key = _key(path)
        upload = ObjectUpload(self._store, key, how, offset, self._target, self._workers)
        await self._workers.run(upload.check)
        return upload

    async def make_directory(self, path: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.make_directory`."""
        await self._workers.run(self._make_directory, _key(path))

    async def remove_directory(self, path: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.remove_directory`."""
        await self._workers.run(self._remove_directory, _key(path))

    async def remove_file(self, path: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.remove_file`."""
        await self._workers.run(self._remove_file, _key(path))

    async def rename(self, source: PurePosixPath, target: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.rename`.

        Not all at once: copies are made first, then the old ones deleted. What fails
        half-way leaves the old ones.
        """
        await self._workers.run(self._rename, _key(source), _key(target))

    # --- on a worker ----------------------------------------------------------------

    def _find(self, key: str) -> Found:
        found = self._store.find(key)
        if found is None:
            raise self._missing(key)
        return found

    def _missing(self, key: str) -> OSError:
        """Why there is nothing: ``ENOTDIR`` below a file, else ``ENOENT``."""
        while key := above(key):
            parent = self._store.find(key)
            if parent is not None:
                kind = parent.kind
                return os_error(errno.ENOENT if kind is Kind.DIRECTORY else errno.ENOTDIR)
        return os_error(errno.ENOENT)

    def _first_page(self, key: str) -> Page:
        page = self._store.page(key, None)
        if key and not page.found and page.mark is None:
            _demand_directory(self._find(key))
        return page

    def _place(self, key: str, refusal: int) -> Found | None:
        """What is there, if what is above is a directory; ``refusal`` for the root."""
        if not key:
            raise os_error(refusal)
        place = self._store.place(key)
        if place.parent is None:
            raise self._missing(key)
        _demand_directory(place.parent)
        return place.here

    def _target(self, key: str) -> Found | None:
        """The file that an upload would replace."""
        here = self._place(key, errno.EISDIR)
        if here is not None:
            _demand_file(here)
        return here

    def _make_directory(self, key: str) -> None:
        if self._place(key, errno.EEXIST) is not None:
            raise os_error(errno.EEXIST)
        self._store.make_directory(key)

    def _remove_directory(self, key: str) -> None:
        if not key:
            raise os_error(errno.EPERM)
        _demand_directory(self._find(key))
        self._store.remove_directory(key)

    def _remove_file(self, key: str) -> None:
        if not key:
            raise os_error(errno.EISDIR)
        if self._find(key).kind is Kind.DIRECTORY:
            raise os_error(errno.EISDIR)
        self._store.remove_file(key)

    def _rename(self, key: str, target: str) -> None:
        if not key:
            raise os_error(errno.EPERM)
        found = self._find(key)
        if key == target:
            return
        if target.startswith(f"{key}/") and found.kind is Kind.DIRECTORY:
            raise os_error(errno.EINVAL)
        there = self._place(target, errno.EPERM)
        if found.kind is not Kind.DIRECTORY:
            if there is not None and there.kind is Kind.DIRECTORY:
                raise os_error(errno.EISDIR)
            self._store.move_file(key, found, target)
            return
        if there is not None:
            _demand_directory(there)
            if self._holds_something(target):
                raise os_error(errno.ENOTEMPTY)
        self._store.move_directory(key, target)

    def _holds_something(self, key: str) -> bool:
        page = self._store.page(key, None)
        return bool(page.found) or page.mark is not None


class ObjectFilesystems:
    """Filesystems by URL, with threads of their own.

    Args:
        reactor: What they run on; what they ask ends with it.
        stores: Opens what is behind the URLs.
        threads: How many of them may wait for stores.
    """

    def __init__(self, reactor: Any, stores: Stores, threads: int) -> None:
        self._reactor = reactor
        self._stores = stores
        self._workers = Workers(reactor, threads)
        self._ends_with_it = False

    async def open(self, url: str) -> ObjectFilesystem:
        """The filesystem of a URL.

        Raises:
            MissingExtraError: Its libraries are not installed.
            StoreURLError: There is no such store.
        """
        if not self._ends_with_it:
            self._ends_with_it = True
            trigger = IReactorCore(self._reactor).addSystemEventTrigger
            trigger("during", "shutdown", self._stores.stop)
        store = await self._workers.run(self._stores.open, url)
        return ObjectFilesystem(store, self._workers)


def _key(path: PurePosixPath) -> str:
    """The key of a path.

    Raises:
        OSError: ``EINVAL``, ``ENAMETOOLONG`` or ``ENOENT``: no store is asked for it.
    """
    return "/".join(path_names(path))


def _entry(found: Found, *, movable: bool = True) -> Entry:
    return Entry(
        found.name,
        found.kind,
        size=found.size,
        modified=found.modified,
        mode=_MODES.get(found.kind, 0),
        perm=permission_letters(found.kind, 7, movable),
    )


def _demand_file(found: Found) -> None:
    if found.kind is not Kind.FILE:
        raise os_error(errno.EISDIR if found.kind is Kind.DIRECTORY else errno.ENXIO)


def _demand_directory(found: Found) -> None:
    if found.kind is not Kind.DIRECTORY:
        raise os_error(errno.ENOTDIR)
