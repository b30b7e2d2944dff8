"""Path resolution that cannot leave a folder, whatever its symbolic links do meanwhile.

A name that is checked first and opened afterwards can be swapped for a link in
between. So nothing here looks at a path twice: either the kernel resolves it
under the folder (``openat2`` with ``RESOLVE_IN_ROOT``), or :class:`_Walk` does,
one component at a time, each opened relative to the one before and never
through a link. In both, an absolute link starts at the folder, and ``..`` ends there.
"""

from __future__ import annotations

import copy
import ctypes
import errno
import os
import platform
import stat
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from pathlib import PurePosixPath
from typing import Any

from ftptls.errors import PermanentError
from ftptls.settings import Links

LOOK = os.O_PATH | os.O_CLOEXEC
"""Open what a path leads to without reading, writing or waking it."""
DIRECTORY = LOOK | os.O_DIRECTORY

_MAX_LINKS = 40  # as the kernel
_MAX_STEPS = 10_000  # of one walk: far beyond honest paths
_MAX_PATH = 4096  # as the kernel, its closing NUL included
_TRIES = 64

_OPENAT2 = 437  # one number on every architecture that is tested below
_RESOLVE_NO_XDEV = 0x01
_RESOLVE_NO_MAGICLINKS = 0x02
_RESOLVE_NO_SYMLINKS = 0x04
_RESOLVE_IN_ROOT = 0x10
_RESOLVE_CACHED = 0x20
_HERE = -100  # AT_FDCWD


class _OpenHow(ctypes.Structure):
    _fields_ = (
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    )


@cache
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    libc.syscall.argtypes = (
        ctypes.c_long,
        ctypes.c_int,
        ctypes.c_char_p,
        ctypes.POINTER(_OpenHow),
        ctypes.c_size_t,
    )
    return libc


@lru_cache(maxsize=64)
def _how(flags: int, resolve: int) -> tuple[Any, int]:
    """What the kernel only reads: a pointer to it, and its size."""
    # A mode without O_CREAT would be EINVAL; files are created by name beside, never here.
    how = _OpenHow(flags, 0, resolve)
    return ctypes.pointer(how), ctypes.sizeof(how)


def _resolving(links: bool) -> int:
    return _RESOLVE_IN_ROOT | _RESOLVE_NO_MAGICLINKS | (0 if links else _RESOLVE_NO_SYMLINKS)


def _openat2(root: int, path: bytes, flags: int, links: bool = True) -> int:
    """``openat2`` under ``root``, repeated while a rename or a signal disturbs it."""
    return _try_openat2(root, path, flags, _resolving(links), _TRIES)


def _try_openat2(root: int, path: bytes, flags: int, resolve: int, tries: int = 1) -> int:
    how, size = _how(flags, resolve)
    number = 0
    for _ in range(tries):
        fd: int = _libc().syscall(_OPENAT2, root, path, how, size)
        if fd >= 0:
            return fd
        number = ctypes.get_errno()
        if number not in (errno.EAGAIN, errno.EINTR):
            break
    raise OSError(number, os.strerror(number))


@cache
def kernel_resolves() -> bool:
    """Whether ``openat2`` works here; old kernels and some containers refuse it."""
    if sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"):
        return False
    root = os.open("/", DIRECTORY)
    try:
        os.close(_openat2(root, b"/", DIRECTORY))
    except OSError:
        return False
    finally:
        os.close(root)
    return True


def is_known_folder(path: str) -> bool:
    """Whether a folder is there and the kernel knows it without asking a disk.

    It never waits. If it is false, the folder may be there all the same.
    """
    if "\0" in path or not kernel_resolves():
        return False
    try:
        os.close(_try_openat2(_HERE, os.fsencode(path), DIRECTORY, _RESOLVE_CACHED))
    except (OSError, UnicodeEncodeError):
        return False
    return True


class _Walk:
    """One resolution by directory descriptors, for where the kernel does not do it.

    Only two descriptors are open at a time, however deep the path. ``..`` in a
    link is taken back in the list of names walked so far, which is then walked
    again: opening ``..`` would leave with a directory that was moved out.
    """

    def __init__(self, root: int, links: bool) -> None:
        self._root = root
        self._most_links = _MAX_LINKS if links else 0
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


def _walk(root: int, path: bytes, flags: int, links: bool) -> int:
    return _Walk(root, links).open(path, flags)


def _parts(path: bytes) -> list[bytes]:
    parts = [part for part in path.split(b"/") if part]
    # "name/" demands a directory, which "name/." says without a special case.
    return [*parts, b"."] if path.endswith(b"/") else parts


def name_of(fd: int) -> str:
    """A path for exactly what a descriptor is open on.

    Raises:
        OSError: ``EOPNOTSUPP``, in a container without ``/proc``.
    """
    name = f"/proc/self/fd/{fd}"
    if not os.path.islink(name):
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
    return name


def encode(path: PurePosixPath) -> bytes:
    """The octets of a clean absolute path, as UTF-8 with surrogate escapes.

    Raises:
        OSError: ``EINVAL`` for what no clean path contains, ``ENAMETOOLONG``.
    """
    parts = path.parts[1:]
    try:
        raw = b"/" + "/".join(parts).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL)) from None
    if not path.is_absolute() or ".." in parts or b"\0" in raw:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    if len(raw) >= _MAX_PATH:
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
    return raw


