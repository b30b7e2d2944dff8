"""Files and directories as objects, and how much room they take.

The data behind :mod:`ftptls.vfs.memory`; errors are those of a local disk.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import PurePosixPath

from ftptls.vfs.stats import permission_letters
from ftptls.vfs.temporaries import is_temporary
from ftptls.wire.entries import Entry, Kind

_LONGEST_NAME = 255
_serial = count(1)


def os_error(number: int) -> OSError:
    """The error that a local disk would raise."""
    return OSError(number, os.strerror(number))


@dataclass(eq=False, slots=True)
class File:
    """Octets; they count as long as a name leads to them or somebody writes them."""

    modified: float
    mode: int = 0o644
    data: bytearray = field(default_factory=bytearray)
    named: bool = False
    writers: int = 0
    serial: int = field(default_factory=lambda: next(_serial))
    created: float = field(init=False)

    def __post_init__(self) -> None:
        self.created = self.modified


@dataclass(eq=False, slots=True)
class Directory:
    """Names and what they stand for."""

    modified: float
    mode: int = 0o755
    children: dict[str, File | Directory] = field(default_factory=dict)
    serial: int = field(default_factory=lambda: next(_serial))
    created: float = field(init=False)

    def __post_init__(self) -> None:
        self.created = self.modified


Node = File | Directory


def path_names(path: PurePosixPath) -> tuple[str, ...]:
    """The parts of a clean absolute path, with the errors a local disk has for them."""
    names = path.parts[1:]
    if any(map(is_temporary, names)):
        raise os_error(errno.ENOENT)
    if not path.is_absolute():
        raise os_error(errno.EINVAL)
    for name in names:
        try:
            length = len(name.encode("utf-8", "surrogateescape"))
        except UnicodeEncodeError:
            raise os_error(errno.EINVAL) from None
        if name == ".." or "\0" in name:
            raise os_error(errno.EINVAL)
        if length > _LONGEST_NAME:
            raise os_error(errno.ENAMETOOLONG)
    return names


def entry_of(name: str, node: Node, *, movable: bool = True) -> Entry:
    """What a listing says of a node."""
    kind = Kind.FILE if isinstance(node, File) else Kind.DIRECTORY
    return Entry(
        name,
        kind,
        size=len(node.data) if isinstance(node, File) else 0,
        modified=node.modified,
        mode=node.mode,
        unique=f"{node.serial:x}",
        perm=permission_letters(kind, 7, movable),
        created=node.created,
    )


class Tree:
    """All nodes, from the root on, and the room they take together.

    Args:
        limit: Octets that all files may hold.
        now: The clock: seconds since the epoch.
    """

    def __init__(self, limit: int, now: Callable[[], float]) -> None:
        self.now = now
        self._limit = limit
        self._used = 0
        self._root = Directory(now())

    @property
    def room(self) -> int:
        """Octets that are left."""
        return self._limit - self._used

    def find(self, path: PurePosixPath) -> Node:
        """What a path leads to, or ``ENOENT`` or ``ENOTDIR``."""
        node: Node = self._root
        for name in path_names(path):
            if isinstance(node, File):
                raise os_error(errno.ENOTDIR)
            if name not in node.children:
                raise os_error(errno.ENOENT)
            node = node.children[name]
        return node

    def find_file(self, path: PurePosixPath) -> File:
        """The same, or ``EISDIR``."""
        node = self.find(path)
        if isinstance(node, Directory):
            raise os_error(errno.EISDIR)
        return node

    def find_directory(self, path: PurePosixPath) -> Directory:
        """The same, or ``ENOTDIR``."""
        node = self.find(path)
        if isinstance(node, File):
            raise os_error(errno.ENOTDIR)
        return node

    def parent(self, path: PurePosixPath, refusal: int) -> Directory:
        """The directory around a path; the root has none, and ``refusal`` instead."""
        if not path_names(path):
            raise os_error(refusal)
        return self.find_directory(path.parent)

    def place(self, path: PurePosixPath) -> tuple[Directory, File | None]:
        """Where a file of this path is or would be, and the file; ``EISDIR`` for others."""
        parent = self.parent(path, errno.EISDIR)
        node = parent.children.get(path.name)
        if isinstance(node, Directory):
            raise os_error(errno.EISDIR)
        return parent, node

    def name(self, parent: Directory, name: str, node: Node) -> None:
        """Let a name lead to a node, and to no other file any more."""
        old = parent.children.get(name)
        parent.children[name] = node
        parent.modified = self.now()
        if isinstance(node, File):
            node.named = True
        if isinstance(old, File) and old is not node:
            old.named = False
            self._settle(old)

    def unname(self, parent: Directory, name: str) -> None:
        """Take a name away."""
        node = parent.children.pop(name)
        parent.modified = self.now()
        if isinstance(node, File):
            node.named = False
            self._settle(node)

    def move(self, source: PurePosixPath, target: PurePosixPath) -> None:
        """What rename(2) does."""
        old, new = self.parent(source, errno.EPERM), self.parent(target, errno.EPERM)
        node = self.find(source)
        if source == target:
            return
        if source in target.parents:
            raise os_error(errno.EINVAL)
        there = new.children.get(target.name)
        if isinstance(there, Directory):
            if isinstance(node, File):
                raise os_error(errno.EISDIR)
            if there.children:
                raise os_error(errno.ENOTEMPTY)
        elif there is not None and isinstance(node, Directory):
            raise os_error(errno.ENOTDIR)
        del old.children[source.name]
        old.modified = self.now()
        self.name(new, target.name, node)

    def write(self, node: File, offset: int, data: bytes) -> None:
        """Write octets; what is skipped becomes zeros.

        Raises:
            OSError: ``ENOSPC``.
        """
        more = offset + len(data) - len(node.data)
        if more > 0:
            if more > self.room:
                raise os_error(errno.ENOSPC)
            self._used += more
            node.data.extend(bytes(more))
        node.data[offset : offset + len(data)] = data
        node.modified = self.now()

    def truncate(self, node: File) -> None:
        """Empty a file."""
        self._used -= len(node.data)
        node.data = bytearray()
        node.modified = self.now()

    def end_writing(self, node: File) -> None:
        """One writer less."""
        node.writers -= 1
        self._settle(node)

    def files(self) -> Iterator[tuple[str, File]]:
        """Every file and its path."""
        todo: list[tuple[str, Node]] = [("", self._root)]
        while todo:
            path, node = todo.pop()
            if isinstance(node, File):
                yield path, node
            else:
                todo += [(f"{path}/{name}", child) for name, child in node.children.items()]

    def _settle(self, node: File) -> None:
        if not node.named and not node.writers:
            self._used -= len(node.data)
