"""Octets between a channel and a file, in steps that a worker can run.

A step does a bounded amount of work, never waits, and says what it wants next. The same
two ends, :class:`Outgoing` and :class:`~ftptls.dtp.incoming.Incoming`, also serve sources and
targets that have no descriptor and are read and written on the reactor.
"""

from __future__ import annotations

import enum
import os
from typing import ClassVar

from ftptls.dtp.links import Link
from ftptls.interfaces import IThreads
from ftptls.progress import Progress
from ftptls.tls.stream import TLSError, TLSStream, room_for

PIECE = 256 * 1024
# A transfer begins with so much memory, and many never need more.
_FIRST_PIECE = 16 * 1024
# The larger the pieces, the cheaper is what each costs; with TLS there are two of these.
_LARGE_PIECE = 512 * 1024
# What is read to its end may grow meanwhile: then the end is behind every file.
NO_END = 2**63 - 1
# Pieces in one step: some 10 ms of work, then the next transfer has its turn.
_PIECES_IN_A_ROW = 16
# Who moved so much since the last time, is waited for a moment.
_BRISK = 128 * 1024


class Want(enum.Enum):
    """What a step needs before the next one."""

    MORE = enum.auto()
    READ = enum.auto()
    WRITE = enum.auto()
    DONE = enum.auto()


class BrokenError(Exception):
    """The data connection broke; the text says how, for the 426."""


class Outgoing:
    """The sending end of a channel.

    Args:
        link: The connection.
        stream: Its TLS; ``None`` for clear data.
    """

    pieces_in_a_row: ClassVar[int] = _PIECES_IN_A_ROW

    def __init__(self, link: Link, stream: TLSStream | None) -> None:
        self.link = link
        self.stream = stream
        self._pending = memoryview(b"")
        # For one piece after the other: new memory each time costs more than the encryption.
        self._records = memoryview(b"")
        self._more = False

    def load(self, data: bytes | memoryview) -> None:
        """Take the next octets, which stay as they are until all of them are sent.

        Only when the ones before are.
        """
        self._load(data)

    def load_output(self) -> None:
        """Take what TLS itself has to say, such as its part of the handshake."""
        if self.stream is not None:
            self._pending = memoryview(self.stream.output())

    def load_tail(self) -> None:
        """Take what belongs to the octets before, and was not sent yet: here there is nothing."""

    def load_end(self) -> None:
        """Close TLS behind the last octets (RFC 4217 §12.6)."""
        if self.stream is not None:
            try:
                self.stream.close()
            except TLSError as error:
                raise BrokenError(f"TLS failed: {error}") from None
            self.load_output()

    def load_all(self, data: bytes) -> None:
        """Take all the octets that there are, and the end of TLS behind them: one send for all."""
        self._load(data, close=True)

    def _load(self, data: bytes | memoryview, *, close: bool = False) -> None:
        if self.stream is None:
            self._pending = memoryview(data)
            return
        try:
            self.stream.write(data)
            if close:
                self.stream.close()
        except TLSError as error:
            raise BrokenError(f"TLS failed: {error}") from None
        self._take_records(len(data))

    def _take_records(self, size: int) -> None:
        """Take what TLS made of so many octets, a piece at a time."""
        if self.stream is None:
            return
        room = room_for(min(size, _LARGE_PIECE))
        if len(self._records) < room:
            self._records = memoryview(bytearray(room))
        count = self.stream.output_into(self._records)
        self._more = count == len(self._records)
        self._pending = self._records[:count]

    def flush(self) -> bool:
        """Send; whether all of it is gone."""
        while self._pending:
            try:
                sent = self.link.send(self._pending)
            except BlockingIOError:
                return False
            except OSError as error:
                raise BrokenError(f"the connection broke: {error.strerror}") from None
            self._pending = self._pending[sent:]
            if self._more and not self._pending:
                self._take_records(_LARGE_PIECE)
        return True


class Pump:
    """A transfer's steps."""

    def __init__(
        self, progress: Progress, link: Link, pieces_in_a_row: int = _PIECES_IN_A_ROW
    ) -> None:
        self._progress = progress
        self._link = link
        self._pieces_in_a_row = pieces_in_a_row
        self._lingered_at = 0

    def step(self, threads: IThreads | None = None) -> Want:
        """Do a bounded amount of work.

        Args:
            threads: Whose thread this is, if it may wait a moment for a client that is fast.

        Raises:
            AbortedError: It was aborted.
            BrokenError: The connection broke.
            FTPError: What came is refused.
            OSError: The file could not be read or written.
        """
        for _ in range(self._pieces_in_a_row):
            self._progress.check()
            want = self._piece()
            if want is not Want.MORE and not self._lingers(want, threads):
                return want
        return Want.MORE

    def _lingers(self, want: Want, threads: IThreads | None) -> bool:
        """Wait for a moment, which costs less than to go by the reactor and come back.

        Never for a slow client, nor while another transfer waits for the thread.

        Returns:
            Whether it can go on.
        """
        if want is Want.DONE or threads is None or threads.crowded:
            return False
        octets = self._moved
        brisk = octets - self._lingered_at >= _BRISK
        self._lingered_at = octets
        return brisk and self._link.linger(to_write=want is Want.WRITE)

    @property
    def _moved(self) -> int:
        """Octets of the file that came or went so far."""
        return self._progress.octets

    def _piece(self) -> Want:
        raise NotImplementedError


class FileDownload(Pump):
    """From a descriptor to the channel: the octets from ``offset`` up to ``end``."""

    def __init__(
        self,
        progress: Progress,
        source: int,
        offset: int,
        end: int,
        outgoing: Outgoing,
    ) -> None:
        super().__init__(progress, outgoing.link, outgoing.pieces_in_a_row)
        self._source = source
        self._offset = offset
        self._end = end
        self._outgoing = outgoing
        self._buffer = memoryview(b"")
        self._most = _FIRST_PIECE
        self._waited = False

    def _piece(self) -> Want:
        if not self._outgoing.flush():
            self._waited = True
            return Want.WRITE
        if not self._waited:  # the larger, the cheaper; but a slow client does without
            self._most = min(2 * self._most, _LARGE_PIECE)
        self._waited = False
        position = self._offset + self._progress.octets
        room = min(self._most, self._end - position)
        if len(self._buffer) < room:
            self._buffer = memoryview(bytearray(room))
        count = os.preadv(self._source, [self._buffer[:room]], position) if room else 0
        if not count:
            return Want.DONE
        self._progress.octets += count
        self._outgoing.load(self._buffer[:count])
        return Want.MORE
