"""A filesystem in memory: for tests, for examples, and for what need not last."""

from __future__ import annotations

import copy
import errno
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import PurePosixPath

from zope.interface import implementer

from ftptls.errors import PermanentError
from ftptls.interfaces import (
    IFileReader,
    IFilesystem,
    IModes,
    ISetCreated,
    ISetTimes,
    ISpace,
    IUmask,
    IUpload,
    Store,
)
from ftptls.settings import UploadMode
from ftptls.vfs.tree import Directory, File, Tree, entry_of, os_error
from ftptls.wire.entries import Entry

_BATCH = 500


@implementer(IFilesystem, ISetTimes, ISetCreated, IModes, IUmask, ISpace)
class MemoryFilesystem:
    """Files and directories in memory; any number of sessions may share one.

    It behaves as a local disk does to its superuser, but has no links::

        filesystem = MemoryFilesystem({"/in/": b"", "/out/a.txt": b"hello"})

    Args:
        content: What is there at first, by path. Directories are made as needed;
            a path that ends in a slash is one.
        limit: Octets that all files together may hold, those being uploaded included.
        upload_mode: Whether a whole upload appears once it is complete, or grows in place.
        umask: Permission bits that new files and directories do not get.
        now: The clock: seconds since the epoch.
    """

    def __init__(
        self,
        content: Mapping[str, bytes] | None = None,
        *,
        limit: int = 64 * 2**20,
        upload_mode: UploadMode = UploadMode.ATOMIC,
        umask: int = 0o022,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._tree = Tree(limit, now)
        self._upload_mode = upload_mode
        self.umask = umask
        for path, data in (content or {}).items():
            self._put(path, data)

    def contents(self) -> dict[str, bytes]:
        """Every file's octets, by path."""
        return {path: bytes(node.data) for path, node in self._tree.files()}

    async def stat(self, path: PurePosixPath) -> Entry:
        """See :meth:`ftptls.interfaces.IFilesystem.stat`."""
        return entry_of(path.name or "/", self._tree.find(path), movable=bool(path.name))

    async def scan(self, path: PurePosixPath) -> AsyncIterator[Sequence[Entry]]:
        """See :meth:`ftptls.interfaces.IFilesystem.scan`."""
        children = self._tree.find_directory(path).children
        names = list(children)
        for start in range(0, len(names), _BATCH):
            present = ((name, children.get(name)) for name in names[start : start + _BATCH])
            entries = [entry_of(name, node) for name, node in present if node is not None]
            if entries:
                yield entries

    async def open_read(self, path: PurePosixPath) -> IFileReader:
        """See :meth:`ftptls.interfaces.IFilesystem.open_read`."""
        return MemoryReader(self._tree.find_file(path))

    async def open_write(self, path: PurePosixPath, how: Store, offset: int) -> IUpload:
        """See :meth:`ftptls.interfaces.IFilesystem.open_write`."""
        whole = how in (Store.REPLACE, Store.NEW)
        in_place = self._upload_mode is UploadMode.DIRECT or not whole
        upload = MemoryUpload(self._tree, path, how, offset, self._new_file, in_place=in_place)
        upload.check()
        return upload

    async def make_directory(self, path: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.make_directory`."""
        parent = self._tree.parent(path, errno.EEXIST)
        if path.name in parent.children:
            raise os_error(errno.EEXIST)
        self._tree.name(parent, path.name, self._new_directory())

    async def remove_directory(self, path: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.remove_directory`."""
        parent = self._tree.parent(path, errno.EPERM)
        if self._tree.find_directory(path).children:
            raise os_error(errno.ENOTEMPTY)
        self._tree.unname(parent, path.name)

    async def remove_file(self, path: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.remove_file`."""
        parent = self._tree.parent(path, errno.EISDIR)
        self._tree.find_file(path)
        self._tree.unname(parent, path.name)

    async def rename(self, source: PurePosixPath, target: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.rename`."""
        self._tree.move(source, target)

    async def set_times(
        self, path: PurePosixPath, modified: float, accessed: float | None = None
    ) -> None:
        """See :meth:`ftptls.interfaces.ISetTimes.set_times`."""
        self._tree.find(path).modified = modified

    async def set_created(self, path: PurePosixPath, created: float) -> None:
        """See :meth:`ftptls.interfaces.ISetCreated.set_created`."""
        self._tree.find(path).created = created

    async def set_mode(self, path: PurePosixPath, mode: int) -> None:
        """See :meth:`ftptls.interfaces.IModes.set_mode`."""
        if mode & ~0o777:
            raise os_error(errno.EINVAL)
        self._tree.find(path).mode = mode

    async def available(self, path: PurePosixPath) -> int:
        """See :meth:`ftptls.interfaces.ISpace.available`."""
        self._tree.find_directory(path)
        return self._tree.room

    def with_umask(self, umask: int) -> MemoryFilesystem:
        """See :meth:`ftptls.interfaces.IUmask.with_umask`."""
        other = copy.copy(self)
        other.umask = umask
        return other

    def _new_file(self) -> File:
        return File(self._tree.now(), 0o666 & ~self.umask)

    def _new_directory(self) -> Directory:
        return Directory(self._tree.now(), 0o777 & ~self.umask)

    def _put(self, path: str, data: bytes) -> None:
        directory = self._tree.find_directory(PurePosixPath("/"))
        *parents, name = path.split("/")[1:]
        for part in parents:
            inner = directory.children.setdefault(part, self._new_directory())
            if isinstance(inner, File):
                raise os_error(errno.ENOTDIR)
            directory = inner
        if name:
            node = self._new_file()
            self._tree.write(node, 0, data)
            self._tree.name(directory, name, node)


@implementer(IFileReader)
class MemoryReader:
    """A file that stays readable when its name goes."""

    def __init__(self, node: File) -> None:
        self.size = len(node.data)
        self._node: File | None = node

    async def read_at(self, offset: int, size: int) -> bytes:
        """See :meth:`ftptls.interfaces.IFileReader.read_at`."""
        if self._node is None:
            raise os_error(errno.EBADF)
        return bytes(self._node.data[offset : offset + size])

    async def close(self) -> None:
        """See :meth:`ftptls.interfaces.IFileReader.close`."""
        self._node = None


@implementer(IUpload)
class MemoryUpload:
    """Into the file, or into one that takes its place.

    Args:
        tree: Where the file is.
        path: Its path.
        how: Whole, resumed or appended.
        offset: Where a resumed one goes on.
        new_file: Makes an empty file.
        in_place: Whether what arrives is the file at once.
    """

    def __init__(
        self,
        tree: Tree,
        path: PurePosixPath,
        how: Store,
        offset: int,
        new_file: Callable[[], File],
        *,
        in_place: bool,
    ) -> None:
        self.in_place = in_place
        self.offset = offset
        self._tree = tree
        self._path = path
        self._how = how
        self._new_file = new_file
        self._node: File | None = None
        self._ended = False
        self._committed = False

    def __del__(self) -> None:
        self._end()

    def check(self) -> tuple[Directory, File | None]:
        """Raise if the upload cannot begin; say where it would."""
        parent, node = self._tree.place(self._path)
        if node is not None and self._how is Store.NEW:
            raise os_error(errno.EEXIST)
        size = len(node.data) if node else 0
        if self._how is Store.RESUME and self.offset > size:
            raise PermanentError(554, f"The file ends at {size}; restart there or before.")
        return parent, node

    async def begin(self) -> None:
        """See :meth:`ftptls.interfaces.IUpload.begin`."""
        if self._ended or self._node is not None:
            raise os_error(errno.EBADF)
        parent, node = self.check()
        if node is None or not self.in_place:
            replaced, node = node, self._new_file()
            if replaced is not None:
                node.mode = replaced.mode
            if self.in_place:
                self._tree.name(parent, self._path.name, node)
        elif self._how is Store.REPLACE:
            self._tree.truncate(node)
        elif self._how is Store.APPEND:
            self.offset = len(node.data)
        node.writers += 1
        self._node = node

    async def write_at(self, offset: int, data: bytes) -> None:
        """See :meth:`ftptls.interfaces.IUpload.write_at`."""
        self._tree.write(self._begun(), offset, data)

    async def commit(self) -> None:
        """See :meth:`ftptls.interfaces.IUpload.commit`."""
        if self._committed:
            return
        node = self._begun()
        try:
            if not self.in_place:
                parent, _ = self.check()
                self._tree.name(parent, self._path.name, node)
        finally:
            self._end()
        self._committed = True

    async def abandon(self) -> None:
        """See :meth:`ftptls.interfaces.IUpload.abandon`."""
        self._end()

    def _end(self) -> None:
        if self._node is not None and not self._ended:
            self._tree.end_writing(self._node)
        self._ended = True

    def _begun(self) -> File:
        if self._node is None or self._ended:
            raise os_error(errno.EBADF)
        return self._node
