"""Where an upload to the local disk goes, and what can be known before it begins."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from dataclasses import dataclass

from ftptls.errors import PermanentError
from ftptls.interfaces import Store
from ftptls.vfs.jail import Jail
from ftptls.vfs.small import learn
from ftptls.vfs.temporaries import (
    TRIES,
    WRITE,
    create,
    is_ours,
    kept_name,
    lstat,
    open_regular,
    refuse_unless_regular,
)


@dataclass(frozen=True, slots=True)
class Target:
    """Where an upload goes.

    Attributes:
        jail: The folder it stays in.
        path: The path in there.
        how: Whole, resumed, appended or new.
        offset: Where a resumed one goes on.
        umask: Permission bits that new files do not get.
        user: Whose upload it is; only he goes on with it.
        fsync: Whether it is on the disk itself before it counts as stored.
        lock: Whether nobody else may write the file meanwhile.
    """

    jail: Jail
    path: bytes
    how: Store
    offset: int
    umask: int
    user: str = ""
    fsync: bool = False
    lock: bool = False

    @property
    def new_mode(self) -> int:
        """Permission bits of a new file."""
        return 0o666 & ~self.umask

    @property
    def is_whole(self) -> bool:
        """Whether it begins with the first octet of the file."""
        return self.how in (Store.REPLACE, Store.NEW) and not self.offset

    def check(self, directory: int, name: bytes, *, replaced: bool) -> None:
        """Raise what can be known before the first octet.

        Args:
            directory: The directory the file is in.
            name: Its name there.
            replaced: Whether a new file takes the place of the old one.

        Raises:
            OSError: ``EISDIR``, ``ENXIO``, ``EACCES``, ``EEXIST``.
        """
        info = lstat(name, directory)
        if info is not None:
            refuse_unless_regular(info)
            # A protected file is protected in both modes, though a rename would not care.
            _demand(name, os.W_OK, directory)
            learn(name, directory, info.st_dev)  # the next upload is to know
            if self.how is Store.NEW:
                raise OSError(errno.EEXIST, os.strerror(errno.EEXIST))
        if info is None or replaced:
            _demand(b".", os.W_OK | os.X_OK, directory)

    def check_offset(self, size: int) -> None:
        """Raise 554 if a resumed upload would leave a hole."""
        if self.offset > size:
            raise PermanentError(554, f"The file ends at {size}; restart there or before.")

    def arrived(self, directory: int, name: bytes) -> int | None:
        """How much of the user's upload came before it broke off; None if there is none."""
        info = lstat(kept_name(self.user, name), directory)
        return info.st_size if info is not None and is_ours(info) and info.st_size else None

    def find_arrived(self) -> int | None:
        """The same, of the place that the path leads to."""
        directory, name = self.jail.locate(self.path)
        try:
            return self.arrived(directory, name)
        finally:
            os.close(directory)


def _demand(name: bytes, access: int, directory: int) -> None:
    """Advisory, like every access(2): the open decides, but only after 150."""
    if not os.access(name, access, dir_fd=directory, effective_ids=True, follow_symlinks=False):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))


def open_or_create(name: bytes, directory: int, mode: int) -> int:
    """Open a file for writing; a new one gets ``mode``."""
    for _ in range(TRIES):
        with suppress(FileNotFoundError):
            return open_regular(name, directory, WRITE)
        with suppress(FileExistsError):
            return create(name, directory, mode)
    raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
