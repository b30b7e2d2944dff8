"""A folder of the local disk as a filesystem."""

from __future__ import annotations

import copy
import errno
import os
import stat
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import PurePosixPath

from zope.interface import alsoProvides, implementer

from ftptls.interfaces import (
    IFileReader,
    IFilesystem,
    IGroups,
    IHardLinks,
    ILinks,
    IModes,
    IOwnWorkers,
    IRealPaths,
    ISetTimes,
    ISpace,
    IUmask,
    IUpload,
    IWorkers,
    Store,
)
from ftptls.settings import UploadMode
from ftptls.vfs import attributes
from ftptls.vfs.jail import DIRECTORY, LOOK, Jail, encode
from ftptls.vfs.owners import Owner, OwnerWorkers
from ftptls.vfs.reading import Listing, LocalReader, link_target
from ftptls.vfs.stats import Describer, Place, place
from ftptls.vfs.uploads import (
    AtomicUpload,
    InPlaceUpload,
    Target,
    is_temporary,
    lstat,
    refuse_unless_regular,
)
from ftptls.wire.entries import Entry

_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY
_LIST = os.O_RDONLY | os.O_DIRECTORY
# How following a link fails that has nothing at its end.
_NOWHERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EACCES, errno.ENAMETOOLONG)


@implementer(
    IFilesystem, ISetTimes, IModes, IUmask, IGroups, ILinks, IHardLinks, ISpace, IRealPaths
)
class LocalFilesystem:
    """A folder that cannot be left, neither by ``..`` nor through a link.

    Links inside are followed as if the folder were the whole disk: an absolute
    one starts at ``root``. FIFOs, sockets and devices are listed and can be
    removed, but are neither read nor written nor changed otherwise. Nothing here blocks
    the reactor::

        filesystem = LocalFilesystem("/srv/drop", workers)
        upload = await filesystem.open_write(PurePosixPath("/in/a.csv"), Store.REPLACE, 0)
        await upload.begin()
        await upload.write_at(upload.offset, b"1;2;3")
        await upload.commit()

    Args:
        root: The folder.
        workers: Where the calls that block are made.
        upload_mode: Whether a whole upload is written beside the file and renamed
            once it is complete, or straight into the file.
        umask: Permission bits that new files and directories do not get.
        walk: Resolve paths component by component even where the kernel could.
        owner: The user of the operating system as whom all of it is done; that takes root.
            By default it is the server itself.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        workers: IWorkers,
        *,
        upload_mode: UploadMode = UploadMode.ATOMIC,
        umask: int = 0o022,
        walk: bool = False,
        owner: Owner | None = None,
    ) -> None:
        self._jail = Jail(root, walk=walk)
        self._owner = owner
        self._workers = workers if owner is None else OwnerWorkers(workers, owner)
        self._upload_mode = upload_mode
        self.umask = umask
        self._describer = Describer(owner)

    async def stat(self, path: PurePosixPath) -> Entry:
        """See :meth:`ftptls.interfaces.IFilesystem.stat`."""
        return await self._workers.run(self._stat, path)

    async def scan(self, path: PurePosixPath) -> AsyncIterator[Sequence[Entry]]:
        """See :meth:`ftptls.interfaces.IFilesystem.scan`."""
        listing = await self._workers.run(self._open_listing, path)
        try:
            while batch := await self._workers.run(listing.batch):
                yield batch
        finally:
            # Not awaited: an iterator that is dropped half-way has no one to wait for it.
            listing.close()

    async def open_read(self, path: PurePosixPath) -> IFileReader:
        """See :meth:`ftptls.interfaces.IFilesystem.open_read`."""
        return await self._workers.run(self._open_read, path)

    async def open_write(self, path: PurePosixPath, how: Store, offset: int) -> IUpload:
        """See :meth:`ftptls.interfaces.IFilesystem.open_write`."""
        return await self._workers.run(self._open_write, path, how, offset)

    async def make_directory(self, path: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.make_directory`."""
        await self._workers.run(self._make_directory, path)

    async def remove_directory(self, path: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.remove_directory`."""
        await self._workers.run(self._remove_directory, path)

    async def remove_file(self, path: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.remove_file`."""
        await self._workers.run(self._remove_file, path)

    async def rename(self, source: PurePosixPath, target: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.rename`."""
        await self._workers.run(self._rename, source, target)

    async def set_times(
        self, path: PurePosixPath, modified: float, accessed: float | None = None
    ) -> None:
        """See :meth:`ftptls.interfaces.ISetTimes.set_times`."""
        raw = _octets(path)
        await self._workers.run(attributes.set_times, self._jail, raw, modified, accessed)

    async def set_mode(self, path: PurePosixPath, mode: int) -> None:
        """See :meth:`ftptls.interfaces.IModes.set_mode`."""
        await self._workers.run(attributes.set_mode, self._jail, _octets(path), mode)

    async def set_group(self, path: PurePosixPath, group: str) -> None:
        """See :meth:`ftptls.interfaces.IGroups.set_group`."""
        await self._workers.run(attributes.set_group, self._jail, _octets(path), group)

    async def make_link(self, path: PurePosixPath, target: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.ILinks.make_link`."""
        raw = _below_root(path, errno.EEXIST)
        await self._workers.run(attributes.make_link, self._jail, raw, _octets(target))

    async def add_name(self, path: PurePosixPath, other: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IHardLinks.add_name`."""
        old, new = _octets(path), _below_root(other, errno.EEXIST)
        await self._workers.run(attributes.add_name, self._jail, old, new)

    async def available(self, path: PurePosixPath) -> int:
        """See :meth:`ftptls.interfaces.ISpace.available`."""
        return await self._workers.run(attributes.available, self._jail, _octets(path))

    def with_umask(self, umask: int) -> LocalFilesystem:
        """See :meth:`ftptls.interfaces.IUmask.with_umask`."""
        other = copy.copy(self)
        other.umask = umask
        return other

    async def real_path(self, path: PurePosixPath) -> PurePosixPath:
        """See :meth:`ftptls.interfaces.IRealPaths.real_path`."""
        real = await self._workers.run(self._jail.real, _octets(path))
        return PurePosixPath(real.decode("utf-8", "surrogateescape"))

    def without_links(self) -> LocalFilesystem:
        """See :meth:`ftptls.interfaces.IRealPaths.without_links`."""
        other = copy.copy(self)
        other._jail = self._jail.without_links()
        return other

    def _stat(self, path: PurePosixPath) -> Entry:
        raw = _octets(path)
        if raw == b"/":
            return self._stat_root()
        with self._jail.parent(raw) as (directory, name):
            where = place(directory)
            info = os.stat(name, dir_fd=directory, follow_symlinks=False)
            if not stat.S_ISLNK(info.st_mode):
                return self._describer.entry(path.name, info, where)
            target = link_target(name, directory)
        try:
            info, target = self._follow(raw), ""
        except OSError as error:
            if error.errno not in _NOWHERE:
                raise
        return self._describer.entry(path.name, info, where, target)

    def _stat_root(self) -> Entry:
        root = self._jail.open(b"/", DIRECTORY)
        try:
            where = Place(names_change=False, read_only=place(root).read_only)
            return self._describer.entry("/", os.fstat(root), where)
        finally:
            os.close(root)

    def _follow(self, raw: bytes) -> os.stat_result:
        fd = self._jail.open(raw, LOOK)
        try:
            return os.fstat(fd)
        finally:
            os.close(fd)

    def _open_listing(self, path: PurePosixPath) -> Listing:
        return Listing(self._jail.open(_octets(path), _LIST), self._describer)

    def _open_read(self, path: PurePosixPath) -> LocalReader:
        fd = self._jail.open(_octets(path), _READ)
        try:
            info = os.fstat(fd)
            refuse_unless_regular(info)
            os.set_blocking(fd, True)
        except BaseException:
            os.close(fd)
            raise
        reader = LocalReader(fd, info.st_size, self._workers)
        self._own(reader)
        return reader

    def _open_write(self, path: PurePosixPath, how: Store, offset: int) -> IUpload:
        target = Target(self._jail, _octets(path), how, offset, self.umask)
        whole = how in (Store.REPLACE, Store.NEW)
        atomic = self._upload_mode is UploadMode.ATOMIC and whole
        upload = (AtomicUpload if atomic else InPlaceUpload)(target, self._workers)
        upload.check()
        self._own(upload)
        return upload

    def _own(self, opened: LocalReader | IUpload) -> None:
        """Have it used as its user alone, who may have less disk than the server."""
        if self._owner is not None:
            alsoProvides(opened, IOwnWorkers)

    def _make_directory(self, path: PurePosixPath) -> None:
        with self._jail.parent(_below_root(path, errno.EEXIST)) as (directory, name):
            mode = 0o777 & ~self.umask
            os.mkdir(name, mode, dir_fd=directory)
            with suppress(OSError):
                _settle_mode(name, directory, mode)

    def _remove_directory(self, path: PurePosixPath) -> None:
        with self._jail.parent(_below_root(path, errno.EPERM)) as (directory, name):
            os.rmdir(name, dir_fd=directory)

    def _remove_file(self, path: PurePosixPath) -> None:
        with self._jail.parent(_below_root(path, errno.EISDIR)) as (directory, name):
            os.unlink(name, dir_fd=directory)

    def _rename(self, source: PurePosixPath, target: PurePosixPath) -> None:
        old, new = (_below_root(path, errno.EPERM) for path in (source, target))
        with (
            self._jail.parent(old) as (old_directory, old_name),
            self._jail.parent(new) as (new_directory, new_name),
        ):
            info = lstat(new_name, new_directory)
            if info is not None and attributes.is_special(info):
                raise OSError(errno.ENXIO, os.strerror(errno.ENXIO))
            os.rename(old_name, new_name, src_dir_fd=old_directory, dst_dir_fd=new_directory)


def _octets(path: PurePosixPath) -> bytes:
    """The path as the system takes it; one with the name of a temporary does not exist."""
    if any(map(is_temporary, path.parts)):
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
    return encode(path)


def _below_root(path: PurePosixPath, refusal: int) -> bytes:
    """The same, for what cannot be done to the root."""
    raw = _octets(path)
    if raw == b"/":
        raise OSError(refusal, os.strerror(refusal))
    return raw


def _settle_mode(name: bytes, directory: int, mode: int) -> None:
    """Undo the umask of the process, and leave an inherited set-group-id alone."""
    fd = os.open(name, _LIST | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    try:
        now = stat.S_IMODE(os.fstat(fd).st_mode)
        if now & 0o777 != mode:
            os.fchmod(fd, now & 0o7000 | mode)
    finally:
        os.close(fd)
