"""A directory of the local disk that is being listed."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from itertools import chain, islice
from pathlib import PurePosixPath
from typing import TypeVar

from twisted.internet.defer import Deferred
from zope.interface import implementer

from ftptls.interfaces import IBatches, IWorkers
from ftptls.vfs.stats import Describer, place
from ftptls.vfs.temporaries import is_temporary
from ftptls.wire.entries import Entry, Kind, Row, Rows, Traits

T = TypeVar("T")

# Names in a batch: the first line comes soon, and then few calls are for many names.
_FIRST_BATCH = 250
_LARGEST_BATCH = 2000
# Of names of which nothing but the kind was asked for.
_NOTHING_ELSE = {kind: Traits(kind, 0, "", "", 0, 0, "", "") for kind in Kind}
_NAMES_ARE_UTF_8 = sys.getfilesystemencoding() == "utf-8"


def link_target(name: bytes | str, directory: int) -> str:
    """Where a link points, as it is written."""
    return os.readlink(os.fsencode(name), dir_fd=directory).decode("utf-8", "surrogateescape")


class Listing:
    """A directory being read, batch by batch, each on whatever thread is free.

    Args:
        fd: The directory; the listing closes it.
        describer: Makes the entries.
        links: Whether there are links among them.
    """

    def __init__(self, fd: int, describer: Describer, *, links: bool) -> None:
        self._fd = fd
        self._describer = describer
        self._links = links
        self._lock = threading.Lock()
        self._closed = False
        self._size = _FIRST_BATCH
        try:
            self._place = place(fd)
            self._names = os.scandir(fd)
        except BaseException:
            self._fd = -1
            os.close(fd)
            raise

    def __del__(self) -> None:
        # For one that was opened when nobody waited for it any more.
        self.close()

    def batch(self, make: Callable[[Sequence[Entry]], T], names_only: bool = False) -> T | None:
        """What ``make`` makes of the next names' entries; None at the end.

        Args:
            make: How.
            names_only: Whether it looks at names and kinds alone.
        """
        made = None
        read = self._names_alone if names_only else self._described
        with self._lock:
            while not self._closed and (rows := self._next_rows(read)) is not None:
                if rows:
                    made = make(rows)
                    break
        if self._closed:
            self.close()
        return made

    def close(self) -> None:
        """Release it; never waits: a batch in progress releases it when done."""
        self._closed = True
        if self._lock.acquire(blocking=False):
            fd, self._fd = self._fd, -1
            if fd >= 0:
                self._names.close()
                os.close(fd)
            self._lock.release()

    def _next_rows(self, read: Callable[[Iterator[os.DirEntry[str]]], list[Row]]) -> Rows | None:
        """What is said of the next names, of those that are there still; None at the end."""
        names = islice(self._names, self._size)
        first = next(names, None)
        if first is None:
            return None
        self._size = min(2 * self._size, _LARGEST_BATCH)
        rows = read(chain((first,), names))
        return Rows(rows if _NAMES_ARE_UTF_8 else [(_as_utf_8(row[0]), *row[1:]) for row in rows])

    def _described(self, names: Iterator[os.DirEntry[str]]) -> list[Row]:
        rows: list[Row] = []
        known = self._describer.known(self._place)
        # One by one: what is in use for a while only stays in the caches of the processor.
        for each in names:
            name, target = each.name, ""
            if name[0] == "." and is_temporary(name):
                continue
            try:
                # Never through a link: the kernel would follow it out of the jail.
                info = each.stat(follow_symlinks=False)
                mode, serial, device, links, uid, gid, size, _, _, _ = info
                key = (mode, uid, gid, device)
                traits = known.get(key) or self._describer.learn(key, self._place)
                if traits.kind is Kind.LINK:
                    if not self._links:
                        continue
                    target = link_target(name, self._fd)
            except OSError:  # it vanished, or became something else, since its name was read
                continue
            rows.append((name, traits, size, info.st_mtime, links, serial, target))
        return rows

    def _names_alone(self, names: Iterator[os.DirEntry[str]]) -> list[Row]:
        """Without a look at what they stand for: the directory knows their kinds, as a rule."""
        rows: list[Row] = []
        for each in names:
            name, traits = each.name, _NOTHING_ELSE[_kind(each)]
            hidden = traits.kind is Kind.LINK and not self._links
            if not hidden and not (name[0] == "." and is_temporary(name)):
                rows.append((name, traits, 0, 0.0, 1, 0, ""))
        return rows


def _kind(found: os.DirEntry[str]) -> Kind:
    if found.is_file(follow_symlinks=False):
        return Kind.FILE
    if found.is_dir(follow_symlinks=False):
        return Kind.DIRECTORY
    return Kind.LINK if found.is_symlink() else Kind.OTHER


def _as_utf_8(name: str) -> str:
    """A name as text, which the locale of the process may have taken for something else."""
    return os.fsencode(name).decode("utf-8", "surrogateescape")


@implementer(IBatches)
class Scan(AsyncIterator[Sequence[Entry]]):
    """The entries of a directory, read on workers.

    Args:
        path: The directory.
        open_listing: Opens it; called on a worker.
        workers: Where it is read.
    """

    def __init__(
        self,
        path: PurePosixPath,
        open_listing: Callable[[PurePosixPath], Listing],
        workers: IWorkers,
    ) -> None:
        self._path = path
        self._open = open_listing
        self._workers = workers
        self._batches: AsyncGenerator[Sequence[Entry], None] | None = None

    async def __anext__(self) -> Sequence[Entry]:
        if self._batches is None:
            self._batches = self.through(lambda entries: entries)
        return await self._batches.__anext__()

    async def through(
        self, make: Callable[[Sequence[Entry]], T], *, names_only: bool = False
    ) -> AsyncGenerator[T, None]:
        """See :meth:`ftptls.interfaces.IBatches.through`."""
        listing = await self._workers.run(self._open, self._path)
        try:
            while (made := await self._workers.run(listing.batch, make, names_only)) is not None:
                yield made
        finally:
            # Not awaited: an iterator that is dropped half-way has no one to wait for it.
            Deferred.fromCoroutine(self._release(listing))

    async def _release(self, listing: Listing) -> None:
        await self._workers.run(listing.close)


async def through(
    batches: AsyncIterator[Sequence[Entry]],
    make: Callable[[Sequence[Entry]], T],
    *,
    names_only: bool = False,
) -> AsyncGenerator[T, None]:
    """What ``make`` makes of each batch: where it was read, if that can be, else here.

    Args:
        batches: What :meth:`ftptls.interfaces.IFilesystem.scan` returns.
        make: Called on any thread, with one batch at a time.
        names_only: Whether it looks at names and kinds alone.
    """
    if IBatches.providedBy(batches):
        all_made: AsyncIterator[T] = IBatches(batches).through(make, names_only=names_only)
        async for made in all_made:
            yield made
    else:
        async for batch in batches:
            yield make(batch)
