"""The files of :class:`~ftptls.vfs.ftpshell.AsShell`: one is sent, another receives."""

from __future__ import annotations

from collections import deque
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer, IPushProducer
from twisted.protocols.ftp import IReadFile, IWriteFile
from zope.interface import implementer

from ftptls.interfaces import IFileReader, IUpload
from ftptls.vfs.ftpshell.errors import answer

_PIECE = 128 * 1024  # more at once costs time in transports, which join what they hold
_FULL = 256 * 1024


class StoppedError(Exception):
    """The consumer wants no more of the file."""


@implementer(IReadFile, IPushProducer)
class ReadFile:
    """A file that is sent from its beginning to its end.

    Args:
        reader: It; it is closed when all is sent, or no more is wanted.
        path: Its path, for errors.
    """

    def __init__(self, reader: IFileReader, path: str) -> None:
        self._reader = reader
        self._path = path
        self._stopped = False
        self._resumed: Deferred[None] | None = None

    def send(self, consumer: Any) -> Deferred[None]:
        """See :class:`twisted.protocols.ftp.IReadFile`."""
        return Deferred.fromCoroutine(answer(self._send(consumer), self._path))

    async def _send(self, consumer: Any) -> None:
        try:
            consumer.registerProducer(self, True)
            try:
                await self._send_all(consumer)
            finally:
                consumer.unregisterProducer()
        finally:
            await self._reader.close()

    async def _send_all(self, consumer: Any) -> None:
        offset = 0
        while True:
            if self._resumed is not None:
                await self._resumed
            if self._stopped:
                raise StoppedError
            data = await self._reader.read_at(offset, _PIECE)
            if not data:
                return
            offset += len(data)
            if not self._stopped:
                consumer.write(data)

    def pauseProducing(self) -> None:
        """See :class:`twisted.internet.interfaces.IPushProducer`."""
        if self._resumed is None:
            self._resumed = Deferred()

    def resumeProducing(self) -> None:
        """See :class:`twisted.internet.interfaces.IPushProducer`."""
        resumed, self._resumed = self._resumed, None
        if resumed is not None:
            resumed.callback(None)

    def stopProducing(self) -> None:
        """See :class:`twisted.internet.interfaces.IProducer`."""
        self._stopped = True
        self.resumeProducing()


@implementer(IWriteFile, IConsumer)
class WriteFile:
    """A file that receives what is written to it, and appears once it is closed.

    Args:
        upload: It, not begun.
        path: Its path, for errors.
    """

    def __init__(self, upload: IUpload, path: str) -> None:
        self._upload = upload
        self._path = path
        self._pieces: deque[bytes] = deque()
        self._waiting = 0  # octets in them
        self._producer: Any = None
        self._streaming = False
        self._held_back = False
        self._writing = False
        self._written: Deferred[None] | None = None
        self._offset = 0
        self._error: Exception | None = None

    def receive(self) -> Deferred[WriteFile]:
        """See :class:`twisted.protocols.ftp.IWriteFile`."""
        return Deferred.fromCoroutine(answer(self._begin(), self._path))

    def close(self) -> Deferred[None]:
        """See :class:`twisted.protocols.ftp.IWriteFile`; it fails if not all was written."""
        return Deferred.fromCoroutine(answer(self._end(), self._path))

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """See :class:`twisted.internet.interfaces.IConsumer`."""
        self._producer, self._streaming = producer, streaming
        if not streaming:
            producer.resumeProducing()

    def unregisterProducer(self) -> None:
        """See :class:`twisted.internet.interfaces.IConsumer`; the end is :meth:`close`."""
        self._producer = None

    def write(self, data: bytes) -> None:
        """See :class:`twisted.internet.interfaces.IConsumer`."""
        if self._error is not None:
            return
        self._pieces.append(data)
        self._waiting += len(data)
        if not self._writing:
            self._writing = True
            self._written = Deferred.fromCoroutine(self._write_all())
        if self._waiting >= _FULL and self._streaming and not self._held_back and self._producer:
            self._held_back = True
            self._producer.pauseProducing()

    async def _begin(self) -> WriteFile:
        try:
            await self._upload.begin()
        except BaseException:
            await self._upload.abandon()
            raise
        self._offset = self._upload.offset
        return self

    async def _write_all(self) -> None:
        try:
            while self._pieces:
                data = self._pieces.popleft()
                await self._upload.write_at(self._offset, data)
                self._offset += len(data)
                self._waiting -= len(data)
                self._want_more()
        except Exception as error:  # noqa: BLE001 - raised where somebody waits: in close
            self._error = error
            self._pieces.clear()
            if self._producer is not None:
                self._producer.stopProducing()
        finally:
            self._writing = False

    def _want_more(self) -> None:
        if self._producer is None:
            return
        if not self._streaming:
            if not self._pieces:
                self._producer.resumeProducing()
        elif self._held_back and self._waiting < _FULL // 2:
            self._held_back = False
            self._producer.resumeProducing()

    async def _end(self) -> None:
        if self._written is not None:
            await self._written
        try:
            if self._error is not None:
                raise self._error
            await self._upload.commit()
        except BaseException:
            await self._upload.abandon()
            raise
