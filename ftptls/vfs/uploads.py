"""Uploads to the local disk: whole under a hidden name first, or in place.

Both are checked without touching anything, then begun, then committed or
abandoned. The steps run on worker threads; a lock keeps each from meeting a
descriptor that another one has just closed, and a step that comes too late
finds the upload ended.
"""

from __future__ import annotations

import enum
import errno
import os
import re
import secrets
import stat
import threading
from contextlib import suppress
from dataclasses import dataclass

from zope.interface import implementer

from ftptls.errors import PermanentError
from ftptls.interfaces import IDescriptor, IUpload, IWorkers, Store
from ftptls.vfs.jail import Jail

_OPEN = os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_CREATE = _OPEN | os.O_CREAT | os.O_EXCL
_TRIES = 16

# Case is ignored because some disks do.
_TEMPORARY = re.compile(r"\.ftptls-[0-9a-f]{32}\.part", re.IGNORECASE)


def temporary_name() -> str:
    """A new name for a file that is not whole yet."""
    return f".ftptls-{secrets.token_hex(16)}.part"


def is_temporary(name: str) -> bool:
    """Whether a name is one of :func:`temporary_name`, which no client sees or says."""
    return name.startswith(".") and _TEMPORARY.fullmatch(name) is not None


def refuse_unless_regular(info: os.stat_result) -> None:
    """Raise for everything that is no regular file, before it is read or written.

    Raises:
        OSError: ``EISDIR`` for a directory, ``ENXIO`` for a FIFO, socket or device.
    """
    if not stat.S_ISREG(info.st_mode):
        number = errno.EISDIR if stat.S_ISDIR(info.st_mode) else errno.ENXIO
        raise OSError(number, os.strerror(number))


def lstat(name: bytes, directory: int) -> os.stat_result | None:
    """What a name itself is; None where there is none."""
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None


@dataclass(frozen=True, slots=True)
class Target:
    """Where an upload goes.

    Attributes:
        jail: The folder it stays in.
        path: The path in there.
        how: Whole, resumed, appended or new.
        offset: Where a resumed one goes on.
        umask: Permission bits that new files do not get.
    """

    jail: Jail
    path: bytes
    how: Store
    offset: int
    umask: int

    @property
    def new_mode(self) -> int:
        """Permission bits of a new file."""
        return 0o666 & ~self.umask

    def check(self, directory: int, name: bytes, *, replaced: bool) -> None:
        """Raise what can be known before the first octet.

        Args:
            directory: The directory the file is in.
            name: Its name there.
            replaced: Whether a new file takes the place of the old one.

        Raises:
            OSError: ``EISDIR``, ``ENXIO``, ``EACCES``, ``EEXIST``.
            PermanentError: 554, the restart marker is behind the end of the file.
        """
        info = lstat(name, directory)
        if info is not None:
            refuse_unless_regular(info)
            # A protected file is protected in both modes, though a rename would not care.
            _demand(name, os.W_OK, directory)
            if self.how is Store.NEW:
                raise OSError(errno.EEXIST, os.strerror(errno.EEXIST))
        if info is None or replaced:
            _demand(b".", os.W_OK | os.X_OK, directory)
        self.check_offset(info.st_size if info else 0)

    def check_offset(self, size: int) -> None:
        """Raise 554 if a resumed upload would leave a hole."""
        if self.how is Store.RESUME and self.offset > size:
            raise PermanentError(554, f"The file ends at {size}; restart there or before.")


def _demand(name: bytes, access: int, directory: int) -> None:
    """Advisory, like every access(2): the open decides, but only after 150."""
    if not os.access(name, access, dir_fd=directory, effective_ids=True, follow_symlinks=False):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))


class _State(enum.Enum):
    CHECKED = enum.auto()
    BEGUN = enum.auto()
    COMMITTED = enum.auto()
    ABANDONED = enum.auto()


