"""Uploads to the local disk: whole under a hidden name first, or in place.

All are checked without touching anything, then begun, then committed or
abandoned. The steps run on worker threads; a lock keeps each from meeting a
descriptor that another one has just closed, and a step that comes too late
finds the upload ended.
"""

from __future__ import annotations

import enum
import errno
import os
import stat
import threading
from contextlib import suppress

from zope.interface import implementer

from ftptls.interfaces import IQuickUpload, IUpload, IWorkers, Store
from ftptls.vfs import locks
from ftptls.vfs.target import Target, open_or_create
from ftptls.vfs.temporaries import (
    create,
    lock,
    lstat,
    new_temporary,
    refuse_unless_regular,
)

_NO_HARD_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


class _State(enum.Enum):
    CHECKED = enum.auto()
    BEGUN = enum.auto()
    COMMITTED = enum.auto()
    ABANDONED = enum.auto()


class _LocalUpload:
    """What all kinds share; ``_open``, ``_finish`` and ``_drop`` run under the lock."""

    in_place: bool

    def __init__(self, target: Target, workers: IWorkers) -> None:
        self.offset = target.offset
        self._target = target
        self.workers = workers
        self._lock = threading.Lock()
        self._state = _State.CHECKED
        self._fd = -1
        self._directory = -1
        self._name = b""
        self._place: locks.Place | None = None

    def __del__(self) -> None:
        # For an upload whose session died between two steps.
        self._end()

    def check(self) -> None:
        """Raise if the upload cannot begin; blocks."""
        self.check_there(*self._target.jail.locate(self._target.path))

    def check_there(self, directory: int, name: bytes) -> None:
        """The same, where it is known already what the path leads to.

        Args:
            directory: The directory; it is closed.
            name: The name in it.
        """
        try:
            self._check(directory, name)
            if self._target.lock:
                locks.WRITE_LOCKS.refuse_if_held(locks.place_of(name, directory))
        finally:
            os.close(directory)

    def fileno(self) -> int:
        """See :meth:`ftptls.interfaces.IDescriptor.fileno`."""
        if self._fd < 0:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return self._fd

    def begin_now(self) -> None:
        """See :meth:`ftptls.interfaces.IQuickUpload.begin_now`."""
        self._begin()

    def commit_now(self) -> bool:
        """See :meth:`ftptls.interfaces.IQuickUpload.commit_now`."""
        if self._target.fsync:
            return False
        self._commit()
        return True

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

    @property
    def _begun(self) -> bool:
        return self._state is _State.BEGUN

    def _check(self, directory: int, name: bytes) -> None:
        raise NotImplementedError

    def _open(self) -> int:
        raise NotImplementedError

    def _finish(self) -> None:
        raise NotImplementedError

    def _drop(self) -> None:
        self._close()

    def _end(self) -> None:
        self._abandon()

    def _close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _begin(self) -> None:
        with self._lock:
            if self._state is not _State.CHECKED:
                raise OSError(errno.EBADF, os.strerror(errno.EBADF))
            self._directory, self._name = self._target.jail.locate(self._target.path)
            try:
                if self._target.lock:
                    place = locks.place_of(self._name, self._directory)
                    locks.WRITE_LOCKS.take(place)
                    self._place = place
                self._fd = self._open()
            except BaseException:
                self._leave()
                raise
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
            if not self._begun:
                raise OSError(errno.EBADF, os.strerror(errno.EBADF))
            self._state = _State.ABANDONED  # until all of it worked
            try:
                self._finish()
            except BaseException:
                with suppress(OSError):
                    self._drop()
                raise
            finally:
                self._leave()
            self._state = _State.COMMITTED

    def _abandon(self) -> None:
        with self._lock:
            begun = self._begun
            if self._state is not _State.COMMITTED:
                self._state = _State.ABANDONED
            if begun:
                try:
                    with suppress(OSError):
                        self._drop()
                finally:
                    self._leave()

    def _leave(self) -> None:
        """Release the directory, and let others write the file."""
        place, self._place = self._place, None
        if place is not None:
            locks.WRITE_LOCKS.release(place)
        directory, self._directory = self._directory, -1
        if directory >= 0:
            os.close(directory)

    def _settle_names(self, file: int) -> None:
        """Have the directory on the disk, and with it the name of a file in it."""
        try:
            directory = os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=self._directory)
        except OSError:  # it may not be read; most disks settle its names with the file
            os.fsync(file)
            return
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


