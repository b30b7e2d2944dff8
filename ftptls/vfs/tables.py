"""What is needed to write a filesystem of one's own: a table of names and one of octets.

All that every filesystem must check is done here; see ``docs/examples`` for whole ones.
"""

from __future__ import annotations

import errno
import secrets
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import PurePosixPath
from typing import Any, TypeVar

from zope.interface import implementer

from ftptls.interfaces import IFileReader, IFilesystem, IUpload, IWorkers, Store
from ftptls.vfs.pieces import Node, PiecesReader, PiecesUpload
from ftptls.vfs.stats import permission_letters
from ftptls.vfs.tree import os_error, path_names
from ftptls.wire.entries import Entry, Kind
from ftptls.workers import InlineWorkers

_BATCH = 500

T = TypeVar("T")


@implementer(IFilesystem)
class TableFilesystem(ABC):
    """A filesystem whose subclass keeps two tables, and checks nothing.

    One table leads from a directory and a name to a node, the other from a file and the number
    of a piece to octets. A subclass has a method for each thing that is done with them. They
    may block, if there are workers; one is called at a time, inside of :meth:`turn`. Names
    are octets.

    Whole files appear once they are complete. Uploads that are resumed or append change the file
    piece by piece. A file that is replaced or removed while somebody reads it is 450 to him.

    Args:
        workers: Where the methods are called; by default where they are needed, at once.
        now: The clock: seconds since the epoch.
    """

    def __init__(
        self, workers: IWorkers | None = None, now: Callable[[], float] = time.time
    ) -> None:
        self._workers = workers or InlineWorkers()
        self.now = now
        self._lock = threading.Lock()
        self._root = Node(0, Kind.DIRECTORY, 0, now())

    # --- for the subclass --------------------------------------------------------------

    @abstractmethod
    def find(self, directory: int, name: bytes) -> Node | None:
        """What a name leads to."""

    @abstractmethod
    def names(self, directory: int, after: bytes, most: int) -> Sequence[tuple[bytes, Node]]:
        """The next names behind ``after``, in order, and what they lead to."""

    @abstractmethod
    def link(self, directory: int, name: bytes, node: Node) -> None:
        """Let a name lead to a node, whatever it led to before."""

    @abstractmethod
    def unlink(self, directory: int, name: bytes) -> None:
        """Take a name away."""

    @abstractmethod
    def load(self, file: int, piece: int) -> bytes:
        """A piece of a file; empty where there is none. They count from 0."""

    @abstractmethod
    def save(self, file: int, piece: int, data: bytes) -> None:
        """Keep a piece of a file, in place of the one with this number."""

    @abstractmethod
    def drop(self, file: int) -> None:
        """Forget all pieces of a file."""

    def turn(self) -> AbstractContextManager[Any]:
        """Around calls that belong together; a store with transactions begins one here."""
        return self._lock

    # --- IFilesystem -------------------------------------------------------------------

    async def stat(self, path: PurePosixPath) -> Entry:
        """See :meth:`ftptls.interfaces.IFilesystem.stat`."""
        node = await self.run(self._find, path)
        return _entry(path.name or "/", node, movable=bool(path.name))

    async def scan(self, path: PurePosixPath) -> AsyncIterator[Sequence[Entry]]:
        """See :meth:`ftptls.interfaces.IFilesystem.scan`."""
        directory = await self.run(self._find_directory, path)
        after = b""
        while found := await self.run(self.names, directory.number, after, _BATCH):
            yield [_entry(name.decode("utf-8", "surrogateescape"), each) for name, each in found]
            after = found[-1][0]

    async def open_read(self, path: PurePosixPath) -> IFileReader:
        """See :meth:`ftptls.interfaces.IFilesystem.open_read`."""
        return PiecesReader(self, await self.run(self._find_file, path))

    async def open_write(self, path: PurePosixPath, how: Store, offset: int) -> IUpload:
        """See :meth:`ftptls.interfaces.IFilesystem.open_write`."""
        upload = PiecesUpload(self, path, how, offset)
        await self.run(upload.check)
        return upload

    async def make_directory(self, path: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.make_directory`."""
        await self.run(self._make_directory, path)

    async def remove_directory(self, path: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.remove_directory`."""
        await self.run(self._remove_directory, path)

    async def remove_file(self, path: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.remove_file`."""
        await self.run(self._remove_file, path)

    async def rename(self, source: PurePosixPath, target: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.rename`."""
        await self.run(self._rename, source, target)

    # --- in a turn ---------------------------------------------------------------------

    async def run(self, call: Callable[..., T], *args: Any) -> T:
        """Call something that uses the tables."""
        return await self._workers.run(self._in_turn, call, *args)

    def _in_turn(self, call: Callable[..., T], *args: Any) -> T:
        with self.turn():
            return call(*args)

    def place(self, path: PurePosixPath, refusal: int) -> tuple[int, bytes, Node | None]:
        """Where a name is or would be, and what it leads to; the root has none."""
        names = path_names(path)
        if not names:
            raise os_error(refusal)
        directory = self._find_directory(path.parent).number
        name = names[-1].encode("utf-8", "surrogateescape")
        return directory, name, self.find(directory, name)

    def new(self, kind: Kind) -> Node:
        """A file or directory that has no name yet."""
        return Node(1 + secrets.randbits(62), kind, 0, self.now())

    def _find(self, path: PurePosixPath) -> Node:
        node = self._root
        for name in path_names(path):
            if node.kind is Kind.FILE:
                raise os_error(errno.ENOTDIR)
            found = self.find(node.number, name.encode("utf-8", "surrogateescape"))
            if found is None:
                raise os_error(errno.ENOENT)
            node = found
        return node

    def _find_file(self, path: PurePosixPath) -> Node:
        node = self._find(path)
        if node.kind is Kind.DIRECTORY:
            raise os_error(errno.EISDIR)
        return node

    def _find_directory(self, path: PurePosixPath) -> Node:
        node = self._find(path)
        if node.kind is Kind.FILE:
            raise os_error(errno.ENOTDIR)
        return node

    def _make_directory(self, path: PurePosixPath) -> None:
        directory, name, node = self.place(path, errno.EEXIST)
        if node is not None:
            raise os_error(errno.EEXIST)
        self.link(directory, name, self.new(Kind.DIRECTORY))

    def _remove_directory(self, path: PurePosixPath) -> None:
        directory, name, _ = self.place(path, errno.EPERM)
        self._refuse_full(self._find_directory(path))
        self.unlink(directory, name)

    def _remove_file(self, path: PurePosixPath) -> None:
        directory, name, _ = self.place(path, errno.EISDIR)
        node = self._find_file(path)
        self.unlink(directory, name)
        self.drop(node.number)

    def _rename(self, source: PurePosixPath, target: PurePosixPath) -> None:
        directory, name, _ = self.place(source, errno.EPERM)
        node = self._find(source)
        to_directory, to_name, there = self.place(target, errno.EPERM)
        if source == target:
            return
        if source in target.parents:
            raise os_error(errno.EINVAL)
        if there is not None and there.kind is Kind.DIRECTORY:
            if node.kind is Kind.FILE:
                raise os_error(errno.EISDIR)
            self._refuse_full(there)
        elif there is not None:
            if node.kind is Kind.DIRECTORY:
                raise os_error(errno.ENOTDIR)
            self.drop(there.number)
        self.unlink(directory, name)
        self.link(to_directory, to_name, node)

    def _refuse_full(self, directory: Node) -> None:
        if self.names(directory.number, b"", 1):
            raise os_error(errno.ENOTEMPTY)


def _entry(name: str, node: Node, *, movable: bool = True) -> Entry:
    return Entry(
        name,
        node.kind,
        size=node.size,
        modified=node.modified,
        mode=0o755 if node.kind is Kind.DIRECTORY else 0o644,
        unique=f"{node.number:x}",
        perm=permission_letters(node.kind, 7, movable),
    )
