"""A filesystem whose files are stored encrypted."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from zope.interface import implementer

from ftptls.errors import PermanentError
from ftptls.interfaces import IFileReader, IFilesystem, IResumable, IUpload, IWorkers, Store
from ftptls.vfs import sealing
from ftptls.vfs.sealing import CHUNK, HEADER, RECORD, FileKey, Keys
from ftptls.vfs.wrapping import Wrapper
from ftptls.wire.entries import Entry


class Encrypted(Wrapper):
    """Another filesystem, in which the octets of files are encrypted (AES-256-GCM).

    Clients see files as they are; whoever reads the disk, or a backup of it, sees names,
    sizes and times, but not what is in the files. What is changed there is noticed when it is
    read, but for whole files that were exchanged. There should be no other files: those
    cannot be read.

    Any part of a file can be read without the rest. An upload that goes on in place, or
    appends, is on the disk as far as it came, and can be resumed. Two uploads into one file
    at the same time damage it: keep them apart by locks.

    Args:
        filesystem: The other one.
        keys: The keys.
        workers: Where octets are encrypted and decrypted.

    Raises:
        ValueError: The other one keeps what arrived of uploads that broke off, which cannot be
            gone on with here.
    """

    def __init__(self, filesystem: IFilesystem, keys: Keys, workers: IWorkers) -> None:
        if IResumable.providedBy(filesystem):
            raise ValueError("encrypted uploads that broke off cannot be gone on with")
        super().__init__(filesystem)
        self._keys = keys
        self._workers = workers

    async def stat(self, path: PurePosixPath) -> Entry:
        """See :meth:`ftptls.interfaces.IFilesystem.stat`."""
        return _as_plain(await self._files.stat(path))

    def _shown(self, path: PurePosixPath, entries: Sequence[Entry]) -> Sequence[Entry]:
        return list(map(_as_plain, entries))

    async def open_read(self, path: PurePosixPath) -> IFileReader:
        """See :meth:`ftptls.interfaces.IFilesystem.open_read`."""
        return await _open(self._files, self._keys, self._workers, path)

    async def open_write(self, path: PurePosixPath, how: Store, offset: int) -> IUpload:
        """See :meth:`ftptls.interfaces.IFilesystem.open_write`."""
        whole = how in (Store.REPLACE, Store.NEW)
        upload: IUpload = await self._files.open_write(path, how if whole else Store.RESUME, 0)
        if whole:
            return EncryptedUpload(upload, self._keys, self._workers)
        try:
            _check_offset(offset, (await self.stat(path)).size)
        except FileNotFoundError:
            _check_offset(offset, 0)
        return ResumedUpload(upload, self._keys, self._workers, self._files, path, how, offset)


def _as_plain(entry: Entry) -> Entry:
    return entry._replace(size=sealing.plain_size(entry.size)) if entry.is_file else entry


async def _open(
    filesystem: Any, keys: Keys, workers: IWorkers, path: PurePosixPath
) -> DecryptingReader:
    reader: IFileReader = await filesystem.open_read(path)
    try:
        # A file of no octets was made by somebody else, or just before everything stopped.
        key = keys.find(await _read_all(reader, 0, HEADER)) if reader.size else None
    except BaseException:
        await reader.close()
        raise
    return DecryptingReader(reader, key, workers)


@implementer(IFileReader)
class DecryptingReader:
    """A file as it is, of one that is stored encrypted.

    Args:
        reader: The stored file.
        key: Its key; ``None`` for one of no octets, which has none.
        workers: Where it is decrypted.
    """

    def __init__(self, reader: IFileReader, key: FileKey | None, workers: IWorkers) -> None:
        self.size = sealing.plain_size(reader.size)
        self.key = key
        self._reader: Any = reader
        self._workers = workers

    async def read_at(self, offset: int, size: int) -> bytes:
        """See :meth:`ftptls.interfaces.IFileReader.read_at`."""
        if not self.size and offset == 0:
            return await self.chunk(0)  # it may be all that somebody has left of a file
        size = min(size, self.size - offset)
        if size <= 0:
            await self._reader.read_at(0, 0)  # it may be closed
            return b""
        first, end = offset // CHUNK, sealing.last_chunk(offset + size) + 1
        stored = await _read_all(self._reader, sealing.place(first), (end - first) * RECORD)
        data = await self._opened(first, stored)
        start = offset - first * CHUNK
        return data[start : start + size]

    async def chunk(self, number: int) -> bytes:
        """A whole chunk; empty behind the last one."""
        if number > sealing.last_chunk(self.size):
            return b""
        stored = await _read_all(self._reader, sealing.place(number), RECORD)
        return await self._opened(number, stored)

    async def close(self) -> None:
        """See :meth:`ftptls.interfaces.IFileReader.close`."""
        await self._reader.close()

    async def _opened(self, first: int, stored: bytes) -> bytes:
        if self.key is None:
            return b""
        last = sealing.last_chunk(self.size)
        return await self._workers.run(_open_records, self.key, first, stored, last)


def _open_records(key: FileKey, first: int, stored: bytes, last: int) -> bytes:
    """The chunks of records from ``first`` on, of which there is one; ``last`` is the file's."""
    starts = enumerate(range(0, max(1, len(stored)), RECORD), first)
    return b"".join(
        key.open(number, stored[start : start + RECORD], last=number == last)
        for number, start in starts
    )


