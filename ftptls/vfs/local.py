"""A folder of the local disk as a filesystem."""

from __future__ import annotations

import copy
import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache, cached_property
from pathlib import PurePosixPath

from zope.interface import alsoProvides, implementer
from zope.interface.declarations import Provides

from ftptls.interfaces import (
    IFileReader,
    IFilesystem,
    IGroups,
    IHardLinks,
    ILinks,
    ILocalPaths,
    IModes,
    IOwnWorkers,
    IRealPaths,
    IResumable,
    ISetTimes,
    ISpace,
    IUmask,
    IUpload,
    IWorkers,
    Store,
)
from ftptls.settings import Links, UploadMode
from ftptls.vfs import attributes
from ftptls.vfs.emptying import clear, forget
from ftptls.vfs.jail import DIRECTORY, LOOK, Jail, encode
from ftptls.vfs.options import LocalOptions
from ftptls.vfs.owners import Owner, OwnerWorkers
from ftptls.vfs.reading import LocalReader
from ftptls.vfs.resuming import kind_of_upload
from ftptls.vfs.scanning import Listing, Scan, link_target
from ftptls.vfs.small import (
    SMALL,
    SmallReader,
    locate_at_once,
    never_waits,
    open_at_once,
    read_small,
)
from ftptls.vfs.stats import Describer, Place, place
from ftptls.vfs.target import Target
from ftptls.vfs.temporaries import is_temporary, lstat, reopen
from ftptls.wire.entries import Entry

_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY
_LIST = os.O_RDONLY | os.O_DIRECTORY
# How following a link fails that has nothing at its end.
_NOWHERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EACCES, errno.ENAMETOOLONG)


