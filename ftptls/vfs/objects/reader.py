"""A file of an object store that is read: in large pieces, the next one ahead of time."""

from __future__ import annotations

import errno
from collections import deque
from dataclasses import dataclass

from twisted.internet.defer import Deferred, DeferredLock
from zope.interface import implementer

from ftptls.interfaces import IFileReader, IWorkers
from ftptls.vfs.objects.stopping import Stop
from ftptls.vfs.objects.stores import MIB, Found, Store, os_error

_FIRST = MIB


@dataclass(slots=True)
class _Piece:
    """Octets of the file, or how asking for them failed; until then, who asks."""

    start: int
    end: int
    asked: Deferred[bytes | Exception]
    data: bytes = b""


@implementer(IFileReader)
class ObjectReader:
    """An open file; it fails when the file is replaced or removed meanwhile.

    The first request after a jump is small, so that a short range costs little; those that
    follow in a row are larger, and the next ones are under way while one is sent.

    Args:
        store: Where the file is.
        key: Its key.
        found: What was found there.
        workers: Where the calls that block are made.
    """

    def __init__(self, store: Store, key: str, found: Found, workers: IWorkers) -> None:
        self.size = found.size
        self._store = store
        self._key = key
        self._found = found
        self._workers = workers
        self._stop = Stop()
        self._turn = DeferredLock()
        self._pieces: deque[_Piece] = deque()
        self._octets = 0
        self._closed = False

    def __del__(self) -> None:
        self._stop.now()

    async def read_at(self, offset: int, size: int) -> bytes:
        """See :meth:`ftptls.interfaces.IFileReader.read_at`."""
        async with self._turn:
            return await self._read_at(offset, size)

    async def close(self) -> None:
        """See :meth:`ftptls.interfaces.IFileReader.close`."""
        self._closed = True
        self._stop.now()
        self._pieces.clear()

    async def _read_at(self, offset: int, size: int) -> bytes:
        if self._closed:
            raise os_error(errno.EBADF)
        if offset >= self.size:
            return b""
        pieces = self._pieces
        while pieces and not pieces[0].start <= offset < pieces[0].end:
            pieces.popleft()
        self._look_ahead(offset)
        piece = pieces[0]
        if not piece.data:
            data = await piece.asked
            if isinstance(data, Exception):
                pieces.clear()
                raise data
            piece.data = data
        if self._closed:
            raise os_error(errno.EBADF)
        start = offset - piece.start
        return piece.data[start : start + size]

    def _look_ahead(self, offset: int) -> None:
        """Ask for the piece that ``offset`` is in; the second time in a row, for more."""
        bounds, pieces = self._store.bounds, self._pieces
        wanted = 1 + bounds.parallel if pieces else 1
        start = pieces[-1].end if pieces else offset
        if not pieces:
            self._octets = min(_FIRST, bounds.piece)
        while len(pieces) < wanted and start < self.size:
            end = min(self.size, start + self._octets)
            pieces.append(_Piece(start, end, Deferred.fromCoroutine(self._ask(start, end))))
            self._octets = min(2 * self._octets, bounds.piece)
            start = end

    async def _ask(self, start: int, end: int) -> bytes | Exception:
        arguments = (self._key, self._found, start, end, self._stop)
        try:
            data = await self._workers.run(self._store.read, *arguments)
        except Exception as error:  # noqa: BLE001 - raised to who reads as far as here, if anybody
            return error
        return data if len(data) == end - start else os_error(errno.EIO)