async def _read_all(reader: IFileReader, offset: int, size: int) -> bytes:
    """A reader may give less than it is asked for; a record is needed whole."""
    pieces = []
    while size and (data := await reader.read_at(offset, size)):
        pieces.append(data)
        offset, size = offset + len(data), size - len(data)
    return b"".join(pieces)


class _Chunk(NamedTuple):
    """What a record is made of."""

    number: int
    data: bytes
    last: bool


def _seal(key: FileKey, chunks: Sequence[_Chunk]) -> bytes:
    return b"".join(key.seal(each.number, each.data, last=each.last) for each in chunks)


@implementer(IUpload)
class EncryptedUpload:
    """A whole file, which leaves in records; in place, what has arrived is always whole.

    Args:
        upload: Where it is stored, checked and not begun.
        keys: The operator's.
        workers: Where it is encrypted.
    """

    def __init__(self, upload: IUpload, keys: Keys, workers: IWorkers) -> None:
        self.in_place = upload.in_place
        self.offset = 0
        self._upload: Any = upload
        self._keys = keys
        self._workers = workers
        self._key: FileKey | None = None  # of an upload that runs
        self._old: DecryptingReader | None = None
        self._position = 0
        self._number = 0  # of the present chunk
        self._chunk = bytearray()

    async def begin(self) -> None:
        """See :meth:`ftptls.interfaces.IUpload.begin`."""
        await self._upload.begin()
        key = self._keys.new()
        nothing = key.seal(0, b"", last=True) if self.in_place else b""
        await self._upload.write_at(0, key.header + nothing)
        self._key = key

    async def write_at(self, offset: int, data: bytes) -> None:
        """See :meth:`ftptls.interfaces.IUpload.write_at`.

        Raises:
            OSError: ``ESPIPE``, it is not where the last piece ended.
        """
        key = self._running()
        if offset != self._position:
            raise OSError(errno.ESPIPE, os.strerror(errno.ESPIPE))
        chunks: list[_Chunk] = []
        rest = memoryview(data)
        while rest:
            inside = self._position - self._number * CHUNK
            if inside == CHUNK:
                chunks.append(_Chunk(self._number, bytes(self._chunk), last=False))
                await self._turn_to(self._number + 1)
                inside = 0
            piece = rest[: CHUNK - inside]
            self._chunk[inside : inside + len(piece)] = piece
            self._position += len(piece)
            rest = rest[len(piece) :]
        if self.in_place:
            chunks.append(self._present())
        if chunks:
            await self._store(key, chunks)

    async def _store(self, key: FileKey, chunks: Sequence[_Chunk]) -> None:
        records = await self._workers.run(_seal, key, chunks)
        await self._upload.write_at(sealing.place(chunks[0].number), records)

    async def commit(self) -> None:
        """See :meth:`ftptls.interfaces.IUpload.commit`."""
        if self._key is not None and not self.in_place:
            await self._store(self._key, [self._present()])
        await self._end()
        await self._upload.commit()

    async def abandon(self) -> None:
        """See :meth:`ftptls.interfaces.IUpload.abandon`."""
        await self._end()
        await self._upload.abandon()

    async def _turn_to(self, number: int) -> None:
        """Go on with a chunk, of which something may be there already."""
        self._number = number
        self._chunk = bytearray(await self._old.chunk(number) if self._old else b"")

    def _present(self) -> _Chunk:
        """The chunk that is not full yet, perhaps."""
        size = max(self._position, self._old.size if self._old else 0)
        last = self._number == sealing.last_chunk(size)
        return _Chunk(self._number, bytes(self._chunk), last)

    def _running(self) -> FileKey:
        if self._key is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return self._key

    async def _end(self) -> None:
        self._key = None
        if self._old is not None:
            await self._old.close()


