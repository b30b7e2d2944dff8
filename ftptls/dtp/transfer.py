"""Moving octets over a channel: on workers where both ends allow it, else on the reactor."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from typing import Any, NamedTuple, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater

from ftptls.dtp.blocks import pages
from ftptls.dtp.candidates import Channel
from ftptls.dtp.codings import DecodedIncoming, EncodedOutgoing
from ftptls.dtp.incoming import FileUpload, Incoming, QuickUpload, Source
from ftptls.dtp.kernel import KernelDownload, KernelUpload
from ftptls.dtp.links import Link
from ftptls.dtp.pumps import PIECE, BrokenError, FileDownload, Outgoing, Pump, Want
from ftptls.dtp.waiting import within
from ftptls.interfaces import (
    IBounded,
    IContents,
    IDescriptor,
    IFileReader,
    IOwnWorkers,
    IQuickUpload,
    IThreads,
    IUpload,
    IWorkers,
)
from ftptls.progress import AbortedError, Progress
from ftptls.settings import Limits
from ftptls.wire.representation import Decoder, Encoder

T = TypeVar("T")
# On the reactor, this many pieces and then everybody else has a turn.
_TURN = 8


class Received(NamedTuple):
    """How an upload came.

    Attributes:
        proven: Whether close_notify proved its end, or the connection was clear.
        committed: Whether it is committed already.
    """

    proven: bool
    committed: bool


class Transfer:
    """One transfer over one channel.

    Args:
        reactor: For waiting.
        workers: For the steps.
        limits: For patience.
        channel: The data connection.
        progress: Counts, and says when to stop.
    """

    def __init__(
        self,
        reactor: Any,
        workers: IWorkers,
        limits: Limits,
        channel: Channel,
        progress: Progress,
    ) -> None:
        self._reactor = reactor
        self._workers = workers
        self._limits = limits
        self._channel = channel
        self._progress = progress
        self._link: Link = channel.link
        self._asked: Deferred[Any] | None = None  # a filesystem that takes its time

    def shut(self) -> None:
        """Stop it from outside, whatever it waits for; what it waits in tells how it ended."""
        self._link.shut()
        if self._asked is not None:
            self._asked.cancel()

    async def ask(self, answer: Awaitable[T]) -> T:
        """Wait for a filesystem, but not for longer than the transfer is wanted.

        Raises:
            AbortedError: It is not wanted any more.
        """
        self._progress.check()
        self._asked = asked = Deferred.fromCoroutine(_awaited(answer))
        try:
            return await asked
        except CancelledError:
            self._progress.check()
            raise
        finally:
            self._asked = None

    async def send_file(
        self, reader: IFileReader, offset: int, end: int, encoder: Encoder | None
    ) -> None:
        """Send the octets of a file from ``offset`` up to ``end``, or as far as there are any.

        Args:
            reader: The file.
            offset: Where to begin.
            end: Where to end; at least ``offset``.
            encoder: What they pass through; ``None`` for nothing.
        """
        if encoder is None and IContents.providedBy(reader):
            whole: Any = reader
            await self._send_contents(whole.contents[offset:end])
            return
        if not (self._link.threadable and IDescriptor.providedBy(reader)):
            await self._send_pieces(_pieces(reader, offset, end, self._progress), encoder)
            return
        outgoing = self._outgoing(encoder)
        source = IDescriptor(reader).fileno()
        pump: Pump
        if self._channel.stream is None and encoder is None and self._link.fileno() >= 0:
            pump = KernelDownload(self._progress, source, offset, end, self._link)
        else:
            pump = FileDownload(self._progress, source, offset, end, outgoing)
        await self._run(pump, reader)
        await self._say_end(outgoing)

    async def _send_contents(self, data: bytes) -> None:
        """Send what is there already, so little that the reactor may do it."""
        outgoing = Outgoing(self._link, self._channel.stream)
        outgoing.load_all(data)
        if not outgoing.flush():
            await self._flush(outgoing)
        self._progress.octets = len(data)
        self._link.shut_write()

    async def send_lines(self, lines: AsyncIterator[bytes], encoder: Encoder | None) -> None:
        """Send text that is made while it goes."""
        await self._send_pieces(self._counted(lines), encoder)

    async def receive_file(
        self, upload: IUpload, decoder: Decoder | None, accept_fin: bool
    ) -> Received:
        """Begin an upload, and receive until the client says that its data is whole.

        Args:
            upload: The target.
            decoder: What the data passes through; ``None`` for nothing.
            accept_fin: Whether a bare end of the connection says so, too.
        """
        incoming = Incoming(self._link, self._channel.stream, accept_fin=accept_fin)
        source: Source = DecodedIncoming(incoming, decoder) if decoder else incoming
        committed = False
        if self._link.threadable and IDescriptor.providedBy(upload):
            committed = await self._receive_on_workers(upload, source)
        else:
            await self.ask(upload.begin())
            await self._receive_pieces(upload, source)
        try:
            await self._say_end(Outgoing(self._link, self._channel.stream))
        except BrokenError:
            pass  # its data is whole; it need not wait for our goodbye
        except AbortedError:
            if not committed:
                raise
        return Received(not incoming.unproven, committed)

    async def _receive_on_workers(self, upload: IUpload, source: Source) -> bool:
        """Whether the upload is committed, too."""

        def pump() -> FileUpload:
            target = IDescriptor(upload).fileno()
            end = IBounded(upload).end if IBounded.providedBy(upload) else None
            as_it_is = self._channel.stream is None and isinstance(source, Incoming)
            kind = KernelUpload if as_it_is and self._link.fileno() >= 0 else FileUpload
            return kind(self._progress, target, upload.offset, source, end)

        if not IQuickUpload.providedBy(upload):
            await self.ask(upload.begin())
            await self._run(pump(), upload)
            return False
        quick = QuickUpload(IQuickUpload(upload), pump)
        await self._run(quick, upload)
        return quick.committed

    async def _run(self, pump: Pump | QuickUpload, file: IFileReader | IUpload) -> None:
        own = IOwnWorkers.providedBy(file)
        workers: IWorkers = IOwnWorkers(file).workers if own else self._workers
        threads = IThreads(workers) if IThreads.providedBy(workers) else None
        while (want := await workers.run(pump.step, threads)) is not Want.DONE:
            if want is Want.READ:
                await self._wait(self._link.wait_readable())
            elif want is Want.WRITE:
                await self._wait(self._link.wait_writable())
            self._progress.check()  # an abort needs no worker

    async def _wait(self, waiting: Deferred[None]) -> None:
        limit = self._limits.stall_timeout
        await within(self._reactor, limit, waiting, f"no progress for {limit:g} seconds")

    async def _flush(self, outgoing: Outgoing) -> None:
        while not outgoing.flush():
            await self._wait(self._link.wait_writable())
            self._progress.check()

    def _outgoing(self, encoder: Encoder | None) -> Outgoing:
        if encoder is None:
            return Outgoing(self._link, self._channel.stream)
        return EncodedOutgoing(self._link, self._channel.stream, encoder)

    async def _say_end(self, outgoing: Outgoing) -> None:
        outgoing.load_tail()
        await self._flush(outgoing)
        outgoing.load_end()
        await self._flush(outgoing)
        self._link.shut_write()

    async def _send_pieces(self, pieces: AsyncIterator[bytes], encoder: Encoder | None) -> None:
        outgoing = self._outgoing(encoder)
        turn = 0
        while (data := await self.ask(_next(pieces))) is not None:
            if encoder is None:
                outgoing.load(data)
            else:  # that may take long
                await self._workers.run(outgoing.load, data)
            await self._flush(outgoing)
            turn += 1
            if turn % _TURN == 0:
                await deferLater(self._reactor, 0)
        await self._say_end(outgoing)

    async def _counted(self, lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for data in lines:
            yield data
            self._progress.octets += len(data)

    async def _receive_pieces(self, upload: IUpload, source: Source) -> None:
        turn, room = 0, pages(PIECE)
        while not source.ended:
            self._progress.check()
            try:
                data = bytes(room[: source.receive_into(room)])
            except BlockingIOError:
                await self._wait(self._link.wait_readable())
                continue
            if source.ended:
                self._progress.check()  # an abort ends the connection, too
            if data:
                position = upload.offset + self._progress.octets
                await self.ask(upload.write_at(position, data))
                self._progress.octets += len(data)
            turn += 1
            if turn % _TURN == 0:
                await deferLater(self._reactor, 0)


async def _awaited(answer: Awaitable[T]) -> T:
    return await answer


async def _next(pieces: AsyncIterator[T]) -> T | None:
    """The next one, if there is one.

    Python's own anext() with a default takes what a generator awaits apart where that is a
    tuple (3.11).
    """
    async for piece in pieces:
        return piece
    return None


async def _pieces(
    reader: IFileReader, offset: int, end: int, progress: Progress
) -> AsyncIterator[bytes]:
    while (position := offset + progress.octets) < end:
        data = await reader.read_at(position, min(PIECE, end - position))
        if not data:
            return
        yield data
        progress.octets += len(data)
