"""A filesystem in memory: for tests, for examples, and for what need not last."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import PurePosixPath

from zope.interface import implementer

from ftptls.errors import PermanentError
from ftptls.interfaces import IFileReader, IFilesystem, IUpload, Store
from ftptls.settings import UploadMode
from ftptls.vfs.stats import permission_letters
from ftptls.vfs.uploads import is_temporary
from ftptls.wire.entries import Entry, Kind

_BATCH = 500
_LONGEST_NAME = 255
_serial = count(1)


@dataclass(eq=False)
class _File:
    modified: float
    data: bytearray = field(default_factory=bytearray)
    serial: int = field(default_factory=lambda: next(_serial))
    kind: Kind = Kind.FILE
    counted: bool = True


@dataclass(eq=False)
class _Directory:
    modified: float
    children: dict[str, _File | _Directory] = field(default_factory=dict)
    serial: int = field(default_factory=lambda: next(_serial))
    kind: Kind = Kind.DIRECTORY


_Node = _File | _Directory


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@implementer(IFilesystem)
class MemoryFilesystem:
    """Files and directories in memory; any number of sessions may share one.

    It behaves as a local disk does, but has no links::

        filesystem = MemoryFilesystem({"/in/": b"", "/out/a.txt": b"hello"})

    Args:
        content: What is there at first, by path. Directories are made as needed;
            a path that ends in a slash is one.
        limit: Octets that all files together may hold, those being uploaded included.
        upload_mode: Whether a whole upload appears once it is complete, or grows in place.
        now: The clock: seconds since the epoch.
    """

    def __init__(
        self,
        content: Mapping[str, bytes] | None = None,
        *,
        limit: int = 64 * 2**20,
        upload_mode: UploadMode = UploadMode.ATOMIC,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.now = now
        self._limit = limit
        self._used = 0
        self._upload_mode = upload_mode
        self._root = _Directory(now())
        for path, data in (content or {}).items():
            self._place(path, data)

    def contents(self) -> dict[str, bytes]:
        """Every file's octets, by path."""
        return dict(_files(self._root, ""))

    async def stat(self, path: PurePosixPath) -> Entry:
        """See :meth:`ftptls.interfaces.IFilesystem.stat`."""
        return _entry(path.name or "/", self._find(path), movable=bool(path.name))

    async def scan(self, path: PurePosixPath) -> AsyncIterator[Sequence[Entry]]:
        """See :meth:`ftptls.interfaces.IFilesystem.scan`."""
        directory = self._find_directory(path)
        names = list(directory.children)
        for start in range(0, len(names), _BATCH):
            present = (
                (name, directory.children.get(name)) for name in names[start : start + _BATCH]
            )
            entries = [_entry(name, node) for name, node in present if node is not None]
            if entries:
                yield entries

    async def open_read(self, path: PurePosixPath) -> IFileReader:
        """See :meth:`ftptls.interfaces.IFilesystem.open_read`."""
        node = self._find(path)
        if isinstance(node, _Directory):
            raise _error(errno.EISDIR)
        return _MemoryReader(node)

    async def open_write(self, path: PurePosixPath, how: Store, offset: int) -> IUpload:
        """See :meth:`ftptls.interfaces.IFilesystem.open_write`."""
        atomic = self._upload_mode is UploadMode.ATOMIC and how is Store.REPLACE
        upload = _MemoryUpload(self, path, how, offset, in_place=not atomic)
        upload.check()
        return upload

    async def make_directory(self, path: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.make_directory`."""
        parent = self._parent(path, errno.EEXIST)
        if path.name in parent.children:
            raise _error(errno.EEXIST)
        parent.children[path.name] = _Directory(self.now())
        parent.modified = self.now()

    async def remove_directory(self, path: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.remove_directory`."""
        parent = self._parent(path, errno.EPERM)
        if self._find_directory(path).children:
            raise _error(errno.ENOTEMPTY)
        del parent.children[path.name]
        parent.modified = self.now()

    async def remove_file(self, path: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.remove_file`."""
        parent = self._parent(path, errno.EISDIR)
        node = self._find(path)
        if isinstance(node, _Directory):
            raise _error(errno.EISDIR)
        del parent.children[path.name]
        parent.modified = self.now()
        self.release(node)

    async def rename(self, source: PurePosixPath, target: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.rename`."""
        old_parent = self._parent(source, errno.EPERM)
        new_parent = self._parent(target, errno.EPERM)
        node = self._find(source)
        if source == target:
            return
        if source in target.parents:
            raise _error(errno.EINVAL)
        self._make_way(node, new_parent.children.get(target.name))
        del old_parent.children[source.name]
        new_parent.children[target.name] = node
        old_parent.modified = new_parent.modified = self.now()

    def lookup(self, path: PurePosixPath) -> tuple[_Directory, _File | None]:
        """Where a file of this path is or would be, and the file.

        Raises:
            OSError: ``ENOENT``, ``ENOTDIR``; ``EISDIR`` where the path is a directory.
        """
        parent = self._parent(path, errno.EISDIR)
        node = parent.children.get(path.name)
        if isinstance(node, _Directory):
            raise _error(errno.EISDIR)
        return parent, node

    def grow(self, node: _File, size: int) -> None:
        """Make a file at least ``size`` octets long, or raise ``ENOSPC``."""
        more = size - len(node.data)
        if more <= 0:
            return
        if node.counted:
            if self._used + more > self._limit:
                raise _error(errno.ENOSPC)
            self._used += more
        node.data.extend(bytes(more))

    def release(self, node: _File) -> None:
        """A file that no name leads to any more does not count."""
        if node.counted:
            self._used -= len(node.data)
            node.counted = False

    def truncate(self, node: _File) -> None:
        """Empty a file."""
        if node.counted:
            self._used -= len(node.data)
        node.data = bytearray()

    def _place(self, path: str, data: bytes) -> None:
        directory = self._root
        *parents, name = path.split("/")[1:]
        for part in parents:
            inner = directory.children.setdefault(part, _Directory(self.now()))
            if isinstance(inner, _File):
                raise _error(errno.ENOTDIR)
            directory = inner
        if name:
            node = _File(self.now())
            self.grow(node, len(data))
            node.data[:] = data
            directory.children[name] = node

    def _make_way(self, node: _Node, there: _Node | None) -> None:
        """What rename(2) demands of the target."""
        if isinstance(there, _Directory):
            if isinstance(node, _File):
                raise _error(errno.EISDIR)
            if there.children and there is not node:
                raise _error(errno.ENOTEMPTY)
        elif there is not None:
            if isinstance(node, _Directory):
                raise _error(errno.ENOTDIR)
            self.release(there)

    def _find(self, path: PurePosixPath) -> _Node:
        node: _Node = self._root
        for name in _names(path):
            if isinstance(node, _File):
                raise _error(errno.ENOTDIR)
            if name not in node.children:
                raise _error(errno.ENOENT)
            node = node.children[name]
        return node

    def _find_directory(self, path: PurePosixPath) -> _Directory:
        node = self._find(path)
        if isinstance(node, _File):
            raise _error(errno.ENOTDIR)
        return node

    def _parent(self, path: PurePosixPath, refusal: int) -> _Directory:
        """The directory around a path; the root has none, and ``refusal`` instead."""
        if not _names(path):
            raise _error(refusal)
        return self._find_directory(path.parent)


def _names(path: PurePosixPath) -> tuple[str, ...]:
    """The parts of a clean absolute path, with the errors a local disk has for them."""
    names = path.parts[1:]
    if any(map(is_temporary, names)):
        raise _error(errno.ENOENT)
    for name in names:
        try:
            length = len(name.encode("utf-8", "surrogateescape"))
        except UnicodeEncodeError:
            raise _error(errno.EINVAL) from None
        if name == ".." or "\0" in name:
            raise _error(errno.EINVAL)
        if length > _LONGEST_NAME:
            raise _error(errno.ENAMETOOLONG)
    if not path.is_absolute():
        raise _error(errno.EINVAL)
    return names


def _files(directory: _Directory, prefix: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for name, node in directory.children.items():
        path = f"{prefix}/{name}"
        if isinstance(node, _Directory):
            found += _files(node, path)
        else:
            found.append((path, bytes(node.data)))
    return found


def _entry(name: str, node: _Node, *, movable: bool = True) -> Entry:
    directory = isinstance(node, _Directory)
    return Entry(
        name,
        node.kind,
        size=0 if isinstance(node, _Directory) else len(node.data),
        modified=node.modified,
        mode=0o755 if directory else 0o644,
        unique=f"{node.serial:x}",
        perm=permission_letters(node.kind, 7, movable),
    )


@implementer(IFileReader)
class _MemoryReader:
    """A file that stays readable when its name goes."""

    def __init__(self, node: _File) -> None:
        self.size = len(node.data)
        self._node: _File | None = node

    async def read_at(self, offset: int, size: int) -> bytes:
        if self._node is None:
            raise _error(errno.EBADF)
        return bytes(self._node.data[offset : offset + size])

    async def close(self) -> None:
        self._node = None


@implementer(IUpload)
class _MemoryUpload:
    """Both kinds: into the file, or into one that takes its place."""

    def __init__(
        self,
        filesystem: MemoryFilesystem,
        path: PurePosixPath,
        how: Store,
        offset: int,
        *,
        in_place: bool,
    ) -> None:
        self.in_place = in_place
        self.offset = offset
        self._filesystem = filesystem
        self._path = path
        self._how = how
        self._node: _File | None = None
        self._ended = False
        self._committed = False

    def check(self) -> tuple[_Directory, _File | None]:
        """Raise if the upload cannot begin."""
        parent, node = self._filesystem.lookup(self._path)
        size = len(node.data) if node else 0
        if self._how is Store.RESUME and self.offset > size:
            raise PermanentError(554, f"The file ends at {size}; restart there or before.")
        return parent, node

    async def begin(self) -> None:
        if self._ended or self._node is not None:
            raise _error(errno.EBADF)
        parent, node = self.check()
        now = self._filesystem.now()
        if not self.in_place:
            self._node = _File(now)
            return
        if node is None:
            node = parent.children[self._path.name] = _File(now)
            parent.modified = now
        elif self._how is Store.REPLACE:
            self._filesystem.truncate(node)
        if self._how is Store.APPEND:
            self.offset = len(node.data)
        self._node = node

    async def write_at(self, offset: int, data: bytes) -> None:
        node = self._begun()
        self._filesystem.grow(node, offset + len(data))
        node.data[offset : offset + len(data)] = data
        node.modified = self._filesystem.now()

    async def commit(self) -> None:
        if self._committed:
            return
        node = self._begun()
        self._ended = True
        if not self.in_place:
            try:
                parent, old = self._filesystem.lookup(self._path)
            except OSError:
                self._filesystem.release(node)
                raise
            if old is not None:
                self._filesystem.release(old)
            parent.children[self._path.name] = node
            parent.modified = self._filesystem.now()
        self._committed = True

    async def abandon(self) -> None:
        if not self._ended and self._node is not None and not self.in_place:
            self._filesystem.release(self._node)
        self._ended = True

    def _begun(self) -> _File:
        if self._node is None or self._ended:
            raise _error(errno.EBADF)
        return self._node