@implementer(
    IFilesystem,
    ISetTimes,
    IModes,
    IUmask,
    IGroups,
    IHardLinks,
    ISpace,
    IRealPaths,
    ILocalPaths,
)
class LocalFilesystem:
    """A folder that cannot be left, neither by ``..`` nor through a link.

    Links inside are followed, unless told otherwise, as if the folder were the whole disk: an
    absolute one starts at ``root``. FIFOs, sockets and devices are listed and can be
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
            once it is complete, or straight into the file; and whether what arrived of one
            that broke off is kept.
        umask: Permission bits that new files and directories do not get.
        walk: Resolve paths component by component even where the kernel could.
        owner: The user of the operating system as whom all of it is done; that takes root.
            By default it is the server itself.
        user: Whose name stands for what arrived of his uploads: nobody else goes on with it.
        options: How else it is served.

    Attributes:
        root: The folder, by an absolute path.
        umask: The same.
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
        user: str = "",
        options: LocalOptions | None = None,
    ) -> None:
        self._options = options or LocalOptions()
        self._jail = Jail(root, walk=walk, links=self._options.links)
        self.root = self._jail.root
        self._owner = owner
        self._workers = workers if owner is None else OwnerWorkers(workers, owner)
        self._upload_mode = upload_mode
        self.umask = umask
        self._user = user
        # Whether reading, and the check of an upload, may be tried without a worker.
        self._at_once = owner is None and self._jail.can_open_cached
        resumable = upload_mode is UploadMode.ATOMIC_RESUME
        follows = self._options.links is Links.FOLLOW
        self.__provides__ = self._provided(resumable, follows)

    @classmethod
    @cache
    def _provided(cls, resumable: bool, follows: bool) -> object:
        """What one provides. It is kept, for zope would make a class of it almost every time."""
        both = ((IResumable, resumable), (ILinks, follows))
        return Provides(cls, *(interface for interface, wanted in both if wanted))

    @cached_property
    def _describer(self) -> Describer:
        """Made by the first who asks; what it knows of owners is as old as this filesystem."""
        return Describer(self._owner, self._options.owner_names)

    def anew(self) -> LocalFilesystem:
        """The same for another session, sooner than it would be made of its folder."""
        other = LocalFilesystem.__new__(LocalFilesystem)
        other.__dict__ = self.__dict__.copy()
        other.__dict__.pop("_describer", None)
        return other

    async def stat(self, path: PurePosixPath) -> Entry:
        """See :meth:`ftptls.interfaces.IFilesystem.stat`."""
        return await self._workers.run(self._stat, path)

    def scan(self, path: PurePosixPath) -> Scan:
        """See :meth:`ftptls.interfaces.IFilesystem.scan`."""
        return Scan(path, self._open_listing, self._workers)

    async def open_read(self, path: PurePosixPath) -> IFileReader:
        """See :meth:`ftptls.interfaces.IFilesystem.open_read`."""
        if self._at_once:
            reader = open_at_once(self._jail, _octets(path), self._workers)
            if reader is not None:
                return reader
        return await self._workers.run(self._open_read, path)

    async def open_write(self, path: PurePosixPath, how: Store, offset: int) -> IUpload:
        """See :meth:`ftptls.interfaces.IFilesystem.open_write`."""
        target = self._target(path, how, offset)
        if self._at_once:
            upload = self._open_write_at_once(target)
            if upload is not None:
                return upload
        return await self._workers.run(self._open_write, target)

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

    async def arrived(self, path: PurePosixPath) -> int | None:
        """See :meth:`ftptls.interfaces.IResumable.arrived`."""
        return await self._workers.run(self._arrived, path)

    def with_umask(self, umask: int) -> LocalFilesystem:
        """See :meth:`ftptls.interfaces.IUmask.with_umask`."""
        other = copy.copy(self)
        other.umask = umask
        return other

    async def real_path(self, path: PurePosixPath) -> PurePosixPath:
        """See :meth:`ftptls.interfaces.IRealPaths.real_path`."""
        real = await self._workers.run(self._jail.real, _octets(path))
        return PurePosixPath(real.decode("utf-8", "surrogateescape"))

    async def real_name(self, path: PurePosixPath) -> PurePosixPath:
        """See :meth:`ftptls.interfaces.IRealPaths.real_name`."""
        return await self.real_path(path.parent) / path.name

    async def local_path(self, path: PurePosixPath) -> str:
        """See :meth:`ftptls.interfaces.ILocalPaths.local_path`."""
        real = await self.real_path(path)
        return os.path.join(self._jail.root, *real.parts[1:])

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
            self._jail.refuse_link()
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
        links = self._options.links is not Links.HIDE
        return Listing(self._jail.open(_octets(path), _LIST), self._describer, links=links)

    def _open_read(self, path: PurePosixPath) -> SmallReader | LocalReader:
        fd = self._reopened(_octets(path))
        try:
            info = os.fstat(fd)
            os.set_blocking(fd, True)
            never_waits(fd, info.st_dev)  # the next one is to know
        except BaseException:
            os.close(fd)
            raise
        if info.st_size <= SMALL:
            return read_small(fd, info.st_size)
        reader = LocalReader(fd, info.st_size, self._workers)
        self._own(reader)
        return reader

    def _reopened(self, raw: bytes) -> int:
        """Open a file for reading, once it has shown to be one."""
        look = self._jail.open(raw, LOOK)
        try:
            return reopen(look, _READ)
        except OSError as error:
            if error.errno != errno.EOPNOTSUPP:
                raise
            return self._jail.open(raw, _READ)
        finally:
            os.close(look)

    def _open_write_at_once(self, target: Target) -> IUpload | None:
        """Check a whole upload if nothing is waited for; else None."""
        if target.lock or not target.is_whole:
            return None
        found = locate_at_once(target.jail, target.path)
        if found is None:
            return None
        upload = kind_of_upload(self._upload_mode, target)(target, self._workers)
        upload.check_there(*found)
        return upload

    def _open_write(self, target: Target) -> IUpload:
        upload = kind_of_upload(self._upload_mode, target)(target, self._workers)
        upload.check()
        self._own(upload)
        return upload

    def _target(self, path: PurePosixPath, how: Store, offset: int) -> Target:
        return Target(
            self._jail,
            _octets(path),
            how,
            offset,
            self.umask,
            self._user,
            self._options.fsync,
            self._options.lock_uploads,
        )

    def _arrived(self, path: PurePosixPath) -> int | None:
        return self._target(path, Store.RESUME, 0).find_arrived()

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
        with self._named(path, errno.EPERM) as (directory, name):
            try:
                os.rmdir(name, dir_fd=directory)
            except OSError as error:
                # What nobody can see should not keep it.
                if error.errno != errno.ENOTEMPTY or not clear(name, directory):
                    raise
                os.rmdir(name, dir_fd=directory)

    def _remove_file(self, path: PurePosixPath) -> None:
        with self._named(path, errno.EISDIR) as (directory, name):
            # What arrived of a new version goes, too, and may be all there is.
            resumable = self._upload_mode is UploadMode.ATOMIC_RESUME
            forgotten = resumable and forget(self._user, name, directory)
            try:
                os.unlink(name, dir_fd=directory)
            except FileNotFoundError:
                if not forgotten:
                    raise

    @contextmanager
    def _named(self, path: PurePosixPath, refusal: int) -> Iterator[tuple[int, bytes]]:
        """A name that is to be given or taken away, and its directory."""
        with self._jail.parent(_below_root(path, refusal)) as (directory, name):
            self._jail.refuse_if_link(lstat(name, directory))
            yield directory, name

    def _rename(self, source: PurePosixPath, target: PurePosixPath) -> None:
        with (
            self._named(source, errno.EPERM) as (old_directory, old_name),
            self._named(target, errno.EPERM) as (new_directory, new_name),
        ):
            info = lstat(new_name, new_directory)
            if info is not None and attributes.is_special(info):
                raise OSError(errno.ENXIO, os.strerror(errno.ENXIO))
            os.rename(old_name, new_name, src_dir_fd=old_directory, dst_dir_fd=new_directory)


def _octets(path: PurePosixPath) -> bytes:
    """The path as the system takes it; one with the name of a temporary does not exist."""
    raw = encode(path)
    if raw.find(b"/.") >= 0 and any(map(is_temporary, path.parts)):
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
    return raw


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
