"""Path resolution that cannot leave a folder, whatever its symbolic links do meanwhile.

A name that is checked first and opened afterwards can be swapped for a link in
between. So nothing here looks at a path twice: either the kernel resolves it
under the folder (:mod:`ftptls.vfs.openat2`), or :mod:`ftptls.vfs.walking` does,
one component at a time, each opened relative to the one before and never
through a link. In both, an absolute link starts at the folder, and ``..`` ends there.
"""

from __future__ import annotations

import copy
import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath

from ftptls.errors import PermanentError
from ftptls.settings import Links
from ftptls.vfs.openat2 import (
    DIRECTORY,
    LOOK,
    kernel_resolves,
    open_folder_cached,
    openat2,
    openat2_cached,
)
from ftptls.vfs.walking import MAX_LINKS, walk

__all__ = ["DIRECTORY", "LOOK", "Jail", "encode", "kernel_resolves", "name_of"]

_MAX_PATH = 4096  # as the kernel, its closing NUL included


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
    text = str(path)
    try:
        raw = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL)) from None
    climbs = ".." in text and ".." in path.parts
    if not text.startswith("/") or text.startswith("//") or climbs or "\0" in text:
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
        resolve = walk if self._walk or not kernel_resolves() else openat2
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
        root = open_folder_cached(self.root)
        try:
            return openat2_cached(root, path, flags | os.O_CLOEXEC, self._follows)
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
        directory = self._open_head(head)
        try:
            yield directory, name
        finally:
            os.close(directory)

    def _open_head(self, head: bytes) -> int:
        """The directory of what comes before the last slash of a path."""
        return self.open(head, DIRECTORY) if head else os.open(self.root, DIRECTORY)

    def locate(self, path: bytes) -> tuple[int, bytes]:
        """The directory and the name where a file of this path is, or would be made.

        Like :meth:`parent`, but where the name is a link, of the place it leads to.

        Returns:
            A descriptor that the caller closes, and a name.
        """
        for _ in range(MAX_LINKS if self._follows else 1):
            head, _, name = path.rpartition(b"/")
            if name in (b"", b".", b".."):
                raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
            directory = self._open_head(head)
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