class ResumedUpload(EncryptedUpload):
    """An upload that goes on in a file that is there, perhaps.

    Args:
        upload: As if the file were overwritten in place; checked.
        keys: The operator's.
        workers: Where it is encrypted.
        filesystem: Where the file is stored.
        path: Its path.
        how: Resumed or appended.
        offset: Where a resumed one goes on.
    """

    def __init__(
        self,
        upload: IUpload,
        keys: Keys,
        workers: IWorkers,
        filesystem: IFilesystem,
        path: PurePosixPath,
        how: Store,
        offset: int,
    ) -> None:
        super().__init__(upload, keys, workers)
        self._files: Any = filesystem
        self._path = path
        self._appends = how is Store.APPEND
        self.offset = offset
        self._ended = False

    async def begin(self) -> None:
        """See :meth:`ftptls.interfaces.IUpload.begin`."""
        if self._ended or self._key is not None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        old = await self._if_there()
        if old is None or old.key is None:
            _check_offset(self.offset, 0)
            await super().begin()
            return
        self._old = old
        try:
            await self._begin_in(old, old.key)
        except BaseException:
            await old.close()
            raise

    async def _begin_in(self, old: DecryptingReader, key: FileKey) -> None:
        _check_offset(self.offset, old.size)
        if self._appends:
            self.offset = old.size
        # From the chunk on that is the last so far, if nothing else: it will not be any more.
        await self._turn_to(sealing.last_chunk(self.offset))
        place = sealing.place(self._number)
        self._upload = await self._files.open_write(self._path, Store.RESUME, place)
        await self._upload.begin()
        self._position = self.offset
        self._key = key

    async def _store(self, key: FileKey, chunks: Sequence[_Chunk]) -> None:
        try:
            await super()._store(key, chunks)
        except OSError:
            with suppress(OSError):
                await self._mend(key, chunks)
            raise

    async def _mend(self, key: FileKey, chunks: Sequence[_Chunk]) -> None:
        """Seal what there was room for: a record that was cut off would take the old end along."""
        size = sealing.plain_size((await self._files.stat(self._path)).size)
        number = sealing.last_chunk(size)
        cut = [each for each in chunks if each.number == number]
        if cut:
            data = cut[0].data[: size - number * CHUNK]
            await super()._store(key, [_Chunk(number, data, last=True)])

    async def _if_there(self) -> DecryptingReader | None:
        try:
            return await _open(self._files, self._keys, self._workers, self._path)
        except FileNotFoundError:
            return None

    async def _end(self) -> None:
        self._ended = True
        await super()._end()


def _check_offset(offset: int, size: int) -> None:
    if offset > size:
        raise PermanentError(554, f"The file ends at {size}; restart there or before.")
