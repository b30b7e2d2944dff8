"""Files of a :class:`~ftptls.vfs.tables.TableFilesystem`: read and written in pieces."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from zope.interface import implementer

from ftptls.errors import PermanentError, TransientError
from ftptls.interfaces import IFileReader, IUpload, Store
from ftptls.vfs.tree import os_error
from ftptls.wire.entries import Kind

if TYPE_CHECKING:
    from ftptls.vfs.tables import TableFilesystem

PIECE = 1 << 18
"""Octets in each piece of a file but the last."""


@dataclass(frozen=True, slots=True)
class Node:
    """A file or directory, without its name.

    Attributes:
        number: What its pieces, or the names in it, are found by; chosen by chance.
        kind: ``FILE`` or ``DIRECTORY``.
        size: Octets of a file.
        modified: Seconds since the epoch.
    """

    number: int
    kind: Kind
    size: int
    modified: float


def _changed() -> TransientError:
    return TransientError(450, "The file was changed meanwhile; ask for it anew.")


@implementer(IFileReader)
class PiecesReader:
    """A file that is read, piece by piece.

    Args:
        files: Where it is.
        node: It.
    """

    def __init__(self, files: TableFilesystem, node: Node) -> None:
        self.size = node.size
        self._files = files
        self._node = node
        self._closed = False

    async def read_at(self, offset: int, size: int) -> bytes:
        """See :meth:`ftptls.interfaces.IFileReader.read_at`: no more than what one piece has."""
        if self._closed:
            raise os_error(errno.EBADF)
        number, inside = divmod(offset, PIECE)
        end = inside + min(size, self.size - offset)
        if end <= inside:
            return b""
        data = await self._files.run(self._files.load, self._node.number, number)
        if inside >= len(data):
            raise _changed()
        return data[inside:end]

    async def close(self) -> None:
        """See :meth:`ftptls.interfaces.IFileReader.close`."""
        self._closed = True


@implementer(IUpload)
class PiecesUpload:
    """Octets in order, a piece at a time; a step that comes too late finds it ended.

    Args:
        files: Where the file goes.
        path: Its path.
        how: Whole, resumed, appended or new.
        offset: Where a resumed one goes on.
    """

    def __init__(
        self, files: TableFilesystem, path: PurePosixPath, how: Store, offset: int
    ) -> None:
        self.in_place = how in (Store.RESUME, Store.APPEND)
        self.offset = offset
        self._files = files
        self._path = path
        self._how = how
        self._node: Node | None = None
        self._directory, self._name = 0, b""
        self._position = self._size = 0
        self._piece = bytearray()
        self._ended = False
        self._committed = False

    async def begin(self) -> None:
        """See :meth:`ftptls.interfaces.IUpload.begin`."""
        await self._files.run(self._begin)

    async def write_at(self, offset: int, data: bytes) -> None:
        """See :meth:`ftptls.interfaces.IUpload.write_at`; ``ESPIPE`` out of order."""
        await self._files.run(self._write, offset, data)

    async def commit(self) -> None:
        """See :meth:`ftptls.interfaces.IUpload.commit`."""
        await self._files.run(self._commit)

    async def abandon(self) -> None:
        """See :meth:`ftptls.interfaces.IUpload.abandon`."""
        await self._files.run(self._abandon)

    def check(self) -> tuple[int, bytes, Node | None]:
        """Raise if the upload cannot begin; say where it would, and what is there."""
        directory, name, node = self._files.place(self._path, errno.EISDIR)
        if node is not None:
            if node.kind is Kind.DIRECTORY:
                raise os_error(errno.EISDIR)
            if self._how is Store.NEW:
                raise os_error(errno.EEXIST)
        size = node.size if node else 0
        if self._how is Store.RESUME and self.offset > size:
            raise PermanentError(554, f"The file ends at {size}; restart there or before.")
        return directory, name, node

    def _begin(self) -> None:
        if self._node is not None or self._ended:
            raise os_error(errno.EBADF)
        self._directory, self._name, old = self.check()
        if old is None or not self.in_place:
            node = self._files.new(Kind.FILE)
            if self.in_place:
                self._files.link(self._directory, self._name, node)
        else:
            node = old
            if self._how is Store.APPEND:
                self.offset = node.size
        self._size, self._position = node.size, self.offset
        self._piece = self._load(node)
        self._node = node

    def _write(self, offset: int, data: bytes) -> None:
        node = self._begun()
        if offset != self._position:
            raise os_error(errno.ESPIPE)
        if self.in_place:  # somebody else may have written, too
            self._piece = self._load(node)
        rest = memoryview(data)
        while rest:
            number, inside = divmod(self._position, PIECE)
            part = rest[: PIECE - inside]
            self._piece[inside : inside + len(part)] = part
            self._position += len(part)
            rest = rest[len(part) :]
            if inside + len(part) == PIECE:
                self._files.save(node.number, number, bytes(self._piece))
                self._piece = self._load(node)
        self._size = max(self._size, self._position)
        if self.in_place:
            self._keep(node)

    def _commit(self) -> None:
        if self._committed:
            return
        # If that fails, it is for abandon to tidy up: in a turn that is not taken back.
        self._finish(self._begun())
        self._ended = self._committed = True

    def _abandon(self) -> None:
        ended, self._ended = self._ended, True
        if ended or self._node is None:
            return
        if not self.in_place:
            self._files.drop(self._node.number)

    def _finish(self, node: Node) -> None:
        """Keep the last piece, and let the name lead to the file."""
        if self.in_place:
            return
        directory, name, old = self.check()
        self._save(node)
        whole = Node(node.number, Kind.FILE, self._size, self._files.now())
        self._files.link(directory, name, whole)
        if old is not None:
            self._files.drop(old.number)

    def _keep(self, node: Node) -> None:
        """Have the file be what it is so far, if it is still there.

        Raises:
            TransientError: 450, it is not.
        """
        there = self._files.find(self._directory, self._name)
        if there is None or there.number != node.number:
            self._files.drop(node.number)
            raise _changed()
        self._save(node)
        size = max(self._size, there.size)  # somebody else may append to it, too
        grown = Node(node.number, Kind.FILE, size, self._files.now())
        self._files.link(self._directory, self._name, grown)

    def _load(self, node: Node) -> bytearray:
        """The piece that the next octet belongs to."""
        return bytearray(self._files.load(node.number, self._position // PIECE))

    def _save(self, node: Node) -> None:
        if self._piece:
            self._files.save(node.number, self._position // PIECE, bytes(self._piece))

    def _begun(self) -> Node:
        if self._node is None or self._ended:
            raise os_error(errno.EBADF)
        return self._node
