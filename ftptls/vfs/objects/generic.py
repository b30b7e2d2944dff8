"""Whatever fsspec reaches, by the calls that all of its filesystems have.

An upload goes to a hidden file, which is then moved into place: by the filesystem's own
rename where it has one, else by a copy.
"""

from __future__ import annotations

import errno
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from io import BytesIO
from typing import Any

from fsspec import AbstractFileSystem
from twisted.logger import Logger

from ftptls.errors import FTPError, TransientError
from ftptls.vfs.objects.stopping import Stop
from ftptls.vfs.objects.stores import (
    Bounds,
    Found,
    Page,
    Place,
    above,
    changed,
    last_part,
    os_error,
    too_many,
)
from ftptls.vfs.temporaries import temporary_name
from ftptls.wire.entries import Kind

_KINDS = {"file": Kind.FILE, "directory": Kind.DIRECTORY}
_WHEN = ("mtime", "LastModified", "last_modified", "updated", "modified", "created")
_VERSION = ("ETag", "etag", "generation", "md5Hash")
# fsspec raises these without saying the number.
_NUMBERS = {
    FileNotFoundError: errno.ENOENT,
    FileExistsError: errno.EEXIST,
    IsADirectoryError: errno.EISDIR,
    NotADirectoryError: errno.ENOTDIR,
    PermissionError: errno.EACCES,
}
_log = Logger()


@contextmanager
def _asking() -> Iterator[None]:
    """Turn what a filesystem raises into what ours may raise.

    Its own words are not passed on: they may be of credentials.
    """
    try:
        yield
    except FTPError:
        raise
    except OSError as error:
        number = error.errno or _NUMBERS.get(type(error))
        if number is None:
            raise _failed(error) from None
        raise os_error(number) from None
    except Exception as error:  # noqa: BLE001 - each filesystem has kinds of its own
        raise _failed(error) from None


def _failed(error: Exception) -> TransientError:
    kind = f"{type(error).__module__}.{type(error).__qualname__}"
    _log.error("The store behind files.root failed: {kind}.", kind=kind)
    return TransientError(451, "The store behind this server failed; try again later.")


class FsspecStore:
    """Any filesystem of fsspec.

    Args:
        filesystem: The filesystem.
        root: The path in it that is our root.
        bounds: How much at a time.
    """

    def __init__(self, filesystem: AbstractFileSystem, root: str, bounds: Bounds) -> None:
        self.bounds = bounds
        self._filesystem: Any = filesystem
        self._root = root.rstrip("/")
        own = type(filesystem).mv is not AbstractFileSystem.mv
        self._own_rename: Callable[[str, str], None] | None = filesystem.mv if own else None

    def find(self, key: str) -> Found | None:
        """See :meth:`ftptls.vfs.objects.stores.Store.find`."""
        if not key:
            return Found("", Kind.DIRECTORY)
        try:
            with _asking():
                return _found(self._filesystem.info(self._path(key)), key)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def place(self, key: str) -> Place:
        """See :meth:`ftptls.vfs.objects.stores.Store.place`."""
        return Place(self.find(key), self.find(above(key)))

    def page(self, key: str, mark: Any) -> Page:
        """See :meth:`ftptls.vfs.objects.stores.Store.page`; there is only one."""
        found = self.find(key)
        if found is None or found.kind is not Kind.DIRECTORY:
            return Page(())
        return Page([_found(info) for info in self._list(key)])

    def read(self, key: str, found: Found, start: int, end: int, stop: Stop) -> bytes:
        """See :meth:`ftptls.vfs.objects.stores.Store.read`."""
        with _asking():
            data = bytes(self._filesystem.cat_file(self._path(key), start=start, end=end))
        now = self.find(key)
        if now is None or now.version != found.version:
            raise changed()
        return data

    def sink(self, key: str, old: Found | None, *, new: bool) -> FsspecSink:
        """See :meth:`ftptls.vfs.objects.stores.Store.sink`."""
        return FsspecSink(self, key, old, new=new)

    def make_directory(self, key: str) -> None:
        """See :meth:`ftptls.vfs.objects.stores.Store.make_directory`."""
        with _asking():
            self._filesystem.mkdir(self._path(key), create_parents=False)

    def remove_directory(self, key: str) -> None:
        """See :meth:`ftptls.vfs.objects.stores.Store.remove_directory`."""
        if self._list(key):
            raise os_error(errno.ENOTEMPTY)
        with _asking():
            self._filesystem.rmdir(self._path(key))

    def remove_file(self, key: str) -> None:
        """See :meth:`ftptls.vfs.objects.stores.Store.remove_file`."""
        self._remove(key)
        self._keep_directory(above(key))

    def move_file(self, key: str, found: Found, target: str) -> None:
        """See :meth:`ftptls.vfs.objects.stores.Store.move_file`."""
        self.replace(key, target)
        self._keep_directory(above(key))

    def move_directory(self, key: str, target: str) -> None:
        """See :meth:`ftptls.vfs.objects.stores.Store.move_directory`."""
        source = self._path(key)
        if self._own_rename is not None:
            with _asking():
                with suppress(FileNotFoundError):
                    self._filesystem.rmdir(self._path(target))
                self._own_rename(source, self._path(target))
            return
        with _asking():
            below = self._filesystem.find(source, withdirs=True, detail=True)
        kinds = {name[len(source) + 1 :]: info["type"] for name, info in below.items()}
        kinds.pop("", None)
        if len(kinds) > self.bounds.renamed:
            raise too_many(self.bounds.renamed)
        self._copy_directory(key, target, kinds)
        with _asking():
            self._filesystem.rm(source, recursive=True)
        self._keep_directory(above(key))

    def replace(self, key: str, target: str) -> None:
        """Give a file another name, whatever there is."""
        with _asking():
            if self._own_rename is not None:
                self._own_rename(self._path(key), self._path(target))
                return
            self._filesystem.cp_file(self._path(key), self._path(target))
        self._remove(key)

    def open(self, key: str) -> Any:
        """A new file, to be written in order."""
        with _asking():
            return self._filesystem.open(self._path(key), "wb")

    def remove_quietly(self, key: str) -> None:
        """Remove a file if it can be done."""
        with suppress(OSError, FTPError):
            self._remove(key)

    def _copy_directory(self, key: str, target: str, kinds: dict[str, str]) -> None:
        with _asking():
            self._filesystem.makedirs(self._path(target), exist_ok=True)
            for name in sorted(kinds):  # a directory before what is in it
                source, copy = self._path(f"{key}/{name}"), self._path(f"{target}/{name}")
                if kinds[name] == "directory":
                    self._filesystem.makedirs(copy, exist_ok=True)
                else:
                    self._filesystem.cp_file(source, copy)

    def _keep_directory(self, key: str) -> None:
        """Some stores know a directory only by what is in it."""
        if key and self.find(key) is None:
            with _asking():
                self._filesystem.makedirs(self._path(key), exist_ok=True)

    def _remove(self, key: str) -> None:
        with _asking():
            self._filesystem.rm_file(self._path(key))

    def _list(self, key: str) -> list[dict[str, Any]]:
        path = self._path(key)
        with _asking():
            self._filesystem.invalidate_cache(path)
            listed = self._filesystem.ls(path, detail=True)
        own = path.strip("/")
        return [info for info in listed if info["name"].strip("/") != own]

    def _path(self, key: str) -> str:
        return f"{self._root}/{key}" if key else self._root or "/"