class Jail:
    """A folder, and descriptors for what is inside.

    Args:
        root: The folder; the operator's, so links in its own path are followed.
        walk: Go component by component even where the kernel could resolve.
        links: What links inside are.
    """

    def __init__(
        self, root: str | os.PathLike[str], *, walk: bool = False, links: Links = Links.FOLLOW
    ) -> None:
        # Absolute now, because a daemon changes its directory; opened at each use,
        # so that there is no descriptor to leak with an avatar.
        self.root = os.path.abspath(root)
        self.links = links
        self._walk = walk
        self._follows = links is Links.FOLLOW

    def without_links(self) -> Jail:
        """The same folder, where every link on the way is ``ELOOP``."""
        other = copy.copy(self)
        other._follows = False
        return other

    def open(self, path: bytes, flags: int) -> int:
        """Open what ``path`` leads to, through links, and create nothing.

        Args:
            path: From the root of the jail; ``..`` cannot leave it.
            flags: As for :func:`os.open`; close-on-exec is added.

        Returns:
            A descriptor that the caller closes.

        Raises:
            OSError: It cannot be opened; ``ENOENT`` for what only hidden links lead to.
            PermanentError: 550, a link leads there, and links are refused.
        """
        if len(path) >= _MAX_PATH:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        resolve = _walk if self._walk or not kernel_resolves() else _openat2
        root = os.open(self.root, DIRECTORY)
        try:
            return resolve(root, path, flags | os.O_CLOEXEC, self._follows)
        except OSError as error:
            if error.errno == errno.ELOOP:
                self.refuse_link()
            raise
        finally:
            os.close(root)

    @property
    def can_open_cached(self) -> bool:
        """Whether :meth:`open_cached` is of any use here."""
        return not self._walk and kernel_resolves()

    def open_cached(self, path: bytes, flags: int) -> int:
        """Like :meth:`open`, but only if all names on the way are in the kernel's memory.

        Raises:
            OSError: They are not; or they lead to another disk; or it cannot be opened.
        """
        root = _try_openat2(_HERE, os.fsencode(self.root), DIRECTORY, _RESOLVE_CACHED)
        try:
            resolve = _resolving(self._follows) | _RESOLVE_NO_XDEV | _RESOLVE_CACHED
            return _try_openat2(root, path, flags | os.O_CLOEXEC, resolve)
        finally:
            os.close(root)

    def refuse_link(self) -> None:
        """Raise as there was a link to follow, unless links are followed here."""
        if self.links is Links.HIDE:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        if self.links is Links.REFUSE:
            raise PermanentError(550, "Symbolic links are not used here.")

    def refuse_if_link(self, info: os.stat_result | None) -> None:
        """The same for a name itself, if it is one of a link."""
        if info is not None and stat.S_ISLNK(info.st_mode):
            self.refuse_link()

    @contextmanager
    def parent(self, path: bytes) -> Iterator[tuple[int, bytes]]:
        """The directory that holds the last name of ``path``, and that name.

        What the name stands for is for the caller to find out without following it.
        """
        head, _, name = path.rpartition(b"/")
        directory = self.open(head or b"/", DIRECTORY)
        try:
            yield directory, name
        finally:
            os.close(directory)

    def locate(self, path: bytes) -> tuple[int, bytes]:
        """The directory and the name where a file of this path is, or would be made.

        Like :meth:`parent`, but where the name is a link, of the place it leads to.

        Returns:
            A descriptor that the caller closes, and a name.
        """
        for _ in range(_MAX_LINKS if self._follows else 1):
            head, _, name = path.rpartition(b"/")
            if name in (b"", b".", b".."):
                raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
            directory = self.open(head or b"/", DIRECTORY)
            try:
                target = os.readlink(name, dir_fd=directory)
            except OSError as error:
                if error.errno in (errno.EINVAL, errno.ENOENT):  # no link, or nothing yet
                    return directory, name
                os.close(directory)
                raise
            os.close(directory)
            path = target if target.startswith(b"/") else head + b"/" + target
        self.refuse_link()
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))

    def real(self, path: bytes) -> bytes:
        """Where a path leads, by a path without links; or where a file would be made.

        Raises:
            OSError: ``EXDEV``, that has been moved out of the jail; or what :meth:`open` raises.
        """
        name = b""
        try:
            fd = self.open(path, LOOK)
        except FileNotFoundError:
            fd, name = self.locate(path)
        try:
            return os.path.join(self.inside(fd), name) if name else self.inside(fd)
        finally:
            os.close(fd)

    def inside(self, fd: int) -> bytes:
        """The path in here of what a descriptor is open on.

        Raises:
            OSError: ``EXDEV``, it has been moved out.
        """
        root = os.open(self.root, DIRECTORY)
        try:
            top, here = (os.fsencode(os.readlink(name_of(each))) for each in (root, fd))
        finally:
            os.close(root)
        inside = os.path.relpath(here, top)
        if inside.split(b"/")[0] == b"..":
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return os.path.normpath(os.path.join(b"/", inside))