@implementer(IUpload, IQuickUpload)
class InPlaceUpload(_LocalUpload):
    """Writes to the file itself; what arrived is there, and stays.

    A resumed upload changes nothing before its offset and nothing behind its
    last octet.
    """

    in_place = True

    def _check(self, directory: int, name: bytes) -> None:
        self._target.check(directory, name, replaced=False)
        if not self._target.is_whole:
            info = lstat(name, directory)
            self._target.check_offset(info.st_size if info else 0)

    def _open(self) -> int:
        opening = create if self._target.how is Store.NEW else open_or_create
        fd = opening(self._name, self._directory, self._target.new_mode)
        try:
            info = os.fstat(fd)
            refuse_unless_regular(info)
            self._target.check_offset(info.st_size)
            if self._target.lock and lock(fd) is False:  # another process writes it
                raise locks.busy()
            if self._target.how is Store.REPLACE:
                os.ftruncate(fd, 0)
            elif self._target.how is Store.APPEND:
                self.offset = info.st_size
            os.set_blocking(fd, True)
        except BaseException:
            os.close(fd)
            raise
        return fd

    def _finish(self) -> None:
        if self._target.fsync:
            os.fsync(self._fd)
            self._settle_names(self._fd)
        self._close()


@implementer(IUpload, IQuickUpload)
class AtomicUpload(_LocalUpload):
    """Writes a hidden file beside the target, which takes its place when whole."""

    in_place = False

    def __init__(self, target: Target, workers: IWorkers) -> None:
        super().__init__(target, workers)
        self._temporary = b""
        # A second descriptor of the temporary: its lock lasts until it has the file's name.
        self._hold = -1

    def _check(self, directory: int, name: bytes) -> None:
        self._target.check(directory, name, replaced=True)

    def _open(self) -> int:
        self._target.check(self._directory, self._name, replaced=True)
        self._temporary, fd = self._make()
        try:
            self._hold = os.dup(fd)
        except BaseException:
            self._discard(fd, self._temporary)
            raise
        return fd

    def _make(self) -> tuple[bytes, int]:
        return new_temporary(self._directory)

    def _discard(self, fd: int, name: bytes) -> None:
        """It could not begin: leave nothing but what was there before."""
        if self._target.is_whole:
            with suppress(OSError):
                os.unlink(name, dir_fd=self._directory)
        os.close(fd)

    def _finish(self) -> None:
        old = lstat(self._name, self._directory)
        if old is not None and not stat.S_ISLNK(old.st_mode):
            refuse_unless_regular(old)
            _take_owner(self._fd, old)
            # Set-id bits go, as they would in a write to the file itself.
            os.fchmod(self._fd, old.st_mode & 0o777)
        else:
            os.fchmod(self._fd, self._target.new_mode)
        if self._target.fsync:
            os.fsync(self._fd)
        # Closed before the rename: a network filesystem says only then what went wrong.
        self._close()
        self._take_name()
        if self._target.fsync:
            self._settle_names(self._hold)
        self._release()

    def _take_name(self) -> None:
        where = self._directory
        new = self._target.how is Store.NEW
        if new and self._take_free_name():
            return
        if new:
            # Take the name first: a rename asks nobody.
            os.close(create(self._name, where, 0))
        try:
            os.rename(self._temporary, self._name, src_dir_fd=where, dst_dir_fd=where)
        except OSError:
            if new:
                os.unlink(self._name, dir_fd=where)
            raise
        self._temporary = b""

    def _take_free_name(self) -> bool:
        """Take a name that nobody has, at once; False on a disk without hard links."""
        where = self._directory
        try:
            os.link(self._temporary, self._name, src_dir_fd=where, dst_dir_fd=where)
        except OSError as error:
            if error.errno not in _NO_HARD_LINKS:
                raise
            return False
        os.unlink(self._temporary, dir_fd=where)
        self._temporary = b""
        return True

    def _release(self) -> None:
        hold, self._hold = self._hold, -1
        if hold >= 0:
            os.close(hold)

    def _drop(self) -> None:
        try:
            # While it is locked: its name may be that of another upload a moment later.
            if self._temporary:
                with suppress(OSError):
                    os.unlink(self._temporary, dir_fd=self._directory)
            self._close()
        finally:
            self._release()


def _take_owner(fd: int, old: os.stat_result) -> None:
    """Give a file the owner of the one it replaces, or at least its group."""
    for uid, gid in ((old.st_uid, old.st_gid), (-1, old.st_gid)):
        with suppress(PermissionError):
            os.fchown(fd, uid, gid)
            return
