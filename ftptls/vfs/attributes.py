"""What can be changed about a file of a local folder besides its contents and its name.

Each change is made to a descriptor that the :class:`~ftptls.vfs.jail.Jail` has opened, by
way of ``/proc/self/fd``: whatever links are swapped meanwhile, it is the file that was found.
"""

from __future__ import annotations

import errno
import grp
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from ftptls.errors import PermanentError
from ftptls.vfs.jail import DIRECTORY, LOOK, Jail, name_of
from ftptls.vfs.temporaries import refuse_unless_regular

_HIGHEST_GROUP = 2**32 - 2  # the number above stands for "as it is"


def is_special(info: os.stat_result) -> bool:
    """Whether it is a FIFO, a socket or a device."""
    return stat.S_IFMT(info.st_mode) not in (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK)


@contextmanager
def _found(jail: Jail, raw: bytes) -> Iterator[tuple[str, os.stat_result]]:
    """A name for exactly the file or directory that a path leads to now, and its state."""
    fd = jail.open(raw, LOOK)
    try:
        info = os.fstat(fd)
        if is_special(info):
            raise OSError(errno.ENXIO, os.strerror(errno.ENXIO))
        yield name_of(fd), info
    finally:
        os.close(fd)


def set_times(jail: Jail, raw: bytes, modified: float, accessed: float | None) -> None:
    """See :meth:`ftptls.interfaces.ISetTimes.set_times`."""
    with _found(jail, raw) as (name, info):
        read = info.st_atime_ns if accessed is None else _nanoseconds(accessed)
        os.utime(name, ns=(read, _nanoseconds(modified)))


def _nanoseconds(seconds: float) -> int:
    """Rounded to microseconds, which is what a float can hold for centuries to come."""
    return round(seconds * 1e6) * 1000


def set_mode(jail: Jail, raw: bytes, mode: int) -> None:
    """See :meth:`ftptls.interfaces.IModes.set_mode`.

    Of a directory, set-group-id and the sticky bit stay as they are.
    """
    if mode & ~0o777:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    with _found(jail, raw) as (name, info):
        kept = info.st_mode & 0o7000 if stat.S_ISDIR(info.st_mode) else 0
        os.chmod(name, kept | mode)


def set_group(jail: Jail, raw: bytes, group: str) -> None:
    """See :meth:`ftptls.interfaces.IGroups.set_group`.

    Raises:
        PermanentError: 550, there is no such group.
    """
    number = _group_number(group)
    with _found(jail, raw) as (name, _):
        os.chown(name, -1, number)


def _group_number(group: str) -> int:
    try:
        return grp.getgrnam(group).gr_gid
    except (KeyError, ValueError):  # ValueError: no name, such as one with a NUL
        pass
    if group.isascii() and group.isdecimal() and len(group) <= len(str(_HIGHEST_GROUP)):
        number = int(group)
        if number <= _HIGHEST_GROUP:
            return number
    raise PermanentError(550, "No such group.")


def make_link(jail: Jail, raw: bytes, target: bytes) -> None:
    """Make a link whose text leads to ``target``, here and for other programs.

    An absolute text would start at the root of the jail here, and at the root of the
    disk elsewhere. So it is relative to where the link really is.

    Raises:
        OSError: ``EXDEV``, its directory has been moved out of the jail.
    """
    with jail.parent(raw) as (directory, name):
        text = os.path.relpath(target, jail.inside(directory))
        os.symlink(text, name, dir_fd=directory)


def add_name(jail: Jail, old: bytes, new: bytes) -> None:
    """See :meth:`ftptls.interfaces.IHardLinks.add_name`.

    Raises:
        OSError: ``EISDIR`` or ``ENXIO`` for what is no file, ``EINVAL`` for a link.
    """
    if old == b"/":
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    with jail.parent(old) as (from_, name), jail.parent(new) as (to, other):
        # The new name is of what was looked at, whatever has the old one by now.
        fd = os.open(name, LOOK | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=from_)
        try:
            info = os.fstat(fd)
            if stat.S_ISLNK(info.st_mode):
                raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
            refuse_unless_regular(info)
            os.link(name_of(fd), other, dst_dir_fd=to, follow_symlinks=True)
        finally:
            os.close(fd)


def available(jail: Jail, raw: bytes) -> int:
    """See :meth:`ftptls.interfaces.ISpace.available`."""
    fd = jail.open(raw, DIRECTORY)
    try:
        info = os.fstatvfs(fd)
    finally:
        os.close(fd)
    if info.f_flag & os.ST_RDONLY:
        return 0
    return info.f_bavail * info.f_frsize
