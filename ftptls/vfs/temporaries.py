"""Hidden files for what is not whole yet: their names, and who has one in use.

Two kinds: a temporary (``.part``) is of no use once its upload ended; what arrived of an
upload that broke off (``.kept``) waits for its user to go on. Whoever writes one holds a lock
(``flock``) on it. The lock goes when the process does, however that ends; so a file of these
that nobody has locked was left behind.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import secrets
import stat
from contextlib import suppress

from ftptls.vfs.jail import LOOK, name_of

WRITE = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
CREATE = WRITE | os.O_NOFOLLOW | os.O_CREAT | os.O_EXCL
TRIES = 16

# Case is ignored because some disks do.
_HIDDEN = re.compile(r"\.ftptls-[0-9a-f]{32}\.(part|kept)", re.IGNORECASE)
# Not every disk has locks.
_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)
_NOT_OURS = (errno.ELOOP, errno.ENXIO, errno.EISDIR, errno.EACCES, errno.EPERM)


def temporary_name() -> str:
    """A new name for a file that is not whole yet."""
    return f".ftptls-{secrets.token_hex(16)}.part"


def kept_name(user: str, name: bytes) -> bytes:
    """The name for what arrived of an upload that broke off.

    Args:
        user: Whose upload it was; he finds it again, and nobody else does.
        name: What the whole file is to be called, in the same directory.
    """
    # No file name has a NUL, so no two pairs are one text.
    whose = hashlib.sha256(user.encode("utf-8", "surrogateescape") + b"\0" + name)
    return f".ftptls-{whose.hexdigest()[:32]}.kept".encode()


def is_temporary(name: str) -> bool:
    """Whether a name is one of these, which no client sees or says."""
    return name.startswith(".") and _HIDDEN.fullmatch(name) is not None


def is_kept(name: str) -> bool:
    """Whether a name of these is one of :func:`kept_name`."""
    return name.lower().endswith(".kept")


def refuse_unless_regular(info: os.stat_result) -> None:
    """Raise for everything that is no regular file, before it is opened.

    Raises:
        OSError: ``EISDIR`` for a directory, ``ELOOP`` for a link, ``ENXIO`` for a FIFO,
            socket or device.
    """
    if not stat.S_ISREG(info.st_mode):
        odd = {stat.S_IFDIR: errno.EISDIR, stat.S_IFLNK: errno.ELOOP}
        number = odd.get(stat.S_IFMT(info.st_mode), errno.ENXIO)
        raise OSError(number, os.strerror(number))


def lstat(name: bytes, directory: int) -> os.stat_result | None:
    """What a name itself is; None where there is none."""
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None


def reopen(look: int, flags: int) -> int:
    """Open what was only looked at, if it is a regular file.

    To open a FIFO or a device does something to it already, so what it is comes first.

    Args:
        look: A descriptor made with ``O_PATH``.
        flags: As for :func:`os.open`.

    Raises:
        OSError: It is no regular file; ``EOPNOTSUPP``, in a container without ``/proc``.
    """
    refuse_unless_regular(os.fstat(look))
    return os.open(name_of(look), flags)


def open_regular(name: bytes, directory: int, flags: int) -> int:
    """Open a regular file by its name, and nothing else, and not through a link."""
    look = os.open(name, LOOK | os.O_NOFOLLOW, dir_fd=directory)
    try:
        return reopen(look, flags)
    except OSError as error:
        if error.errno != errno.EOPNOTSUPP:
            raise
        return os.open(name, flags | os.O_NOFOLLOW, dir_fd=directory)
    finally:
        os.close(look)


def create(name: bytes, directory: int, mode: int) -> int:
    """Make a file that was not there; it gets ``mode`` whatever the umask of the process."""
    fd = os.open(name, CREATE, mode, dir_fd=directory)
    try:
        os.fchmod(fd, mode)
    except BaseException:
        os.close(fd)
        raise
    return fd


def lock(fd: int) -> bool | None:
    """Take the lock of a file; it is held until the last copy of the descriptor is closed.

    Returns:
        Whether it was free; None on a disk that knows no locks.
    """
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        return None
    return True


def new_temporary(directory: int) -> tuple[bytes, int]:
    """Make a temporary, and hold its lock; returns its name and a descriptor."""
    for _ in range(TRIES):
        name = temporary_name().encode()
        fd = os.open(name, CREATE, 0o600, dir_fd=directory)
        try:
            # Who cleans up may have found it before it was locked, and taken it away.
            if lock(fd) is not False and os.fstat(fd).st_nlink:
                return name, fd
        except BaseException:
            os.close(fd)
            with suppress(OSError):
                os.unlink(name, dir_fd=directory)
            raise
        os.close(fd)
    raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))


def claim(name: bytes, directory: int, *, new: bool) -> int | None:
    """Open what is kept under a name, and hold its lock.

    Args:
        name: One of :func:`kept_name`.
        directory: Where.
        new: Whether to make it if it is not there.

    Returns:
        A descriptor; None if somebody has it in use, or if it is not ours.

    Raises:
        FileNotFoundError: There is none.
    """
    for _ in range(TRIES):
        fd, made = _open_or_make(name, directory, new=new)
        if fd < 0:
            return None
        locked: bool | None = None
        try:
            locked = is_ours(os.fstat(fd)) and lock(fd)
            # Until it was locked, it could become the file, or go.
            if locked and _is_named(fd, name, directory):
                os.set_blocking(fd, True)
                return fd
        except BaseException:
            os.close(fd)
            raise
        finally:
            if made and locked is None:
                with suppress(OSError):
                    os.unlink(name, dir_fd=directory)
        os.close(fd)
        if not locked:
            return None
    return None


def _open_or_make(name: bytes, directory: int, *, new: bool) -> tuple[int, bool]:
    """A descriptor, and whether the file was made for it; -1 for what is not ours."""
    for _ in range(TRIES):
        try:
            return open_regular(name, directory, WRITE), False
        except FileNotFoundError:
            if not new:
                raise
        except OSError as error:
            if error.errno not in _NOT_OURS:
                raise
            return -1, False
        with suppress(FileExistsError):
            return os.open(name, CREATE, 0o600, dir_fd=directory), True
    return -1, False


def is_ours(info: os.stat_result) -> bool:
    """Whether a file is one that we made; other users of the machine can make files, too."""
    return stat.S_ISREG(info.st_mode) and info.st_uid == os.geteuid() and info.st_nlink <= 1


def _is_named(fd: int, name: bytes, directory: int) -> bool:
    named = lstat(name, directory)
    return named is not None and os.path.samestat(named, os.fstat(fd))


def remove_unused(name: bytes, directory: int) -> bool:
    """Remove a hidden file, unless somebody has it in use; whether it was removed."""
    try:
        fd = open_regular(name, directory, WRITE)
    except OSError:
        return False
    try:
        unused = lock(fd) is True and _is_named(fd, name, directory)
        if unused:
            os.unlink(name, dir_fd=directory)
    except OSError:
        return False
    finally:
        os.close(fd)
    return unused
