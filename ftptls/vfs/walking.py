"""Paths under a folder without the kernel's help: component by component, never through a link."""

from __future__ import annotations

import errno
import os
import stat
from collections import deque

from ftptls.vfs.openat2 import DIRECTORY

MAX_LINKS = 40  # as the kernel
_MAX_STEPS = 10_000  # of one walk: far beyond honest paths


def walk(root: int, path: bytes, flags: int, links: bool = True) -> int:
    """Open under ``root``; see :func:`ftptls.vfs.openat2.openat2`."""
    return _Walk(root, links).open(path, flags)


class _Walk:
    """One resolution by directory descriptors, for where the kernel does not do it.

    Only two descriptors are open at a time, however deep the path. ``..`` in a
    link is taken back in the list of names walked so far, which is then walked
    again: opening ``..`` would leave with a directory that was moved out.
    """

    def __init__(self, root: int, links: bool) -> None:
        self._root = root
        self._most_links = MAX_LINKS if links else 0
        self._names: list[bytes] = []
        self._here = -1
        self._links = 0
        self._steps = 0

    def open(self, path: bytes, flags: int) -> int:
        """Open what ``path`` leads to."""
        todo = deque(_parts(path))
        try:
            while todo:
                name = todo.popleft()
                if name == b"..":
                    self._leave()
                    del self._names[-1:]
                elif todo:
                    todo.extendleft(reversed(self._descend(name)))
                elif name != b".":
                    fd, more = self._open_last(name, flags)
                    if fd >= 0:
                        return fd
                    todo.extend(more)
            return os.open(b".", flags, dir_fd=self._directory())
        finally:
            self._leave()

    def _leave(self) -> None:
        if self._here >= 0:
            os.close(self._here)
            self._here = -1

    def _step(self, name: bytes, flags: int, directory: int) -> int:
        self._steps += 1
        if self._steps > _MAX_STEPS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)

    def _enter(self, name: bytes) -> None:
        inner = self._step(name, DIRECTORY, self._root if self._here < 0 else self._here)
        self._leave()
        self._here = inner

    def _directory(self) -> int:
        """The directory that the names so far lead to."""
        if self._here < 0:
            for name in self._names or [b"."]:
                self._enter(name)
        return self._here

    def _descend(self, name: bytes) -> list[bytes]:
        """Enter ``name``; if it is a link, return the components to go instead."""
        directory = self._directory()
        if name == b".":
            return []
        try:
            self._enter(name)
        except OSError as error:
            return self._follow(name, directory, error)
        self._names.append(name)
        return []

    def _open_last(self, name: bytes, flags: int) -> tuple[int, list[bytes]]:
        """A descriptor, or -1 and the components that a link stands for."""
        directory = self._directory()
        try:
            fd = self._step(name, flags, directory)
        except OSError as error:
            return -1, self._follow(name, directory, error)
        if not (flags & os.O_PATH and stat.S_ISLNK(os.fstat(fd).st_mode)):
            return fd, []
        try:
            return -1, self._go(os.readlink(b"", dir_fd=fd))
        finally:
            os.close(fd)

    def _follow(self, name: bytes, directory: int, error: OSError) -> list[bytes]:
        if error.errno not in (errno.ELOOP, errno.ENOTDIR):
            raise error
        try:
            target = os.readlink(name, dir_fd=directory)
        except OSError:
            raise error from None
        return self._go(target)

    def _go(self, target: bytes) -> list[bytes]:
        self._links += 1
        if self._links > self._most_links:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        if target.startswith(b"/"):
            self._leave()
            self._names.clear()
        return _parts(target)


def _parts(path: bytes) -> list[bytes]:
    parts = [part for part in path.split(b"/") if part]
    # "name/" demands a directory, which "name/." says without a special case.
    return [*parts, b"."] if path.endswith(b"/") else parts