class FsspecSink:
    """A hidden file beside the target.

    Args:
        store: Where it is.
        key: The target.
        old: The file there, if it is to be kept in part.
        new: Whether there must be none at the end; what comes in the same instant is not seen.
    """

    parallel = 1

    def __init__(self, store: FsspecStore, key: str, old: Found | None, *, new: bool) -> None:
        self.stop = Stop()
        self._store = store
        self._key = key
        self._old = old
        self._new = new
        name, directory = temporary_name(), above(key)
        self._temporary = f"{directory}/{name}" if directory else name
        self._file = store.open(self._temporary)

    def keep(self, start: int, end: int) -> bytes:
        """See :meth:`ftptls.vfs.objects.stores.Sink.keep`."""
        if self._old is None:
            raise os_error(errno.EBADF)
        size = self._store.bounds.piece
        for at in range(start, end, size):
            data = self._store.read(self._key, self._old, at, min(end, at + size), self.stop)
            self._write(data)
        return b""

    def write(self, number: int, piece: BytesIO) -> None:
        """See :meth:`ftptls.vfs.objects.stores.Sink.write`."""
        with piece.getbuffer() as data:
            self._write(data)

    def _write(self, data: bytes | memoryview) -> None:
        with _asking():
            rest = memoryview(data)
            while rest:
                rest = rest[self._file.write(rest) or len(rest) :]

    def finish(self, rest: bytes, tail: tuple[int, int] | None) -> None:
        """See :meth:`ftptls.vfs.objects.stores.Sink.finish`."""
        self._write(rest)
        if tail is not None:
            self.keep(*tail)
        with _asking():
            self._file.close()
        here = self._store.find(self._key)
        if self._new and here is not None:
            raise os_error(errno.EEXIST)
        if self._old is not None and (here is None or here.version != self._old.version):
            raise changed()
        self._store.replace(self._temporary, self._key)

    def drop(self) -> None:
        """See :meth:`ftptls.vfs.objects.stores.Sink.drop`."""
        try:
            with _asking():
                self._file.close()
        except (OSError, FTPError):
            pass  # it was in vain anyway
        self._store.remove_quietly(self._temporary)


def _found(info: dict[str, Any], key: str = "") -> Found:
    kind = _KINDS.get(info["type"], Kind.OTHER)
    name = last_part(key or str(info["name"]).rstrip("/"))
    if kind is not Kind.FILE:
        return Found(name, kind, modified=_moment(info))
    size, modified = int(info["size"] or 0), _moment(info)
    versions = (str(info[each]) for each in _VERSION if info.get(each))
    return Found(name, kind, size, modified, next(versions, f"{modified}:{size}"))


def _moment(info: dict[str, Any]) -> float:
    """When it was modified: filesystems say it under several names, in several ways."""
    for each in _WHEN:
        value = info.get(each)
        if isinstance(value, str):
            with suppress(ValueError):
                value = datetime.fromisoformat(value)
        if isinstance(value, datetime):
            return value.timestamp()
        if isinstance(value, int | float) and math.isfinite(value):
            return float(value)
    return 0.0