class _LocalUpload:
    """What both kinds share; ``_open``, ``_finish`` and ``_drop`` run under the lock."""

    in_place: bool

    def __init__(self, target: Target, workers: IWorkers) -> None:
        self.offset = target.offset
        self._target = target
        self.workers = workers
        self._lock = threading.Lock()
        self._state = _State.CHECKED
        self._fd = -1

    def __del__(self) -> None:
        # For an upload whose session died between two steps.
        self._abandon()

    def check(self) -> None:
        """Raise if the upload cannot begin; blocks."""
        directory, name = self._target.jail.locate(self._target.path)
        try:
            self._target.check(directory, name, replaced=not self.in_place)
        finally:
            os.close(directory)

    def fileno(self) -> int:
        """See :meth:`ftptls.interfaces.IDescriptor.fileno`."""
        if self._fd < 0:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return self._fd

    async def begin(self) -> None:
        """See :meth:`ftptls.interfaces.IUpload.begin`."""
        await self.workers.run(self._begin)

    async def write_at(self, offset: int, data: bytes) -> None:
        """See :meth:`ftptls.interfaces.IUpload.write_at`."""
        await self.workers.run(self._write, offset, data)

    async def commit(self) -> None:
        """See :meth:`ftptls.interfaces.IUpload.commit`."""
        await self.workers.run(self._commit)

    async def abandon(self) -> None:
        """See :meth:`ftptls.interfaces.IUpload.abandon`."""
        await self.workers.run(self._abandon)

    def _open(self) -> int:
        raise NotImplementedError

    def _finish(self) -> None:
        self._close()

    def _drop(self) -> None:
        with suppress(OSError):
            self._close()

    def _close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _begin(self) -> None:
        with self._lock:
            if self._state is not _State.CHECKED:
                raise OSError(errno.EBADF, os.strerror(errno.EBADF))
            self._fd = self._open()
            self._state = _State.BEGUN

    def _write(self, offset: int, data: bytes) -> None:
        with self._lock:
            fd = self.fileno()
            rest = memoryview(data)
            while rest:
                written = os.pwrite(fd, rest, offset)
                rest = rest[written:]
                offset += written

    def _commit(self) -> None:
        with self._lock:
            if self._state is _State.COMMITTED:
                return
            if self._state is not _State.BEGUN:
                raise OSError(errno.EBADF, os.strerror(errno.EBADF))
            self._state = _State.ABANDONED  # until all of it worked
            try:
                self._finish()
            except BaseException:
                self._drop()
                raise
            self._state = _State.COMMITTED

    def _abandon(self) -> None:
        with self._lock:
            begun, self._state = (
                self._state is _State.BEGUN,
                (self._state if self._state is _State.COMMITTED else _State.ABANDONED),
            )
            if begun:
                self._drop()


@implementer(IUpload, IDescriptor)
class InPlaceUpload(_LocalUpload):
    """Writes to the file itself; what arrived is there, and stays.

    A resumed upload changes nothing before its offset and nothing behind its
    last octet.
    """

    in_place = True

    def _open(self) -> int:
        directory, name = self._target.jail.locate(self._target.path)
        try:
            new = self._target.how is Store.NEW
            fd = (_create if new else _open_or_create)(name, directory, self._target.new_mode)
        finally:
            os.close(directory)
        try:
            info = os.fstat(fd)
            refuse_unless_regular(info)
            self._target.check_offset(info.st_size)
            if self._target.how is Store.REPLACE:
                os.ftruncate(fd, 0)
            elif self._target.how is Store.APPEND:
                self.offset = info.st_size
            os.set_blocking(fd, True)
        except BaseException:
            os.close(fd)
            raise
        return fd


def _open_or_create(name: bytes, directory: int, mode: int) -> int:
    """Open a file for writing; a new one gets ``mode`` whatever the umask of the process."""
    for _ in range(_TRIES):
        with suppress(FileNotFoundError):
            return os.open(name, _OPEN, dir_fd=directory)
        with suppress(FileExistsError):
            return _create(name, directory, mode)
    raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))


def _create(name: bytes, directory: int, mode: int) -> int:
    """Make a file that was not there."""
    fd = os.open(name, _CREATE, mode, dir_fd=directory)
    os.fchmod(fd, mode)
    return fd


@implementer(IUpload, IDescriptor)
class AtomicUpload(_LocalUpload):
    """Writes a hidden file beside the target, which takes its place when whole."""

    in_place = False

    def __init__(self, target: Target, workers: IWorkers) -> None:
        super().__init__(target, workers)
        self._directory = -1
        self._name = b""
        self._temporary = b""

    def _open(self) -> int:
        directory, self._name = self._target.jail.locate(self._target.path)
        self._temporary = temporary_name().encode()
        try:
            self._target.check(directory, self._name, replaced=True)
            fd = os.open(self._temporary, _CREATE, 0o600, dir_fd=directory)
        except BaseException:
            os.close(directory)
            raise
        self._directory = directory
        return fd

    def _finish(self) -> None:
        old = lstat(self._name, self._directory)
        if old is not None and not stat.S_ISLNK(old.st_mode):
            refuse_unless_regular(old)
            _take_owner(self._fd, old)
            # Set-id bits go, as they would in a write to the file itself.
            os.fchmod(self._fd, old.st_mode & 0o777)
        else:
            os.fchmod(self._fd, self._target.new_mode)
        # Closed before the rename: a network filesystem says only then what went wrong.
        self._close()
        where = self._directory
        new = self._target.how is Store.NEW
        if new:
            # Take the name first: a rename asks nobody. (Not every disk has hard links.)
            os.close(_create(self._name, where, 0))
        try:
            os.rename(self._temporary, self._name, src_dir_fd=where, dst_dir_fd=where)
        except OSError:
            if new:
                os.unlink(self._name, dir_fd=where)
            raise
        self._directory = -1
        os.close(where)

    def _drop(self) -> None:
        super()._drop()
        directory, self._directory = self._directory, -1
        if directory >= 0:
            with suppress(OSError):
                os.unlink(self._temporary, dir_fd=directory)
            os.close(directory)


def _take_owner(fd: int, old: os.stat_result) -> None:
    """Give a file the owner of the one it replaces, or at least its group."""
    for uid, gid in ((old.st_uid, old.st_gid), (-1, old.st_gid)):
        with suppress(PermissionError):
            os.fchown(fd, uid, gid)
            return
