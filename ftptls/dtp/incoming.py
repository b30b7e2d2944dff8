"""The receiving end of a channel, and what comes by it on its way to a file."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from ftptls.dtp.blocks import MOST_OF_RECORD, Block, pages
from ftptls.dtp.links import Link
from ftptls.dtp.pumps import BrokenError, Pump, Want
from ftptls.interfaces import IQuickUpload, IThreads
from ftptls.progress import Progress
from ftptls.tls.stream import TLSError, TLSStream


class Source(Protocol):
    """Where a file's octets come from, as the target of an upload sees it."""

    @property
    def ended(self) -> bool:
        """Whether there are no more, and those before are whole."""

    @property
    def link(self) -> Link:
        """The connection they come by."""

    def receive_into(self, room: memoryview) -> int:
        """Put the next octets there; the number, perhaps 0.

        Args:
            room: At least for two records of TLS.

        Raises:
            BlockingIOError: There is nothing yet.
            BrokenError: They ended, but they are not whole.
            FTPError: They are refused.
        """


class Incoming:
    """The receiving end of a channel.

    Args:
        link: The connection.
        stream: Its TLS; ``None`` for clear data.
        accept_fin: Whether the bare end of a protected connection is taken for the end
            of its data.

    Attributes:
        ended: Whether the sender said that its data is whole.
        unproven: Whether it did so without close_notify.
    """

    def __init__(self, link: Link, stream: TLSStream | None, *, accept_fin: bool = False) -> None:
        self.link = link
        self._stream = stream
        self._records = memoryview(b"")
        self._unread = stream is not None  # the handshake may have brought first data along
        self._accept_fin = accept_fin
        self.ended = False
        self.unproven = False

    def receive_into(self, room: memoryview) -> int:
        """Put the next octets there; the number, perhaps 0.

        Args:
            room: At least for two records of TLS.

        Raises:
            BlockingIOError: There is nothing yet.
            BrokenError: The connection ended, but the data did not.
        """
        if self._stream is None:
            count = self._take(room)
            self.ended = not count
            return count
        records = self._records[:0]
        if not self._unread:
            records = self._take_records(len(room) - MOST_OF_RECORD)
            if not records:
                self._end_unproven(self._stream)
                return 0
        try:
            filled = self._stream.decrypt(records, room)
        except TLSError as error:
            self._send_alert(self._stream)
            raise BrokenError(f"TLS failed: {error}") from None
        self._unread = filled == len(room)
        self.ended = self._stream.ended
        return filled

    def _send_alert(self, stream: TLSStream) -> None:
        """Tell the client why, if it can be told at all."""
        with suppress(OSError):
            self.link.send(memoryview(stream.output()))

    def _end_unproven(self, stream: TLSStream) -> None:
        if not stream.between_records:
            raise BrokenError("the connection ended inside a TLS record")
        if not self._accept_fin:
            raise BrokenError(
                "the connection ended without TLS close_notify (the setting upload_end decides)"
            )
        self.ended = self.unproven = True

    def _take_records(self, most: int) -> memoryview:
        """What comes next, protected as it is."""
        if len(self._records) < most:
            self._records = pages(most)
        return self._records[: self._take(self._records[:most])]

    def _take(self, room: memoryview) -> int:
        try:
            return self.link.receive_into(room)
        except BlockingIOError:
            raise
        except OSError as error:
            raise BrokenError(f"the connection broke: {error.strerror}") from None


class FileUpload(Pump):
    """From the channel to a descriptor, and not behind ``end``, if there is one."""

    def __init__(
        self,
        progress: Progress,
        target: int,
        offset: int,
        source: Source,
        end: int | None = None,
    ) -> None:
        super().__init__(progress, source.link)
        self._target = target
        self._offset = offset
        self._end = end
        self._source = source
        self._block = Block(offset)

    def step(self, threads: IThreads | None = None) -> Want:
        """See :class:`~ftptls.dtp.pumps.Pump`; what came is in the file then, however it ends."""
        try:
            return super().step(threads)
        finally:
            self._write_all()

    def _piece(self) -> Want:
        try:
            count = self._source.receive_into(self._block.room)
        except BlockingIOError:
            return Want.READ
        ended = self._source.ended
        if ended:
            self._progress.check()  # an abort ends the connection, too: no end of the data
        self._refuse_beyond_end(count)
        self._block.took(count)
        while whole := self._block.whole:
            self._write(whole)
        return Want.DONE if ended else Want.MORE

    @property
    def _moved(self) -> int:
        return self._progress.octets + len(self._block.held)

    @property
    def _position(self) -> int:
        """Where the next write goes."""
        return self._offset + self._progress.octets

    def _refuse_beyond_end(self, octets: int) -> None:
        if self._end is not None and self._offset + self._moved + octets > self._end:
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    def _write_all(self) -> None:
        while held := self._block.held:
            self._write(held)

    def _write(self, data: memoryview) -> None:
        written = os.pwrite(self._target, data, self._position)
        self._progress.octets += written
        self._block.wrote(written)


class QuickUpload:
    """All of an upload by the worker that moves its octets: begin, receive and commit.

    Args:
        upload: The target, which has not begun.
        pump: Makes the pump, once it has.

    Attributes:
        committed: Whether it is the file now.
    """

    def __init__(self, upload: IQuickUpload, pump: Callable[[], Pump]) -> None:
        self._upload = upload
        self._make = pump
        self._pump: Pump | None = None
        self.committed = False

    def step(self, threads: IThreads | None = None) -> Want:
        """See :class:`~ftptls.dtp.pumps.Pump`."""
        if self._pump is None:
            self._upload.begin_now()
            self._pump = self._make()
        want = self._pump.step(threads)
        if want is Want.DONE:
            self.committed = self._upload.commit_now()
        return want
