"""An avatar of ``twisted.protocols.ftp`` as a filesystem."""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from twisted.protocols.ftp import FTPAnonymousShell, IFTPShell
from twisted.python.filepath import FilePath
from zope.interface import Interface, implementer

from ftptls.errors import PermanentError
from ftptls.interfaces import IFileReader, IFilesystem, IUpload, Store
from ftptls.vfs.ftpshell.errors import ask
from ftptls.vfs.ftpshell.facts import KEYS, entry_of
from ftptls.vfs.ftpshell.names import ROOT, name_of, to_segments
from ftptls.vfs.ftpshell.reading import ShellReader
from ftptls.vfs.ftpshell.uploads import ShellUpload
from ftptls.vfs.tree import os_error
from ftptls.wire.entries import Entry, Kind

_BATCH = 500
# A shell does not tell who may do what, so these are what might be done (RFC 3659 §7.5.5);
# only that files can grow is not among it.
_MIGHT = {Kind.FILE: "dfrw", Kind.DIRECTORY: "cdeflmp"}
_MIGHT_READ = {Kind.FILE: "r", Kind.DIRECTORY: "el"}


@implementer(IFilesystem)
class ShellFilesystem:
    """What an :class:`~twisted.protocols.ftp.IFTPShell` gives, and not more.

    - Files are stored whole and in place; to append to one, or to resume, is refused. So an
      upload that breaks leaves its part under the name.
    - To read on from somewhere is to read from the start, and drop what comes before.
    - Times, modes and the rest can be seen but not set.
    - That a name is still free is asked right before an upload; a shell has no way to take a
      name, so somebody else may be faster.
    - What blocks in the shell blocks here: ``FTPShell`` reads and writes the disk on the
      reactor's thread.

    Args:
        shell: The avatar; what its methods return may come at once, or by a Deferred.
        wire_names: Whether names are given to it as Twisted's own server does, one character
            for each octet of UTF-8; for shells that put that right themselves.
    """

    def __init__(self, shell: Any, *, wire_names: bool = False) -> None:
        self._shell = shell
        self._wire_names = wire_names
        only_reads = type(shell) is FTPAnonymousShell
        self._letters = _MIGHT_READ if only_reads else _MIGHT
        root = getattr(shell, "filesystemRoot", None)
        if isinstance(root, FilePath) and isinstance(root.path, bytes):
            # Cred's names are octets, and so is then a home of that name; FTPShell cannot
            # tell anything of its files there (TypeError).
            shell.filesystemRoot = root.asTextMode()

    def __conform__(self, interface: type[Interface]) -> object:
        return self._shell if interface is IFTPShell else None

    async def stat(self, path: PurePosixPath) -> Entry:
        """See :meth:`ftptls.interfaces.IFilesystem.stat`; shells know no links."""
        values = await self._ask("stat", path, KEYS)
        return entry_of(path.name or "/", values, partial(self._perm, path))

    async def scan(self, path: PurePosixPath) -> AsyncIterator[Sequence[Entry]]:
        """See :meth:`ftptls.interfaces.IFilesystem.scan`; one call, as a rule."""
        found = await self._list(path)
        for start in range(0, len(found), _BATCH):
            yield [
                entry_of(name, values, partial(self._perm, path / name))
                for name, values in found[start : start + _BATCH]
            ]

    async def open_read(self, path: PurePosixPath) -> IFileReader:
        """See :meth:`ftptls.interfaces.IFilesystem.open_read`."""
        # Asked first: FTPShell knows no FIFO here, and would wait for ever to open one.
        size, directory = await self._ask("stat", path, ("size", "directory"))
        if directory:
            raise os_error(errno.EISDIR)
        reopen = partial(self._ask, "openForReading", path)
        return ShellReader(await reopen(), size or 0, reopen)

    async def open_write(self, path: PurePosixPath, how: Store, offset: int) -> IUpload:
        """See :meth:`ftptls.interfaces.IFilesystem.open_write`."""
        check = partial(self._check_upload, path, how, offset)
        await check()
        return ShellUpload(check, partial(self._ask, "openForWriting", path))

    async def make_directory(self, path: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.make_directory`."""
        if path == ROOT:
            raise os_error(errno.EEXIST)
        await self._demand_directory(path.parent)  # FTPShell would make that, too
        await self._ask("makeDirectory", path)

    async def remove_directory(self, path: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.remove_directory`."""
        if path == ROOT:
            raise os_error(errno.EPERM)
        await self._ask("removeDirectory", path)

    async def remove_file(self, path: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.remove_file`."""
        if path == ROOT:
            raise os_error(errno.EISDIR)
        await self._ask("removeFile", path)

    async def rename(self, source: PurePosixPath, target: PurePosixPath) -> None:
        """See :meth:`ftptls.interfaces.IFilesystem.rename`; whether it replaces, the shell says."""
        if ROOT in (source, target):
            raise os_error(errno.EPERM)
        await self._ask("rename", source, self._segments(target))

    def _segments(self, path: PurePosixPath) -> list[str]:
        return to_segments(path, wire_names=self._wire_names)

    async def _ask(self, method: str, path: PurePosixPath, *more: object) -> Any:
        return await ask(getattr(self._shell, method), self._segments(path), *more)

    def _perm(self, path: PurePosixPath, kind: Kind) -> str:
        letters = self._letters[kind]
        return letters if path != ROOT else "".join(each for each in letters if each not in "df")

    async def _demand_directory(self, path: PurePosixPath) -> None:
        (directory,) = await self._ask("stat", path, ("directory",))
        if not directory:
            raise os_error(errno.ENOTDIR)

    async def _check_upload(self, path: PurePosixPath, how: Store, offset: int) -> None:
        """Raise if an upload cannot begin, or is none that a shell can take."""
        size = await self._size(path)
        if size is None:
            await self._demand_directory(path.parent)
            await self._demand_nothing(path)
        elif how is Store.NEW:
            raise os_error(errno.EEXIST)
        if how is Store.RESUME and offset > (size or 0):
            raise PermanentError(554, f"The file ends at {size or 0}; restart there or before.")
        if how is Store.RESUME and size:
            raise PermanentError(554, "Only whole files can be stored here; send all of it.")
        if how is Store.APPEND and size:
            raise PermanentError(550, "Only whole files can be stored here; use STOR.")

    async def _size(self, path: PurePosixPath) -> int | None:
        """How large a file is; ``None`` where there is none."""
        if path == ROOT:
            raise os_error(errno.EISDIR)
        try:
            size, directory = await self._ask("stat", path, ("size", "directory"))
        except FileNotFoundError:
            return None
        if directory:
            raise os_error(errno.EISDIR)
        return size or 0

    async def _demand_nothing(self, path: PurePosixPath) -> None:
        """Refuse a FIFO or a device, which FTPShell would open.

        For ``stat`` and ``list`` it is nothing, but ``access`` says that it is no directory.
        """
        try:
            await self._ask("access", path)
        except NotADirectoryError:
            raise os_error(errno.ENXIO) from None
        except (OSError, PermanentError):
            return

    async def _list(self, path: PurePosixPath) -> list[tuple[str, Any]]:
        """The names in a directory, and what is known of each."""
        try:
            found = await self._ask("list", path, KEYS)
        except FileNotFoundError:
            # FTPShell says so, too, if one of the names is a link that leads nowhere.
            await self._demand_directory(path)
            return await self._list_one_by_one(path)
        if len(found) == 1 and not found[0][1][KEYS.index("directory")]:
            await self._demand_directory(path)  # or this was the file itself
        return [(name_of(name), values) for name, values in found]

    async def _list_one_by_one(self, path: PurePosixPath) -> list[tuple[str, Any]]:
        found = []
        for each, _ in await self._ask("list", path, ()):
            name = name_of(each)
            try:
                found.append((name, await self._ask("stat", path / name, KEYS)))
            except FileNotFoundError:
                continue
        return found
